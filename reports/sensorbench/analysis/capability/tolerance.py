"""Tolerance intervals: between which values lies a share of the population, with confidence.

Not a confidence interval of the mean, nor a prediction of one reading: limits for a data sheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.capability.capability import required_cpk
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Reasons, of_readings
from sensorbench.analysis.inputs import Floats

Side = Literal["both", "low", "high"]
ToleranceLaw = Literal["normal", "any"]

_NODES = 80
_REACH = 8.3
_BISECTIONS = 80


@dataclass(frozen=True, slots=True)
class ToleranceInterval:
    """Limits (...) between which `share` of the population lies with `confidence`.

    Infinite on a side not asked for; NaN with its reason. `factor` is k of mean -/+ k s for the
    normal law. For any law `confidence` is what the readings' order shows, at least that asked.
    """

    low: Floats
    high: Floats
    share: float
    confidence: float
    factor: float
    law: ToleranceLaw
    reasons: Reasons


def tolerance_interval(
    values: npt.ArrayLike,
    share: float = 0.95,
    confidence: float = 0.95,
    side: Side = "both",
    law: ToleranceLaw = "normal",
) -> ToleranceInterval:
    """Return the interval of values (..., units), normal or of any continuous law.

    Normal: mean -/+ k s, k exact (see `tolerance_factor`). Any law: the smallest and largest
    readings that hold, as many on both sides as may be left out; too few readings (93 for 95 % of
    95 %, 59 on one side) are refused. Sources: ISO 16269-6 (recalled); Wilks, Ann. Math. Stat. 12
    (1941).
    """
    part, level = inputs.share("share", share), inputs.share("confidence", confidence)
    inputs.one_of("side", side, Side)
    inputs.one_of("law", law, ToleranceLaw)
    data = inputs.readings("values", values, least=3, ndim=1)
    reasons = of_readings(data)
    units = data.shape[-1]
    if law == "any":
        out, level = _left_out(units, part, level, side)
        ordered = np.sort(data, axis=-1)
        low, high = (out if side != "high" else 0), (out if side != "low" else 0)
        bottom, top, factor = ordered[..., low], ordered[..., units - 1 - high], np.nan
    else:
        factor = tolerance_factor(units, part, level, side)
        mean, sigma = data.mean(axis=-1), data.std(axis=-1, ddof=1)
        bottom, top = mean - factor * sigma, mean + factor * sigma
    known = reasons == ""
    bottom = np.where(known, bottom if side != "high" else -np.inf, np.nan)
    top = np.where(known, top if side != "low" else np.inf, np.nan)
    return ToleranceInterval(bottom, top, part, level, factor, law, reasons)


def tolerance_factor(
    units: int, share: float = 0.95, confidence: float = 0.95, side: Side = "both"
) -> float:
    """Return k of mean -/+ k s of a normal sample: exact, two-sided by quadrature over the mean.

    >>> round(tolerance_factor(10, 0.95, 0.95), 3), round(tolerance_factor(10, side="high"), 3)
    (3.393, 2.911)
    """
    count = inputs.count("units", units, 3)
    part, level = inputs.share("share", share), inputs.share("confidence", confidence)
    inputs.one_of("side", side, Side)
    if side != "both":
        # A Cpk that is shown and a share inside one limit are the same question.
        return 3 * float(required_cpk(float(special.ndtri(part)) / 3, count, level))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    z = _REACH / 2 * (nodes + 1)
    density = 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * weights * _REACH / 2
    needed = _half_width(z / np.sqrt(count), part)
    low, high = np.array(1e-3), np.array(1e6)
    for _ in range(_BISECTIONS):
        k = np.sqrt(low * high)
        held = special.chdtrc(count - 1, (count - 1) * (needed / k) ** 2) @ density
        low, high = (k, high) if held < level else (low, k)
    return float(k)


def _half_width(offset: Floats, share: float) -> Floats:
    """Return r with Phi(offset + r) - Phi(offset - r) = share."""
    low, high = np.zeros_like(offset), np.full_like(offset, 50.0)
    for _ in range(_BISECTIONS):
        r = (low + high) / 2
        short = special.ndtr(offset + r) - special.ndtr(offset - r) < share
        low, high = np.where(short, r, low), np.where(short, high, r)
    return (low + high) / 2


def _left_out(units: int, share: float, confidence: float, side: Side) -> tuple[int, float]:
    """Return how many readings may be left out on each side, and the confidence that then holds."""
    sides = 2 if side == "both" else 1
    found = -1, 0.0
    for out in range(units // sides):
        beyond = sides * (out + 1)
        held = float(special.bdtrc(beyond - 1, units, 1 - share))
        if held < confidence:
            break
        found = out, held
    if found[0] < 0:
        raise AnalysisError(
            f"{units} readings can't show {share:g} of any law at {confidence:g}: take more, or "
            'say law="normal" if the parameter is'
        )
    return found
