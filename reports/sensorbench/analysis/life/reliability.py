"""What a stress test with few or no failures shows: LTPD, sample size, FIT, reliability.

Binomial and Poisson bounds here are the exact ones of Clopper and Pearson and of Garwood: counts
being whole, their confidence is at least the stated one and often more. That is what AEC and JEDEC
tables use, and the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate
from sensorbench.analysis.inputs import Floats

Termination = Literal["time", "failure"]

HOURS_PER_FIT = 1e9
MOST_UNITS = 2**40


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Failure rate in FIT (failures in 1e9 device hours) at use conditions; arrays broadcast.

    `upper` is the one-sided bound that data sheets print, at `confidence`; `interval` the two-sided
    one at the same confidence, with the point estimate. `mttf_h` is 1e9 / upper.
    """

    upper: Floats
    interval: Estimate
    mttf_h: Floats
    device_hours: Floats
    confidence: float
    terminated: Termination


def fraction_bound(
    failures: npt.ArrayLike, units: npt.ArrayLike, confidence: float = 0.9
) -> Floats:
    """Return the one-sided upper bound of the fraction defective (LTPD), exact binomial.

    >>> fraction_bound([0, 0, 1], [77, 231, 231]).round(5)
    array([0.02946, 0.00992, 0.01673])
    """
    bad, total = _counts(failures, units)
    return _upper(bad, total, inputs.share("confidence", confidence))


def fraction_interval(
    failures: npt.ArrayLike, units: npt.ArrayLike, confidence: float = 0.95
) -> Estimate:
    """Return the fraction defective with its two-sided exact interval (Clopper and Pearson 1934).

    >>> found = fraction_interval(4, 20, confidence=0.9)  # NIST e-Handbook 7.2.4.1
    >>> round(float(found.low), 5), round(float(found.high), 5)
    (0.07135, 0.40103)
    """
    bad, total = _counts(failures, units)
    each = (1 + inputs.share("confidence", confidence)) / 2
    return Estimate(
        bad / total, 1 - _upper(total - bad, total, each), _upper(bad, total, each), confidence
    )


def sample_size(
    fraction: npt.ArrayLike, failures: npt.ArrayLike = 0, confidence: float = 0.9
) -> npt.NDArray[np.int64]:
    """Return the fewest units that show a fraction below `fraction` with so many failures allowed.

    Exact binomial; tables of MIL-PRF-38535 are by Poisson and up to 3 units larger.

    >>> sample_size(0.01, [0, 1, 2, 3])  # AEC takes 231 = 3 x 77 for the first
    array([230, 388, 531, 667])
    """
    goal, allowed = inputs.same_shape(
        "fraction and failures",
        inputs.known("fraction", fraction, 0.0, 1.0, open_ends=True),
        inputs.whole("failures", failures),
    )
    tail = 1 - inputs.share("confidence", confidence)
    enough = 2 ** np.ceil(np.log2(special.chdtri(2 * allowed + 2, tail) / goal + allowed + 2))
    if (enough > MOST_UNITS).any():
        raise AnalysisError("more than 1e12 units are needed: the fraction is too small")
    few = np.array(allowed)
    while (enough - few > 1).any():
        middle = np.floor((few + enough) / 2)
        shown = (
            special.bdtr(allowed, np.maximum(middle, allowed + 1).astype(np.int64), goal) <= tail
        )
        shown &= middle > allowed
        few, enough = np.where(shown, few, middle), np.where(shown, middle, enough)
    return np.asarray(enough.astype(np.int64))


def demonstrated_reliability(
    failures: npt.ArrayLike, units: npt.ArrayLike, confidence: float = 0.9
) -> Floats:
    """Return the reliability that a test shows with the confidence (success run with no failure).

    >>> demonstrated_reliability(0, [22, 45, 230]).round(4)  # R90, R95 and R99 at C90
    array([0.9006, 0.9501, 0.99  ])
    """
    return 1 - fraction_bound(failures, units, confidence)


def success_run_time_ratio(
    units: npt.ArrayLike, reliability: float, shape: npt.ArrayLike, confidence: float = 0.9
) -> Floats:
    """Return test time over life for a zero-failure test of units with a known Weibull shape.

    (ln(1 - confidence) / (n ln R))^(1 / beta) (recalled; Abernethy, The New Weibull Handbook).

    >>> success_run_time_ratio(231, reliability=0.99, shape=[1, 2, 3]).round(6)
    array([0.991798, 0.99589 , 0.997258])
    """
    total = inputs.whole("units", units, 1)
    beta = inputs.known("shape", shape, 0.0, open_ends=True)
    kept = np.log(inputs.share("reliability", reliability))
    missed = np.log(1 - inputs.share("confidence", confidence))
    with np.errstate(over="ignore"):
        ratio = np.asarray((missed / (total * kept)) ** (1 / beta))
    return inputs.within_reach("the ratio", ratio, "no wear has so small a Weibull shape")


def failure_rate(
    failures: npt.ArrayLike,
    device_hours: npt.ArrayLike,
    acceleration: npt.ArrayLike = 1.0,
    confidence: float = 0.6,
    terminated: Termination = "time",
) -> FailureRate:
    """Return the failure rate at use, in FIT, of a test with constant hazard.

    upper = chi2(confidence, 2 f + 2) / (2 T AF) 1e9; 2 f for a test stopped by its last failure,
    which needs one. `device_hours` are at stress, all units together. Source: JESD85 (recalled).

    >>> found = failure_rate(0, 231 * 1000, acceleration=77.6455)
    >>> round(float(found.upper), 2)
    51.09
    """
    confidence = inputs.share("confidence", confidence)
    inputs.one_of("terminated", terminated, Termination)
    bad, hours, factor = inputs.same_shape(
        "failures, device_hours and acceleration",
        inputs.whole("failures", failures, 0 if terminated == "time" else 1),
        inputs.known("device_hours", device_hours, 0.0, open_ends=True),
        inputs.known("acceleration", acceleration, 0.0, open_ends=True),
    )
    scale = HOURS_PER_FIT / (2 * hours * factor)
    extra = 2 if terminated == "time" else 0
    upper, high = (
        scale * special.chdtri(2 * bad + extra, tail)
        for tail in (1 - confidence, (1 - confidence) / 2)
    )
    low = scale * np.where(
        bad > 0, special.chdtri(np.maximum(2 * bad, 1), (1 + confidence) / 2), 0.0
    )
    interval = Estimate(2 * bad * scale, low, high, confidence)
    return FailureRate(upper, interval, HOURS_PER_FIT / upper, hours, confidence, terminated)


def _counts(failures: npt.ArrayLike, units: npt.ArrayLike) -> tuple[Floats, Floats]:
    bad, total = inputs.same_shape(
        "failures and units", inputs.whole("failures", failures), inputs.whole("units", units, 1)
    )
    if (bad > total).any():
        raise AnalysisError("more failures than units")
    return bad, total


def _upper(bad: Floats, total: Floats, confidence: float) -> Floats:
    found = special.betaincinv(bad + 1, np.maximum(total - bad, 1), confidence)
    return np.asarray(np.where(bad < total, found, 1.0))
