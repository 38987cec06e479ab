"""MPL3115A2: driver and twin against the reference, then against each other."""

import statistics
from typing import Any

import numpy as np
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
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.mpl3115a2.codec import decode_samples, is_saturated
from sensorbench.sensors.mpl3115a2.driver import CONVERSION_S, Mpl3115a2
from sensorbench.sensors.mpl3115a2.twin import SimMpl3115a2
from sensorbench.sensors.mpl3115a2.twin_signals import (
    altitude_words,
    packed,
    pressure_words,
    temperature_words,
)
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

EXAMPLE = bytes.fromhex("62f340 1980")  # 101325 Pa, 25.5 degC
SAMPLES = st.lists(st.tuples(st.integers(0, 0xFFFFF), st.integers(-0x800, 0x7FF)), max_size=32)


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
        self.twin = SimMpl3115a2(Place(self.world, "7"))
        self.bus.attach(0x60, self.twin)
        self.part = Mpl3115a2(self.bus, 0x60, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        pressure_pa, temperature_c = self.part.read().values[0]
        return float(pressure_pa), float(temperature_c)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(0x60, bytes([register, *values]))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x60, bytes([register]), length)

    def without_errors(self) -> None:
        signals = self.twin._signals
        signals._offset_pa = signals._offset_pa_per_k = signals._offset_c = 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


def test_the_driver_decodes_the_worked_example() -> None:
    assert (decode_samples(EXAMPLE) * (0.25, 0.0625)).tolist() == [[101_325.0, 25.5]]


@given(SAMPLES)
def test_a_burst_is_decoded_as_its_samples_one_by_one(samples: list[tuple[int, int]]) -> None:
    data = b"".join(
        (p << 4).to_bytes(3, "big") + (t << 4).to_bytes(2, "big", signed=True) for p, t in samples
    )
    found = decode_samples(data)
    assert found.dtype == np.int32
    assert [tuple(row) for row in found.tolist()] == samples


def test_a_broken_sample_is_an_error_and_an_end_of_the_range_a_flag() -> None:
    with pytest.raises(ProtocolError, match="7 bytes are no whole number of 5-byte samples"):
        decode_samples(bytes(7))
    assert not is_saturated(decode_samples(EXAMPLE))
    for end in ("fffff0 1980", "000000 1980", "62f340 7ff0", "62f340 8000"):
        assert is_saturated(decode_samples(bytes.fromhex(end)))


# The twin against the data sheet.


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    found = packed(pressure_words(np.array([101_325.0])), temperature_words(np.array([25.5])))
    assert found.tobytes() == EXAMPLE
    below = packed(altitude_words(np.array([-10.25])), temperature_words(np.array([-0.0625])))
    assert below.tobytes() == bytes.fromhex("fff5c0 fff0")
    bench.without_errors()
    bench.world.ambient["temperature"] = 25.5
    bench.put("pressure", 101_325.0)
    bench.write(0x26, 0x3A)
    bench.clock.sleep(0.52)
    data = bench.read(0x01, 5)
    assert int.from_bytes(data[:3], "big") / 64 == pytest.approx(101_325.0, abs=4 * 1.7)
    assert int.from_bytes(data[3:], "big") / 256 == pytest.approx(25.5, abs=0.0625)


def test_the_twin_has_the_map_s_reset_values(bench: Bench) -> None:
    assert bench.read(0x0C) == b"\xc4"
    assert bench.read(0x13, 3) == bytes.fromhex("00c5e7")
    assert bench.read(0x26, 8) == bytes(8)


def test_a_reset_is_not_acknowledged_and_takes_its_time(bench: Bench) -> None:
    bench.write(0x13, 0x07)
    for _ in range(2):  # the write, and whatever comes while it boots
        with pytest.raises(NotAcknowledged, match=r"resets|booting"):
            bench.write(0x26, 0x04)
    bench.clock.sleep(0.002)
    assert bench.read(0x13) == b"\x00"


@pytest.mark.parametrize("code", range(8))
def test_one_shot_takes_the_time_of_its_oversampling(bench: Bench, code: int) -> None:
    lasts_s = CONVERSION_S[1 << code]
    bench.write(0x13, 0x07)
    bench.write(0x26, code << 3 | 0x02)
    bench.clock.sleep(0.97 * lasts_s)
    assert bench.read(0x26)[0] & 0x02
    assert bench.read(0x00) == b"\x00"
    bench.clock.sleep(0.06 * lasts_s)
    assert not bench.read(0x26)[0] & 0x02
    assert bench.read(0x00) == b"\x0e"


