"""DPS310 and SPL06: drivers and twins against the reference, then against each other."""

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
from sensorbench.sensors.dps310.codec import (
    EMPTY,
    SCALE,
    Coefficients,
    Pairing,
    compensate,
    decode_coefficients,
    decode_result,
)
from sensorbench.sensors.dps310.driver import RATES_HZ, Dps310
from sensorbench.sensors.dps310.twin import SimDps310, packed, pressure_share
from sensorbench.sensors.spl06.driver import Spl06
from sensorbench.sensors.spl06.twin import SimSpl06
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

OWN = Coefficients(206, -260, 80000, -55000, -2800, 1250, -8900, 140, -1200)
REAL = Coefficients(197, -251, 80432, -52040, -2992, 1478, -10470, 272, -1624)
REAL_BYTES = bytes.fromhex("0c5f0513a30f34b8f45005c6d71a0110f9a8")
# Coefficients, oversampling, raw temperature and pressure, degC, Pa.
EXAMPLES = [
    (OWN, 1, 104858, -150000, 50.9998, 94405.987),
    (OWN, 64, 200000, -300000, 53.01845, 94542.962),
    (REAL, 8, 2454514, -3526768, 20.16099, 100686.661),
]
PARTS = [(Dps310, SimDps310), (Spl06, SimSpl06)]


class Bench:
    def __init__(
        self,
        fault: str = "",
        seed: int = 1,
        driver: type[Dps310] = Dps310,
        twin: type[SimDps310] = SimDps310,
        **options: Any,
    ) -> None:
        self.clock = VirtualClock()
        self.clock.sleep(100.0)
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = twin(Place(self.world, "7"), **options)
        self.bus.attach(0x77, self.twin)
        self.part = driver(self.bus, 0x77, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        row = self.part.read().values[0]
        return float(row[2]), float(row[3])

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(0x77, bytes([register, *values]))

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x77, bytes([register]), length)


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the data sheet.


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_driver_gives_the_worked_examples(example: tuple[Any, ...]) -> None:
    coefficients, oversampling, raw_t, raw_p, temperature_c, pressure_pa = example
    scale = SCALE[oversampling]
    found = compensate(coefficients, np.array([raw_p / scale]), np.array([raw_t / scale]))
    assert found[0][0] == pytest.approx(pressure_pa, abs=1e-3)
    assert found[1][0] == pytest.approx(temperature_c, abs=1e-4)


def test_the_driver_reads_a_real_part_s_coefficients_with_their_signs() -> None:
    assert decode_coefficients(REAL_BYTES) == REAL
    # What a driver without the sign of c10 makes of them: published, and wrong.
    unsigned = REAL._replace(c10=REAL.c10 + (1 << 20))
    found = compensate(unsigned, np.array([-3526768 / SCALE[8]]), np.array([2454514 / SCALE[8]]))
    assert found[0][0] == pytest.approx(-369549.03, abs=0.05)


@pytest.mark.parametrize("data", [b"", bytes(17), bytes(18), b"\xff" * 18])
def test_coefficients_that_are_not_there_are_an_error(data: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"18 bytes, got|nothing is stored there"):
        decode_coefficients(data)


def test_a_pressure_has_the_temperature_before_it_over_the_seams() -> None:
    pairing = Pairing()
    assert pairing.feed(np.array([11, 20, 13, 15], np.int32), lost=False).tolist() == [
        [13, 20],
        [15, 20],
    ]
    assert pairing.feed(np.array([17, 22], np.int32), lost=False).tolist() == [[17, 20]]
    assert pairing.feed(np.array([19], np.int32), lost=False).tolist() == [[19, 22]]
    assert pairing.feed(np.array([21, 24, 23], np.int32), lost=True).tolist() == [[23, 24]]


# The twin against the data sheet.


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_twin_inverts_the_worked_examples(example: tuple[Any, ...]) -> None:
    coefficients, oversampling, raw_t, raw_p, _, pressure_pa = example
    scale = SCALE[oversampling]
    share = pressure_share(tuple(coefficients)[:9], pressure_pa, raw_t / scale)
    assert round(share * scale) == pytest.approx(raw_p, abs=1)


def test_the_twin_stores_a_real_part_s_coefficients_as_it_does() -> None:
    assert packed(tuple(REAL)[:9]) == REAL_BYTES


