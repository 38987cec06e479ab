"""Noise coefficients N, B, K, Q, R from an Allan curve, with intervals that hold what they say.

The terms are those of IEEE 952 annex C, 647 and 1293 in the two-sided convention; the fit is
generalised least squares of the Allan variance with the covariance that the fitted noise itself
gives the points (S. Guerrier et al., "Wavelet-variance-based estimation for composite stochastic
processes", J. Am. Stat. Assoc. 108, 2013): octave points of one record are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.noise.allan import Floats, Stability
from sensorbench.analysis.noise.allan_covariance import octave_covariances
from sensorbench.analysis.noise.allan_noise import Noise, degrees_of_freedom

Term = Literal["Q", "N", "B", "K", "R"]
TERMS: tuple[Term, ...] = ("Q", "N", "B", "K", "R")
_NOISE: dict[Term, Noise] = {
    "Q": "white PM",
    "N": "white FM",
    "B": "flicker FM",
    "K": "random walk FM",
    "R": "random walk FM",
}
_ROUNDS = 30
_PER_HOUR: dict[Term, float] = {"Q": 1.0, "N": 60.0, "B": 3600.0, "K": 216_000.0, "R": 12_960_000.0}


@dataclass(frozen=True, slots=True)
class Interval:
    """Limits of a deviation: `low` and `high` (..., T) in its unit, `freedom` (..., T) behind."""

    low: Floats
    high: Floats
    freedom: Floats
    level: float


def confidence_interval(
    stability: Stability, noise: Noise | Sequence[Noise], level: float = 0.95
) -> Interval:
    """Return the chi-squared interval of each deviation, for the noise type named.

    sigma^2 edf / chi2((1 + p)/2, edf) to sigma^2 edf / chi2((1 - p)/2, edf); SP 1065, eq. 46.
    `noise` is one type or one for each averaging time (`NoiseCoefficients.dominant` gives them).
    Raises AnalysisError for a level outside 0..1 or an unknown noise type.
    """
    from scipy.special import chdtri  # noqa: PLC0415 - heavy

    _check_level(level)
    edf = degrees_of_freedom(stability, np.asarray(noise))
    variance = stability.deviation**2 * edf
    low = np.sqrt(variance / np.asarray(chdtri(edf, (1 - level) / 2), np.float64))
    high = np.sqrt(variance / np.asarray(chdtri(edf, (1 + level) / 2), np.float64))
    return Interval(low, high, edf, level)


@dataclass(frozen=True, slots=True)
class NoiseCoefficients:
    """Coefficients of P terms for each record; arrays are (..., P) unless said otherwise.

    Units, for a rate in U: Q in U s, N in U/sqrt(Hz) = U sqrt(s), B in U, K in U/sqrt(s), R in
    U/s. B is the coefficient, 1/0.664 of the flat minimum. `value` is NaN where the term is not
    `observable`; its `low` is then 0 and its `high` the upper bound, one-sided at `level`.
    `share` (..., T, P) is each term's part of the fitted variance. `chi_squared` over `freedom`
    (...) says how well the terms describe the curve; far above 1 something else is in the record:
    a vibration, a thermal lag, the mains.
    """

    terms: tuple[Term, ...]
    value: Floats
    low: Floats
    high: Floats
    observable: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    level: float
    share: Floats
    chi_squared: Floats
    freedom: np.ndarray[tuple[int, ...], np.dtype[np.int64]]

    def of(self, term: Term) -> tuple[Floats, Floats, Floats]:
        """Return value, low and high (...) of one term."""
        k = self.terms.index(term)
        return self.value[..., k], self.low[..., k], self.high[..., k]

    @property
    def dominant(self) -> np.ndarray[tuple[int, ...], np.dtype[np.str_]]:
        """Return the noise type (..., T) that dominates at each averaging time."""
        names = np.array([_NOISE[term] for term in self.terms])
        return np.asarray(names[self.share.argmax(axis=-1)])


def per_hour(coefficients: NoiseCoefficients) -> NoiseCoefficients:
    """Return coefficients of a rate in U/s as gyro sheets print them, with hours (IEEE 952).

    For deg/s: Q in deg, N in deg/sqrt(h), B in deg/h, K in deg/h/sqrt(h), R in deg/h/h.
    (deg/s)/sqrt(Hz), read at tau = 1 s, is 60 deg/sqrt(h), read at tau = 1 h.
    """
    factor = np.array([_PER_HOUR[term] for term in coefficients.terms])
    return replace(
        coefficients,
        value=coefficients.value * factor,
        low=coefficients.low * factor,
        high=coefficients.high * factor,
    )


def random_walk_of_density(density_one_sided: float) -> float:
    """Return N in U/sqrt(Hz) of white noise given as data sheets and Welch do, one-sided.

    N^2 is the two-sided density of IEEE 952, so N = n / sqrt(2). Many sheets are loose about it.

    >>> round(random_walk_of_density(0.01), 6)
    0.007071
    """
    return density_one_sided / math.sqrt(2.0)


def noise_coefficients(
    stability: Stability, terms: Sequence[Term] = TERMS, level: float = 0.95
) -> NoiseCoefficients:
    """Fit the terms to an OADEV curve at octave averaging times (`octaves`), record by record.

    sigma^2(tau) = 3 Q^2/tau^2 + N^2/tau + (2 ln2/pi) B^2 + K^2 tau/3 + R^2 tau^2/2, none negative.
    A term is observable if it makes up more than half of the fitted variance at some tau and is
    more than twice its own standard uncertainty; else it gets an upper bound: all of the variance
    at the tau that bounds it best, at its upper limit (Bonferroni over the taus).

    The interval takes each squared coefficient as chi-squared with the degrees of freedom that
    its variance implies (Satterthwaite). It covers 93 to 97 % at `level` 0.95 when `terms` are
    those the sensor has; terms that it has not, held at or above zero, push their neighbours by
    up to half an uncertainty, so name the terms where they are known.

    Raises AnalysisError: not OADEV, factors not in octaves, no term, an unknown or repeated one,
    fewer factors than terms, a curve with points that are not known.
    """
    from scipy.optimize import nnls  # noqa: PLC0415 - heavy

    _check_level(level)
    names = tuple(terms)
    m = stability.factors
    if stability.kind != "OADEV" or not np.array_equal(m, 2 ** np.arange(len(m))):
        raise AnalysisError(
            f"coefficients need OADEV at the octave factors 1, 2, 4, ..., got {stability.kind} at "
            f"{m.tolist()}: points of other taus repeat each other"
        )
    if not set(names) - {"R"} or len(set(names)) < len(names) or set(names) - set(TERMS):
        raise AnalysisError(
            f"terms must be some of {TERMS}, each once and not R alone; got {names}"
        )
    if len(names) > len(m) or not np.all(stability.terms > 0):
        raise AnalysisError(
            f"{len(m)} points of a curve can't give {len(names)} terms, or some have no data; "
            "record longer or ask for fewer terms"
        )
    basis = _basis(stability.tau_s, names)
    variance = (stability.deviation**2).reshape(-1, len(m))
    counts = stability.terms.reshape(-1, len(m))
    records, size = len(variance), len(names)
    square, uncertainty = np.zeros((records, size)), np.full((records, size), np.inf)
    chi_squared, freedom = np.zeros(records), np.zeros(records, dtype=np.int64)
    for row, (v, n) in enumerate(zip(variance, counts, strict=True)):
        spread = octave_covariances(tuple(n.tolist()), stability.interval_s, names)
        covariance = np.diag(v**2 * m / n)
        fitted = v
        for _ in range(_ROUNDS):
            root = np.linalg.cholesky(covariance)
            white, target = np.linalg.solve(root, basis), np.linalg.solve(root, v)
            scale = np.linalg.norm(white, axis=0)
            estimate, residual = nnls(white / scale, target)
            estimate /= scale
            before, fitted = fitted, basis @ estimate
            # The floors keep a record that is all ramp, and so without scatter, solvable.
            covariance = np.einsum("p,q,ijpq->ij", estimate, estimate, spread)
            covariance += np.diag(1e-5 * np.diag(covariance) + 1e-12 * v**2)
            if np.all(np.abs(fitted - before) < 1e-6 * fitted):
                break
        used = estimate > 0
        root = np.linalg.cholesky(covariance)
        white = np.linalg.solve(root, basis[:, used])
        square[row] = estimate
        uncertainty[row, used] = np.sqrt(np.diag(np.linalg.inv(white.T @ white)))
        chi_squared[row], freedom[row] = residual**2, len(m) - np.count_nonzero(used)
    return _result(stability, names, level, square, uncertainty, chi_squared, freedom)


def _result(
    stability: Stability,
    names: tuple[Term, ...],
    level: float,
    square: Floats,
    uncertainty: Floats,
    chi_squared: Floats,
    freedom: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> NoiseCoefficients:
    """Return intervals of what is observable and upper bounds of what is not."""
    from scipy.special import chdtri  # noqa: PLC0415 - heavy

    basis = _basis(stability.tau_s, names)
    parts = square[:, None, :] * basis
    share = parts / parts.sum(axis=-1, keepdims=True)
    observable = (share.max(axis=1) > 0.5) & (square > 2 * uncertainty)
    edf = np.where(observable, 2 * (square / uncertainty) ** 2, np.nan)
    low = np.sqrt(square * edf / np.asarray(chdtri(edf, (1 - level) / 2), np.float64))
    high = np.sqrt(square * edf / np.asarray(chdtri(edf, (1 + level) / 2), np.float64))
    bound = _upper_bounds(stability, names, basis, level)
    shape = stability.deviation.shape[:-1]
    return NoiseCoefficients(
        names,
        np.where(observable, np.sqrt(square), np.nan).reshape(*shape, -1),
        np.where(observable, low, 0.0).reshape(*shape, -1),
        np.where(observable, high, bound).reshape(*shape, -1),
        observable.reshape(*shape, -1),
        level,
        share.reshape(*shape, *basis.shape),
        chi_squared.reshape(shape),
        freedom.reshape(shape),
    )


def _upper_bounds(
    stability: Stability, names: tuple[Term, ...], basis: Floats, level: float
) -> Floats:
    """Return for each record and term the coefficient that all of the variance would give."""
    from scipy.special import chdtri  # noqa: PLC0415 - heavy

    variance = (stability.deviation**2).reshape(-1, len(basis))
    bounds = np.empty((len(variance), len(names)))
    for k, name in enumerate(names):
        edf = degrees_of_freedom(stability, _NOISE[name]).reshape(variance.shape)
        quantile = np.asarray(chdtri(edf, 1 - (1 - level) / len(basis)), np.float64)
        bounds[:, k] = np.sqrt((variance * edf / quantile / basis[:, k]).min(axis=1))
    return bounds


def _basis(tau: Floats, names: tuple[Term, ...]) -> Floats:
    """Return sigma^2(tau) of unit coefficients, shape (T, P); IEEE 952 annex C."""
    columns: dict[Term, Floats] = {
        "Q": 3 / tau**2,
        "N": 1 / tau,
        "B": np.full_like(tau, 2 * np.log(2) / np.pi),
        "K": tau / 3,
        "R": tau**2 / 2,
    }
    return np.stack([columns[name] for name in names], axis=-1)


def _check_level(level: float) -> None:
    """Raise AnalysisError unless 0 < level < 1."""
    if not 0.0 < level < 1.0:
        raise AnalysisError(f"confidence level must be between 0 and 1, got {level}")
