"""Survival from readouts: what is determined, with intervals that hold, and with no failure too."""

import numpy as np
import pytest

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.life.lifetime import fit_lognormal, fit_weibull, weibayes_scale_h
from sensorbench.analysis.life.lifetimes import Lifetimes
from sensorbench.analysis.life.survival import kaplan_meier
from sensorbench.analysis.life.turnbull import turnbull

READOUTS = [168, 500, 1000]


def test_readouts_that_all_units_share_give_shares_of_survivors() -> None:
    found = turnbull(Lifetimes.readouts(READOUTS, [3, 0, 7], survivors=67))
    assert found.time_h.tolist() == READOUTS
    assert found.survival.value == pytest.approx([74 / 77, 74 / 77, 67 / 77])


def test_without_a_failure_survival_is_1_with_its_lower_bound() -> None:
    found = turnbull(Lifetimes.readouts(READOUTS, [0, 0, 0], survivors=77))
    assert found.survival.value.tolist() == [1, 1, 1]
    assert found.survival.high.tolist() == [1, 1, 1]
    # The likelihood of no failure is s^77: it falls by 1.92 at exp(-1.92 / 77).
    assert found.survival.low == pytest.approx([np.exp(-1.9207 / 77)] * 3, rel=1e-6)


def test_exact_lives_give_the_curve_of_kaplan_and_meier() -> None:
    lives = Lifetimes.exact([6, 6, 6, 7, 10, 13, 16, 22, 23], survived_h=[6, 9, 10, 11, 17, 25])
    curve, found = kaplan_meier(lives), turnbull(lives)
    at = np.searchsorted(found.time_h, curve.time_h)
    assert found.time_h[at].tolist() == curve.time_h.tolist()
    assert found.survival.value[at] == pytest.approx(curve.survival.value, abs=1e-6)


def test_units_looked_at_at_different_times_are_put_together() -> None:
    # Turnbull's case: overlapping intervals; mass sits where they share time.
    lives = Lifetimes(np.array([0, 100, 150, 300]), np.array([200, 250, 400, np.inf]), np.ones(4))
    found = turnbull(lives)
    assert found.time_h.tolist() == [100, 150, 200, 250, 300, 400]
    assert found.survival.value == pytest.approx([1, 1, 1 / 3, 1 / 3, 1 / 3, 0], abs=1e-6)
    # That the survivor of 300 h failed by 400 h is where the likelihood puts it, not knowledge.
    assert found.survival.high[-1] > 0.6


@pytest.mark.coverage
@pytest.mark.parametrize("units", [77, 231])
def test_intervals_of_readouts_hold_95_percent(units: int) -> None:
    chance = np.random.default_rng(units)
    inside = []
    for _ in range(250):
        life = 3000 * chance.weibull(1.0, units)
        failed = np.histogram(life, [0, *READOUTS])[0]
        found = turnbull(Lifetimes.readouts(READOUTS, failed, units - failed.sum())).survival
        true = np.exp(-np.array(READOUTS) / 3000)
        inside.append((found.low <= true) & (true <= found.high))
    assert 0.93 < np.mean(inside) < 0.97


def test_lives_without_a_failure_are_lives() -> None:
    lives = Lifetimes.exact([], survived_h=[1000] * 77)
    assert float(lives.failures) == 0
    for fit in (fit_weibull(lives), fit_lognormal(lives)):
        assert np.isnan(fit.scale_h)
        assert "weibayes_scale_h" in str(fit.reasons)
    bound = float(weibayes_scale_h(lives, shape=2.0))
    assert bound == pytest.approx(1000 * (77 / np.log(10)) ** 0.5)
    with pytest.raises(AnalysisError, match="at least 1"):
        Lifetimes.exact([], survived_h=[])
    with pytest.raises(AnalysisError, match="no unit failed"):
        kaplan_meier(lives)


def test_each_fit_that_has_no_answer_says_why() -> None:
    one = fit_weibull(Lifetimes.exact([500.0], survived_h=[1000.0] * 9))
    assert str(one.reasons) == "fewer than two different failures"
    coarse = fit_weibull(Lifetimes.readouts([168, 500], [5, 5], survivors=0))
    assert str(coarse.reasons) in {"", "the readouts are too coarse for a law"}
    assert (str(coarse.reasons) == "") == bool(np.isfinite(coarse.shape))


def test_the_shape_of_a_lognormal_is_the_sigma_of_its_logs() -> None:
    life = np.exp(np.random.default_rng(1).normal(7.0, 0.4, 2000))
    fit = fit_lognormal(Lifetimes.exact(life))
    assert float(fit.shape) == pytest.approx(np.log(life).std(), rel=1e-6)
    assert float(fit.sigma) == float(fit.shape)
    found = fit.shape_interval()
    assert float(found.low) < 0.4 < float(found.high)
