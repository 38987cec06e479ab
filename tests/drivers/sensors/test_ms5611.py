"""MS5611: driver and twin against the datasheet's worked example, then against each other."""

import statistics
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotAcknowledged, ProtocolError, SetpointError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.ms5611.driver import VARIANTS, Ms5611, compensate, crc4, decode_prom
from sensorbench.sensors.ms5611.twin import SimMs5611, _crc4, counts
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

EXAMPLE = (40127, 36924, 23317, 23282, 33464, 28312)


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, oversampling: int = 4096) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.put("supply", 3.3)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimMs5611(Place(self.world, "7"))
        self.bus.attach(0x77, self.twin)
        self.part = Ms5611(self.bus, 0x77, self.clock)
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

    def command(self, command: int, length: int = 0) -> bytes:
        return self.bus.transfer(0x77, bytes([command]), length)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("d2", "temperature_c", "pressure_pa"),
    [
        (8569150, 20.07, 100009.0),  # the datasheet's
        (8077636, 2.38, 96576.0),  # below 20 degC; this and the next by the formula alone
        (6800000, -54.16, 82246.0),  # below -15 degC
    ],
)
def test_driver_and_twin_agree_with_the_worked_examples(
    d2: int, temperature_c: float, pressure_pa: float
) -> None:
    assert compensate(EXAMPLE, 9085466, d2) == (pressure_pa, temperature_c)
    found_d1, found_d2 = counts(EXAMPLE, pressure_pa, temperature_c)
    # A step of 0.01 degC is 296 counts of temperature, one of 1 Pa is 56 of pressure or more.
    assert found_d2 == pytest.approx(d2, abs=300)
    assert found_d1 == pytest.approx(9085466, abs=400)


def test_both_checksums_agree_with_the_application_note() -> None:
    prom = bytes.fromhex("3132 3334 3536 3738 3940 4142 4344 4500")
    assert crc4(prom) == 0xB
    assert _crc4(prom) == 0xB


@given(st.binary(min_size=16, max_size=16))
def test_the_two_checksums_are_one(prom: bytes) -> None:
    assert crc4(prom) == _crc4(prom)


@given(
    st.floats(-40.0, 85.0),
    st.floats(1e3, 120e3),
    st.lists(st.floats(-3.0, 3.0), min_size=6, max_size=6),
)
def test_driver_and_twin_agree_over_the_rated_range_for_any_part(
    temperature_c: float, pressure_pa: float, deviations: list[float]
) -> None:
    sigmas = (1000, 1000, 400, 400, 300, 200)
    words = tuple(
        word + round(deviation * sigma)
        for word, deviation, sigma in zip(EXAMPLE, deviations, sigmas, strict=True)
    )
    d1, d2 = counts(words, pressure_pa, temperature_c)
    found_pa, found_c = compensate(words, round(d1), round(d2))
    assert found_c == pytest.approx(temperature_c, abs=0.021)
    assert found_pa == pytest.approx(pressure_pa, abs=5.0)


def test_every_single_flipped_bit_of_the_prom_is_found() -> None:
    words = struct.pack(">8H", 0x42, *EXAMPLE, 0x1230)
    good = words[:15] + bytes([words[15] | crc4(words)])
    assert decode_prom(good) == EXAMPLE
    for bit in range(128):
        if bit in range(120, 124):  # the upper half of the last byte is not in the sum
            continue
        damaged = bytearray(good)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        with pytest.raises(ProtocolError):
            decode_prom(bytes(damaged))


@pytest.mark.parametrize(
    ("fault", "text"), [("crc", "PROM CRC is"), ("memory", "the PROM is blank")]
)
def test_a_damaged_prom_is_refused(fault: Fault, text: str) -> None:
    with pytest.raises(ProtocolError, match=f"bus0, address 0x77: {text}"):
        Bench(fault).part.identify()


def test_the_prom_can_not_be_read_before_the_first_reset(bench: Bench) -> None:
    assert bench.command(0xA2, 2) == b"\0\0"
    bench.command(0x1E)
    with pytest.raises(NotAcknowledged, match="loading"):
        bench.command(0xA2, 2)
    bench.clock.sleep(0.0028)
    assert bench.command(0xA2, 2) != b"\0\0"


def test_a_result_is_there_once_and_only_when_it_is_ready(bench: Bench) -> None:
    bench.prepare()
    bench.command(0x48)
    bench.clock.sleep(0.00904)
    assert bench.command(0x00, 3) != bytes(3)
    assert bench.command(0x00, 3) == bytes(3)


