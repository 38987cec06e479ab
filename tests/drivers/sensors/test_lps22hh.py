"""LPS22HH: driver and twin against the reference, then against each other."""

import statistics

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
from sensorbench.sensors.lps22hh.codec import decode_fifo, decode_sample, is_saturated
from sensorbench.sensors.lps22hh.driver import RATES_HZ, Lps22hh
from sensorbench.sensors.lps22hh.twin import SimLps22hh
from sensorbench.sensors.lps22hh.twin_signals import packed
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

EXAMPLE = bytes.fromhex("00543f 9209")  # 4150272, 2450: 1013.25 hPa, 24.5 degC


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
        self.twin = SimLps22hh(Place(self.world, "7"))
        self.bus.attach(0x5C, self.twin)
        self.part = Lps22hh(self.bus, 0x5C, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        pressure_pa, temperature_c = self.part.read().values[0]
        return float(pressure_pa), float(temperature_c)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(0x5C, bytes([register, *values]))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x5C, bytes([register]), length)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


def test_the_driver_decodes_the_worked_example() -> None:
    pressure, temperature = decode_sample(EXAMPLE)
    assert (pressure, temperature) == (4150272, 2450)
    assert pressure * 100 / 4096 == 101_325.0
    assert decode_fifo(2 * EXAMPLE).tolist() == [[4150272, 2450]] * 2


@given(
    st.lists(
        st.tuples(st.integers(-(1 << 23), (1 << 23) - 1), st.integers(-32768, 32767)), max_size=130
    )
)
def test_a_burst_is_decoded_as_its_samples_one_by_one(samples: list[tuple[int, int]]) -> None:
    data = b"".join(
        p.to_bytes(3, "little", signed=True) + t.to_bytes(2, "little", signed=True)
        for p, t in samples
    )
    found = decode_fifo(data)
    assert found.dtype == np.int32
    assert [tuple(row) for row in found.tolist()] == samples


@pytest.mark.parametrize("length", [0, 4, 6])
def test_another_length_names_what_came(length: int) -> None:
    with pytest.raises(ProtocolError, match=f"got {length}"):
        decode_sample(bytes(length))
    if length:
        with pytest.raises(ProtocolError, match="no whole number of 5-byte samples"):
            decode_fifo(bytes(length))


@pytest.mark.parametrize("sample", ["ffff7f 9209", "000080 9209", "00543f ff7f", "00543f 0080"])
def test_a_count_at_an_end_of_its_range_is_flagged(sample: str) -> None:
    good = decode_fifo(EXAMPLE)
    assert not is_saturated(good)
    assert is_saturated(np.concatenate((good, decode_fifo(bytes.fromhex(sample)))))


# The twin against the data sheet.


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    signals = bench.twin._signals
    signals._offset_pa = signals._offset_pa_per_k = signals._offset_c = 0.0
    bench.world.ambient["temperature"] = 24.5
    bench.put("temperature", 24.5)
    bench.put("pressure", 101_325.0)
    bench.write(0x11, 0x13)
    bench.clock.sleep(0.015)
    data = bench.read(0x28, 5)
    assert int.from_bytes(data[:3], "little") == pytest.approx(4150272, abs=4 * 41 * 1.65)
    assert int.from_bytes(data[3:], "little") == pytest.approx(2450, abs=8)
    assert packed(np.array([4150272]), np.array([2450])).tobytes() == EXAMPLE
    assert packed(np.array([-1]), np.array([-2])).tobytes() == bytes.fromhex("ffffff feff")


def test_the_twin_has_the_map_s_reset_values_and_its_identity(bench: Bench) -> None:
    assert bench.read(0x0F) == b"\xb3"
    assert bench.read(0x10, 5) == bytes.fromhex("0010000000")
    assert bench.read(0x8F) == b"\xb3"  # the register number has 7 bits


