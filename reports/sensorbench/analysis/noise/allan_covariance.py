"""How octave points of one overlapping Allan curve scatter together, for noise of mixed type.

Same principle as the degrees of freedom in `allan_noise`, for two averaging times at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.noise.allan_noise import phase_covariance

_SECOND = (1.0, -2.0, 1.0)
_FINE, _COARSE = 16, 1024
"""A pair of averaging factors is scaled down to these: covariances depend on ratios only."""
_FAR = 8
"""Octaves apart beyond which sums follow the power law of the smaller factor."""


@lru_cache(maxsize=64)
def octave_covariances(
    counts: tuple[int, ...], interval_s: float, names: tuple[str, ...]
) -> Floats:
    """Return G (T, T, P, P): cov of sigma^2 at two octaves is sum of G_pq times both squares.

    For Gaussian d with mean mu, cov(mean d1^2, mean d2^2) is the mean over all pairs of
    2 c^2 + 4 mu1 mu2 c, with c their covariance; the ramp R is all mean and no scatter.
    """
    # Phase in units of the interval: what unit coefficients become in samples.
    unit = {"Q": interval_s**-2, "N": 1 / interval_s, "B": 1.0, "K": interval_s}
    size = len(counts)
    g = np.zeros((size, size, len(names), len(names)))
    for i in range(size):
        for j in range(i, size):
            m1, m2, n1, n2 = 2**i, 2**j, counts[i], counts[j]
            sums = _pair_sums(m1, m2, n1, n2)
            norm = 4.0 * m1**2 * m2**2 * n1 * n2
            for a, p in enumerate(names):
                for b, q in enumerate(names):
                    noises = [term for term in (p, q) if term != "R"]
                    value = 2 * np.prod([unit[term] for term in noises]) / norm
                    if len(noises) == 2:
                        value *= sums[p, q]
                    elif noises:
                        ramp = (m1 * m2 * interval_s) ** 2
                        value *= ramp * _sum_over_pairs(noises[0], m1, m2, n1, n2)
                    else:
                        value = 0.0
                    g[i, j, a, b] = g[j, i, a, b] = value
    return g


def _pair_sums(m1: int, m2: int, n1: int, n2: int) -> dict[tuple[str, str], float]:
    """Return sums of c_p c_q over all pairs of differences at m1 <= m2."""
    sums: dict[tuple[str, str], float] = {}
    # Q touches single points only, whatever m: these are taken unscaled.
    few = np.unique(np.add.outer(np.arange(3) * m1, -np.arange(3) * m2)).astype(np.float64)
    pairs = _pairs(few, n1, n2)
    quantisation = _cross_covariance("Q", few, m1, m2)
    for term in "QNBK":
        other = _cross_covariance(term, few, m1, m2)
        sums["Q", term] = sums[term, "Q"] = float(pairs @ (quantisation * other))
    near = max(m1, m2 >> _FAR)
    shrink = max(near // _FINE, min(m2 // _COARSE, near), 1)
    lags, c = _cross_covariances(near // shrink, m2 // shrink)
    pairs = _pairs(lags, n1 / shrink, n2 / shrink)
    # N, B and K grow as m, m^2, m^3; a sum over pairs as the square of the shrink. Seen by far
    # longer averages, a short difference is a spike for N and B and a second derivative for K.
    grows = {"N": 1, "B": 2, "K": 3}
    for p in c:
        for q in c:
            growth = float(shrink) ** (2 + grows[p] + grows[q])
            law = (m1 / near) ** (4 if "K" in (p, q) else 3)
            sums[p, q] = float(pairs @ (c[p] * c[q])) * growth * law
    return sums


def _sum_over_pairs(term: str, m1: int, m2: int, n1: int, n2: int) -> float:
    """Return the sum of c over all pairs, which is what noise and a ramp have in common.

    Summed over both differences, R telescopes to its next integral F at the four corners, far and
    near. At the far ones all that is left of F is its fourth derivative.
    """
    slopes: dict[str, Callable[[float], float]] = {
        "Q": lambda _: 0.0,
        "N": lambda _: 0.0,
        "B": lambda k: -(24 * math.log(k) + 50) / (24 * math.pi),
        "K": lambda k: -k / 2,
    }
    far = [float(n2 + m2 - m1), float(n1 - m2 + m1)]
    total = -(m1**2) * m2**2 * sum(slopes[term](k) for k in far)
    integrals = {"Q": (False, 1), "N": (False, 2), "K": (False, 3), "B": (True, 2)}[term]
    offsets = np.add.outer(-np.arange(3) * m1, np.arange(3) * m2).astype(np.float64)
    corners = phase_covariance(*integrals, offsets) + phase_covariance(
        *integrals, offsets + n2 - n1
    )
    return total + float(np.sum(np.outer(_SECOND, _SECOND) * corners))


@lru_cache(maxsize=64)
def _cross_covariances(m1: int, m2: int) -> tuple[Floats, dict[str, Floats]]:
    """Return the lags at which differences at m1 <= m2 share anything, and N, B, K there."""
    lags = np.arange(m1 - 5.0 * m2, m1 + 3.0 * m2 + 1.0)
    return lags, {term: _cross_covariance(term, lags, m1, m2) for term in ("N", "B", "K")}


def _pairs(lags: Floats, n1: float, n2: float) -> Floats:
    """Return how many of n1 and n2 differences are `lags` apart."""
    apart: Floats = np.minimum(n1, n2 - lags) - np.maximum(0.0, -lags)
    return np.maximum(apart, 0.0)


def _cross_covariance(term: str, lags: Floats, m1: int, m2: int) -> Floats:
    """Return the covariance of a second difference at m1 and one at m2, `lags` later."""
    total = np.zeros_like(lags)
    for a, wa in enumerate(_SECOND):
        for b, wb in enumerate(_SECOND):
            k = lags + (b * m2 - a * m1)
            match term:
                case "Q":
                    r = phase_covariance(False, 0, k)
                case "N":
                    r = phase_covariance(False, 1, k)
                case "B":
                    r = phase_covariance(True, 1, k)
                case _:
                    # Random walk in continuous time, as the basis tau/3 has it.
                    r = np.abs(k) ** 3 / 12
            total += wa * wb * r
    return total
