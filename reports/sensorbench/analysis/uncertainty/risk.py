"""Probability of a false decision: of one value (specific) and of a whole process (global).

Source: JCGM 106:2012, clauses 7 and 9. Normal distributions throughout, as there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.uncertainty.decisions import check_limits

_NODES = 64
_REACH = 9.0
"""Standard deviations beyond which a normal process has nothing left that counts."""


@dataclass(frozen=True, slots=True)
class GlobalRisk:
    """Parts of all DUTs (...): passed though bad, failed though good, and truly within limits."""

    false_acceptance: Floats
    false_rejection: Floats
    conforming: Floats


def conformance_probability(
    value: npt.ArrayLike, u: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike
) -> Floats:
    """Return the probability (...) that the true value is within the limits; JCGM 106, 7.3, 7.4.

    Phi((TU - y)/u) - Phi((TL - y)/u): the measurement is all that is known. The risk of passing
    this value is 1 less that, the risk of failing it is that. NaN where value or u is not known
    or u not above 0. Raises AnalysisError for limits that are not known or in the wrong order.

    >>> [round(1 - float(conformance_probability(y, 1.0, -np.inf, 10.0)), 3) for y in (10, 8.36)]
    [0.5, 0.051]
    """
    from scipy.special import ndtr  # noqa: PLC0415 - heavy

    y, spread, lower, upper = inputs.same_shape(
        "value, u and limits",
        inputs.array("value", value),
        inputs.array("u", u),
        inputs.limits("low", low),
        inputs.limits("high", high),
    )
    check_limits(lower, upper)
    known = np.isfinite(y) & np.isfinite(spread) & (spread > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        above, below = (upper - y) / spread, (lower - y) / spread
    # From the side whose tail is short, or the difference would lose its digits.
    mirrored = below > 0
    first, second = np.where(mirrored, -below, above), np.where(mirrored, -above, below)
    inside = np.asarray(ndtr(first) - ndtr(second), np.float64)
    return np.where(known, inside, np.nan)


def global_risk(
    process_mean: npt.ArrayLike,
    process_sd: npt.ArrayLike,
    u: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    guard_band: npt.ArrayLike = 0.0,
) -> GlobalRisk:
    """Return consumer's and producer's risk of testing a normal process; JCGM 106, 9.5.

    DUTs are N(mean, sd^2), readings N(true, u^2), accepted from low + w to high - w; all broadcast.
    NaN where sd, u or w is not known, sd or u not above 0, or the acceptance zone empty.

    Published (Deaver 1993): limits +/- 2 sd and u = sd/4: 0.8 % false passes, 1.5 % false fails.

    >>> found = global_risk(0.0, 1.0, 0.25, -2.0, 2.0)
    >>> round(float(found.false_acceptance), 3), round(float(found.false_rejection), 3)
    (0.008, 0.015)
    """
    mean, sd, spread, lower, upper, w = inputs.same_shape(
        "process, u, limits and guard band",
        inputs.array("process_mean", process_mean),
        inputs.array("process_sd", process_sd),
        inputs.array("u", u),
        inputs.limits("low", low),
        inputs.limits("high", high),
        inputs.array("guard_band", guard_band),
    )
    check_limits(lower, upper)
    known = np.isfinite(mean + sd + spread + w) & (sd > 0) & (spread > 0)
    known &= lower + w <= upper - w
    sd, spread = np.where(known, sd, 1.0), np.where(known, spread, 1.0)
    mean, w = np.where(known, mean, 0.0), np.where(known, w, 0.0)
    t_low, t_high = (lower - mean) / sd, (upper - mean) / sd
    accept = (lower + w - mean) / sd, (upper - w - mean) / sd
    ratio = spread / sd
    bad_low = _accepted_between(np.full_like(sd, -_REACH), t_low, *accept, ratio)
    bad_high = _accepted_between(t_high, np.full_like(sd, _REACH), *accept, ratio)
    good = _accepted_between(t_low, t_high, *accept, ratio)
    conforming = conformance_probability(mean, sd, lower, upper)
    return GlobalRisk(
        np.where(known, bad_low + bad_high, np.nan),
        np.where(known, np.maximum(conforming - good, 0.0), np.nan),
        np.where(known, conforming, np.nan),
    )


def _accepted_between(
    start: Floats, stop: Floats, accept_low: Floats, accept_high: Floats, ratio: Floats
) -> Floats:
    """Return the part of a standard normal process from start to stop that is accepted.

    Gauss and Legendre's rule over pieces that end where the acceptance probability turns.
    """
    from scipy.special import ndtr  # noqa: PLC0415 - heavy

    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    turns = [accept_low, accept_high]
    edges = [start, stop]
    edges += [turn + step * ratio for turn in turns for step in (-6.0, -2.0, 0.0, 2.0, 6.0)]
    low, high = np.clip(start, -_REACH, _REACH), np.clip(stop, -_REACH, _REACH)
    cuts = np.sort(np.stack([np.clip(edge, low, high) for edge in edges], axis=-1), axis=-1)
    half = np.diff(cuts)[..., None] / 2
    t = cuts[..., :-1, None] + half * (1 + nodes)
    density = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
    scale = ratio[..., None, None]
    accepted = ndtr((accept_high[..., None, None] - t) / scale) - ndtr(
        (accept_low[..., None, None] - t) / scale
    )
    return np.asarray(np.sum(half * weights * density * accepted, axis=(-2, -1)), np.float64)
