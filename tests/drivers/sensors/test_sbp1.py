"""SBP1: driver and twin against the datasheet (docs/devices/sbp1.md), then against each other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotAcknowledged, ProtocolError, SetpointError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.sbp1.driver import Sbp1, decode_data, encode_coefficients
from sensorbench.sensors.sbp1.twin import SimSbp1
from sensorbench.world.fields import Constant, Moving
from sensorbench.world.world import Fault, Place, World

ONE = 1 << 20
EXAMPLE = (52429, 1572864, 0, 0, 131072, -10486, 0, 0, 0, 0, 0, 1677722, -52429)


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        if fault:
            self.world.add_fault("10000001", Fault(fault))
        self.supply(3.3)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimSbp1(Place(self.world, "10000001"))
        self.bus.attach(0x28, self.twin)
        self.part = Sbp1(self.bus, 0x28, self.clock)

    def supply(self, voltage_v: float) -> None:
        self.world.zone().bind("supply", Constant(voltage_v))

    def pressure(self, pressure_pa: float) -> None:
        self.world.zone().bind("pressure", Constant(pressure_pa))

    def sample(self) -> tuple[float, ...]:
        self.clock.sleep(self.part.start())
        return tuple(float(value) for value in self.part.read().values[0])


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_identity_carries_the_printed_serial_number(bench: Bench) -> None:
    assert str(bench.part.identify()) == "sensorbench SBP1 10000001"


def test_a_wrong_identity_names_what_answered() -> None:
    bench = Bench("identity")
    with pytest.raises(ProtocolError, match="WHO_AM_I at bus0, address 0x28 is 0x58"):
        bench.part.identify()


def test_the_part_compensates_as_the_datasheet_example_says(bench: Bench) -> None:
    """Registers by hand, without the driver: program, then feed the example's raw counts."""
    words = b"".join(word.to_bytes(3, "big", signed=True) for word in EXAMPLE)
    bench.bus.transfer(0x28, b"\x20" + words + crc16_bitwise(words).to_bytes(2, "big"))
    bench.bus.transfer(0x28, b"\x50\x57")
    bench.clock.sleep(0.015)
    compensated = bench.twin._compensate(2_097_152, -1_048_576)
    assert int.from_bytes(compensated[:4], "big", signed=True) == 1_456_750
    assert int.from_bytes(compensated[4:], "big", signed=True) == 3319


def test_the_driver_decodes_the_datasheet_example() -> None:
    data = bytes.fromhex("200000 f00000 00163a6e 0cf7")
    decoded = decode_data(data + bytes([crc8_bitwise(data)]))
    assert decoded == (2_097_152.0, -1_048_576.0, 91_046.875, 25.9296875)


def test_an_uncalibrated_part_gives_no_pressure(bench: Bench) -> None:
    raw_p, raw_t, pressure, temperature = bench.sample()
    assert raw_p != 0
    assert raw_t != 0
    assert math.isnan(pressure)
    assert math.isnan(temperature)


def test_coefficients_survive_a_power_cycle(bench: Bench) -> None:
    bench.part.write_coefficients(EXAMPLE)
    bench.supply(0.0)
    with pytest.raises(NotAcknowledged):
        bench.part.identify()
    bench.supply(3.3)
    bench.clock.sleep(0.002)
    assert bench.part.read_coefficients() == EXAMPLE
    assert not math.isnan(bench.sample()[2])


def test_a_locked_part_refuses_new_coefficients_and_keeps_the_old(bench: Bench) -> None:
    bench.part.write_coefficients(EXAMPLE)
    bench.part.lock()
    assert bench.part.is_locked()
    with pytest.raises(ProtocolError, match="its memory is locked"):
        bench.part.write_coefficients([0] * 13)
    bench.bus.transfer(0x28, b"\x50\x52")  # recall what the memory holds
    assert bench.part.read_coefficients() == EXAMPLE