def test_a_reset_and_a_boot_end_by_themselves(bench: Bench) -> None:
    bench.write(0x10, 0x72)
    bench.write(0x11, 0x14)
    assert bench.read(0x11)[0] & 0x04
    bench.clock.sleep(0.001)
    assert bench.read(0x10, 2) == bytes.fromhex("0010")
    bench.write(0x11, 0x90)
    assert bench.read(0x11)[0] & 0x80
    assert bench.read(0x24) == b"\x80"
    bench.clock.sleep(0.003)
    assert bench.read(0x11) == b"\x10"
    assert bench.read(0x24) == b"\x00"


def test_without_auto_increment_a_burst_is_one_register_again(bench: Bench) -> None:
    bench.write(0x11, 0x00)
    assert bench.read(0x0F, 3) == b"\xb3\xb3\xb3"


def test_one_shot_takes_one_sample_and_its_bit_goes(bench: Bench) -> None:
    bench.write(0x11, 0x11)
    assert bench.read(0x27) == b"\x00"
    assert bench.read(0x11)[0] & 0x01
    bench.clock.sleep(0.010)
    assert bench.read(0x11) == b"\x10"
    assert bench.read(0x27) == b"\x03"
    bench.read(0x28, 5)
    bench.clock.sleep(10.0)
    assert bench.read(0x27) == b"\x00"


def test_flags_go_with_the_highest_byte_and_tell_what_was_missed(bench: Bench) -> None:
    bench.write(0x10, 0x32)
    bench.clock.sleep(0.045)
    assert bench.read(0x27) == b"\x03"
    bench.read(0x28, 3)
    assert bench.read(0x27) == b"\x02"
    bench.clock.sleep(0.040)
    assert bench.read(0x27) == b"\x23"
    bench.read(0x28, 5)
    assert bench.read(0x27) == b"\x00"


@pytest.mark.parametrize("holds", [True, False])
def test_a_word_that_is_half_read_holds_still_with_bdu(bench: Bench, holds: bool) -> None:
    bench.write(0x10, 0x72 if holds else 0x70)
    bench.put("pressure", 50_000.0)
    bench.clock.sleep(0.1)
    low = bench.read(0x28, 2)
    bench.put("pressure", 100_000.0)
    bench.clock.sleep(0.1)
    high = bench.read(0x2A)
    found_pa = int.from_bytes(low + high, "little") / 40.96
    assert (abs(found_pa - 50_000.0) < 200.0) is holds
    assert int.from_bytes(bench.read(0x28, 3), "little") / 40.96 == pytest.approx(1e5, abs=200)


@pytest.mark.parametrize("code", range(1, 8))
def test_the_fifo_fills_at_each_rate_and_says_so(code: int) -> None:
    bench = Bench()
    rate_hz = RATES_HZ[code - 1]
    bench.write(0x14, 20)
    bench.write(0x13, 0x02)
    bench.write(0x10, code << 4)
    bench.clock.sleep(10 / rate_hz)
    level, flags = bench.read(0x25, 2)
    assert level == pytest.approx(10, abs=1)
    assert flags == 0x00
    bench.clock.sleep(20 / rate_hz)
    assert bench.read(0x26) == b"\x80"
    bench.clock.sleep(127 / rate_hz)
    assert bench.read(0x25, 2) == bytes([128, 0xE0])
    bench.read(0x78, 5)
    assert bench.read(0x25, 2) == bytes([127, 0x80])


def test_a_fifo_that_stops_keeps_the_first_samples_whoever_looks() -> None:
    found = []
    for pauses in ([1000.0], [0.3, 0.2, 999.5]):
        bench = Bench()
        bench.write(0x13, 0x01)
        bench.write(0x10, 0x72)
        for pause_s in pauses:
            bench.clock.sleep(pause_s)
            assert not bench.read(0x26)[0] & 0x40
        assert bench.read(0x25) == b"\x80"
        found.append(bench.read(0x78, 640))
    assert found[0] == found[1]


