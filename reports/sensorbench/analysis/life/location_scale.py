"""Likelihood of censored log-lifetimes: one concave climb for Weibull and lognormal, in batches.

With y = ln t both families are z = gamma + phi y with a fixed law of z (smallest extreme value or
normal) and phi = 1 / sigma. Every kind of observation is then concave in (gamma, phi), so that a
Newton climb with step halving finds the one maximum; profiles hold one of the two still.
Source: Meeker and Escobar, Statistical Methods for Reliability Data, chapters 7 and 8; concavity:
Burridge 1981, Pratt 1981.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Profile = Callable[[Floats, Rows], Floats]
Free = Literal["both", "gamma", "phi"]

CLIMB_STEPS = 60
HALVINGS = 30
DOUBLINGS = 12
ILLINOIS_STEPS = 60
ROOT_DONE = 1e-6
GAIN_DONE = 1e-11
"""A predicted gain of log-likelihood below which a climb has arrived (a bound needs 1e-6)."""
SINGULAR = 1e-12


class Family(Enum):
    """The law of ln t: smallest extreme value (Weibull lives) or normal (lognormal lives)."""

    WEIBULL = "weibull"
    LOGNORMAL = "lognormal"

    def quantile(self, fraction: Floats | float) -> Floats:
        """Return z at which the given fraction has failed."""
        if self is Family.WEIBULL:
            return np.asarray(np.log(-np.log1p(-np.asarray(fraction, dtype=float))))
        return np.asarray(special.ndtri(fraction), dtype=float)

    def failed(self, z: Floats) -> Floats:
        """Return the fraction failed at z."""
        if self is Family.WEIBULL:
            return np.asarray(-np.expm1(-np.exp(z)), dtype=float)
        return np.asarray(special.ndtr(z), dtype=float)

    def log_density(self, z: Floats) -> Floats:
        """Return the log of the density at z; minus infinity at infinite z."""
        with np.errstate(invalid="ignore", over="ignore"):
            if self is Family.WEIBULL:
                value = z - np.exp(z)
            else:
                value = -0.5 * z * z - 0.5 * np.log(2 * np.pi)
        return np.where(np.isfinite(z), value, -np.inf)

    def slope(self, z: Floats) -> Floats:
        """Return d log density / dz; 0 at infinite z, where the density has vanished."""
        with np.errstate(over="ignore"):
            value = 1 - np.exp(z) if self is Family.WEIBULL else -z
        return np.where(np.isfinite(value), value, 0.0)

    def bend(self, z: Floats) -> Floats:
        """Return d2 log density / dz2."""
        return -np.exp(z) if self is Family.WEIBULL else np.full_like(z, -1.0)

    def log_between(self, low: Floats, high: Floats) -> Floats:
        """Return the log of the probability of low < z < high, accurate in both tails.

        0 where the two are equal: an exact life asks for its density.
        """
        value = np.zeros_like(low)
        apart = low < high
        low, high = low[apart], high[apart]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self is Family.WEIBULL:
                hazard = np.exp(low)
                value[apart] = -hazard + np.log(-np.expm1(hazard - np.exp(high)))
            else:
                flip = low > 0
                low, high = np.where(flip, -high, low), np.where(flip, -low, high)
                top = special.log_ndtr(high)
                value[apart] = top + np.log(-np.expm1(special.log_ndtr(low) - top))
        return value


@dataclass(frozen=True, slots=True)
class Sample:
    """Log-lifetimes of B sets of N: known between `low` and `high`, which are equal if exact.

    Shapes (B, N); `count` is how many units each entry stands for, 0 for padding.
    """

    family: Family
    low: Floats
    high: Floats
    count: Floats

    def rows(self, rows: Rows) -> Sample:
        """Return some of the sets."""
        return Sample(self.family, self.low[rows], self.high[rows], self.count[rows])

    def moved(self, origin: Floats) -> Sample:
        """Return the same sample with the origin of y moved to `origin` (B,)."""
        return Sample(
            self.family, self.low - origin[:, None], self.high - origin[:, None], self.count
        )


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a climb ended: parameters and log-likelihood (of ln t), each (B,)."""

    gamma: Floats
    phi: Floats
    height: Floats


def log_likelihood(sample: Sample, gamma: Floats, phi: Floats) -> Floats:
    """Return the log-likelihood of ln t for each set, shape (B,); `gamma` as in `derivatives`."""
    exact = sample.low == sample.high
    low, high = (_z(y, gamma, phi) for y in (sample.low, sample.high))
    with np.errstate(divide="ignore"):
        inside = np.where(
            exact,
            sample.family.log_density(low) + np.log(phi)[:, None],
            sample.family.log_between(low, high),
        )
    return np.asarray((sample.count * np.where(sample.count > 0, inside, 0.0)).sum(axis=1))


def climb(sample: Sample, gamma: Floats, phi: Floats, free: Free = "both") -> Peak:
    """Maximise the log-likelihood from a start, holding the parameter that is not free.

    A set without a maximum ends at a phi that no lifetime has: the caller judges it.
    """
    gamma, phi = gamma.copy(), phi.copy()
    height = log_likelihood(sample, gamma, phi)
    active = np.arange(len(gamma))
    for _ in range(CLIMB_STEPS):
        part = sample.rows(active)
        step_gamma, step_phi, gain = _newton(part, gamma[active], phi[active], free)
        moving = gain > GAIN_DONE
        active, step_gamma, step_phi = active[moving], step_gamma[moving], step_phi[moving]
        if not active.size:
            break
        part = sample.rows(active)
        share = np.ones(active.size)
        for _ in range(HALVINGS):
            new_gamma = gamma[active] + share * step_gamma
            new_phi = np.maximum(phi[active] + share * step_phi, phi[active] / 8)
            reached = log_likelihood(part, new_gamma, new_phi)
            worse = ~(reached >= height[active] - 1e-12 * np.abs(height[active]))
            if not worse.any():
                break
            share[worse] /= 2
        keep = ~worse
        active = active[keep]
        gamma[active], phi[active] = new_gamma[keep], new_phi[keep]
        height[active] = reached[keep]
    return Peak(gamma, phi, height)


