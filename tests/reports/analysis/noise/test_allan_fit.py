"""Confidence intervals and noise coefficients: they cover what they say, and admit ignorance."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.noise.allan import Stability, allan_deviation, octaves
from sensorbench.analysis.noise.allan_fit import (
    NoiseCoefficients,
    Term,
    confidence_interval,
    noise_coefficients,
    per_hour,
    random_walk_of_density,
)

CASES = 2000


def noisy_rates(
    seed: int, records: int, samples: int, n: float = 0.0, b: float = 0.0, k: float = 0.0
) -> np.ndarray:
    """Return rates averaged over 1 s of white, flicker and random walk noise, by their spectrum."""
    rng = np.random.Generator(np.random.Philox(seed))
    length = 2 * samples  # cut from twice the length: what is synthesised is periodic
    f = np.arange(1, length // 2 + 1) / length
    density = np.full(len(f), n**2)
    for alias in range(-20, 21):
        at = np.abs(f + alias)
        two_sided = b**2 / (2 * np.pi * at) + (k / (2 * np.pi * at)) ** 2
        density += two_sided * np.sinc(at) ** 2
    lines = np.zeros((records, length // 2 + 1), dtype=np.complex128)
    lines[:, 1:] = rng.standard_normal((records, length // 2))
    lines[:, 1:] += 1j * rng.standard_normal((records, length // 2))
    lines[:, 1:] *= np.sqrt(density * length / 2)
    return np.fft.irfft(lines, length)[:, :samples]


def curves(seed: int, samples: int, **noise: float) -> Stability:
    """Return OADEV of CASES records, made a hundred at a time to spare memory."""
    parts = [
        allan_deviation(noisy_rates(seed + i, 100, samples, **noise), 1.0)
        for i in range(CASES // 100)
    ]
    return Stability(
        "OADEV",
        1.0,
        samples + 1,
        parts[0].factors,
        np.concatenate([part.terms for part in parts]),
        np.concatenate([part.deviation for part in parts]),
    )


def coverage(fit: NoiseCoefficients, term: Term, true: float) -> float:
    """Return how often the interval holds the true value where the term was reported at all."""
    value, low, high = fit.of(term)
    seen = ~np.isnan(value)
    assert seen.mean() > 0.95, f"{term} seen in {seen.mean():.1%} only"
    return float(np.mean(((low <= true) & (true <= high))[seen]))


def test_chi_squared_intervals_of_white_noise_cover_95_percent_at_every_tau() -> None:
    rates = np.random.Generator(np.random.Philox(20)).standard_normal((CASES, 600))
    found = allan_deviation(rates, 1.0, factors=[1, 2, 4, 16, 64])
    interval = confidence_interval(found, "white FM")
    true = 1 / np.sqrt(found.tau_s)
    covered = np.mean((interval.low <= true) & (true <= interval.high), axis=0)
    assert np.all((covered >= 0.93) & (covered <= 0.97)), covered


def test_nbs14_interval_by_the_exact_degrees_of_freedom() -> None:
    n = [1234567890]
    for _ in range(999):
        n.append(16807 * n[-1] % 2147483647)
    found = allan_deviation(np.array(n) / 2147483647, 1.0, factors=[10])
    interval = confidence_interval(found, "white FM", level=0.683)
    # With Greenhall's 135.07 instead of 146.07 the limits are 0.08650 and 0.09773.
    assert interval.freedom[0] == pytest.approx(146.07, abs=0.01)
    assert interval.low[0] == pytest.approx(0.08650, rel=4e-3)
    assert interval.high[0] == pytest.approx(0.09773, rel=4e-3)


@pytest.mark.coverage
def test_intervals_of_n_b_and_k_cover_95_percent() -> None:
    found = curves(100, 16_384, n=1.0, b=0.5, k=0.035)
    fit = noise_coefficients(found, ("N", "B", "K"))
    for term, true in (("N", 1.0), ("B", 0.5), ("K", 0.035)):
        assert 0.93 <= coverage(fit, term, true) <= 0.97, term
        assert np.nanmean(fit.of(term)[0]) == pytest.approx(true, rel=0.01)
    assert 0.9 < np.mean(fit.chi_squared / fit.freedom) < 1.1


@pytest.mark.coverage
def test_intervals_of_n_alone_and_of_n_and_k_cover_95_percent() -> None:
    white = curves(200, 2048, n=0.01)
    assert 0.93 <= coverage(noise_coefficients(white, ("N",)), "N", 0.01) <= 0.97
    both = noise_coefficients(curves(300, 2048, n=1.0, k=0.1), ("N", "K"))
    assert 0.93 <= coverage(both, "N", 1.0) <= 0.97
    assert 0.93 <= coverage(both, "K", 0.1) <= 0.97


@pytest.mark.coverage
def test_upper_bounds_of_what_is_not_observable_hold() -> None:
    fit = noise_coefficients(curves(400, 2048, n=1.0, b=0.05, k=0.002), ("N", "B", "K"))
    for term, true in (("B", 0.05), ("K", 0.002)):
        value, low, high = fit.of(term)
        unseen = np.isnan(value)
        assert unseen.mean() > 0.9
        assert np.all(low[unseen] == 0.0)
        assert np.mean(high[unseen] >= true) >= 0.95


def test_demo_of_a_gyro_gives_its_n_and_a_k_of_few_degrees_of_freedom() -> None:
    # Figures of the reference: Philox(42), 10^6 samples at 100 Hz, N 0.005, K 1e-4.
    rng = np.random.Generator(np.random.Philox(key=42))
    white = rng.standard_normal(10**6) * 0.005 * 10
    walk = np.cumsum(rng.standard_normal(10**6) * 1e-4 / 10)
    fit = noise_coefficients(allan_deviation(white + walk, 0.01), ("N", "K"))
    (n, _, _), (k, low, high) = fit.of("N"), fit.of("K")
    assert n == pytest.approx(0.005007, abs=1e-6)
    assert k == pytest.approx(1.23e-4, rel=0.01)
    assert k == pytest.approx(1e-4, rel=0.25)
    assert high / low > 1.3
    hours = per_hour(fit)
    assert hours.of("N")[0] == pytest.approx(0.3, rel=0.01)  # deg/sqrt(h)
    assert hours.of("K")[0] == pytest.approx(1.23e-4 * 3600 * 60, rel=0.01)


def test_terms_that_a_white_record_has_not_are_not_reported() -> None:
    fit = noise_coefficients(allan_deviation(noisy_rates(7, 50, 4096, n=1.0), 1.0))
    seen = dict(zip(fit.terms, fit.observable.mean(axis=0), strict=True))
    assert seen["N"] == 1.0
    assert max(seen[term] for term in "QBKR") <= 0.04
    assert set(fit.dominant.ravel().tolist()) >= {"white FM"}


def test_a_flat_minimum_between_steep_neighbours_is_no_bias_instability() -> None:
    rates = noisy_rates(8, 20, 8192, n=1.0, k=0.2)
    fit = noise_coefficients(allan_deviation(rates, 1.0))
    value, _, bound = fit.of("B")
    assert np.mean(np.isnan(value)) >= 0.95
    curve = allan_deviation(rates, 1.0).deviation.min(axis=1) / 0.66428
    assert np.all(bound >= curve)


def test_quantisation_and_ramp_read_at_their_own_taus() -> None:
    rng = np.random.Generator(np.random.Philox(9))
    angle = 2.0 * rng.standard_normal((50, 4097))
    quantised = noise_coefficients(allan_deviation(np.diff(angle), 1.0), ("Q", "N"))
    assert np.mean(quantised.of("Q")[0]) == pytest.approx(2.0, rel=0.01)
    ramp = rng.standard_normal((50, 4096)) + 5e-3 * np.arange(4096)
    ramped = noise_coefficients(allan_deviation(ramp, 1.0), ("N", "R"))
    value, low, high = ramped.of("R")
    assert np.mean(value) == pytest.approx(5e-3, rel=0.02)
    assert np.mean((low <= 5e-3) & (high >= 5e-3)) > 0.85


def test_coefficients_scale_with_the_rate_and_with_time() -> None:
    rates = noisy_rates(10, 3, 4096, n=1.0, k=0.1)
    base = noise_coefficients(allan_deviation(rates, 1.0), ("N", "K"))
    scaled = noise_coefficients(allan_deviation(1e-3 * rates[::-1], 0.01), ("N", "K"))
    assert scaled.of("N")[0][::-1] == pytest.approx(1e-3 * base.of("N")[0] * 0.1, rel=1e-5)
    assert scaled.of("K")[0][::-1] == pytest.approx(1e-3 * base.of("K")[0] * 10, rel=1e-5)
    assert scaled.chi_squared[::-1] == pytest.approx(base.chi_squared, rel=1e-5)


def test_hours_and_seconds_differ_by_60_per_root() -> None:
    fit = noise_coefficients(allan_deviation(noisy_rates(11, 1, 2048, n=1.0), 1.0))
    ratio = per_hour(fit).high / fit.high
    assert ratio[0] == pytest.approx([1.0, 60.0, 3600.0, 3600 * 60.0, 3600.0**2])


def test_white_noise_of_one_sided_density_has_n_smaller_by_root_2() -> None:
    density, rate_hz = 0.02, 100.0
    white = np.random.Generator(np.random.Philox(13)).standard_normal(200_000)
    fit = noise_coefficients(
        allan_deviation(white * density * np.sqrt(rate_hz / 2), 1 / rate_hz), ("N",)
    )
    assert fit.of("N")[0] == pytest.approx(random_walk_of_density(density), rel=0.01)


def test_curves_that_do_not_fit_the_question_are_refused() -> None:
    rate = np.random.Generator(np.random.Philox(14)).standard_normal(1000)
    with pytest.raises(AnalysisError, match="OADEV at the octave"):
        noise_coefficients(allan_deviation(rate, 1.0, "MDEV"))
    with pytest.raises(AnalysisError, match="OADEV at the octave"):
        noise_coefficients(allan_deviation(rate, 1.0, factors=[1, 2, 3]))
    curve = allan_deviation(rate, 1.0)
    for terms in ((), ("R",), ("N", "N"), ("X",), ("n",)):
        with pytest.raises(AnalysisError, match="terms must be"):
            noise_coefficients(curve, terms)
    with pytest.raises(AnalysisError, match="level"):
        noise_coefficients(curve, level=1.0)
    with pytest.raises(AnalysisError, match="level"):
        confidence_interval(curve, "white FM", level=0.0)
    with pytest.raises(AnalysisError, match="can't give 5 terms"):
        noise_coefficients(allan_deviation(rate[:40], 1.0), ("Q", "N", "B", "K", "R"))
    rate[500] = np.nan
    gap = allan_deviation(rate, 1.0, factors=octaves(4000), gaps="skip")
    with pytest.raises(AnalysisError, match="no data"):
        noise_coefficients(gap)


def sampled_flicker(seed: int, records: int, samples: int) -> np.ndarray:
    """Return flicker of B = 1 at instants, a second apart (Kasdin 1995), without a filter."""
    k = np.arange(1, 2 * samples)
    weights = np.concatenate([[1.0], np.cumprod((k - 0.5) / k)])
    white = np.random.Generator(np.random.Philox(seed)).standard_normal((records, 2 * samples))
    return fftconvolve(white, weights[None], axes=1)[:, samples : 2 * samples]


@pytest.mark.parametrize("noise", [{"n": 1.0}, {"n": 1.0, "b": 0.5}, {"n": 1.0, "k": 0.035},
                                   {"b": 1.0}, {"k": 1.0}])  # fmt: skip
def test_terms_are_chosen_and_a_ramp_that_is_not_there_is_not_found(noise: dict) -> None:
    fit = noise_coefficients(allan_deviation(noisy_rates(21, 200, 4096, **noise), 1.0))
    shown = dict(zip(fit.terms, fit.observable.mean(axis=0), strict=True))
    assert shown["R"] <= 0.03
    for term in "QNBK":
        assert shown[term] > 0.9 if term.lower() in noise else shown[term] <= 0.05
    assert "3 uncertainties" in fit.criterion
    assert np.all(fit.observable <= fit.chosen)
    # Named, all five, the same records show ramps.
    named = noise_coefficients(allan_deviation(noisy_rates(21, 50, 4096, **noise), 1.0), fit.terms)
    assert named.criterion == "named by the caller"
    assert named.chosen.all()


def test_a_ramp_that_is_there_is_found() -> None:
    rates = noisy_rates(22, 100, 4096, n=1.0) + 2e-3 * np.arange(4096)
    fit = noise_coefficients(allan_deviation(rates, 1.0))
    assert fit.observable[:, fit.terms.index("R")].mean() > 0.95
    assert np.nanmean(fit.of("R")[0]) == pytest.approx(2e-3, rel=0.03)


@pytest.mark.parametrize("terms", [None, ("N", "B")])
def test_sampled_flicker_has_its_own_model(terms: tuple[Term, ...] | None) -> None:
    white = np.random.Generator(np.random.Philox(23)).standard_normal((400, 4000))
    curve = allan_deviation(white + sampled_flicker(24, 400, 4000), 1.0)
    own = noise_coefficients(curve, terms, flicker="sampled")
    assert own.flicker == "sampled"
    assert np.nanmean(own.of("N")[0]) == pytest.approx(1.0, rel=0.01)
    assert coverage(own, "N", 1.0) > 0.93
    # Taken as averaged, N is 10 % high and its interval holds a sixth.
    other = noise_coefficients(curve, terms)
    assert np.nanmean(other.of("N")[0]) == pytest.approx(1.10, abs=0.02)
    assert coverage(other, "N", 1.0) < 0.25


def test_a_term_that_was_not_asked_for_is_named() -> None:
    fit = noise_coefficients(allan_deviation(noisy_rates(25, 1, 512, n=1.0), 1.0), ("N", "K"))
    with pytest.raises(AnalysisError, match="term must be one of N, K"):
        fit.of("B")
    with pytest.raises(AnalysisError, match="flicker must be one of averaged, sampled"):
        noise_coefficients(allan_deviation(noisy_rates(25, 1, 512, n=1.0), 1.0), flicker="white")
