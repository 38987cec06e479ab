"""Kaplan-Meier: a classic data set, its intervals, and lives it can't take."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.life.lifetimes import Lifetimes
from sensorbench.analysis.life.survival import kaplan_meier

# Freireich et al. 1963, 6-MP arm; data and intervals agree with the lifelines package.
FAILED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
REMOVED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]


def test_the_freireich_curve_and_greenwood_errors_are_the_textbook_ones() -> None:
    curve = kaplan_meier(Lifetimes.exact(FAILED, REMOVED))
    assert curve.time_h.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.failed.tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert curve.survival.value == pytest.approx(
        [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4
    )
    assert curve.standard_error == pytest.approx(
        [0.076, 0.087, 0.096, 0.107, 0.114, 0.128, 0.135], abs=5e-4
    )


def test_the_interval_is_that_of_log_minus_log() -> None:
    # lifelines 0.30.3, KaplanMeierFitter.
    found = kaplan_meier(Lifetimes.exact(FAILED, REMOVED)).survival
    assert found.low[:2] == pytest.approx([0.619718, 0.563147], abs=1e-6)
    assert found.high[:2] == pytest.approx([0.951552, 0.922809], abs=1e-6)


def test_the_curve_is_a_step_function() -> None:
    curve = kaplan_meier(Lifetimes.exact(FAILED, REMOVED))
    assert curve.at([0.0, 5.9, 6.0, 6.9, 100.0]) == pytest.approx(
        [1, 1, 0.857, 0.857, 0.448], abs=5e-4
    )


def test_without_censoring_it_is_the_share_alive() -> None:
    curve = kaplan_meier(Lifetimes.exact([1.0, 2.0, 3.0, 4.0]))
    assert curve.survival.value == pytest.approx([0.75, 0.5, 0.25, 0.0])
    assert np.isnan(
        [curve.survival.low[-1], curve.survival.high[-1], curve.standard_error[-1]]
    ).all()


@pytest.mark.parametrize(("units", "alive"), [(20, 0.5), (50, 0.8), (77, 0.9), (231, 0.95)])
def test_the_pointwise_interval_holds_95_percent(units: int, alive: float) -> None:
    rng = np.random.default_rng(units)
    at, hits, sets = -np.log(alive), 0, 2000
    for _ in range(sets):
        life, removed = rng.exponential(size=units), rng.exponential(3.0, size=units)
        dead = life <= removed
        curve = kaplan_meier(Lifetimes.exact(life[dead], removed[~dead]))
        last = int(np.searchsorted(curve.time_h, at, side="right")) - 1
        if last >= 0:
            hits += int(curve.survival.low[last] <= alive <= curve.survival.high[last])
    assert 0.93 <= hits / sets <= 0.97


def test_what_has_no_curve_is_refused() -> None:
    with pytest.raises(AnalysisError, match="fit a law to readouts"):
        kaplan_meier(Lifetimes.readouts([168, 500], [1, 2], 74))
    with pytest.raises(AnalysisError, match="no unit failed"):
        kaplan_meier(Lifetimes.readouts([168, 500], [0, 0], 77))
    with pytest.raises(AnalysisError, match="one set"):
        kaplan_meier(Lifetimes.exact([[1.0, 2.0], [3.0, 4.0]]))


@given(at=st.floats(0.5, 34.0), seed=st.integers(0, 99))
def test_one_more_failure_never_raises_the_end_of_the_curve(at: float, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(FAILED))
    plain = kaplan_meier(Lifetimes.exact(np.array(FAILED)[order], REMOVED))
    worse = kaplan_meier(Lifetimes.exact([*FAILED, at], REMOVED[:-1]))
    assert worse.at(40.0) < plain.at(40.0)
    assert plain.survival.value[-1] == pytest.approx(0.448, abs=5e-4)
