"""ADXL355: codec, driver and twin against the reference, then driver and twin together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    ChecksumError,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.quantity import Value
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.adxl355.codec import FifoDecoder, decode_words
from sensorbench.sensors.adxl355.driver import RATES_HZ, Adxl355, G
from sensorbench.sensors.adxl355.twin import SimAdxl355
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

ADDRESS = 0x1D


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimAdxl355(Place(self.world, "7"))
        self.bus.attach(ADDRESS, self.twin)
        self.part = Adxl355(self.bus, ADDRESS, self.clock)

    def set(self, address: str, value: Value) -> None:
        self.zone.bind(address, Constant(value))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))

    def axes(self) -> list[int]:
        """Return the data registers as a data sheet's reader would, one axis at a time."""
        data = self.read(0x08, 9)
        return [int.from_bytes(data[k : k + 3], "big", signed=True) >> 4 for k in (0, 3, 6)]

    def drain(self, every_s: float, times: int) -> npt.NDArray[np.int32]:
        blocks = []
        for _ in range(times):
            self.clock.sleep(every_s)
            blocks.append(self.part.drain().values)
        return np.concatenate(blocks).astype(np.int32)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- the codec ---------------------------------------------------------------------------------


def sample(x: int, y: int, z: int) -> bytes:
    """Write one sample of the FIFO as the reference describes it."""
    words = [
        (axis << 4 & 0xFFFFFF) | (axis_number == 0) for axis_number, axis in enumerate((x, y, z))
    ]
    return b"".join(word.to_bytes(3, "big") for word in words)


twenty_bits = st.integers(-(1 << 19), (1 << 19) - 1)


def test_the_worked_example_decodes() -> None:
    assert decode_words(bytes.fromhex("3e8000")) / 256_000 == 1.0