def profile_root(
    profile: Profile, top: Floats, start: Floats, step: Floats, fall: Floats
) -> Floats:
    """Return where a profile is `fall` below its `top`, walking from `start` in doubling steps.

    `profile` takes positions and the rows they are of, and returns the height there. The result is
    infinite (with the sign of `step`) where 2^12 steps do not get that low. The search is on the
    square root of the fall, which is nearly straight.
    """
    wanted = np.sqrt(fall)

    def miss(position: Floats, rows: Rows) -> Floats:
        return np.asarray(
            np.sqrt(np.maximum(top[rows] - profile(position, rows), 0)) - wanted[rows]
        )

    rows = np.arange(len(start))
    inner, outer, step = start.copy(), start + step, step.copy()
    inner_miss, outer_miss = -wanted, miss(outer, rows)
    for _ in range(DOUBLINGS):
        rows = rows[outer_miss[rows] < 0]
        if not rows.size:
            break
        inner[rows], inner_miss[rows] = outer[rows], outer_miss[rows]
        step[rows] *= 2
        outer[rows] += step[rows]
        outer_miss[rows] = miss(outer[rows], rows)
    found = np.copysign(np.inf, step)
    rows = np.flatnonzero(outer_miss >= 0)
    for _ in range(ILLINOIS_STEPS):
        if not rows.size:
            break
        low, high, low_miss, high_miss = (
            each[rows] for each in (inner, outer, inner_miss, outer_miss)
        )
        with np.errstate(invalid="ignore"):
            middle = (low * high_miss - high * low_miss) / (high_miss - low_miss)
        middle = np.where(np.isfinite(middle), middle, (low + high) / 2)
        here = miss(middle, rows)
        found[rows] = middle
        short = here < 0
        # Illinois: the end that stays counts half the next time.
        inner[rows], inner_miss[rows] = (
            np.where(short, middle, low),
            np.where(short, here, low_miss / 2),
        )
        outer[rows], outer_miss[rows] = (
            np.where(short, high, middle),
            np.where(short, high_miss / 2, here),
        )
        rows = rows[np.abs(here) > ROOT_DONE]
    return found


def _z(y: Floats, gamma: Floats, phi: Floats) -> Floats:
    return (gamma if gamma.ndim == y.ndim else gamma[:, None]) + phi[:, None] * y


def derivatives(sample: Sample, gamma: Floats, phi: Floats) -> tuple[Floats, ...]:
    """Return d/dgamma, d/dphi, d2/dgamma2, d2/dgamma dphi, d2/dphi2 of each entry's log-likelihood.

    `gamma` is (B,), or (B, N) where it differs between entries; the results are (B, N) and hold
    the counts.
    """
    family = sample.family
    exact = sample.low == sample.high
    low, high = _z(sample.low, gamma, phi), _z(sample.high, gamma, phi)
    with np.errstate(over="ignore", invalid="ignore"):
        between = family.log_between(low, high)
        at_low = np.exp(family.log_density(low) - between)
        at_high = np.exp(family.log_density(high) - between)
        y_low = np.where(np.isfinite(sample.low), sample.low, 0.0)
        y_high = np.where(np.isfinite(sample.high), sample.high, 0.0)
        turn_low, turn_high = at_low * family.slope(low), at_high * family.slope(high)
        d_gamma = at_high - at_low
        d_phi = at_high * y_high - at_low * y_low
        slope, bend = family.slope(low), family.bend(low)
        parts = (
            np.where(exact, slope, d_gamma),
            np.where(exact, slope * y_low + 1 / phi[:, None], d_phi),
            np.where(exact, bend, turn_high - turn_low - d_gamma**2),
            np.where(exact, bend * y_low, turn_high * y_high - turn_low * y_low - d_gamma * d_phi),
            np.where(
                exact,
                bend * y_low**2 - 1 / phi[:, None] ** 2,
                turn_high * y_high**2 - turn_low * y_low**2 - d_phi**2,
            ),
        )
    return tuple(sample.count * np.where(sample.count > 0, part, 0.0) for part in parts)


def _newton(
    sample: Sample, gamma: Floats, phi: Floats, free: Free
) -> tuple[Floats, Floats, Floats]:
    """Return the Newton step in gamma and phi and the gain it promises, each (B,)."""
    g, p, gg, gp, pp = (part.sum(axis=1) for part in derivatives(sample, gamma, phi))
    if free == "gamma":
        step_gamma, step_phi = -g / np.minimum(gg, -SINGULAR), np.zeros_like(g)
    elif free == "phi":
        step_gamma, step_phi = np.zeros_like(g), -p / np.minimum(pp, -SINGULAR)
    else:
        determinant = np.maximum(gg * pp - gp * gp, SINGULAR)
        step_gamma = -(pp * g - gp * p) / determinant
        step_phi = -(gg * p - gp * g) / determinant
    return step_gamma, step_phi, g * step_gamma + p * step_phi
