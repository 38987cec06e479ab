"""SHTC3: what every sensor owes the bench, and driver and twin each against the data sheet."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.catalog import devices
from sensorbench.core.errors import (
    ChecksumError,
    NotAcknowledged,
    NotReady,
    Saturated,
    SetpointError,
    WrongDevice,
)
from sensorbench.protocols.checksums import decode_words
from sensorbench.sensors.shtc3.driver import convert
from sensorbench.sensors.shtc3.twin import _framed
from sensorbench.testing.cases import case_of
from sensorbench.testing.sensors import SENSOR_CHECKS
from sensorbench.testing.world import Case, SensorBench

EXAMPLE = bytes.fromhex("a1331c 648bc7")  # data sheet, figure 7: 63 %RH and 23.7 degC
RESET, READ_ID, SLEEP, WAKE_UP = b"\x80\x5d", b"\xef\xc8", b"\xb0\x98", b"\x35\x17"
NORMAL, HUMIDITY_FIRST, STRETCHED, LOW = b"\x78\x66", b"\x58\xe0", b"\x7c\xa2", b"\x60\x9c"


CASE = case_of(devices()["shtc3"])


@pytest.fixture
def bench() -> SensorBench:
    return SensorBench(CASE)


@pytest.mark.parametrize("check", SENSOR_CHECKS, ids=lambda check: check.__name__)
def test_it_does_what_every_sensor_does(check: Callable[[Case], None]) -> None:
    check(CASE)


# -- the data sheet's own words --------------------------------------------------------------------


def test_the_driver_decodes_the_data_sheet_s_example() -> None:
    humidity_raw, temperature_raw = decode_words(EXAMPLE, 2)
    humidity_rh, temperature_c = convert(temperature_raw, humidity_raw)
    assert (round(humidity_rh), round(temperature_c, 1)) == (63, 23.7)


def test_the_twin_gives_the_data_sheet_s_example(bench: SensorBench) -> None:
    bench.twin._offset_c = bench.twin._offset_rh = 0.0
    bench.put("temperature", 23.73)
    bench.put("humidity", 62.97)
    bench.send(HUMIDITY_FIRST, 0)
    bench.clock.sleep(12.1e-3)
    answer = bench.send(b"", 6)
    assert int.from_bytes(answer[0:2], "big") == pytest.approx(0xA133, abs=100)
    assert int.from_bytes(answer[3:5], "big") == pytest.approx(0x648B, abs=100)
    assert _framed(0xA133, 0x648B) == EXAMPLE
    assert _framed(0xBEEF) == bytes.fromhex("beef92")


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_what_the_twin_frames_the_driver_reads(first: int, second: int) -> None:
    assert decode_words(_framed(first, second), 2) == (first, second)


@pytest.mark.parametrize("word", [0, 0xFFFF])
def test_a_temperature_beyond_its_word_is_no_value(word: int) -> None:
    with pytest.raises(Saturated, match="temperature is saturated"):
        convert(word, 0x8000)


def test_saturated_air_leaves_the_temperature(bench: SensorBench) -> None:
    # Below the dew point of a room's air, as in any cold chamber.
    bench.put("temperature", -40.0)
    bench.put("humidity", 100.0)
    bench.part.prepare()
    with pytest.raises(Saturated, match="humidity is saturated") as raised:
        bench.sample()
    assert raised.value.rest[1] == pytest.approx(-40.0, abs=0.6)


# -- identity and sleep ----------------------------------------------------------------------------


def test_it_tells_what_it_is_and_no_number(bench: SensorBench) -> None:
    found = bench.part.identify()
    assert (found.manufacturer, found.model, found.serial) == ("Sensirion", "SHTC3", "")


def test_bits_that_are_the_part_s_own_do_not_matter(bench: SensorBench) -> None:
    for own in (0x0000, 0xF7C0):
        bench.twin._id = 0x0807 | own
        bench.part.identify()


def test_an_shtc1_is_a_stranger() -> None:
    with pytest.raises(WrongDevice, match=r"0x70 is 0x0007; of an SHTC3 it is 0x0807"):
        SensorBench(CASE, fault="identity").part.identify()


def test_asleep_it_takes_the_wake_up_alone(bench: SensorBench) -> None:
    bench.send(SLEEP, 0)
    for write in (NORMAL, READ_ID, RESET, SLEEP):
        with pytest.raises(NotAcknowledged, match="asleep"):
            bench.send(write, 0)
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(0, b"\x06")
    bench.send(b"", 0)  # its address it knows, or nothing could wake it
    bench.send(WAKE_UP, 0)
    with pytest.raises(NotAcknowledged, match="starts"):
        bench.send(READ_ID, 0)
    bench.clock.sleep(240e-6)
    assert len(bench.send(READ_ID, 3)) == 3


def test_identifying_a_part_that_sleeps_leaves_it_asleep(bench: SensorBench) -> None:
    bench.send(SLEEP, 0)
    bench.part.identify()
    assert bench.twin.supply_current_a() == 0.3e-6


def test_a_damaged_id_leaves_it_asleep_too(
    bench: SensorBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.send(SLEEP, 0)
    monkeypatch.setattr(bench.twin, "send", bytes)
    with pytest.raises(ChecksumError):
        bench.part.identify()
    assert bench.twin.supply_current_a() == 0.3e-6


def test_a_part_that_sleeps_is_woken_before_it_is_used(bench: SensorBench) -> None:
    bench.send(SLEEP, 0)
    bench.part.prepare()
    bench.sample()


# -- measuring -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("power", "typical_s", "longest_s"), [
    ("normal", 10.8e-3, 12.1e-3), ("low", 0.7e-3, 0.8e-3),
])  # fmt: skip
def test_a_measurement_takes_its_time(
    bench: SensorBench, power: str, typical_s: float, longest_s: float
) -> None:
    bench.part.prepare(power=power)
    assert bench.part.start() == longest_s
    bench.clock.sleep(typical_s - 1e-6)
    with pytest.raises(NotAcknowledged, match="measures"):
        bench.send(b"", 6)
    bench.clock.sleep(longest_s - typical_s + 1e-6)
    assert len(bench.part.read().values) == 1


def test_low_power_is_noisier(bench: SensorBench) -> None:
    noise = {}
    for power in ("normal", "low"):
        bench.part.prepare(power=power)
        noise[power] = statistics.stdev(bench.sample()["temperature"] for _ in range(300))
    assert noise["normal"] == pytest.approx(0.1 / 3, rel=0.2)
    assert noise["low"] > 1.5 * noise["normal"]


def test_another_power_is_refused_with_the_allowed_ones(bench: SensorBench) -> None:
    with pytest.raises(SetpointError, match="'normal', 'low'"):
        bench.part.prepare(power="high")


def test_reading_too_early_says_how_early(bench: SensorBench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.clock.sleep(0.004)
    with pytest.raises(NotReady, match=r"not ready 4\.0 ms after the start.* 12\.1 ms"):
        bench.part.read()


def test_a_part_that_measures_for_somebody_else_is_waited_for(bench: SensorBench) -> None:
    bench.send(STRETCHED, 0)
    bench.part.prepare()
    bench.sample()


def test_a_read_with_clock_stretching_holds_the_bus_until_it_is_done(bench: SensorBench) -> None:
    before_s = bench.clock.now()
    answer = bench.send(STRETCHED, 6)
    assert 10.8e-3 <= bench.clock.now() - before_s <= 12.1e-3
    assert len(decode_words(answer, 2)) == 2


def test_a_measurement_is_given_once(bench: SensorBench) -> None:
    bench.send(LOW, 0)
    bench.clock.sleep(0.8e-3)
    bench.send(b"", 6)
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.send(b"", 6)


@pytest.mark.parametrize(("address", "reset"), [(0x70, RESET), (0, b"\x06")])
def test_a_reset_forgets_what_was_measured(bench: SensorBench, address: int, reset: bytes) -> None:
    bench.send(NORMAL, 0)
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(address, reset)  # only when idle
    bench.clock.sleep(12.1e-3)
    bench.bus.transfer(address, reset)
    bench.clock.sleep(240e-6)
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.send(b"", 6)


@pytest.mark.parametrize("write", [b"\x12\x34", b"\x78"])
def test_what_is_not_in_the_data_sheet_is_noted(bench: SensorBench, write: bytes) -> None:
    bench.send(write, 0)
    assert len(bench.twin.beyond) == 1


def test_currents_are_the_data_sheet_s(bench: SensorBench) -> None:
    assert bench.twin.supply_current_a() == 45e-6
    bench.send(NORMAL, 0)
    assert bench.twin.supply_current_a() == 430e-6
    bench.clock.sleep(12.1e-3)
    bench.send(LOW, 0)
    assert bench.twin.supply_current_a() == 270e-6
    bench.clock.sleep(0.8e-3)
    bench.send(SLEEP, 0)
    assert bench.twin.supply_current_a() == 0.3e-6


def test_a_damaged_answer_is_refused_and_says_where() -> None:
    bench = SensorBench(CASE, fault="crc")
    bench.part.prepare()
    with pytest.raises(ChecksumError, match=r"address 0x70: the CRC of"):
        bench.sample()
