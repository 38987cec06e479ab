"""Does the model describe the points? Against repeats at the same points, or stated uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons
from sensorbench.analysis.fit.polynomial import PolynomialFit
from sensorbench.analysis.inputs import Floats


@dataclass(frozen=True, slots=True)
class LackOfFit:
    """F of what the model misses over what repeats scatter, of each unit (D,); NaN with a reason.

    A small `p` says that the model is too simple, or that repeats were not true repeats. `lack` and
    `pure` (D,) are the two standard deviations, with `lack_freedom` and `pure_freedom`.
    """

    f: Floats
    p: Floats
    lack: Floats
    pure: Floats
    lack_freedom: npt.NDArray[np.int64]
    pure_freedom: npt.NDArray[np.int64]
    reasons: Reasons


def lack_of_fit(fit: PolynomialFit, r: npt.ArrayLike, t: npt.ArrayLike | None = None) -> LackOfFit:
    """Test a fit of unweighted points against its repeats: points of equal r and t (all of them).

    `r` and `t` are those that were fitted. Raw readings rarely repeat to the last count: round them
    to the set points first. For points with stated uncertainties see `fit.chi_squared_p`. Raises
    AnalysisError for other shapes or a weighted fit.
    Source: Draper and Smith, Applied Regression Analysis, 2.1.
    """
    from scipy.special import fdtrc  # noqa: PLC0415 - scipy is heavy

    fit = ours.own("fit", fit, PolynomialFit, "fit_curve or fit_polynomial")
    if fit.weighting != "equal":
        raise AnalysisError("the points were weighted: see chi_squared_p of absolute uncertainties")
    first = inputs.array("r", r)
    second = np.zeros(1) if t is None else inputs.array("t", t)
    first, second, residuals = inputs.same_shape("points and fit", first, second, fit.residuals)
    if residuals.shape != fit.residuals.shape:
        raise AnalysisError(f"points {residuals.shape} are not those fitted, {fit.residuals.shape}")
    units = len(residuals)
    sums, freedom = np.full((units, 2), np.nan), np.zeros((units, 2), dtype=np.int64)
    reasons = fit.reasons.astype("U80")
    for unit in range(units):
        used = np.isfinite(residuals[unit])
        if not used.any():
            continue
        points = np.stack([first[unit, used], second[unit, used]])
        _, place = np.unique(points, axis=1, return_inverse=True)
        place = place.reshape(-1)
        count = np.bincount(place)
        own = residuals[unit, used]
        apart = own - (np.bincount(place, own) / count)[place]
        pure, total = float(apart @ apart), float(own @ own)
        freedom[unit] = len(count) - len(fit.terms), len(own) - len(count)
        sums[unit] = max(total - pure, 0.0), pure
        if freedom[unit].min() < 1 and not reasons[unit]:
            reasons[unit] = "there are no repeats" if freedom[unit, 1] < 1 else "no points to spare"
        elif pure == 0 and not reasons[unit]:
            reasons[unit] = "all repeats are equal: their scatter is not known"
    sums[reasons != ""] = np.nan
    squares = sums / np.maximum(freedom, 1)
    f = np.asarray(squares[:, 0] / squares[:, 1], np.float64)
    p = fdtrc(np.maximum(freedom[:, 0], 1), np.maximum(freedom[:, 1], 1), f).astype(np.float64)
    lack, pure_sigma = np.asarray(np.sqrt(squares), np.float64).T
    return LackOfFit(f, p, lack, pure_sigma, freedom[:, 0], freedom[:, 1], reasons)
