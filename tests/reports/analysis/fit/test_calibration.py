"""Polynomial calibration: published fits, coverage, and what must not change the answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.calibration import basis, fit_polynomial
from sensorbench.analysis.fit.fixed_point import round_independently, round_sequentially
from sensorbench.analysis.fit.robust import fit_robustly

LINE = ((0, 0), (1, 0))
CUBIC = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))

# JCGM 100:2008 H.3, table H.6: thermometer readings and corrections, degC.
H3_T = np.array(
    [21.521, 22.012, 22.512, 23.003, 23.507, 23.999, 24.513, 25.002, 25.503, 26.010, 26.511]
)
H3_B = np.array(
    [-0.171, -0.169, -0.166, -0.159, -0.164, -0.165, -0.156, -0.157, -0.159, -0.161, -0.160]
)


def grid(units: int, noise: float, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Return r, t, target and true coefficients of `units` on 15 x 11 points."""
    chance = np.random.default_rng(seed)
    pressure, temperature = np.meshgrid(np.linspace(-1, 1, 11), np.linspace(-1, 1, 15))
    r = 0.6 * pressure.ravel() + 0.05 * chance.normal(size=(units, 1))
    t = 0.5 * temperature.ravel() + 0.02 * chance.normal(size=(units, 1))
    truth = chance.normal(size=(units, 10)) * 0.1
    target = np.einsum("dnk,dk->dn", basis(r, t, CUBIC), truth)
    return r, t, target + noise * chance.normal(size=r.shape), truth


def test_the_thermometer_of_gum_h3_is_reproduced() -> None:
    fit = fit_polynomial((H3_T - 20)[None], np.zeros((1, 11)), H3_B[None], LINE)
    assert fit.coefficients[0] == pytest.approx([-0.1712, 0.00218], abs=5e-5)
    u = np.sqrt(np.diag(fit.covariance[0]))
    assert u == pytest.approx([0.0029, 0.00067], abs=5e-5)
    assert fit.covariance[0, 0, 1] / u[0] / u[1] == pytest.approx(-0.930, abs=5e-4)
    assert fit.sigma[0] == pytest.approx(0.0035, abs=5e-5)
    at_30 = np.array([[10.0]])
    assert fit.at(at_30, np.zeros((1, 1)))[0, 0] == pytest.approx(-0.1494, abs=5e-5)
    assert fit.standard_uncertainty_at(at_30, np.zeros((1, 1)))[0, 0] == pytest.approx(
        0.0041, abs=5e-5
    )
    # Without the correlation the uncertainty at 30 degC would be wrong.
    assert np.hypot(u[0], 10 * u[1]) > 0.007


@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_wampler_1_and_2_of_nist_strd_come_out_as_certified(factor: float) -> None:
    """NIST StRD Wampler1 and Wampler2: y = sum of (factor x)^i, i = 0 to 5, x = 0 to 20."""
    x = np.arange(21.0)
    y = sum((factor * x) ** i for i in range(6))
    terms = tuple((i, 0) for i in range(6))
    fit = fit_polynomial(x[None], np.zeros((1, 21)), y[None], terms)
    assert fit.coefficients[0] == pytest.approx([factor**i for i in range(6)], rel=1e-8, abs=1e-9)
    assert fit.sigma[0] < 1e-8


def test_raw_counts_and_degrees_are_as_good_as_normalised_ones() -> None:
    r, t, target, truth = grid(3, 0.0)
    counts = fit_polynomial(r * 2**23, t * 2**23, target, CUBIC)
    scale = np.array([2.0 ** (-23 * (i + j)) for i, j in CUBIC])
    assert counts.coefficients == pytest.approx(truth * scale, rel=1e-6, abs=1e-13)
    assert counts.condition.max() < 12


def test_units_without_enough_points_are_not_fitted_and_the_others_are() -> None:
    r, t, target, truth = grid(3, 0.0)
    target[1, 12:] = np.nan
    fit = fit_polynomial(r, t, target, CUBIC)
    assert np.isnan(fit.coefficients[1]).all()
    assert fit.freedom.tolist() == [155, 0, 155]
    assert fit.coefficients[[0, 2]] == pytest.approx(truth[[0, 2]], abs=1e-9)


def test_points_that_can_not_tell_the_terms_apart_give_no_coefficients() -> None:
    r = np.tile(np.linspace(0, 1, 20), (1, 1))
    fit = fit_polynomial(r, r.copy(), r.copy(), ((0, 0), (1, 0), (0, 1)))
    assert np.isnan(fit.coefficients).all()


def test_a_weight_of_zero_leaves_a_point_out_but_keeps_its_residual() -> None:
    r, t, target, truth = grid(2, 0.0)
    target[:, 7] += 5.0
    weights = np.ones_like(r)
    weights[:, 7] = 0.0
    fit = fit_polynomial(r, t, target, CUBIC, weights)
    assert fit.coefficients == pytest.approx(truth, abs=1e-9)
    assert fit.residuals[:, 7] == pytest.approx(5.0)


def test_95_percent_intervals_hold_95_percent_of_the_time() -> None:
    r, t, target, truth = grid(3000, 0.01, seed=7)
    few = np.arange(0, 165, 7)  # 24 points, 14 degrees of freedom: Student t matters
    fit = fit_polynomial(r[:, few], t[:, few], target[:, few], CUBIC)
    u = np.sqrt(np.diagonal(fit.covariance, axis1=1, axis2=2))
    inside = np.abs(fit.coefficients - truth) <= stdtrit(14, 0.975) * u
    assert (inside.mean(axis=0) > 0.93).all()
    assert (inside.mean(axis=0) < 0.97).all()
    model = np.einsum("dnk,dk->dn", basis(r, t, CUBIC), truth)
    at = np.abs(fit.at(r, t) - model) <= stdtrit(14, 0.975) * fit.standard_uncertainty_at(r, t)
    assert 0.93 < at.mean() < 0.97