@given(st.lists(st.tuples(twenty_bits, twenty_bits, twenty_bits), max_size=40), st.data())
def test_samples_come_out_as_they_went_in_wherever_the_bursts_are_cut(
    rows: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    stream = b"".join(sample(*row) for row in rows)
    decoder, found, start = FifoDecoder(), [], 0
    while start < len(stream):
        end = start + 3 * data.draw(st.integers(1, 12))
        found += decoder.feed(stream[start:end]).tolist()
        start = end
    assert found == [list(row) for row in rows]


@pytest.mark.parametrize("missing", range(9))
def test_a_word_that_is_missing_is_noticed(missing: int) -> None:
    stream = sample(1, 2, 3) * 4
    torn = stream[: 3 * missing] + stream[3 * missing + 3 :]
    with pytest.raises(ProtocolError, match=r"sample \d of 3 in the FIFO is marked"):
        FifoDecoder().feed(torn)


def test_after_an_overrun_the_next_x_begins() -> None:
    decoder = FifoDecoder()
    decoder.feed(sample(9, 9, 9)[:3])
    assert decoder.feed(sample(8, 8, 8)[3:] + sample(1, 2, 3), lost=True).tolist() == [[1, 2, 3]]


def test_words_of_an_empty_fifo_are_no_samples() -> None:
    with pytest.raises(ProtocolError, match=r"marked \[2, 2, 2\]"):
        FifoDecoder().feed(b"\0\0\x02" * 3)


# -- the driver on a scripted bus --------------------------------------------------------------


class Scripted(SimulatedI2cBus):
    """Registers that are what they were written, and outputs that a test sets."""

    def __init__(self, outputs: str = "") -> None:
        super().__init__("bus1")
        self.registers = bytearray(128)
        self.registers[0x04] = 0x01
        self.registers[0x06:0x11] = bytes.fromhex(outputs) or bytes(11)
        self.writes: list[str] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        start, data = write[0], write[1:]
        if data:
            self.writes.append(write.hex())
            self.registers[start : start + len(data)] = data
        return bytes(self.registers[start : start + read_length])


def test_settings_are_written_in_standby() -> None:
    bus = Scripted()
    Adxl355(bus, ADDRESS, VirtualClock()).prepare(range=8 * G, rate=62.5)
    assert bus.writes == ["2f52", "1e000000000000", "2806", "2c8300"]


@pytest.mark.parametrize(("range_g", "one_g"), [(2, "3e8000"), (4, "1f4000"), (8, "0fa000")])
def test_the_driver_decodes_the_reference(range_g: int, one_g: str) -> None:
    part = Adxl355(Scripted(f"075d {one_g} 000000 fffff0"), ADDRESS, VirtualClock())
    part.prepare(range=range_g * G)
    x, y, z, temperature_c = part.read().values[0]
    assert (x, y, temperature_c) == (pytest.approx(G), 0.0, 25.0)
    assert z == pytest.approx(-G * range_g / 2 / 256_000)


@pytest.mark.parametrize("end", ["7ffff0", "800000"])
def test_either_end_of_the_range_is_no_value(end: str) -> None:
    part = Adxl355(Scripted(f"075d 000000 {end} 000000"), ADDRESS, VirtualClock())
    part.prepare()
    with pytest.raises(Saturated, match="acceleration_y is saturated"):
        part.read()


def test_a_temperature_that_was_torn_is_read_again() -> None:
    bus = Scripted("07ff 000000 000000 000000")
    part = Adxl355(bus, ADDRESS, VirtualClock())
    part.prepare()
    whole = bus.transfer

    def transfer(address: int, write: bytes, read_length: int = 0) -> bytes:
        found = whole(address, write, read_length)
        if write == b"\x04":
            bus.registers[0x06:0x08] = b"\x08\x02"
        return found

    bus.transfer = transfer  # type: ignore[method-assign]
    assert part.read().values[0][3] == pytest.approx(25 + (0x802 - 1885) / -9.05)


# -- the twin against the reference ------------------------------------------------------------


def test_registers_have_their_reset_values_and_nothing_is_sampled(bench: Bench) -> None:
    bench.clock.sleep(1.0)
    assert bench.read(0x00, 3) == bytes.fromhex("ad1ded")
    assert bench.read(0x04, 2) == b"\0\0"
    assert bench.read(0x27, 8) == bytes.fromhex("01 00 60 00 00 81 01 00")


@pytest.mark.parametrize(("code", "counts"), [(1, 256_000), (2, 128_000), (3, 64_000)])
def test_the_twin_gives_the_counts_of_the_reference(bench: Bench, code: int, counts: int) -> None:
    bench.write(0x2C, 0x80 | code, 0x00)
    bench.clock.sleep(0.1)
    assert bench.axes()[2] == pytest.approx(counts, rel=0.08)


@pytest.mark.parametrize("code", range(11))
def test_the_twin_samples_at_the_rates_of_the_reference(bench: Bench, code: int) -> None:
    rate_hz = 4000 / 2**code
    bench.write(0x28, code)
    bench.write(0x2D, 0x00)
    bench.clock.sleep(20 / rate_hz)
    assert bench.read(0x05)[0] // 3 == pytest.approx(19, abs=9 if code < 2 else 1.1)


def test_warmth_falls_by_nine_digits_a_degree(bench: Bench) -> None:
    found = []
    for warmth_c in (25.0, 45.0):
        bench.set("temperature", warmth_c)
        bench.write(0x2D, 0x00)
        bench.clock.sleep(0.1)
        found.append(int.from_bytes(bench.read(0x06, 2), "big"))
        bench.write(0x2D, 0x01)
    assert found[0] == pytest.approx(1885, abs=90)
    assert found[0] - found[1] == pytest.approx(181, abs=4)


def test_status_clears_when_it_is_read(bench: Bench) -> None:
    bench.write(0x29, 0x0C)
    bench.write(0x2D, 0x00)
    bench.clock.sleep(0.0021 + 0.00028)
    assert bench.read(0x04)[0] == 0x01
    assert bench.read(0x04)[0] == 0x00
    bench.clock.sleep(1.0)
    assert bench.read(0x04, 2) == bytes((0x07, 96))
    assert bench.read(0x04)[0] == 0x02


def test_words_of_the_fifo_are_marked_and_may_be_read_one_by_one() -> None:
    once, often = Bench(), Bench()
    for each in (once, often):
        each.write(0x28, 0x05)
        each.write(0x2D, 0x00)
        each.clock.sleep(0.1)
    whole = once.read(0x11, 18)
    assert [byte & 3 for byte in whole[2::3]] == [1, 0, 0, 1, 0, 0]
    words = b"".join(often.read(0x11, 3) for _ in range(4))
    assert often.read(0x05)[0] % 3 == 2
    assert words + often.read(0x11, 6) == whole
    rest = once.read(0x05)[0]
    assert once.read(0x11, 3 * rest + 3)[-3:] == b"\0\0\x02"


def test_offsets_are_added_in_sixteenths_of_their_place(bench: Bench) -> None:
    plain = Bench()
    bench.write(0x1E, 0x10, 0x00)
    for each in (plain, bench):
        each.write(0x2D, 0x00)
        each.clock.sleep(0.1)
    assert bench.axes()[0] - plain.axes()[0] == 0x1000 << 4


def test_settings_written_while_it_measures_are_on_record(bench: Bench) -> None:
    bench.write(0x2D, 0x00)
    bench.write(0x2C, 0x82)
    assert list(bench.twin.beyond) == ["write to 0x2c while it measures"]


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES_HZ)
def test_start_says_long_enough_for_every_rate_and_unit(rate: float) -> None:
    for seed in range(4):
        bench = Bench(seed=seed)
        bench.part.prepare(rate=rate)
        for _ in range(3):
            bench.clock.sleep(bench.part.start())
            bench.part.read()
        assert not bench.twin.beyond


