"""QMI8658: driver and twin against the reference, then driver and twin together."""

from __future__ import annotations

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.quantity import Value
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.qmi8658.driver import RATES_HZ, G, Qmi8658
from sensorbench.sensors.qmi8658.twin import SimQmi8658
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

ADDRESS = 0x6B


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimQmi8658(Place(self.world, "7"))
        self.bus.attach(ADDRESS, self.twin)
        self.part = Qmi8658(self.bus, ADDRESS, self.clock)

    def set(self, address: str, value: Value) -> None:
        self.zone.bind(address, Constant(value))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))

    def switch_on(self, ctrl2: int = 0x05, ctrl3: int = 0x55, ctrl7: int = 0x03) -> None:
        self.write(0x02, 0x60)
        self.write(0x03, ctrl2, ctrl3)
        self.write(0x08, ctrl7)
        self.clock.sleep(0.3)

    def words(self, register: int, count: int = 3) -> list[int]:
        return np.frombuffer(self.read(register, 2 * count), "<i2").tolist()

    def count(self) -> int:
        return int.from_bytes(self.read(0x30, 3), "little")


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- the driver on a scripted bus --------------------------------------------------------------


class Scripted(SimulatedI2cBus):
    """Registers that are what they were written; its count goes on every `every` looks."""

    def __init__(self, outputs: str = "", every: int = 3) -> None:
        super().__init__("bus1")
        self.registers = bytearray(128)
        self.registers[0x4D] = 0x80
        self.registers[0x33:0x41] = bytes.fromhex(outputs) or bytes(14)
        self.every, self.looks = every, 0
        self.writes: list[str] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        start, data = write[0], write[1:]
        if data:
            self.writes.append(write.hex())
            self.registers[start : start + len(data)] = data
        if start == 0x30:
            self.looks += 1
            self.registers[0x30] = self.looks // self.every
        return bytes(self.registers[start : start + read_length])


def test_preparing_lets_registers_count_up_after_the_reset() -> None:
    bus = Scripted()
    Qmi8658(bus, ADDRESS, VirtualClock()).prepare(
        acceleration_range=8 * G, angular_rate_range=512.0, rate=56.05, filter="13.37 %"
    )
    assert bus.writes == ["60b0", "0260", "0327", "0457", "0677", "0803"]


@pytest.mark.parametrize(("warmth", "warmth_c"), [("8019", 25.5), ("40f6", -9.75)])
def test_the_driver_decodes_the_worked_examples(warmth: str, warmth_c: float) -> None:
    part = Qmi8658(Scripted(f"{warmth} 0010 00f0 0000 8002 80fd 0000"), ADDRESS, VirtualClock())
    part.prepare(acceleration_range=8 * G, angular_rate_range=512.0)
    part.start()
    part._seen = b"old"
    assert part.read().values[0] == pytest.approx([G, -G, 0.0, 10.0, -10.0, 0.0, warmth_c])


def test_a_reading_into_which_samples_come_is_made_again_and_then_given_up() -> None:
    part = Qmi8658(Scripted(every=1), ADDRESS, VirtualClock())
    part.prepare()
    part.start()
    with pytest.raises(NotReady, match="into each of 5 readings; choose a lower rate"):
        part.read()


@pytest.mark.parametrize("end", ["ff7f", "0080"])
def test_either_end_of_the_range_is_no_value(end: str) -> None:
    part = Qmi8658(Scripted(f"0000 0000 0000 0000 0000 {end} 0000"), ADDRESS, VirtualClock())
    part.prepare()
    part.start()
    part._seen = b"old"
    with pytest.raises(Saturated, match="angular_rate_y is saturated"):
        part.read()


# -- the twin against the reference ------------------------------------------------------------


def test_registers_have_their_reset_values_and_do_not_count_up(bench: Bench) -> None:
    assert bench.read(0x00, 3) == b"\x05\x05\x05"
    assert bench.read(0x02) == b"\x20"
    assert bench.read(0x4D) == b"\x80"
    bench.write(0x02, 0x60)
    assert bench.read(0x00, 9) == bytes.fromhex("05 7c 60 00 00 00 00 00 00")


@pytest.mark.parametrize("code", range(4))
def test_the_twin_has_the_accelerometer_s_ranges(bench: Bench, code: int) -> None:
    bench.switch_on(ctrl2=code << 4 | 0x05)
    assert bench.words(0x35)[2] == pytest.approx(16384 >> code, rel=0.12)


@pytest.mark.parametrize("code", range(8))
def test_the_twin_has_the_gyroscope_s_ranges(bench: Bench, code: int) -> None:
    bench.set("angular_rate", (0.0, 10.0, 0.0))
    bench.switch_on(ctrl3=code << 4 | 0x05)
    assert bench.words(0x3B)[1] / (2048 >> code) == pytest.approx(10.0, abs=5.0)


