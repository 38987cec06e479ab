"""Capability indices: published examples, the exact law, coverage, and what must not move them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from sensorbench.analysis.capability import capability as cap
from sensorbench.analysis.errors import AnalysisError

LOT = np.random.default_rng(11).normal(10.0, 0.5, size=(40, 77))
CASES = 4000


def test_nist_6_1_6_gives_cp_one_and_cpk_two_thirds() -> None:
    found = cap.indices(16.0, 2.0, 20, 8.0, 20.0)
    assert float(found.cp.value) == pytest.approx(1.0)
    assert float(found.cpk.value) == pytest.approx(0.6667, abs=5e-5)


def test_montgomerys_intervals_are_reproduced() -> None:
    # Recalled: Montgomery, Introduction to Statistical Quality Control, examples 8.4 and 8.5.
    cp, cpk = cap.cp_interval(2.29, dof=19), cap.cpk_interval_bissell(1.33, units=20)
    assert (float(cp.low), float(cp.high)) == pytest.approx((1.57, 3.01), abs=5e-3)
    assert (float(cpk.low), float(cpk.high)) == pytest.approx((0.88, 1.78), abs=5e-3)


def test_the_bissell_figures_of_the_aec_reference_are_reproduced() -> None:
    for units, bound in ((30, 1.296), (90, 1.456)):
        found = cap.cpk_interval_bissell(1.67, units, confidence=0.90)
        assert float(found.low) == pytest.approx(bound, abs=5e-4)


@pytest.mark.parametrize("units", [3, 5, 30, 231, 5000])
@pytest.mark.parametrize("observed", [-0.8, 0.0, 0.3, 1.67, 2.99, 3.01, 8.0])
def test_the_bounds_are_those_of_the_noncentral_t_law(units: int, observed: float) -> None:
    found = cap.cpk_interval(observed, units)
    root = 3 * np.sqrt(units)
    # Integrated adaptively here: scipy's own noncentral t is not that exact in every version.
    for bound, tail in ((found.low, 0.975), (found.high, 0.025)):
        true = float(bound)

        def density(ratio: float, true: float = true) -> float:
            scale = np.sqrt(units - 1)
            return float(
                stats.norm.cdf(root * (observed * ratio - true))
                * stats.chi.pdf(ratio * scale, units - 1)
                * scale
            )

        first, last = stats.chi.ppf([1e-13, 1 - 1e-13], units - 1) / np.sqrt(units - 1)
        exact = integrate.quad(density, first, last, epsabs=1e-11, limit=200)[0]
        assert exact == pytest.approx(tail, abs=1e-8)


def test_the_cpk_to_observe_agrees_with_scipys_noncentral_t() -> None:
    exact = stats.nct.ppf(0.95, 29, 3 * 1.67 * np.sqrt(30)) / (3 * np.sqrt(30))
    assert float(cap.required_cpk(1.67, 30)) == pytest.approx(exact, rel=1e-7)
    # Bissell asks 2.144 and 1.913: the exact law a little more.
    assert cap.required_cpk(1.67, 30) == pytest.approx(2.151, abs=5e-4)
    assert cap.required_cpk(1.67, 90) == pytest.approx(1.915, abs=5e-4)


def test_the_required_cpk_is_just_proved_by_itself() -> None:
    needed = float(cap.required_cpk(1.67, 45, confidence=0.9))
    one_sided = cap.indices(0.0, 1.0, 45, -np.inf, 3 * needed, confidence=0.9)
    assert float(one_sided.cpk_at_least) == pytest.approx(1.67, abs=1e-8)


def test_the_ppm_of_aec_q003_are_reproduced() -> None:
    # Its shifted column counts the nearer limit only, hence 1e-3.
    assert cap.ppm_outside([1.0, 1.33, 1.67]) == pytest.approx([2700, 66, 0.54], rel=0.05)
    shifted = cap.ppm_outside([2 / 3, 1.0, 4 / 3, 5 / 3], shift_sigma=1.5)
    assert shifted == pytest.approx([308538, 66807, 6210, 233], rel=2e-3)


@pytest.mark.parametrize("size", range(2, 11))
def test_the_range_constants_are_the_moments_of_the_normal_range(size: int) -> None:
    cut = 9.0

    def above(width: float) -> float:
        grid = np.linspace(-cut, cut, 401)
        between = stats.norm.cdf(grid + width) - stats.norm.cdf(grid)
        return float(1 - np.trapezoid(size * stats.norm.pdf(grid) * between ** (size - 1), grid))

    widths = np.linspace(0, 2 * cut, 1001)
    tail = np.array([above(w) for w in widths])
    mean = np.trapezoid(tail, widths)
    spread = np.sqrt(2 * np.trapezoid(widths * tail, widths) - mean**2)
    assert cap.D2[size - 2] == pytest.approx(mean, abs=1e-3)
    assert cap.D3[size - 2] == pytest.approx(spread, abs=1.2e-3)


# The worst cases of a wider scan are among these: a centred mean at small Cpk.
@pytest.mark.parametrize("units", [5, 30, 231])
@pytest.mark.parametrize(
    ("true", "off_centre"), [(0.67, 0.0), (0.67, 0.1), (1.33, 0.0), (2.0, 1.0)]
)
def test_the_cpk_interval_holds_95_percent(units: int, true: float, off_centre: float) -> None:
    rng = np.random.default_rng([units, int(100 * true), int(10 * off_centre)])
    mean = rng.normal(off_centre, 1 / np.sqrt(units), CASES)
    sigma = np.sqrt(rng.chisquare(units - 1, CASES) / (units - 1))
    half = 3 * true + off_centre
    found = cap.indices(mean, sigma, units, np.full(CASES, -half), np.full(CASES, half))
    inside = (found.cpk.low <= true) & (true <= found.cpk.high)
    assert 0.93 <= inside.mean() <= 0.97
    assert (found.cpk_at_least <= true).mean() >= 0.943
    cp = half / 3
    assert 0.93 <= ((found.cp.low <= cp) & (cp <= found.cp.high)).mean() <= 0.97


@pytest.mark.parametrize("spread", ["pooled", "range"])
def test_the_interval_within_subgroups_holds_95_percent(spread: str) -> None:
    data = np.random.default_rng(3).normal(size=(CASES, 12, 5))
    found = cap.capability(data, -4.0, 5.0, spread=spread)  # type: ignore[arg-type]
    inside = (found.cpk.low <= 4 / 3) & (found.cpk.high >= 4 / 3)
    assert 0.93 <= inside.mean() <= 0.97
    cp = (found.cp.low <= 1.5) & (found.cp.high >= 1.5)
    assert 0.93 <= cp.mean() <= 0.97


def test_a_shift_between_subgroups_lowers_ppk_but_not_cpk() -> None:
    rng = np.random.default_rng(4)
    data = rng.normal(size=(20, 5)) + rng.normal(scale=2.0, size=(20, 1))
    within = cap.capability(data, -10.0, 10.0)
    overall = cap.performance(data.ravel(), -10.0, 10.0)
    assert within.spread == "pooled"
    assert float(within.cpk.value) > 1.5 * float(overall.cpk.value)


def test_one_limit_gives_cpk_and_no_cp() -> None:
    found = cap.performance(LOT, -np.inf, 12.0)
    assert np.isnan(found.cp.value).all()
    assert np.isfinite(found.cpk.low).all()


def test_each_parameter_has_the_figures_it_has_alone() -> None:
    together = cap.performance(LOT, 8.0, np.linspace(11.0, 14.0, 40))
    alone = cap.performance(LOT[7], 8.0, np.linspace(11.0, 14.0, 40)[7])
    assert together.cpk.low[7] == pytest.approx(float(alone.cpk.low), rel=1e-9)
    assert together.cpk.value.shape == (40,)


@pytest.mark.parametrize("spoil", [np.nan, np.inf])
def test_an_unknown_reading_makes_its_parameter_unknown_and_no_other(spoil: float) -> None:
    data = LOT.copy()
    data[3, 5] = spoil
    found = cap.performance(data, 8.0, 12.0)
    for figure in (found.cpk.value, found.cpk.low, found.cp.high, found.cpk_at_least, found.sigma):
        assert np.isnan(figure[3])
        assert np.isfinite(np.delete(figure, 3)).all()


@pytest.mark.parametrize("level", [0.0, 0.1, 1e6 + 0.1])
def test_a_constant_parameter_has_no_capability(level: float) -> None:
    found = cap.performance(np.full(30, level), level - 1, level + 1)
    assert np.isnan(found.cpk.value)
    assert np.isnan(found.cpk_at_least)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(1.0, 1.0, "below its high"), (-np.inf, np.inf, "any limit"), (np.nan, 1.0, "below its high")],
)
def test_limits_that_are_no_window_are_refused(low: float, high: float, text: str) -> None:
    with pytest.raises(AnalysisError, match=text):
        cap.performance(LOT, low, high)


def test_two_units_are_refused() -> None:
    with pytest.raises(AnalysisError, match="at least 3"):
        cap.performance([1.0, 2.0], 0.0, 3.0)


def test_the_range_of_many_units_is_refused() -> None:
    with pytest.raises(AnalysisError, match="pooled"):
        cap.capability(np.zeros((3, 11)), 0.0, 1.0, spread="range")


@given(
    scale=st.floats(1e-6, 1e6),
    offset=st.floats(-100, 100),
    seed=st.integers(0, 2**16),
)
def test_another_unit_or_order_leaves_the_indices_alone(
    scale: float, offset: float, seed: int
) -> None:
    data = LOT[:3]
    plain = cap.performance(data, 8.0, 12.0)
    order = np.random.default_rng(seed).permutation(data.shape[1])
    moved = cap.performance(
        scale * (data[:, order] + offset), scale * (8.0 + offset), scale * (12.0 + offset)
    )
    assert moved.cpk.value == pytest.approx(plain.cpk.value, rel=1e-9)
    assert moved.cpk.low == pytest.approx(plain.cpk.low, rel=1e-7)
    mirrored = cap.performance(-data, -12.0, -8.0)
    assert mirrored.cpk.value == pytest.approx(plain.cpk.value, rel=1e-12)


@given(units=st.integers(5, 500), cpk=st.floats(-1, 5), confidence=st.floats(0.6, 0.99))
def test_the_interval_holds_the_figure_and_narrows_with_units(
    units: int, cpk: float, confidence: float
) -> None:
    few, many = (cap.cpk_interval(cpk, n, confidence) for n in (units, 2 * units))
    assert float(few.low) < cpk < float(few.high)
    assert float(few.low) < float(many.low)
    assert float(many.high) < float(few.high)