@pytest.mark.parametrize(("enabled", "flags"), [(0x07, 0xEE), (0x02, 0x44), (0x01, 0x22)])
def test_ready_and_overwritten_are_those_that_are_enabled(
    bench: Bench, enabled: int, flags: int
) -> None:
    bench.write(0x13, enabled)
    bench.write(0x26, 0x01)
    bench.clock.sleep(5.0)
    assert bench.read(0x00) == bench.read(0x06) == bytes([flags])
    bench.read(0x01, 1)
    assert bench.read(0x00)[0] == flags & 0x22
    bench.read(0x04, 1)
    assert bench.read(0x00) == b"\x00"


def test_addresses_go_on_in_their_circles(bench: Bench) -> None:
    bench.write(0x13, 0x07)
    bench.write(0x26, 0x02)
    bench.clock.sleep(0.1)
    burst = bench.read(0x01, 8)
    assert burst[5] == 0x00  # STATUS, whose flags went with the data
    assert burst[6:8] == burst[:2]
    assert bench.read(0x2D, 2)[1] == 0xC4
    # Without a register number a read begins at STATUS.
    bench.read(0x0C)
    assert bench.bus.transfer(0x60, b"", 3)[1:] == burst[:2]


def test_altitude_and_offsets(bench: Bench) -> None:
    bench.without_errors()
    bench.put("pressure", 89_874.6)  # 1000 m of the standard atmosphere (ISO 2533)
    bench.write(0x2D, 0xF6)  # 10 m less
    bench.write(0x26, 0xBA)
    bench.clock.sleep(0.6)
    height_m = int.from_bytes(bench.read(0x01, 3), "big", signed=True) / 256
    assert height_m == pytest.approx(990.0, abs=1.5)
    bench.write(0x2B, 0x19, 0xF8)  # 100 Pa more, 0.5 K less
    bench.write(0x26, 0x3A)
    bench.clock.sleep(0.6)
    data = bench.read(0x01, 5)
    assert int.from_bytes(data[:3], "big") / 64 == pytest.approx(89_974.6, abs=8)
    assert int.from_bytes(data[3:], "big") / 256 == pytest.approx(22.5, abs=0.07)


def test_the_last_difference_is_kept(bench: Bench) -> None:
    bench.write(0x26, 0x3A)
    bench.clock.sleep(0.6)
    bench.put("pressure", 101_325.0 - 2000.0)
    bench.write(0x26, 0x3A)
    bench.clock.sleep(0.6)
    moved = int.from_bytes(bench.read(0x07, 3), "big", signed=True) / 64
    assert moved == pytest.approx(-2000.0, abs=10.0)


@pytest.mark.parametrize(("setup", "first_pa"), [(0x40, 50_000.0), (0x80, 90_000.0)])
def test_the_fifo_counts_marks_and_overflows(bench: Bench, setup: int, first_pa: float) -> None:
    bench.put("pressure", 90_000.0)
    bench.write(0x0F, setup | 10)
    bench.write(0x26, 0x01)
    bench.clock.sleep(9.5)
    assert bench.read(0x0D) == b"\x4a"
    bench.clock.sleep(11.0)
    bench.put("pressure", 50_000.0)
    bench.clock.sleep(100.0)
    assert bench.read(0x00) == b"\xe0"
    found = decode_samples(bench.read(0x0E, 5) + bench.read(0x01, 5))[:, 0] / 4
    assert found == pytest.approx([first_pa] * 2, abs=800)
    assert bench.read(0x0D)[0] & 0xBF == 30
    bench.write(0x0F, 0x00)
    assert bench.read(0x0D) == b"\x00"


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.write(0x0C, 0x00)
    bench.write(0x16, 0x10)
    bench.write(0x29, 0x80)
    bench.write(0x0F, 0xC0)
    bench.write(0x26, 0x40)
    bench.write(0x26, 0x01)
    bench.write(0x26, 0x39)
    bench.read(0x12)
    assert list(bench.twin.beyond) == [
        "write 0x00 to 0x0c", "write 0x10 to 0x16", "write 0x80 to 0x29", "write 0xc0 to 0x0f",
        "write 0x40 to 0x26", "write 0x39 to 0x26", "read from 0x12",
    ]  # fmt: skip


# Driver and twin.


@pytest.mark.parametrize("mode", ["continuous", "one shot"])
@pytest.mark.parametrize("pressure_pa", [20_000.0, 110_000.0])
@pytest.mark.parametrize("temperature_c", [-40.0, 85.0])
def test_the_driver_reads_what_the_place_has_at_the_ends(
    bench: Bench, mode: str, pressure_pa: float, temperature_c: float
) -> None:
    bench.put("pressure", pressure_pa)
    bench.put("temperature", temperature_c)
    bench.part.prepare(mode=mode)
    found_pa, found_c = bench.sample()
    assert found_pa == pytest.approx(pressure_pa, abs=800.0)
    assert found_c == pytest.approx(temperature_c, abs=1.5)


@pytest.mark.parametrize(("oversampling", "noise_pa"), [(1, 19.0), (128, 1.68)])
def test_noise_falls_with_oversampling(bench: Bench, oversampling: int, noise_pa: float) -> None:
    bench.part.prepare(mode="one shot", oversampling=oversampling)
    found = [bench.sample()[0] for _ in range(200)]
    assert statistics.stdev(found) == pytest.approx(noise_pa, rel=0.2)


