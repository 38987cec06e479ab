"""ICM-42688-P: codec, driver and twin against the data sheet, then driver and twin together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
)
from sensorbench.core.quantity import Value
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.icm42688p.codec import decode_packets
from sensorbench.sensors.icm42688p.driver import Icm42688p
from sensorbench.sensors.icm42688p.registers import RATES_HZ, G
from sensorbench.sensors.icm42688p.twin import SimIcm42688p
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

ADDRESS = 0x68


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimIcm42688p(Place(self.world, "7"))
        self.bus.attach(ADDRESS, self.twin)
        self.part = Icm42688p(self.bus, ADDRESS, self.clock)

    def set(self, address: str, value: Value) -> None:
        self.zone.bind(address, Constant(value))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))

    def words(self, register: int, count: int = 3) -> list[int]:
        return np.frombuffer(self.read(register, 2 * count), ">i2").tolist()

    def switch_on(self, *, gyro: int = 0x06, accel: int = 0x06, fifo: int = 0) -> None:
        """Let both run, by their control registers; `fifo` is FIFO_CONFIG1."""
        self.write(0x4F, gyro, accel)
        self.write(0x5F, fifo)
        self.write(0x4E, 0x0F)
        self.clock.sleep(0.1)

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


def packet(*axes: int, header: int = 0x68) -> bytes:
    """Write one packet as the data sheet describes it."""
    words = b"".join(axis.to_bytes(2, "big", signed=True) for axis in axes)
    return bytes([header]) + words + b"\x00\x12\x34"


@given(st.lists(st.tuples(*[st.integers(-32767, 32767)] * 6), max_size=40), st.integers(0, 3))
def test_packets_come_out_as_they_went_in(rows: list[tuple[int, ...]], changed: int) -> None:
    data = b"".join(packet(*row, header=0x68 | changed) for row in rows)
    assert decode_packets(data).tolist() == [list(row) for row in rows]


@pytest.mark.parametrize("header", [0x48, 0x28, 0x78, 0x60, 0xE8, 0x00, 0xFF])
def test_any_other_header_is_refused_with_its_place(header: int) -> None:
    data = packet(*range(6)) * 2 + packet(*range(6), header=header)
    with pytest.raises(ProtocolError, match=f"packet 2 of 3 .* {header:#04x}, not 0x68"):
        decode_packets(data)


def test_torn_packets_and_invalid_samples_are_no_values() -> None:
    with pytest.raises(ProtocolError, match="15 bytes are no whole number"):
        decode_packets(packet(*range(6))[:15])
    with pytest.raises(NotReady, match="packet 1 of 2 in the FIFO holds -32768"):
        decode_packets(packet(*range(6)) + packet(0, 0, 0, 0, -32768, 0))


# -- the driver on a scripted bus --------------------------------------------------------------


class Scripted(SimulatedI2cBus):
    """Registers that are what they were written; status and outputs are the test's."""

    def __init__(self, outputs: str = "") -> None:
        super().__init__("bus1")
        self.registers = bytearray(128)
        self.registers[0x2D] = 0x18
        self.registers[0x1D:0x2B] = bytes.fromhex(outputs) or bytes(14)
        self.writes: list[str] = []

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        start, data = write[0], write[1:]
        if data:
            self.writes.append(write.hex())
            self.registers[start : start + len(data)] = data
        return bytes(self.registers[start : start + read_length])


def test_preparing_writes_what_the_data_sheet_says_before_sensors_are_on() -> None:
    bus = Scripted()
    part = Icm42688p(bus, ADDRESS, VirtualClock())
    part.prepare(acceleration_range=16 * G, angular_rate_range=62.5, rate=500, filter="1/10")
    assert bus.writes == ["7600", "1101", "5244", "5f47", "4faf0f", "4e0f"]


@pytest.mark.parametrize(
    ("settings", "outputs", "expected"),
    [
        ({"acceleration_range": 16 * G, "angular_rate_range": 2000.0},
         "052d 0800 f800 0000 00a4 ff5c 0000", (G, -G, 0.0, 10.0, -10.0, 0.0, 35.0015)),
        ({"acceleration_range": 2 * G, "angular_rate_range": 15.625},
         "0000 4000 c000 0001 0831 0000 0000", (G, -G, G / 16384, 1.0, 0.0, 0.0, 25.0)),
    ],
)  # fmt: skip
def test_the_driver_decodes_the_worked_examples(
    settings: dict[str, float], outputs: str, expected: tuple[float, ...]
) -> None:
    part = Icm42688p(Scripted(outputs), ADDRESS, VirtualClock())
    part.prepare(**settings)
    assert part.read().values[0] == pytest.approx(expected, rel=2e-3)  # 16.4 is 16.384 rounded


