"""SC7A20: driver and twin against the reference, then driver and twin together, in every form."""

from __future__ import annotations

import numpy as np
import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotReady, ProtocolError, Saturated, SettingsLost, WrongDevice
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.sc7a20.driver import RATES_HZ, G, Sc7a20
from sensorbench.sensors.sc7a20.twin import SimSc7a20
from sensorbench.testing.sensors import check_sensor
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

ADDRESS = 0x19
FORMS = {"first": "SC7A20", "E": "SC7A20E", "H": "SC7A20H"}


class Bench:
    def __init__(self, form: str = "H", seed: int = 1, fault: str = "") -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimSc7a20(Place(self.world, "7"), form)
        self.bus.attach(ADDRESS, self.twin)
        self.part = Sc7a20(self.bus, ADDRESS, self.clock)

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))


@pytest.fixture
def bench() -> Bench:
    return Bench()


class Scripted(SimulatedI2cBus):
    """Registers that are what they were written, and outputs that a test sets."""

    def __init__(self, outputs: str, *, counts_up: bool = True) -> None:
        super().__init__("bus1")
        self.registers = bytearray(128)
        self.registers[0x27:0x2E] = b"\x0f" + bytes.fromhex(outputs)
        self.counts_up = counts_up

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        start = write[0] & 0x7F
        for offset, value in enumerate(write[1:]):
            self.registers[start + offset] = value
        step = int(bool(write[0] & 0x80) and self.counts_up)
        return bytes(self.registers[start + step * offset] for offset in range(read_length))


# -- the driver --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("range_g", "outputs", "mg"),
    [
        (2, "4006 80f3 803e", [97.65625, -195.3125, 976.5625]),
        (16, "0008 00f8 0000", [1000, -1000, 0]),
    ],
)
def test_the_driver_decodes_the_worked_examples(
    range_g: int, outputs: str, mg: list[float]
) -> None:
    part = Sc7a20(Scripted(outputs), ADDRESS, VirtualClock())
    part.prepare(range=range_g * G)
    part.start()
    assert part.read().values[0] / G * 1000 == pytest.approx(mg)


@pytest.mark.parametrize("end", ["f07f", "0080"])
def test_either_end_of_the_range_is_no_value(end: str) -> None:
    part = Sc7a20(Scripted(f"0000 {end} 0000"), ADDRESS, VirtualClock())
    part.prepare()
    part.start()
    with pytest.raises(Saturated, match="acceleration_y is saturated"):
        part.read()


def test_a_part_that_does_not_count_up_is_refused() -> None:
    part = Sc7a20(Scripted("0000 0000 0040", counts_up=False), ADDRESS, VirtualClock())
    with pytest.raises(ProtocolError, match=r"one register again and again \(575757575757\)"):
        part.prepare()


def test_its_identity_alone_does_not_name_it() -> None:
    bus = Scripted("0000 0000 0000")
    bus.registers[0x0F] = 0x11
    with pytest.raises(WrongDevice, match=r"0x70 .* is 0x00, .* A LIS3DHH has the same WHO_AM_I"):
        Sc7a20(bus, ADDRESS, VirtualClock()).identify()


# -- the twin ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "digits_a_g"), [(0, 1024), (1, 512), (2, 256), (3, 128)])
def test_the_twin_gives_the_digits_of_the_reference(
    bench: Bench, code: int, digits_a_g: int
) -> None:
    bench.write(0x23, code << 4)
    bench.write(0x20, 0x57)
    bench.clock.sleep(0.1)
    words = np.frombuffer(bench.read(0xA8, 6), "<i2")
    assert not (words & 0x0F).any()
    assert words[2] >> 4 == pytest.approx(digits_a_g, rel=0.1)


def test_only_the_first_form_counts_up_without_bit_7() -> None:
    for form in FORMS:
        bench = Bench(form)
        bench.write(0x20, 0x57)
        bench.clock.sleep(0.1)
        bursts = bench.read(0x28, 6), bench.read(0xA8, 6)
        assert (bursts[0] == bursts[1]) is (form == "first"), form


def test_only_the_h_form_has_a_soft_reset_and_a_copy() -> None:
    for form in FORMS:
        bench = Bench(form)
        bench.write(0x20, 0x57)
        bench.clock.sleep(0.1)
        copied = bench.read(0xE1, 6) == bench.read(0xA8, 6)
        bench.write(0x68, 0xA5)
        assert bench.read(0x20) == (b"\x07" if form == "H" else b"\x57")
        assert copied
        assert bool(bench.twin.beyond) is (form != "H")


def test_block_data_update_keeps_both_bytes_of_one_sample() -> None:
    for bdu in (0x80, 0x00):
        bench = Bench()
        bench.write(0x23, bdu)
        bench.write(0x20, 0x57)
        bench.clock.sleep(0.1)
        held = np.frombuffer(bench.read(0xAC, 2), "<i2")[0]
        bench.clock.sleep(0.1)
        low = bench.read(0x2C)
        bench.zone.bind("orientation", Constant((0.0, 0.0, -1.0)))
        bench.clock.sleep(0.1)
        both = np.frombuffer(low + bench.read(0x2D), "<i2")[0]
        assert (abs(int(both) - int(held)) < 3000) is (bdu == 0x80)


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_named_and_read_at_every_rate(form: str) -> None:
    for rate in RATES_HZ:
        for seed in range(3):
            bench = Bench(form, seed)
            assert bench.part.identify().model == FORMS[form]
            bench.part.prepare(rate=rate)
            for _ in range(3):
                bench.clock.sleep(bench.part.start())
                assert bench.part.read().values[0][2] == pytest.approx(G, abs=0.1 * G)
            assert not bench.twin.beyond


def test_the_first_form_passes_the_suite_too() -> None:
    check_sensor(devices()["sc7a20"], twin_options={"form": "first"})


def test_an_old_sample_and_lost_settings_are_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    with pytest.raises(NotReady, match="has no new sample"):
        bench.part.read()
    bench.write(0x68, 0xA5)
    bench.clock.sleep(0.1)
    with pytest.raises(SettingsLost, match=r"070000000000, 570000880000 was written"):
        bench.part.read()


def test_the_st_part_in_its_place_is_refused() -> None:
    with pytest.raises(WrongDevice, match="0x33, an SC7A20 has 0x11"):
        Bench(fault="identity").part.identify()
