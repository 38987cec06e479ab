"""Sensor parameters and drift: definitions with worked numbers, and what gives no number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.fit.linearity import LINES, Line, linearity
from sensorbench.analysis.fit.parameters import (
    cross_axis,
    dead_band,
    hysteresis,
    ratiometricity,
    repeatability,
    resolution,
    start_up_time,
    temperature_coefficient,
    worst_point,
)
from sensorbench.analysis.life.drift import change, deltas, predict, trend

X = np.linspace(0, 1, 2001)
BOW = (X + 0.1 * X * (1 - X))[None]


@pytest.mark.parametrize("line", LINES)
def test_inputs_whose_steps_a_float_does_not_hold_are_refused(line: Line) -> None:
    with pytest.raises(AnalysisError, match="have steps that a float"):
        linearity([-1e49, 1.0, 2.0, 3.0], [[0.0, 1.0, 2.0, 3.0]], line)


@pytest.mark.parametrize(
    ("line", "nonlinearity"),
    [("end_point", 0.025), ("minimax", 0.0125), ("least_squares", 1 / 60),
     ("zero_based", 0.1 * (3 - 2 * np.sqrt(2)))],
)  # fmt: skip
def test_the_bowed_characteristic_of_the_reference(line: Line, nonlinearity: float) -> None:
    """evidence.md 2.5: 0.025, 0.0125 and 0.01667; the zero-based one follows in closed form."""
    found = linearity(X, BOW, line)
    assert found.nonlinearity[0] == pytest.approx(nonlinearity, abs=2e-5)
    assert found.span[0] == pytest.approx(abs(found.sensitivity[0]))


def test_the_minimax_line_agrees_with_linear_programming() -> None:
    chance = np.random.default_rng(4)
    x = np.sort(chance.uniform(0, 10, 25))
    y = 2 * x + chance.normal(size=(6, 25))
    found = linearity(x, y, "minimax")
    for unit in range(6):
        # minimise e subject to -e <= y - a - b x <= e
        ones = np.ones(25)
        best = linprog(
            [0, 0, 1],
            A_ub=np.vstack([np.c_[-ones, -x, -ones], np.c_[ones, x, -ones]]),
            b_ub=np.r_[-y[unit], y[unit]],
            bounds=[(None, None), (None, None), (0, None)],
        )
        assert found.nonlinearity[unit] == pytest.approx(best.fun, rel=1e-6)


@settings(max_examples=30)
@given(st.sampled_from(LINES), st.floats(1e-3, 1e3), st.floats(-10, 10), st.integers(0, 999))
def test_nonlinearity_follows_the_unit_and_not_the_line(
    line: Line, scale: float, tilt: float, seed: int
) -> None:
    x = np.linspace(0, 5, 11)
    y = np.random.default_rng(seed).normal(size=(3, 11)) + 3 * x
    plain = linearity(x, y, line).nonlinearity
    other = linearity(x, scale * (y + tilt * x), line).nonlinearity
    assert other == pytest.approx(scale * plain, rel=1e-5, abs=1e-6 * scale)
    assert (linearity(x, y, "minimax").nonlinearity <= plain * (1 + 1e-9)).all()


@pytest.mark.parametrize("line", LINES)
def test_a_point_not_known_gives_no_figure(line: Line) -> None:
    y = np.vstack([BOW, BOW])
    y[1, 5] = np.nan
    found = linearity(X, y, line)
    assert np.isnan(found.nonlinearity).tolist() == [False, True]


def test_inputs_that_do_not_rise_are_refused() -> None:
    with pytest.raises(AnalysisError, match="rise"):
        linearity(np.array([0.0, 1.0, 1.0]), np.ones((1, 3)), "minimax")


def test_the_worst_point_is_the_total_error_band_and_unknown_is_unknown() -> None:
    errors = np.array([[1.0, -3.0, 2.0], [np.nan, 9.0, 1.0]])
    found = worst_point(errors)
    assert found.error[0] == 3.0
    assert np.isnan(found.error[1])
    assert found.point.tolist() == [1, 0]
    assert found.reasons.tolist() == ["", "a point is not known"]
    with pytest.raises(AnalysisError):
        worst_point(np.empty((2, 0)))


def test_hysteresis_is_the_widest_opening() -> None:
    up, down = np.array([[0.0, 1.0, 2.0]]), np.array([[0.1, 1.4, 2.0]])
    assert hysteresis(up, down).value == pytest.approx([0.4])
    unknown = hysteresis(up, down * np.nan)
    assert np.isnan(unknown.value).all()
    assert unknown.reasons.tolist() == ["a point is not known"]


def test_both_conventions_of_repeatability() -> None:
    cycles = np.array([[[0.0, 1.0], [0.2, 1.1], [0.1, 1.4]]])
    found = repeatability(cycles)
    assert found.range == pytest.approx([0.4])
    assert found.freedom == 4
    assert found.sigma == pytest.approx([np.sqrt((0.01 + 0.13 / 3) / 2)])
    assert found.reading_about_mean == pytest.approx(2.7764 * found.sigma, rel=1e-4)
    assert found.difference_of_two == pytest.approx(2.7764 * 2**0.5 * found.sigma, rel=1e-4)
    with pytest.raises(AnalysisError, match="at least 2 cycles"):
        repeatability(cycles[:, :1])


def test_each_figure_of_repeatability_holds_95_percent_of_what_it_names() -> None:
    cycles = np.random.default_rng(1).normal(size=(4000, 5, 3))
    found = repeatability(cycles)
    new, other = np.random.default_rng(2).normal(size=(2, 4000))
    assert 0.93 < (np.abs(new) <= found.reading_about_mean).mean() < 0.97
    assert 0.93 < (np.abs(new - other) <= found.difference_of_two).mean() < 0.97


def test_equal_cycles_are_known_to_their_resolution_only() -> None:
    equal = np.full((2, 3, 4), 101325)
    found = repeatability(equal)
    assert np.isnan(found.sigma).all()
    assert found.reasons.tolist() == ["all cycles are equal: give the resolution"] * 2
    assert repeatability(equal, resolution=1.0).sigma == pytest.approx([12**-0.5] * 2)


def test_resolution_is_the_larger_of_step_and_noise() -> None:
    noise = np.random.default_rng(1).normal(0, [[0.5], [0.001]], size=(2, 10_000))
    assert resolution(noise, 0.01).value == pytest.approx([0.5, 0.01], rel=0.02)
    assert resolution(noise, 0.01, noise_free=True).value[0] == pytest.approx(3.3, rel=0.02)


def test_cross_axis_is_a_share_of_the_axis_that_was_moved() -> None:
    matrix = np.array([[[2.0, 0.04], [0.02, 4.0]]])
    assert cross_axis(matrix).value == pytest.approx(np.array([[[0, 0.01], [0.01, 0]]]))
    dead = cross_axis(np.array([[[0.0, 1.0], [1.0, 1.0]]]))
    assert np.isnan(dead.value[0, 1, 0])
    assert dead.reasons[0, 1, 0] == "the axis does not answer to its own input"


def test_three_temperatures_can_hide_a_curve_and_the_steepest_slope_shows_it() -> None:
    temperatures = np.array([-40.0, 25.0, 125.0])
    found = temperature_coefficient(temperatures, np.array([[1.0, 0.0, 1.0]]))
    assert found.end_point == pytest.approx([0.0])
    assert found.box == pytest.approx([1 / 165])
    assert found.steepest == pytest.approx([1 / 65])
    assert found.largest_change == pytest.approx([1.0])
    with pytest.raises(AnalysisError, match="outside"):
        temperature_coefficient(temperatures, np.zeros((1, 3)), reference_c=150.0)


def test_a_sample_that_leaves_the_band_again_restarts_the_start_up() -> None:
    times = np.arange(6) * 0.1
    values = np.array(
        [[0, 0.9, 1.0, 1.0, 1.0, 1.0], [0, 1.0, 1.0, 0.5, 1.0, 1.0], [0, 1, 1, 1, 1, 0.0]]
    )
    found = start_up_time(times, values, np.ones(3), band=0.05)
    assert found.value[:2] == pytest.approx([0.2, 0.4])
    assert np.isnan(found.value[2])
    assert found.reasons.tolist() == ["", "", "the last sample is outside of the band"]


def test_a_ratiometric_output_has_no_error() -> None:
    supplies = np.array([4.75, 5.0, 5.25])
    ideal = ratiometricity(supplies, 0.5 * supplies[None], 5.0)
    assert ideal.value == pytest.approx(np.zeros((1, 3)), abs=1e-12)
    fixed = ratiometricity(supplies, np.full((1, 3), 2.5), 5.0)
    assert fixed.value == pytest.approx(np.array([[0.05, 0, -0.05]]))


def test_a_dead_band_is_how_far_back_the_input_goes_unseen() -> None:
    inputs = np.array([0.0, 1.0, 2.0, 1.9, 1.8, 1.7])
    outputs = np.array([[0.0, 1.0, 2.0, 2.0, 2.0, 1.9], [0.0, 1, 2, 2, 2, 2]])
    found = dead_band(inputs, outputs, lsb=0.01)
    assert found.value[0] == pytest.approx(0.3)
    assert np.isnan(found.value[1])
    assert found.reasons[1].startswith("the output never follows")


HOURS = np.array([0.0, 168.0, 500.0, 1000.0])


def test_drift_is_against_each_unit_s_own_first_readout() -> None:
    values = np.array([[10.0, 11.0, 9.0, 12.0], [np.nan, 1.0, 2.0, 3.0]])
    assert deltas(values)[0].tolist() == [0.0, 1.0, -1.0, 2.0]
    assert np.isnan(deltas(values)[1]).all()


def test_a_change_within_the_noise_of_two_readouts_is_no_drift() -> None:
    found = change(np.array([[0.0, 2.7, 2.9, 9.0]]), 1.0)
    assert found.standard_uncertainty[0] == pytest.approx([0, 2**0.5, 2**0.5, 2**0.5])
    assert found.significant[0].tolist() == [False, False, True, True]


@pytest.mark.parametrize("law", ["linear", "sqrt", "log"])
def test_a_trend_s_interval_and_its_prediction_hold_95_percent_of_the_time(law: str) -> None:
    chance = np.random.default_rng(8)
    shape = {"linear": HOURS, "sqrt": np.sqrt(HOURS), "log": np.log1p(HOURS)}[law]
    later = {"linear": 5000.0, "sqrt": np.sqrt(5000.0), "log": np.log1p(5000.0)}[law]
    values = 3 + 0.02 * shape + 0.1 * chance.normal(size=(4000, 4))
    found = trend(HOURS, values, law)  # type: ignore[arg-type]
    assert 0.93 < ((found.rate_low <= 0.02) & (found.rate_high >= 0.02)).mean() < 0.97
    ahead = predict(HOURS, values, 5000.0, law)  # type: ignore[arg-type]
    new = 3 + 0.02 * later + 0.1 * chance.normal(size=4000)
    assert 0.93 < ((ahead.low <= new) & (new <= ahead.high)).mean() < 0.97


@settings(max_examples=30)
@given(st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_a_trend_follows_the_unit_of_the_value(scale: float, shift: float) -> None:
    values = np.array([[0.0, 1.0, 1.5, 4.0]])
    plain, other = trend(HOURS, values), trend(HOURS, scale * values + shift)
    assert other.rate == pytest.approx(scale * plain.rate, rel=1e-9)
    assert other.rate_high == pytest.approx(scale * plain.rate_high, rel=1e-6)


@pytest.mark.parametrize(
    ("hours", "values", "message"),
    [
        (HOURS[:2], np.ones((1, 2)), "at least 3 readouts"),
        (HOURS[::-1], np.ones((1, 4)), "rise"),
        (HOURS, np.ones((1, 3)), "at least 3 readouts"),
    ],
)
def test_readouts_that_give_no_trend_are_refused(
    hours: np.ndarray, values: np.ndarray, message: str
) -> None:
    with pytest.raises(AnalysisError, match=message):
        trend(hours, values)


def test_a_prediction_backwards_is_refused_and_a_missing_readout_gives_no_number() -> None:
    with pytest.raises(AnalysisError, match="lies before"):
        predict(HOURS, np.ones((1, 4)), 500.0)
    assert np.isnan(predict(HOURS, np.array([[0.0, np.nan, 1.0, 2.0]]), 5000.0).value).all()