def test_a_blank_part_can_not_be_locked(bench: Bench) -> None:
    with pytest.raises(ProtocolError, match="refused to lock"):
        bench.part.lock()


def test_the_memory_is_busy_for_15_ms_after_programming(bench: Bench) -> None:
    bench.bus.transfer(0x28, b"\x20" + encode_coefficients(EXAMPLE))
    bench.bus.transfer(0x28, b"\x50\x57")
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(0x28, b"\x50\x52")
    bench.clock.sleep(0.015)
    bench.bus.transfer(0x28, b"\x50\x52")


def test_data_read_before_the_conversion_ends_are_refused(bench: Bench) -> None:
    bench.bus.transfer(0x28, b"\x07\x15")  # OSR 32, single: 16.5 ms
    bench.clock.sleep(0.016)
    assert bench.bus.transfer(0x28, b"\x06", 1)[0] & 0x03 == 0x02
    bench.clock.sleep(0.001)
    assert bench.bus.transfer(0x28, b"\x06", 1)[0] & 0x03 == 0x01


@pytest.mark.parametrize("write", [b"\x00\x01", b"\x07\x03", b"\x07\x18", b"\x49\x00"])
def test_writes_that_the_datasheet_forbids_are_not_acknowledged(bench: Bench, write: bytes) -> None:
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(0x28, write)


def test_the_part_starts_up_for_2_ms_after_reset(bench: Bench) -> None:
    bench.part.identify()
    bench.bus.transfer(0x28, b"\x60\xb6")
    with pytest.raises(NotAcknowledged):
        bench.part.identify()
    bench.clock.sleep(0.0021)
    assert bench.bus.transfer(0x28, b"\x06", 1)[0] & 0x80


def test_a_corrupt_burst_is_refused() -> None:
    with pytest.raises(ProtocolError, match="CRC"):
        Bench("crc").sample()


def test_a_silent_part_is_not_acknowledged() -> None:
    with pytest.raises(NotAcknowledged):
        Bench("silent").sample()


def test_raw_counts_follow_the_pressure(bench: Bench) -> None:
    counts = []
    for pressure_pa in (20e3, 70e3, 120e3):
        bench.pressure(pressure_pa)
        counts.append(bench.sample()[0])
    assert counts == sorted(counts)


def test_readings_depend_on_the_seed_and_not_on_what_was_read_before() -> None:
    first, second = Bench(), Bench()
    second.sample()
    for bench in (first, second):
        bench.clock.sleep(1.0 - bench.clock.now())
    assert first.sample()[:2] == second.sample()[:2]
    assert first.sample()[:2] != Bench(seed=2).sample()[:2]


def test_raw_counts_and_values_are_of_one_conversion(bench: Bench) -> None:
    bench.part.write_coefficients(EXAMPLE)
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    block = bench.part.read()
    assert block.values.shape == (1, 4)
    raw_p, raw_t, pressure_pa, _ = block.values[0]
    compensated = bench.twin._compensate(int(raw_p), int(raw_t))
    assert int.from_bytes(compensated[:4], "big", signed=True) / 16 == pressure_pa
    assert 0.0 <= block.start_s <= block.end_s == bench.clock.now()


def test_what_was_read_is_not_read_again(bench: Bench) -> None:
    bench.part.prepare()
    with pytest.raises(ProtocolError, match="no new conversion"):
        bench.part.read()
    bench.sample()
    with pytest.raises(ProtocolError, match="no new conversion"):
        bench.part.read()


