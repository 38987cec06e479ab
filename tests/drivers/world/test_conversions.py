"""When a twin's conversions begin and end, also after months on the clock."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.catalog import devices
from sensorbench.testing.cases import case_of
from sensorbench.testing.world import SensorBench
from sensorbench.world.conversions import Conversions, reached

MONTHS_S = 2e7
times = st.floats(0.0, MONTHS_S)
lengths = st.floats(5e-4, 2.0)


@given(times, lengths)
def test_a_conversion_runs_from_the_instant_of_its_start(now_s: float, lasts_s: float) -> None:
    conversions = Conversions(now_s, lasts_s)
    assert conversions.runs(now_s)
    assert conversions.due(now_s) == 0


@given(times, lengths, st.integers(1, 50))
def test_who_waited_exactly_long_enough_in_pieces_has(
    now_s: float, lasts_s: float, pieces: int
) -> None:
    conversions, later_s = Conversions(now_s, lasts_s), now_s
    for _ in range(pieces):
        later_s += lasts_s / pieces
    assert conversions.due(later_s) == 1
    assert conversions.take() == pytest.approx(later_s)
    assert not conversions.runs(later_s)
    assert not conversions.go_on


@given(times, lengths, st.floats(1.0, 3.0), st.lists(st.floats(0.0, 500.0), max_size=6))
def test_looks_in_between_change_no_number(
    began_s: float, lasts_s: float, times_longer: float, pauses_s: list[float]
) -> None:
    looked = Conversions(began_s, lasts_s, lasts_s * times_longer)
    alone = Conversions(began_s, lasts_s, lasts_s * times_longer)
    now_s = began_s
    for pause_s in pauses_s:
        now_s += pause_s
        looked.take(looked.due(now_s))
    alone.take(alone.due(now_s))
    assert looked.taken == alone.taken
    assert looked.end_s(looked.taken) == alone.end_s(alone.taken)


def test_none_were_asked_for() -> None:
    assert not Conversions().go_on
    assert not Conversions().runs(1e9)
    assert Conversions().due(1e9) == 0
    assert Conversions().end_s(0) == math.inf


def test_what_sums_of_times_lose_is_reached() -> None:
    assert reached(MONTHS_S, math.nextafter(MONTHS_S, math.inf))
    assert not reached(MONTHS_S, MONTHS_S + 1e-6)


@pytest.mark.parametrize("at_s", [0.0123, 1234.5, MONTHS_S])
@pytest.mark.parametrize("name", ["bmp280", "bme280"])
def test_the_measuring_bit_is_there_from_the_trigger_in_every_setting(
    name: str, at_s: float
) -> None:
    settings = [(t, p, h) for t in range(6) for p in range(6) for h in range(7)]
    for temperature, pressure, humidity in settings:
        bench = SensorBench(case_of(devices()[name]))
        bench.clock.sleep(at_s)
        if name == "bme280":
            bench.bus.transfer(bench.address, bytes([0xF2, humidity]))
        elif humidity:
            continue
        control = temperature << 5 | pressure << 2 | 1
        bench.bus.transfer(bench.address, bytes([0xF4, control]))
        assert bench.bus.transfer(bench.address, b"\xf3", 1)[0] & 0x08, hex(control)


@pytest.mark.parametrize("name", ["bme280", "bmp280", "ms5611", "sbp1", "sgp2", "sht4x", "tmp117"])
def test_a_part_draws_its_current_from_the_instant_of_the_trigger(name: str) -> None:
    for seed in range(1, 30):
        bench = SensorBench(case_of(devices()[name]), seed=seed)
        bench.clock.sleep(MONTHS_S / seed)
        bench.part.prepare()
        before_a = bench.twin.supply_current_a()
        bench.part.start()
        assert bench.twin.supply_current_a() > 10 * before_a
