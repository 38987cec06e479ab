"""Capability and life data of many parameters at once against loops over scipy and lifelines."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from scipy import stats
from scipy.optimize import brentq

from sensorbench.analysis.capability.capability import performance
from sensorbench.analysis.life.lifetime import fit_weibull
from sensorbench.analysis.life.lifetimes import Lifetimes


def keep_ratio(benchmark: BenchmarkFixture, peer: str, peer_s: float) -> None:
    """Keep how many times as long the peer took for the same work."""
    if benchmark.stats:
        benchmark.extra_info[f"{peer}, s"] = round(peer_s, 4)
        benchmark.extra_info["ratio"] = round(peer_s / benchmark.stats.stats.min, 1)


def elapsed_s(work: Callable[[], object]) -> float:
    """Return the time of one call of a peer."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def censored(sets: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 20 lives a set, Weibull 1.7 and 600 h, and which failed before 500 h."""
    time_h = 600 * np.random.default_rng(1).weibull(1.7, size=(sets, 20))
    return np.minimum(time_h, 500.0), time_h < 500.0


def as_lives(time_h: np.ndarray, failed: np.ndarray) -> Lifetimes:
    return Lifetimes(time_h, np.where(failed, time_h, np.inf), np.ones_like(time_h))


def test_cpk_of_a_thousand_parameters(benchmark: BenchmarkFixture) -> None:
    """Pp, Ppk and their exact bounds, 1000 x 77; peer: a loop of brentq on scipy.stats.nct."""
    parameters = 1000 if benchmark.enabled else 2
    data = np.random.default_rng(2).normal(size=(parameters, 77))
    found = benchmark(performance, data, -4.0, 5.0)
    some, root = min(parameters, 20), 3 * np.sqrt(77)

    def peer() -> list[float]:
        lows = []
        for row in data[:some]:
            sigma = row.std(ddof=1)
            cpk = min(5.0 - row.mean(), row.mean() + 4.0) / (3 * sigma)
            cp = 9.0 / (6 * sigma)
            bounds = [cp * np.sqrt(stats.chi2.ppf(p, 76) / 76) for p in (0.025, 0.975)]
            for tail in (0.025, 0.975, 0.05):

                def miss(true: float, cpk: float = cpk, tail: float = tail) -> float:
                    return float(stats.nct.sf(root * cpk, 76, root * true)) - tail

                bounds.append(brentq(miss, cpk / 2, 2 * cpk))
            lows.append(bounds[2])
        return lows

    assert np.allclose(found.cpk.low[:some], peer(), atol=1e-8)
    keep_ratio(
        benchmark, "a loop of brentq on scipy.stats.nct", elapsed_s(peer) * parameters / some
    )


def test_weibull_fits_of_censored_sets(benchmark: BenchmarkFixture) -> None:
    """1000 sets of 20 lives; peer: a loop of scipy weibull_min.fit, timed on 20 sets and scaled."""
    sets = 1000 if benchmark.enabled else 5
    time_h, failed = censored(sets)
    fit = benchmark(fit_weibull, as_lives(time_h, failed))
    some = min(sets, 20)

    def peer() -> list[tuple[float, float, float]]:
        return [
            stats.weibull_min.fit(stats.CensoredData.right_censored(t, ~dead), floc=0)
            for t, dead in zip(time_h[:some], failed[:some], strict=True)
        ]

    assert np.allclose(fit.shape[:some], [shape for shape, _, _ in peer()], rtol=1e-2)
    keep_ratio(benchmark, "a loop of scipy weibull_min.fit", elapsed_s(peer) * sets / some)


def test_weibull_fits_beside_lifelines(benchmark: BenchmarkFixture) -> None:
    """1000 sets of 20 lives; peer: a loop of lifelines WeibullFitter, timed on 20 and scaled."""
    lifelines = pytest.importorskip("lifelines")
    sets = 1000 if benchmark.enabled else 2
    time_h, failed = censored(sets)
    fit = benchmark(fit_weibull, as_lives(time_h, failed))
    some = min(sets, 20)

    def peer() -> list[float]:
        return [
            lifelines.WeibullFitter().fit(t, event_observed=dead).rho_
            for t, dead in zip(time_h[:some], failed[:some], strict=True)
        ]

    assert np.allclose(fit.shape[:some], peer(), rtol=1e-3)
    keep_ratio(benchmark, "a loop of lifelines WeibullFitter", elapsed_s(peer) * sets / some)


def test_likelihood_ratio_bounds_of_many_sets(benchmark: BenchmarkFixture) -> None:
    """Bounds of the shape of 1000 sets: no peer gives them; kept as sets a second."""
    sets = 1000 if benchmark.enabled else 5
    fit = fit_weibull(as_lives(*censored(sets)))
    found = benchmark(partial(fit.shape_interval, confidence=0.95))
    assert (found.low < found.high).all()
    if benchmark.stats:
        benchmark.extra_info["sets/s"] = round(sets / benchmark.stats.stats.min)
