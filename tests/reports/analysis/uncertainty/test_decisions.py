"""Decision rules and their risks: the figures of ILAC-G8, ISO 14253-1 and Deaver."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.uncertainty.decisions import (
    ILAC_G8,
    ISO_14253,
    NON_BINARY,
    SIMPLE,
    Outcome,
    Rule,
    decide,
    gage_limits,
)
from sensorbench.analysis.uncertainty.risk import conformance_probability, global_risk
from sensorbench.core.verdict import Verdict

INF = np.inf


@pytest.mark.parametrize(("rule", "risk"), [(SIMPLE, 0.5), (ISO_14253, 0.05), (ILAC_G8, 0.025)])
def test_the_risk_at_the_acceptance_limit_is_that_of_the_rule(rule: Rule, risk: float) -> None:
    u = 0.4
    at_limit = decide(0.0, -INF, 10.0, 2 * u, rule).accept_high
    false = 1 - conformance_probability(at_limit, u, -INF, 10.0)
    assert false == pytest.approx(risk, abs=0.003)
    assert decide(at_limit, -INF, 10.0, 2 * u, rule).verdict() is Verdict.PASS
    above = np.nextafter(at_limit, INF)
    assert decide(above, -INF, 10.0, 2 * u, rule).verdict() is Verdict.FAIL


def test_the_non_binary_rule_has_four_zones_at_each_limit() -> None:
    found = decide([8.9, 9.1, 9.9, 10.0, 10.1, 11.0, 11.1], -INF, 10.0, 1.0, NON_BINARY)
    assert [Outcome(o).name for o in found.outcome] == [
        "PASS",
        "CONDITIONAL_PASS",
        "CONDITIONAL_PASS",
        "CONDITIONAL_PASS",
        "CONDITIONAL_FAIL",
        "CONDITIONAL_FAIL",
        "FAIL",
    ]
    mirrored = decide([-8.9, -9.1, -10.1, -11.1], -10.0, INF, 1.0, NON_BINARY)
    assert mirrored.outcome.tolist() == [3, 2, 1, 0]
    assert [Outcome(o).verdict for o in (3, 2, 1, 0, -1)] == [
        Verdict.PASS,
        Verdict.PASS,
        Verdict.FAIL,
        Verdict.FAIL,
        Verdict.INVALID,
    ]


def test_the_rule_is_stated_in_words() -> None:
    assert "0.83 U" in decide(1.0, 0.0, 2.0, 0.1, ISO_14253).rule
    assert "w = 0" in decide(1.0, 0.0, 2.0, 0.1, SIMPLE).rule
    assert "conditional" in decide(1.0, 0.0, 2.0, 0.1, NON_BINARY).rule


def test_what_is_not_known_is_invalid_never_pass_or_fail() -> None:
    values, expanded = [np.nan, 1.0, 1.0, 1.0, INF], [0.1, np.nan, -0.1, 5.0, 0.1]
    found = decide(values, 0.0, 2.0, expanded, ILAC_G8)
    assert set(found.outcome.tolist()) == {Outcome.INVALID}
    assert decide(1.0, 0.0, 2.0, 5.0, SIMPLE).outcome == Outcome.PASS


@settings(max_examples=100)
@given(
    y=st.floats(-20, 20),
    u_95=st.floats(0.0, 3.0),
    wider=st.floats(0.0, 1.0),
    gain=st.sampled_from([2.0, 0.5, 1024.0]),
)
def test_a_wider_guard_band_never_passes_more_and_units_do_not_matter(
    y: float, u_95: float, wider: float, gain: float
) -> None:
    narrow = decide(y, -10.0, 10.0, u_95, Rule("narrow", 1.0)).outcome
    wide = decide(y, -10.0, 10.0, u_95, Rule("wide", 1.0 + wider)).outcome
    assert wide <= narrow
    scaled = decide(gain * y, -10 * gain, 10 * gain, gain * u_95, Rule("narrow", 1.0))
    assert scaled.outcome == narrow


def test_a_result_on_the_limit_is_as_likely_good_as_bad() -> None:
    u = 0.3
    y = [10.0, 10.0 - 1.645 * u, 10.0 - 1.96 * u]
    false = 1 - conformance_probability(y, u, -INF, 10.0)
    assert false == pytest.approx([0.5, 0.05, 0.025], abs=1e-4)


def test_the_probability_of_conformity_keeps_its_digits_in_both_tails() -> None:
    far = conformance_probability([20.0, -20.0], 1.0, -10.0, 10.0)
    assert far == pytest.approx([7.6199e-24, 7.6199e-24], rel=1e-4, abs=0)
    assert np.isnan(conformance_probability([np.nan, 1.0, 1.0], [1.0, 0.0, np.nan], 0, 2)).all()


@pytest.mark.parametrize(
    ("limit", "ratio", "guarded", "passed_bad", "failed_good"),
    [
        # Deaver, "How to maintain your confidence", NCSL 1993, pages 7 and 10, as quoted by the
        # tests of Sandia's suncal; the paper itself was not at hand.
        (2.0, 4.0, 1.00, (0.008, 1e-4), (0.015, 5e-4)),
        (2.5, 4.0, 1.00, (0.0025, 1e-4), None),
        (2.5, 1.0, 1.00, (0.005, 1e-3), None),
        (2.0, 2.0, 0.91, (0.008, 5e-4), (0.066, 1e-3)),
    ],
)
def test_global_risks_are_those_published(
    limit: float,
    ratio: float,
    guarded: float,
    passed_bad: tuple[float, float],
    failed_good: tuple[float, float] | None,
) -> None:
    # `limit` is in standard deviations of the process, `ratio` is that one over u.
    found = global_risk(0.0, 1.0, 1 / ratio, -limit, limit, limit * (1 - guarded))
    assert found.false_acceptance == pytest.approx(passed_bad[0], abs=passed_bad[1])
    if failed_good:
        assert found.false_rejection == pytest.approx(failed_good[0], abs=failed_good[1])


def test_global_risks_are_those_of_a_simulated_process() -> None:
    rng = np.random.Generator(np.random.Philox(40))
    true = rng.normal(0.3, 1.0, 2_000_000)
    read = true + rng.normal(0.0, 0.3, len(true))
    good, passed = (true >= -1) & (true <= 2), (read >= -0.9) & (read <= 1.9)
    found = global_risk(0.3, 1.0, 0.3, -1.0, 2.0, 0.1)
    assert found.false_acceptance == pytest.approx(np.mean(passed & ~good), abs=5e-4)
    assert found.false_rejection == pytest.approx(np.mean(~passed & good), abs=5e-4)
    assert found.conforming == pytest.approx(np.mean(good), abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    mean=st.floats(-3, 3), u=st.floats(1e-4, 2.0), w=st.floats(0.0, 0.9), gain=st.floats(1e-3, 1e3)
)
def test_guard_bands_trade_one_risk_for_the_other(
    mean: float, u: float, w: float, gain: float
) -> None:
    plain = global_risk(mean, 1.0, u, -1.0, 1.0)
    guarded = global_risk(mean, 1.0, u, -1.0, 1.0, w)
    assert guarded.false_acceptance <= plain.false_acceptance + 1e-9
    assert guarded.false_rejection >= plain.false_rejection - 1e-9
    scaled = global_risk(gain * mean, gain, gain * u, -gain, gain, gain * w)
    assert scaled.false_acceptance == pytest.approx(guarded.false_acceptance, abs=1e-9)
    for risk in (plain.false_acceptance, plain.false_rejection):
        assert -1e-12 <= risk <= 1.0


def test_one_sided_limits_and_whole_arrays_of_processes() -> None:
    found = global_risk([0.0, 1.0, np.nan, 0.0], 1.0, [0.2, 0.2, 0.2, 0.0], -INF, 2.0)
    assert np.isfinite(found.false_acceptance).tolist() == [True, True, False, False]
    assert found.false_acceptance[1] > found.false_acceptance[0]
    empty = global_risk(0.0, 1.0, 0.2, -1.0, 1.0, 1.5)
    assert np.isnan(empty.false_acceptance)


def test_a_perfect_measurement_takes_no_false_decision() -> None:
    found = global_risk(0.0, 1.0, 1e-6, -1.0, 1.0)
    assert found.false_acceptance == pytest.approx(0.0, abs=1e-6)
    assert found.false_rejection == pytest.approx(0.0, abs=1e-6)
    assert found.conforming == pytest.approx(0.6826895, abs=1e-6)


def test_tester_limits_are_g_gage_deviations_inside() -> None:
    assert gage_limits(4.75, 5.25, 0.01) == (pytest.approx(4.78), pytest.approx(5.22))
    assert gage_limits(-INF, 5.0, 0.1, g=4.0) == (-INF, pytest.approx(4.6))
    with pytest.raises(AnalysisError, match="g must be finite and from 3"):
        gage_limits(0.0, 10.0, 0.1, g=2.9)
    with pytest.raises(AnalysisError, match="gage_sd must be finite"):
        gage_limits(0.0, 10.0, np.nan)
    with pytest.raises(AnalysisError, match="too coarse"):
        gage_limits(0.0, 1.0, 0.2)


def test_what_can_not_be_decided_is_refused() -> None:
    with pytest.raises(AnalysisError, match="at least 1 entries"):
        decide([], 0.0, 1.0, 0.1, SIMPLE)
    with pytest.raises(AnalysisError, match="limit is not known"):
        decide([1.0], np.nan, 1.0, 0.1, SIMPLE)
    with pytest.raises(AnalysisError, match="above the upper"):
        decide([1.0], 2.0, 1.0, 0.1, SIMPLE)
    with pytest.raises(AnalysisError, match="fit together"):
        decide([1.0, 2.0], [0.0, 0.0, 0.0], 1.0, 0.1, SIMPLE)
    with pytest.raises(AnalysisError, match="fit together"):
        global_risk([0.0, 1.0], [1.0, 1.0, 1.0], 0.1, -1.0, 1.0)
    with pytest.raises(AnalysisError, match="negative: multiple must be finite and from 0"):
        Rule("negative", -1.0)
