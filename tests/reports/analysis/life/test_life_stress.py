"""Laws of stress from lives: a published example to its printed digits, scipy, and no answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from sensorbench.analysis import Lifetimes, fit_life_stress, fit_lognormal, fit_weibull
from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.life.acceleration import (
    Arrhenius,
    ExponentialVoltage,
    InversePower,
    Peck,
)
from sensorbench.analysis.life.life_stress import LifeFamily, LifeStressFit, StressLaw
from sensorbench.analysis.life.stress_climb import Plane

# Hooper and Amster 1990: failures up to 5000 h, and survivors, of units at each temperature.
DEVICE_A = {
    10: ([], 30),
    40: ([1298, 1390, 3187, 3241, 3261, 3313, 4501, 4568, 4841, 4982], 90),
    60: ([581, 925, 1432, 1586, 2452, 2734, 2772, 4106, 4674], 11),
    80: ([283, 361, 515, 638, 854, 1024, 1030, 1045, 1767, 1777, 1856, 1951, 1964, 2884], 1),
}  # fmt: skip
LIVES = [Lifetimes.exact(failed, survived_h=[5000] * n) for failed, n in DEVICE_A.values()]


def device_a(family: LifeFamily = "lognormal", law: StressLaw = "arrhenius") -> LifeStressFit:
    return fit_life_stress(LIVES, list(DEVICE_A), law, family)


def test_device_a_gives_what_meeker_and_escobar_print() -> None:
    """Statistical Methods for Reliability Data, table 19.2: Arrhenius and lognormal lives."""
    fit = device_a()
    assert fit.coefficients["ln_constant"] == pytest.approx(-13.469, abs=5e-4)
    assert fit.standard_errors["ln_constant"] == pytest.approx(2.887, abs=5e-4)
    assert fit.coefficients["ea_ev"] == pytest.approx(0.6279, abs=5e-5)
    assert fit.standard_errors["ea_ev"] == pytest.approx(0.0828, abs=5e-5)
    assert fit.sigma == pytest.approx(0.9778, abs=5e-5)
    assert fit.sigma_standard_error == pytest.approx(0.1326, abs=5e-5)
    assert fit.log_likelihood == pytest.approx(-321.7, abs=0.05)
    assert fit.reasons == ""


@pytest.mark.parametrize("family", ["weibull", "lognormal"])
def test_intervals_of_the_likelihood_are_where_another_program_finds_them(
    family: LifeFamily,
) -> None:
    """The profile at each bound, maximised by scipy over the rest, has fallen by the same."""
    fit = device_a(family)
    kelvin = np.repeat([283.15, 313.15, 333.15, 353.15], [each.units.size for each in LIVES])
    time = np.concatenate([each.after_h for each in LIVES])
    failed = np.concatenate([np.isfinite(each.before_h) for each in LIVES])
    law = stats.norm if family == "lognormal" else stats.gumbel_l

    def height(constant: float, ea: float, log_sigma: float) -> float:
        z = (np.log(time) - constant - ea / (8.617333e-5 * kelvin)) / np.exp(log_sigma)
        inside = np.where(failed, law.logpdf(z) - log_sigma, law.logsf(z))
        return float(inside.sum() - np.log(time[failed]).sum())

    def profile(ea: float) -> float:
        best = optimize.minimize(
            lambda p: -height(p[0], ea, p[1]), [-39 * ea + 11, 0.0], method="Nelder-Mead",
            options={"xatol": 1e-8, "fatol": 1e-9, "maxiter": 4000},
        )  # fmt: skip
        return -float(best.fun)

    found = fit.coefficient_interval("ea_ev")
    top = height(fit.coefficients["ln_constant"], fit.coefficients["ea_ev"], np.log(fit.sigma))
    assert top == pytest.approx(fit.log_likelihood, abs=1e-6)
    correction = 1 + 4 * 33 / 165**2
    wanted = stats.chi2.ppf(0.95, 1) / 2 * correction
    for bound in (found.low, found.high):
        assert top - profile(float(bound)) == pytest.approx(wanted, abs=2e-3)


def test_one_quantile_is_one_figure_however_it_is_asked_for() -> None:
    fit = device_a("weibull")
    ten = fit.quantile_interval_h(0.1, 10)
    assert ten.low < ten.value < ten.high
    assert fit.quantile_h(0.1, 10) == ten.value
    factor = fit.acceleration(10, 80)
    assert fit.quantile_h(0.1, 10) / fit.quantile_h(0.1, 80) == pytest.approx(float(factor.value))
    assert fit.acceleration(80, 80).value == 1.0
    backwards = fit.acceleration(80, 10)
    assert 1 / backwards.high == pytest.approx(float(factor.low), rel=1e-4)
    scale = 1 - np.exp(-1)
    constant = fit.coefficient_interval("ln_constant")
    assert np.log(fit.quantile_h(scale, 80)) == pytest.approx(
        float(constant.value) + fit.coefficients["ea_ev"] / (8.617333e-5 * 353.15)
    )


def lives_at(scales: np.ndarray, seed: int = 1) -> list[Lifetimes]:
    chance = np.random.default_rng(seed)
    return [Lifetimes.exact(scale * chance.weibull(3.0, 400)) for scale in scales]


@pytest.mark.parametrize(
    ("law", "stress", "true"),
    [
        ("inverse_power", np.array([10.0, 15.0, 20.0, 30.0]), {"exponent": 5.0}),
        ("exponential", np.array([3.0, 4.0, 5.0, 6.0]), {"gamma": 1.2}),
        ("arrhenius", np.array([85.0, 105.0, 125.0, 150.0]), {"ea_ev": 0.8}),
        ("eyring", np.array([85.0, 105.0, 125.0, 150.0]), {"ea_ev": 0.8}),
        ("peck", np.array([[85.0, 60.0], [85.0, 85.0], [65.0, 85.0], [110.0, 85.0]]),
         {"ea_ev": 0.9, "exponent": 3.0}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("family", ["weibull", "lognormal"])
def test_every_law_finds_what_made_the_lives_and_its_model_agrees(
    law: StressLaw, stress: np.ndarray, true: dict[str, float], family: LifeFamily
) -> None:
    first, rest = stress[0], stress
    match law:
        case "inverse_power":
            factor = InversePower(true["exponent"]).accelerate(first, rest).factor
        case "exponential":
            factor = ExponentialVoltage(true["gamma"]).accelerate(first, rest).factor
        case "peck":
            factor = Peck(true["exponent"], true["ea_ev"]).accelerate(*first, *rest.T).factor
        case _:
            factor = Arrhenius(true["ea_ev"]).accelerate(first, rest).factor
            if law == "eyring":
                factor = factor * (rest + 273.15) / (first + 273.15)
    fit = fit_life_stress(lives_at(5000 / factor), stress, law, family)
    for name, value in true.items():
        found = fit.coefficient_interval(name)
        assert found.low < value < found.high, name
        assert found.value == pytest.approx(value, rel=0.06)
    made = fit.acceleration(first, rest[-1])
    assert made.low < factor[-1] < made.high


@pytest.mark.parametrize("family", ["weibull", "lognormal"])
def test_readouts_and_counts_are_censored_lives(family: LifeFamily) -> None:
    """Units of one count, and as many rows of one, are the same; finer readouts come nearer."""
    few = [
        Lifetimes.readouts([168, 500, 1000], [1, 3, 5], survivors=21),
        Lifetimes.readouts([168, 500, 1000], [6, 10, 3], survivors=1),
    ]
    rows = [
        Lifetimes(*(np.repeat(v, each.units.astype(int)) for v in (each.after_h, each.before_h)),
                  np.ones(int(each.total)))
        for each in few
    ]  # fmt: skip
    one, other = (fit_life_stress(each, [105, 125], "arrhenius", family) for each in (few, rows))
    assert one.coefficients == pytest.approx(other.coefficients, rel=1e-6)
    assert one.sigma == pytest.approx(other.sigma, rel=1e-6)
    assert one.coefficient_interval("ea_ev").low == pytest.approx(
        float(other.coefficient_interval("ea_ev").low), rel=1e-5
    )


def test_at_one_stress_the_law_is_that_of_a_plain_fit() -> None:
    """With two stresses and two sigmas alike, a quantile at a stress is near that stress' own."""
    lives = lives_at(np.array([1000.0, 100.0]))
    fit = fit_life_stress(lives, [1.0, 2.0], "inverse_power")
    alone = [float(fit_weibull(each).quantile_h(0.5)) for each in lives]
    assert fit.quantile_h(0.5, 1.0) == pytest.approx(alone[0], rel=0.02)
    assert fit.quantile_h(0.5, 2.0) == pytest.approx(alone[1], rel=0.02)
    normal = fit_life_stress(lives, [1.0, 2.0], "inverse_power", "lognormal")
    assert normal.quantile_h(0.5, 1.0) == pytest.approx(
        float(fit_lognormal(lives[0]).quantile_h(0.5)), rel=0.02
    )