@given(st.tuples(*(st.integers(-(1 << b - 1), (1 << b - 1) - 1) for b in (12, 12, 20, 20))))
def test_what_the_twin_stores_the_driver_reads(numbers: tuple[int, ...]) -> None:
    coefficients = (*numbers, 1, -2, 3, -4, 5)
    assert decode_coefficients(packed(coefficients))[:9] == coefficients


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_twin_gives_the_words_of_the_worked_examples(
    bench: Bench, example: tuple[Any, ...]
) -> None:
    coefficients, oversampling, raw_t, raw_p, temperature_c, pressure_pa = example
    twin, code = bench.twin, list(SCALE).index(oversampling)
    twin._coefficients = tuple(coefficients)[:9]
    twin._offset_pa = twin._offset_pa_per_k = twin._offset_c = 0.0
    bench.world.ambient["temperature"] = temperature_c
    bench.put("temperature", temperature_c)
    bench.put("pressure", pressure_pa)
    bench.write(0x06, code, 0x80 | code)
    bench.write(0x09, 0x0C if oversampling > 8 else 0x00)
    bench.write(0x08, 0x07)
    bench.clock.sleep(1.0)
    data = bench.read(0x00, 6)
    noise = SCALE[oversampling] / 50_000 * 3 * 4  # some pascals
    assert decode_result(data[:3]) == pytest.approx(raw_p, abs=noise)
    assert decode_result(data[3:]) == pytest.approx(raw_t, abs=noise)


def test_the_twin_has_the_map_s_reset_values_and_becomes_ready(bench: Bench) -> None:
    bench.write(0x0C, 0x09)
    assert bench.read(0x06, 4) == bytes(4)
    assert bench.read(0x10, 18) == bytes(18)
    bench.clock.sleep(0.012)
    assert bench.read(0x08) == b"\x40"
    bench.clock.sleep(0.028)
    assert bench.read(0x08) == b"\xc0"
    assert bench.read(0x0B) == b"\x01"
    assert bench.read(0x0D) == b"\x10"
    assert len(set(bench.read(0x10, 18))) > 1


@pytest.mark.parametrize(("mode", "flag", "register"), [(1, 0x10, 0x00), (2, 0x20, 0x03)])
def test_a_single_conversion_ends_idle_and_its_flag_goes_when_read(
    bench: Bench, mode: int, flag: int, register: int
) -> None:
    bench.write(0x06, 0x04, 0x84)
    bench.write(0x09, 0x0C)
    bench.write(0x08, mode)
    bench.clock.sleep(0.026)
    assert bench.read(0x08)[0] & 0x37 == mode
    bench.clock.sleep(0.003)
    assert bench.read(0x08)[0] & 0x37 == flag
    bench.read(register, 3)
    assert bench.read(0x08)[0] & 0x37 == 0x00


def test_without_its_shift_a_long_conversion_overflows(bench: Bench) -> None:
    bench.put("pressure", 110_000.0)
    found = []
    for shifts in (0x0C, 0x00):
        bench.write(0x06, 0x06, 0x86)
        bench.write(0x09, shifts)
        bench.write(0x08, 0x00)
        bench.write(0x08, 0x07)
        bench.clock.sleep(1.0)
        found.append(decode_result(bench.read(0x00, 3)) / SCALE[64])
    assert -1.0 < found[0] < -0.5
    assert abs(found[1] - found[0]) > 1.0


def test_a_part_whose_fuses_are_wrong_is_repaired_by_what_its_maker_writes() -> None:
    wrong = Bench(fuse_error=True)
    assert wrong.read(0x32) == b"\x00"
    wrong.write(0x62, 0x02)  # locked
    assert wrong.read(0x32) == b"\x00"
    wrong.part.prepare()
    assert wrong.read(0x32) == b"\x02"
    assert wrong.sample()[1] == pytest.approx(23.0, abs=1.0)
    assert not wrong.twin.beyond
    wrong.write(0x0C, 0x09)
    assert wrong.read(0x32) == b"\x00"


def test_a_rate_that_does_not_fit_drops(bench: Bench) -> None:
    bench.write(0x06, 0x75, 0xF0)  # 128 a second, 53.2 ms each
    bench.write(0x09, 0x0E)
    bench.write(0x08, 0x07)
    bench.clock.sleep(1.0)
    results = 0
    while decode_result(bench.read(0x00, 3)) != EMPTY:
        results += 1
    assert results == pytest.approx(2 * 17, abs=4)