def test_a_reading_that_comes_too_early_says_so(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.clock.sleep(0.01)
    with pytest.raises(ProtocolError, match=r"still converts; it takes 16\.5 ms"):
        bench.part.read()


@pytest.mark.parametrize("oversampling", [1, 2, 4, 8, 16, 32])
def test_every_oversampling_takes_its_time(bench: Bench, oversampling: int) -> None:
    bench.part.prepare(oversampling=oversampling)
    assert bench.part.start() == pytest.approx(0.0005 + 0.0005 * oversampling)
    bench.clock.sleep(0.0005 + 0.0005 * oversampling)
    bench.part.read()


@pytest.mark.parametrize("wrong", [{"oversampling": 3}, {"oversampling": "32"}, {"rate": 1}])
def test_a_setting_that_can_t_be_is_refused_with_what_can(
    bench: Bench, wrong: dict[str, object]
) -> None:
    with pytest.raises(SetpointError, match=r"1, 2, 4, 8, 16, 32|there are oversampling"):
        bench.part.prepare(**wrong)


def test_a_dip_of_the_supply_during_a_conversion_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.supply(0.5)
    bench.supply(3.3)
    bench.clock.sleep(0.1)
    with pytest.raises(ProtocolError, match="did the supply dip"):
        bench.part.read()


def test_the_part_starts_with_its_supply_whoever_talks_to_it_first() -> None:
    bench = Bench()
    bench.supply(0.0)
    bench.clock.sleep(1.0)
    bench.supply(3.3)
    with pytest.raises(NotAcknowledged, match="starting up"):
        bench.part.identify()
    bench.clock.sleep(0.002)
    bench.part.identify()


def test_a_conversion_shows_what_was_there_when_it_ended() -> None:
    first, second = Bench(), Bench()
    for bench in (first, second):
        bench.part.prepare()
        bench.clock.sleep(bench.part.start())
    expected = first.part.read().values[0, 0]
    second.clock.sleep(1.0)
    second.pressure(40_000.0)
    second.clock.sleep(1000.0)
    assert second.part.read().values[0, 0] == expected


def test_hysteresis_is_a_fault_of_sixty_times_its_size() -> None:
    def loop(fault: str) -> float:
        bench = Bench(fault)
        found = []
        for start_pa in (20_000.0, 120_000.0):
            line = Moving(
                start_pa,
                fastest_up=1e6,
                tau_s=0.1,
                moves_before=bench.world.changing,
                now=bench.clock.now(),
            )
            bench.world.zone().bind("pressure", line)
            line.go(70_000.0, bench.clock.now())
            bench.clock.sleep(60.0)
            found.append(bench.sample()[0])
        return abs(found[1] - found[0])

    assert loop("hysteresis") == pytest.approx(60.0 * loop(""), rel=0.2)


def test_faults_begin_at_their_time(bench: Bench) -> None:
    bench.world.add_fault("10000001", Fault("silent", at_s=5.0, until_s=6.0))
    bench.part.identify()
    bench.clock.sleep(5.0)
    with pytest.raises(NotAcknowledged, match="silent"):
        bench.part.identify()
    bench.clock.sleep(1.0)
    bench.part.identify()


def test_the_current_is_the_data_sheet_s(bench: Bench) -> None:
    assert bench.twin.supply_current_a() == 2e-6
    bench.part.start()
    assert bench.twin.supply_current_a() == 450e-6
    bench.supply(0.0)
    assert bench.twin.supply_current_a() == 0.0


@given(st.lists(st.integers(-(2**23), 2**23 - 1), min_size=13, max_size=13))
def test_stored_coefficients_are_read_back_as_written(coefficients: list[int]) -> None:
    bench = Bench()
    bench.part.write_coefficients(coefficients)
    assert bench.part.read_coefficients() == tuple(coefficients)


def crc8_bitwise(data: bytes) -> int:
    rest = 0xFF
    for bit in (byte >> shift & 1 for byte in data for shift in range(7, -1, -1)):
        rest = (rest << 1 & 0xFF) ^ (0x31 if (rest >> 7) ^ bit else 0)
    return rest


def crc16_bitwise(data: bytes) -> int:
    rest = 0xFFFF
    for bit in (byte >> shift & 1 for byte in data for shift in range(7, -1, -1)):
        rest = (rest << 1 & 0xFFFF) ^ (0x1021 if (rest >> 15) ^ bit else 0)
    return rest
