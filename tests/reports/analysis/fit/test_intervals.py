"""What is known of a fit: far from zero, of a next reading, of stated uncertainty, by repeats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate
from sensorbench.analysis.fit.adequacy import lack_of_fit
from sensorbench.analysis.fit.axes import fit_affine
from sensorbench.analysis.fit.calibration import fit_curve, fit_polynomial
from sensorbench.analysis.fit.linearity import LINES, linearity
from sensorbench.analysis.fit.robust import fit_robustly

MIXED = ((0, 0), (1, 0), (2, 0), (3, 0), (0, 1))


def holds(found: Estimate, true: np.ndarray | float) -> float:
    """Return which share of intervals hold the true value."""
    return float(((found.low <= true) & (true <= found.high)).mean())


@settings(max_examples=30)
@given(st.floats(-1e5, 1e5), st.floats(-1e4, 1e4))
def test_what_a_fit_knows_does_not_depend_on_where_zero_is(shift: float, other: float) -> None:
    chance = np.random.default_rng(1)
    x = np.tile(np.linspace(-50, 50, 14), 3)[None]
    t = np.repeat([-40.0, 0.0, 40.0], 14)[None]
    y = 1000 + 3 * x + 0.01 * x**2 + 0.1 * t + chance.normal(size=x.shape)
    near = fit_polynomial(x, t, y, MIXED)
    far = fit_polynomial(x + shift, t + other, y, MIXED)
    assert far.at(x + shift, t + other) == pytest.approx(near.at(x, t), rel=1e-7)
    expected = near.standard_uncertainty_at(x, t)
    assert far.standard_uncertainty_at(x + shift, t + other) == pytest.approx(expected, rel=1e-6)
    points = [-30.0, 0.0, 20.0]
    assert far.covariance_at(np.add(points, shift), np.add(points, other)) == pytest.approx(
        near.covariance_at(points, points), rel=1e-6
    )


@pytest.mark.parametrize("line", LINES)
def test_a_line_far_from_zero_keeps_its_digits(line: str) -> None:
    x = np.linspace(0, 1, 11)
    y = x + 0.01 * np.sin(5 * x)
    near, far = linearity(x, y, line), linearity(x + 1e6, y + 1e6, line)  # type: ignore[arg-type]
    assert far.nonlinearity == pytest.approx(near.nonlinearity, rel=1e-6)


def test_raw_counts_far_from_zero_tell_the_axes_apart() -> None:
    chance = np.random.default_rng(2)
    attitudes = chance.normal(size=(26, 3))
    counts = np.rint(attitudes * 1e4)[None] + 2**31
    fit = fit_affine(counts.astype(np.int64), attitudes)
    near = fit_affine(counts - 2**31, attitudes)
    assert fit.matrix == pytest.approx(near.matrix, rel=1e-9)
    assert fit.matrix_u == pytest.approx(near.matrix_u, rel=1e-6)


def test_one_input_needs_no_second_one_and_takes_rows_and_numbers() -> None:
    x = [1, 2, 3, 4, 5, 6]
    fit = fit_curve(x, [[2, 4, 6, 8, 10, 12.3], [1, 1, 2, 3, 5, 8]], degree=2)
    same = fit_polynomial(np.tile(x, (2, 1)), np.zeros((2, 6)),
                          [[2, 4, 6, 8, 10, 12.3], [1, 1, 2, 3, 5, 8]],
                          ((0, 0), (1, 0), (2, 0)))  # fmt: skip
    assert fit.coefficients == pytest.approx(same.coefficients)
    assert fit.at(3.5).shape == (2, 1)
    assert fit.at([1, 2, 3]).shape == (2, 3)
    with pytest.raises(AnalysisError, match="give t too"):
        fit_polynomial(np.tile(x, (1, 3)), np.arange(18.0)[None], np.ones((1, 18)), MIXED).at([1.0])


def test_a_further_reading_lies_in_its_interval_95_percent_of_the_time() -> None:
    chance = np.random.default_rng(3)
    x = np.linspace(0, 10, 12)
    truth = 1 + 2 * x
    fit = fit_curve(x, truth + chance.normal(size=(4000, 12)))
    ahead = np.array([-1.0, 5.0, 12.0])
    new = 1 + 2 * ahead + chance.normal(size=(4000, 3))
    assert 0.94 < holds(fit.prediction_interval(ahead), new) < 0.96
    assert 0.94 < holds(fit.confidence_interval(ahead), 1 + 2 * ahead) < 0.96


def test_stated_uncertainties_are_taken_as_they_are_and_test_the_model() -> None:
    chance = np.random.default_rng(4)
    x = np.linspace(0, 10, 12)
    u = 0.1 + 0.2 * x
    y = 1 + 2 * x + u * chance.normal(size=(4000, 12))
    fit = fit_curve(x, y, uncertainty=u)
    assert 0.94 < holds(fit.confidence_interval(x), 1 + 2 * x) < 0.96
    assert np.mean(fit.chi_squared_p < 0.05) == pytest.approx(0.05, abs=0.012)
    bent = fit_curve(x, y + 0.1 * x**2, uncertainty=u)
    assert np.mean(bent.chi_squared_p < 0.05) > 0.3
    # Half of the points say nothing about uncertainties that are taken as known.
    twice = fit_curve(x, y, uncertainty=2 * u)
    assert twice.covariance == pytest.approx(4 * fit.covariance)
    with pytest.raises(AnalysisError, match="give reading_u"):
        fit.prediction_interval(5.0)
    new = 11 + 0.5 * chance.normal(size=(4000, 1))
    assert 0.94 < holds(fit.prediction_interval(5.0, reading_u=0.5), new) < 0.96
    with pytest.raises(AnalysisError, match="not both"):
        fit_curve(x, y, weights=u, uncertainty=u)


def test_repeats_show_a_model_that_is_too_simple() -> None:
    chance = np.random.default_rng(5)
    x = np.repeat(np.arange(6.0), 3)
    y = 1 + 2 * x + chance.normal(size=(4000, 18))
    found = lack_of_fit(fit_curve(x, y), x)
    assert found.lack_freedom[0] == 4
    assert found.pure_freedom[0] == 12
    assert np.mean(found.p < 0.05) == pytest.approx(0.05, abs=0.012)
    assert np.median(lack_of_fit(fit_curve(x, y + x**2), x).p) < 1e-3
    none = lack_of_fit(fit_curve(np.arange(18.0), y[:1]), np.arange(18.0))
    assert none.reasons.tolist() == ["there are no repeats"]
    assert np.isnan(none.p).all()


def test_unequal_scatter_is_seen_and_has_a_covariance_of_its_own() -> None:
    chance = np.random.default_rng(6)
    x = np.linspace(-1, 1, 42)
    scatter = 0.2 + 1.8 * np.abs(x)
    y = scatter * chance.normal(size=(3000, 42))
    plain, own = fit_curve(x, y, 3), fit_curve(x, y, 3, scatter="unequal")
    assert holds(plain.confidence_interval(1.0), 0.0) < 0.85
    assert holds(own.confidence_interval(1.0), 0.0) > 0.89
    assert 0.93 < holds(own.confidence_interval(x), 0.0) < 0.96
    assert np.mean(plain.unequal_scatter_p < 0.05) > 0.5
    equal = fit_curve(x, chance.normal(size=(3000, 42)), 3)
    assert np.mean(equal.unequal_scatter_p < 0.05) < 0.06


@pytest.mark.parametrize("loss", ["huber", "bisquare"])
@pytest.mark.parametrize("bad", [0.0, 0.05])
def test_a_robust_fit_knows_what_its_weights_cost(loss: str, bad: float) -> None:
    chance = np.random.default_rng(7)
    x = np.tile(np.linspace(-1, 1, 24), (1000, 1))
    y = chance.normal(size=x.shape) * np.where(chance.random(x.shape) < bad, 10, 1)
    terms = ((0, 0), (1, 0), (2, 0), (3, 0))
    fit = fit_robustly(x, np.zeros_like(x), y, terms, loss).fit  # type: ignore[arg-type]
    assert 0.93 < holds(fit.confidence_interval(np.linspace(-1, 1, 9)), 0.0) < 0.96
    new = chance.normal(size=(1000, 9))
    assert 0.93 < holds(fit.prediction_interval(np.linspace(-1, 1, 9)), new) < 0.97


@pytest.mark.coverage
@pytest.mark.parametrize("loss", ["huber", "bisquare"])
@pytest.mark.parametrize(("points", "degree"), [(5, 1), (6, 1), (8, 1), (10, 1), (8, 3), (10, 3)])
def test_a_robust_fit_of_few_points_holds_what_it_states(
    points: int, degree: int, loss: str
) -> None:
    chance = np.random.default_rng(points)
    x = np.tile(np.linspace(-1, 1, points), (2000, 1))
    y = chance.normal(size=x.shape)
    terms = tuple((i, 0) for i in range(degree + 1))
    fit = fit_robustly(x, np.zeros_like(x), y, terms, loss).fit  # type: ignore[arg-type]
    at = np.linspace(-1, 1, 9)
    for confidence, most in ((0.9, 0.94), (0.95, 0.975)):
        held = holds(fit.confidence_interval(at, confidence=confidence), 0.0)
        assert confidence - 0.017 < held < most
    assert (fit.effective_freedom < fit.freedom).all()


def test_equal_targets_say_nothing_of_their_scatter() -> None:
    fit = fit_curve([0, 1, 2, 3, 4], np.full(5, 101325))
    assert fit.at(2.5)[0] == pytest.approx([101325.0])
    assert np.isnan(fit.standard_uncertainty_at(2.5)).all()
    assert fit.reasons.tolist() == ["all targets are equal: give their uncertainty"]
    known = fit_curve([0, 1, 2, 3, 4], np.full(5, 101325), uncertainty=1.0)
    assert np.isfinite(known.standard_uncertainty_at(2.5)).all()


def test_a_unit_that_is_not_fitted_says_why() -> None:
    few = fit_curve([0, 1, 2, 3, 4], [1, 2, np.nan, 3, 4])
    assert few.reasons.tolist() == ["4 points are known, 5 are needed"]
    alike = fit_polynomial(np.arange(20.0), np.arange(20.0), np.sin(np.arange(20.0)),
                           ((0, 0), (1, 0), (0, 1)))  # fmt: skip
    assert alike.reasons.tolist() == ["the points can't tell the terms apart"]
