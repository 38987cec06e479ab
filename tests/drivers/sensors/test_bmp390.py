"""BMP390 and BMP388: driver and twin against the reference, then against each other."""

import struct
from typing import Any

import numpy as np
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
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.bmp390.codec import (
    Trimming,
    compensate,
    decode_fifo,
    decode_sample,
    decode_trimming,
    is_saturated,
)
from sensorbench.sensors.bmp390.driver import FILTERS, OVERSAMPLING, RATES_HZ, Bmp390
from sensorbench.sensors.bmp390.twin import SimBmp390
from sensorbench.sensors.bmp390.twin_signals import (
    memory_of,
    pressure_counts,
    temperature_counts,
)
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

# The reference's own words and counts; adafruit-circuitpython-bmp3xx gives the same values.
WORDS = Trimming(27000, 19000, -7, 800, -1200, 20, 0, 25000, 30000, 3, -6, 2000, 5, -10)
RAW_T, RAW_P, TEMPERATURE_C, PRESSURE_PA = 8_300_000, 7_500_000, 24.51293, 94338.6413
WORD = st.integers(0, 0xFFFFFF)


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, **options: Any) -> None:
        self.clock = VirtualClock()
        self.clock.sleep(100.0)
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimBmp390(Place(self.world, "7"), **options)
        self.bus.attach(0x76, self.twin)
        self.part = Bmp390(self.bus, 0x76, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        row = self.part.read().values[0]
        return float(row[2]), float(row[3])

    def write(self, *pairs: int) -> None:
        self.bus.transfer(0x76, bytes(pairs))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x76, bytes([register]), length)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def frame(pressure: int, temperature: int) -> bytes:
    return b"\x94" + temperature.to_bytes(3, "little") + pressure.to_bytes(3, "little")


# The driver against the data sheet.


def test_the_driver_gives_the_worked_example() -> None:
    pressure_pa, temperature_c = compensate(
        WORDS, np.array([float(RAW_P)]), np.array([float(RAW_T)])
    )
    assert pressure_pa[0] == pytest.approx(PRESSURE_PA, abs=1e-3)
    assert temperature_c[0] == pytest.approx(TEMPERATURE_C, abs=1e-5)
    data = RAW_P.to_bytes(3, "little") + RAW_T.to_bytes(3, "little")
    assert decode_sample(data).tolist() == [[RAW_P, RAW_T]]


def test_factory_words_are_held_against_their_crc() -> None:
    memory = memory_of(tuple(WORDS))
    assert decode_trimming(memory) == WORDS
    for byte in range(len(memory)):
        for bit in (0x01, 0x80):
            damaged = bytearray(memory)
            damaged[byte] ^= bit
            with pytest.raises(ChecksumError, match="CRC of the factory words"):
                decode_trimming(bytes(damaged))
    with pytest.raises(ProtocolError, match="22 bytes, got 21"):
        decode_trimming(memory[:21])


@given(st.lists(st.tuples(WORD, WORD), max_size=73))
def test_a_burst_is_decoded_as_its_frames_one_by_one(samples: list[tuple[int, int]]) -> None:
    found = decode_fifo(b"".join(frame(*each) for each in samples))
    assert found.counts.dtype == np.int32
    assert [tuple(row) for row in found.counts.tolist()] == samples
    assert not found.changed


def test_frames_that_are_no_samples_are_told_apart() -> None:
    one, two = frame(1, 2), frame(3, 4)
    found = decode_fifo(b"\x48\x00" + one + b"\x44\x00" + two + b"\x80\x00" + b"\x94")
    assert found.counts.tolist() == [[1, 2], [3, 4]]
    assert found.changed
    assert found.failed
    for data, text in (
        (one + b"\x90\x01\x02\x03", "byte 7 of 11 from the FIFO is 0x90"),
        (one + two[:5], "byte 7 of 12 from the FIFO is 0x94"),
    ):
        with pytest.raises(ProtocolError, match=text):
            decode_fifo(data)


def test_a_count_at_an_end_of_its_range_is_flagged() -> None:
    for counts in ([[0, 5]], [[5, 0xFFFFFF]]):
        assert is_saturated(np.array(counts, np.int32))
    assert not is_saturated(np.array([[1, 0xFFFFFE]], np.int32))


# The twin against the data sheet.


