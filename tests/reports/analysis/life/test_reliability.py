"""Bounds of few failures: published tables, exactness by counting, and the safe direction."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.life import reliability as rel


def test_the_ltpd_table_of_the_aec_reference_is_reproduced() -> None:
    table = {
        (0, 231): 0.009919,
        (0, 117): 0.01949,
        (0, 90): 0.02526,
        (0, 78): 0.02909,
        (0, 77): 0.02946,
        (0, 45): 0.04988,
        (0, 30): 0.07388,
        (0, 26): 0.08475,
        (0, 22): 0.09937,
        (0, 15): 0.1423,
        (0, 800): 0.00287,
        (0, 2400): 0.00096,
        (1, 77): 0.0496,
        (1, 231): 0.01673,
        (2, 231): 0.0229,
    }
    failures, units = np.array(list(table)).T
    assert rel.fraction_bound(failures, units) == pytest.approx(list(table.values()), rel=3e-3)


@pytest.mark.parametrize(
    ("fraction", "sizes"),
    [
        (0.10, [22, 38, 52, 65]),
        (0.05, [45, 77, 105, 132]),
        (0.03, [76, 129, 176, 221]),
        (0.02, [114, 194, 265, 333]),
        (0.015, [153, 258, 354, 444]),
        (0.01, [230, 388, 531, 667]),
        (0.005, [460, 777, 1063, 1335]),
    ],
)
def test_sample_sizes_are_the_exact_binomial_ones(fraction: float, sizes: list[int]) -> None:
    found = rel.sample_size(fraction, [0, 1, 2, 3])
    assert found.tolist() == sizes
    assert (rel.fraction_bound([0, 1, 2, 3], found) <= fraction).all()
    assert (rel.fraction_bound([0, 1, 2, 3], found - 1) > fraction).all()


def test_nist_7_2_4_1_gives_its_interval() -> None:
    found = rel.fraction_interval(4, 20, confidence=0.9)
    assert (float(found.low), float(found.high)) == pytest.approx((0.071354, 0.401029), abs=2e-6)


@pytest.mark.parametrize(("failures", "units"), [(0, 5), (2, 30), (7, 12)])
def test_the_bound_solves_the_binomial_sum(failures: int, units: int) -> None:
    p = float(rel.fraction_bound(failures, units, confidence=0.95))
    tail = sum(comb(units, i) * p**i * (1 - p) ** (units - i) for i in range(failures + 1))
    assert tail == pytest.approx(0.05, rel=1e-9)


def test_all_or_none_failed_reaches_the_ends() -> None:
    found = rel.fraction_interval([0, 7], 7)
    assert (float(found.low[0]), float(found.high[1])) == (0.0, 1.0)
    assert float(rel.fraction_bound(7, 7)) == 1.0


def test_the_stated_confidence_is_never_missed() -> None:
    # Counted, not simulated: the chance of a covering count for every true fraction.
    units, truth = 30, np.linspace(0.001, 0.999, 999)
    count = np.arange(units + 1)
    chance = stats.binom.pmf(count, units, truth[:, None])
    both = rel.fraction_interval(count, units)
    covered = (both.low <= truth[:, None]) & (truth[:, None] <= both.high)
    assert (chance * covered).sum(axis=1).min() >= 0.95 - 1e-12
    upper = rel.fraction_bound(count, units, 0.9) >= truth[:, None]
    assert (chance * upper).sum(axis=1).min() >= 0.9 - 1e-12


def test_the_fit_example_of_the_reference_is_reproduced() -> None:
    found = [
        float(rel.failure_rate(f, 231_000, 77.6455, confidence).upper)
        for f, confidence in ((0, 0.6), (0, 0.9), (2, 0.6))
    ]
    assert found == pytest.approx([51.09, 128.38, 173.1], rel=5e-4)


def test_the_early_failure_example_gives_382_ppm() -> None:
    assert float(rel.failure_rate(0, 2400).upper) / 1e3 == pytest.approx(381.8, abs=0.05)


def test_a_failure_terminated_rate_holds_95_percent() -> None:
    # Stopped at the third failure: the exposure is gamma and the interval exact.
    hours = np.random.default_rng(2).gamma(3, 1e6, size=20_000)
    found = rel.failure_rate(3, hours, confidence=0.95, terminated="failure")
    inside = (found.interval.low <= 1000.0) & (found.interval.high >= 1000.0)
    assert 0.945 <= inside.mean() <= 0.955
    assert 0.945 <= (found.upper >= 1000.0).mean() <= 0.955


def test_a_time_terminated_rate_never_misses_its_confidence() -> None:
    count = np.arange(80)
    found = rel.failure_rate(count, 1e6, confidence=0.95).interval
    for expected in (0.05, 0.5, 3.0, 12.0, 40.0):
        covered = (found.low <= 1000 * expected) & (found.high >= 1000 * expected)
        assert (stats.poisson.pmf(count, expected) * covered).sum() >= 0.95 - 1e-9


def test_success_runs_and_test_times_are_the_tabled_ones() -> None:
    shown = rel.demonstrated_reliability(0, [22, 45, 230])
    assert (shown >= [0.90, 0.95, 0.99]).all()
    ratio = rel.success_run_time_ratio(231, 0.99, [1, 2, 3])
    assert ratio == pytest.approx([0.991798, 0.995890, 0.997258], abs=5e-7)


@given(
    failures=st.integers(0, 20),
    units=st.integers(21, 5000),
    confidence=st.floats(0.5, 0.99),
)
def test_one_more_failure_never_improves_a_figure(
    failures: int, units: int, confidence: float
) -> None:
    few, more = failures, failures + 1
    assert rel.fraction_bound(more, units, confidence) > rel.fraction_bound(few, units, confidence)
    assert rel.demonstrated_reliability(more, units, confidence) < rel.demonstrated_reliability(
        few, units, confidence
    )
    rates = [rel.failure_rate(f, 1e6, confidence=confidence) for f in (few, more)]
    assert rates[1].upper > rates[0].upper
    assert rates[1].mttf_h < rates[0].mttf_h
    assert rel.sample_size(0.01, more, confidence) > rel.sample_size(0.01, few, confidence)


@given(hours=st.floats(1.0, 1e12), scale=st.floats(0.1, 1e3))
def test_the_rate_falls_in_proportion_to_hours_and_acceleration(hours: float, scale: float) -> None:
    base = float(rel.failure_rate(1, hours).upper)
    assert float(rel.failure_rate(1, scale * hours).upper) == pytest.approx(base / scale)
    assert float(rel.failure_rate(1, hours, scale).upper) == pytest.approx(base / scale)


@pytest.mark.parametrize("bad", [-1, 0.5, float("nan"), 78])
def test_impossible_counts_are_refused(bad: float) -> None:
    with pytest.raises(AnalysisError):
        rel.fraction_bound(bad, 77)


@pytest.mark.parametrize("bad", [0.0, -5.0, float("nan"), float("inf")])
def test_a_rate_without_exposure_is_refused(bad: float) -> None:
    with pytest.raises(AnalysisError):
        rel.failure_rate(0, bad)
    with pytest.raises(AnalysisError):
        rel.failure_rate(0, 1e6, acceleration=bad)


def test_a_failure_terminated_test_needs_its_failure() -> None:
    with pytest.raises(AnalysisError, match="failures"):
        rel.failure_rate(0, 1e6, terminated="failure")