@settings(max_examples=30)
@given(st.floats(1e-3, 1e6), st.floats(-1e3, 1e3), st.integers(0, 10**6))
def test_a_change_of_unit_changes_nothing_else(scale: float, shift: float, seed: int) -> None:
    r, t, target, _ = grid(2, 0.01, seed)
    plain = fit_polynomial(r, t, target, CUBIC)
    other = fit_polynomial(r * scale + shift, t, target * scale, CUBIC)
    assert other.residuals == pytest.approx(plain.residuals * scale, rel=1e-5, abs=1e-8 * scale)
    assert other.sigma == pytest.approx(plain.sigma * scale, rel=1e-6)


def test_the_order_of_units_and_points_does_not_matter() -> None:
    r, t, target, _ = grid(4, 0.01)
    points = np.random.default_rng(3).permutation(165)
    plain = fit_polynomial(r, t, target, CUBIC)
    mixed = fit_polynomial(*(a[::-1][:, points] for a in (r, t, target)), CUBIC)
    assert mixed.coefficients == pytest.approx(plain.coefficients[::-1], abs=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r, t, y: (r[:, :3], t, y), "one shape"),
        (lambda r, t, y: (r[:, :1], t, y), "one shape"),
        (lambda r, t, y: (r[:, :0], t[:, :0], y[:, :0]), "one shape"),
    ],
)
def test_shapes_that_do_not_fit_are_named(change: object, message: str) -> None:
    r, t, target, _ = grid(2, 0.0)
    with pytest.raises(AnalysisError, match=message):
        fit_polynomial(*change(r, t, target), CUBIC)  # type: ignore[operator]


def test_terms_that_an_affine_map_leaves_are_refused() -> None:
    r, t, target, _ = grid(1, 0.0)
    with pytest.raises(AnalysisError, match="terms are not closed"):
        fit_polynomial(r, t, target, ((0, 0), (2, 0)))


def test_outliers_are_found_weighted_down_and_named() -> None:
    r, t, target, truth = grid(5, 1e-4)
    target[2, [10, 80]] += [0.3, -0.2]
    plain = fit_polynomial(r, t, target, CUBIC)
    for loss in ("huber", "bisquare"):
        robust = fit_robustly(r, t, target, CUBIC, loss)
        assert np.argwhere(robust.down_weighted[2]).ravel().tolist()[:1] == [10]
        assert robust.down_weighted[2, [10, 80]].all()
        better = np.abs(robust.fit.coefficients[2] - truth[2]).max()
        assert better < np.abs(plain.coefficients[2] - truth[2]).max() / 20
    clean = fit_robustly(r, t, target, CUBIC)
    assert clean.down_weighted[[0, 1, 3, 4]].mean() < 0.1


def test_an_exact_fit_has_no_outliers() -> None:
    r, t, target, truth = grid(2, 0.0)
    robust = fit_robustly(r, t, target, CUBIC)
    assert robust.fit.coefficients == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize(
    ("bits", "independent", "sequential"),
    [(8, 0.97, 0.71), (12, 0.060, 0.043), (16, 0.0041, 0.0028)],
)
def test_sequential_rounding_loses_less_than_independent_rounding(
    bits: int, independent: float, sequential: float
) -> None:
    """The order of magnitude of numerics.md 2.2: worst error in % of span, 231 units."""
    r, t, _, truth = grid(231, 0.0)
    u, v = r / np.abs(r).max(), t / np.abs(t).max()
    design = basis(u, v, CUBIC)
    lsb = 2.0 ** (np.ceil(np.log2(np.abs(truth).max())) - bits + 1)
    one = round_independently(truth, design, lsb, bits)
    other = round_sequentially(truth, design, lsb, bits)
    assert other.loss.max() < one.loss.max()
    assert np.sqrt((other.loss**2).mean()) < 0.75 * np.sqrt((one.loss**2).mean())
    # Span 2, and a largest coefficient that differs from theirs: a factor of 3 is the same order.
    assert one.loss.max() / 2 * 100 == pytest.approx(independent, rel=2)
    assert other.loss.max() / 2 * 100 == pytest.approx(sequential, rel=2)
    assert (np.abs(other.words) <= 2 ** (bits - 1)).all()


def test_one_more_bit_halves_the_loss() -> None:
    r, t, _, truth = grid(50, 0.0)
    design = basis(r, t, CUBIC)
    losses = [round_sequentially(truth, design, 2.0**-b, 24).loss.mean() for b in (10, 11, 12, 13)]
    ratios = np.array(losses[:-1]) / losses[1:]
    assert ratios == pytest.approx(2.0, rel=0.15)


def test_a_word_beyond_the_range_is_marked_and_not_clipped() -> None:
    r, t, _, truth = grid(2, 0.0)
    truth[1, 3] = 9.0
    found = round_sequentially(truth, basis(r, t, CUBIC), 2.0**-20, 24)
    assert found.overflow.any(axis=1).tolist() == [False, True]
    assert found.words[1, 3] > 2**23


def test_coefficients_that_are_not_known_are_refused() -> None:
    r, t, _, truth = grid(1, 0.0)
    with pytest.raises(AnalysisError, match="must be finite"):
        round_sequentially(truth * np.nan, basis(r, t, CUBIC), 2.0**-20, 24)