def test_the_twin_inverts_the_worked_example(bench: Bench) -> None:
    words = tuple(WORDS)
    assert temperature_counts(words, np.array([TEMPERATURE_C]))[0] == pytest.approx(RAW_T, abs=1)
    counts = pressure_counts(words, np.array([TEMPERATURE_C]), np.array([PRESSURE_PA]))
    assert counts[0] == pytest.approx(RAW_P, abs=1)
    assert memory_of(words)[1:] == struct.pack("<HHbhhbbHHbbhbb", *words)
    signals = bench.twin._signals
    signals.words = words
    signals._offset_pa = signals._offset_pa_per_k = signals._offset_c = 0.0
    bench.world.ambient["temperature"] = TEMPERATURE_C
    bench.put("pressure", PRESSURE_PA)
    bench.write(0x1C, 0x2D, 0x1B, 0x13)
    bench.clock.sleep(0.2)
    data = bench.read(0x04, 6)
    assert int.from_bytes(data[:3], "little") == pytest.approx(RAW_P, abs=4 * 0.4 / 0.015)
    assert int.from_bytes(data[3:], "little") == pytest.approx(RAW_T, abs=4 * 0.0005 / 1.7e-5)


def test_the_twin_has_the_map_s_reset_values(bench: Bench) -> None:
    bench.clock.sleep(1.0)
    assert bench.read(0x00) == b"\x60"
    assert bench.read(0x02, 8) == bytes.fromhex("0010 000080 000080")
    assert bench.read(0x10) + bench.read(0x10) == b"\x01\x00"
    assert bench.read(0x15, 11) == bytes.fromhex("0100 02 02 02 00 00 02 00 00 00")


def test_flags_go_when_the_highest_byte_of_their_data_is_read(bench: Bench) -> None:
    bench.write(0x1B, 0x13)
    assert bench.read(0x03)[0] & 0x60 == 0x00
    bench.clock.sleep(0.012)
    assert bench.read(0x03)[0] & 0x60 == 0x60
    bench.read(0x04, 2)
    assert bench.read(0x03)[0] & 0x60 == 0x60
    bench.read(0x04, 3)
    assert bench.read(0x03)[0] & 0x60 == 0x40
    assert bench.read(0x1B) == b"\x03"


def test_a_rate_that_does_not_fit_its_oversampling_samples_nothing(bench: Bench) -> None:
    bench.write(0x1C, 0x05, 0x1D, 0x00, 0x1B, 0x33)
    assert bench.read(0x02) + bench.read(0x02) == b"\x04\x00"
    bench.clock.sleep(1.0)
    assert bench.read(0x03)[0] & 0x60 == 0x00
    with pytest.raises(SetpointError, match="rate can't be 200 Hz with oversampling 32"):
        Bmp390.stream(rate=200.0, oversampling=32)


def test_a_command_that_it_does_not_know_or_that_comes_too_soon_is_an_error(bench: Bench) -> None:
    bench.write(0x7E, 0x12)
    assert bench.read(0x02) == b"\x02"
    bench.write(0x7E, 0xB6)
    assert bench.read(0x03)[0] & 0x10 == 0x00
    bench.write(0x7E, 0xB0)
    assert bench.read(0x02) == b"\x02"
    bench.clock.sleep(0.002)
    assert bench.read(0x03)[0] & 0x10


def test_the_fifo_has_frames_of_what_is_stored_and_the_time_behind_them(bench: Bench) -> None:
    for control, header, length in ((0x1D, 0x94, 7), (0x0D, 0x84, 4), (0x15, 0x90, 4)):
        bench.write(0x1C, 0x00, 0x17, control, 0x18, 0x01, 0x15, 2 * length, 0x19, 0x0A, 0x1B, 0x33)
        bench.clock.sleep(0.0249)  # 5 samples, every other of them is stored
        assert bench.read(0x12) == bytes([3 * length])
        assert bench.read(0x11) + bench.read(0x11) == b"\x01\x00"
        data = bench.read(0x14, 3 * length - 1)  # the last frame is cut off: it stays
        assert data[::length] == bytes([header]) * 3
        data = bench.read(0x14, length + 8)
        assert data[0] == header
        assert data[length] == 0xA0
        assert data[length + 4 :] == b"\x80\x00\x80\x00"
        bench.write(0x17, 0x00, 0x1B, 0x00)