def test_a_fifo_may_stop_at_its_watermark_and_bypass_empties_it(bench: Bench) -> None:
    bench.write(0x14, 16)
    bench.write(0x13, 0x09)
    bench.write(0x10, 0x72)
    bench.clock.sleep(10.0)
    assert bench.read(0x25) == b"\x10"
    bench.write(0x13, 0x00)
    assert bench.read(0x25, 2) == b"\x00\x00"


def test_the_fifo_s_window_wraps_and_gives_byte_by_byte_what_a_burst_gives() -> None:
    benches = [Bench(), Bench()]
    for bench in benches:
        bench.write(0x13, 0x02)
        bench.write(0x10, 0x72)
        bench.clock.sleep(0.1)
    burst = benches[0].read(0x78, 15)
    single = b"".join(benches[1].read(0x78 + n % 5) for n in range(15))
    assert burst == single
    assert benches[0].read(0x25) == benches[1].read(0x25)


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.write(0x0B, 0x80)
    bench.write(0x0F, 0x00)
    bench.read(0x40)
    bench.write(0x13, 0x07)
    assert list(bench.twin.beyond) == [
        "write 0x80 to 0x0b", "write 0x00 to 0x0f", "read from 0x40", "write 0x07 to 0x13",
    ]  # fmt: skip
    assert bench.read(0x0F) == b"\xb3"


def test_a_part_starts_when_its_supply_comes(bench: Bench) -> None:
    bench.write(0x10, 0x72)
    bench.put("supply", 0.0)
    bench.clock.sleep(1.0)
    with pytest.raises(NotAcknowledged, match="no supply"):
        bench.read(0x0F)
    bench.put("supply", 3.3)
    with pytest.raises(NotAcknowledged, match="booting"):
        bench.read(0x0F)
    bench.clock.sleep(0.003)
    assert bench.read(0x10, 2) == bytes.fromhex("0010")


# Driver and twin.


@pytest.mark.parametrize("pressure_pa", [26_000.0, 101_325.0, 126_000.0])
@pytest.mark.parametrize("temperature_c", [-40.0, 25.0, 85.0])
@pytest.mark.parametrize("mode", ["continuous", "one shot"])
def test_the_driver_reads_what_the_place_has(
    bench: Bench, pressure_pa: float, temperature_c: float, mode: str
) -> None:
    bench.put("pressure", pressure_pa)
    bench.put("temperature", temperature_c)
    bench.part.prepare(mode=mode)
    found_pa, found_c = bench.sample()
    assert found_pa == pytest.approx(pressure_pa, abs=200.0)
    assert found_c == pytest.approx(temperature_c, abs=3.0)
    assert not bench.twin.beyond


@pytest.mark.parametrize(
    ("settings", "noise_pa"),
    [
        ({"filter": "rate / 20"}, 0.65),
        ({"filter": "rate / 20", "low_noise": "off"}, 1.7),
        ({"filter": "off", "low_noise": "off"}, 4.3),
    ],
)
def test_noise_is_the_data_sheet_s(bench: Bench, settings: dict[str, str], noise_pa: float) -> None:
    bench.part.prepare(rate=75.0, **settings)
    bench.part.open_stream()
    rows = []
    for _ in range(40):
        bench.clock.sleep(1.0)
        rows.append(bench.part.drain().values)
    found = np.concatenate(rows)[100:, 0] * 100 / 4096
    assert float(np.std(found)) == pytest.approx(noise_pa, rel=0.15)


def test_the_filter_lags_behind_a_step(bench: Bench) -> None:
    bench.put("pressure", 80_000.0)
    bench.part.prepare(rate=100.0, filter="rate / 20")
    bench.clock.sleep(1.0)
    bench.part.open_stream()
    bench.put("pressure", 90_000.0)
    bench.clock.sleep(0.3)
    found = bench.part.drain().values[:, 0] * 100 / 4096
    assert found[0] == pytest.approx(82_700, abs=300)
    assert found[-1] == pytest.approx(90_000, abs=200)
    assert all(np.diff(found[:8]) > 0)


