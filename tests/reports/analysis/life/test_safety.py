"""Safety metrics: the split adds up, the metrics follow their formulas, coverage has its bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.life.safety import diagnostic_coverage, split_failure_rate

SHARES = st.lists(st.floats(0, 1), min_size=3, max_size=3)


def test_a_hand_computed_pair_of_elements_gives_its_metrics() -> None:
    # Recalled formulas of ISO 26262-5:2018, annex C; figures by hand.
    found = split_failure_rate([50.0, 10.0], [0.5, 1.0], [0.99, 0.0], [0.9, 0.0])
    assert found.single_point_fit.tolist() == [0.0, 10.0]
    assert found.residual_fit == pytest.approx([0.25, 0.0])
    assert found.latent_fit == pytest.approx([2.475, 0.0])
    assert found.perceived_fit == pytest.approx([22.275, 0.0])
    assert float(found.spfm) == pytest.approx(1 - 10.25 / 60)
    assert float(found.lfm) == pytest.approx(1 - 2.475 / (60 - 10.25))
    assert float(found.pmhf_fit) == pytest.approx(10.25)


def test_the_dual_point_term_needs_a_lifetime() -> None:
    found = split_failure_rate([100.0], [1.0], [0.99], [0.9], lifetime_h=1e4, mechanism_fit=50.0)
    assert float(found.pmhf_fit) == pytest.approx(1.0 + 0.5 * 99 * 50e-9 * 1e4)


def test_targets_need_all_three_metrics() -> None:
    good = split_failure_rate([50.0], [0.5], [0.99], [0.9])
    assert bool(good.meets("D"))
    assert not bool(split_failure_rate([50.0], [0.5], [0.99], [0.5]).meets("D"))
    assert not bool(split_failure_rate([50_000.0], [0.5], [0.99], [0.9]).meets("B"))
    with pytest.raises(AnalysisError, match="ASIL"):
        good.meets("A")


def test_nothing_unsafe_means_no_metric_and_no_target_met() -> None:
    found = split_failure_rate([50.0], [0.0], [0.0], [0.0])
    assert np.isnan(found.spfm)
    assert not bool(found.meets("B"))


@given(rate=st.lists(st.floats(0, 1e4), min_size=3, max_size=3), unsafe=SHARES, a=SHARES, b=SHARES)
def test_the_split_adds_up_and_better_coverage_never_hurts(
    rate: list[float], unsafe: list[float], a: list[float], b: list[float]
) -> None:
    found = split_failure_rate(rate, unsafe, a, b)
    parts = found.safe_fit + found.single_point_fit + found.residual_fit
    assert parts + found.latent_fit + found.perceived_fit == pytest.approx(rate, abs=1e-6)
    better = split_failure_rate(rate, unsafe, [min(1.0, x + 0.01) for x in a], b)
    assert float(better.pmhf_fit) <= float(found.pmhf_fit) + 1e-9


def test_299_detected_of_299_show_99_percent() -> None:
    found = diagnostic_coverage([299, 298, 0], [299, 299, 299])
    assert found.low[0] >= 0.99 > found.low[1]
    assert found.low[2] == 0.0
    assert found.value.tolist() == pytest.approx([1.0, 298 / 299, 0.0])


def test_the_coverage_bound_never_misses_its_confidence() -> None:
    hits, truth = np.arange(61), np.linspace(0.5, 0.999, 200)
    low = diagnostic_coverage(hits, 60).low
    chance = stats.binom.pmf(hits, 60, truth[:, None])
    assert (chance * (low <= truth[:, None])).sum(axis=1).min() >= 0.95 - 1e-12


@given(injected=st.integers(2, 2000), share=st.floats(0, 1))
def test_one_more_undetected_fault_never_raises_the_bound(injected: int, share: float) -> None:
    detected = 1 + int(share * (injected - 1))
    bounds = diagnostic_coverage([detected - 1, detected], injected).low
    assert bounds[0] < bounds[1]


@pytest.mark.parametrize(("detected", "injected"), [(3, 2), (0, 0), (1.5, 2), (float("nan"), 2)])
def test_impossible_campaigns_are_refused(detected: float, injected: float) -> None:
    with pytest.raises(AnalysisError):
        diagnostic_coverage(detected, injected)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_a_share_outside_zero_to_one_is_refused(bad: float) -> None:
    with pytest.raises(AnalysisError, match="coverage"):
        split_failure_rate([1.0], [1.0], [bad], [0.0])