@pytest.mark.parametrize(
    ("lives", "why"),
    [
        ([Lifetimes.exact([], survived_h=[100, 100])] * 2, "no unit failed"),
        ([Lifetimes.exact([50.0]), Lifetimes.exact([50.0])], "fewer than two different failures"),
        ([Lifetimes.exact([50.0, 80.0]), Lifetimes.exact([], survived_h=[100])],
         "units failed at too few different stresses to tell ea_ev"),
        ([Lifetimes.readouts([100, 200], [3, 0], survivors=0),
          Lifetimes.readouts([100, 200], [0, 3], survivors=0)],
         "the readouts are too coarse for a law"),
    ],
)  # fmt: skip
def test_data_without_an_answer_say_why(lives: list[Lifetimes], why: str) -> None:
    fit = fit_life_stress(lives, [85, 125], "arrhenius")
    assert str(fit.reasons) == why
    assert np.isnan(fit.sigma)
    assert np.isnan(fit.coefficient_interval("ea_ev").low)
    assert np.isnan(fit.quantile_h(0.1, 55))
    assert np.isnan(fit.acceleration(55, 125).high)
    assert np.isnan(fit.sigma_interval().value)


@pytest.mark.parametrize(
    ("stress", "law", "said"),
    [
        ([85, 125, 150, 1], "peck", "peck needs temperature_c, humidity_rh of each of 4"),
        ([[85, 85]] * 3 + [[85, 101]], "peck", "humidity_rh must be finite and between 0 to 100"),
        ([0, 1, 2, 3], "inverse_power", "stress must be finite and between 0 to inf"),
        ([-300, 1, 2, 3], "eyring", "temperature_c must be finite and between -273.15"),
        ([85, 125], "arrhenius", "of each of 4 stresses"),
        ([85, 125, 130, 140], "arhenius", "did you mean 'arrhenius'"),
    ],
)
def test_what_can_not_be_a_stress_is_refused(stress: list[float], law: str, said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        fit_life_stress(LIVES, stress, law)  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="one set of lives a stress"):
        fit_life_stress([], [], "arrhenius")


def test_intervals_hold_what_they_state() -> None:
    """Nine complete lives at three temperatures: 87 % by the plain limit."""
    chance = np.random.default_rng(5)
    celsius, kelvin_ev = np.array([105.0, 125.0, 150.0]), 8.617333e-5
    centre = np.log(500) + 0.7 / kelvin_ev * (1 / (celsius + 273.15) - 1 / 398.15)
    held, limit = 0, stats.chi2.ppf(0.95, 1) / 2
    for _ in range(500):
        lives = [Lifetimes.exact(np.exp(c + 0.5 * chance.normal(size=3))) for c in centre]
        work = fit_life_stress(lives, celsius, "arrhenius", "lognormal")._work
        assert work is not None
        # A bound is where the profile has fallen by so much: the true value is inside or not.
        row = np.array([0.0, 1 / work.spread[0]])
        _, there = work.regression.climb(work.peak, Plane(np.append(row, 0.7), 0.0))
        held += work.height - there <= limit * work.correction
    assert 0.925 <= held / 500 <= 0.975
