"""Propagation over arrays: agrees with budgets, derivatives and draws; shows what it leaves out."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.uncertainty.propagation import propagate, second_order

LENGTH = 50.000623e6
GAUGE_VALUES = [LENGTH, 215.0, 0.0, 0.0, 11.5e-6, -0.1]
GAUGE_U = [25.0, 9.7, 0.58e-6, 0.029, 1.2e-6, 0.41]


def end_gauge(
    standard: np.ndarray,
    difference: np.ndarray,
    expansion_difference: np.ndarray,
    temperature_difference: np.ndarray,
    expansion: np.ndarray,
    temperature: np.ndarray,
) -> np.ndarray:
    """Return the length of JCGM 100, H.1 in nm."""
    return (
        standard
        + difference
        - standard * (expansion_difference * temperature + expansion * temperature_difference)
    )


def buoyancy(
    m: np.ndarray, dm: np.ndarray, air: np.ndarray, weight: np.ndarray, reference: np.ndarray
) -> np.ndarray:
    """Return the mass deviation of JCGM 101, 9.3 in mg."""
    return (m + dm) * (1 + (air - 1.2) * (1 / weight - 1 / reference)) - 100_000.0


def test_gum_h1_by_its_model_and_its_second_order_terms() -> None:
    found = propagate(end_gauge, GAUGE_VALUES, GAUGE_U, keep_contributions=True)
    assert found.u == pytest.approx(31.71, rel=1e-3)
    assert found.contributions is not None
    assert np.abs(found.contributions) == pytest.approx([25.0, 9.7, 2.9, 16.67, 0.0, 0.0], abs=0.03)
    second = second_order(end_gauge, GAUGE_VALUES, GAUGE_U)
    # Published 11.7 and 1.7 nm, and 34 nm together with the first order.
    assert second.u == pytest.approx(np.hypot(11.9, 1.7), rel=0.01)
    assert np.hypot(found.u, second.u) == pytest.approx(34, rel=0.02)


def test_jcgm_101_mass_first_order_is_too_small_and_second_order_says_so() -> None:
    values = [100_000.0, 1.234, 1.20, 8000.0, 8000.0]
    u = [0.050, 0.020, 0.1 / 3**0.5, 1000 / 3**0.5, 50 / 3**0.5]
    found = propagate(buoyancy, values, u)
    assert found.value == pytest.approx(1.2340, abs=5e-5)
    assert found.u == pytest.approx(0.0539, abs=5e-5)
    second = second_order(buoyancy, values, u)
    assert second.u > 0.9 * found.u
    assert np.hypot(found.u, second.u) == pytest.approx(0.0754, rel=0.02)


def test_derivatives_given_and_found_agree_over_arrays() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    r, t = rng.uniform(1, 2, (3, 5000)), rng.uniform(20, 30, (3, 1))
    numeric = propagate(lambda r, t: r * np.sqrt(t), [r, t], [1e-4, 1e-3])
    analytic = propagate(
        lambda r, t: r * np.sqrt(t),
        [r, t],
        [1e-4, 1e-3],
        jacobian=lambda r, t: (np.sqrt(t), r / (2 * np.sqrt(t))),
    )
    assert numeric.u.shape == (3, 5000)
    assert numeric.value == pytest.approx(r * np.sqrt(t))
    assert numeric.u == pytest.approx(analytic.u, rel=1e-8)


def test_a_block_ends_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.Generator(np.random.Philox(2)).uniform(1, 2, (4, 33))
    whole = propagate(np.log, [x], [0.01 * x], keep_contributions=True)
    monkeypatch.setattr("sensorbench.analysis.uncertainty.propagation.BLOCK", 10)
    parts = propagate(np.log, [x], [0.01 * x], keep_contributions=True)
    assert np.array_equal(whole.u, parts.u)
    assert np.array_equal(whole.contributions, parts.contributions)
    assert whole.u == pytest.approx(0.01, rel=1e-4)


def test_correlation_counts_for_whole_arrays() -> None:
    a, b = np.full(20_000, 5.0), np.full(20_000, 3.0)
    for r, expected in ((1.0, 1.0), (0.0, 5.0), (-1.0, 7.0)):
        found = propagate(np.subtract, [a, b], [3.0, 4.0], correlation=[[1, r], [r, 1]])
        assert found.u == pytest.approx(expected, abs=1e-7)


def test_first_order_u_is_the_scatter_of_draws() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    draws = np.exp(rng.normal(0.3, 0.01, 200_000)) / rng.normal(4.0, 0.02, 200_000)
    found = propagate(lambda a, b: np.exp(a) / b, [0.3, 4.0], [0.01, 0.02])
    assert found.u == pytest.approx(draws.std(), rel=0.01)


@settings(max_examples=50)
@given(
    gain=st.floats(1e-6, 1e6),
    values=st.lists(st.floats(-10, 10), min_size=1, max_size=6),
    u=st.floats(1e-3, 1.0),
)
def test_u_scales_with_the_unit_and_permutes_with_the_duts(
    gain: float, values: list[float], u: float
) -> None:
    x = np.array(values)
    base = propagate(lambda a: a**2 + 3 * a, [x], [u]).u
    scaled = propagate(lambda a: gain * (a**2 + 3 * a), [x[::-1]], [u]).u
    assert scaled[::-1] == pytest.approx(gain * base, rel=1e-6, abs=gain * 1e-9)
    assert base == pytest.approx(np.abs(2 * x + 3) * u, abs=1e-9)


def test_a_value_that_is_not_known_gives_nan_there_only() -> None:
    x = np.array([1.0, np.nan, 3.0])
    found = propagate(np.multiply, [x, 2.0], [0.1, [0.1, 0.1, np.nan]])
    assert np.isnan(found.value).tolist() == [False, True, False]
    assert np.isnan(found.u).tolist() == [False, True, True]


def test_nothing_in_gives_nothing_out() -> None:
    assert propagate(np.multiply, [np.empty((0, 3)), 2.0], [0.1, 0.1]).u.shape == (0, 3)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(AnalysisError, match="each input needs both"):
        propagate(np.multiply, [1.0, 2.0], [0.1])
    with pytest.raises(AnalysisError, match="each input needs both"):
        propagate(np.multiply, [], [])
    with pytest.raises(AnalysisError, match="broadcast"):
        propagate(np.multiply, [[1.0, 2.0], [1.0, 2.0, 3.0]], [0.1, 0.1])
    with pytest.raises(AnalysisError, match="below 0"):
        propagate(np.multiply, [1.0, 2.0], [0.1, -0.1])
    with pytest.raises(AnalysisError, match="the model made shape"):
        propagate(np.sum, [[1.0, 2.0]], [0.1])
    with pytest.raises(AnalysisError, match="3 derivatives for 1 inputs"):
        propagate(np.log, [1.0], [0.1], jacobian=lambda a: (a, a, a))
    for r in ([[1.0]], [[1, 0.5], [0.4, 1]], [[1, 2], [2, 1]], [[2, 0], [0, 2]]):
        with pytest.raises(AnalysisError, match="correlation"):
            propagate(np.multiply, [1.0, 2.0], [0.1, 0.1], correlation=r)


def test_a_division_by_0_gives_a_value_that_is_not_known_and_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = propagate(np.divide, [[1.0, 1.0, 1.0], [2.0, 0.0, np.inf]], [0.1, 0.1])
        bend = second_order(np.divide, [[1.0, 1.0, 1.0], [2.0, 0.0, np.inf]], [0.1, 0.1])
    for each in (found.value, found.u, bend.shift, bend.u):
        assert np.isfinite(each).tolist() == [True, False, False]
        assert np.isnan(each[1:]).all()