def test_a_full_fifo_stops_or_loses_its_oldest(bench: Bench) -> None:
    found = []
    for control in (0x1B, 0x19):
        bench.write(0x1C, 0x00, 0x17, control, 0x18, 0x00, 0x1B, 0x33)
        bench.clock.sleep(0.05)
        bench.put("pressure", 50_000.0)
        bench.clock.sleep(100.0)
        bench.put("pressure", 101_325.0)
        assert bench.read(0x12, 2) == (511).to_bytes(2, "little")
        counts = decode_fifo(bench.read(0x14, 511)).counts[:, 0]
        found.append(bool(abs(int(counts[0]) - int(counts[-1])) > 1_000_000))
        bench.write(0x17, 0x00, 0x1B, 0x00)
    assert found == [True, False]


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.write(0x00, 0x12, 0x1A, 0x02, 0x1F, 0x10)
    bench.write(0x7E, 0x34)
    bench.read(0x50)
    assert list(bench.twin.beyond) == [
        "write 0x12 to 0x00", "write 0x02 to 0x1a", "write 0x10 to 0x1f", "command 0x34",
        "read from 0x50",
    ]  # fmt: skip


# Driver and twin.


@pytest.mark.parametrize("mode", ["continuous", "one shot"])
@pytest.mark.parametrize("pressure_pa", [30_000.0, 125_000.0])
@pytest.mark.parametrize("temperature_c", [-40.0, 85.0])
def test_the_driver_reads_what_the_place_has_at_the_ends(
    bench: Bench, mode: str, pressure_pa: float, temperature_c: float
) -> None:
    bench.put("pressure", pressure_pa)
    bench.put("temperature", temperature_c)
    bench.part.prepare(mode=mode)
    found_pa, found_c = bench.sample()
    assert found_pa == pytest.approx(pressure_pa, abs=200.0)
    assert found_c == pytest.approx(temperature_c, abs=1.0)


def test_noise_falls_with_oversampling_and_filter_to_the_data_sheet_s() -> None:
    found = []
    for oversampling, filtered in ((1, 0), (32, 0), (32, 127)):
        bench = Bench()
        settings = {"oversampling": oversampling, "filter": filtered}
        bench.part.prepare(rate=6.25, temperature_oversampling=32, **settings)
        bench.part.open_stream()
        rows = []
        for _ in range(40):
            bench.clock.sleep(10.0)
            rows.append(bench.part.drain().values[:, 2] / 1000)
        found.append(float(np.std(np.concatenate(rows)[-2000:])))
    assert found == pytest.approx([1.8, 0.32, 0.02], rel=0.25)


def test_the_filter_remembers_from_one_request_to_the_next(bench: Bench) -> None:
    bench.part.prepare(mode="one shot", filter=3)
    before_pa = bench.sample()[0]
    bench.put("pressure", before_pa - 1000.0)
    moved = [before_pa - bench.sample()[0] for _ in range(3)]
    assert moved == pytest.approx([1000 * (1 - 0.75**n) for n in (1, 2, 3)], abs=20.0)
    bench.part.prepare(mode="one shot", filter=3)
    assert before_pa - bench.sample()[0] == pytest.approx(1000.0, abs=20.0)


@pytest.mark.parametrize("rate", [200.0, 50.0, 3.125])
def test_a_minute_of_stream_loses_and_repeats_nothing(rate: float) -> None:
    found = []
    for pauses in ((0.01, 0.29, 0.15), (0.3,)):
        bench = Bench()
        bench.part.prepare(rate=rate, filter=7)
        bench.part.open_stream()
        rows: list[Any] = []
        since_s = bench.clock.now()
        while bench.clock.now() < since_s + 60.0:
            bench.clock.sleep(pauses[len(rows) % len(pauses)])
            block = bench.part.drain()
            assert not block.overflow
            rows.append(block.values)
        found.append(np.concatenate(rows))
        assert len(found[-1]) == pytest.approx(rate * (bench.clock.now() - since_s), rel=0.03)
        assert not bench.twin.beyond
    length = min(map(len, found))
    assert (found[0][:length] == found[1][:length]).all()


def test_a_stream_gives_counts_and_what_they_mean_in_one_burst(bench: Bench) -> None:
    bench.part.prepare(rate=50.0)
    bench.part.open_stream()
    bench.clock.sleep(1.4)
    sent: list[int] = []
    transfer = bench.bus.transfer

    def counted(address: int, write: bytes, read_length: int = 0) -> bytes:
        sent.append((1 + len(write) + (1 + read_length if read_length else 0)) * 9)
        return transfer(address, write, read_length)

    bench.bus.transfer = counted  # type: ignore[method-assign]
    block = bench.part.drain()
    declared = Bmp390.stream(rate=50.0)
    rows = block.values * declared.scale
    words = decode_trimming(bench.read(0x30, 22))
    again = np.column_stack(compensate(words, rows[:, 0], rows[:, 1]))
    assert rows[:, 2:] == pytest.approx(again, abs=0.001)
    best = 6 * 8 / (7 * 9)  # a frame has a header, a byte an acknowledge
    assert len(block.values) * 6 * 8 / sum(sent) > 0.9 * best


