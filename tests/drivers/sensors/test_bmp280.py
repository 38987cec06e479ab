"""BMP280: driver and twin against the datasheet's worked example, then against each other."""

import math
import statistics
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotAcknowledged, ProtocolError, SetpointError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.bmp280.driver import (
    Bmp280,
    Trimming,
    compensate_pressure,
    compensate_temperature,
    decode_counts,
    decode_trimming,
)
from sensorbench.sensors.bmp280.twin import (
    SimBmp280,
    pressure_counts,
    temperature_counts,
)
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

EXAMPLE = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, oversampling: int = 16) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.put("supply", 3.3)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimBmp280(Place(self.world, "7"))
        self.bus.attach(0x76, self.twin)
        self.part = Bmp280(self.bus, 0x76, self.clock)
        self._oversampling = oversampling
        self.clock.sleep(0.01)

    def put(self, quantity: str, value: float) -> None:
        """Let the world have a value from now on."""
        self.world.zone().bind(quantity, Constant(value))

    def prepare(self) -> None:
        self.part.prepare(oversampling=self._oversampling)

    def sample(self) -> tuple[float, ...]:
        self.clock.sleep(self.part.start())
        return tuple(float(value) for value in self.part.read().values[0])

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x76, bytes([register]), length)

    def write(self, *data: int) -> None:
        self.bus.transfer(0x76, bytes(data))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_driver_decodes_the_datasheet_example() -> None:
    words = decode_trimming(struct.pack("<HhhHhhhhhhhh", *EXAMPLE))
    assert words == Trimming(*EXAMPLE)
    t_fine, temperature_c = compensate_temperature(words, 519888)
    assert (t_fine, temperature_c) == (128422, 25.08)
    assert compensate_pressure(words, t_fine, 415148) * 256 == 25767233


def test_the_twin_gives_the_counts_of_the_datasheet_example() -> None:
    assert temperature_counts(EXAMPLE, 25.0825) == pytest.approx(519888, abs=1)
    assert pressure_counts(EXAMPLE, 25.0825, 100653.27) == pytest.approx(415148, abs=1)


@given(
    st.floats(-40.0, 85.0),
    st.floats(30e3, 110e3),
    st.lists(st.floats(-3.0, 3.0), min_size=12, max_size=12),
)
def test_driver_and_twin_agree_over_the_rated_range_for_any_part(
    temperature_c: float, pressure_pa: float, deviations: list[float]
) -> None:
    sigmas = (500, 300, 20, 500, 200, 100, 300, 20, 0, 0, 0, 0)
    words = Trimming(
        *(
            word + round(deviation * sigma)
            for word, deviation, sigma in zip(EXAMPLE, deviations, sigmas, strict=True)
        )
    )
    t_fine, found_c = compensate_temperature(words, round(temperature_counts(words, temperature_c)))
    found_pa = compensate_pressure(
        words, t_fine, round(pressure_counts(words, temperature_c, pressure_pa))
    )
    assert found_c == pytest.approx(temperature_c, abs=0.011)
    assert found_pa == pytest.approx(pressure_pa, abs=1.0)


@pytest.mark.parametrize("oversampling", [1, 2, 4, 8, 16])
def test_the_longest_conversion_time_is_always_enough(oversampling: int) -> None:
    for seed in range(20):
        bench = Bench(seed=seed, oversampling=oversampling)
        bench.prepare()
        assert len(bench.sample()) == 4


def test_a_conversion_takes_its_time_and_ends_in_sleep(bench: Bench) -> None:
    bench.write(0xF4, 0x55)  # forced, temperature x2, pressure x16
    bench.clock.sleep(0.037)  # typical: 37.5 ms
    assert bench.read(0xF3) == b"\x08"
    assert bench.read(0xF7, 6).hex() == "800000800000"
    bench.clock.sleep(0.0066)  # longest: 43.2 ms
    assert bench.read(0xF3, 2) == b"\x00\x54"
    assert bench.read(0xF7, 6).hex() != "800000800000"