def test_the_fifo_mixes_tagged_results_and_is_flushed(bench: Bench) -> None:
    bench.write(0x06, 0x30, 0xB0)
    bench.write(0x09, 0x02)
    bench.write(0x08, 0x07)
    bench.clock.sleep(1.05)
    tags = []
    for _ in range(32):
        result = decode_result(bench.read(0x00, 3))
        if result == EMPTY:
            break
        tags.append(result & 1)
    assert tags == [0, 1] * (len(tags) // 2) + [0] * (len(tags) % 2)
    assert 16 <= len(tags) <= 18
    bench.clock.sleep(10.0)
    assert bench.read(0x0B) == b"\x02"
    bench.write(0x0C, 0x80)
    assert bench.read(0x0B) == b"\x01"
    assert bench.read(0x00, 3) == b"\x80\x00\x00"


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.write(0x0D, 0x00)
    bench.write(0x09, 0x10)
    bench.write(0x08, 0x03)
    bench.read(0x40)
    assert list(bench.twin.beyond) == [
        "write 0x00 to 0x0d", "write 0x10 to 0x09", "mode 3", "read from 0x40"
    ]  # fmt: skip
    other = Bench(driver=Spl06, twin=SimSpl06)
    other.write(0x62, 0x02)
    other.read(0x28)
    assert list(other.twin.beyond) == ["write 0x02 to 0x62", "read from 0x28"]


def test_a_part_starts_when_its_supply_comes(bench: Bench) -> None:
    bench.part.prepare()
    bench.put("supply", 0.0)
    bench.clock.sleep(1.0)
    with pytest.raises(NotAcknowledged, match="no supply"):
        bench.read(0x0D)
    bench.put("supply", 3.3)
    bench.clock.sleep(0.013)
    assert bench.read(0x06, 4) == bytes.fromhex("00004000")


# Driver and twin.


@pytest.mark.parametrize(("driver", "twin"), PARTS)
@pytest.mark.parametrize("pressure_pa", [30_000.0, 101_325.0, 120_000.0])
@pytest.mark.parametrize("temperature_c", [-40.0, 25.0, 85.0])
def test_the_driver_reads_what_the_place_has(
    driver: type[Dps310], twin: type[SimDps310], pressure_pa: float, temperature_c: float
) -> None:
    bench = Bench(driver=driver, twin=twin)
    bench.put("pressure", pressure_pa)
    bench.put("temperature", temperature_c)
    bench.part.prepare()
    found_pa, found_c = bench.sample()
    assert found_pa == pytest.approx(pressure_pa, abs=300.0)
    assert found_c == pytest.approx(temperature_c, abs=1.5)
    assert not bench.twin.beyond


@pytest.mark.parametrize(("driver", "twin"), PARTS)
@pytest.mark.parametrize("oversampling", list(SCALE))
def test_each_oversampling_has_its_scale_and_noise(
    driver: type[Dps310], twin: type[SimDps310], oversampling: int
) -> None:
    bench = Bench(driver=driver, twin=twin)
    bench.put("pressure", 90_000.0)
    bench.part.prepare(oversampling=oversampling, temperature_oversampling=2)
    found = [bench.sample()[0] for _ in range(150)]
    assert statistics.mean(found) == pytest.approx(90_000.0, abs=300.0)
    sigma_pa = twin.NOISE_PA[list(SCALE).index(oversampling)]
    assert statistics.stdev(found) == pytest.approx(sigma_pa, rel=0.3, abs=0.1)


@pytest.mark.parametrize("rate", RATES_HZ)
def test_a_minute_of_stream_loses_and_repeats_nothing(rate: float) -> None:
    found = []
    for pauses in ((0.01, 0.09, 0.05), (0.1,)):
        bench = Bench()
        bench.part.prepare(rate=rate)
        bench.part.open_stream()
        rows: list[Any] = []
        since_s = bench.clock.now()
        while bench.clock.now() < since_s + 60.0:
            bench.clock.sleep(pauses[len(rows) % len(pauses)])
            block = bench.part.drain()
            assert not block.overflow
            rows.append(block.values)
        found.append(np.concatenate(rows))
        due = rate * (bench.clock.now() - since_s)
        assert len(found[-1]) == pytest.approx(due, rel=0.03, abs=2)
        assert not bench.twin.beyond
    length = min(map(len, found))
    assert (found[0][:length] == found[1][:length]).all()


def test_a_stream_gives_counts_and_what_they_mean(bench: Bench) -> None:
    bench.part.prepare(rate=8.0)
    bench.part.open_stream()
    bench.clock.sleep(1.0)
    declared = Dps310.stream(rate=8.0)
    rows = bench.part.drain().values * declared.scale + declared.offset
    assert rows[:, 2] == pytest.approx(101_325.0, abs=300.0)
    assert rows[:, 3] == pytest.approx(23.0, abs=1.0)
    scale = SCALE[64]  # the most that fits
    coefficients = decode_coefficients(bench.read(0x10, 18))
    again = compensate(coefficients, rows[:, 0] / scale, rows[:, 1] / SCALE[1])
    assert rows[:, 2] == pytest.approx(again[0], abs=0.006)
    bench.part.close_stream()
    bench.sample()


def test_a_full_fifo_is_an_overrun_and_the_newest_results_are_there(bench: Bench) -> None:
    bench.part.prepare(rate=16.0)
    bench.part.open_stream()
    bench.clock.sleep(0.5)
    assert not bench.part.drain().overflow
    bench.put("pressure", 50_000.0)
    bench.clock.sleep(1000.0)
    bench.put("pressure", 90_000.0)
    bench.clock.sleep(0.3)
    block = bench.part.drain()
    assert block.overflow
    assert block.values[-1, 2] / 100 == pytest.approx(90_000, abs=300)
    assert block.values[0, 2] / 100 == pytest.approx(50_000, abs=300)
    bench.clock.sleep(0.3)
    assert not bench.part.drain().overflow


def test_the_most_oversampling_that_fits_is_taken_and_more_is_refused(bench: Bench) -> None:
    bench.part.prepare(rate=32.0)
    assert bench.read(0x06)[0] & 0x0F == 4
    bench.part.prepare(rate=128.0)
    assert bench.read(0x06)[0] & 0x0F == 0
    with pytest.raises(SetpointError, match=r"rate can't be 64 Hz with oversampling 16"):
        bench.part.prepare(rate=64.0, oversampling=16)
    with pytest.raises(SetpointError, match=r"rate can't be 64 Hz with temperature_oversampling"):
        Dps310.stream(rate=64.0, temperature_oversampling=128)


def test_every_unit_has_its_sample_when_start_said_so() -> None:
    for seed in range(15):
        for settings in ({}, {"rate": 128.0}, {"rate": 1.0}, {"temperature_oversampling": 128}):
            bench = Bench(seed=seed)
            bench.part.prepare(**settings)
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


def test_a_single_reading_while_it_streams_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.open_stream()
    with pytest.raises(BenchError, match="close_stream"):
        bench.part.start()


def test_a_pressure_beyond_the_part_is_an_error(bench: Bench) -> None:
    bench.part.prepare()
    for pressure_pa in (25_000.0, 125_000.0):
        bench.put("pressure", pressure_pa)
        with pytest.raises(Saturated, match="measures 30000 to 120000 Pa"):
            bench.sample()


def test_counts_that_mean_no_temperature_are_an_error_and_flagged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The formula goes below absolute zero, long before counts are at their ends."""
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    bench.part.read()
    counts = SimDps310._counts
    monkeypatch.setattr(
        SimDps310, "_counts",
        lambda *args: counts(*args) if args[-1] else 703_710,
    )  # fmt: skip
    bench.clock.sleep(bench.part.start())
    with pytest.raises(Saturated, match=r"-2\d\d.\d degC of counts"):
        bench.part.read()
    bench.part.open_stream()
    bench.clock.sleep(1.0)
    assert bench.part.drain().saturated


def test_a_stream_begins_with_nothing_of_before(bench: Bench) -> None:
    bench.part.prepare()
    bench.write(0x09, bench.read(0x09)[0] | 0x02)
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
        if write == bytes([0x00]) and read_length:
            return b"\x80\x00\x00"
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
    with pytest.raises(SettingsLost, match="PRS_CFG to CFG_REG are 00000000"):
        bench.part.drain()


def test_a_part_without_coefficients_is_refused() -> None:
    with pytest.raises(ProtocolError, match=r"nothing is stored there. Replace the part"):
        Bench("memory").part.prepare()


def test_another_part_of_the_family_is_refused_and_the_same_identity_is_said() -> None:
    with pytest.raises(WrongDevice, match="0x11, a DPS310 has 0x10"):
        Bench("identity").part.identify()
    assert str(Bench().part.identify()) == "Infineon DPS310 (or SPL06-001: it does not tell)"
    told = Bench(driver=Spl06, twin=SimSpl06).part.identify()
    assert (told.model, told.or_models) == ("SPL06-001", ("SPL06-007", "DPS310"))


def test_noise_drift_and_a_part_that_sticks_can_be_had(bench: Bench) -> None:
    bench.world.add_fault("7", Fault("stuck", at_s=200.0, until_s=300.0))
    bench.part.prepare(temperature_oversampling=2)
    before_pa = bench.sample()[0]
    bench.clock.sleep(110.0)
    stuck_pa = bench.sample()[0]
    bench.put("pressure", 90_000.0)
    assert bench.sample()[0] == stuck_pa
    bench.put("pressure", 101_325.0)
    bench.clock.sleep(100.0)
    assert bench.sample()[0] == pytest.approx(before_pa, abs=10.0)
    aged = []
    for each in (Bench(), Bench("drift")):
        each.put("temperature", 125.0)
        each.clock.sleep(1000 * 3600.0)
        each.put("temperature", 25.0)
        each.part.prepare()
        aged.append(each.sample()[0])
    assert abs(aged[0] - aged[1]) > 300.0


def test_it_draws_more_while_it_converts(bench: Bench) -> None:
    assert bench.twin.supply_current_a() < 1e-6
    bench.part.prepare(rate=1.0, oversampling=64)
    bench.clock.sleep(0.05)
    assert bench.twin.supply_current_a() > 1e-4
    bench.clock.sleep(0.5)
    assert bench.twin.supply_current_a() < 1e-6
