"""Which noise terms a record shows, and their generalised least squares fit to its Allan curve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from sensorbench.analysis.inputs import Floats
from sensorbench.analysis.noise.allan_covariance import octave_covariances
from sensorbench.analysis.noise.allan_noise import phase_covariance

Term = Literal["Q", "N", "B", "K", "R"]
TERMS: tuple[Term, ...] = ("Q", "N", "B", "K", "R")
Flicker = Literal["averaged", "sampled"]
"""Whether a sample is the mean of the rate over its interval (a sigma-delta or filtered output), or
the rate at an instant, into which faster flicker folds (what most simulators make, too)."""

THRESHOLD = 3.0
"""Standard uncertainties, under the terms chosen so far, beyond which a term is taken in: of 100 to
300 simulated records of each kind 0 to 4 % show a term that is not there."""
_ROUNDS = 30
_STEPS = 12
_LONGEST = 4096
"""From this averaging factor on sampled flicker is flat to 1e-7."""


@dataclass(frozen=True, slots=True)
class TermsFit:
    """Squares of coefficients (P,), 0 where not used; their uncertainty, infinite where not."""

    square: Floats
    uncertainty: Floats
    used: tuple[int, ...]
    chi_squared: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One record's Allan variance (T,) at octaves, unit terms (T, P) and their scatter."""

    variance: Floats
    basis: Floats
    spread: Floats
    first: Floats
    names: tuple[Term, ...]

    def fit(self, used: tuple[int, ...]) -> tuple[Floats, Floats, float]:
        """Return squares of the terms used, none below 0, the points' covariance and chi^2."""
        from scipy.optimize import nnls  # noqa: PLC0415 - heavy

        basis, spread = self.basis[:, used], self.spread[:, :, used][:, :, :, used]
        covariance, fitted, v = np.diag(self.first), self.variance, self.variance
        for _ in range(_ROUNDS):
            root = np.linalg.cholesky(covariance)
            white, target = np.linalg.solve(root, basis), np.linalg.solve(root, v)
            scale = np.linalg.norm(white, axis=0)
            estimate, residual = nnls(white / scale, target)
            estimate = np.asarray(estimate / scale, np.float64)
            before, fitted = fitted, basis @ estimate
            # The floors keep a record that is all ramp, and so without scatter, solvable.
            covariance = np.einsum("p,q,ijpq->ij", estimate, estimate, spread)
            covariance += np.diag(1e-5 * np.diag(covariance) + 1e-12 * v**2)
            if np.all(np.abs(fitted - before) < 1e-6 * fitted):
                break
        return estimate, covariance, float(residual) ** 2

    def excess(self, used: tuple[int, ...], term: int, covariance: Floats) -> float:
        """Return a further term's square over its uncertainty where `used` are all there is."""
        root = np.linalg.cholesky(covariance)
        white = np.linalg.solve(root, self.basis[:, (*used, term)])
        scale = np.linalg.norm(white, axis=0)
        white = white / scale
        inverse = np.linalg.inv(white.T @ white + 1e-12 * np.eye(len(scale)))
        estimate = inverse @ (white.T @ np.linalg.solve(root, self.variance))
        return float(estimate[-1] / np.sqrt(inverse[-1, -1]))


def fit_terms(curve: Curve, used: tuple[int, ...]) -> TermsFit:
    """Fit the terms of these places, and give their uncertainties."""
    estimate, covariance, chi_squared = curve.fit(used)
    size = len(curve.names)
    square, uncertainty = np.zeros(size), np.full(size, np.inf)
    square[list(used)] = estimate
    there = [term for term in used if square[term] > 0]
    white = np.linalg.solve(np.linalg.cholesky(covariance), curve.basis[:, there])
    uncertainty[there] = np.sqrt(np.diag(np.linalg.inv(white.T @ white)))
    return TermsFit(square, uncertainty, tuple(there), chi_squared)