def test_a_second_value_in_one_write_needs_its_own_register_number(bench: Bench) -> None:
    bench.write(0xF5, 0x04, 0xF4, 0x54)
    assert bench.bus.transfer(0x76, b"", 1) == b"\x54"  # the pointer is where the last value went
    assert bench.read(0xF4, 2) == b"\x54\x04"


def test_reads_go_on_from_register_to_register(bench: Bench) -> None:
    bench.prepare()
    one_by_one = b"".join(bench.read(register) for register in range(0x88, 0xA0))
    assert bench.read(0x88, 24) == one_by_one


def test_the_factory_words_are_not_there_until_the_reset_is_over(bench: Bench) -> None:
    bench.read(0xD0)
    bench.write(0xE0, 0xB6)
    assert bench.read(0xF3)[0] & 1
    assert bench.read(0x88, 2) == b"\0\0"
    bench.clock.sleep(0.0026)
    assert not bench.read(0xF3)[0] & 1
    assert bench.read(0x88, 2) != b"\0\0"


def test_writes_to_what_can_only_be_read_are_acknowledged_and_on_record(bench: Bench) -> None:
    before = bench.read(0xD0, 48)
    for register in (0xF7, 0xD0, 0x88, 0xF2):
        bench.write(register, 0x12)
    assert bench.read(0xD0, 48) == before
    assert next(iter(bench.twin.beyond)) == "write 0x12 to 0xf7"
    assert len(bench.twin.beyond) == 4


def test_a_conversion_that_ended_stays_whatever_is_written_to_the_mode(bench: Bench) -> None:
    bench.write(0xF4, 0x57)  # normal mode
    bench.clock.sleep(0.3)
    bench.write(0xF4, 0x54)
    assert bench.read(0xF7, 6).hex() != "800000800000"


def test_the_filter_takes_in_conversions_that_nobody_read(bench: Bench) -> None:
    def pressure_now() -> float:
        counts_p, counts_t = decode_counts(bench.read(0xF7, 6))
        return compensate_pressure(words, compensate_temperature(words, counts_t)[0], counts_p)

    bench.prepare()
    words = decode_trimming(bench.read(0x88, 24))
    bench.write(0xF5, 0x10, 0xF4, 0x57)  # coefficient 16, normal mode
    bench.clock.sleep(0.1)
    before = pressure_now()
    bench.put("pressure", 111_325.0)
    bench.clock.sleep(3.0)  # 72 conversions: 1 - (15/16)^72
    bench.write(0xF4, 0x54)  # sleep: as a driver does that suspends a part
    assert (pressure_now() - before) / 10_000 == pytest.approx(0.99, abs=0.005)


def test_a_channel_that_is_skipped_keeps_what_its_filter_had(bench: Bench) -> None:
    def measure(control: int) -> bytes:
        bench.write(0xF4, control)
        bench.clock.sleep(0.05)
        return bench.read(0xF7, 6)

    bench.prepare()
    words = decode_trimming(bench.read(0x88, 24))
    bench.write(0xF5, 0x10)  # coefficient 16
    counts_p, counts_t = decode_counts(measure(0x55))
    before = compensate_pressure(words, compensate_temperature(words, counts_t)[0], counts_p)
    bench.put("pressure", 90_000.0)
    for _ in range(50):
        assert measure(0x41)[:3] == b"\x80\x00\x00"  # temperature alone
    bench.put("pressure", 101_325.0)
    counts_p, counts_t = decode_counts(measure(0x55))
    again = compensate_pressure(words, compensate_temperature(words, counts_t)[0], counts_p)
    assert again == pytest.approx(before, abs=2.0)


def test_a_mode_written_during_a_conversion_comes_after_it(bench: Bench) -> None:
    bench.write(0xF4, 0x55)  # forced, 37.5 to 43.2 ms
    bench.clock.sleep(0.02)
    bench.write(0xF4, 0x57)  # normal
    bench.write(0xF4, 0x54)  # too late: one is waiting
    assert bench.read(0xF3, 2) == b"\x08\x55"
    bench.clock.sleep(0.024)
    assert bench.read(0xF3, 2) == b"\x08\x57"
    assert bench.read(0xF7, 6).hex() != "800000800000"
    bench.clock.sleep(10.0)
    assert bench.read(0xF4) == b"\x57"


