"""HP206C: driver and twin against the reference, then against each other."""

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.smbus_api import SimulatedSMBus
from sensorbench.sensors.hp206c.driver import OVERSAMPLING, Hp206c, decode_both
from sensorbench.sensors.hp206c.twin import SimHp206c, _word
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.clock.sleep(100.0)
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimHp206c(Place(self.world, "7"))
        self.bus.attach(0x76, self.twin)
        self.part = Hp206c(self.bus, 0x76, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        pressure_pa, temperature_c = self.part.read().values[0]
        return float(pressure_pa), float(temperature_c)

    def ask(self, *data: int, length: int = 0) -> bytes:
        return self.bus.transfer(0x76, bytes(data), length)

    def without_errors(self) -> None:
        twin = self.twin
        twin._offset_pa = twin._offset_pa_per_k = twin._offset_c = 0.0


class Stranger:
    """Somebody who answers a byte by what was written first."""

    def __init__(self, answers: dict[int, int]) -> None:
        self._answers, self._asked = answers, 0

    def receive(self, data: bytes) -> None:
        self._asked = data[0]

    def send(self, length: int) -> bytes:
        return bytes([self._answers.get(self._asked, 0)]) * length


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


@pytest.mark.parametrize(
    ("data", "pressure_pa", "temperature_c"),
    [
        ("000a5c 018a9e", 101_022, 26.52),
        ("0ffc18 00ea60", 60_000, -10.0),  # the highest four bits mean nothing
        ("fffc18 f0ea60", 60_000, -10.0),
    ],
)
def test_the_driver_decodes_the_worked_examples(
    data: str, pressure_pa: int, temperature_c: float
) -> None:
    pressure, temperature = decode_both(bytes.fromhex(data))
    assert (pressure, temperature / 100) == (pressure_pa, temperature_c)


def test_another_length_names_what_came() -> None:
    with pytest.raises(ProtocolError, match="6 bytes, got 3: 000a5c"):
        decode_both(bytes.fromhex("000a5c"))


# The twin against the data sheet.


def test_the_twin_gives_the_bytes_of_the_worked_examples(bench: Bench) -> None:
    assert _word(2652.0, signed=True) == bytes.fromhex("000a5c")
    assert _word(-5000.0, signed=True) == bytes.fromhex("ffec78")  # page 7
    assert _word(101_022.0, signed=False) == bytes.fromhex("018a9e")
    bench.without_errors()
    bench.world.ambient["temperature"] = 26.52
    bench.put("pressure", 101_022.0)
    bench.ask(0xCF, 0x80)
    bench.ask(0x40)
    bench.clock.sleep(0.14)
    data = bench.ask(0x10, length=6)
    assert int.from_bytes(data[:3], "big") == pytest.approx(2652, abs=3)
    assert int.from_bytes(data[3:], "big") == pytest.approx(101_022, abs=5)
    assert bench.ask(0x32, length=3) + bench.ask(0x30, length=3) == data


@given(st.integers(-(1 << 19), (1 << 19) - 1), st.integers(0, (1 << 20) - 1))
def test_what_the_twin_says_the_driver_reads(temperature: int, pressure: int) -> None:
    data = _word(temperature, signed=True) + _word(pressure, signed=False)
    assert decode_both(data) == (pressure, temperature)


@pytest.mark.parametrize("oversampling", list(OVERSAMPLING))
@pytest.mark.parametrize(("channel", "share"), [(0, 1.0), (2, 0.5)])
def test_a_conversion_takes_the_time_of_its_oversampling_and_channel(
    bench: Bench, oversampling: int, channel: int, share: float
) -> None:
    code, lasts_s = OVERSAMPLING[oversampling]
    bench.ask(0x40 | code | channel)
    bench.clock.sleep(0.95 * share * lasts_s)
    assert bench.ask(0x8D, length=1) == b"\x00"
    bench.clock.sleep(0.12 * share * lasts_s)
    assert bench.ask(0x8D, length=1) == b"\x40"


def test_a_read_too_early_gives_the_conversion_before(bench: Bench) -> None:
    bench.ask(0xCF, 0x80)
    bench.ask(0x40)
    bench.clock.sleep(0.2)
    before = bench.ask(0x30, length=3)
    bench.put("pressure", 50_000.0)
    bench.ask(0x40)
    bench.clock.sleep(0.1)
    assert bench.ask(0x30, length=3) == before
    bench.clock.sleep(0.1)
    assert bench.ask(0x30, length=3) != before


def test_altitude_has_its_offset(bench: Bench) -> None:
    bench.without_errors()
    bench.put("pressure", 89_874.6)  # 1000 m of the standard atmosphere (ISO 2533)
    bench.ask(0xCF, 0x80)
    bench.ask(0xC0, 0xEB)
    bench.ask(0xC1, 0xD8)  # -100.05 m, the data sheet's example
    bench.ask(0x40)
    bench.clock.sleep(0.2)
    height_m = int.from_bytes(bench.ask(0x31, length=3), "big", signed=True) / 100
    assert height_m == pytest.approx(899.95, abs=0.7)
    assert bench.ask(0x11, length=6) == bench.ask(0x32, length=3) + bench.ask(0x31, length=3)


def test_flags_rise_where_they_are_enabled_and_go_when_read(bench: Bench) -> None:
    bench.ask(0xCB, 0x30)
    bench.ask(0x42)
    bench.clock.sleep(0.1)
    assert bench.ask(0x8D, length=1) == b"\x50"
    bench.ask(0x40)
    bench.clock.sleep(0.2)
    assert bench.ask(0x8D, length=1) == b"\x70"
    bench.ask(0x10, length=6)
    assert bench.ask(0x8D, length=1) == b"\x40"


def test_the_linux_driver_s_exchange(bench: Bench) -> None:
    """As drivers/iio/pressure/hp206c.c talks to it, in SMBus calls."""
    smbus = SimulatedSMBus(bench.bus)
    smbus.write_byte(0x76, 0x06)
    assert not smbus.read_byte_data(0x76, 0x8D) & 0x40
    bench.clock.sleep(0.0006)
    assert smbus.read_byte_data(0x76, 0x8D) & 0x40
    smbus.write_byte_data(0x76, 0xCF, smbus.read_byte_data(0x76, 0x8F) | 0x80)
    found = []
    for convert, read, wait_s in ((0x42, 0x32, 0.0656), (0x40, 0x30, 0.1311)):
        smbus.write_byte(0x76, convert)
        bench.clock.sleep(1.1 * wait_s)
        high, middle, low = smbus.read_i2c_block_data(0x76, read, 3)
        found.append((high & 0x0F) << 16 | middle << 8 | low)
    assert found == pytest.approx([2300, 101_325], abs=300)
    assert not bench.twin.beyond


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.ask(0x28)
    bench.ask(0x43)
    bench.ask(0x5C)
    bench.ask(0xC8, 0x20)
    bench.ask(0xCB, 0x0F)
    bench.ask(0xB0, length=1)
    bench.ask(0x40)
    bench.ask(0x42)
    assert list(bench.twin.beyond) == [
        "command 0x28", "command 0x43", "command 0x5c", "write 20 to 0x08", "write 0f to 0x0b",
        "read from 0x30", "command 0x42 while it is busy",
    ]  # fmt: skip


# Driver and twin.


@pytest.mark.parametrize("pressure_pa", [30_000.0, 120_000.0])
@pytest.mark.parametrize("temperature_c", [-40.0, 85.0])
def test_the_driver_reads_what_the_place_has_at_the_ends(
    bench: Bench, pressure_pa: float, temperature_c: float
) -> None:
    bench.put("pressure", pressure_pa)
    bench.put("temperature", temperature_c)
    bench.part.prepare()
    found_pa, found_c = bench.sample()
    assert found_pa == pytest.approx(pressure_pa, abs=400.0)
    assert found_c == pytest.approx(temperature_c, abs=1.0)
    assert not bench.twin.beyond


@pytest.mark.parametrize(("oversampling", "noise_pa"), [(128, 5.66), (4096, 1.04)])
def test_noise_falls_with_oversampling(bench: Bench, oversampling: int, noise_pa: float) -> None:
    bench.part.prepare(oversampling=oversampling)
    found = [bench.sample()[0] for _ in range(300)]
    assert statistics.stdev(found) == pytest.approx(noise_pa, rel=0.15)


def test_without_compensation_it_is_plausible_and_wrong_and_no_reading(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.ask(0x06)
    bench.clock.sleep(0.001)
    bench.ask(0x40)
    bench.clock.sleep(0.2)
    raw_pa = int.from_bytes(bench.ask(0x30, length=3), "big")
    assert 80_000 < raw_pa < 100_000
    with pytest.raises(SettingsLost, match="PARA is 0x00, 0x80 was written"):
        bench.part.read()
    bench.ask(0xCF, 0x80)  # as parts do after a reset by the letter of the data sheet
    with pytest.raises(SettingsLost, match="INT_EN is 0x00, 0x30 was written"):
        bench.part.read()


def test_reading_too_early_or_without_start_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    with pytest.raises(BenchError, match="start"):
        bench.part.read()
    bench.part.start()
    bench.clock.sleep(0.12)
    with pytest.raises(NotReady, match="still converts"):
        bench.part.read()
    bench.clock.sleep(0.1)
    assert np.isfinite(bench.part.read().values).all()


def test_values_beyond_the_part_are_an_error(bench: Bench) -> None:
    bench.part.prepare()
    for where, value in (("pressure", 25_000.0), ("pressure", 125_000.0), ("temperature", 95.0)):
        bench.put(where, value)
        with pytest.raises(Saturated, match="measures 30000 to 120000 Pa, -40 to 85 degC"):
            bench.sample()


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ({0x8D: 0x00}, "INT_SRC is 0x00, bit 6 is 0"),
        ({0x8D: 0x40, 0x8F: 0x55}, "register 0x0f at .* is 0x55; an HP206C has 0 in its bits 0x7f"),
        ({0x8D: 0x60, 0x8F: 0x80, 0x8B: 0x40}, "register 0x0b"),
    ],
)
def test_a_stranger_shows_by_bits_that_mean_nothing(
    bench: Bench, answers: dict[int, int], text: str
) -> None:
    bench.bus.detach(0x76)
    bench.bus.attach(0x76, Stranger(answers))
    with pytest.raises(WrongDevice, match=text):
        bench.part.identify()


def test_identifying_waits_for_a_conversion_and_says_who_else_it_may_be(bench: Bench) -> None:
    bench.part.prepare()
    lasts_s = bench.part.start()
    told = bench.part.identify()
    assert str(told) == "Hope Microelectronics HP206C (or HP203B: it does not tell)"
    bench.clock.sleep(lasts_s)
    assert bench.part.read().values[0, 0] == pytest.approx(101_325, abs=400)


def test_every_unit_has_its_conversion_when_start_said_so() -> None:
    for seed in range(12):
        bench = Bench(seed=seed)
        for oversampling in (128, 4096):
            bench.part.prepare(oversampling=oversampling)
            bench.sample()
