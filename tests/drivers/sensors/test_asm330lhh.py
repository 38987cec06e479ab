"""ASM330LHH: what sets it apart from the LSM6DSO, driver and twin each against the reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import WrongDevice
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.asm330lhh.driver import Asm330lhh
from sensorbench.sensors.asm330lhh.twin import SimAsm330lhh
from sensorbench.sensors.lsm6dso.driver import Lsm6dso
from sensorbench.sensors.lsm6dso.twin import SimLsm6dso
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World


class Bench:
    def __init__(self, fault: str = "", family: type[SimLsm6dso] = SimAsm330lhh) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, 1)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = family(Place(self.world, "7"))
        self.bus.attach(0x6A, self.twin)
        self.part = Asm330lhh(self.bus, 0x6A, self.clock)

    def turn(self, rate_dps: float) -> None:
        self.zone.bind("angular_rate", Constant((0.0, 0.0, rate_dps)))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x6A, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(0x6A, bytes([register, *values]))


@pytest.fixture
def bench() -> Bench:
    return Bench()


class Scripted(SimulatedI2cBus):
    """Registers that are what they were written, and outputs that a test sets."""

    def __init__(self, outputs: Mapping[int, bytes]) -> None:
        super().__init__("bus1")
        self.registers = bytearray(128)
        for start, data in outputs.items():
            self.registers[start : start + len(data)] = data
        self.writes: list[str] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        start, data = write[0], write[1:]
        if data:
            self.writes.append(write.hex())
            self.registers[start : start + len(data)] = data
            self.registers[0x12] &= 0xFE
        return bytes(self.registers[start : start + read_length])


def test_the_driver_writes_no_page_and_reads_4000_dps_at_140_mdps_a_digit() -> None:
    bus = Scripted({0x1E: b"\x07", 0x22: bytes.fromhex("e803 18fc 0000")})
    part = Asm330lhh(bus, 0x6A, VirtualClock())
    part.prepare(angular_rate_range=4000.0)
    assert bus.writes == ["1000", "1100", "1205", "18e2", "1244", "104041"]
    assert part.read().values[0][3:6] == pytest.approx([140.0, -140.0, 0.0])
    assert Asm330lhh.stream(angular_rate_range=4000.0).scale[5] == pytest.approx(0.14)


def test_the_driver_decodes_the_worked_example() -> None:
    outputs = {0x1E: b"\x07", 0x20: bytes.fromhex("0001 e803 0000 0000 0000 0000 0940")}
    part = Asm330lhh(Scripted(outputs), 0x6A, VirtualClock())
    part.prepare(angular_rate_range=250.0)
    *_, z, x_rate, _, _, temperature_c = part.read().values[0]
    assert z == pytest.approx(0.99997 * 9.80665, abs=1e-4)
    assert (x_rate, temperature_c) == (8.75, 26.0)


@pytest.mark.parametrize(
    ("ctrl2", "mdps"), [(0x42, 4.375), (0x40, 8.75), (0x4C, 70.0), (0x41, 140.0), (0x4F, 140.0)]
)
def test_the_twin_has_the_ranges_of_the_reference(bench: Bench, ctrl2: int, mdps: float) -> None:
    bench.turn(100.0)
    bench.write(0x11, ctrl2)
    bench.clock.sleep(0.3)
    z = int.from_bytes(bench.read(0x26, 2), "little", signed=True)
    assert z * mdps * 1e-3 == pytest.approx(100.0, abs=3.0)


def test_the_twin_has_the_identity_and_the_registers_of_its_own_header(bench: Bench) -> None:
    assert bench.read(0x0F) == b"\x6b"
    assert bench.read(0x10, 9) == bytes.fromhex("000004 000000 0000 e0")
    bench.write(0x01, 0x80)  # no page of embedded functions
    bench.write(0x6F, 0x01)  # no auxiliary interface
    assert bench.read(0x0F) == b"\x6b"
    assert list(bench.twin.beyond) == ["write 0x80 to 0x01", "write 0x01 to 0x6f"]


def test_only_the_lsm6dso_has_an_accelerometer_at_one_and_a_half_hertz(bench: Bench) -> None:
    for each, ready in ((bench, 0), (Bench(family=SimLsm6dso), 1)):
        each.write(0x10, 0xB0)
        each.clock.sleep(2.0)
        assert each.read(0x1E)[0] & 1 == ready


def test_code_11_of_the_fifo_batches_at_six_and_a_half_hertz(bench: Bench) -> None:
    bench.write(0x10, 0x40, 0x40)
    bench.write(0x09, 0xBB)
    bench.write(0x0A, 0x06)
    bench.clock.sleep(10.0)
    assert bench.read(0x3A)[0] == pytest.approx(2 * 65, abs=8)


def test_each_of_the_two_refuses_the_other() -> None:
    with pytest.raises(WrongDevice, match="0x6c, an ASM330LHH has 0x6b"):
        Bench(family=SimLsm6dso).part.identify()
    other = Bench()
    with pytest.raises(WrongDevice, match="0x6b, an LSM6DSO has 0x6c"):
        Lsm6dso(other.bus, 0x6A, other.clock).identify()


def test_a_spin_beyond_2000_dps_is_streamed(bench: Bench) -> None:
    bench.turn(3000.0)
    bench.part.prepare(angular_rate_range=4000.0)
    bench.part.open_stream()
    bench.clock.sleep(1.0)
    block = bench.part.drain()
    assert not block.saturated
    assert block.values[:, 5].mean() * 0.14 == pytest.approx(3000.0, rel=0.02)
    bench.part.prepare(angular_rate_range=2000.0)
    bench.part.open_stream()
    bench.clock.sleep(0.5)
    assert bench.part.drain().saturated
    assert not bench.twin.beyond


def test_its_self_test_has_limits_of_its_own() -> None:
    for fault, passes in (("", True), ("self_test", False)):
        found = Bench(fault).part.self_test()
        inside = [low < found[n] < high for n, (low, high) in Asm330lhh.SELF_TEST_LIMITS.items()]
        assert np.all(inside) == passes
