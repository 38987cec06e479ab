"""Normality tests: published values, other implementations, and their stated level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sensorbench.analysis.capability.normality import _p_value, anderson_darling, shapiro_wilk
from sensorbench.analysis.errors import AnalysisError

WEIGHTS = [148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236]
NORMAL = np.random.default_rng(2).normal(5.0, 2.0, size=(6, 50))


def test_shapiro_and_wilks_own_example_gives_0_79() -> None:
    found = shapiro_wilk(WEIGHTS)
    assert float(found.statistic) == pytest.approx(0.79, abs=5e-3)
    assert float(found.p_value) == pytest.approx(0.0067, abs=5e-4)


def test_anderson_darling_is_scipys_with_the_small_sample_factor() -> None:
    found = anderson_darling(NORMAL)
    factor = 1 + 0.75 / 50 + 2.25 / 50**2
    for row, statistic in zip(NORMAL, found.statistic, strict=True):
        raw = stats.anderson(row, "norm", method="interpolate").statistic
        assert statistic == pytest.approx(raw * factor, rel=1e-9)


@pytest.mark.parametrize(("critical", "level"), [(0.631, 0.1), (0.752, 0.05), (1.035, 0.01)])
def test_the_published_critical_values_have_their_p(critical: float, level: float) -> None:
    # D'Agostino and Stephens, table 4.7, against the curve of table 4.9.
    assert float(_p_value(np.array(critical))) == pytest.approx(level, rel=0.02)


@pytest.mark.parametrize("units", [8, 20, 77])
def test_five_percent_of_normal_samples_are_called_not_normal(units: int) -> None:
    data = np.random.default_rng(units).normal(size=(20_000, units))
    assert 0.045 <= (anderson_darling(data).p_value < 0.05).mean() <= 0.056
    assert 0.042 <= (shapiro_wilk(data[:3000]).p_value < 0.05).mean() <= 0.058


def test_a_skewed_parameter_is_found_among_normal_ones() -> None:
    data = np.vstack([NORMAL, np.exp(NORMAL[:1] / 2)])
    for test in (anderson_darling, shapiro_wilk):
        assert test(data).p_value[-1] < 1e-4
        assert (test(data).p_value[:-1] > 0.01).all()


@pytest.mark.parametrize("spoil", [np.nan, np.inf])
def test_unknown_and_constant_rows_are_unknown(spoil: float) -> None:
    data = NORMAL.copy()
    data[1, 0] = spoil
    data[2] = 7.1
    for test in (anderson_darling, shapiro_wilk):
        found = test(data)
        assert np.isnan(found.p_value[[1, 2]]).all()
        assert np.isnan(found.statistic[[1, 2]]).all()
        assert np.isfinite(found.p_value[[0, 3, 4, 5]]).all()


def test_scale_and_offset_do_not_matter() -> None:
    moved = anderson_darling(1e6 - 3e-3 * NORMAL)
    assert moved.statistic == pytest.approx(anderson_darling(NORMAL).statistic, rel=1e-6)


def test_too_few_units_are_refused() -> None:
    with pytest.raises(AnalysisError, match="at least 8"):
        anderson_darling(np.arange(7.0))


@pytest.mark.parametrize("unit", [1e-25, 1e-12, 1e6])
def test_the_unit_does_not_make_a_sample_normal(unit: float) -> None:
    skewed = np.exp(np.random.default_rng(3).normal(size=(4, 50)))
    for test in (anderson_darling, shapiro_wilk):
        assert test(skewed * unit).p_value == pytest.approx(test(skewed).p_value, rel=1e-6)


def test_more_units_than_royston_fitted_are_refused() -> None:
    with pytest.raises(AnalysisError, match="use anderson_darling"):
        shapiro_wilk(np.arange(5001))


def test_what_is_not_known_says_why() -> None:
    data = NORMAL.copy()
    data[1, 0], data[2] = np.nan, 7.1
    for test in (anderson_darling, shapiro_wilk):
        assert test(data).reasons[:4].tolist() == [
            "", "a reading is not known", "all readings are equal", "",
        ]  # fmt: skip
