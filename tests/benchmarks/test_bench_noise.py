"""Speed beside the peers, in one run: pytest tests/benchmarks --benchmark-enable -s.

Nothing is asserted about time. Ratios are in `extra_info` of each benchmark; without
--benchmark-enable everything runs once at a small size.
"""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from sensorbench.analysis.noise.allan import allan_deviation, octaves
from sensorbench.analysis.uncertainty.propagation import propagate


def best_of(run: Callable[[], object], rounds: int) -> float:
    """Return the shortest of some run times in s: the one least disturbed by other programs."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def report(benchmark: BenchmarkFixture, text: str, **figures: float) -> None:
    benchmark.extra_info.update(figures)
    shown = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
    print(f"\n{text}: {shown}")


@pytest.mark.parametrize("points", [10**6, 10**7])
def test_exact_oadev_beside_allantools(benchmark: BenchmarkFixture, points: int) -> None:
    allantools = pytest.importorskip("allantools", reason="the peer to compare with")
    size, rounds = (points, 2 * 10**7 // points) if benchmark.enabled else (1000, 1)
    rate = np.random.Generator(np.random.Philox(1)).standard_normal(size)
    factors = octaves(size)

    def peer() -> np.ndarray:
        _, deviation, _, _ = allantools.oadev(
            rate, rate=100.0, data_type="freq", taus=factors / 100.0
        )
        return np.asarray(deviation)

    def own() -> np.ndarray:
        return allan_deviation(rate, 0.01, factors=factors).deviation

    assert own() == pytest.approx(peer(), rel=1e-9)
    benchmark.pedantic(own, rounds=rounds)
    own_s, peer_s = best_of(own, rounds), best_of(peer, rounds)
    report(benchmark, f"OADEV of {size} points", ratio=peer_s / own_s, own_s=own_s, peer_s=peer_s)


def test_memory_of_oadev_at_ten_million_points(benchmark: BenchmarkFixture) -> None:
    size = 10**7 if benchmark.enabled else 10_000
    rate = np.random.Generator(np.random.Philox(2)).standard_normal(size)
    benchmark.pedantic(allan_deviation, args=(rate, 0.01), rounds=1)
    tracemalloc.start()
    allan_deviation(rate, 0.01)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    report(benchmark, f"memory of {size} points, input included", ratio=1 + peak / rate.nbytes)


MASS, MASS_U = [1e5, 1.234, 1.2, 8000.0, 8000.0], [0.05, 0.02, 0.0577, 577.0, 28.9]


def bridge(r: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return a pressure of ten terms, as a bridge's compensation has them."""
    return (
        1.0
        + r * (2.0 + r * (0.1 + 0.01 * r))
        + t * (0.2 + 0.03 * t * (1 + 0.01 * t) + r * (0.03 + 0.002 * r + 0.001 * t))
    )


def bridge_derivatives(r: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (
        2.0 + r * (0.2 + 0.03 * r) + t * (0.03 + 0.004 * r + 0.001 * t),
        0.2 + 0.06 * t + 0.0009 * t * t + r * (0.03 + 0.002 * r + 0.002 * t),
    )


def buoyancy(
    m: np.ndarray, dm: np.ndarray, air: np.ndarray, weight: np.ndarray, reference: np.ndarray
) -> np.ndarray:
    """Return the mass deviation of JCGM 101, 9.3."""
    return (m + dm) * (1 + (air - 1.2) * (1 / weight - 1 / reference)) - 100_000.0


def ratio_derivatives(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inverse = 1.0 / b
    return inverse, -a * inverse * inverse


def buoyancy_derivatives(
    m: np.ndarray, dm: np.ndarray, air: np.ndarray, weight: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, ...]:
    by_weight, by_reference, excess, mass = 1 / weight, 1 / reference, air - 1.2, m + dm
    both = by_weight - by_reference
    by_mass = 1 + excess * both
    lift = mass * excess
    return by_mass, by_mass, mass * both, -lift * by_weight**2, lift * by_reference**2


CASES = {
    "bridge of 2 inputs, central differences": (bridge, [1.0, 0.5], [1e-3, 1e-3], None),
    "bridge of 2 inputs, Jacobian": (bridge, [1.0, 0.5], [1e-3, 1e-3], bridge_derivatives),
    "ratio of 2 inputs, central differences": (np.divide, [5.0, 2.0], [0.1, 0.01], None),
    "ratio of 2 inputs, Jacobian": (np.divide, [5.0, 2.0], [0.1, 0.01], ratio_derivatives),
    "mass of 5 inputs, central differences": (buoyancy, MASS, MASS_U, None),
    "mass of 5 inputs, Jacobian": (buoyancy, MASS, MASS_U, buoyancy_derivatives),
}


@pytest.mark.parametrize("case", CASES)
def test_array_uncertainty_beside_the_uncertainties_package(
    benchmark: BenchmarkFixture, case: str
) -> None:
    uncertainties = pytest.importorskip("uncertainties", reason="the peer to compare with")
    model, centre, u, jacobian = CASES[case]
    size, few, rounds = (100_000, 500, 9) if benchmark.enabled else (100, 10, 1)
    rng = np.random.Generator(np.random.Philox(3))
    x = [value * (1 + 1e-3 * rng.standard_normal(size)) for value in centre]
    plain = (lambda a, b: a / b) if model is np.divide else model

    def own() -> np.ndarray:
        return propagate(model, x, u, jacobian=jacobian).u

    def peer() -> list[float]:
        rows = zip(*(a[:few].tolist() for a in x), strict=True)
        return [
            plain(*(uncertainties.ufloat(v, s) for v, s in zip(row, u, strict=True))).s
            for row in rows
        ]

    assert own()[:few] == pytest.approx(peer(), rel=1e-4)
    benchmark.pedantic(own, rounds=rounds)
    own_s, peer_s = best_of(own, rounds) / size, best_of(peer, rounds) / few
    report(
        benchmark,
        f"{case}, a value",
        ratio=peer_s / own_s,
        own_ns=own_s * 1e9,
        peer_us=peer_s * 1e6,
    )
