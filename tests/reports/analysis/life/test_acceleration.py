"""Acceleration models and mission profiles: the worked examples, at their tolerances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.life import acceleration as acc
from sensorbench.analysis.life.mission import equivalent_temperature_c, mission_test

AT_C = st.floats(-60, 200)


def hours(use_h: float, found: acc.Acceleration) -> float:
    return float(use_h / found.factor)


def test_the_htol_example_lies_between_the_two_zero_points() -> None:
    assert hours(12_000, acc.Arrhenius().accelerate(87, 125)) == pytest.approx(1394.07, abs=5e-3)
    old = acc.Arrhenius(kelvin_offset=273.0)
    assert hours(12_000, old.accelerate(87, 125)) == pytest.approx(1391.69, abs=5e-3)
    assert hours(12_000, acc.Arrhenius().accelerate(87, 125)) == pytest.approx(1393, rel=2e-3)


def test_the_temperature_cycling_example_gives_1034_cycles() -> None:
    found = acc.CoffinManson().accelerate(76, 205)
    assert float(found.factor) == pytest.approx(52.937, rel=1e-5)
    assert hours(54_750, found) == pytest.approx(1034, rel=1e-3)


@pytest.mark.parametrize(
    ("test_c", "printed", "computed", "rel"),
    [(85, 960, 961.17, 5e-3), (130, 53, 53.24, 1e-2), (110, 177, 177.12, 1e-2)],
)
def test_the_humidity_examples_give_their_hours(
    test_c: float, printed: float, computed: float, rel: float
) -> None:
    found = hours(131_400, acc.Peck().accelerate(32, 74, test_c, 85))
    assert found == pytest.approx(printed, rel=rel)
    assert found == pytest.approx(computed, abs=6e-3)


def test_the_constants_of_humidity_change_the_hours_and_are_in_the_result() -> None:
    old = acc.Peck(kelvin_offset=273.0).accelerate(32, 74, 85, 85)
    assert hours(131_400, old) == pytest.approx(957.23, abs=6e-3)
    other = acc.HALLBERG_PECK_1991.accelerate(32, 74, 85, 85)
    assert hours(131_400, other) == pytest.approx(547.5, abs=0.05)
    assert other.model == acc.Peck(exponent=3.0, ea_ev=0.9)
    assert "ea_ev=0.9, boltzmann_ev_per_k=8.617333e-05, kelvin_offset=273.15" in str(other.model)


@pytest.mark.parametrize(
    ("ea_ev", "use_c", "test_c", "printed", "rel"),
    [
        (0.5, 25, 125, 133, 5e-3),  # NIST 8.1.5.1
        (0.7, 55, 150, 258, 5e-3),  # Analog Devices
        (0.7, 55, 135, 128, 5e-3),
        (0.7, 55, 125, 77, 1e-2),
        (0.7, 55, 85, 8, 1e-2),
        (0.7, 90, 150, 23.85, 1e-3),  # ReliaSoft
        (0.5, 40, 125, 52, 1e-2),  # ABLIC
        (1.2, 60, 100, 88.29574588463338, 1e-5),  # reliability library
    ],
)
def test_published_arrhenius_factors_are_reproduced(
    ea_ev: float, use_c: float, test_c: float, printed: float, rel: float
) -> None:
    found = acc.Arrhenius(ea_ev).accelerate(use_c, test_c)
    assert float(found.factor) == pytest.approx(printed, rel=rel)


def test_nists_factor_of_one_electronvolt_needs_nists_constants() -> None:
    model = acc.Arrhenius(1.0, boltzmann_ev_per_k=1 / 11605, kelvin_offset=273.16)
    assert float(model.accelerate(25, 125).factor) == pytest.approx(17597, rel=1e-4)


def test_infineons_profile_gives_1181_h_and_67_5_c() -> None:
    spans, at_c = [3504, 28032, 35040, 3504], [30, 50, 70, 105]
    model = acc.Arrhenius(0.5)
    found = mission_test(spans, model.accelerate(at_c, 175))
    assert float(found.duration) == pytest.approx(1181, rel=2e-3)
    assert float(found.duration) == pytest.approx(1180.29, abs=6e-3)
    assert float(found.damage_share.sum()) == pytest.approx(1.0)
    mean_c = float(equivalent_temperature_c(spans, at_c, model))
    assert mean_c == pytest.approx(67.54, abs=6e-3)
    # Rounding the mean temperature, as the deck prints it, is not the same.
    assert hours(70_080, model.accelerate(67.5, 175)) == pytest.approx(1178.1, abs=0.05)


def test_microchips_profile_gives_4633_h_from_its_factors() -> None:
    spans = 20_000 * np.array([0.06, 0.25, 0.25, 0.25, 0.14, 0.05])
    factor = np.array([937.50, 26.32, 9.76, 3.92, 1.69, 1.0])
    found = mission_test(spans, acc.Acceleration(factor, acc.Arrhenius()))
    assert float(found.duration) == pytest.approx(4633, rel=2e-3)


def test_norris_and_landzberg_follow_the_life_law() -> None:
    # Computed from N = C f^m dT^-n exp(Q / Tmax): no published factor was found.
    model = acc.NorrisLandzberg()
    found = model.accelerate(35, 100, 2, 48, 60, 100)
    assert float(found.factor) == pytest.approx(4.01599, rel=1e-4)
    parts = acc.NorrisLandzberg().accelerate(50, 180, 1, 48, 75, 125)
    assert float(parts.factor) == pytest.approx(5.22, abs=5e-3)
    assert float(model.accelerate(50, 180, 1, 96, 75, 125).factor) < float(parts.factor)


def test_yangs_life_data_confirm_the_sign_of_the_frequency() -> None:
    # Yang, Life Cycle Reliability Engineering, example 7.2: life, Tmax, swing, frequency.
    data = np.array(
        [
            [208, 80, 120, 1], [225, 80, 120, 2], [308, 80, 120, 3], [142, 100, 140, 2],
            [108, 120, 160, 2], [169, 100, 120, 2], [131, 120, 120, 2], [1300, 80, 50, 2],
            [650, 100, 70, 2], [258, 120, 90, 2], [6231, 30, 50, 2], [1450, 30, 70, 2],
        ],
        dtype=float,
    )  # fmt: skip
    life, at_c, swing, often = data.T
    basis = np.stack([np.ones(12), np.log(swing), np.log(often), 1 / (at_c + 273.15)], axis=1)
    fit = np.linalg.lstsq(basis, np.log(life), rcond=None)[0]
    assert fit == pytest.approx([9.517, -2.0635, 0.3452, 2006.4], rel=2e-3)
    model = acc.NorrisLandzberg(-fit[1], fit[2], fit[3])
    factor = float(model.accelerate(50, 120, 1, 3, 80, 120).factor)
    use, test = (
        np.exp([1, np.log(50), 0, 1 / 353.15] @ fit),
        np.exp([1, np.log(120), np.log(3), 1 / 393.15] @ fit),
    )
    assert factor == pytest.approx(float(use / test))


def test_voltage_models_and_their_product() -> None:
    power, field = acc.InversePower(3.0).accelerate(3.3, 6.6), acc.ExponentialVoltage(2.0)
    assert float(power.factor) == pytest.approx(8.0)
    assert float(field.accelerate(3.3, 3.8).factor) == pytest.approx(np.e)
    both = acc.combine(power, acc.Arrhenius().accelerate(55, [85, 125]))
    assert both.factor == pytest.approx(8 * acc.Arrhenius().accelerate(55, [85, 125]).factor)
    assert both.model == acc.Combined((acc.InversePower(3.0), acc.Arrhenius()))


@pytest.mark.parametrize("bad", [float("nan"), -300.0, float("inf")])
def test_an_impossible_temperature_is_refused(bad: float) -> None:
    with pytest.raises(AnalysisError, match="use_c"):
        acc.Arrhenius().accelerate(bad, 125)


@pytest.mark.parametrize("bad", [0.0, 100.0, 121.0, float("nan")])
def test_saturated_steam_and_dry_air_have_no_humidity_model(bad: float) -> None:
    with pytest.raises(AnalysisError, match="_rh"):
        acc.Peck().accelerate(32, 74, 121, bad)


def test_an_empty_mission_is_refused() -> None:
    with pytest.raises(AnalysisError, match="without any duration"):
        mission_test([0.0, 0.0], acc.Arrhenius().accelerate([25, 85], 125))
    with pytest.raises(AnalysisError, match="activation energy of 0"):
        equivalent_temperature_c([1.0], [25.0], acc.Arrhenius(0.0))


@given(use=AT_C, test=AT_C, between=AT_C, ea_ev=st.floats(-0.2, 1.4))
def test_factors_chain_through_any_temperature(
    use: float, test: float, between: float, ea_ev: float
) -> None:
    model = acc.Arrhenius(ea_ev)
    direct = model.accelerate(use, test).factor
    chained = model.accelerate(use, between).factor * model.accelerate(between, test).factor
    assert float(chained) == pytest.approx(float(direct), rel=1e-9)


@given(
    spans=st.lists(st.floats(1, 1e5), min_size=3, max_size=3),
    at_c=st.lists(st.floats(-40, 150), min_size=3, max_size=3),
)
def test_the_equivalent_temperature_does_the_same_damage(
    spans: list[float], at_c: list[float]
) -> None:
    model = acc.Arrhenius()
    mean_c = equivalent_temperature_c(spans, at_c, model)
    assert min(at_c) - 1e-6 <= float(mean_c) <= max(at_c) + 1e-6
    whole = hours(sum(spans), model.accelerate(mean_c, 125))
    summed = mission_test(spans, model.accelerate(at_c, 125)).duration
    assert whole == pytest.approx(float(summed), rel=1e-9)