def test_any_pattern_of_draining_gives_every_sample_once() -> None:
    once, often = Bench(), Bench()
    for each in (once, often):
        each.part.prepare(rate=125.0)
        each.part.open_stream()
    rows = once.drain(0.24, 20)
    assert np.array_equal(rows, often.drain(0.06, 80))
    assert len(rows) == pytest.approx(600, abs=8)
    spread_g = (rows / 256_000).std(axis=0)
    assert spread_g == pytest.approx([22.5e-6 * (125 / 4) ** 0.5] * 3, rel=0.15)


def test_a_host_that_stalls_while_it_opens_a_stream_begins_with_an_empty_one(bench: Bench) -> None:
    bench.part.prepare()
    original, stalls = bench.bus.transfer, [1.0]

    def transfer(address: int, write: bytes, read_length: int = 0) -> bytes:
        if write == b"\x04" and stalls:
            bench.clock.sleep(stalls.pop())
        return original(address, write, read_length)

    bench.bus.transfer = transfer  # type: ignore[method-assign]
    bench.part.open_stream()
    bench.clock.sleep(0.1)
    block = bench.part.drain()
    assert not block.overflow
    assert len(block.values) == pytest.approx(12, abs=1)


def test_a_drain_that_is_too_late_says_so_and_the_next_does_not(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(1.0)
    late = bench.part.drain()
    assert (late.overflow, late.values.shape) == (True, (32, 3))
    bench.clock.sleep(0.2)
    assert not bench.part.drain().overflow


def test_a_stream_that_saturates_or_stands_still_says_so(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.set("acceleration", (25.0, 0.0, 0.0))
    bench.clock.sleep(0.2)
    assert bench.part.drain().saturated
    bench.write(0x2D, 0x01)
    with pytest.raises(SettingsLost, match="058101, 058100 was written"):
        bench.part.drain()


def test_a_fifo_that_stands_still_is_noticed(bench: Bench) -> None:
    bench.part.prepare(rate=1000.0)
    bench.part.open_stream()
    bench.drain(0.01, 1)
    bench.world.changing()
    bench.twin._samples.began_s = float("inf")
    bench.clock.sleep(0.05)
    with pytest.raises(NotReady, match="the FIFO got no sample for 0"):
        bench.part.drain()


def test_the_self_test_moves_it_as_is_typical() -> None:
    bench = Bench()
    bench.part.prepare(rate=31.25)
    found = bench.part.self_test()
    assert [moved / G for moved in found.values()] == pytest.approx([0.3, 0.3, 1.5], abs=0.15)
    assert bench.read(0x28) == b"\x07"
    assert max(Bench("self_test").part.self_test().values()) < 0.02 * G
    assert not bench.twin.beyond


def test_factory_values_that_a_reset_garbles_are_noticed() -> None:
    with pytest.raises(ChecksumError, match="came out of 3 resets as"):
        Bench("memory").part.prepare()


def test_a_sibling_of_other_ranges_is_refused_or_named() -> None:
    with pytest.raises(WrongDevice, match="ad1de9, an ADXL355 has ad1ded"):
        Bench("identity").part.identify()
    assert Bench().part.identify().or_models == ("ADXL357",)


def test_reading_before_preparing_says_what_to_do(bench: Bench) -> None:
    for call in (bench.part.start, bench.part.read, bench.part.open_stream):
        with pytest.raises(BenchError, match="prepare"):
            call()
    bench.part.prepare()
    with pytest.raises(BenchError, match="open_stream"):
        bench.part.drain()