def test_a_result_that_was_asked_for_too_early_is_lost(bench: Bench) -> None:
    bench.prepare()
    bench.command(0x48)
    bench.clock.sleep(0.007)
    assert bench.command(0x00, 3) == bytes(3)
    bench.clock.sleep(0.010)
    assert bench.command(0x00, 3) == bytes(3)


def test_a_driver_that_is_given_no_result_says_so(bench: Bench) -> None:
    bench.prepare()
    bench.twin._speed = 2.0
    with pytest.raises(ProtocolError, match=r"0x77 has no pressure: .*not ready.* up to 9\.04 ms"):
        bench.sample()


def test_commands_and_reads_may_come_in_separate_transfers(bench: Bench) -> None:
    bench.prepare()
    bench.command(0xA2)
    assert bench.bus.transfer(0x77, b"", 2) == bench.command(0xA2, 2)


def test_unknown_commands_are_not_acknowledged(bench: Bench) -> None:
    with pytest.raises(NotAcknowledged, match="0x4a is unknown"):
        bench.command(0x4A)


@pytest.mark.parametrize("oversampling", [256, 512, 1024, 2048, 4096])
def test_the_longest_conversion_time_is_always_enough(oversampling: int) -> None:
    for seed in range(20):
        bench = Bench(seed=seed, oversampling=oversampling)
        bench.prepare()
        assert len(bench.sample()) == 4


def test_an_ms5607_gives_its_worked_example_and_half_of_it_as_an_ms5611() -> None:
    example = (46372, 43981, 29059, 27842, 31553, 28165)
    assert compensate(example, 6465444, 8077636, VARIANTS["MS5607"]) == (110_002.0, 20.0)
    found_d1, found_d2 = counts(example, 110_002.0, 20.0, "MS5607")
    assert found_d1 == pytest.approx(6465444, abs=200)
    assert found_d2 == pytest.approx(8077636, abs=300)


@given(st.floats(-40.0, 85.0), st.floats(1e3, 120e3))
def test_driver_and_twin_agree_on_an_ms5607(temperature_c: float, pressure_pa: float) -> None:
    example = (46372, 43981, 29059, 27842, 31553, 28165)
    d1, d2 = counts(example, pressure_pa, temperature_c, "MS5607")
    found_pa, found_c = compensate(example, round(d1), round(d2), VARIANTS["MS5607"])
    assert found_c == pytest.approx(temperature_c, abs=0.021)
    assert found_pa == pytest.approx(pressure_pa, abs=5.0)


def test_an_ms5607_is_read_right_where_it_is_declared() -> None:
    bench = Bench()
    bench.bus.attach(0x76, SimMs5611(Place(bench.world, "8"), kind="MS5607"))
    part = Ms5611(bench.bus, 0x76, bench.clock)
    part.prepare(variant="MS5607")
    bench.clock.sleep(part.start())
    assert part.read().values[0, 2] == pytest.approx(101_325, abs=200)


def test_a_part_that_no_ms5607_could_be_is_an_ms5611_from_then_on(bench: Bench) -> None:
    bench.prepare()  # at 101 kPa, which would be 203 kPa
    bench.put("pressure", 40_000.0)
    bench.prepare()
    assert bench.sample()[2] == pytest.approx(40_000, abs=200)


def test_where_nothing_tells_them_apart_there_is_no_reading(bench: Bench) -> None:
    bench.put("pressure", 40_000.0)
    bench.prepare()
    with pytest.raises(
        ProtocolError, match=r"0x77 reads 40\d+ Pa as MS5611, 80\d+ Pa as MS5607.*always"
    ):
        bench.sample()
    bench.part.prepare(variant="MS5611")
    assert bench.sample()[2] == pytest.approx(40_000, abs=200)


def test_an_ms5607_that_nobody_declared_is_never_read_at_half(bench: Bench) -> None:
    bench.bus.attach(0x76, SimMs5611(Place(bench.world, "8"), kind="MS5607"))
    part = Ms5611(bench.bus, 0x76, bench.clock)
    for pressure_pa in (10_000.0, 50_000.0, 101_325.0, 120_000.0):
        bench.put("pressure", pressure_pa)
        part.prepare()
        bench.clock.sleep(part.start())
        with pytest.raises(ProtocolError, match="does not tell which it is"):
            part.read()


def test_an_ms5611_that_is_declared_an_ms5607_is_found_by_its_range(bench: Bench) -> None:
    bench.part.prepare(variant="MS5607")
    with pytest.raises(ProtocolError, match=r"20\d+ Pa as MS5607; neither measures above 125000"):
        bench.sample()


