"""Gage studies: both published results of AIAG's data, components, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.analysis.capability.gage import gage_anova, gage_average_range
from sensorbench.analysis.capability.gage_intervals import gage_intervals
from sensorbench.analysis.errors import AnalysisError

# AIAG MSA 4th edition: appraisers, trials, parts.
AIAG = np.array(
    [
        [
            [0.29, -0.56, 1.34, 0.47, -0.80, 0.02, 0.59, -0.31, 2.26, -1.36],
            [0.41, -0.68, 1.17, 0.50, -0.92, -0.11, 0.75, -0.20, 1.99, -1.25],
            [0.64, -0.58, 1.27, 0.64, -0.84, -0.21, 0.66, -0.17, 2.01, -1.31],
        ],
        [
            [0.08, -0.47, 1.19, 0.01, -0.56, -0.20, 0.47, -0.63, 1.80, -1.68],
            [0.25, -1.22, 0.94, 1.03, -1.20, 0.22, 0.55, 0.08, 2.12, -1.62],
            [0.07, -0.68, 1.34, 0.20, -1.28, 0.06, 0.83, -0.34, 2.19, -1.50],
        ],
        [
            [0.04, -1.38, 0.88, 0.14, -1.46, -0.29, 0.02, -0.46, 1.77, -1.49],
            [-0.11, -1.13, 1.09, 0.20, -1.07, -0.67, 0.01, -0.56, 1.45, -1.77],
            [-0.15, -0.96, 0.67, 0.11, -1.45, -0.49, 0.21, -0.49, 1.87, -2.16],
        ],
    ]
).transpose(2, 0, 1)


def test_the_anova_table_is_the_published_one() -> None:
    _, table = gage_anova(AIAG)
    squares = (table.ss_appraiser, table.ss_part, table.ss_interaction, table.ss_error)
    assert [float(s) for s in squares] == pytest.approx(
        [3.16726, 88.3619, 0.35898, 2.75893], rel=1e-5, abs=5e-6
    )
    assert sum(float(s) for s in squares) == pytest.approx(94.6471, abs=5e-5)
    freedom = (table.dof_appraiser, table.dof_part, table.dof_interaction, table.dof_error)
    assert freedom == (2, 9, 18, 60)
    assert float(table.f_interaction) == pytest.approx(0.434, abs=5e-4)
    assert float(table.p_interaction) == pytest.approx(0.974, abs=5e-4)
    assert bool(table.pooled)
    assert float(table.f_part) == pytest.approx(245.614, abs=5e-4)
    assert float(table.f_appraiser) == pytest.approx(39.617, abs=5e-4)


def test_the_anova_study_is_the_published_one() -> None:
    study, _ = gage_anova(AIAG)
    found = [float(s) for s in (study.ev, study.av, study.grr, study.pv, study.tv)]
    assert found == pytest.approx([0.199933, 0.226838, 0.302373, 1.042327, 1.085300], abs=2e-6)
    assert float(study.interaction) == 0.0
    study_shares = [float(study.percent_study(s)) for s in (study.ev, study.av, study.pv)]
    assert study_shares == pytest.approx([18.42, 20.90, 96.04], abs=5e-3)
    assert float(study.percent_grr) == pytest.approx(27.86, abs=5e-3)
    shares = [float(study.percent_contribution(s)) for s in (study.ev, study.av, study.pv)]
    assert shares == pytest.approx([3.394, 4.368, 92.238], abs=5e-4)
    assert float(study.ndc) == 4


def test_without_pooling_the_minitab_tests_and_components_come_out() -> None:
    study, table = gage_anova(AIAG, pooling_alpha=1.0)
    assert not bool(table.pooled)
    assert float(table.f_part) == pytest.approx(492.291, abs=5e-4)
    assert float(table.f_appraiser) == pytest.approx(79.406, abs=5e-4)
    found = [float(s) for s in (study.ev, study.av, study.grr, study.pv, study.tv)]
    assert found == pytest.approx([0.214435, 0.228304, 0.313217, 1.043395, 1.089393], abs=2e-6)
    assert float(study.percent_grr) == pytest.approx(28.75, abs=5e-3)


def test_average_and_range_give_the_published_study_and_pass_where_anova_fails() -> None:
    study = gage_average_range(AIAG)
    found = [float(s) for s in (study.ev, study.av, study.grr, study.pv, study.tv)]
    assert found == pytest.approx([0.20186, 0.22967, 0.30577, 1.10460, 1.14613], abs=5e-6)
    assert found == pytest.approx([0.20188, 0.22963, 0.30575, 1.10456, 1.14610], abs=5e-5)
    assert float(study.percent_grr) == pytest.approx(26.68, abs=5e-3)
    assert float(study.ndc) == 5
    assert float(gage_anova(AIAG)[0].ndc) == 4
    assert study.method == "average and range (AIAG)"


def test_an_interaction_that_is_there_is_not_pooled_but_counted() -> None:
    rng = np.random.default_rng(3)
    data = rng.normal(scale=0.1, size=(10, 3, 3)) + rng.normal(size=(10, 1, 1))
    data = data + rng.normal(scale=0.5, size=(10, 3, 1))
    study, table = gage_anova(data)
    assert not bool(table.pooled)
    assert float(study.interaction) == pytest.approx(0.5, rel=0.3)
    assert float(study.grr) > float(study.interaction)


def test_the_components_are_unbiased_over_many_studies() -> None:
    rng = np.random.default_rng(9)
    shape = (4000, 10, 3, 3)
    data = rng.normal(scale=0.2, size=shape) + rng.normal(scale=0.3, size=(4000, 1, 3, 1))
    data += rng.normal(scale=1.0, size=(4000, 10, 1, 1))
    study, table = gage_anova(data)
    assert (study.ev**2).mean() == pytest.approx(0.04, rel=0.02)
    assert (study.av**2).mean() == pytest.approx(0.09, rel=0.05)
    assert (study.pv**2).mean() == pytest.approx(1.0, rel=0.02)
    assert 0.042 <= (table.p_interaction < 0.05).mean() <= 0.058


def test_studies_side_by_side_are_what_they_are_alone() -> None:
    both, _ = gage_anova(np.stack([AIAG, 2 * AIAG[::-1]]))
    alone, _ = gage_anova(2 * AIAG)
    assert float(both.grr[1]) == pytest.approx(float(alone.grr), rel=1e-12)
    assert both.ndc.tolist() == [4.0, 4.0]


def test_tolerance_is_six_sigmas_of_the_gage() -> None:
    study, _ = gage_anova(AIAG)
    assert float(study.percent_tolerance(study.grr, 8.0)) == pytest.approx(
        100 * 6 * 0.302373 / 8, rel=1e-5
    )
    with pytest.raises(AnalysisError, match="tolerance"):
        study.percent_tolerance(study.grr, 0.0)


@pytest.mark.parametrize("spoil", [np.nan, np.inf])
def test_an_unknown_or_constant_study_is_unknown(spoil: float) -> None:
    data = np.stack([AIAG, AIAG, np.full_like(AIAG, 0.1)])
    data[0, 4, 1, 2] = spoil
    for study in (gage_anova(data)[0], gage_average_range(data)):
        for figure in (study.ev, study.grr, study.percent_grr, study.ndc):
            assert np.isnan(figure[[0, 2]]).all()
            assert np.isfinite(figure[1])


def test_one_trial_or_an_unlisted_layout_is_refused() -> None:
    with pytest.raises(AnalysisError, match="2 parts, appraisers and trials"):
        gage_anova(AIAG[..., :1])
    with pytest.raises(AnalysisError, match="3 axes"):
        gage_anova(AIAG[0])
    with pytest.raises(AnalysisError, match="use gage_anova"):
        gage_average_range(np.zeros((11, 3, 3)))


@given(scale=st.floats(1e-6, 1e6), offset=st.floats(-1e3, 1e3), seed=st.integers(0, 999))
def test_unit_and_order_of_parts_do_not_matter(scale: float, offset: float, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(10)
    moved, _ = gage_anova(scale * (AIAG[order] + offset))
    plain, _ = gage_anova(AIAG)
    assert float(moved.percent_grr) == pytest.approx(float(plain.percent_grr), rel=1e-6)
    assert float(moved.grr) == pytest.approx(scale * float(plain.grr), rel=1e-6)


def test_a_gage_whose_trials_are_all_equal_is_not_perfect() -> None:
    data = np.repeat(np.arange(30).reshape(10, 3, 1), 3, axis=2)
    for study in (gage_anova(data, 0.0)[0], gage_average_range(data)):
        assert np.isnan(study.percent_grr)
        assert str(study.reasons) == "all trials are equal: give the resolution"
    known = gage_average_range(data, resolution=1.0)
    assert float(known.ev) == pytest.approx(12**-0.5)
    assert float(known.percent_grr) > 0


@pytest.mark.coverage
@pytest.mark.parametrize(("gauge", "appraiser", "part"), [(0.2, 0.15, 1.0), (0.5, 0.0, 1.0)])
def test_intervals_of_a_study_hold_what_they_say(
    gauge: float, appraiser: float, part: float
) -> None:
    rng = np.random.default_rng(11)
    data = rng.normal(scale=gauge, size=(1000, 10, 3, 3))
    data += rng.normal(scale=appraiser, size=(1000, 1, 3, 1)) if appraiser else 0
    data += rng.normal(scale=part, size=(1000, 10, 1, 1))
    found = gage_intervals(*gage_anova(data))
    grr = np.hypot(gauge, appraiser)
    for each, true in (
        (found.ev, gauge),
        (found.grr, grr),
        (found.pv, part),
        (found.percent_grr, 100 * grr / np.hypot(grr, part)),
    ):
        held = ((each.low <= true) & (true <= each.high)).mean()
        assert held > 0.93, held


def test_aiags_own_example_says_little_about_its_gage() -> None:
    found = gage_intervals(*gage_anova(AIAG))
    assert float(found.percent_grr.value) == pytest.approx(27.86, abs=0.01)
    assert float(found.percent_grr.low) < 20
    assert float(found.percent_grr.high) > 50