@pytest.mark.parametrize("count", ["7fff", "8002", "8001"])
def test_either_end_of_the_range_is_no_value(count: str) -> None:
    part = Icm42688p(Scripted(f"0000 0000 {count} 0000 0000 0000 0000"), ADDRESS, VirtualClock())
    part.prepare()
    with pytest.raises(Saturated, match="acceleration_y is saturated"):
        part.read()


# -- the twin against the data sheet -----------------------------------------------------------


def test_registers_have_their_reset_values(bench: Bench) -> None:
    assert bench.read(0x75) == b"\x47"
    assert bench.words(0x1D, 7) == [-32768] * 7
    assert bench.read(0x2D, 3) == bytes.fromhex("10 0000")
    assert bench.read(0x30, 3) == b"\xff" * 3
    assert bench.read(0x4C, 9) == bytes.fromhex("30 91 00 06 06 16 11 0d 23")
    assert bench.read(0x2D) == b"\x00"  # reading clears it


@pytest.mark.parametrize(("code", "counts"), [(0, 2048), (1, 4096), (2, 8192), (3, 16384)])
def test_the_twin_has_the_accelerometer_s_ranges(bench: Bench, code: int, counts: int) -> None:
    bench.switch_on(accel=code << 5 | 0x06)
    assert bench.words(0x1F)[2] == pytest.approx(counts, rel=0.05)


@pytest.mark.parametrize("code", range(8))
def test_the_twin_has_the_gyroscope_s_ranges(bench: Bench, code: int) -> None:
    bench.set("angular_rate", (0.0, 10.0, 0.0))
    bench.switch_on(gyro=code << 5 | 0x06)
    assert bench.words(0x25)[1] / (16.4 * 2**code) == pytest.approx(10.0, abs=1.2)


def test_warmth_has_two_scales(bench: Bench) -> None:
    bench.set("temperature", 60.0)
    bench.switch_on(fifo=0x07)
    bench.write(0x16, 0x40)
    bench.clock.sleep(0.01)
    fine_c = bench.words(0x1D, 1)[0] / 132.48 + 25
    coarse_c = np.frombuffer(bench.read(0x30, 16)[13:14], np.int8)[0] / 2.07 + 25
    assert fine_c == pytest.approx(60.0, abs=6.0)
    assert coarse_c == pytest.approx(fine_c, abs=0.5)


@pytest.mark.parametrize(
    ("code", "rate_hz"), [(3, 8000), (6, 1000), (15, 500), (7, 200), (8, 100), (9, 50), (11, 12.5)]
)
def test_the_twin_samples_at_its_rate(bench: Bench, code: int, rate_hz: float) -> None:
    bench.switch_on(gyro=code, accel=code, fifo=0x43)
    bench.write(0x16, 0x40)
    bench.clock.sleep(100 / rate_hz)
    assert int.from_bytes(bench.read(0x2E, 2), "big") / 16 == pytest.approx(100, abs=5)


def test_packets_have_header_and_time_stamps_of_30_32ths(bench: Bench) -> None:
    bench.switch_on(fifo=0x47)
    bench.write(0x16, 0x40)
    bench.clock.sleep(0.05)
    data = np.frombuffer(bench.read(0x30, 16 * 40), np.uint8).reshape(-1, 16)
    assert set(data[1:, 0]) == {0x68}
    stamps = np.ascontiguousarray(data[:, 14:]).view(">u2")[:, 0].astype(int)
    assert set(np.diff(stamps) & 0xFFFF) == {937, 938}


