"""Survival without a law where failures are only known to lie between readouts (Turnbull)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import special

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate
from sensorbench.analysis.inputs import Flags, Floats
from sensorbench.analysis.life.lifetimes import Lifetimes

_ROUNDS = 5000
_DONE = 1e-9
_BISECTIONS = 40
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class ReadoutSurvival:
    """Survival at the times where it is determined, of one set of lives; arrays (T,).

    Between two of them it falls by an amount that is known, at times that are not.
    """

    time_h: Floats
    survival: Estimate


def turnbull(lives: Lifetimes | npt.ArrayLike, confidence: float = 0.95) -> ReadoutSurvival:
    """Estimate the survival of one set of lives, failed between times, exact or alive.

    Nonparametric maximum likelihood by self-consistency, with the likelihood-ratio interval of each
    time; without a failure survival is 1, with its lower bound. Raises AnalysisError for several
    sets. Meant for readouts: many exact lives are faster, and the same, by `kaplan_meier`.
    Sources: Turnbull, J. R. Stat. Soc. B 38 (1976); interval: Thomas and Grunkemeier, J. Am. Stat.
    Assoc. 70 (1975).

    >>> found = turnbull(Lifetimes.readouts([168, 500, 1000], [1, 0, 2], survivors=74))
    >>> found.survival.value.round(4)
    array([0.987, 0.987, 0.961])
    """
    level = inputs.share("confidence", confidence)
    lives = Lifetimes.of(lives)
    if lives.after_h.ndim != 1:
        raise AnalysisError(f"one set of lives at a time, got shape {lives.after_h.shape}")
    used = lives.units > 0
    after, before, units = (x[used] for x in (lives.after_h, lives.before_h, lives.units))
    if not units.size:
        raise AnalysisError("there are no lives")
    # Equal entries count once: readouts of a lot are few, whatever its size.
    pairs, place = np.unique(np.stack([after, before]), axis=1, return_inverse=True)
    units = np.bincount(place.reshape(-1), weights=units).astype(np.float64)
    after, before = pairs
    # Readouts at which no unit failed are times, too.
    edges = np.unique(np.concatenate([lives.after_h, lives.before_h]))
    times = edges[np.isfinite(edges) & (edges > 0)]
    open_left, open_right, _ = _support(after, before, np.array([]))
    inside = (open_left[:, None] < times) & (times < open_right[:, None])
    times = times[~inside.any(axis=0)]
    drop = float(special.chdtri(1, 1 - level)) / 2
    rows = [_at(after, before, units, time, drop) for time in times]
    value, low, high = (np.array(column) for column in zip(*rows, strict=True))
    return ReadoutSurvival(times, Estimate(value, low, high, level))


def _at(
    after: Floats, before: Floats, units: Floats, time: float, drop: float
) -> tuple[float, float, float]:
    """Return the survival at a time and where the likelihood has fallen by `drop`."""
    _, right, inside = _support(after, before, np.array([time]))
    early = right <= time
    top, mass = _climb(inside, units, early, None)
    best = float(mass[~early].sum())

    def miss(s: float) -> float:
        return _climb(inside, units, early, s)[0] - top + drop

    low = _root(miss, 0.0, best) if best > _DONE else 0.0
    high = _root(miss, 1.0, best) if best < 1 - _DONE else 1.0
    return best, low, high


def _root(miss: Callable[[float], float], outer: float, inner: float) -> float:
    """Return where `miss`, above 0 at `inner`, falls to 0 on the way to `outer`."""
    if miss(min(max(outer, 1e-12), 1 - 1e-12)) > 0:
        return outer
    for _ in range(_BISECTIONS):
        middle = (outer + inner) / 2
        outer, inner = (outer, middle) if miss(middle) > 0 else (middle, inner)
    return inner


def _support(after: Floats, before: Floats, cuts: Floats) -> tuple[Floats, Floats, Flags]:
    """Return the innermost intervals (left, right), and which lives (N, J) each may be part of.

    An end is a time and an order at it: an exact life begins just before its time, a life between
    (after, before] just after. The line is cut at `cuts` as well.
    """
    exact = after == before
    lefts = [(t, -1 if same else 1) for t, same in zip(after, exact, strict=True)]
    rights = [(t, 0) for t in before]
    ends = sorted({(*end, "left") for end in [*lefts, *((t, 1) for t in cuts)]}
                  | {(*end, "right") for end in [*rights, *((t, 0) for t in cuts)]})  # fmt: skip
    inner = [
        (one[:2], two[:2]) for one, two in pairwise(ends) if (one[2], two[2]) == ("left", "right")
    ]
    if cuts.size and inner[0][1][0] > cuts[0]:
        # Nothing failed before the cut: what must, may have at any time nobody was seen alive.
        inner.insert(0, ((float(cuts[0]), 0), (float(cuts[0]), 0)))
    inside = np.array([[a <= left and right <= b for left, right in inner]
                       for a, b in zip(lefts, rights, strict=True)])  # fmt: skip
    left, right = (np.array([each[k][0] for each in inner], np.float64) for k in (0, 1))
    return left, right, inside


def _climb(
    inside: Flags, units: Floats, early: Flags, survival: float | None
) -> tuple[float, Floats]:
    """Return log-likelihood and masses (J,) by self-consistency, the late ones adding to survival.

    With the sum of both groups held, the likelihood's maximum is the expected counts' own share.
    """
    mass = np.full(inside.shape[1], 1 / inside.shape[1])
    held = [] if survival is None else [(early, 1 - survival), (~early, survival)]
    for _ in range(_ROUNDS):
        for group, total in held:
            mass[group] *= total / max(mass[group].sum(), _TINY)
        chance = np.maximum(inside @ mass, _TINY)
        new = mass * (units / chance @ inside) / units.sum()
        for group, total in held:
            new[group] *= total / max(new[group].sum(), _TINY)
        moved = float(np.abs(new - mass).max())
        mass = new
        if moved < _DONE:
            break
    return float(units @ np.log(np.maximum(inside @ mass, _TINY))), mass
