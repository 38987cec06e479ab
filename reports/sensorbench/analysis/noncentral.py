"""The noncentral t law of a one-sided capability index, and the solving of equations in it.

scipy.special.nctdtr is not used: in scipy 1.14 it is off by 1e-6 to 4e-4, so that a bound would
depend on the version. The quadrature here agrees with adaptive integration to 1e-9.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import sqrt

import numpy as np
from scipy import special

from sensorbench.analysis.inputs import Floats

NODES = 160
OVER_MEAN_FROM = 3.0
SECANT_STEPS = 12
OUTER_Z = 8.3
"""The normal law beyond this holds less than 1e-16."""


def solve(probability: Callable[[Floats], Floats], start: Floats, target: float) -> Floats:
    """Solve probability(x) = target by secants on the normal scale, where it is nearly straight."""

    def miss(x: Floats) -> Floats:
        inside = np.clip(probability(x), 1e-300, 1 - 1e-16)
        return np.asarray(special.ndtri(inside) - special.ndtri(target))

    before, now = np.asarray(start), start + 1e-3 * (1 + np.abs(start))
    miss_before = miss(before)
    for _ in range(SECANT_STEPS):
        miss_now = miss(now)
        with np.errstate(invalid="ignore", divide="ignore"):
            step = miss_now * (now - before) / (miss_now - miss_before)
        before, miss_before = now, miss_now
        now = now - np.where(np.isfinite(step), step, 0.0)
        if (np.abs(now - before) < 1e-10 * (1 + np.abs(now)))[np.isfinite(start)].all():
            break
    return np.asarray(now)


def exceed(true: Floats, observed: Floats, units: int, dof: float) -> Floats:
    """Return P(one-sided index >= observed | true), the noncentral t tail, by quadrature.

    The one-sided index is (limit - mean) / 3 s of `units`, with `dof` in s; the arrays broadcast.
    The integral over sigma is the cheaper one, but at a high index its integrand is a step where
    that over the mean is smooth.
    """
    true, observed = np.broadcast_arrays(true, observed)
    chance = np.empty(true.shape)
    high = np.abs(observed) > OVER_MEAN_FROM
    chance[high] = _over_mean(true[high], observed[high], units, dof)
    chance[~high] = _over_sigma(true[~high], observed[~high], units, dof)
    return chance


@cache
def _nodes() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def _over_sigma(true: Floats, observed: Floats, units: int, dof: float) -> Floats:
    nodes, weights = _nodes()
    first, last = np.sqrt(special.chdtri(dof, np.array([1 - 1e-15, 1e-15])) / dof)
    ratio = first + (last - first) * (nodes + 1) / 2
    log_density = (
        np.log(2 * dof * ratio)
        - dof / 2 * np.log(2)
        - special.gammaln(dof / 2)
        + (dof / 2 - 1) * np.log(dof * ratio**2)
        - dof * ratio**2 / 2
    )
    inner = special.ndtr(3 * sqrt(units) * (true[..., None] - observed[..., None] * ratio))
    return np.asarray((inner * np.exp(log_density)) @ weights * (last - first) / 2)


def _over_mean(true: Floats, observed: Floats, units: int, dof: float) -> Floats:
    nodes, weights = _nodes()
    # A negative index exceeds `observed` when its mirror image does not.
    mirrored = observed < 0
    true = np.where(mirrored, -true, true)[..., None]
    first = np.clip(-3 * sqrt(units) * true, -OUTER_Z, OUTER_Z)
    half = (OUTER_Z - first) / 2
    z = first + half * (nodes + 1)
    largest_ratio = (true + z / (3 * sqrt(units))) / np.abs(observed)[..., None]
    inner = special.chdtr(dof, dof * np.maximum(largest_ratio, 0.0) ** 2)
    chance = (inner * np.exp(-z * z / 2) * half) @ weights / sqrt(2 * np.pi)
    return np.where(mirrored, 1 - chance, chance)
