"""Outlier tests: NIST's examples, masking, level, and rows that can't be tested."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.analysis.capability.outliers import generalised_esd, grubbs
from sensorbench.analysis.errors import AnalysisError

URANIUM = [199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57]
ROSNER = [
    *(-0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56),
    *(1.58, 1.65, 1.69, 1.70, 1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10),
    *(2.14, 2.15, 2.23, 2.24, 2.26, 2.35, 2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92),
    *(2.92, 2.93, 3.21, 3.26, 3.30, 3.59, 3.68, 4.30, 4.64, 5.34, 5.42, 6.01),
]


def test_nist_1_3_5_17_1_finds_the_uranium_outlier() -> None:
    found = grubbs(URANIUM, side="high")
    assert float(found.statistic) == pytest.approx(2.4687, abs=2e-4)
    assert found.critical == pytest.approx(2.032, abs=5e-4)
    assert int(found.unit) == 7
    assert bool(found.is_outlier)


def test_nist_1_3_5_17_3_finds_three_outliers_behind_two_failed_steps() -> None:
    found = generalised_esd(ROSNER, most=10)
    assert found.statistic[:5] == pytest.approx([3.118, 2.942, 3.179, 2.810, 2.815], abs=2e-3)
    assert found.critical[:5] == pytest.approx([3.158, 3.151, 3.143, 3.136, 3.128], abs=2e-3)
    assert not (found.statistic[:2] > found.critical[:2]).any()
    assert float(found.count) == 3
    assert np.flatnonzero(found.is_outlier).tolist() == [51, 52, 53]


def test_grubbs_is_blind_to_the_masked_outliers() -> None:
    assert not bool(grubbs(ROSNER).is_outlier)


@pytest.mark.parametrize("side", ["both", "low", "high"])
def test_five_percent_of_normal_samples_have_a_grubbs_outlier(side: str) -> None:
    data = np.random.default_rng(6).normal(size=(20_000, 30))
    found = grubbs(data, side=side)  # type: ignore[arg-type]
    assert 0.045 <= found.is_outlier.mean() <= 0.055


@pytest.mark.parametrize(("units", "most"), [(25, 0.066), (77, 0.059)])
def test_the_esd_level_nears_alpha_with_more_units(units: int, most: float) -> None:
    data = np.random.default_rng(units).normal(size=(6000, units))
    assert 0.045 <= (generalised_esd(data, most=5).count > 0).mean() <= most


def test_low_and_high_look_at_their_own_side() -> None:
    assert int(grubbs(URANIUM, side="low").unit) == 0
    assert not bool(grubbs(URANIUM, side="low").is_outlier)


def test_rows_are_tested_as_they_are_alone() -> None:
    data = np.random.default_rng(1).standard_t(2, size=(4, 40))
    together = generalised_esd(data, most=6)
    for row, count, flags in zip(data, together.count, together.is_outlier, strict=True):
        alone = generalised_esd(row, most=6)
        assert float(alone.count) == count
        assert (alone.is_outlier == flags).all()


@pytest.mark.parametrize("spoil", [np.nan, np.inf])
def test_unknown_and_constant_rows_give_no_number_and_no_outlier(spoil: float) -> None:
    data = np.random.default_rng(2).normal(size=(4, 30))
    data[0, 0], data[1] = spoil, 0.1
    several, one = generalised_esd(data, most=3), grubbs(data)
    assert np.isnan(several.count[:2]).all()
    assert np.isnan(several.statistic[:2]).all()
    assert np.isnan(one.statistic[:2]).all()
    assert one.unit[:2].tolist() == [-1, -1]
    assert not several.is_outlier[:2].any()
    assert not one.is_outlier[:2].any()
    assert np.isfinite(several.count[2:]).all()


def test_what_can_not_be_tested_is_refused() -> None:
    with pytest.raises(AnalysisError, match="at least 3"):
        grubbs([1.0, 2.0])
    with pytest.raises(AnalysisError, match="half of the 20"):
        generalised_esd(np.arange(20.0), most=11)
    with pytest.raises(AnalysisError, match="side"):
        grubbs(URANIUM, side="top")  # type: ignore[arg-type]


@given(scale=st.floats(1e-6, 1e6), offset=st.floats(-1e3, 1e3), seed=st.integers(0, 999))
def test_unit_and_order_do_not_matter(scale: float, offset: float, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(ROSNER))
    moved = generalised_esd(scale * (np.array(ROSNER)[order] + offset), most=10)
    plain = generalised_esd(ROSNER, most=10)
    assert moved.statistic == pytest.approx(plain.statistic, rel=1e-7)
    assert sorted(order[moved.is_outlier]) == [51, 52, 53]
