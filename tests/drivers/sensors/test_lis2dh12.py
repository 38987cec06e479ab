"""LIS2DH12: driver and twin against the reference, then against each other."""

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
from sensorbench.sensors.lis2dh12.codec import (
    MODES,
    decode_samples,
    decode_temperature,
    is_saturated,
)
from sensorbench.sensors.lis2dh12.driver import RATES_HZ, Lis2dh12
from sensorbench.sensors.lis2dh12.twin import SimLis2dh12
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

G = 9.80665
EXAMPLE = bytes.fromhex("4006 80f3 803e")  # 1600, -3200, 16000: 100, -200 and 1000 mg
CONTROL = {"high resolution": (0x57, 0x88), "normal": (0x57, 0x80), "low power": (0x5F, 0x80)}


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
        self.twin = SimLis2dh12(Place(self.world, "7"))
        self.bus.attach(0x19, self.twin)
        self.part = Lis2dh12(self.bus, 0x19, self.clock)

    def put(self, where: str, value: Any) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def without_errors(self) -> None:
        """Let the twin have no errors but its noise."""
        triad = self.twin._triad
        for name in ("_offset", "_offset_per_k", "_ageing", "_gain_per_k"):
            setattr(triad, name, np.zeros(3))
        triad._matrix = np.eye(3)

    def sample(self) -> np.ndarray[Any, Any]:
        self.clock.sleep(self.part.start())
        return np.asarray(self.part.read().values[0])

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(0x19, bytes([register | 0x80, *values]))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x19, bytes([register | 0x80]), length)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


def test_the_driver_decodes_the_worked_example() -> None:
    shift, mg = MODES["high resolution"]
    assert (decode_samples(EXAMPLE, shift)[0] * mg[0]).tolist() == [100, -200, 1000]


@pytest.mark.parametrize("shift", [4, 6, 8])
@given(data=st.data())
def test_samples_are_decoded_with_their_signs(shift: int, data: st.DataObject) -> None:
    half = 1 << 15 - shift
    digits = st.integers(-half, half - 1)
    rows = data.draw(st.lists(st.tuples(digits, digits, digits), max_size=32))
    words = b"".join((d << shift).to_bytes(2, "little", signed=True) for row in rows for d in row)
    assert [tuple(row) for row in decode_samples(words, shift).tolist()] == rows


def test_a_broken_sample_names_what_came() -> None:
    with pytest.raises(ProtocolError, match="7 bytes are no whole number"):
        decode_samples(EXAMPLE + b"\x00", 4)


def test_the_temperature_is_a_kelvin_a_digit_of_its_high_byte() -> None:
    assert [decode_temperature(bytes((0, high))) for high in (0x00, 0x05, 0xF6)] == [25, 30, 15]


@pytest.mark.parametrize(("shift", "word"), [(4, 0x7FF0), (6, 0x7FC0), (8, 0x7F00), (4, 0x8000)])
def test_a_digit_at_an_end_of_its_range_is_flagged(shift: int, word: int) -> None:
    data = bytes(4) + word.to_bytes(2, "little")
    assert is_saturated(decode_samples(data, shift), shift)
    assert not is_saturated(decode_samples(EXAMPLE, shift), shift)


# The twin against the data sheet.


def test_the_twin_gives_the_words_of_the_worked_example(bench: Bench) -> None:
    bench.without_errors()
    bench.put("acceleration", (0.1 * G, -0.2 * G, 1.0 * G))
    bench.write(0x24, 0x40)
    bench.write(0x2E, 0x80)
    bench.write(0x23, 0x08)
    bench.write(0x20, 0x57)
    bench.clock.sleep(0.35)
    level = bench.read(0x2F)[0] & 0x1F
    words = np.frombuffer(bench.read(0x28, 6 * level), "<i2").reshape(-1, 3)
    assert level > 20
    assert words.mean(axis=0).tolist() == pytest.approx([1600, -3200, 16000], abs=25)
    assert not (words & 0x0F).any()
    assert bench.twin._packed(np.array([[0.1, -0.2, 1.0]]) * G).tobytes() == EXAMPLE


