"""Part average testing: named quartile rules, limits that only tighten, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.analysis.capability.pat import (
    QuartileRule,
    dynamic_pat,
    static_pat,
    statistical_bin_limits,
    statistical_yield_limits,
)
from sensorbench.analysis.errors import AnalysisError

# The 54 values of NIST e-Handbook 1.3.5.17.3.
ROSNER = [
    *(-0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56),
    *(1.58, 1.65, 1.69, 1.70, 1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10),
    *(2.14, 2.15, 2.23, 2.24, 2.26, 2.35, 2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92),
    *(2.92, 2.93, 3.21, 3.26, 3.30, 3.59, 3.68, 4.30, 4.64, 5.34, 5.42, 6.01),
]
FREE = (-np.inf, np.inf)
LOTS = [np.random.default_rng(i).normal(5.0 + 0.1 * i, 1.0, size=(3, 40)) for i in range(6)]


@pytest.mark.parametrize(
    ("rule", "sigma", "low", "high"),
    [
        ("linear", 0.9407, -3.549, 7.739),
        ("weibull", 0.9981, -3.894, 8.084),
        ("hazen", 0.9926, None, None),
    ],
)
def test_the_quartile_rule_moves_the_limits_as_computed_for_rosners_values(
    rule: QuartileRule, sigma: float, low: float | None, high: float | None
) -> None:
    found = dynamic_pat(ROSNER, *FREE, quartile_rule=rule)
    assert float(found.robust_sigma) == pytest.approx(sigma, abs=5e-5)
    assert found.quartile_rule == rule
    if low is not None:
        assert (float(found.low), float(found.high)) == pytest.approx((low, high), abs=1e-3)


def test_pat_limits_are_never_outside_the_specification() -> None:
    found = dynamic_pat(ROSNER, 0.0, 6.5)
    assert (float(found.low), float(found.high)) == (0.0, 6.5)


def test_parts_that_failed_do_not_widen_the_limits() -> None:
    with_rejects = dynamic_pat(np.append(ROSNER, [np.nan, 50.0, -50.0]), -1.0, 7.0)
    without = dynamic_pat(ROSNER, -1.0, 7.0)
    assert (with_rejects.low, with_rejects.high) == (without.low, without.high)
    assert float(with_rejects.units) == 54


def test_a_lot_far_out_moves_the_median_little() -> None:
    spoiled = np.append(ROSNER, [40.0, 41.0])
    moved, plain = dynamic_pat(spoiled, *FREE), dynamic_pat(ROSNER, *FREE)
    assert moved.outside(spoiled)[-2:].all()
    assert abs(float(moved.robust_mean - plain.robust_mean)) < 0.1


def test_a_clamped_output_needs_a_declared_least_sigma() -> None:
    codes = np.repeat([100.0, 101.0], [45, 5])
    assert np.isnan(dynamic_pat(codes, *FREE).high)
    assert bool(dynamic_pat(codes, *FREE).outside(codes).all())
    floor = 1 / np.sqrt(12)
    found = dynamic_pat(codes, *FREE, least_sigma=floor)
    assert float(found.high) == pytest.approx(100 + 6 * floor)


def test_unknown_readings_count_as_outside() -> None:
    found = dynamic_pat(ROSNER, *FREE)
    assert found.outside([2.0, np.nan, np.inf]).tolist() == [False, True, True]


def test_static_limits_pool_the_lots_parameter_by_parameter() -> None:
    low, high = np.full(3, -10.0), np.full(3, 20.0)
    found = static_pat(LOTS, low, high)
    alone = dynamic_pat(np.concatenate([lot[1] for lot in LOTS]), -10.0, 20.0)
    assert found.low[1] == pytest.approx(float(alone.low))
    assert found.units.tolist() == [240.0] * 3


def test_five_lots_or_a_small_lot_are_refused() -> None:
    with pytest.raises(AnalysisError, match="at least 6 lots, got 5"):
        static_pat(LOTS[:5], -10.0, 20.0)
    with pytest.raises(AnalysisError, match="30 passing parts a lot, lot 6 has 29"):
        static_pat([*LOTS[:5], LOTS[5][:, :29]], np.full(3, -10.0), np.full(3, 20.0))


def test_a_small_lot_has_no_dynamic_limits() -> None:
    with pytest.raises(AnalysisError, match="20 passing parts, one has 19"):
        dynamic_pat(np.arange(19.0), *FREE)


def test_limits_that_are_no_window_are_refused() -> None:
    with pytest.raises(AnalysisError, match="below its spec_high"):
        dynamic_pat(ROSNER, 5.0, 5.0)
    with pytest.raises(AnalysisError, match="don't fit"):
        dynamic_pat(LOTS[0], np.zeros(2), np.ones(2))


def test_yield_and_bin_limits_are_three_and_four_sigmas() -> None:
    yields = [0.97, 0.975, 0.98, 0.965, 0.972, 0.978]
    found = statistical_yield_limits(yields)
    assert found.first == pytest.approx(np.mean(yields) - 3 * np.std(yields, ddof=1))
    assert found.second == pytest.approx(np.mean(yields) - 4 * np.std(yields, ddof=1))
    bins = statistical_bin_limits([1 - y for y in yields])
    assert bins.first == pytest.approx(1 - found.first)


@pytest.mark.parametrize("bad", [[0.9] * 5, [0.9] * 5 + [90.0], [0.9] * 5 + [np.nan]])
def test_lot_yields_are_six_fractions(bad: list[float]) -> None:
    with pytest.raises(AnalysisError, match="lot_yields"):
        statistical_yield_limits(bad)


@given(scale=st.floats(1e-6, 1e6), offset=st.floats(-1e3, 1e3), seed=st.integers(0, 999))
def test_limits_follow_the_unit_and_ignore_the_order(
    scale: float, offset: float, seed: int
) -> None:
    data = np.random.default_rng(seed).permutation(ROSNER)
    plain, moved = dynamic_pat(ROSNER, *FREE), dynamic_pat(scale * (data + offset), *FREE)
    size = scale * (10 + abs(offset))
    assert float(moved.low) == pytest.approx(scale * (plain.low + offset), abs=1e-9 * size)
    assert float(moved.high) == pytest.approx(scale * (plain.high + offset), abs=1e-9 * size)


def test_lots_that_are_all_alike_set_no_limits() -> None:
    found = statistical_bin_limits([0, 0, 0, 0, 0, 0])
    assert np.isnan([found.sigma, found.first, found.second]).all()
    assert found.reason == "all lots are alike: their spread is not known"