def test_a_stream_loses_and_repeats_nothing() -> None:
    found = []
    for pauses in ((0.5, 20.0, 7.3), (11.0,)):
        bench = Bench()
        bench.part.prepare(oversampling=16)
        bench.part.open_stream()
        rows: list[Any] = []
        since_s = bench.clock.now()
        while bench.clock.now() < since_s + 600.0:
            bench.clock.sleep(pauses[len(rows) % len(pauses)])
            block = bench.part.drain()
            assert not block.overflow
            rows.append(block.values)
        found.append(np.concatenate(rows))
        assert len(found[-1]) == pytest.approx(bench.clock.now() - since_s, rel=0.03)
        assert not bench.twin.beyond
    length = min(map(len, found))
    assert (found[0][:length] == found[1][:length]).all()


def test_an_overrun_is_flagged_and_the_newest_samples_are_there(bench: Bench) -> None:
    bench.part.prepare(oversampling=1)
    bench.part.open_stream()
    bench.clock.sleep(20.0)
    assert not bench.part.drain().overflow
    bench.clock.sleep(1000.0)
    bench.put("pressure", 90_000.0)
    bench.clock.sleep(10.0)
    block = bench.part.drain()
    assert block.overflow
    assert block.values[[0, -1], 0] / 4 == pytest.approx([101_325, 90_000], abs=800)
    bench.part.close_stream()
    bench.sample()


def test_offsets_that_somebody_left_are_cleared_and_those_of_now_noticed(bench: Bench) -> None:
    bench.write(0x2B, 0x7F)
    bench.part.prepare(mode="one shot")
    assert bench.sample()[0] == pytest.approx(101_325.0, abs=400.0)
    bench.write(0x2B, 0x7F)
    with pytest.raises(SettingsLost, match="register 0x2b is 0x7f, 0x00 was written"):
        bench.part.start()


def test_a_pressure_beyond_the_part_is_an_error_and_a_flag(bench: Bench) -> None:
    bench.part.prepare()
    for pressure_pa in (15_000.0, 120_000.0):
        bench.put("pressure", pressure_pa)
        with pytest.raises(Saturated, match="measures 20000 to 110000 Pa"):
            bench.sample()
    bench.part.open_stream()
    bench.clock.sleep(3.0)
    assert bench.part.drain().saturated


def test_reading_too_early_or_while_it_streams_is_refused(bench: Bench) -> None:
    bench.part.prepare(mode="one shot")
    bench.part.start()
    bench.clock.sleep(0.4)
    with pytest.raises(NotReady, match="no new sample"):
        bench.part.read()
    with pytest.raises(SetpointError, match="has no stream"):
        bench.part.open_stream()
    bench.part.prepare()
    bench.part.open_stream()
    with pytest.raises(BenchError, match="close_stream"):
        bench.part.start()


def test_a_part_that_stands_still_is_no_empty_stream(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    transfer = bench.bus.transfer
    bench.bus.transfer = lambda address, write, length=0: (  # type: ignore[method-assign]
        bytes(length) if write == b"\x0d" else transfer(address, write, length)
    )
    assert not len(bench.part.drain().values)
    bench.clock.sleep(10.0)
    with pytest.raises(NotReady, match="the FIFO got no sample for 10 s"):
        bench.part.drain()


def test_a_stream_ends_where_the_part_was_reset_or_its_settings_changed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.clock.sleep(10.0)
    bench.put("supply", 0.0)
    bench.put("supply", 3.3)
    bench.clock.sleep(1.0)
    with pytest.raises(SettingsLost, match="register 0x13 is 0x00, 0x07 was written"):
        bench.part.drain()
    bench.part.prepare()
    bench.part.open_stream()
    bench.write(0x26, 0x31)
    for _ in range(15):
        bench.clock.sleep(16.0)
        assert len(bench.part.drain().values)
    bench.clock.sleep(16.0)
    with pytest.raises(SettingsLost, match="register 0x26 is 0x31, 0x39 was written"):
        bench.part.drain()


def test_another_part_and_one_that_is_not_there_are_told(bench: Bench) -> None:
    with pytest.raises(WrongDevice, match="0xc5, an MPL3115A2 has 0xc4"):
        Bench("identity").part.identify()
    bench.bus.detach(0x60)
    with pytest.raises(NotAcknowledged):
        bench.part.prepare()


def test_every_unit_has_its_sample_when_start_said_so() -> None:
    for seed in range(12):
        bench = Bench(seed=seed)
        for settings in ({}, {"mode": "one shot", "oversampling": 1}, {"rate": 1 / 64}):
            bench.part.prepare(**settings)
            for _ in range(2):
                bench.sample()