def choose_terms(curve: Curve) -> tuple[int, ...]:
    """Choose the terms that a record shows: step by step, in and out again.

    Starts from the one noise that describes the curve best (Gaussian likelihood of the points). The
    term that stands out most, by more than `THRESHOLD` uncertainties under those chosen, is taken
    in; the ramp, which scatters nothing and so explains any lift of the last points, only when no
    noise does. One that no longer stands out beside the others is dropped.
    """
    ramp = curve.names.index("R") if "R" in curve.names else -1
    singles = [k for k in range(len(curve.names)) if k != ramp]
    fits = {k: curve.fit((k,)) for k in singles}
    cost = {k: chi + float(np.linalg.slogdet(c)[1]) for k, (_, c, chi) in fits.items()}
    chosen: tuple[int, ...] = (min(cost, key=lambda k: cost[k]),)
    covariance = fits[chosen[0]][1]
    most = len(curve.variance)
    for _ in range(_STEPS):
        others = [k for k in range(len(curve.names)) if k not in chosen]
        found = {k: curve.excess(chosen, k, covariance) for k in others}
        over = [k for k in others if found[k] > THRESHOLD]
        if not over or len(chosen) + 1 > most:
            break
        noises = [k for k in over if k != ramp]
        new = max(noises, key=lambda k: found[k]) if noises else ramp
        chosen, covariance = _without_idle(curve, (*chosen, new), new, ramp)
    return tuple(sorted(chosen))


def _without_idle(
    curve: Curve, chosen: tuple[int, ...], new: int, ramp: int
) -> tuple[tuple[int, ...], Floats]:
    """Drop, one at a time, terms that are 0 or do not stand out beside the new one."""
    while True:
        estimate, covariance, _ = curve.fit(chosen)
        idle = [k for k, x in zip(chosen, estimate, strict=True) if x <= 0 and k != new]
        for k in chosen:
            rest = tuple(other for other in chosen if other != k)
            if idle or k == new or not rest or rest == (ramp,):
                continue
            if curve.excess(rest, k, curve.fit(rest)[1]) < THRESHOLD:
                idle = [k]
        if not idle:
            return chosen, covariance
        chosen = tuple(k for k in chosen if k not in idle)


def curve_of(
    variance: Floats,
    counts: tuple[int, ...],
    interval_s: float,
    names: tuple[Term, ...],
    flicker: Flicker,
) -> Curve:
    """Return a record's curve at octaves, of `counts` differences, with what its terms scatter."""
    factors = np.asarray(2.0 ** np.arange(len(counts)), np.float64)
    basis = unit_terms(factors, interval_s, names, flicker)
    spread = octave_covariances(counts, interval_s, names)
    if flicker == "sampled" and "B" in names:
        # Differences of sampled flicker scatter as their own variance, not as the flat one.
        scale = np.ones((len(counts), len(names)))
        flat = unit_terms(factors, interval_s, ("B",), "averaged")[:, 0]
        scale[:, names.index("B")] = np.sqrt(basis[:, names.index("B")] / flat)
        spread = spread * np.einsum("ip,jp,iq,jq->ijpq", scale, scale, scale, scale)
    first = variance**2 * factors / np.array(counts)
    return Curve(variance, basis, spread, first, names)


def unit_terms(
    factors: Floats, interval_s: float, names: tuple[Term, ...], flicker: Flicker
) -> Floats:
    """Return sigma^2(tau) of unit coefficients, shape (T, P); IEEE 952 annex C.

    That of sampled flicker is of noise of two-sided density B^2 / (4 pi sin(pi f)) a sample
    (N. J. Kasdin, Proc. IEEE 83, 1995), summed exactly.
    """
    tau = factors * interval_s
    flat = np.full_like(tau, 2 * np.log(2) / np.pi)
    columns: dict[Term, Floats] = {
        "Q": 3 / tau**2,
        "N": 1 / tau,
        "B": flat if flicker == "averaged" else np.array([_sampled(int(m)) for m in factors]),
        "K": tau / 3,
        "R": tau**2 / 2,
    }
    return np.stack([columns[name] for name in names], axis=-1)


def _sampled(m: int) -> float:
    if m >= _LONGEST:
        return float(2 * np.log(2) / np.pi)
    phase = _sampled_phase()
    return float((6 * phase[0] - 8 * phase[m] + 2 * phase[2 * m]) / (2 * m**2))


@lru_cache(maxsize=1)
def _sampled_phase() -> Floats:
    """Return R(k) of summed unit flicker: its second difference is that of flicker, reversed."""
    step = -np.cumsum(phase_covariance(True, 0, np.arange(2.0 * _LONGEST)))
    return np.concatenate([[0.0], np.cumsum(step)])