@pytest.mark.parametrize("rate", RATES_HZ)
def test_a_minute_of_stream_loses_and_repeats_nothing(rate: float) -> None:
    found = []
    for pauses in ((0.11, 0.37, 0.05), (0.6,)):
        bench = Bench()
        bench.part.prepare(rate=rate)
        bench.part.open_stream()
        rows, since_s = [], bench.clock.now()
        while bench.clock.now() < since_s + 60.0:
            bench.clock.sleep(pauses[len(rows) % len(pauses)])
            block = bench.part.drain()
            assert not block.overflow
            rows.append(block.values)
        found.append(np.concatenate(rows))
        assert len(found[-1]) == pytest.approx(
            rate * (bench.clock.now() - since_s), rel=0.03, abs=2
        )
        assert not bench.twin.beyond
    length = min(map(len, found))
    assert (found[0][:length] == found[1][:length]).all()


def test_a_stall_is_an_overrun_and_the_newest_samples_are_there(bench: Bench) -> None:
    bench.part.prepare(rate=200.0)
    bench.part.open_stream()
    bench.clock.sleep(0.5)
    assert not bench.part.drain().overflow
    bench.put("pressure", 50_000.0)
    bench.clock.sleep(1000.0)
    bench.put("pressure", 90_000.0)
    bench.clock.sleep(0.1)
    block = bench.part.drain()
    assert block.overflow
    assert len(block.values) == 128
    assert block.values[-1, 0] * 100 / 4096 == pytest.approx(90_000, abs=200)
    assert block.values[0, 0] * 100 / 4096 == pytest.approx(50_000, abs=200)
    bench.clock.sleep(0.1)
    assert not bench.part.drain().overflow


def test_a_stream_uses_nine_tenths_of_the_bus_for_samples() -> None:
    assert 9 * 5 / Lps22hh.stream(rate=200.0).bits > 0.9


