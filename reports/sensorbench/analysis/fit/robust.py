"""The same polynomial where some readings are wrong: they are found, weighted down and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis.fit.calibration import Floats, PolynomialFit, Terms, fit_polynomial

_MAD_TO_SIGMA = 1.482602218505602  # 1 / the normal quantile of 3/4
_TUNING = {"huber": 1.345, "bisquare": 4.685}  # 95 % efficiency at the normal (Huber 1981)
_ITERATIONS = 30


@dataclass(frozen=True, slots=True)
class RobustFit:
    """`fit` with `weights` (D, N) at the end; `down_weighted` marks those below one half.

    The fit's covariance takes the weights as known and is a little too small for that.
    """

    fit: PolynomialFit
    weights: Floats
    down_weighted: npt.NDArray[np.bool_]


def fit_robustly(
    r: Floats,
    t: Floats,
    target: Floats,
    terms: Terms,
    loss: Literal["huber", "bisquare"] = "bisquare",
) -> RobustFit:
    """Fit as `fit_polynomial`, by iteratively reweighted least squares; all units at once.

    Scale is 1.4826 times the median absolute residual. `bisquare` starts from `huber`, as its
    result depends on where it starts. Source: Holland and Welsch, Commun. Stat. A6 (1977).
    """
    start = "huber" if loss == "bisquare" else None
    weights: Floats = np.ones(np.shape(r))
    for shape in filter(None, (start, loss)):
        weights = _reweighted(r, t, target, terms, weights, shape)
    fit = fit_polynomial(r, t, target, terms, weights)
    known = np.isfinite(fit.residuals)
    return RobustFit(fit, np.where(known, weights, np.nan), known & (weights < 0.5))


def _reweighted(
    r: Floats, t: Floats, target: Floats, terms: Terms, weights: Floats, loss: str
) -> Floats:
    for _ in range(_ITERATIONS):
        residuals = fit_polynomial(r, t, target, terms, weights).residuals
        known = np.isfinite(residuals)
        scale = _MAD_TO_SIGMA * np.nanmedian(
            np.where(known.any(axis=1, keepdims=True), np.abs(residuals), 0.0), axis=1
        )
        # An exact fit has no scale: nothing to weigh down.
        size = np.abs(residuals) / np.where(scale > 0, scale, np.inf)[:, None] / _TUNING[loss]
        size = np.where(known, size, 0.0)
        if loss == "huber":
            new = 1.0 / np.maximum(size, 1.0)
        else:
            # Never quite 0: a point that is out must be able to come back.
            new = np.maximum((1 - np.minimum(size, 1.0) ** 2) ** 2, 1e-9)
        if np.abs(new - weights).max() < 1e-6:
            return new
        weights = new
    return weights
