"""BMI270: image, codec, driver and twin against the reference, then driver and twin together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    InputError,
    NotReady,
    ProtocolError,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.core.provenance import Provenance
from sensorbench.core.quantity import Value
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.bmi270 import image as images
from sensorbench.sensors.bmi270.codec import decode_frames, without_cross_axis
from sensorbench.sensors.bmi270.driver import Bmi270
from sensorbench.sensors.bmi270.image import load_image
from sensorbench.sensors.bmi270.registers import RATES_HZ, G
from sensorbench.sensors.bmi270.twin import SimBmi270
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

ADDRESS = 0x68


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(1.8))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimBmi270(Place(self.world, "7"))
        self.bus.attach(ADDRESS, self.twin)
        self.part = Bmi270(self.bus, ADDRESS, self.clock)

    def set(self, address: str, value: Value) -> None:
        self.zone.bind(address, Constant(value))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(ADDRESS, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(ADDRESS, bytes([register, *values]))

    def load(self, length: int = 8192) -> int:
        """Load an image as the reference says, and return what the part says of it."""
        self.write(0x7C, 0x00)
        self.clock.sleep(0.00045)
        self.write(0x59, 0x00)
        for start in range(0, length, 64):
            self.write(0x5B, start // 2 & 15, start // 2 >> 4)
            self.write(0x5E, *bytes(min(64, length - start)))
        self.write(0x59, 0x01)
        self.clock.sleep(0.02)
        return self.read(0x21)[0]

    def words(self, register: int, count: int = 3) -> list[int]:
        return np.frombuffer(self.read(register, 2 * count), "<i2").tolist()

    def drain(self, every_s: float, times: int) -> npt.NDArray[np.int16]:
        blocks = []
        for _ in range(times):
            self.clock.sleep(every_s)
            blocks.append(self.part.drain().values)
        return np.concatenate(blocks).astype(np.int16)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- the image ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "const uint8_t bmi270_config_file[] = {\n 0xC8, 0x2e, %s};\nuint8_t other[] = {0x1};",
        "bmi270_config_file = [\n    0xc8, 0x2e, %s]\nx = [0x01]",
    ],
)
def test_an_image_is_read_from_source_files(tmp_path: Path, text: str) -> None:
    path = tmp_path / "image.txt"
    path.write_text(text % ("0x00, " * 8190))
    assert load_image(str(path)) == b"\xc8\x2e" + bytes(8190)


def test_an_image_is_read_as_it_is_by_the_name_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(bytes(range(256)) * 32)
    monkeypatch.setenv("SENSORBENCH_BMI270_IMAGE", str(path))
    assert load_image(None) == path.read_bytes()


def test_what_is_no_image_is_refused_with_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "short.c").write_text("bmi270_config_file[] = {0x01, 0x02};")
    (tmp_path / "other.bin").write_bytes(bytes(100))
    for name, text in {"short.c": "an array of 2 bytes", "other.bin": "100 bytes without an array",
                       "none": "No such file"}.items():  # fmt: skip
        with pytest.raises(InputError, match=text):
            load_image(str(tmp_path / name))


def test_without_an_image_nothing_is_sent_to_a_real_part_and_the_user_is_told_where_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SENSORBENCH_BMI270_IMAGE", raising=False)
    monkeypatch.setattr(images, "FIRMWARE", tmp_path / "none")
    bench.part.prepare()
    bench.bus.provenance = Provenance.HARDWARE
    bench.bus.stuck = True
    with pytest.raises(
        InputError, match=r"SENSORBENCH_BMI270_IMAGE to a file .* Bosch's bmi270\.c"
    ):
        Bmi270(bench.bus, ADDRESS, bench.clock).prepare()


# -- the codec ---------------------------------------------------------------------------------


def frame(*axes: int) -> bytes:
    """Write one frame as the reference describes it: gyroscope, then accelerometer."""
    words = (*axes[3:], *axes[:3])
    return b"\x8c" + b"".join(word.to_bytes(2, "little", signed=True) for word in words)


sixteen_bits = st.integers(-32768, 32767)
control = st.sampled_from([b"\x40\x07", b"\x44\x01\x02\x03", b"\x48\x01\x02\x03\x04"])


@given(st.lists(st.one_of(st.tuples(*[sixteen_bits] * 6), control), max_size=30))
def test_samples_come_out_between_whatever_else_is_there(
    parts: list[tuple[int, ...] | bytes],
) -> None:
    data = b"".join(part if isinstance(part, bytes) else frame(*part) for part in parts)
    rows, skipped = decode_frames(data)
    assert rows.tolist() == [list(part) for part in parts if not isinstance(part, bytes)]
    assert skipped == 7 * parts.count(b"\x40\x07")


def test_what_is_cut_off_or_beyond_the_end_is_left_out() -> None:
    whole = frame(1, 2, 3, 4, 5, 6)
    for rest in (whole[:12], b"\x80" * 20, b"\x80\x00"):
        assert decode_frames(whole + rest)[0].tolist() == [[1, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize("header", [0x84, 0x88, 0xCC, 0x00, 0xFF])
def test_a_header_that_was_not_asked_for_is_refused(header: int) -> None:
    data = frame(*range(6)) * 2 + bytes([header]) + bytes(12)
    with pytest.raises(ProtocolError, match=f"byte 26 of 39 .* is {header:#04x}, no header"):
        decode_frames(data)


@pytest.mark.parametrize(("factor", "z", "moves"), [(63, -512, 63), (-64, 1024, 128), (5, 99, 0)])
def test_the_cross_axis_factor_is_in_512ths(factor: int, z: int, moves: int) -> None:
    rows = np.array([[0, 0, 0, 100, 0, z], [0, 0, 0, 32767, 0, z]], np.int16)
    assert without_cross_axis(rows, factor)[:, 3].tolist() == [100 + moves, 32767]


# -- the driver on a scripted bus --------------------------------------------------------------


class Scripted(SimulatedI2cBus):
    """Registers that are what they were written; outputs and the image's state are the test's."""

    def __init__(self, outputs: str = "", factor: int = 0, message: int = 1) -> None:
        super().__init__("bus1")
        self.registers = bytearray(128)
        self.registers[0x03] = 0xC0
        self.registers[0x21] = message
        self.registers[0x0C:0x18] = bytes.fromhex(outputs) or bytes(12)
        self.registers[0x22:0x24] = b"\x00\x04"
        self.registers[0x3C] = factor
        self.writes: list[str] = []
        self.image = bytearray()

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        start, data = write[0], write[1:]
        if start == 0x5E:
            at = 2 * (self.registers[0x5B] | self.registers[0x5C] << 4)
            self.image[at:] = data
        elif data:
            self.registers[start : start + len(data)] = data
            if start != 0x5B:
                self.writes.append(write.hex())
        return bytes(self.registers[start : start + read_length])


def scripted(bus: Scripted, **settings: float | str) -> Bmi270:
    part = Bmi270(bus, ADDRESS, VirtualClock())
    part.prepare(**settings)
    part.start()
    return part


def test_preparing_loads_the_image_before_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(bytes(range(256)) * 32)
    bus = Scripted()
    part = Bmi270(bus, ADDRESS, VirtualClock(), image=str(path))
    part.prepare(acceleration_range=16 * G, angular_rate_range=125.0, rate=1600, filter="OSR2")
    assert bus.image == path.read_bytes()
    assert bus.writes == [
        "7eb6", "7c00", "5900", "5901", "2f00", "409c03dc04", "480000", "7d0e",
    ]  # fmt: skip


def test_the_driver_decodes_the_worked_example() -> None:
    part = scripted(Scripted("0040 0000 00c0 6606 9af9 0000"), angular_rate_range=2000.0)
    assert part.read().values[0] == pytest.approx([G, 0, -G, 99.976, -99.976, 0, 25.0], abs=1e-3)


def test_the_driver_takes_the_share_of_z_out_of_x() -> None:
    part = scripted(Scripted("0000 0000 0000 0000 0000 0040", factor=0x7B), angular_rate_range=2000)
    x, _, z = part.read().values[0][3:6]
    assert (x, z) == pytest.approx((5 / 512 * 1000.0, 1000.0))


@pytest.mark.parametrize("end", ["ff7f", "0080"])
def test_either_end_of_the_range_is_no_value(end: str) -> None:
    with pytest.raises(Saturated, match="angular_rate_x is saturated"):
        scripted(Scripted(f"0000 0000 0000 {end} 0000 0000")).read()


def test_an_image_that_the_part_refuses_is_an_error() -> None:
    for message in (0, 2):
        with pytest.raises(ProtocolError, match=f"INTERNAL_STATUS says {message}, not 1. Is it B"):
            scripted(Scripted(message=message))


# -- the twin against the reference ------------------------------------------------------------


def test_registers_have_their_reset_values(bench: Bench) -> None:
    assert bench.read(0x00) == b"\x24"
    assert bench.read(0x03) == b"\x10"
    assert bench.read(0x21, 5) == bytes.fromhex("00 0080 0000")
    assert bench.read(0x40, 10) == bytes.fromhex("a8 02 a9 00 00 00 00 02 02 10")
    assert bench.read(0x7C, 2) == b"\x03\x00"


def test_nothing_is_sampled_before_the_whole_image_was_loaded(bench: Bench) -> None:
    bench.write(0x7D, 0x0E)
    bench.clock.sleep(1.0)
    assert bench.words(0x0C, 6) == [0] * 6
    assert bench.load(8128) == 2
    assert bench.load() == 1
    bench.clock.sleep(0.2)
    assert bench.words(0x0C)[2] == pytest.approx(4096, rel=0.05)
    bench.write(0x7E, 0xB6)
    bench.clock.sleep(0.01)
    assert bench.read(0x21) == b"\0"


@pytest.mark.parametrize(("code", "counts"), [(0, 16384), (1, 8192), (2, 4096), (3, 2048)])
def test_the_twin_has_the_accelerometer_s_ranges(bench: Bench, code: int, counts: int) -> None:
    bench.load()
    bench.write(0x41, code)
    bench.write(0x7D, 0x04)
    bench.clock.sleep(0.1)
    assert bench.words(0x0C)[2] == pytest.approx(counts, rel=0.05)


@pytest.mark.parametrize("code", range(5))
def test_the_twin_has_the_gyroscope_s_ranges(bench: Bench, code: int) -> None:
    bench.set("angular_rate", (0.0, 100.0, 0.0))
    bench.load()
    bench.write(0x43, code)
    bench.write(0x7D, 0x02)
    bench.clock.sleep(0.1)
    assert bench.words(0x12)[1] / (16.384 * 2**code) == pytest.approx(100.0, abs=3.0)


def test_frames_have_headers_by_what_is_in_them(bench: Bench) -> None:
    bench.load()
    bench.write(0x40, 0xA8, 0x00, 0xA9)  # 100 and 200 Hz
    bench.write(0x48, 0x00, 0xD0)
    bench.write(0x7D, 0x06)
    bench.clock.sleep(0.2)
    length = int.from_bytes(bench.read(0x24, 2), "little")
    data, at, found = bench.read(0x26, length), 0, []
    while at < length:
        found.append(data[at])
        at += {0x84: 7, 0x88: 7, 0x8C: 13}[data[at]]
    assert at == length
    assert found[-4:] in ([0x88, 0x8C] * 2, [0x8C, 0x88] * 2)
    assert bench.read(0x24, 2) == b"\0\0"


def test_a_frame_that_was_read_in_part_comes_again(bench: Bench) -> None:
    whole = Bench()
    for each in (bench, whole):
        each.load()
        each.write(0x48, 0x00, 0xD0)
        each.write(0x42, 0xA8)
        each.write(0x7D, 0x06)
        each.clock.sleep(0.2)
        each.read(0x26, 13 * 5)
    data = whole.read(0x26, 26)
    assert bench.read(0x26, 20) == data[:20]
    assert bench.read(0x26, 13) == data[13:]


def test_a_full_fifo_says_how_many_frames_it_skipped(bench: Bench) -> None:
    bench.load()
    bench.write(0x46, 0x00, 0x04)
    bench.write(0x48, 0x00, 0xD0)
    bench.write(0x42, 0xA8)
    bench.write(0x7D, 0x06)
    bench.clock.sleep(0.9)
    assert bench.read(0x1D)[0] & 3 == 2
    bench.clock.sleep(1.0)
    assert bench.read(0x1D)[0] & 3 == 3
    assert bench.read(0x24, 2) == (157 * 13).to_bytes(2, "little")
    header, skipped, next_header = bench.read(0x26, 3)
    assert (header, next_header) == (0x40, 0x8C)
    assert skipped == pytest.approx(190 - 157, abs=5)
    assert bench.read(0x26)[0] == 0x8C


def test_beyond_its_end_the_fifo_gives_the_time_and_then_empty_headers(bench: Bench) -> None:
    bench.load()
    assert bench.read(0x26, 7)[:1] == b"\x44"
    assert bench.read(0x26, 7)[4:] == b"\x80\x80\x80"


def test_programming_the_memory_is_counted_and_nothing_we_do_does_it(bench: Bench) -> None:
    bench.part.identify()
    bench.part.prepare()
    bench.part.self_test()
    assert bench.twin.programmed == 0
    bench.write(0x7E, 0xA0)
    assert bench.twin.programmed == 1


def test_haste_with_power_saving_on_is_on_record(bench: Bench) -> None:
    bench.write(0x40, 0xA8, 0x02)
    assert list(bench.twin.beyond) == [
        "burst written with power saving on",
        "written within 450 us of another with power saving on",
    ]


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES_HZ)
def test_start_says_long_enough_for_every_rate_and_unit(rate: float) -> None:
    for seed in range(3):
        bench = Bench(seed=seed)
        bench.part.prepare(rate=rate)
        for _ in range(3):
            bench.clock.sleep(bench.part.start())
            bench.part.read()


def test_any_pattern_of_draining_gives_every_sample_once() -> None:
    once, often = Bench(), Bench()
    for each in (once, often):
        each.set("angular_rate", (0.0, 0.0, 300.0))
        each.part.prepare()
        each.part.open_stream()
    rows = once.drain(1.0, 4)
    assert np.array_equal(rows, often.drain(0.0625, 64))
    assert len(rows) == pytest.approx(400, abs=14)
    assert rows[:, 3].mean() * 500 / 32768 == pytest.approx(0.0, abs=3.0)
    assert rows[:, 5].mean() * 500 / 32768 == pytest.approx(300.0, rel=0.02)


def test_a_drain_that_is_too_late_says_so_and_the_next_does_not(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(3.0)
    late = bench.part.drain()
    assert (late.overflow, len(late.values)) == (True, 156)  # the last one was cut off
    again = bench.part.drain()
    assert (again.overflow, len(again.values)) == (False, 1)


def test_damage_saturation_and_silence_of_a_stream_are_noticed(bench: Bench) -> None:
    damaged = Bench("fifo")
    for each in (damaged, bench):
        each.part.prepare(angular_rate_range=125.0)
        each.part.open_stream()
        each.clock.sleep(0.5)
    with pytest.raises(ProtocolError, match=r"bus0, address 0x68: byte 13 of .* is 0xac"):
        damaged.part.drain()
    assert not bench.part.drain().saturated
    bench.set("angular_rate", (0.0, 200.0, 0.0))
    bench.clock.sleep(0.5)
    assert bench.part.drain().saturated
    bench.write(0x49, 0x10)
    bench.clock.sleep(0.5)
    with pytest.raises(NotReady, match="the FIFO got no sample for"):
        bench.part.drain()


def test_a_filter_narrows_the_noise() -> None:
    spread = []
    for filter_ in ("normal", "OSR4"):
        bench = Bench()
        bench.part.prepare(rate=400.0, filter=filter_)
        bench.part.open_stream()
        spread.append(bench.drain(0.25, 8).std(axis=0))
    assert spread[0] / spread[1] == pytest.approx([2.0] * 6, rel=0.15)


def test_a_good_part_passes_its_self_test_and_is_as_before(bench: Bench) -> None:
    bench.part.prepare(rate=25.0)
    found = bench.part.self_test()
    for name, (low, high) in Bmi270.SELF_TEST_LIMITS.items():
        assert low < found[name] < high, name
    assert bench.read(0x40, 4) == bytes((0xA6, 0x00, 0xE6, 0x02))
    dead = Bench("self_test").part.self_test()
    assert all(not low < dead[name] < high for name, (low, high) in Bmi270.SELF_TEST_LIMITS.items())


def test_the_driver_uses_only_what_the_twin_models(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.drain(0.5, 2)
    bench.part.close_stream()
    bench.clock.sleep(bench.part.start())
    bench.part.read()
    bench.part.self_test()
    assert not bench.twin.beyond


def test_a_part_that_lost_its_image_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    bench.write(0x7E, 0xB6)
    bench.clock.sleep(0.1)
    with pytest.raises(SettingsLost, match=r"INTERNAL_STATUS 0x00\. Did the supply dip"):
        bench.part.read()


def test_a_part_with_a_broken_memory_refuses_the_image() -> None:
    with pytest.raises(ProtocolError, match="INTERNAL_STATUS says 2"):
        Bench("memory").part.prepare()


def test_a_bmi160_in_its_place_is_refused() -> None:
    with pytest.raises(WrongDevice, match="0xd1, a BMI270 has 0x24"):
        Bench("identity").part.identify()


def test_reading_before_preparing_says_what_to_do(bench: Bench) -> None:
    for call in (bench.part.start, bench.part.open_stream):
        with pytest.raises(BenchError, match="prepare"):
            call()
    with pytest.raises(BenchError, match=r"start\(\)"):
        bench.part.read()
