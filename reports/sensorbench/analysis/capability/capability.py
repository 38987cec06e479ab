"""Process capability: Cp, Cpk, Pp, Ppk with bounds, for many parameters at once.

Cp and Cpk use the spread within subgroups, Pp and Ppk that of all units: one lot of DUTs gives Ppk.
The bounds of Cpk come from the noncentral t law of the distance to the nearer limit, exact for one
limit or a mean clearly nearer to one. Simulated for n from 5 to 231 and Cpk from 0.67 to 2, the
two-sided 95 % interval holds 93.7 to 96.8 %, and the one-sided bound never less than its
confidence. Generalised (fiducial) limits of two-sided Cpk hold only 88 % at a centred mean and are
not offered; Bissell's formula is, because certificates quote it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.capability.order import runs_test, successive_differences_p
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate, Reasons, of_readings, reasons_of
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.noncentral import exceed, solve

SubgroupSpread = Literal["pooled", "range"]
Spread = Literal["overall"] | SubgroupSpread

D2 = (1.128, 1.693, 2.059, 2.326, 2.534, 2.704, 2.847, 2.970, 3.078)
D3 = (0.853, 0.888, 0.880, 0.864, 0.848, 0.833, 0.820, 0.808, 0.797)
"""Mean and standard deviation of the range of 2 to 10 normal values (ASTM E2587, table 1)."""
SUSPICIOUS = 0.05
LEAST_IN_ORDER = 10
MOST_FREEDOM = 1e9


@dataclass(frozen=True, slots=True)
class Capability:
    """Indices of each parameter; every array has the shape of the parameters.

    `cp` and `cpk` are Pp and Ppk when `spread` is "overall". `cp` is NaN with a single limit.
    `cpk_at_least` is the one-sided lower bound, the figure that proves a requirement. A parameter
    with an unknown reading or no spread is NaN throughout, with its reason.

    Intervals hold for independent units. `order_p` is the chance of units (`capability`: of group
    means) that differ so little from their neighbours, and `warnings` says where it is below 5 %:
    of five lots of 20 whose means scatter as their units do, "95 %" holds 60 %. Both are of the
    `readings`, which a summary has none of (None, and NaN).
    """

    cp: Estimate
    cpk: Estimate
    cpk_at_least: Floats
    mean: Floats
    sigma: Floats
    units: int
    dof: float
    spread: Spread
    confidence: float
    readings: Floats | None = field(repr=False)
    reasons: Reasons

    @property
    def order_p(self) -> Floats:
        """Chance of units so alike in order; see the class. Computed when asked for."""
        if self.readings is None:
            return np.full(np.shape(self.mean), np.nan)
        return _of_units(self.readings) if self.spread == "overall" else _of_groups(self.readings)

    @property
    def warnings(self) -> Reasons:
        """Return "" for each parameter, or why its interval is too narrow."""
        text = "units are alike in order (lots or drift): the interval is too narrow"
        return reasons_of((self.order_p < SUSPICIOUS, text))


def performance(
    values: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike, confidence: float = 0.95
) -> Capability:
    """Return Pp and Ppk of values (..., units) against limits (...); infinite for no limit.

    Units are in the order of making or measuring (lots one after the other): runs and successive
    differences warn of those that are not independent, from 10 units on.

    Raises AnalysisError for fewer than 3 units or limits that are not a window.
    Source: ISO 22514-2 (recalled); Montgomery, Introduction to Statistical Quality Control, 8.
    """
    data = inputs.readings("values", values, least=3, ndim=1)
    units = data.shape[-1]
    sigma = data.std(axis=-1, ddof=1)
    sigma = np.where(inputs.varied(data), sigma, np.nan)
    found = indices(data.mean(axis=-1), sigma, units, low, high, confidence, units - 1, "overall")
    return replace(found, readings=data.copy(), reasons=of_readings(data))


def capability(
    subgroups: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    confidence: float = 0.95,
    spread: SubgroupSpread = "pooled",
) -> Capability:
    """Return Cp and Cpk of subgroups (..., groups, units of a group) against limits (...).

    The spread within groups is pooled (exact degrees of freedom) or mean range / d2 (2 to 10 units
    a group; its degrees of freedom are those of equal relative variance). Raises AnalysisError for
    fewer than 2 units in a group or 3 in all.
    """
    inputs.one_of("spread", spread, SubgroupSpread)
    data = inputs.readings("subgroups", subgroups, least=2, ndim=2)
    groups, size = data.shape[-2:]
    units = groups * size
    if units < 3:
        raise AnalysisError(f"capability needs at least 3 units, got {units}")
    if spread == "pooled":
        sigma = np.sqrt(data.var(axis=-1, ddof=1).mean(axis=-1))
        dof = float(groups * (size - 1))
    else:
        if size > len(D2) + 1:
            raise AnalysisError(f"the range of {size} units wastes them: use spread='pooled'")
        d2, d3 = D2[size - 2], D3[size - 2]
        sigma = np.ptp(data, axis=-1).mean(axis=-1) / d2
        dof = (d2 / d3) ** 2 * groups / 2
    mean = data.mean(axis=(-2, -1))
    found = indices(mean, sigma, units, low, high, confidence, dof, spread)
    return replace(found, readings=data.copy(), reasons=of_readings(data, (-2, -1)))


def indices(
    mean: npt.ArrayLike,
    sigma: npt.ArrayLike,
    units: int,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    confidence: float = 0.95,
    dof: float | None = None,
    spread: Spread = "overall",
) -> Capability:
    """Return the indices from a mean and sigma that are known already (dof: units - 1 if None).

    >>> found = indices(16.0, 2.0, units=20, low=8.0, high=20.0)  # NIST e-Handbook 6.1.6
    >>> float(found.cp.value), round(float(found.cpk.value), 4)
    (1.0, 0.6667)
    """
    confidence = inputs.share("confidence", confidence)
    inputs.one_of("spread", spread, ("overall", "pooled", "range"))
    freedom = _freedom(units, dof)
    mean, sigma, floor, ceiling = inputs.same_shape(
        "mean, sigma and limits",
        *(inputs.array(name, each) for name, each in (("mean", mean), ("sigma", sigma))),
        *(inputs.limits(name, each) for name, each in (("low", low), ("high", high))),
    )
    if np.isnan(floor).any() or np.isnan(ceiling).any() or (floor >= ceiling).any():
        raise AnalysisError("each low limit must be below its high limit, and known")
    if (np.isinf(floor) & np.isinf(ceiling)).any():
        raise AnalysisError("a parameter without any limit has no capability")
    with np.errstate(invalid="ignore"):
        real = np.isfinite(mean) & (sigma > inputs.FLAT * np.abs(mean))
    sigma = np.where(real, sigma, np.nan)
    both = np.isfinite(floor) & np.isfinite(ceiling)
    cp = np.where(both, (ceiling - floor) / (6 * sigma), np.nan)
    with np.errstate(invalid="ignore"):
        cpk = np.minimum(ceiling - mean, mean - floor) / (3 * sigma)
    alpha = 1 - confidence
    return Capability(
        cp_interval(cp, freedom, confidence),
        cpk_interval(cpk, units, confidence, freedom),
        _cpk_bound(cpk, units, freedom, alpha),
        np.array(mean),
        np.array(np.where(real, sigma, np.nan)),
        units,
        freedom,
        spread,
        confidence,
        None,
        reasons_of((~real, "mean or sigma is not known, or sigma is 0")),
    )


def cp_interval(cp: npt.ArrayLike, dof: float, confidence: float = 0.95) -> Estimate:
    """Return Cp with its exact chi-squared interval (Montgomery 8.3.4).

    >>> found = cp_interval(2.29, dof=19)  # Montgomery: 1.57 to 3.01
    >>> round(float(found.low), 2), round(float(found.high), 2)
    (1.57, 3.01)
    """
    confidence = inputs.share("confidence", confidence)
    value = inputs.measured("cp", inputs.array("cp", cp))
    dof = inputs.number("dof", dof, 0.0, MOST_FREEDOM, open_ends=True)
    tail = (1 - confidence) / 2
    low = value * sqrt(float(special.chdtri(dof, 1 - tail)) / dof)
    high = value * sqrt(float(special.chdtri(dof, tail)) / dof)
    return Estimate(value, low, high, confidence)


def cpk_interval(
    cpk: npt.ArrayLike, units: int, confidence: float = 0.95, dof: float | None = None
) -> Estimate:
    """Return Cpk with the interval of the noncentral t law (Nagata and Nagahata 1994, recalled)."""
    confidence = inputs.share("confidence", confidence)
    value = inputs.array("cpk", cpk)
    freedom = _freedom(units, dof)
    tail = (1 - confidence) / 2
    low, high = (_cpk_bound(value, units, freedom, p) for p in (tail, 1 - tail))
    return Estimate(value, low, high, confidence)


def cpk_interval_bissell(
    cpk: npt.ArrayLike, units: int, confidence: float = 0.95, dof: float | None = None
) -> Estimate:
    """Return Cpk with Bissell's normal approximation (1990), to compare with other software.

    Holds 94.4 to 96.9 % in our simulations; below 10 units it is wider than needed.

    >>> found = cpk_interval_bissell(1.33, units=20)  # Montgomery: 0.88 to 1.78
    >>> round(float(found.low), 2), round(float(found.high), 2)
    (0.88, 1.78)
    """
    confidence = inputs.share("confidence", confidence)
    value = inputs.array("cpk", cpk)
    freedom = _freedom(units, dof)
    half = special.ndtri((1 + confidence) / 2) * np.sqrt(1 / (9 * units) + value**2 / (2 * freedom))
    return Estimate(value, value - half, value + half, confidence)


def required_cpk(
    target: npt.ArrayLike, units: int, confidence: float = 0.95, dof: float | None = None
) -> Floats:
    """Return the Cpk that must be observed to prove `target` with one-sided confidence.

    >>> round(float(required_cpk(1.67, units=30)), 3)
    2.151
    """
    wanted = inputs.known("target", target)
    freedom = _freedom(units, dof)
    alpha = 1 - inputs.share("confidence", confidence)
    start = wanted + special.ndtri(1 - alpha) * _standard_error(wanted, units, freedom)
    return solve(lambda x: exceed(wanted, x, units, freedom), start, alpha)


def ppm_outside(cpk: npt.ArrayLike, shift_sigma: float = 0.0) -> Floats:
    """Return parts per million outside two limits of a process centred but for a shift.

    `cpk` is the index before the shift. Source: AEC-Q003 Rev A, tables 1 and 2; its shifted column
    counts only the nearer limit (66 807 below).

    >>> float(ppm_outside(1.0).round()), float(ppm_outside(1.0, shift_sigma=1.5).round())
    (2700.0, 66811.0)
    """
    half = 3 * inputs.known("cpk", cpk)
    shift_sigma = inputs.number("shift_sigma", shift_sigma)
    return np.asarray(1e6 * (special.ndtr(-half - shift_sigma) + special.ndtr(-half + shift_sigma)))


def _of_units(data: Floats) -> Floats:
    """Return the chance (...) of units (..., units) whose neighbours are so alike."""
    if data.shape[-1] < LEAST_IN_ORDER:
        return np.full(data.shape[:-1], np.nan)
    least = np.minimum(runs_test(data).p_value, successive_differences_p(data))
    return np.asarray(np.minimum(2 * least, 1.0))  # two tests (Bonferroni)


def _of_groups(data: Floats) -> Floats:
    """Return the chance (...) of groups (..., groups, units) whose means are so far apart."""
    groups, size = data.shape[-2:]
    if groups < 2:
        return np.full(data.shape[:-2], np.nan)
    within = data.var(axis=-1, ddof=1).mean(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = size * data.mean(axis=-1).var(axis=-1, ddof=1) / within
    return np.asarray(special.fdtrc(groups - 1, groups * (size - 1), between))


def _freedom(units: int, dof: float | None) -> float:
    number = inputs.count("units", units)
    if number < 3:
        raise AnalysisError(f"units: an interval needs at least 3, got {number}")
    return float(number - 1) if dof is None else inputs.number("dof", dof, 1.0, MOST_FREEDOM)


def _standard_error(cpk: Floats, units: int, dof: float) -> Floats:
    return np.asarray(np.sqrt(1 / (9 * units) + cpk**2 / (2 * dof)))


def _cpk_bound(cpk: Floats, units: int, dof: float, tail: float) -> Floats:
    """Return the true Cpk at which one as high as observed has probability `tail`."""
    start = cpk + special.ndtri(tail) * _standard_error(cpk, units, dof)
    return solve(lambda true: exceed(true, cpk, units, dof), start, tail)
