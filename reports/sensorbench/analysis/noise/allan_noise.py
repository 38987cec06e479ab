"""What power-law noise does to an Allan estimate: equivalent degrees of freedom.

Differences of the phase are stationary even where the phase is not. Their autocovariance is a
difference of a generalised autocovariance R(k) of the phase, and gives the scatter of the estimate
exactly for a Gaussian record. Source: Greenhall and Riley, "Uncertainty of stability variances
based on finite differences", PTTI 35 (2003); R for sampled noise instead of continuous time, which
is what makes white FM exact at small m (a library's Greenhall is 17 % off at m = 1).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.noise.allan import ESTIMATORS, Kind, Stability

Noise = Literal["white PM", "flicker PM", "white FM", "flicker FM", "random walk FM"]

_FLICKER_AND_INTEGRALS: dict[Noise, tuple[bool, int]] = {
    "white PM": (False, 0),
    "flicker PM": (True, 0),
    "white FM": (False, 1),
    "flicker FM": (True, 1),
    "random walk FM": (False, 2),
}
_WEIGHTS = {2: (1.0, -4.0, 6.0, -4.0, 1.0), 3: (-1.0, 6.0, -15.0, 20.0, -15.0, 6.0, -1.0)}
"""Autocorrelation of the weights (1, -2, 1) and (-1, 3, -3, 1) of a difference."""

FINE = 64
"""Larger m and n are scaled down to this many points: only their ratio matters by then."""
REACH = 16
"""Covariances are summed to this many m; for flicker FM the rest is below 10^-5 of the sum."""


def degrees_of_freedom(stability: Stability, noise: Noise | npt.NDArray[np.str_]) -> Floats:
    """Return the equivalent degrees of freedom (..., T) of each deviation squared.

    `noise` is the type that dominates, for all averaging times or one for each (T,). NaN where no
    difference was averaged. With gaps the differences left are taken as neighbours, which is on
    the safe side: apart they would tell more.

    Exact for white PM, white FM and random walk FM. For flicker FM (and flicker PM with MDEV) R is
    that of continuous time: up to 10 % off at m = 1 and 2, below 5 % beyond.

    Raises AnalysisError for a noise type that is not known.
    """
    stability = ours.own("stability", stability, Stability, "allan_deviation")
    names = np.atleast_1d(np.asarray(noise))
    for name in set(names.ravel().tolist()):
        inputs.one_of("noise", name, Noise)
    if names.shape[-1] not in {1, len(stability.factors)} or names.ndim > stability.terms.ndim:
        raise AnalysisError(
            f"noise {names.shape} must be one type, or one for each of {stability.terms.shape}"
        )
    edf = [
        _edf(stability.kind, name, m, n)
        for name, m, n in zip(
            np.broadcast_to(names, stability.terms.shape).ravel().tolist(),
            np.broadcast_to(stability.factors, stability.terms.shape).ravel().tolist(),
            stability.terms.ravel().tolist(),
            strict=True,
        )
    ]
    return np.array(edf).reshape(stability.terms.shape)


@lru_cache(maxsize=4096)
def _edf(kind: Kind, noise: Noise, m: int, terms: int) -> float:
    """Return n c_0^2 / (c_0^2 + 2 sum (1 - k/n) c_k^2), c the autocovariance of differences."""
    if not terms:
        return np.nan
    estimator = ESTIMATORS[kind]
    flicker, integrals = _FLICKER_AND_INTEGRALS[noise]
    order, integrals = estimator.order + estimator.modified, integrals + estimator.modified
    n, full = float(terms), m
    if integrals:  # scale-free; white and flicker PM themselves are not
        m = min(m, max(FINE, round(FINE * m / n) if estimator.overlapping else 0))
    stride = m
    if estimator.overlapping:
        n, stride = n * m / full, 1
    if integrals or flicker:
        lags = np.arange(0.0, min(n, (REACH if integrals else order + 2) * m / stride + 1))
    else:  # single points share noise only where they coincide
        lags = np.arange(order + 1.0) * (m // stride)
        lags = lags[lags < n]
    steps = np.arange(-order, order + 1) * float(m)
    c = phase_covariance(flicker, integrals, lags[:, None] * stride + steps) @ np.array(
        _WEIGHTS[order]
    )
    return float(n * c[0] ** 2 / (c[0] ** 2 + 2 * np.sum((1 - lags[1:] / n) * c[1:] ** 2)))


def phase_covariance(flicker: bool, integrals: int, k: Floats) -> Floats:
    """Return R(k) of unit noise integrated so often; R(k-1) - 2 R(k) + R(k+1) = -R of one less.

    Unit noise is white of variance 1 or flicker of two-sided density 1 / (2 pi f); k is in samples.
    Polynomials of even degree below the differences' order are left out: they cancel.
    """
    from scipy.special import digamma, xlogy  # noqa: PLC0415 - heavy

    k = np.abs(k)
    r: Floats
    match flicker, integrals:
        case True, 0:
            r = (digamma(0.5) - digamma(k + 0.5)) / np.pi
        case True, 1:
            r = np.asarray(xlogy(k**2, k), np.float64) / (2 * np.pi)
        case True, _:
            r = np.asarray(xlogy(k**4, k), np.float64) / (-24 * np.pi)
        case _, 0:
            r = (k == 0).astype(np.float64)
        case _, 1:
            r = -k / 2
        case _, 2:
            r = (k**3 - k) / 12
        case _:
            r = -(k**5 - 5 * k**3 + 4 * k) / 240
    return r
