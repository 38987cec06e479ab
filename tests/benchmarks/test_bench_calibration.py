"""Batched calibration fits against a loop over scipy, in the same run."""

import time

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.optimize import curve_fit, least_squares

from sensorbench.analysis.fit.calibration import basis, fit_polynomial
from sensorbench.analysis.fit.ellipsoid import fit_ellipsoid

CUBIC = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
UNITS = 231


def keep_ratio(benchmark: BenchmarkFixture, peer: str, peer_s: float) -> None:
    """Keep how many times as long the peer took for the same work."""
    if benchmark.stats:
        benchmark.extra_info[f"{peer}, s"] = round(peer_s, 3)
        benchmark.extra_info["ratio"] = round(peer_s / benchmark.stats.stats.min, 1)


def test_polynomial_fits_with_covariance(benchmark: BenchmarkFixture) -> None:
    """231 units, 15 temperatures x 11 pressures, 10 terms; peer: a curve_fit loop. Aim 40x."""
    units = UNITS if benchmark.enabled else 3
    chance = np.random.default_rng(1)
    pressure, temperature = np.meshgrid(np.linspace(-1, 1, 11), np.linspace(-1, 1, 15))
    r = pressure.ravel() + 0.05 * chance.normal(size=(units, 1))
    t = temperature.ravel() + 0.02 * chance.normal(size=(units, 1))
    truth = chance.normal(size=(units, 10))
    target = np.einsum("dnk,dk->dn", basis(r, t, CUBIC), truth)
    target += 1e-3 * chance.normal(size=r.shape)
    fit = benchmark(fit_polynomial, r, t, target, CUBIC)

    def model(points: np.ndarray, *c: float) -> np.ndarray:
        x, y = points
        return sum(c[k] * x**i * y**j for k, (i, j) in enumerate(CUBIC))  # type: ignore[return-value]

    start = time.perf_counter()
    found = [
        curve_fit(model, np.stack([r[d], t[d]]), target[d], p0=np.ones(10)) for d in range(units)
    ]
    peer_s = time.perf_counter() - start
    assert np.allclose(fit.coefficients, [c for c, _ in found], atol=1e-5)
    # curve_fit takes its covariance from a numerical Jacobian.
    assert np.allclose(fit.covariance, [v for _, v in found], rtol=1e-2, atol=1e-9)
    keep_ratio(benchmark, "a loop of scipy curve_fit", peer_s)


def test_ellipsoids(benchmark: BenchmarkFixture) -> None:
    """231 units of 26 positions, nine parameters; peer: a least_squares loop. Aim 50x."""
    units = UNITS if benchmark.enabled else 3
    chance = np.random.default_rng(2)
    cube = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
    directions = cube[np.abs(cube).sum(axis=1) > 0]
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    matrix = np.eye(3) + np.triu(0.05 * chance.normal(size=(units, 3, 3)))
    readings = directions @ np.linalg.inv(np.swapaxes(matrix, 1, 2))
    readings += 0.2 * chance.normal(size=(units, 1, 3))
    readings += 1e-3 * chance.normal(size=readings.shape)
    fit = benchmark(fit_ellipsoid, readings, 1.0)
    rows, columns = np.triu_indices(3)

    def distance(parameters: np.ndarray, points: np.ndarray) -> np.ndarray:
        upper = np.zeros((3, 3))
        upper[rows, columns] = parameters[:6]
        return np.linalg.norm((points - parameters[6:]) @ upper.T, axis=1) - 1.0

    begin = np.r_[1.0, 0, 0, 1, 0, 1, 0, 0, 0]
    start = time.perf_counter()
    found = [least_squares(distance, begin, args=(readings[d],)).x for d in range(units)]
    peer_s = time.perf_counter() - start
    assert np.allclose(fit.centre, [f[6:] for f in found], atol=1e-5)
    keep_ratio(benchmark, "a loop of scipy least_squares", peer_s)