def test_one_sensor_has_packets_of_eight_bytes_and_a_slower_one_invalid_samples() -> None:
    one, both = Bench(), Bench()
    one.switch_on(fifo=0x41)
    both.switch_on(gyro=0x08, accel=0x07, fifo=0x43)
    for bench in (one, both):
        bench.write(0x16, 0x40)
        bench.clock.sleep(0.1)
    assert one.read(0x30, 16)[::8] == b"\x40\x40"
    rows = np.frombuffer(both.read(0x30, 16 * 10), np.uint8).reshape(-1, 16)
    gyro = np.ascontiguousarray(rows[:, 7:9]).view(">i2")[:, 0]
    assert (gyro == -32768).tolist() in ([True, False] * 5, [False, True] * 5)


def test_a_full_fifo_loses_the_oldest_and_counts_them(bench: Bench) -> None:
    bench.switch_on(fifo=0x43)
    bench.write(0x60, 0x20)
    bench.write(0x16, 0x40)
    bench.clock.sleep(0.1)
    assert bench.read(0x2D)[0] & 0x06 == 0x04
    assert bench.read(0x6C, 2) == b"\0\0"
    bench.clock.sleep(1.0)
    assert bench.read(0x2E, 2) == (127 * 16).to_bytes(2, "big")
    assert bench.read(0x2D)[0] & 0x06 == 0x06
    lost = int.from_bytes(bench.read(0x6C, 2), "little")
    assert lost == pytest.approx(1100 - 127, abs=35)
    bench.write(0x4B, 0x02)
    assert bench.read(0x2E, 2) == b"\0\0"


def test_a_full_fifo_that_stops_keeps_the_first(bench: Bench) -> None:
    bench.switch_on(fifo=0x43)
    bench.write(0x16, 0x80)
    bench.clock.sleep(0.2)
    bench.read(0x2D)
    bench.clock.sleep(0.1)
    assert int.from_bytes(bench.read(0x6C, 2), "little") == pytest.approx(300 - 127, abs=10)
    first = bench.read(0x30, 32)
    bench.clock.sleep(5.0)
    assert bench.read(0x2E, 2) == (127 * 16).to_bytes(2, "big")
    assert first[16:] != bench.read(0x30, 16)  # room for two more came in meanwhile


def test_a_read_that_stops_early_goes_on_there_only_if_told_so() -> None:
    whole, told, untold = Bench(), Bench(), Bench()
    for bench, fifo in ((whole, 0x43), (told, 0x43), (untold, 0x03)):
        bench.switch_on(fifo=fifo)
        bench.write(0x16, 0x40)
        bench.clock.sleep(0.05)
    data = whole.read(0x30, 48)
    assert told.read(0x30, 10) + told.read(0x30, 38) == data
    assert untold.read(0x30, 16) == untold.read(0x30, 16) == data[:16]


def test_byte_order_and_the_unit_of_the_count_can_be_chosen(bench: Bench) -> None:
    bench.write(0x4C, 0x40)
    bench.switch_on(accel=0x66, fifo=0x43)
    bench.write(0x16, 0x40)
    bench.clock.sleep(0.1)
    assert int.from_bytes(bench.read(0x2E, 2), "little") == pytest.approx(100, abs=5)
    z = int.from_bytes(bench.read(0x23, 2), "little", signed=True)
    assert z == pytest.approx(16384, rel=0.05)


def test_sensors_take_their_time_to_start(bench: Bench) -> None:
    bench.write(0x4E, 0x0F)
    bench.clock.sleep(0.005)
    assert bench.words(0x1F, 6) == [-32768] * 6
    bench.clock.sleep(0.010)
    assert bench.words(0x1F)[2] > 1900
    assert bench.words(0x25) == [-32768] * 3
    bench.clock.sleep(0.020)
    assert -32768 not in bench.words(0x25)


def test_what_the_data_sheet_forbids_is_on_record(bench: Bench) -> None:
    bench.write(0x4E, 0x0F)
    bench.write(0x4F, 0x06)
    bench.clock.sleep(0.02)
    bench.write(0x52, 0x11)
    bench.write(0x4E, 0x00)
    assert list(bench.twin.beyond) == [
        "write to 0x4f within 200 us of switching on",
        "write to 0x52 while sensors run",
        "gyroscope switched off within 45 ms",
    ]


def test_other_banks_hold_the_factory_s_codes_and_hide_the_first(bench: Bench) -> None:
    bench.write(0x76, 1)
    assert all(bench.read(0x5F, 3))
    assert bench.read(0x75) == b"\0"
    bench.write(0x76, 2)
    assert all(bench.read(0x3B, 3))
    bench.write(0x76, 0)
    assert bench.read(0x75) == b"\x47"


