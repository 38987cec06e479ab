"""Monte Carlo: the examples of JCGM 101, clause 9, and when the GUM is not validated."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.uncertainty.monte_carlo import (
    Input,
    adaptive_monte_carlo,
    monte_carlo,
    summarise,
    tolerance_of,
    validate_gum,
)

UNIT_RECTANGLE = Input(0.0, math.sqrt(3.0), "rectangular")


def total(*x: np.ndarray) -> np.ndarray:
    return sum(x[1:], x[0])


def mass(
    m: np.ndarray, dm: np.ndarray, air: np.ndarray, weight: np.ndarray, reference: np.ndarray
) -> np.ndarray:
    return (m + dm) * (1 + (air - 1.2) * (1 / weight - 1 / reference)) - 100_000.0


MASS_INPUTS = [
    Input(100_000.0, 0.050),
    Input(1.234, 0.020),
    Input(1.20, 0.10, "rectangular"),
    Input(8000.0, 1000.0, "rectangular"),
    Input(8000.0, 50.0, "rectangular"),
]


def test_9_2_2_four_normal_inputs_validate_the_gum() -> None:
    found = monte_carlo(total, [Input(0.0, 1.0)] * 4)
    assert found.u == pytest.approx(2.00, abs=0.005)
    for low, high in (found.symmetric, found.shortest):
        assert (low, high) == (pytest.approx(-3.92, abs=0.03), pytest.approx(3.92, abs=0.03))
    assert validate_gum(0.0, 2.0, 1.96, found).valid


def test_9_2_3_four_rectangular_inputs_have_a_shorter_interval() -> None:
    found = monte_carlo(total, [UNIT_RECTANGLE] * 4)
    assert found.u == pytest.approx(2.00, abs=0.005)
    assert found.symmetric == (pytest.approx(-3.88, abs=0.02), pytest.approx(3.88, abs=0.02))


def test_9_2_4_one_dominant_rectangular_input_does_not_validate_the_gum() -> None:
    found = monte_carlo(total, [*[UNIT_RECTANGLE] * 3, Input(0.0, 10 * 3**0.5, "rectangular")])
    assert found.u == pytest.approx(10.1, abs=0.05)
    assert found.symmetric == (pytest.approx(-17.0, abs=0.05), pytest.approx(17.0, abs=0.05))
    check = validate_gum(0.0, math.sqrt(103.0), 1.96, found)
    assert not check.valid
    assert check.low_difference == pytest.approx(19.9 - 17.0, abs=0.1)


def test_9_3_mass_calibration_needs_monte_carlo() -> None:
    found = monte_carlo(mass, MASS_INPUTS)
    assert found.mean == pytest.approx(1.2341, abs=0.002)
    assert found.u == pytest.approx(0.0754, abs=0.002)
    assert found.shortest == (pytest.approx(1.085, abs=0.002), pytest.approx(1.383, abs=0.002))
    check = validate_gum(1.2340, 0.0539, 1.96, found)
    assert not check.valid
    assert check.tolerance == 0.0005
    assert check.low_difference == pytest.approx(1.1285 - 1.085, abs=0.003)


def test_adaptive_runs_stop_when_the_digits_asked_for_are_stable() -> None:
    found = adaptive_monte_carlo(mass, MASS_INPUTS, digits=1)
    assert 20_000 <= len(found.values) < 1_000_000
    assert found.u == pytest.approx(0.0754, abs=tolerance_of(0.0754, 1))
    with pytest.raises(AnalysisError, match="stable"):
        adaptive_monte_carlo(mass, MASS_INPUTS, digits=4, most=50_000)


def test_the_shortest_interval_of_a_skewed_result_is_shorter_and_lower() -> None:
    found = monte_carlo(np.exp, [Input(0.0, 0.5)], draws=200_000)
    (low, high), (short_low, short_high) = found.symmetric, found.shortest
    assert high == pytest.approx(math.exp(0.5 * 1.96), rel=0.02)
    assert short_high - short_low < 0.95 * (high - low)
    assert short_low < low


def test_distributions_have_the_moments_of_their_name() -> None:
    expected = {"rectangular": 3**0.5, "triangular": 6**0.5, "arcsine": 2**0.5}
    for distribution, divisor in expected.items():
        found = monte_carlo(np.positive, [Input(5.0, 2.0, distribution)], draws=200_000)
        assert found.mean == pytest.approx(5.0, abs=0.02)
        assert found.u == pytest.approx(2.0 / divisor, rel=0.01)
    t = monte_carlo(np.positive, [Input(0.0, 1.0, "t", freedom=9)], draws=500_000)
    assert t.u == pytest.approx(math.sqrt(9 / 7), rel=0.01)
    assert t.symmetric[1] == pytest.approx(2.2622, rel=0.01)


def test_correlated_normal_inputs_keep_their_correlation_and_the_others_their_shape() -> None:
    inputs = [Input(0.0, 3.0), Input(0.0, 1.0, "rectangular"), Input(0.0, 4.0)]
    r = [[1, 0, -0.9], [0, 1, 0], [-0.9, 0, 1]]
    added = monte_carlo(lambda *x: x[0] + x[2], inputs, draws=200_000, correlation=r)
    assert added.u == pytest.approx(math.sqrt(9 + 16 - 2 * 0.9 * 12), rel=0.01)
    middle = monte_carlo(lambda *x: x[1], inputs, draws=200_000, correlation=r)
    assert middle.values[0] >= -1.0
    with pytest.raises(AnalysisError, match="not normal"):
        monte_carlo(total, inputs, correlation=[[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])


def test_a_seed_repeats_and_streams_do_not_depend_on_other_inputs() -> None:
    one = monte_carlo(np.positive, [Input(0.0, 1.0)], draws=20_000, seed=5)
    two = monte_carlo(lambda *x: x[0], [Input(0.0, 1.0), Input(0.0, 9.0)], draws=20_000, seed=5)
    other = monte_carlo(np.positive, [Input(0.0, 1.0)], draws=20_000, seed=6)
    assert np.array_equal(one.values, two.values)
    assert not np.array_equal(one.values, other.values)


def test_uniform_draws_are_pinned_to_the_generator() -> None:
    found = monte_carlo(np.positive, [Input(0.0, 1.0, "rectangular")], draws=10_000, seed=1)
    key = np.array([1, 0], np.uint64)
    expected = np.random.Generator(np.random.Philox(key=key)).random(10_000) * 2 - 1
    assert found.values == pytest.approx(np.sort(expected), abs=1e-15)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(1e-6, 1e6), offset=st.floats(-1e3, 1e3))
def test_figures_scale_and_shift_with_the_unit(gain: float, offset: float) -> None:
    values = np.random.Generator(np.random.Philox(9)).gamma(2.0, 1.0, 10_000)
    base, changed = summarise(values), summarise(gain * (values + offset))
    assert changed.u == pytest.approx(gain * base.u, rel=1e-6)
    for name in ("symmetric", "shortest"):
        expected = [gain * (end + offset) for end in getattr(base, name)]
        assert getattr(changed, name) == pytest.approx(expected, rel=1e-6, abs=gain * 1e-6)


def test_symmetric_intervals_cover_their_probability() -> None:
    rng = np.random.Generator(np.random.Philox(10))
    found = monte_carlo(lambda a, b: a * b, [Input(1.0, 0.3), Input(2.0, 0.4)], draws=100_000)
    truth = rng.normal(1.0, 0.3, 20_000) * rng.normal(2.0, 0.4, 20_000)
    for low, high in (found.symmetric, found.shortest):
        assert np.mean((truth >= low) & (truth <= high)) == pytest.approx(0.95, abs=0.006)


def test_what_can_not_be_drawn_is_refused() -> None:
    with pytest.raises(AnalysisError, match="needs inputs"):
        monte_carlo(total, [])
    with pytest.raises(AnalysisError, match="no interval"):
        monte_carlo(total, [Input(0.0, 1.0)], draws=100)
    with pytest.raises(AnalysisError, match="no interval"):
        monte_carlo(total, [Input(0.0, 1.0)], draws=10_000, probability=0.999)
    with pytest.raises(AnalysisError, match="probability"):
        adaptive_monte_carlo(total, [Input(0.0, 1.0)], probability=1.0)
    with pytest.raises(AnalysisError, match="keep it"):
        monte_carlo(np.mean, [Input(0.0, 1.0)], draws=10_000)
    with pytest.raises(AnalysisError, match="not finite"), np.errstate(invalid="ignore"):
        monte_carlo(np.log, [Input(0.0, 1.0)], draws=10_000)
    with pytest.raises(AnalysisError, match="spread"):
        Input(0.0, -1.0)
    with pytest.raises(AnalysisError, match="t distribution"):
        Input(0.0, 1.0, "t")
    with pytest.raises(AnalysisError, match="must be one of"):
        monte_carlo(np.positive, [Input(0.0, 1.0, "cauchy")], draws=10_000)
    with pytest.raises(AnalysisError, match="u must be"):
        tolerance_of(0.0)


@pytest.mark.parametrize(
    ("one", "mean", "u"),
    [
        # JCGM 101:2008, 6.4: means and variances of the laws.
        (Input(5.0, 2.0, "trapezoidal", shape=0.5), 5.0, 2 * ((1 + 0.25) / 6) ** 0.5),
        (Input(5.0, 2.0, "curvilinear_trapezoid", shape=0.3), 5.0, (4 / 3 + 0.36 / 9) ** 0.5),
        (Input(1.0, 3.0, "exponential"), 4.0, 3.0),
        (Input(0.0, 1.0, "gamma", shape=8), 9.0, 3.0),
        (Input(5.0, 2.0, "trapezoidal", shape=0.0), 5.0, 2 / 6**0.5),
        (Input(5.0, 2.0, "trapezoidal", shape=1.0), 5.0, 2 / 3**0.5),
    ],
)
def test_further_laws_of_jcgm_101_have_their_mean_and_u(one: Input, mean: float, u: float) -> None:
    found = monte_carlo(lambda x: x, [one], draws=400_000)
    assert found.mean == pytest.approx(mean, abs=0.02)
    assert found.u == pytest.approx(u, rel=0.01)


def test_a_shape_belongs_to_the_laws_that_have_one() -> None:
    with pytest.raises(AnalysisError, match="shape of a normal is from 0 to 0"):
        Input(0.0, 1.0, shape=0.5)
    with pytest.raises(AnalysisError, match="shape of a trapezoidal is from 0 to 1"):
        Input(0.0, 1.0, "trapezoidal", shape=2.0)