def test_the_twin_has_the_map_s_reset_values(bench: Bench) -> None:
    assert bench.read(0x0F) == b"\x33"
    assert bench.read(0x1E, 8) == bytes.fromhex("1000070000000000")
    assert bench.read(0x2E, 2) == bytes.fromhex("0020")


def test_without_bit_7_a_burst_is_one_register_again(bench: Bench) -> None:
    assert bench.bus.transfer(0x19, b"\x0f", 3) == b"\x33\x33\x33"
    assert bench.bus.transfer(0x19, b"\x9e", 3) == bytes.fromhex("100007")
    bench.bus.transfer(0x19, bytes.fromhex("23 10 20"))
    assert bench.read(0x23, 2) == bytes.fromhex("2000")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", range(4))
def test_each_mode_and_range_has_its_digit(bench: Bench, mode: str, code: int) -> None:
    first, fourth = CONTROL[mode]
    bench.write(0x23, fourth | code << 4)
    bench.write(0x20, first)
    shift, mg = MODES[mode]
    found = bench.twin._packed(np.array([[0.96 * G, 0.0, -0.96 * G]])).view("<i2")[0] >> shift
    assert found.tolist() == [960 // mg[code], 0, -960 // mg[code]]
    ends = bench.twin._packed(np.array([[40 * G, 0.0, -40 * G]])).view("<i2")[0] >> shift
    assert ends.tolist() == [(1 << 15 - shift) - 1, 0, -(1 << 15 - shift)]


def test_big_endian_words_are_swapped(bench: Bench) -> None:
    bench.write(0x23, 0x48)
    found = bench.twin._packed(np.array([[0.1, -0.2, 1.0]]) * G).tobytes()
    assert found == bytes.fromhex("0640 f380 3e80")


def test_flags_go_with_the_high_bytes_and_tell_what_was_missed(bench: Bench) -> None:
    bench.write(0x20, 0x57)
    bench.clock.sleep(0.0115)
    assert bench.read(0x27) == b"\x0f"
    bench.read(0x28, 2)
    assert bench.read(0x27) == b"\x06"
    bench.clock.sleep(0.03)
    assert bench.read(0x27) == b"\xff"
    bench.read(0x28, 6)
    assert bench.read(0x27) == b"\x00"


@pytest.mark.parametrize("holds", [True, False])
def test_a_word_that_is_half_read_holds_still_with_bdu(bench: Bench, holds: bool) -> None:
    bench.write(0x23, 0x88 if holds else 0x08)
    bench.put("acceleration", (G, 0.0, 0.0))
    bench.write(0x20, 0x57)
    bench.clock.sleep(0.5)
    low = bench.read(0x28)
    bench.put("acceleration", (-G, 0.0, 0.0))
    bench.clock.sleep(0.5)
    found = int.from_bytes(low + bench.read(0x29), "little", signed=True)
    assert (found > 0) is holds


def test_into_high_resolution_the_first_samples_take_longer(bench: Bench) -> None:
    for control, periods in ((0x88, 7), (0x80, 1)):
        bench.write(0x20, 0x07)
        bench.read(0x28, 6)
        bench.write(0x23, control)
        bench.write(0x20, 0x57)
        bench.clock.sleep(0.01 * (periods - 0.5))
        assert not bench.read(0x27)[0] & 0x08
        bench.clock.sleep(0.01)
        assert bench.read(0x27)[0] & 0x08


def test_a_full_fifo_shows_31_and_its_bit_and_a_burst_wraps(bench: Bench) -> None:
    benches = [bench, Bench()]
    for each in benches:
        each.write(0x24, 0x40)
        each.write(0x2E, 0x8A)
        each.write(0x20, 0x57)
        each.clock.sleep(0.055)
        assert each.read(0x2F)[0] & 0x7F == pytest.approx(5, abs=1)
        each.clock.sleep(0.1)
        assert each.read(0x2F)[0] & 0xC0 == 0x80
        each.clock.sleep(1.0)
        assert each.read(0x2F) == b"\xdf"
    burst = benches[0].read(0x28, 18)
    single = b"".join(benches[1].read(0x28 + n % 6) for n in range(18))
    assert burst == single
    assert [each.read(0x2F) for each in benches] == [b"\x9d"] * 2
    bench.write(0x2E, 0x00)
    assert bench.read(0x2F) == b"\x20"


def test_a_fifo_that_stops_keeps_the_first_samples_whoever_looks() -> None:
    found = []
    for pauses in ([100.0], [0.05, 0.4, 99.55]):
        bench = Bench()
        bench.write(0x24, 0x40)
        bench.write(0x2E, 0x40)
        bench.write(0x20, 0x57)
        for pause_s in pauses:
            bench.clock.sleep(pause_s)
            bench.read(0x2F)
        found.append(bench.read(0x28, 192))
    assert found[0] == found[1]


def test_a_boot_ends_by_itself_and_keeps_the_settings(bench: Bench) -> None:
    bench.write(0x20, 0x57)
    bench.write(0x24, 0x80)
    assert bench.read(0x24) == b"\x80"
    bench.clock.sleep(0.006)
    assert bench.read(0x24) == b"\x00"
    assert bench.read(0x20) == b"\x57"


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.write(0x21, 0x00)  # as it is
    bench.write(0x21, 0x08)
    bench.write(0x0F, 0x00)
    bench.write(0x23, 0x08)
    bench.write(0x20, 0x5F)
    bench.read(0x10)
    assert list(bench.twin.beyond) == [
        "write 0x08 to 0x21", "write 0x00 to 0x0f", "low power with high resolution",
        "read from 0x10",
    ]  # fmt: skip


def test_a_part_starts_when_its_supply_comes(bench: Bench) -> None:
    bench.write(0x20, 0x57)
    bench.put("supply", 0.0)
    bench.clock.sleep(1.0)
    with pytest.raises(NotAcknowledged, match="no supply"):
        bench.read(0x0F)
    bench.put("supply", 3.3)
    with pytest.raises(NotAcknowledged, match="booting"):
        bench.read(0x0F)
    bench.clock.sleep(0.006)
    assert bench.read(0x20) == b"\x07"


# Driver and twin.


@pytest.mark.parametrize("range_g", [2, 4, 8, 16])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("felt_g", [(1.5, -1.0, 0.2), (0.0, 0.0, -1.0)])
def test_the_driver_reads_what_the_place_has(
    bench: Bench, range_g: int, mode: str, felt_g: tuple[float, ...]
) -> None:
    bench.put("acceleration", tuple(g * G for g in felt_g))
    bench.part.prepare(range=range_g * G, mode=mode)
    assert bench.sample()[:3] / G == pytest.approx(felt_g, abs=0.3)
    assert not bench.twin.beyond


def test_its_temperature_follows_the_place_s_by_differences(bench: Bench) -> None:
    bench.part.prepare()
    found = []
    for temperature_c in (-20.0, 25.0, 70.0):
        bench.put("temperature", temperature_c)
        found.append(bench.sample()[3])
    assert np.diff(found) == pytest.approx([45.0, 45.0], abs=0.6)


@pytest.mark.parametrize("rate", RATES_HZ)
def test_a_minute_of_stream_loses_and_repeats_nothing(rate: float) -> None:
    found = []
    pause_s = min(0.6, 14 / rate)
    for pauses in ((0.3 * pause_s, 1.4 * pause_s, pause_s), (pause_s,)):
        bench = Bench()
        bench.part.prepare(rate=rate)
        bench.part.open_stream()
        rows: list[Any] = []
        since_s, lasts_s = bench.clock.now(), min(60.0, 5000 / rate)
        while bench.clock.now() < since_s + lasts_s:
            bench.clock.sleep(pauses[len(rows) % len(pauses)])
            block = bench.part.drain()
            assert not block.overflow
            rows.append(block.values)
        found.append(np.concatenate(rows))
        due = rate * (bench.clock.now() - since_s)
        assert len(found[-1]) == pytest.approx(due, rel=0.06, abs=2)
        assert not bench.twin.beyond
    length = min(map(len, found))
    assert (found[0][:length] == found[1][:length]).all()


def test_a_stall_is_an_overrun_and_the_newest_samples_are_there(bench: Bench) -> None:
    bench.part.prepare(rate=400.0)
    bench.part.open_stream()
    bench.clock.sleep(0.04)
    assert not bench.part.drain().overflow
    bench.put("acceleration", (-G, 0.0, 0.0))
    bench.clock.sleep(1000.0)
    bench.put("acceleration", (G, 0.0, 0.0))
    bench.clock.sleep(0.02)
    block = bench.part.drain()
    assert block.overflow
    assert len(block.values) == 32
    assert block.values[-1, 0] == pytest.approx(1000, abs=150)
    assert block.values[0, 0] == pytest.approx(-1000, abs=150)
    bench.clock.sleep(0.04)
    assert not bench.part.drain().overflow


def test_a_full_fifo_comes_in_one_burst(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.part.prepare(rate=400.0)
    bench.part.open_stream()
    bench.clock.sleep(1.0)
    lengths: list[int] = []
    transfer = bench.bus.transfer

    def counted(address: int, write: bytes, read_length: int = 0) -> bytes:
        lengths.append(read_length)
        return transfer(address, write, read_length)

    monkeypatch.setattr(bench.bus, "transfer", counted)
    bench.part.drain()
    assert lengths == [6, 2, 192]


def test_a_stream_that_ends_gives_single_readings_again(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    with pytest.raises(BenchError, match="close_stream"):
        bench.part.start()
    bench.clock.sleep(0.1)
    bench.part.close_stream()
    assert bench.sample()[2] == pytest.approx(G, abs=0.3 * G)


def test_a_saturated_axis_is_an_error_and_flags_a_stream(bench: Bench) -> None:
    bench.part.prepare()
    bench.put("acceleration", (0.0, 3.0 * G, 0.0))
    with pytest.raises(Saturated, match="acceleration_y is saturated"):
        bench.sample()
    bench.part.open_stream()
    bench.clock.sleep(0.1)
    assert bench.part.drain().saturated


def test_a_good_part_passes_its_self_test_and_is_as_before() -> None:
    for seed in range(8):
        bench = Bench(seed=seed)
        bench.part.prepare(range=4 * G, rate=50.0)
        found = bench.part.self_test()
        assert list(found) == list(Lis2dh12.SELF_TEST_LIMITS)
        for name, moved in found.items():
            low, high = Lis2dh12.SELF_TEST_LIMITS[name]
            assert low < moved < high, (seed, name)
        assert bench.read(0x23) == b"\x98"
        bench.sample()
        assert not bench.twin.beyond


def test_a_mass_that_sticks_shows_in_the_self_test() -> None:
    found = Bench("self_test").part.self_test()
    assert all(moved < Lis2dh12.SELF_TEST_LIMITS[name][0] for name, moved in found.items())


def test_what_somebody_left_is_written_back(bench: Bench) -> None:
    bench.write(0x21, 0xFC)
    bench.write(0x24, 0x48)
    bench.write(0x2E, 0x40)
    bench.write(0x20, 0x9F)
    bench.clock.sleep(1.0)
    bench.part.prepare()
    assert bench.sample()[:3] / G == pytest.approx([0.0, 0.0, 1.0], abs=0.3)
    assert bench.read(0x21) == b"\x00"
    assert bench.read(0x2E) == b"\x00"


@pytest.mark.parametrize(
    ("rate", "mode", "allowed"),
    [(1344.0, "low power", "'normal', 'high resolution'"), (1620.0, "normal", "'low power'"),
     (5376.0, "high resolution", "'low power'")],
)  # fmt: skip
def test_a_mode_that_the_rate_does_not_have_is_refused(
    bench: Bench, rate: float, mode: str, allowed: str
) -> None:
    with pytest.raises(SetpointError, match=f"mode can't be '{mode}' at .* Hz; allowed: {allowed}"):
        bench.part.prepare(rate=rate, mode=mode)
    bench.part.prepare(rate=rate)
    assert not bench.twin.beyond


def test_every_unit_has_its_sample_when_start_said_so() -> None:
    for seed in range(15):
        for rate in (1.0, 100.0, 1344.0, 5376.0):
            bench = Bench(seed=seed)
            bench.part.prepare(rate=rate)
            for _ in range(3):
                bench.sample()


def test_reading_too_early_or_without_start_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    with pytest.raises(BenchError, match="start"):
        bench.part.read()
    bench.clock.sleep(1.0)
    bench.part.start()
    bench.clock.sleep(0.001)
    with pytest.raises(NotReady, match="no new sample"):
        bench.part.read()


def test_a_stream_begins_with_nothing_of_before(bench: Bench) -> None:
    bench.part.prepare()
    bench.write(0x24, 0x40)
    bench.write(0x2E, 0x80)
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
        if write == bytes([0xAE]) and read_length:
            return b"\x80\x20"
        return transfer(address, write, read_length)

    monkeypatch.setattr(bench.bus, "transfer", still)
    assert not len(bench.part.drain().values)
    bench.clock.sleep(10.0)
    with pytest.raises(NotReady, match="the FIFO got no sample for 10 s"):
        bench.part.drain()


def test_a_part_that_lost_its_supply_has_lost_its_settings(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.put("supply", 0.0)
    bench.put("supply", 3.3)
    bench.clock.sleep(1.0)
    with pytest.raises(SettingsLost, match="are 070000000000, 570000884000 was written"):
        bench.part.drain()


def test_somebody_who_stops_the_fifo_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    bench.write(0x2E, 0x00)
    with pytest.raises(SettingsLost, match="FIFO_CTRL is 0x00"):
        bench.part.drain()


def test_another_part_is_refused_and_one_that_answers_alike_is_said(bench: Bench) -> None:
    with pytest.raises(WrongDevice, match="0x32, a LIS2DH12 has 0x33"):
        Bench("identity").part.identify()
    assert bench.part.identify().or_models == ("LIS3DH", "LIS2DH")


def test_noise_drift_and_a_part_that_sticks_can_be_had(bench: Bench) -> None:
    bench.world.add_fault("7", Fault("stuck", at_s=200.0, until_s=300.0))
    bench.part.prepare()
    before = bench.sample()[:3]
    bench.clock.sleep(110.0)
    stuck = bench.sample()[:3]
    bench.put("acceleration", (G, 0.0, 0.0))
    assert (bench.sample()[:3] == stuck).all()
    bench.put("acceleration", (0.0, 0.0, G))
    bench.clock.sleep(100.0)
    assert bench.sample()[:3] == pytest.approx(before, abs=0.1 * G)
    noisy = Bench("noise")
    noisy.part.prepare(range=16 * G)
    assert np.std([noisy.sample()[0] for _ in range(50)]) > 0.05 * G
    aged = []
    for each in (Bench(), Bench("drift")):
        each.put("temperature", 125.0)
        each.clock.sleep(1000 * 3600.0)
        each.put("temperature", 25.0)
        each.part.prepare()
        aged.append(each.sample()[:3])
    assert abs(aged[0] - aged[1]).min() > 0.2 * G


def test_it_draws_the_data_sheet_s_current(bench: Bench) -> None:
    assert bench.twin.supply_current_a() == 0.5e-6
    bench.part.prepare(rate=100.0)
    assert bench.twin.supply_current_a() == 20e-6
    bench.part.prepare(rate=100.0, mode="low power")
    assert bench.twin.supply_current_a() == 10e-6