def test_a_reset_takes_a_millisecond_and_brings_everything_back(bench: Bench) -> None:
    bench.switch_on(accel=0x66)
    bench.write(0x11, 0x01)
    with pytest.raises(NotAcknowledged, match="booting"):
        bench.read(0x75)
    bench.clock.sleep(0.001)
    assert bench.read(0x2D) == b"\x10"
    assert bench.read(0x4E, 3) == bytes.fromhex("00 06 06")
    assert bench.words(0x1F, 6) == [-32768] * 6


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES_HZ)
def test_start_says_long_enough_for_every_rate_and_unit(rate: float) -> None:
    for seed in range(4):
        bench = Bench(seed=seed)
        bench.part.prepare(rate=rate)
        for _ in range(3):
            bench.clock.sleep(bench.part.start())
            bench.part.read()


def test_any_pattern_of_draining_gives_every_sample_once() -> None:
    once, often = Bench(), Bench()
    for each in (once, often):
        each.part.prepare()
        each.part.open_stream()
    rows = once.drain(1.0, 4)
    assert np.array_equal(rows, often.drain(0.0625, 64))
    assert len(rows) == pytest.approx(400, abs=20)
    assert rows[:, 2].mean() / 16384 == pytest.approx(1.0, abs=0.05)


def test_a_drain_that_is_too_late_says_so_and_the_next_does_not(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(3.0)
    late = bench.part.drain()
    assert (late.overflow, late.values.shape) == (True, (127, 6))
    bench.clock.sleep(1.0)
    assert not bench.part.drain().overflow


def test_a_filter_narrows_the_noise() -> None:
    spread = []
    for filter_ in ("1/2", "1/40"):
        bench = Bench()
        bench.part.prepare(rate=1000.0, filter=filter_)
        bench.part.open_stream()
        spread.append(bench.drain(0.1, 20).std(axis=0))
    assert spread[0] / spread[1] == pytest.approx([20**0.5] * 6, rel=0.1)


def test_damage_saturation_and_silence_of_a_stream_are_noticed(bench: Bench) -> None:
    damaged = Bench("fifo")
    for each in (damaged, bench):
        each.part.prepare(angular_rate_range=15.625)
        each.part.open_stream()
        each.clock.sleep(0.5)
    with pytest.raises(ProtocolError, match=r"bus0, address 0x68: packet 1 of .* 0x48, not 0x68"):
        damaged.part.drain()
    assert not bench.part.drain().saturated
    bench.set("angular_rate", (0.0, 30.0, 0.0))
    bench.clock.sleep(0.5)
    assert bench.part.drain().saturated
    bench.write(0x16, 0x00)
    bench.clock.sleep(0.5)
    with pytest.raises(NotReady, match="the FIFO got no sample for 0"):
        bench.part.drain()


def test_a_part_that_was_reset_behind_our_back_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.write(0x11, 0x01)
    bench.clock.sleep(0.01)
    for call in (bench.part.drain, bench.part.read):
        with pytest.raises(SettingsLost, match="00060611, 0f486811 was written"):
            call()


def test_a_good_part_passes_its_self_test_by_its_own_codes(bench: Bench) -> None:
    bench.part.prepare(rate=25.0)
    found, limits = bench.part.self_test(), bench.part.self_test_limits()
    for name, (low, high) in limits.items():
        assert found[name] == pytest.approx((low + high) / 2, rel=0.03), name
    assert bench.read(0x4F, 2) == bytes((0x4A, 0x6A))
    dead = Bench("self_test")
    moved = dead.part.self_test()
    assert all(moved[name] < low for name, (low, _) in dead.part.self_test_limits().items())


def test_the_driver_uses_only_what_the_twin_models(bench: Bench) -> None:
    bench.part.prepare(rate=1000.0)
    bench.part.open_stream()
    bench.drain(0.05, 2)
    bench.part.close_stream()
    bench.part.self_test()
    bench.part.self_test_limits()
    assert not bench.twin.beyond


def test_reading_before_preparing_says_what_to_do(bench: Bench) -> None:
    for call in (bench.part.start, bench.part.read, bench.part.open_stream):
        with pytest.raises(BenchError, match="prepare"):
            call()