@pytest.mark.parametrize("pressure_pa", [30_000.0, 101_325.0])
@pytest.mark.parametrize("kind", ["MS5611", "MS5607"])
def test_another_sensor_of_the_bench_tells_which_it_is(
    bench: Bench, kind: str, pressure_pa: float
) -> None:
    bench.bus.attach(0x76, SimMs5611(Place(bench.world, "8"), kind=kind))
    part = Ms5611(bench.bus, 0x76, bench.clock)
    bench.put("pressure", pressure_pa)
    part.prepare()
    part.compare({"temperature": 23.0, "pressure": pressure_pa + 3000.0})
    for _ in range(2):  # once told, it is known
        bench.clock.sleep(part.start())
        assert part.read().values[0, 2] == pytest.approx(pressure_pa, abs=300)


def test_another_sensor_tells_that_what_was_stated_is_wrong(bench: Bench) -> None:
    bench.bus.attach(0x76, SimMs5611(Place(bench.world, "8"), kind="MS5607"))
    part = Ms5611(bench.bus, 0x76, bench.clock)
    part.prepare(variant="MS5611")
    part.compare({"pressure": 101_300.0})
    bench.clock.sleep(part.start())
    with pytest.raises(ProtocolError, match="the bench has 101300 Pa"):
        part.read()


def test_a_part_that_is_off_by_something_else_keeps_its_value(bench: Bench) -> None:
    bench.part.prepare(variant="MS5611")
    bench.part.compare({"pressure": 70_000.0})
    assert bench.sample()[2] == pytest.approx(101_325, abs=200)


def test_a_part_says_that_it_can_not_be_told_from_its_sibling(bench: Bench) -> None:
    assert "MS5611 (or MS5607: it does not tell)" in str(bench.part.identify())


def test_another_part_in_the_socket_is_told_anew(bench: Bench) -> None:
    bench.prepare()
    bench.bus.detach(0x77)
    bench.bus.attach(0x77, SimMs5611(Place(bench.world, "8"), kind="MS5607"))
    bench.part.identify()
    bench.prepare()
    with pytest.raises(ProtocolError, match="does not tell which it is"):
        bench.sample()


def test_identifying_a_part_that_was_reset_disturbs_nothing(bench: Bench) -> None:
    bench.prepare()
    duration_s = bench.part.start()
    bench.part.identify()
    bench.clock.sleep(duration_s)
    bench.part.read()


def test_a_conversion_shows_what_was_there_when_it_ended(bench: Bench) -> None:
    bench.prepare()
    bench.clock.sleep(bench.part.start())
    bench.put("pressure", 50_000.0)
    bench.clock.sleep(1000.0)
    assert bench.part.read().values[0, 2] == pytest.approx(101_325, abs=200)


def test_nothing_is_read_that_was_not_started(bench: Bench) -> None:
    bench.prepare()
    bench.sample()
    with pytest.raises(BenchError, match=r"start\(\) starts a conversion"):
        bench.part.read()


def test_reading_more_than_there_is_gives_zeros_and_is_on_record(bench: Bench) -> None:
    bench.prepare()
    assert bench.command(0xA2, 4)[2:] == b"\0\0"
    assert list(bench.twin.beyond) == ["read 4 bytes of 2"]


def test_a_setting_that_can_t_be_is_refused_with_what_can(bench: Bench) -> None:
    with pytest.raises(SetpointError, match="256, 512, 1024, 2048, 4096"):
        bench.part.prepare(oversampling=16)
    with pytest.raises(SetpointError, match="'MS5611', 'MS5607'"):
        bench.part.prepare(variant="MS5803")


def test_noise_is_what_the_datasheet_says(bench: Bench) -> None:
    for oversampling, noise_pa in ((256, 6.5), (4096, 1.2)):
        bench = Bench(oversampling=oversampling)
        bench.prepare()
        pressures = [bench.sample()[2] for _ in range(300)]
        assert statistics.stdev(pressures) == pytest.approx(noise_pa, rel=0.25)


def test_a_sample_needs_the_coefficients(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.sample()


def test_a_stuck_part_repeats_itself_whatever_the_pressure() -> None:
    bench = Bench("stuck")
    bench.prepare()
    first = bench.sample()
    bench.put("pressure", 50e3)
    assert bench.sample() == first


def test_a_silent_part_is_not_acknowledged() -> None:
    with pytest.raises(NotAcknowledged, match="part 7 is silent"):
        Bench("silent").part.identify()
