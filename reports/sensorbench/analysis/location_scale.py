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
Free = Literal["both", "gamma", "phi"]

CLIMB_STEPS = 60
HALVINGS = 30
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
        """Return the log of the probability of low < z < high, accurate in both tails."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self is Family.WEIBULL:
                hazard = np.exp(low)
                width = np.exp(high) - hazard
                return np.asarray(-hazard + np.log(-np.expm1(-width)), dtype=float)
            flip = low > 0
            low, high = np.where(flip, -high, low), np.where(flip, -low, high)
            top = special.log_ndtr(high)
            return np.asarray(top + np.log(-np.expm1(special.log_ndtr(low) - top)), dtype=float)


@dataclass(frozen=True, slots=True)
class Sample:
    """Log-lifetimes of B sets of N: known between `low` and `high`, which are equal if exact.

    Shapes (B, N); `count` is how many units each entry stands for, 0 for padding.
    """

    family: Family
    low: Floats
    high: Floats
    count: Floats

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
    """Return the log-likelihood of ln t for each set, shape (B,)."""
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
        part = _rows(sample, active)
        step_gamma, step_phi, gain = _newton(part, gamma[active], phi[active], free)
        moving = gain > GAIN_DONE
        active, step_gamma, step_phi = active[moving], step_gamma[moving], step_phi[moving]
        if not active.size:
            break
        part = _rows(sample, active)
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
    drop: Callable[[Floats], Floats], start: Floats, step: Floats, target: Floats
) -> Floats:
    """Return where a profile has fallen by `target`, walking from `start` in steps that double.

    `drop` takes (B,) positions and returns how far the log-likelihood is below its maximum.
    Infinite (with the sign of `step`) where the profile never falls that far within 2^12 steps.
    """
    inner, outer = start.copy(), start + step
    inner_miss, outer_miss = -target, drop(outer) - target
    for _ in range(12):
        short = outer_miss < 0
        if not short.any():
            break
        inner = np.where(short, outer, inner)
        inner_miss = np.where(short, outer_miss, inner_miss)
        step = np.where(short, 2 * step, step)
        outer = np.where(short, outer + step, outer)
        outer_miss = drop(outer) - target
    never = ~(outer_miss >= 0)
    for _ in range(60):
        # Illinois: false position, halving the weight of an end that stays twice.
        with np.errstate(invalid="ignore", divide="ignore"):
            middle = (inner * outer_miss - outer * inner_miss) / (outer_miss - inner_miss)
        middle = np.where(np.isfinite(middle), middle, (inner + outer) / 2)
        miss = drop(middle) - target
        below = miss < 0
        inner, outer = np.where(below, middle, inner), np.where(below, outer, middle)
        inner_miss, outer_miss = (
            np.where(below, miss, inner_miss / 2),
            np.where(below, outer_miss / 2, miss),
        )
        if (never | (np.abs(miss) < 1e-8)).all():
            break
    return np.where(never, np.sign(step) * np.inf, middle)


def _z(y: Floats, gamma: Floats, phi: Floats) -> Floats:
    return gamma[:, None] + phi[:, None] * y


def _rows(sample: Sample, rows: npt.NDArray[np.intp]) -> Sample:
    return Sample(sample.family, sample.low[rows], sample.high[rows], sample.count[rows])


def _newton(
    sample: Sample, gamma: Floats, phi: Floats, free: Free
) -> tuple[Floats, Floats, Floats]:
    """Return the Newton step in gamma and phi and the gain it promises, each (B,)."""
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
    g, p, gg, gp, pp = (
        (sample.count * np.where(sample.count > 0, part, 0.0)).sum(axis=1) for part in parts
    )
    if free == "gamma":
        step_gamma, step_phi = -g / np.minimum(gg, -SINGULAR), np.zeros_like(g)
    elif free == "phi":
        step_gamma, step_phi = np.zeros_like(g), -p / np.minimum(pp, -SINGULAR)
    else:
        determinant = np.maximum(gg * pp - gp * gp, SINGULAR)
        step_gamma = -(pp * g - gp * p) / determinant
        step_phi = -(gg * p - gp * g) / determinant
    return step_gamma, step_phi, g * step_gamma + p * step_phi
