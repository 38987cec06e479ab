"""SDP3x and SDP8xx: driver and twin against the reference, then against each other."""

import statistics
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    ChecksumError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SetpointError,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.sdp.codec import decode_identifier, decode_measurement, decode_words
from sensorbench.sensors.sdp.driver import MODES, Sdp
from sensorbench.sensors.sdp.twin import _MODELS, SimSdp, _checksum
from sensorbench.sensors.sdp.twin_signals import Mean
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

EXAMPLE = bytes.fromhex("02589f 138801 003c39")  # 600, 5000, 60: 10 Pa, 25 degC
CONTINUOUS, AVERAGE, SINGLE, STRETCHED = 0x361E, 0x3615, 0x362F, 0x372D


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, **options: Any) -> None:
        self.clock = VirtualClock()
        self.clock.sleep(100.0)
        self.world = World(self.clock, seed, {"pressure": 96_600.0})
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimSdp(Place(self.world, "7"), **options)
        self.bus.attach(0x25, self.twin)
        self.part = Sdp(self.bus, 0x25, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        pressure_pa, temperature_c = self.part.read().values[0]
        return float(pressure_pa), float(temperature_c)

    def send(self, command: int) -> None:
        self.bus.transfer(0x25, command.to_bytes(2, "big"))

    def read(self, length: int = 9) -> bytes:
        return self.bus.transfer(0x25, b"", length)

    def without_errors(self) -> None:
        signals = self.twin._signals
        signals._gain, signals._gain_per_k = 1.0, 0.0
        signals._zero_pa = signals._offset_c = 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


def test_the_driver_decodes_the_worked_example() -> None:
    assert decode_measurement(EXAMPLE) == (10.0, 25.0)
    assert decode_words(bytes.fromhex("beef92"), 3) == b"\xbe\xef"


@given(st.integers(0, 8), st.integers(0, 7))
def test_a_bit_that_fell_is_an_error(byte: int, bit: int) -> None:
    damaged = bytearray(EXAMPLE)
    damaged[byte] ^= 1 << bit
    with pytest.raises(ChecksumError, match="damaged on the wire"):
        decode_measurement(bytes(damaged))


@pytest.mark.parametrize(
    ("words", "kind", "text"),
    [
        ((600, 5000, 61), ProtocolError, "scale factor is 61; .* 60, 240, 20"),
        ((32767, 5000, 240), Saturated, "136.5 Pa is the end of its output; it measures 125 Pa"),
        ((-32768, 5000, 20), Saturated, "-1638 Pa .* measures 1500 Pa"),
    ],
)
def test_words_that_are_no_value_are_an_error(
    words: tuple[int, ...], kind: type[ProtocolError], text: str
) -> None:
    pairs = (word.to_bytes(2, "big", signed=True) for word in words)
    with pytest.raises(kind, match=text):
        decode_measurement(b"".join(pair + bytes([_checksum(pair)]) for pair in pairs))
    with pytest.raises(ProtocolError, match="9 bytes here, got 6"):
        decode_measurement(EXAMPLE[:6])


# The twin against the data sheet.


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    assert _checksum(b"\xbe\xef") == 0x92
    assert bench.twin._framed(bytes.fromhex("025813880 03c".replace(" ", ""))) == EXAMPLE
    bench.without_errors()
    bench.world.ambient["temperature"] = 25.0
    bench.put("differential_pressure", 10.0)
    bench.send(SINGLE)
    bench.clock.sleep(0.05)
    words = decode_words(bench.read(), 9)
    assert int.from_bytes(words[:2], "big") == pytest.approx(600, abs=4 * 0.08 * 60 / 9)
    assert int.from_bytes(words[2:4], "big") == pytest.approx(5000, abs=4 * 4)
    assert words[4:] == b"\x00\x3c"


@pytest.mark.parametrize("model", list(_MODELS))
def test_each_of_the_family_says_who_it_is_and_how_it_scales(model: str) -> None:
    bench = Bench(model=model)
    told = bench.part.identify()
    assert (told.manufacturer, told.model) == ("Sensirion", model)
    assert len(told.serial) == 16
    bench.put("differential_pressure", -100.0)
    bench.part.prepare()
    assert bench.sample()[0] == pytest.approx(-100.0, abs=4.0)


def test_a_single_measurement_acknowledges_nothing_until_it_has_ended(bench: Bench) -> None:
    bench.send(SINGLE)
    bench.clock.sleep(0.043)
    for act in (bench.read, lambda: bench.send(0x3FF9)):
        with pytest.raises(NotAcknowledged, match="is busy"):
            act()
    bench.clock.sleep(0.004)
    assert len(bench.read()) == 9
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.read()


def test_a_stretched_measurement_holds_the_bus(bench: Bench) -> None:
    bench.send(STRETCHED)
    began_s = bench.clock.now()
    assert len(bench.read()) == 9
    assert bench.clock.now() - began_s == pytest.approx(0.045, rel=0.03)


def test_while_it_measures_continuously_it_only_stops(bench: Bench) -> None:
    bench.send(CONTINUOUS)
    bench.clock.sleep(0.007)
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.read()
    bench.clock.sleep(0.002)
    first = bench.read()
    assert bench.read(3) == first[:3]
    bench.clock.sleep(0.001)
    assert bench.read() != first
    for command in (0x367C, SINGLE, CONTINUOUS, 0x3677):
        with pytest.raises(NotAcknowledged, match="only the command to stop"):
            bench.send(command)
    bench.send(0x3FF9)
    with pytest.raises(NotAcknowledged):
        bench.send(0x3FF9)  # for half a millisecond
    bench.clock.sleep(0.001)
    bench.send(0x3FF9)


def test_asleep_it_answers_nobody_and_its_address_wakes_it_up(bench: Bench) -> None:
    bench.send(0x3677)
    assert bench.twin.supply_current_a() == pytest.approx(1e-6)
    bench.clock.sleep(10.0)
    with pytest.raises(NotAcknowledged):
        bench.read()
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(0x00, b"\x06")  # it can't be reset
    with pytest.raises(NotAcknowledged, match="wakes up"):
        bench.bus.transfer(0x25, b"")
    bench.clock.sleep(0.0025)
    bench.send(0x367C)


def test_a_general_call_resets_it(bench: Bench) -> None:
    bench.send(CONTINUOUS)
    bench.clock.sleep(1.0)
    bench.bus.transfer(0x00, b"\x06")
    with pytest.raises(NotAcknowledged):
        bench.send(0x367C)
    bench.clock.sleep(0.02)
    bench.send(0x367C)


def test_the_identifier_wants_both_commands(bench: Bench) -> None:
    with pytest.raises(NotAcknowledged):
        bench.send(0xE102)
    bench.send(0x367C)
    bench.send(0xE102)
    assert decode_identifier(bench.read(18))[0] == 0x03020A01


def test_the_mean_is_of_all_since_it_was_read_and_fades_after_25_ms(bench: Bench) -> None:
    mean = Mean()
    assert mean.feed(np.arange(50.0), left_out=False) == pytest.approx(24.5)
    assert mean.feed(np.array([124.5]), left_out=False) == pytest.approx(29.5)
    mean.begin()
    assert mean.feed(np.array([7.0]), left_out=False) == 7.0
    bench.without_errors()
    bench.put("differential_pressure", 100.0)
    bench.send(AVERAGE)
    bench.clock.sleep(1.0)
    bench.read()
    bench.clock.sleep(0.010)
    bench.put("differential_pressure", 0.0)
    bench.clock.sleep(0.010)
    assert decode_measurement(bench.read()).pressure_pa == pytest.approx(50.0, abs=4.0)


def test_at_first_it_is_a_few_percent_off(bench: Bench) -> None:
    bench.without_errors()
    bench.put("differential_pressure", 400.0)
    bench.send(CONTINUOUS)
    found = []
    for pause_s in (0.009, 0.012):
        bench.clock.sleep(pause_s)
        found.append(decode_measurement(bench.read()).pressure_pa)
    assert found[0] == pytest.approx(400.0 * 1.0165, abs=5.0)
    assert found[1] == pytest.approx(400.0, abs=5.0)


def test_what_is_not_modelled_is_on_record(bench: Bench) -> None:
    bench.send(0x3624)
    bench.clock.sleep(0.05)
    with pytest.raises(NotAcknowledged, match="knows no command 0x1234"):
        bench.send(0x1234)
    assert list(bench.twin.beyond) == [
        "compensation for mass flow, command 0x3624", "command 0x1234"
    ]  # fmt: skip


# Driver and twin.


@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize("pressure_pa", [-500.0, 0.0, 500.0])
def test_the_driver_reads_what_the_place_has(mode: str, pressure_pa: float) -> None:
    bench = Bench()
    bench.put("differential_pressure", pressure_pa)
    bench.put("temperature", 60.0)
    bench.part.prepare(mode=mode)
    for _ in range(2):
        found_pa, found_c = bench.sample()
        assert found_pa == pytest.approx(pressure_pa, abs=0.2 + 0.035 * abs(pressure_pa))
        assert found_c == pytest.approx(60.0, abs=1.5)
    assert bench.twin.supply_current_a() == pytest.approx(1.1e-3)  # between readings it rests
    assert not bench.twin.beyond


def test_means_are_quieter_than_single_values() -> None:
    found = []
    for mode in ("continuous", "average till read"):
        bench = Bench()
        bench.part.prepare(mode=mode)
        found.append(statistics.stdev(bench.sample()[0] for _ in range(100)))
    assert found[0] == pytest.approx(0.05, rel=0.3)
    assert found[1] == pytest.approx(0.05 / 39**0.5, rel=0.5)  # of values weighted 0.05, 0.0475 …


def test_a_reading_is_corrected_for_the_gas_it_measures(bench: Bench) -> None:
    bench.without_errors()
    bench.put("pressure", 101_325.0)
    bench.put("differential_pressure", 400.0)
    bench.part.prepare()
    assert bench.sample()[0] == pytest.approx(400.0 * 101_325 / 96_600, abs=1.0)
    bench.part.prepare(ambient_pressure=101_325.0)
    assert bench.sample()[0] == pytest.approx(400.0, abs=1.0)
    with pytest.raises(SetpointError, match="ambient_pressure can't be"):
        bench.part.prepare(ambient_pressure=1_000.0)


def test_a_pressure_beyond_its_output_is_an_error() -> None:
    bench = Bench(model="SDP32")
    bench.part.prepare()
    bench.put("differential_pressure", -200.0)
    with pytest.raises(Saturated, match="measures 125 Pa in either direction"):
        bench.sample()


@pytest.mark.parametrize("mode", list(MODES))
def test_reading_too_early_or_without_start_is_refused(bench: Bench, mode: str) -> None:
    bench.part.prepare(mode=mode)
    with pytest.raises(BenchError, match="start"):
        bench.part.read()
    ready_s = bench.part.start()
    bench.clock.sleep(0.8 * ready_s)
    with pytest.raises(NotReady, match="no good measurement"):
        bench.part.read()
    bench.clock.sleep(0.2 * ready_s)
    bench.part.read()


def test_a_part_that_somebody_left_measuring_or_asleep_is_prepared(bench: Bench) -> None:
    for command in (CONTINUOUS, SINGLE, 0x3677):
        bench.send(command)
        bench.part.prepare()
        bench.sample()
    bench.bus.detach(0x25)
    with pytest.raises(NotAcknowledged):
        bench.part.prepare()


def test_a_reading_that_failed_leaves_a_part_that_can_be_started(bench: Bench) -> None:
    bench.part.prepare(mode="continuous")
    bench.part.start()
    bench.world.add_fault("7", Fault("crc", at_s=bench.clock.now(), until_s=bench.clock.now() + 1))
    bench.clock.sleep(0.5)
    with pytest.raises(ChecksumError, match=r"address 0x25: the CRC of"):
        bench.part.read()
    bench.clock.sleep(1.0)
    bench.part.start()  # never read
    bench.sample()


def test_a_stranger_of_the_same_maker_is_refused_and_a_new_sister_is_none() -> None:
    with pytest.raises(WrongDevice, match="0x04020611; that of an SDP3x begins with 0x0301"):
        Bench("identity").part.identify()
    bench = Bench()
    bench.twin._product = 0x03021107
    told = bench.part.identify()
    assert (told.model, told.firmware) == ("SDP8xx", "07")
    with pytest.raises(ValueError, match="allowed: SDP31"):
        Bench(model="SDP1000")


def test_every_unit_has_its_measurement_when_start_said_so() -> None:
    for seed in range(12):
        bench = Bench(seed=seed)
        for mode in MODES:
            bench.part.prepare(mode=mode)
            bench.sample()