def test_warmth_below_zero_has_a_sign(bench: Bench) -> None:
    bench.set("temperature", -20.0)
    bench.switch_on()
    assert bench.words(0x33, 1)[0] / 256 == pytest.approx(-20.0, abs=5.0)


@pytest.mark.parametrize(
    ("code", "ctrl7", "rate_hz"),
    [(3, 3, 896.8), (5, 3, 224.2), (10, 3, 7.006), (3, 1, 1000.0), (7, 1, 62.5), (6, 2, 112.1)],
)
def test_samples_are_counted_on_the_clock_of_the_mode(
    bench: Bench, code: int, ctrl7: int, rate_hz: float
) -> None:
    bench.switch_on(ctrl2=code, ctrl3=0x50 | code, ctrl7=ctrl7)
    before = bench.count()
    bench.clock.sleep(10.0)
    assert bench.count() - before == pytest.approx(10 * rate_hz, rel=0.04, abs=1)


def test_new_data_show_until_they_or_their_flags_are_read(bench: Bench) -> None:
    bench.switch_on()
    for register in (0x2E, 0x35):
        bench.clock.sleep(0.1)
        assert bench.read(register, 12)
        assert bench.read(0x2E)[0] & 1 == 0
    bench.clock.sleep(0.1)
    assert bench.read(0x2E) == b"\x03"


def test_the_gyroscope_takes_its_time_and_holds_the_accelerometer_up(bench: Bench) -> None:
    bench.write(0x02, 0x60)
    bench.write(0x03, 0x05, 0x55)
    bench.write(0x08, 0x03)
    bench.clock.sleep(0.1)
    assert bench.words(0x35, 6) == [0] * 6
    bench.clock.sleep(0.1)
    assert 0 not in bench.words(0x35, 6)[2:3]


def test_a_command_is_done_until_it_is_acknowledged(bench: Bench) -> None:
    bench.write(0x02, 0x60)
    bench.write(0x09, 0x80)
    bench.write(0x0A, 0x10)
    assert bench.read(0x2D) == b"\x80"
    assert any(bench.read(0x51, 6))
    bench.write(0x0A, 0x00)
    assert bench.read(0x2D) == b"\x00"
    assert not bench.twin.beyond
    bench.write(0x0A, 0xA2)
    assert list(bench.twin.beyond) == ["command 0xa2"]


def test_a_reset_takes_15_ms_and_stops_the_counting_up(bench: Bench) -> None:
    bench.switch_on()
    bench.write(0x60, 0xB0)
    with pytest.raises(NotAcknowledged, match="booting"):
        bench.read(0x4D)
    bench.clock.sleep(0.015)
    assert bench.read(0x4D) == b"\x80"
    assert bench.read(0x02) == b"\x20"


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES_HZ)
def test_start_says_long_enough_for_every_rate_and_unit(rate: float) -> None:
    for seed in range(3):
        bench = Bench(seed=seed)
        bench.part.prepare(rate=rate)
        for _ in range(3):
            bench.clock.sleep(bench.part.start())
            bench.part.read()
        assert not bench.twin.beyond


def test_an_old_sample_is_no_reading(bench: Bench) -> None:
    bench.part.prepare(rate=7.006)
    bench.part.start()
    with pytest.raises(NotReady, match="has no new sample"):
        bench.part.read()
    bench.clock.sleep(bench.part.start())
    bench.part.read()
    with pytest.raises(BenchError, match=r"start\(\)"):
        bench.part.read()


def test_a_filter_narrows_the_noise() -> None:
    spread = []
    for filter_ in ("off", "2.66 %"):
        bench = Bench()
        bench.part.prepare(rate=448.4, filter=filter_)
        rows = []
        for _ in range(300):
            bench.clock.sleep(bench.part.start())
            rows.append(bench.part.read().values[0][3:6])
        spread.append(np.std(rows, axis=0))
    assert spread[0] / spread[1] == pytest.approx([(0.5 / 0.0266) ** 0.5] * 3, rel=0.2)


def test_a_good_part_passes_its_self_test_and_is_as_before(bench: Bench) -> None:
    bench.part.prepare(rate=28.025)
    found = bench.part.self_test()
    assert found.keys() == Qmi8658.SELF_TEST_LIMITS.keys()
    assert all(found[name] > low for name, (low, _) in Qmi8658.SELF_TEST_LIMITS.items())
    assert bench.read(0x03, 2) == bytes((0x08, 0x58))
    dead = Bench("self_test").part.self_test()
    assert all(dead[name] < low for name, (low, _) in Qmi8658.SELF_TEST_LIMITS.items())
    assert not bench.twin.beyond


def test_a_part_that_was_reset_behind_our_back_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    bench.write(0x60, 0xB0)
    bench.clock.sleep(0.1)
    with pytest.raises(SettingsLost, match="20202020202020, 60065600000003 was written"):
        bench.part.read()


def test_an_st_part_at_its_address_is_refused() -> None:
    with pytest.raises(WrongDevice, match="0xfc, a QMI8658 has 0x05"):
        Bench("identity").part.identify()
