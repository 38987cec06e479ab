"""Life fits: NIST's example, scipy as a second opinion, coverage, and data without an answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.estimates import Estimate
from sensorbench.analysis.life.lifetime import fit_lognormal, fit_weibull, weibayes_scale_h
from sensorbench.analysis.life.lifetimes import Lifetimes
from sensorbench.analysis.life.location_scale import Family

FAILED_H = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386]
NIST = Lifetimes.exact(FAILED_H, survived_h=[500] * 10)
FITS = {Family.WEIBULL: fit_weibull, Family.LOGNORMAL: fit_lognormal}
LAWS = {
    Family.WEIBULL: lambda shape, scale: stats.weibull_min(shape, scale=scale),
    Family.LOGNORMAL: lambda shape, scale: stats.lognorm(shape, scale=scale),
}


def test_nist_8_4_1_3_gives_its_weibull() -> None:
    fit = fit_weibull(NIST)
    assert float(fit.scale_h) == pytest.approx(606.5280, abs=1e-3)
    assert float(fit.shape) == pytest.approx(1.7208, abs=5e-5)
    assert float(fit.log_likelihood) == pytest.approx(-75.135, abs=5e-4)
    assert float(fit.aic) == pytest.approx(154.27, abs=5e-3)
    assert float(fit.mean_h) == pytest.approx(540.737, abs=1e-3)
    assert float(fit.standard_deviation_h) == pytest.approx(323.806, abs=1e-3)


@pytest.mark.parametrize("family", Family)
def test_all_kinds_of_censoring_agree_with_scipy(family: Family) -> None:
    exact, right = [120.0, 340.0, 410.0], [600.0, 600.0, 350.0]
    left, between = [100.0], [[168.0, 500.0], [500.0, 1000.0]]
    data = stats.CensoredData(uncensored=exact, right=right, left=left, interval=between)
    after = [*exact, *right, 0.0, 168.0, 500.0]
    before = [*exact, *[np.inf] * 3, 100.0, 500.0, 1000.0]
    fit = FITS[family](Lifetimes(np.array(after), np.array(before), np.ones(9)))
    if family is Family.WEIBULL:
        shape, _, scale = stats.weibull_min.fit(data, floc=0)
    else:
        shape, _, scale = stats.lognorm.fit(data, floc=0)
    assert float(fit.shape) == pytest.approx(shape, rel=1e-3)
    assert float(fit.scale_h) == pytest.approx(scale, rel=1e-3)
    law = LAWS[family](shape, scale)
    height = law.logpdf(exact).sum() + law.logsf(right).sum() + law.logcdf(left).sum()
    height += np.log(law.cdf([500.0, 1000.0]) - law.cdf([168.0, 500.0])).sum()
    assert float(fit.log_likelihood) == pytest.approx(height, abs=1e-4)


@pytest.mark.parametrize("family", Family)
def test_figures_of_a_fit_are_those_of_its_law(family: Family) -> None:
    fit = FITS[family](NIST)
    law = LAWS[family](float(fit.shape), float(fit.scale_h))
    assert float(fit.quantile_h(0.1)) == pytest.approx(law.ppf(0.1))
    assert float(fit.failed_fraction(300.0)) == pytest.approx(law.cdf(300.0))
    assert float(fit.mean_h) == pytest.approx(law.mean())
    assert float(fit.standard_deviation_h) == pytest.approx(law.std())


@pytest.mark.parametrize("family", Family)
def test_the_ends_of_an_interval_have_the_critical_likelihood_ratio(family: Family) -> None:
    # The profile is found again here, by brute force over the other parameter.
    fit = FITS[family](NIST)
    found = fit.shape_interval()
    scales = np.geomspace(100, 10_000, 20_001)
    for shape in (float(found.low), float(found.high)):
        law = LAWS[family](shape, scales)
        height = sum(law.logpdf(t) for t in FAILED_H) + 10 * law.logsf(500)
        ratio = 2 * (float(fit.log_likelihood) - height.max())
        assert ratio / (1 + 2 * 10 / 20**2) == pytest.approx(3.8415, abs=1e-3)


def inside(found: Estimate, true: float) -> float:
    known = np.isfinite(found.value)
    return float(((found.low <= true) & (true <= found.high))[known].mean())


def lives(family: Family, units: int, failing: float, sets: int) -> Lifetimes:
    """Lives of scale 1000 h and shape 1.5, stopped when a share `failing` is expected."""
    rng = np.random.default_rng([units, int(100 * failing)])
    time = np.sort(LAWS[family](1.5, 1000.0).rvs((sets, units), random_state=rng), axis=1)
    if failing == 1:
        return Lifetimes.exact(time)
    end = float(LAWS[family](1.5, 1000.0).ppf(failing))
    dead = time < end
    most = int(dead.sum(axis=1).max())
    time, alive = np.where(dead, time, 1.0)[:, :most], units - dead.sum(axis=1)
    after = np.hstack([time, np.full((sets, 1), end)])
    before = np.hstack([time, np.full((sets, 1), np.inf)])
    return Lifetimes(after, before, np.hstack([dead[:, :most], alive[:, None]]).astype(float))


@pytest.mark.coverage
@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize(("units", "failing"), [(5, 1.0), (20, 0.4), (231, 0.04)])
def test_the_intervals_hold_95_percent(family: Family, units: int, failing: float) -> None:
    fit = FITS[family](lives(family, units, failing, sets=2000))
    law = LAWS[family](1.5, 1000.0)
    assert 0.93 <= inside(fit.shape_interval(), 1.5) <= 0.97
    assert 0.93 <= inside(fit.scale_interval_h(), 1000.0) <= 0.97
    assert 0.93 <= inside(fit.quantile_interval_h(0.01), law.ppf(0.01)) <= 0.97
    assert 0.93 <= inside(fit.failed_fraction_interval(300.0), law.cdf(300.0)) <= 0.97


@pytest.mark.coverage
@pytest.mark.parametrize("family", Family)
def test_the_intervals_of_readouts_hold_95_percent(family: Family) -> None:
    law = LAWS[family](1.5, 1000.0)
    readout_h = np.array([48.0, 168.0, 500.0, 1000.0])
    share = np.diff(law.cdf(readout_h), prepend=0.0)
    count = np.random.default_rng(4).multinomial(77, [*share, 1 - share.sum()], size=2000)
    fit = FITS[family](Lifetimes.readouts(readout_h, count[:, :4], count[:, 4]))
    assert 0.93 <= inside(fit.shape_interval(), 1.5) <= 0.97
    assert 0.93 <= inside(fit.quantile_interval_h(0.1), law.ppf(0.1)) <= 0.97
    assert 0.93 <= inside(fit.failed_fraction_interval(2000.0), law.cdf(2000.0)) <= 0.97


def test_taking_the_readout_for_the_life_makes_parts_look_longer_lived() -> None:
    failed, alive = [3, 5, 9, 12], 48
    readout_h = [48.0, 168.0, 500.0, 1000.0]
    right = fit_weibull(Lifetimes.readouts(readout_h, failed, alive))
    wrong = fit_weibull(Lifetimes.exact(np.repeat(readout_h, failed), survived_h=[1000.0] * alive))
    assert float(wrong.quantile_h(0.01)) > 1.2 * float(right.quantile_h(0.01))


NO_ANSWER = {
    "no failure": Lifetimes.readouts([168, 500], [0, 0], 77),
    "one failure": Lifetimes.exact([100.0], survived_h=[500.0] * 20),
    "equal failures": Lifetimes.exact([100.0, 100.0, 100.0]),
    "one readout": Lifetimes.readouts([168, 500], [0, 5], survivors=72),
    "two readouts, none left": Lifetimes.readouts([168, 500], [30, 47], survivors=0),
}


@pytest.mark.parametrize("name", NO_ANSWER)
@pytest.mark.parametrize("family", Family)
def test_lives_without_a_maximum_give_nan_and_no_number(name: str, family: Family) -> None:
    fit = FITS[family](NO_ANSWER[name])
    figures = [fit.shape, fit.scale_h, fit.log_likelihood, fit.mean_h, fit.quantile_h(0.1)]
    for found in (fit.shape_interval(), fit.scale_interval_h(), fit.failed_fraction_interval(1e3)):
        figures += [found.value, found.low, found.high]
    assert all(np.isnan(figure) for figure in figures)


def test_sets_side_by_side_are_what_they_are_alone() -> None:
    failed = [[1, 3, 9], [0, 0, 4], [2, 0, 30]]
    together = fit_weibull(Lifetimes.readouts([168, 500, 1000], failed, [64, 73, 45]))
    for row, alive, shape in zip(failed, (64, 73, 45), together.shape, strict=True):
        alone = fit_weibull(Lifetimes.readouts([168, 500, 1000], row, alive))
        assert float(alone.shape) == pytest.approx(shape, rel=1e-6, nan_ok=True)
    low = together.shape_interval().low
    assert np.isnan(low).tolist() == [False, True, False]


def test_counting_units_is_the_same_as_repeating_them() -> None:
    counted = fit_weibull(
        Lifetimes(NIST.after_h[:11], NIST.before_h[:11], np.array([1.0] * 10 + [10]))
    )
    assert float(counted.shape) == pytest.approx(float(fit_weibull(NIST).shape), rel=1e-9)
    low = [float(f.shape_interval().low) for f in (counted, fit_weibull(NIST))]
    assert low[0] == pytest.approx(low[1], rel=1e-6)


@pytest.mark.parametrize(
    ("after", "before"),
    [(-1.0, 5.0), (5.0, 4.0), (np.nan, 5.0), (5.0, np.nan), (0.0, 0.0), (np.inf, np.inf)],
)
def test_impossible_lives_are_refused(after: float, before: float) -> None:
    with pytest.raises(AnalysisError, match="after_h <= before_h"):
        Lifetimes(np.array([1.0, after]), np.array([1.0, before]), np.ones(2))


def test_readouts_must_increase_and_counts_must_fit() -> None:
    with pytest.raises(AnalysisError, match="increase"):
        Lifetimes.readouts([500, 168], [0, 0], 77)
    with pytest.raises(AnalysisError, match="one a readout"):
        Lifetimes.readouts([168, 500], [0, 0, 0], 77)
    with pytest.raises(AnalysisError, match="failed"):
        Lifetimes.readouts([168, 500], [0, -1], 77)


def test_weibayes_without_failures_is_the_tabled_formula() -> None:
    found = weibayes_scale_h(Lifetimes.readouts([1000], [0], 231), shape=2.0, confidence=0.9)
    assert float(found) == pytest.approx((231 * 1000.0**2 / -np.log(0.1)) ** 0.5)
    worse = weibayes_scale_h(Lifetimes.exact([900.0], [1000.0] * 230), shape=2.0)
    assert worse < found
    with pytest.raises(AnalysisError, match="exact failure times"):
        weibayes_scale_h(Lifetimes.readouts([1000], [1], 230), shape=2.0)


def test_weibayes_holds_its_confidence_for_the_true_shape() -> None:
    data = lives(Family.WEIBULL, 20, 0.2, sets=20_000)
    bound = weibayes_scale_h(data, shape=1.5, confidence=0.9)
    assert 0.9 <= (bound <= 1000.0).mean() <= 0.97


@given(scale=st.floats(1e-3, 1e3), power=st.floats(0.2, 5), seed=st.integers(0, 99))
def test_scaling_or_powering_time_does_the_same_to_the_fit(
    scale: float, power: float, seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(10)
    plain = fit_weibull(NIST)
    failed = (scale * np.array(FAILED_H, dtype=float)[order]) ** power
    moved = fit_weibull(Lifetimes.exact(failed, [(scale * 500) ** power] * 10))
    assert float(moved.shape) == pytest.approx(float(plain.shape) / power, rel=1e-5)
    assert float(moved.scale_h) == pytest.approx((scale * float(plain.scale_h)) ** power, rel=1e-5)


@given(at=st.floats(1.0, 499.0))
def test_a_survivor_turned_into_a_failure_raises_the_fraction_failed_by_then(at: float) -> None:
    # By then only: a failure at once makes either law so wide that later fractions may fall.
    worse = Lifetimes.exact([*FAILED_H, at], survived_h=[500] * 9)
    for fit in (fit_weibull, fit_lognormal):
        assert float(fit(worse).failed_fraction(at)) > float(fit(NIST).failed_fraction(at))
