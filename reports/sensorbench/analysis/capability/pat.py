"""Part average testing and yield limits: AEC-Q001 Rev D and AEC-Q002 Rev B1.

Q001 takes the robust sigma from the quartiles but does not define them, and the common rules differ
by 6 % of sigma on 54 parts: the rule used is named in every result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons, reasons_of
from sensorbench.analysis.inputs import Floats

QuartileRule = Literal["linear", "weibull", "hazen"]
"""numpy's names: linear is type 7 (Excel QUARTILE.INC), weibull type 6 (Minitab), hazen type 5."""

QUARTILES_PER_SIGMA = 1.35
WIDTH_SIGMAS = 6.0
LEAST_UNITS = 20
"""Below this the divisor 1.35 is not right (AEC-Q001)."""
LEAST_LOTS = 6
LEAST_PER_LOT = 30


@dataclass(frozen=True, slots=True)
class PatLimits:
    """Limits of each parameter, never outside the specification; both ends included.

    NaN where a parameter has no limits: its quartiles coincide and no least sigma was declared.
    """

    low: Floats
    high: Floats
    robust_mean: Floats
    robust_sigma: Floats
    units: Floats
    quartile_rule: QuartileRule
    reasons: Reasons

    def outside(self, values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which of values (..., units) are not inside: unknown counts as outside."""
        data = inputs.readings("values", values, ndim=1)
        return ~((data >= self.low[..., None]) & (data <= self.high[..., None]))


@dataclass(frozen=True, slots=True)
class YieldLimits:
    """Limits of a fraction per lot: beyond `first` review it, beyond `second` it may be held.

    NaN with its reason where all lots are alike: nothing is known of their spread.
    """

    mean: float
    sigma: float
    first: float
    second: float
    lots: int
    reason: str


def static_pat(
    lots: Sequence[npt.ArrayLike],
    spec_low: npt.ArrayLike,
    spec_high: npt.ArrayLike,
    least_sigma: npt.ArrayLike = 0.0,
    quartile_rule: QuartileRule = "linear",
) -> PatLimits:
    """Return static limits from passing parts of at least 6 lots, (..., units of a lot) each.

    Units that are NaN or outside the specification are left out, as Q001 wants passing parts only;
    at least 30 a lot must remain. Raises AnalysisError else.
    Source: AEC-Q001 Rev D, 3.1 (static limits).
    """
    if len(lots) < LEAST_LOTS:
        raise AnalysisError(f"static PAT needs at least {LEAST_LOTS} lots, got {len(lots)}")
    data = [inputs.readings("lots", lot, ndim=1) for lot in lots]
    for place, lot in enumerate(data):
        passing = _passing(lot, spec_low, spec_high)
        fewest = int(np.isfinite(passing).sum(axis=-1).min())
        if fewest < LEAST_PER_LOT:
            raise AnalysisError(
                f"static PAT needs {LEAST_PER_LOT} passing parts a lot, lot {place + 1} "
                f"has {fewest}"
            )
    if len({lot.shape[:-1] for lot in data}) > 1:
        raise AnalysisError(f"lots must have the same parameters: {[lot.shape for lot in data]}")
    together = np.concatenate(data, axis=-1)
    return dynamic_pat(together, spec_low, spec_high, least_sigma, quartile_rule)


def dynamic_pat(
    values: npt.ArrayLike,
    spec_low: npt.ArrayLike,
    spec_high: npt.ArrayLike,
    least_sigma: npt.ArrayLike = 0.0,
    quartile_rule: QuartileRule = "linear",
) -> PatLimits:
    """Return limits of the current lot: median +/- 6 (Q3 - Q1) / 1.35, within the specification.

    `values` is (..., units); the limits have the shape of the parameters and are infinite for no
    limit. Units that are NaN or outside the specification are left out. `least_sigma` is the
    floor of the robust sigma, for outputs with few codes (an LSB / sqrt(12) at least): where half
    of the readings are equal there is no robust spread, the median absolute deviation is 0 too.
    Raises AnalysisError below 20 passing parts. Source: AEC-Q001 Rev D, 3.1.
    """
    inputs.one_of("quartile_rule", quartile_rule, QuartileRule)
    passing = _passing(inputs.readings("values", values, ndim=1), spec_low, spec_high)
    units = np.isfinite(passing).sum(axis=-1)
    if (units < LEAST_UNITS).any():
        raise AnalysisError(f"PAT needs {LEAST_UNITS} passing parts, one has {int(units.min())}")
    q1, median, q3 = np.nanquantile(passing, (0.25, 0.5, 0.75), axis=-1, method=quartile_rule)
    sigma = np.maximum(
        (q3 - q1) / QUARTILES_PER_SIGMA, inputs.known("least_sigma", least_sigma, 0.0)
    )
    sigma = np.where(sigma > 0, sigma, np.nan)
    low = np.maximum(median - WIDTH_SIGMAS * sigma, inputs.limits("spec_low", spec_low))
    high = np.minimum(median + WIDTH_SIGMAS * sigma, inputs.limits("spec_high", spec_high))
    reasons = reasons_of(
        (np.isnan(sigma), "the quartiles coincide and no least_sigma is declared"),
    )
    return PatLimits(low, high, median, sigma, units.astype(float), quartile_rule, reasons)


def statistical_yield_limits(lot_yields: npt.ArrayLike) -> YieldLimits:
    """Return SYL1 = mean - 3 s and SYL2 = mean - 4 s of yields from 0 to 1, one a lot.

    At least 6 lots. The standard deviation is that of the lots; yields bunched at 1 are not normal,
    for which Q002 asks to transform first. Source: AEC-Q002 Rev B1, 2.1.
    """
    return _yield_limits("lot_yields", lot_yields, -1)


def statistical_bin_limits(lot_bin_fractions: npt.ArrayLike) -> YieldLimits:
    """Return SBL1 = mean + 3 s and SBL2 = mean + 4 s of one failing bin's share, one a lot.

    >>> found = statistical_bin_limits([0.010, 0.012, 0.008, 0.011, 0.009, 0.010])
    >>> round(found.first, 5), round(found.second, 5)
    (0.01424, 0.01566)
    """
    return _yield_limits("lot_bin_fractions", lot_bin_fractions, 1)


def _passing(data: Floats, spec_low: npt.ArrayLike, spec_high: npt.ArrayLike) -> Floats:
    low, high = inputs.limits("spec_low", spec_low), inputs.limits("spec_high", spec_high)
    if not (low < high).all():
        raise AnalysisError("each spec_low must be below its spec_high, and known")
    try:
        inside = (data >= low[..., None]) & (data <= high[..., None])
    except ValueError:
        raise AnalysisError(
            f"limits {low.shape}, {high.shape} don't fit parameters {data.shape[:-1]}"
        ) from None
    return np.where(inside, data, np.nan)


def _yield_limits(name: str, fractions: npt.ArrayLike, sign: int) -> YieldLimits:
    data = inputs.known(name, fractions, 0.0, 1.0)
    if data.ndim != 1 or data.size < LEAST_LOTS:
        raise AnalysisError(f"{name} needs at least {LEAST_LOTS} lots, got shape {data.shape}")
    mean, sigma = float(data.mean()), float(data.std(ddof=1))
    alike = not inputs.varied(data)
    if alike:
        sigma = float("nan")
    return YieldLimits(
        mean,
        sigma,
        mean + sign * 3 * sigma,
        mean + sign * 4 * sigma,
        data.size,
        "all lots are alike: their spread is not known" if alike else "",
    )
