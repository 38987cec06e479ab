"""LSM6DSO: codec, driver and twin against the reference, then driver and twin together."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotAcknowledged, ProtocolError, SetpointError
from sensorbench.core.quantity import Value
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.lsm6dso.codec import FifoDecoder, decode_axes, is_saturated
from sensorbench.sensors.lsm6dso.driver import Lsm6dso
from sensorbench.sensors.lsm6dso.registers import RATES_HZ, G
from sensorbench.sensors.lsm6dso.twin import SimLsm6dso
from sensorbench.sensors.simulated_triad import rounded
from sensorbench.world.fields import Constant, Wave
from sensorbench.world.world import Fault, Place, World

ADDRESS = 0x6A


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, supply_v: float = 3.3) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(supply_v))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimLsm6dso(Place(self.world, "7"))
        self.bus.attach(ADDRESS, self.twin)
        self.part = Lsm6dso(self.bus, ADDRESS, self.clock)

    def set(self, address: str, value: Value) -> None:
        self.zone.bind(address, Constant(value))

    def sample(self) -> npt.NDArray[np.float64]:
        self.clock.sleep(self.part.start())
        return np.asarray(self.part.read().values[0], float)

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))

    def drain(self, every_s: float, times: int) -> npt.NDArray[np.int16]:
        blocks = []
        for _ in range(times):
            self.clock.sleep(every_s)
            blocks.append(self.part.drain().values)
        return np.concatenate(blocks).astype(np.int16)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- the codec ---------------------------------------------------------------------------------


def word(sensor: int, counter: int, *axes: int) -> bytes:
    """Write one FIFO word as the data sheet describes it."""
    tag = sensor << 3 | (counter & 3) << 1
    tag |= bin(tag).count("1") % 2
    return bytes([tag]) + b"".join(a.to_bytes(2, "little", signed=True) for a in axes)


def one_set(counter: int, axes: tuple[int, ...], *, gyroscope_first: bool = True) -> bytes:
    words = [word(1, counter, *axes[3:]), word(2, counter, *axes[:3])]
    return b"".join(words if gyroscope_first else reversed(words))


def test_the_worked_example_decodes() -> None:
    accelerometer, gyroscope = decode_axes(bytes.fromhex("0940 e803"))
    assert accelerometer * 0.061 == pytest.approx(999.97, abs=0.01)  # mg at 2 g
    assert gyroscope * 8.75e-3 == 8.75  # deg/s at 250 deg/s


axes = st.tuples(*[st.integers(-32768, 32767)] * 6)


@given(st.lists(axes, max_size=40), st.integers(0, 3), st.data())
def test_sets_come_out_as_they_went_in_wherever_the_bursts_are_cut(
    sets: list[tuple[int, ...]], first: int, data: st.DataObject
) -> None:
    stream = b"".join(
        one_set(first + i, row, gyroscope_first=data.draw(st.booleans()))
        for i, row in enumerate(sets)
    )
    decoder, found, start = FifoDecoder(), [], 0
    while start < len(stream):
        end = start + 7 * data.draw(st.integers(1, 9))
        found += decoder.feed(stream[start:end]).tolist()
        start = end
    assert found == [list(row) for row in sets]


@given(st.integers(0, 9), st.integers(0, 7))
def test_any_flipped_bit_of_a_tag_is_noticed(which: int, bit: int) -> None:
    stream = bytearray(b"".join(one_set(i, (i,) * 6) for i in range(5)))
    stream[7 * which] ^= 1 << bit
    with pytest.raises(ProtocolError, match=f"FIFO word {which} has odd parity"):
        FifoDecoder().feed(bytes(stream))


@pytest.mark.parametrize("missing", [2, 3, 4, 5])
def test_a_word_that_is_missing_is_noticed(missing: int) -> None:
    words = [word(k, i, i, i, i) for i in range(4) for k in (1, 2)]
    del words[missing]
    with pytest.raises(ProtocolError, match="the FIFO has a gap at set"):
        FifoDecoder().feed(b"".join(words))


def test_a_gap_between_two_bursts_is_noticed_unless_the_part_said_so() -> None:
    decoder = FifoDecoder()
    decoder.feed(one_set(0, (1,) * 6))
    with pytest.raises(ProtocolError, match="gap at set 0 of 1"):
        decoder.feed(one_set(2, (1,) * 6))
    assert decoder.feed(one_set(3, (5,) * 6), lost=True).tolist() == [[5] * 6]


def test_half_a_set_after_an_overrun_is_left_out() -> None:
    stream = word(2, 0, 9, 9, 9) + one_set(1, (1, 2, 3, 4, 5, 6)) + word(1, 2, 7, 7, 7)
    decoder = FifoDecoder()
    assert decoder.feed(stream, lost=True).tolist() == [[1, 2, 3, 4, 5, 6]]
    assert decoder.feed(word(2, 2, 8, 8, 8)).tolist() == [[8, 8, 8, 7, 7, 7]]


def test_a_word_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(ProtocolError, match="sensor 3: only the gyroscope"):
        FifoDecoder().feed(word(3, 0, 1, 2, 3))


def test_torn_words_are_refused() -> None:
    with pytest.raises(ProtocolError, match="13 bytes are no whole number"):
        FifoDecoder().feed(bytes(13))


@pytest.mark.parametrize("end", [-32768, 32767])
def test_either_end_of_the_range_is_saturation(end: int) -> None:
    assert is_saturated(np.array([[0, end]], np.int16))
    assert not is_saturated(np.array([[-32767, 32766]], np.int16))


# -- the driver on a scripted bus --------------------------------------------------------------


class ScriptedBus(SimulatedI2cBus):
    """Registers that are what they were written, and outputs that a test sets."""

    def __init__(self) -> None:
        super().__init__("bus1")
        self.registers = bytearray(128)
        self.writes: list[bytes] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        assert address == 0x6B
        start = write[0]
        if len(write) > 1:
            self.writes.append(write)
            self.registers[start : start + len(write) - 1] = write[1:]
            self.registers[0x12] &= 0xFE
        return bytes(self.registers[start : start + read_length])


@pytest.fixture
def scripted() -> tuple[ScriptedBus, Lsm6dso]:
    bus = ScriptedBus()
    return bus, Lsm6dso(bus, 0x6B, VirtualClock())


def test_preparing_writes_what_the_data_sheet_says(scripted: tuple[ScriptedBus, Lsm6dso]) -> None:
    bus, part = scripted
    part.prepare(acceleration_range=16 * G, angular_rate_range=2000.0, rate=6664)
    assert [w.hex() for w in bus.writes] == [
        "0100", "1000", "1100", "1205", "18e2", "1244", "10a4ac",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("range_g", "code", "mg"), [(2, 0, 0.061), (4, 8, 0.122), (8, 12, 0.244), (16, 4, 0.488)]
)
def test_the_driver_knows_codes_and_scales_of_the_accelerometer(
    scripted: tuple[ScriptedBus, Lsm6dso], range_g: int, code: int, mg: float
) -> None:
    bus, part = scripted
    part.prepare(acceleration_range=range_g * G)
    assert bus.registers[0x10] == 0x40 | code
    bus.registers[0x1E] = 7
    bus.registers[0x28:0x2E] = bytes.fromhex("0940 f7bf 0000")
    x, y, z = part.read().values[0][:3]
    assert x == pytest.approx(16393 * mg * 1e-3 * 9.80665)
    assert (y, z) == (-x, 0.0)


@pytest.mark.parametrize(
    ("range_dps", "code", "mdps"),
    [(125, 2, 4.375), (250, 0, 8.75), (500, 4, 17.5), (1000, 8, 35.0), (2000, 12, 70.0)],
)
def test_the_driver_knows_codes_and_scales_of_the_gyroscope(
    scripted: tuple[ScriptedBus, Lsm6dso], range_dps: float, code: int, mdps: float
) -> None:
    bus, part = scripted
    part.prepare(angular_rate_range=range_dps)
    assert bus.registers[0x11] == 0x40 | code
    bus.registers[0x1E] = 7
    bus.registers[0x20:0x28] = bytes.fromhex("0001 e803 18fc 0000")
    *_, x, y, z, temperature_c = part.read().values[0]
    assert (x, y, z) == pytest.approx((mdps, -mdps, 0.0))
    assert temperature_c == 26.0


def test_a_stream_says_what_it_is_like() -> None:
    stream = Lsm6dso.stream(rate=416.0, acceleration_range=4 * G)
    assert (stream.rate_hz, stream.depth, stream.dtype) == (417.0, 256, "int16")
    assert stream.channels[0] == "acceleration_x"
    assert stream.channels[5] == "angular_rate_z"
    assert stream.scale[0] == pytest.approx(0.122e-3 * G)
    assert stream.scale[3] == 17.5e-3
    assert 126 <= stream.bits < 135


@pytest.mark.parametrize("asked", [12.5, 26, 52, 104, 208, 416, 833, 1666, 3332, 6664, 6667])
def test_a_rate_may_be_called_as_people_call_it(asked: float) -> None:
    assert Lsm6dso.stream(rate=asked).rate_hz in RATES_HZ


def test_a_setting_that_cannot_be_is_refused_with_the_allowed_ones(bench: Bench) -> None:
    with pytest.raises(SetpointError, match=r"angular_rate_range can't be 300 deg/s; allowed: 125"):
        bench.part.prepare(angular_rate_range=300.0)
    with pytest.raises(SetpointError, match="no setting 'odr'; there are acceleration_range"):
        bench.part.prepare(odr=104.0)


# -- the twin against the reference ------------------------------------------------------------


def test_registers_have_their_reset_values(bench: Bench) -> None:
    assert bench.read(0x0F) == b"\x6c"
    assert bench.read(0x02) == b"\x3f"
    assert bench.read(0x07, 4) == bytes(4)
    assert bench.read(0x10, 9) == bytes.fromhex("000004 000000 0000 e0")


def test_read_only_registers_keep_their_values(bench: Bench) -> None:
    bench.write(0x0F, 0x33)
    bench.write(0x1E, 0xFF)
    assert bench.read(0x0F) == b"\x6c"
    assert bench.read(0x1E) == b"\x00"
    assert list(bench.twin.beyond) == ["write 0x33 to 0x0f", "write 0xff to 0x1e"]


def test_without_if_inc_the_pointer_stays(bench: Bench) -> None:
    bench.write(0x12, 0x00)
    assert bench.read(0x0F, 3) == b"\x6c\x6c\x6c"


def test_what_is_not_modelled_is_acknowledged_and_listed(bench: Bench) -> None:
    bench.write(0x56, 0x8E)
    bench.write(0x0A, 0x46)
    bench.write(0x01, 0x80)
    assert bench.read(0x0F) == b"\x00"  # another page
    assert len(bench.twin.beyond) == 3


def test_a_reset_brings_everything_back(bench: Bench) -> None:
    bench.write(0x10, 0x48, 0x44)
    bench.write(0x12, 0x05)
    assert bench.read(0x12) == b"\x05"
    bench.clock.sleep(0.001)
    assert bench.read(0x10, 3) == b"\x00\x00\x04"


@pytest.mark.parametrize(
    ("ctrl1", "counts"), [(0x40, 16393), (0x48, 8197), (0x4C, 4098), (0x44, 2049)]
)
def test_the_twin_gives_the_counts_of_the_reference(ctrl1: int, counts: int) -> None:
    # 1 g of a unit without errors: 16393 counts of 0.061 mg, half as many in each larger range.
    bench = Bench()
    bench.write(0x10, ctrl1)
    assert rounded(np.array([9.80665]), bench.twin._accelerometer.digit)[0] == counts
    bench.clock.sleep(0.2)
    z = int.from_bytes(bench.read(0x2C, 2), "little", signed=True)
    assert z == pytest.approx(counts, abs=0.05 * counts)


@pytest.mark.parametrize(
    ("ctrl2", "mdps"), [(0x42, 4.375), (0x40, 8.75), (0x44, 17.5), (0x48, 35.0), (0x4C, 70.0)]
)
def test_the_twin_turns_rates_into_the_counts_of_the_reference(ctrl2: int, mdps: float) -> None:
    bench = Bench()
    bench.set("angular_rate", (100.0, 0.0, 0.0))
    bench.write(0x11, ctrl2)
    bench.clock.sleep(0.3)
    x = int.from_bytes(bench.read(0x22, 2), "little", signed=True)
    assert x * mdps * 1e-3 == pytest.approx(100.0, abs=3.0)


def test_reading_the_high_byte_clears_data_ready(bench: Bench) -> None:
    bench.write(0x10, 0x40)
    bench.clock.sleep(0.1)
    assert bench.read(0x1E) == b"\x05"
    bench.read(0x28)
    assert bench.read(0x1E)[0] & 1
    bench.read(0x29)
    assert not bench.read(0x1E)[0] & 1


def test_block_data_update_keeps_both_bytes_of_one_sample() -> None:
    for bdu in (0x44, 0x04):
        bench = Bench()
        bench.write(0x12, bdu)
        bench.write(0x10, 0x40)
        bench.clock.sleep(0.1)
        held = int.from_bytes(bench.read(0x2C, 2), "little", signed=True)
        bench.clock.sleep(0.1)
        low = bench.read(0x2C)
        bench.set("orientation", (0.0, 0.0, -1.0))
        bench.clock.sleep(0.1)
        both = int.from_bytes(low + bench.read(0x2D), "little", signed=True)
        assert (abs(both - held) < 500) is (bdu == 0x44)


def test_fifo_words_have_tags_with_even_parity_and_a_counter(bench: Bench) -> None:
    bench.write(0x10, 0x40, 0x44)
    bench.write(0x09, 0x44)
    bench.write(0x0A, 0x06)
    bench.clock.sleep(0.5)
    low, flags = bench.read(0x3A, 2)
    assert flags & 0xF8 == 0
    level = low | (flags & 3) << 8
    assert level == pytest.approx(2 * 52, abs=8)
    assert level % 2 == 0
    data = bench.read(0x78, 7 * level)
    tags = data[::7]
    assert {tag >> 3 for tag in tags} == {1, 2}
    assert all(tag.bit_count() % 2 == 0 for tag in tags)
    counters = [tag >> 1 & 3 for tag in tags[::2]]
    assert all((b - a) % 4 == 1 for a, b in pairwise(counters))
    assert bench.read(0x3A, 2) == b"\x00\x00"
    assert bench.read(0x78, 7) == bytes(7)  # an empty FIFO


def test_a_burst_may_stop_and_start_in_the_middle_of_a_word(bench: Bench) -> None:
    twin = Bench()
    for each in (bench, twin):
        each.write(0x10, 0x40, 0x44)
        each.write(0x09, 0x44)
        each.write(0x0A, 0x06)
        each.clock.sleep(0.2)
    whole = bench.read(0x78, 21)
    parts = twin.read(0x78, 10) + twin.bus.transfer(ADDRESS, b"", 4) + twin.read(0x78, 7)
    assert parts == whole


def test_a_full_fifo_overwrites_the_oldest_and_says_so(bench: Bench) -> None:
    bench.write(0x07, 100)
    bench.write(0x10, 0x40, 0x44)
    bench.write(0x09, 0x44)
    bench.write(0x0A, 0x06)
    bench.clock.sleep(1.0)
    assert bench.read(0x3B)[0] & 0xF8 == 0x80  # more than the watermark
    bench.clock.sleep(5.0)
    assert bench.read(0x3A, 2) == bytes((0x00, 0x80 | 0x40 | 0x20 | 0x08 | 0x02))
    assert bench.read(0x3B)[0] & 0x08 == 0  # the latched bit is gone once it was read


def test_fifo_mode_keeps_the_first_words_and_bypass_empties(bench: Bench) -> None:
    bench.write(0x10, 0x40, 0x44)
    bench.write(0x09, 0x44)
    bench.write(0x0A, 0x01)
    bench.clock.sleep(10.0)
    first = bench.read(0x78, 7 * 512)
    assert first[0] >> 1 & 3 == (first[7 * 510] >> 1 & 3) + 1 & 3  # 256 instants
    bench.clock.sleep(1.0)
    bench.write(0x0A, 0x00)
    assert bench.read(0x3A, 2) == b"\x00\x00"


def test_sensors_may_be_batched_at_different_rates(bench: Bench) -> None:
    bench.write(0x10, 0x50, 0x50)  # both at 208 Hz
    bench.write(0x09, 0x35)  # gyroscope at 52, accelerometer at 208
    bench.write(0x0A, 0x06)
    bench.clock.sleep(1.0)
    low, flags = bench.read(0x3A, 2)
    tags = bench.read(0x78, 7 * (low | (flags & 3) << 8))[::7]
    accelerometer = sum(tag >> 3 == 2 for tag in tags)
    gyroscope = sum(tag >> 3 == 1 for tag in tags)
    assert accelerometer == pytest.approx(4 * gyroscope, abs=4)
    assert accelerometer == pytest.approx(200, abs=15)


def test_any_pattern_of_draining_gives_the_same_samples() -> None:
    once, often = Bench(), Bench()
    for each in (once, often):
        each.part.prepare()
        each.part.open_stream()
    assert np.array_equal(once.drain(2.0, 2), often.drain(0.0625, 64))


def test_the_oscillator_is_the_units_own_and_says_so() -> None:
    rates = set()
    for seed in range(8):
        bench = Bench(seed=seed)
        bench.part.prepare(rate=833.0)
        bench.part.open_stream()
        stated_hz = bench.part.read_rate_hz()
        assert len(bench.drain(0.1, 100)) / 10.0 == pytest.approx(stated_hz, rel=0.001)
        rates.add(stated_hz)
    assert len(rates) > 5
    assert all(abs(rate - 833.4) < 0.07 * 833.4 for rate in rates)


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_gravity_is_read_on_every_face(bench: Bench, axis: int, sign: float) -> None:
    up = tuple(sign if other == axis else 0.0 for other in range(3))
    bench.set("orientation", up)
    bench.part.prepare()
    assert bench.sample()[:3] == pytest.approx([9.80665 * u for u in up], abs=0.4)


def test_turning_and_warmth_are_read(bench: Bench) -> None:
    bench.set("angular_rate", (100.0, -200.0, 300.0))
    bench.set("temperature", 60.0)
    bench.part.prepare()
    row = bench.sample()
    assert row[3:6] == pytest.approx([100.0, -200.0, 300.0], abs=6.0)
    assert row[6] == pytest.approx(60.0, abs=10.0)


@pytest.mark.parametrize("rate", RATES_HZ)
def test_start_says_long_enough_for_every_rate_and_unit(rate: float) -> None:
    for seed in range(6):
        bench = Bench(seed=seed)
        bench.part.prepare(rate=rate)
        for _ in range(4):
            bench.sample()


def test_a_sample_is_read_once(bench: Bench) -> None:
    bench.part.prepare()
    bench.sample()
    with pytest.raises(ProtocolError, match="has no new sample"):
        bench.part.read()


def test_a_saturated_axis_is_no_value(bench: Bench) -> None:
    bench.set("angular_rate", (0.0, 600.0, 0.0))
    bench.part.prepare(angular_rate_range=500.0)
    with pytest.raises(ProtocolError, match="angular_rate_y is saturated; choose a larger range"):
        bench.sample()
    bench.part.prepare(angular_rate_range=1000.0)
    assert bench.sample()[4] == pytest.approx(600.0, abs=12.0)


def test_a_saturated_stream_is_flagged(bench: Bench) -> None:
    bench.part.prepare(angular_rate_range=125.0)
    bench.part.open_stream()
    bench.clock.sleep(0.5)
    assert not bench.part.drain().saturated
    bench.set("angular_rate", (0.0, 200.0, 0.0))
    bench.clock.sleep(0.5)
    assert bench.part.drain().saturated


def test_the_gyroscope_has_started_when_it_is_prepared() -> None:
    for seed in range(5):
        bench = Bench(seed=seed)
        bench.part.prepare(rate=6667.0)
        early = bench.sample()[3:6]
        bench.clock.sleep(5.0)
        late = np.mean([bench.sample()[3:6] for _ in range(20)], axis=0)
        assert early == pytest.approx(late, abs=1.0)


def test_a_stream_has_every_sample_once(bench: Bench) -> None:
    bench.part.prepare(rate=208.0)
    bench.part.open_stream()
    rows = bench.drain(0.3, 40)
    assert len(rows) == pytest.approx(12 * bench.part.read_rate_hz(), abs=3)
    assert rows[:, 2].mean() * 0.061e-3 == pytest.approx(1.0, abs=0.04)
    bench.part.close_stream()
    with pytest.raises(BenchError, match="open_stream"):
        bench.part.drain()


def test_a_stream_sees_a_change_at_its_moment(bench: Bench) -> None:
    bench.part.prepare(rate=104.0)
    bench.part.open_stream()
    bench.clock.sleep(1.0)
    bench.set("angular_rate", (200.0, 0.0, 0.0))
    bench.clock.sleep(1.0)
    turning = bench.part.drain().values[:, 3] * 17.5e-3 > 100.0
    rate_hz = bench.part.read_rate_hz()
    assert np.argmax(turning) == pytest.approx(rate_hz, abs=2)
    assert turning.sum() == pytest.approx(rate_hz, abs=2)


def test_a_stream_follows_a_wave(bench: Bench) -> None:
    bench.zone.bind("angular_rate", Wave(-100.0, 100.0, 0.5, "sine", 0.0))
    bench.part.prepare(rate=833.0)
    bench.part.open_stream()
    z = bench.drain(0.1, 20)[:, 5] * 17.5e-3
    assert z.std() == pytest.approx(100.0 / math.sqrt(2), rel=0.03)


def test_a_drain_that_is_too_late_says_that_samples_were_lost(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(1.0)
    assert not bench.part.drain().overflow
    bench.clock.sleep(10.0)
    late = bench.part.drain()
    assert late.overflow
    assert late.values.shape == (256, 6)
    bench.clock.sleep(1.0)
    assert not bench.part.drain().overflow


def test_a_damaged_fifo_word_is_refused() -> None:
    bench = Bench("fifo")
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(0.5)
    with pytest.raises(ProtocolError, match=r"bus0, address 0x6a: tag 0x.* has odd parity"):
        bench.part.drain()


def test_a_part_that_was_reset_behind_our_back_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(0.5)
    bench.write(0x12, 0x01)
    with pytest.raises(ProtocolError, match=r"0000, 4044 was written\. Did the supply dip"):
        bench.part.drain()
    with pytest.raises(ProtocolError, match="Prepare it again"):
        bench.part.read()
    bench.part.prepare()
    bench.sample()


def test_a_fifo_that_stands_still_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(0.1)
    bench.part.drain()
    bench.write(0x09, 0x00)
    bench.clock.sleep(0.1)
    assert len(bench.part.drain().values) == 0
    bench.clock.sleep(0.2)
    with pytest.raises(ProtocolError, match="the FIFO got no sample for 0"):
        bench.part.drain()


def test_reading_before_preparing_says_what_to_do(bench: Bench) -> None:
    for call in (bench.part.start, bench.part.read, bench.part.open_stream):
        with pytest.raises(BenchError, match="prepare"):
            call()


def test_a_good_part_passes_its_self_test_and_is_as_before(bench: Bench) -> None:
    bench.part.prepare(angular_rate_range=250.0, rate=26.0)
    found = bench.part.self_test()
    assert list(found) == list(Lsm6dso.SELF_TEST_LIMITS)
    for name, moved in found.items():
        low, high = Lsm6dso.SELF_TEST_LIMITS[name]
        assert low < moved < high, name
    assert bench.read(0x10, 2) == bytes((0x20, 0x20))
    bench.sample()


def test_dead_electrodes_show_in_the_self_test() -> None:
    bench = Bench("self_test")
    found = bench.part.self_test()
    assert all(moved < Lsm6dso.SELF_TEST_LIMITS[name][0] for name, moved in found.items())


def test_another_part_in_the_socket_is_refused() -> None:
    with pytest.raises(ProtocolError, match="0x6b, an LSM6DSO has 0x6c"):
        Bench("identity").part.identify()


def test_identifying_changes_nothing(bench: Bench) -> None:
    bench.part.prepare()
    before = bytes(bench.twin._registers)
    assert bench.part.identify().model == "LSM6DSO"
    assert bytes(bench.twin._registers) == before


def test_the_driver_uses_only_what_the_twin_models(bench: Bench) -> None:
    bench.part.prepare()
    bench.sample()
    bench.part.open_stream()
    bench.drain(0.5, 2)
    bench.part.close_stream()
    bench.part.self_test()
    assert not bench.twin.beyond


def test_silent_and_unpowered_parts_do_not_answer() -> None:
    with pytest.raises(NotAcknowledged, match="part 7 is silent"):
        Bench("silent").part.identify()
    with pytest.raises(NotAcknowledged, match="no supply"):
        Bench(supply_v=1.2).part.identify()


def test_a_part_that_loses_its_supply_starts_anew(bench: Bench) -> None:
    bench.part.prepare()
    bench.set("supply", 0.5)
    bench.clock.sleep(1.0)
    bench.set("supply", 3.3)
    with pytest.raises(NotAcknowledged, match="booting"):
        bench.part.identify()
    bench.clock.sleep(0.01)
    assert bench.read(0x10, 2) == b"\0\0"
    with pytest.raises(ProtocolError, match="Did the supply dip"):
        bench.part.start()


def test_a_stuck_part_and_a_noisy_one() -> None:
    stuck = Bench()
    stuck.world.add_fault("7", Fault("stuck", at_s=2.0))
    stuck.part.prepare()
    stuck.part.open_stream()
    rows = stuck.drain(0.5, 6)
    assert len(np.unique(rows[-50:], axis=0)) == 1
    assert len(np.unique(rows[:50], axis=0)) > 40
    spread = []
    for fault in ("", "noise"):
        bench = Bench(fault)
        bench.part.prepare()
        bench.part.open_stream()
        spread.append(bench.drain(0.5, 6).std(axis=0))
    assert (spread[1] > 20 * spread[0]).all()


def test_stress_moves_the_offset_of_a_part_that_drifts() -> None:
    moved = []
    for fault in ("", "drift"):
        bench = Bench(fault)
        bench.set("temperature", 125.0)
        bench.clock.sleep(1000 * 3600.0)
        bench.set("temperature", 23.0)
        bench.part.prepare()
        moved.append(bench.sample()[:6])
    apart = np.abs(moved[1] - moved[0])
    assert (apart[:3] > 0.2 * G).all()
    assert (apart[3:] > 4.0).all()


def test_the_allan_deviation_has_the_slope_and_the_floor_that_are_stated() -> None:
    bench = Bench()
    bench.part.prepare(rate=52.0)
    bench.part.open_stream()
    rows = bench.drain(4.0, 1800)  # 2 h
    rate_hz = bench.part.read_rate_hz()
    gyroscope = rows[:, 3:] * 17.5e-3
    steps = np.cumsum(gyroscope, axis=0)

    def allan(tau_s: float) -> npt.NDArray[np.float64]:
        m = round(tau_s * rate_hz)
        means = steps[m::m] / m - steps[:-m:m][: len(steps[m::m])] / m
        return np.asarray(np.sqrt(np.mean(np.diff(means, axis=0) ** 2, axis=0) / 2))

    white = 3.8e-3 / math.sqrt(2)  # deg/s at 1 s, from the density
    assert allan(0.25) == pytest.approx([2 * white] * 3, rel=0.05)
    floor = 3.0 / 3600
    assert (allan(100.0) > 0.5 * floor).all()
    assert (allan(100.0) < 2.0 * floor).all()


def test_it_draws_what_its_sensors_need(bench: Bench) -> None:
    asleep_a = bench.twin.supply_current_a()
    bench.part.prepare()
    assert asleep_a < 1e-5
    assert bench.twin.supply_current_a() == pytest.approx(0.55e-3, rel=0.3)
