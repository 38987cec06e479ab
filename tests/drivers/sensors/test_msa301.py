"""MSA301: driver and twin against the data sheet, then driver and twin together."""

from __future__ import annotations

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotReady, Saturated, SetpointError, SettingsLost
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.msa301.driver import POWERS, RATES_HZ, RESOLUTIONS, G, Msa301
from sensorbench.sensors.msa301.twin import SimMsa301
from sensorbench.world.fields import Constant
from sensorbench.world.world import Place, World

ADDRESS = 0x26


class Bench:
    def __init__(self, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(1.8))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimMsa301(Place(self.world, "7"))
        self.bus.attach(ADDRESS, self.twin)
        self.part = Msa301(self.bus, ADDRESS, self.clock)

    def pull(self, x_g: float, y_g: float, z_g: float) -> None:
        self.zone.bind("acceleration", Constant((x_g * G, y_g * G, z_g * G)))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))

    def words(self) -> list[int]:
        return np.frombuffer(self.read(0x02, 6), "<i2").tolist()


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- the driver on a scripted bus --------------------------------------------------------------


class Scripted(SimulatedI2cBus):
    """Registers that are what they were written, and outputs that a test sets."""

    def __init__(self, outputs: str = "") -> None:
        super().__init__("bus1")
        self.registers = bytearray(64)
        self.registers[0x02:0x08] = bytes.fromhex(outputs) or bytes(6)
        self.registers[0x0A] = 1
        self.writes: list[str] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        start, data = write[0], write[1:]
        if data:
            self.writes.append(write.hex())
            self.registers[start : start + len(data)] = data
        return bytes(self.registers[start : start + read_length])


def test_it_is_awake_before_it_is_set() -> None:
    bus = Scripted()
    part = Msa301(bus, ADDRESS, VirtualClock())
    part.prepare(range=4 * G, rate=500, resolution="12 bit")
    part.start()
    assert bus.writes == ["0024", "1100", "0f050912", "1710", "2187"]


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_the_driver_decodes_the_worked_example_in_every_resolution(resolution: str) -> None:
    part = Msa301(Scripted("0020 00f0 3403"), ADDRESS, VirtualClock())
    part.prepare(range=4 * G, resolution=resolution)
    part.start()
    assert part.read().values[0] == pytest.approx([9.80665, -4.903325, 0.981623], abs=1e-6)


@pytest.mark.parametrize(
    ("resolution", "end"), [("14 bit", "fc7f"), ("8 bit", "007f"), ("14 bit", "0080")]
)
def test_either_end_of_the_range_is_no_value(resolution: str, end: str) -> None:
    part = Msa301(Scripted(f"0000 0000 {end}"), ADDRESS, VirtualClock())
    part.prepare(resolution=resolution)
    part.start()
    with pytest.raises(Saturated, match="acceleration_z is saturated"):
        part.read()


def test_a_rate_that_the_power_mode_does_not_have_is_refused(bench: Bench) -> None:
    with pytest.raises(SetpointError, match=r"can't be 1 Hz with power 'normal'; .*: 3\.9"):
        bench.part.prepare(rate=1.0, power="normal")
    with pytest.raises(SetpointError, match=r"can't be 500 Hz with power 'low'; .* to 250 Hz"):
        bench.part.prepare(rate=500.0, power="low")


# -- the twin against the data sheet -----------------------------------------------------------


def test_registers_have_their_reset_values_and_it_is_suspended(bench: Bench) -> None:
    bench.clock.sleep(1.0)
    assert bench.read(0x01) == b"\x13"
    assert bench.words() == [0, 0, 0]
    assert bench.read(0x0F, 4) == bytes.fromhex("00 0f 9e 00")
    assert bench.read(0x22, 12) == bytes.fromhex("09 30 01 00 00 00 14 00 04 0a 18 08")


@pytest.mark.parametrize(("code", "one_g"), [(0, 16384), (1, 8192), (2, 4096), (3, 2048)])
@pytest.mark.parametrize("resolution", range(4))
def test_words_are_left_justified_in_every_range(
    bench: Bench, code: int, one_g: int, resolution: int
) -> None:
    bench.write(0x0F, resolution << 2 | code, 0x07, 0x00)
    bench.clock.sleep(0.1)
    z = bench.words()[2]
    assert z == pytest.approx(one_g, abs=0.15 * 16384 / 2**code + 300)
    assert z % (4 << 2 * resolution) == 0


def test_new_data_shows_once_it_is_enabled_and_clears_when_data_or_flag_are_read(
    bench: Bench,
) -> None:
    bench.write(0x10, 0x07, 0x00)
    bench.clock.sleep(0.1)
    assert bench.read(0x0A) == b"\0"
    bench.write(0x17, 0x10)
    for clears in (0x0A, 0x02):
        bench.clock.sleep(0.1)
        bench.read(clears)
        assert bench.read(0x0A) == b"\0"
    bench.clock.sleep(0.1)
    assert bench.read(0x0A) == b"\x01"


def test_suspended_it_keeps_its_last_sample(bench: Bench) -> None:
    bench.write(0x10, 0x07, 0x00)
    bench.clock.sleep(0.1)
    bench.write(0x11, 0x80)
    kept = bench.words()
    bench.pull(1.0, 1.0, -1.0)
    bench.clock.sleep(1.0)
    assert bench.words() == kept != [0, 0, 0]


def test_axes_can_be_turned_swapped_and_compensated() -> None:
    found = {}
    for name, writes in {"plain": (), "turned": (0x12, 0x0E), "swapped": (0x12, 0x01),
                         "compensated": (0x38, 0x10, 0xF0, 0x00)}.items():  # fmt: skip
        bench = Bench()
        bench.pull(0.5, -0.25, 1.0)
        bench.write(0x10, 0x07, 0x00)
        if writes:
            bench.write(*writes)
        bench.clock.sleep(0.1)
        found[name] = np.array(bench.words()) / 16384
    x, y, z = found["plain"]
    assert found["turned"] == pytest.approx([-x, -y, -z], abs=1e-3)
    assert found["swapped"] == pytest.approx([y, x, z])
    assert found["compensated"] == pytest.approx([x + 0.0624, y - 0.0624, z], abs=1e-3)


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("power", POWERS)
def test_start_says_long_enough_for_every_rate_and_unit(power: str) -> None:
    _, first, last = POWERS[power]
    for rate in RATES_HZ[first : last + 1]:
        for seed in range(4):
            bench = Bench(seed=seed)
            bench.part.prepare(rate=rate, power=power)
            for _ in range(3):
                bench.clock.sleep(bench.part.start())
                bench.part.read()
        assert not bench.twin.beyond


def test_a_sample_is_read_once_and_only_when_it_is_new(bench: Bench) -> None:
    bench.part.prepare(rate=3.9)
    bench.clock.sleep(1.0)
    bench.part.start()
    with pytest.raises(NotReady, match="has no new sample"):
        bench.part.read()
    bench.clock.sleep(bench.part.start())
    bench.part.read()
    with pytest.raises(BenchError, match=r"start\(\)"):
        bench.part.read()


def test_a_part_that_fell_asleep_behind_our_back_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    bench.write(0x00, 0x24)
    with pytest.raises(SettingsLost, match=r"000f9e, 00070e was written\. Did the supply dip"):
        bench.part.read()