def test_a_full_fifo_comes_in_one_burst(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.part.prepare(rate=200.0)
    bench.part.open_stream()
    bench.clock.sleep(0.64)
    lengths: list[int] = []
    transfer = bench.bus.transfer

    def counted(address: int, write: bytes, read_length: int = 0) -> bytes:
        lengths.append(read_length)
        return transfer(address, write, read_length)

    monkeypatch.setattr(bench.bus, "transfer", counted)
    samples = len(bench.part.drain().values)
    assert samples > 120
    assert lengths[:3] == [4, 2, 5 * samples]


@pytest.mark.parametrize("rate", [100.0, 200.0])
def test_low_noise_is_refused_where_the_part_has_none(bench: Bench, rate: float) -> None:
    with pytest.raises(SetpointError, match=r"low_noise can't be 'on'.* up to 75 Hz"):
        bench.part.prepare(rate=rate, low_noise="on")
    bench.part.prepare(rate=75.0, low_noise="on")
    bench.part.prepare(rate=rate)
    assert not bench.twin.beyond


def test_a_part_on_request_has_no_stream(bench: Bench) -> None:
    with pytest.raises(SetpointError, match="no stream"):
        Lps22hh.stream(mode="one shot")
    bench.part.prepare(mode="one shot")
    with pytest.raises(SetpointError, match="no stream"):
        bench.part.open_stream()
    with pytest.raises(BenchError, match="open_stream"):
        bench.part.drain()


@pytest.mark.parametrize("mode", ["continuous", "one shot"])
def test_reading_too_early_is_refused(bench: Bench, mode: str) -> None:
    bench.part.prepare(mode=mode)
    bench.clock.sleep(1.0)
    bench.part.start()
    bench.clock.sleep(0.001)
    with pytest.raises(NotReady, match="no new sample"):
        bench.part.read()


@pytest.mark.parametrize("mode", ["continuous", "one shot"])
def test_every_unit_has_its_sample_when_start_said_so(mode: str) -> None:
    for seed in range(15):
        for settings in ({}, {"low_noise": "off"}, {"rate": 200.0}, {"rate": 1.0}):
            bench = Bench(seed=seed)
            bench.part.prepare(mode=mode, **settings)
            for _ in range(3):
                bench.sample()


def test_a_pressure_beyond_the_part_is_an_error(bench: Bench) -> None:
    bench.part.prepare()
    for pressure_pa in (20_000.0, 130_000.0):
        bench.put("pressure", pressure_pa)
        with pytest.raises(Saturated, match="measures 26000 to 126000 Pa"):
            bench.sample()


def test_somebody_s_offset_outlives_a_reset_and_not_our_preparing(bench: Bench) -> None:
    bench.part.prepare()
    before_pa = bench.sample()[0]
    bench.write(0x18, *(160).to_bytes(2, "little"))  # 10 hPa
    assert bench.sample()[0] == pytest.approx(before_pa - 1000.0, abs=20.0)
    bench.write(0x11, 0x14)
    bench.clock.sleep(0.01)
    assert bench.read(0x18, 2) == b"\xa0\x00"
    bench.part.prepare()
    assert bench.sample()[0] == pytest.approx(before_pa, abs=20.0)


def test_a_stream_begins_with_nothing_of_before(bench: Bench) -> None:
    bench.part.prepare()
    bench.write(0x13, 0x02)
    bench.clock.sleep(10.0)
    bench.part.open_stream()
    block = bench.part.drain()
    assert not block.overflow
    assert not len(block.values)


def test_a_part_that_stands_still_is_no_empty_stream(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    transfer = bench.bus.transfer

    def still(address: int, write: bytes, read_length: int = 0) -> bytes:
        if write == bytes([0x25]) and read_length:
            return b"\x00\x00"
        return transfer(address, write, read_length)

    monkeypatch.setattr(bench.bus, "transfer", still)
    assert not len(bench.part.drain().values)
    bench.clock.sleep(10.0)
    with pytest.raises(NotReady, match="the FIFO got no sample for 10 s"):
        bench.part.drain()


def test_a_part_that_was_reset_has_lost_its_settings(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.put("supply", 0.0)
    bench.put("supply", 3.3)
    bench.clock.sleep(1.0)
    with pytest.raises(SettingsLost, match="CTRL_REG1 and 2 are 0010, 3212 was written"):
        bench.part.drain()
    with pytest.raises(SettingsLost, match="Did the supply dip"):
        bench.part.start()


def test_somebody_who_stops_the_fifo_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.write(0x13, 0x00)
    with pytest.raises(SettingsLost, match="FIFO_CTRL is 0x00"):
        bench.part.drain()


def test_another_part_of_the_family_is_refused() -> None:
    with pytest.raises(WrongDevice, match="0xb1, an LPS22HH has 0xb3"):
        Bench("identity").part.identify()


def test_noise_drift_and_a_part_that_sticks_can_be_had(bench: Bench) -> None:
    bench.world.add_fault("7", Fault("stuck", at_s=200.0, until_s=300.0))
    bench.part.prepare()
    before_pa = bench.sample()[0]
    bench.clock.sleep(110.0)
    assert bench.sample() == (3_500_000 * 100 / 4096, 25.0)
    bench.clock.sleep(100.0)
    assert bench.sample()[0] == pytest.approx(before_pa, abs=20.0)
    noisy = Bench("noise")
    noisy.part.prepare()
    assert statistics.stdev(noisy.sample()[0] for _ in range(50)) > 40.0
    aged = []
    for each in (Bench(), Bench("drift")):
        each.put("temperature", 125.0)
        each.clock.sleep(1000 * 3600.0)
        each.put("temperature", 25.0)
        each.part.prepare()
        aged.append(each.sample()[0])
    assert abs(aged[0] - aged[1]) > 300.0


def test_it_draws_more_while_it_samples(bench: Bench) -> None:
    assert bench.twin.supply_current_a() < 1e-6
    bench.part.prepare(rate=1.0)
    assert 5e-6 < bench.twin.supply_current_a() < 20e-6
    bench.part.prepare(rate=200.0)
    assert bench.twin.supply_current_a() > 5e-4