def test_an_overrun_is_flagged_and_the_newest_samples_are_there(bench: Bench) -> None:
    bench.part.prepare(rate=50.0)
    bench.part.open_stream()
    bench.clock.sleep(1.0)
    assert not bench.part.drain().overflow
    bench.put("pressure", 50_000.0)
    bench.clock.sleep(1000.0)
    bench.put("pressure", 90_000.0)
    bench.clock.sleep(0.5)
    block = bench.part.drain()
    assert block.overflow
    assert block.values[[0, -1], 2] / 1000 == pytest.approx([50_000, 90_000], abs=200)
    bench.clock.sleep(0.5)
    assert not bench.part.drain().overflow


def test_a_stream_whose_settings_somebody_changes_is_no_stream(bench: Bench) -> None:
    bench.part.prepare(rate=50.0, oversampling=1)
    bench.part.open_stream()
    bench.clock.sleep(0.2)
    bench.part.drain()
    bench.write(0x1C, 0x01)
    with pytest.raises(SettingsLost, match="register 0x1c is 0x01, 0x00 was written"):
        bench.part.drain()
    bench.write(0x1C, 0x00)  # back again, and yet not unseen
    with pytest.raises(SettingsLost, match="the FIFO says that the settings were changed"):
        bench.part.drain()


def test_a_pressure_beyond_the_part_is_an_error_and_a_flag(bench: Bench) -> None:
    bench.part.prepare(rate=50.0)
    for pressure_pa in (25_000.0, 130_000.0):
        bench.put("pressure", pressure_pa)
        with pytest.raises(Saturated, match="measures 30000 to 125000 Pa"):
            bench.sample()
    bench.part.open_stream()
    bench.clock.sleep(0.5)
    assert bench.part.drain().saturated


def test_both_chips_are_told_apart_and_others_refused() -> None:
    assert str(Bench().part.identify()) == "Bosch Sensortec BMP390"
    assert str(Bench(chip="BMP388").part.identify()) == "Bosch Sensortec BMP388"
    with pytest.raises(WrongDevice, match="0x5a; a BMP390 has 0x60, a BMP388 has 0x50"):
        Bench("identity").part.identify()
    with pytest.raises(ValueError, match="allowed: BMP390, BMP388"):
        Bench(chip="BMP380")


def test_a_part_whose_factory_words_are_damaged_is_refused() -> None:
    with pytest.raises(ChecksumError, match="Replace the part"):
        Bench("memory").part.prepare()


def test_reading_too_early_or_while_it_streams_is_refused(bench: Bench) -> None:
    bench.part.prepare(mode="one shot")
    bench.part.start()
    bench.clock.sleep(0.001)
    with pytest.raises(NotReady, match="no new sample"):
        bench.part.read()
    with pytest.raises(SetpointError, match="has no stream"):
        bench.part.open_stream()
    bench.part.prepare()
    bench.part.open_stream()
    with pytest.raises(BenchError, match="close_stream"):
        bench.part.start()


def test_a_part_that_stands_still_is_no_empty_stream(bench: Bench) -> None:
    bench.part.prepare(rate=50.0)
    bench.part.open_stream()
    transfer = bench.bus.transfer
    bench.bus.transfer = lambda address, write, length=0: (  # type: ignore[method-assign]
        bytes(length) if write == b"\x12" else transfer(address, write, length)
    )
    assert not len(bench.part.drain().values)
    bench.clock.sleep(10.0)
    with pytest.raises(NotReady, match="the FIFO got no sample for 10 s"):
        bench.part.drain()


def test_every_unit_has_its_sample_when_start_said_so() -> None:
    for seed in range(12):
        bench = Bench(seed=seed)
        for settings in (
            {"rate": RATES_HZ[0]},
            {"mode": "one shot", "temperature_oversampling": OVERSAMPLING[-1]},
            {"filter": FILTERS[-1]},
        ):
            bench.part.prepare(**settings)
            for _ in range(2):
                bench.sample()