def test_a_conversion_shows_what_was_there_when_it_ended(bench: Bench) -> None:
    bench.prepare()
    bench.clock.sleep(bench.part.start())
    bench.put("pressure", 50_000.0)
    bench.clock.sleep(1000.0)
    assert bench.part.read().values[0, 2] == pytest.approx(101_325, abs=150)
    assert bench.sample()[2] == pytest.approx(50_000, abs=150)


def test_nothing_is_read_that_was_not_started(bench: Bench) -> None:
    bench.prepare()
    with pytest.raises(BenchError, match=r"start\(\) starts a conversion"):
        bench.part.read()
    bench.sample()
    with pytest.raises(BenchError, match=r"start\(\) starts a conversion"):
        bench.part.read()


@pytest.mark.parametrize(
    "data", ["000000 7eed00", "fffff0 7eed00", "655ac0 000000", "655ac0 fffff0"]
)
def test_counts_at_an_end_of_their_range_are_no_value(data: str) -> None:
    with pytest.raises(ProtocolError, match="saturated"):
        decode_counts(bytes.fromhex(data))


def test_a_setting_that_can_t_be_is_refused_with_what_can(bench: Bench) -> None:
    with pytest.raises(SetpointError, match="1, 2, 4, 8, 16"):
        bench.part.prepare(oversampling=32)


def test_the_current_is_the_data_sheet_s(bench: Bench) -> None:
    bench.prepare()
    assert bench.twin.supply_current_a() == 0.1e-6
    bench.part.start()
    assert bench.twin.supply_current_a() == 714e-6


def test_resolution_grows_by_a_bit_an_oversampling_step() -> None:
    for code, oversampling in enumerate((1, 2, 4, 8, 16), start=1):
        bench = Bench(oversampling=oversampling)
        bench.prepare()
        counts = {round(bench.sample()[0]) for _ in range(20)}
        assert all(count % (1 << (5 - code)) == 0 for count in counts)


def test_noise_is_what_the_datasheet_says_at_oversampling_16(bench: Bench) -> None:
    bench.prepare()
    pressures = [bench.sample()[2] for _ in range(300)]
    assert statistics.stdev(pressures) == pytest.approx(1.3, rel=0.2)


@pytest.mark.parametrize(("code", "conversions"), [(1, 2), (2, 5), (3, 11), (4, 22)])
def test_the_filter_reaches_three_quarters_of_a_step_when_table_6_says(
    code: int, conversions: int
) -> None:
    bench = Bench()
    bench.prepare()
    words = decode_trimming(bench.read(0x88, 24))
    bench.write(0xF5, code << 2, 0xF4, 0x57)  # normal mode, 0.5 ms standby
    period_s = bench.twin._conversions.period_s

    def pressure_after(conversions: int) -> float:
        bench.clock.sleep(conversions * period_s)
        counts_p, counts_t = decode_counts(bench.read(0xF7, 6))
        return compensate_pressure(words, compensate_temperature(words, counts_t)[0], counts_p)

    before = pressure_after(1)
    bench.put("pressure", 111_325.0)
    assert (pressure_after(conversions - 1) - before) / 10_000 < 0.749
    assert (pressure_after(1) - before) / 10_000 > 0.749  # less noise
    bench.write(0xF5, code << 2)  # empties the filter
    assert (pressure_after(1) - before) / 10_000 == pytest.approx(1.0, abs=0.01)


def test_a_pressure_below_zero_stays_below_zero() -> None:
    words = Trimming(*EXAMPLE)
    counts = round(pressure_counts(EXAMPLE, 25.0825, -2000.0))
    assert compensate_pressure(words, 128422, counts) == pytest.approx(-2000.0, abs=1.0)


