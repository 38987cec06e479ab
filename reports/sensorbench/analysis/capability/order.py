"""Are units independent in the order given? Runs test and control chart, before any capability."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.estimates import Reasons, of_readings
from sensorbench.analysis.inputs import Flags, Floats

MEAN_RANGE = 1.128
"""Mean range of two normal values (d2 of ASTM E2587)."""
MOST_EXACT = 100
"""Above so many on a side the number of runs is taken as normal."""


@dataclass(frozen=True, slots=True)
class RunsTest:
    """Runs above and below the median of each parameter (...), and the chance of as few.

    A small `p_value` says that neighbours are alike: lots, drift, or a bench that wanders. `runs`
    of `above` and `below` units; those on the median are left out. NaN with its reason.
    """

    runs: Floats
    above: Floats
    below: Floats
    p_value: Floats
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class ControlChart:
    """Individuals chart of each parameter: `centre` and limits (...), and signals (..., units).

    `sigma` is the mean moving range / 1.128. The signals are four rules of Western Electric (1956):
    `beyond_3` a unit outside the limits, `two_of_three_beyond_2`, `four_of_five_beyond_1` and
    `eight_on_one_side`, each marked at the last unit of its pattern. 2000 chance readings show
    about 20; a parameter whose signals are more is not in control. NaN with its reason.
    """

    centre: Floats
    low: Floats
    high: Floats
    sigma: Floats
    beyond_3: Flags
    two_of_three_beyond_2: Flags
    four_of_five_beyond_1: Flags
    eight_on_one_side: Flags
    reasons: Reasons

    @property
    def signals(self) -> Flags:
        """Units (..., units) at which any rule speaks."""
        return np.asarray(
            self.beyond_3
            | self.two_of_three_beyond_2
            | self.four_of_five_beyond_1
            | self.eight_on_one_side
        )


def runs_test(values: npt.ArrayLike) -> RunsTest:
    """Test values (..., units), in the order of making or measuring, for too few runs.

    Exact up to 100 units on a side. At least 10 units. Source: Wald and Wolfowitz, Ann. Math. Stat.
    11 (1940).

    >>> round(float(runs_test([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).p_value), 4)  # two runs of five
    0.0079
    """
    data = inputs.readings("values", values, least=10, ndim=1)
    middle = np.median(data, axis=-1, keepdims=True)
    side = np.sign(data - middle)
    above, below = (np.asarray((side == sign).sum(axis=-1), np.float64) for sign in (1, -1))
    # A unit on the median belongs to the run it stands in.
    place = np.where(side != 0, np.arange(data.shape[-1]), 0)
    filled = np.take_along_axis(side, np.maximum.accumulate(place, axis=-1), axis=-1)
    turns = (filled[..., 1:] != filled[..., :-1]) & (filled[..., :-1] != 0)
    runs = np.asarray(turns.sum(axis=-1) + 1.0)
    reasons = of_readings(data)
    known = (reasons == "") & (np.minimum(above, below) > 0)
    chance = np.full(runs.shape, np.nan)
    for index in np.ndindex(runs.shape):
        if known[index]:
            chance[index] = _as_few(int(runs[index]), int(above[index]), int(below[index]))
    runs, above, below = (np.where(known, each, np.nan) for each in (runs, above, below))
    return RunsTest(runs, above, below, chance, reasons)


def successive_differences_p(values: npt.ArrayLike) -> Floats:
    """Return the chance (...) of successive differences as small, of values (..., units) in order.

    Sees lots and drift that runs about the median miss: five lots of 20 whose means scatter as the
    units do, 78 % against 55 % at the level 1 %. Normal law of the ratio; at least 10 units. NaN
    where not known. Source: von Neumann, Ann. Math. Stat. 12 (1941).
    """
    data = inputs.readings("values", values, least=10, ndim=1)
    units = data.shape[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        off = data - data.mean(axis=-1, keepdims=True)
        ratio = (np.diff(off, axis=-1) ** 2).sum(axis=-1) / (off**2).sum(axis=-1)
    z = (1 - ratio / 2) / np.sqrt((units - 2) / (units**2 - 1))
    return np.where(inputs.varied(data), special.ndtr(-z), np.nan)


def control_chart(values: npt.ArrayLike) -> ControlChart:
    """Return the individuals and moving range chart of values (..., units), in their order.

    Centre -/+ 2.66 mean moving ranges. At least 10 units; parameters that change by whole codes
    only may have a moving range of 0. Source: ISO 7870-2 (recalled); Western Electric (1956).
    """
    data = inputs.readings("values", values, least=10, ndim=1)
    centre = data.mean(axis=-1)
    sigma = np.abs(np.diff(data, axis=-1)).mean(axis=-1) / MEAN_RANGE
    reasons = of_readings(data)
    sigma = np.where(reasons == "", sigma, np.nan)
    centre = np.where(reasons == "", centre, np.nan)
    z = (data - centre[..., None]) / sigma[..., None]
    return ControlChart(
        centre,
        centre - 3 * sigma,
        centre + 3 * sigma,
        sigma,
        np.abs(z) > 3,
        _pattern(z, 2.0, 2, 3),
        _pattern(z, 1.0, 4, 5),
        _pattern(z, 0.0, 8, 8),
        reasons,
    )


def _pattern(z: Floats, beyond: float, count: int, window: int) -> Flags:
    """Mark units beyond, on one side, that end `count` such of `window`."""
    found = np.zeros(z.shape, dtype=bool)
    for sign in (1, -1):
        over = sign * z > beyond
        total = np.cumsum(over, axis=-1)
        before = np.zeros_like(total)
        before[..., window:] = total[..., :-window]
        found |= over & (total - before >= count)
    return found


@lru_cache(maxsize=65536)
def _as_few(runs: int, above: int, below: int) -> float:
    """Return the probability of at most so many runs."""
    total = above + below
    if min(above, below) > MOST_EXACT:
        mean = 2 * above * below / total + 1
        variance = (mean - 1) * (mean - 2) / (total - 1)
        return float(special.ndtr((runs + 0.5 - mean) / np.sqrt(variance)))
    all_ways = _log_ways(total, above)
    chance = 0.0
    for r in range(2, runs + 1):
        half = r // 2
        if r % 2 == 0:
            chance += 2 * np.exp(
                _log_ways(above - 1, half - 1) + _log_ways(below - 1, half - 1) - all_ways
            )
        else:
            for first, second in ((half + 1, half), (half, half + 1)):
                chance += np.exp(
                    _log_ways(above - 1, first - 1) + _log_ways(below - 1, second - 1) - all_ways
                )
    return float(min(chance, 1.0))


def _log_ways(of: int, take: int) -> float:
    if not 0 <= take <= of:
        return -np.inf
    return float(
        special.gammaln(of + 1) - special.gammaln(take + 1) - special.gammaln(of - take + 1)
    )
