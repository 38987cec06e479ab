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

import numpy as np

from sensorbench.analysis import inputs, ours
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.inputs import Flags, Floats
from sensorbench.analysis.noise.allan import Stability
from sensorbench.analysis.noise.allan_noise import Noise, degrees_of_freedom
from sensorbench.analysis.noise.allan_terms import (
    TERMS,
    THRESHOLD,
    Flicker,
    Term,
    choose_terms,
    curve_of,
    fit_terms,
    unit_terms,
)

_NOISE: dict[Term, Noise] = {
    "Q": "white PM",
    "N": "white FM",
    "B": "flicker FM",
    "K": "random walk FM",
    "R": "random walk FM",
}
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

    stability = ours.own("stability", stability, Stability, "allan_deviation")
    level = inputs.share("level", level)
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
    `chosen` says which terms were fitted: those named by the caller, or by `criterion` those that
    the record shows. `flicker` is the model of B.

    `share` (..., T, P) is each term's part of the fitted variance. `chi_squared` over `freedom`
    (...) says how well the terms describe the curve; far above 1 something else is in the record:
    a vibration, a thermal lag, the mains.
    """

    terms: tuple[Term, ...]
    value: Floats
    low: Floats
    high: Floats
    observable: Flags
    chosen: Flags
    criterion: str
    flicker: Flicker
    level: float
    share: Floats
    chi_squared: Floats
    freedom: np.ndarray[tuple[int, ...], np.dtype[np.int64]]

    def of(self, term: Term) -> tuple[Floats, Floats, Floats]:
        """Return value, low and high (...) of one term; AnalysisError for one not asked for."""
        inputs.one_of("term", term, self.terms)
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
    coefficients = ours.own("coefficients", coefficients, NoiseCoefficients, "noise_coefficients")
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
    return inputs.number("density_one_sided", density_one_sided, 0.0) / math.sqrt(2.0)


def noise_coefficients(
    stability: Stability,
    terms: Sequence[Term] | None = None,
    level: float = 0.95,
    flicker: Flicker = "averaged",
) -> NoiseCoefficients:
    """Fit terms to an OADEV curve at octave averaging times (`octaves`), record by record.

    sigma^2(tau) = 3 Q^2/tau^2 + N^2/tau + (2 ln2/pi) B^2 + K^2 tau/3 + R^2 tau^2/2, none negative.
    Without `terms` each record's are chosen by what stands out of it (`choose_terms`); `chosen` and
    `criterion` show it. Name them where the sensor's are known: all five fitted to records of N,
    B and K found a ramp that is not there in up to 12 % of them, chosen ones in up to 4 %.

    A term is observable if it makes up more than half of the fitted variance at some tau and is
    more than twice its own standard uncertainty; else it gets an upper bound: all of the variance
    at the tau that bounds it best, at its upper limit (Bonferroni over the taus).

    `flicker`: B's flat line is that of a rate averaged over each sample. Samples of an instant
    without a filter fold faster flicker into N: by 10 % for B = N / sqrt(interval), far outside N's
    interval. `flicker="sampled"` is their model.

    The interval takes each squared coefficient as chi-squared with the degrees of freedom that
    its variance implies (Satterthwaite). It covers 93 to 97 % at `level` 0.95 when `terms` are
    those the sensor has.

    Raises AnalysisError: not OADEV, factors not in octaves, no term, an unknown or repeated one,
    fewer factors than terms, a curve with points that are not known.
    """
    stability = ours.own("stability", stability, Stability, "allan_deviation")
    level = inputs.share("level", level)
    inputs.one_of("flicker", flicker, Flicker)
    names = TERMS if terms is None else _names(terms)
    m = stability.factors
    if stability.kind != "OADEV" or not np.array_equal(m, 2 ** np.arange(len(m))):
        raise AnalysisError(
            f"coefficients need OADEV at the octave factors 1, 2, 4, ..., got {stability.kind} at "
            f"{m.tolist()}: points of other taus repeat each other"
        )
    fewest = len(names) if terms is not None else 2
    if fewest > len(m) or not np.all(stability.terms > 0):
        raise AnalysisError(
            f"{len(m)} points of a curve can't give {fewest} terms, or some have no data; "
            "record longer or ask for fewer terms"
        )
    variance = (stability.deviation**2).reshape(-1, len(m))
    counts = stability.terms.reshape(-1, len(m))
    fits = []
    chosen = np.zeros((len(variance), len(names)), dtype=bool)
    for row, (v, n) in enumerate(zip(variance, counts, strict=True)):
        curve = curve_of(v, tuple(n.tolist()), stability.interval_s, names, flicker)
        used = choose_terms(curve) if terms is None else tuple(range(len(names)))
        chosen[row, list(used)] = True
        fits.append(fit_terms(curve, used))
    basis = unit_terms(m.astype(np.float64), stability.interval_s, names, flicker)
    square, uncertainty = (
        np.stack([getattr(fit, name) for fit in fits]) for name in ("square", "uncertainty")
    )
    low, high, observable = _intervals(stability, names, basis, level, square, uncertainty)
    parts = square[:, None, :] * basis
    shape = stability.deviation.shape[:-1]
    return NoiseCoefficients(
        names,
        np.where(observable, np.sqrt(square), np.nan).reshape(*shape, -1),
        low.reshape(*shape, -1),
        high.reshape(*shape, -1),
        observable.reshape(*shape, -1),
        chosen.reshape(*shape, -1),
        f"stands out by {THRESHOLD:g} uncertainties" if terms is None else "named by the caller",
        flicker,
        level,
        (parts / parts.sum(axis=-1, keepdims=True)).reshape(*shape, *basis.shape),
        np.array([fit.chi_squared for fit in fits]).reshape(shape),
        np.array([len(m) - len(fit.used) for fit in fits], dtype=np.int64).reshape(shape),
    )


def _names(terms: Sequence[Term]) -> tuple[Term, ...]:
    names = tuple(terms)
    for name in names:
        inputs.one_of("terms", name, Term)
    if not set(names) - {"R"} or len(set(names)) < len(names):
        raise AnalysisError(
            f"terms must be some of {TERMS}, each once and not R alone; got {names}"
        )
    return names


def _intervals(
    stability: Stability,
    names: tuple[Term, ...],
    basis: Floats,
    level: float,
    square: Floats,
    uncertainty: Floats,
) -> tuple[Floats, Floats, Flags]:
    """Return intervals of what is observable and upper bounds of what is not, (D, P) each."""
    from scipy.special import chdtri  # noqa: PLC0415 - heavy

    parts = square[:, None, :] * basis
    share = parts / parts.sum(axis=-1, keepdims=True)
    observable = (share.max(axis=1) > 0.5) & (square > 2 * uncertainty)
    edf = np.where(observable, 2 * (square / uncertainty) ** 2, np.nan)
    low = np.sqrt(square * edf / np.asarray(chdtri(edf, (1 - level) / 2), np.float64))
    high = np.sqrt(square * edf / np.asarray(chdtri(edf, (1 + level) / 2), np.float64))
    bound = _upper_bounds(stability, names, basis, level)
    return np.where(observable, low, 0.0), np.where(observable, high, bound), observable


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