def test_the_filter_quietens_normal_mode() -> None:
    noise = {}
    for code in (0, 4):  # off, coefficient 16
        bench = Bench()
        bench.prepare()
        words = decode_trimming(bench.read(0x88, 24))
        bench.write(0xF5, code << 2, 0xF4, 0x57)  # normal, no standby to speak of

        def pressure(bench: Bench = bench, words: Trimming = words) -> float:
            bench.clock.sleep(0.5)
            counts_p, counts_t = decode_counts(bench.read(0xF7, 6))
            return compensate_pressure(words, compensate_temperature(words, counts_t)[0], counts_p)

        noise[code] = statistics.stdev(pressure() for _ in range(200))
    assert noise[0] == pytest.approx(1.3, rel=0.25)
    assert noise[4] == pytest.approx(1.3 / math.sqrt(31), rel=0.25)


def test_normal_mode_measures_again_without_being_asked(bench: Bench) -> None:
    bench.prepare()
    bench.write(0xF5, 0x80, 0xF4, 0x57)  # 500 ms standby
    bench.clock.sleep(0.05)
    first = bench.read(0xF7, 6)
    assert bench.read(0xF3) == b"\0"
    assert bench.read(0xF7, 6) == first
    bench.clock.sleep(0.55)
    assert bench.read(0xF7, 6) != first


def test_a_part_that_measured_nothing_gives_no_data() -> None:
    with pytest.raises(ProtocolError, match="800000800000: nothing was measured"):
        decode_counts(bytes.fromhex("800000800000"))


def test_a_true_reading_may_look_like_none() -> None:
    assert decode_counts(bytes.fromhex("655ac0800000")) == (415148, 0x80000)


def test_a_supply_that_dips_during_the_conversion_is_noticed(bench: Bench) -> None:
    bench.prepare()
    bench.part.start()
    bench.put("supply", 0.5)
    bench.put("supply", 3.3)
    bench.clock.sleep(0.1)
    with pytest.raises(ProtocolError, match=r"ctrl_meas is 0x00 after 0x55 .* supply dip"):
        bench.part.read()


def test_a_part_that_converts_for_too_long_is_refused(bench: Bench) -> None:
    bench.prepare()
    bench.twin._slowness = 2.0
    with pytest.raises(ProtocolError, match=r"address 0x76 still converts; .* up to 43\.2 ms"):
        bench.sample()


def test_lost_factory_words_are_named() -> None:
    with pytest.raises(ProtocolError, match="address 0x76: factory word dig_T1 is 65535"):
        Bench("memory").prepare()


def test_a_sample_needs_the_factory_words(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.sample()


def test_a_stuck_part_repeats_itself_whatever_the_pressure() -> None:
    bench = Bench("stuck")
    bench.prepare()
    first = bench.sample()
    bench.put("pressure", 50e3)
    assert bench.sample() == first


def test_a_drifting_part_leaves_its_accuracy_under_stress() -> None:
    shifts = {}
    for fault in ("", "drift"):
        bench = Bench(fault)
        bench.prepare()
        before = bench.sample()[2]
        bench.put("temperature", 125.0)
        bench.clock.sleep(1000 * 3600)
        bench.put("temperature", 23.0)
        bench.clock.sleep(24 * 3600)
        shifts[fault] = abs(bench.sample()[2] - before)
    assert shifts[""] < 100
    assert shifts["drift"] > 400


def test_a_silent_part_is_not_acknowledged() -> None:
    with pytest.raises(NotAcknowledged, match="part 7 is silent"):
        Bench("silent").part.identify()


def test_readings_depend_on_the_seed_and_not_on_what_was_read_before() -> None:
    first, second = Bench(), Bench()
    for bench in (first, second):
        bench.prepare()
    second.sample()
    for bench in (first, second):
        bench.clock.sleep(1.0 - bench.clock.now())
    assert first.sample() == second.sample()
    other = Bench(seed=2)
    other.prepare()
    assert first.sample() != other.sample()
