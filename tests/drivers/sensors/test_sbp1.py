"""SBP1: driver and twin against the datasheet (docs/devices/sbp1.md), then against each other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotAcknowledged, ProtocolError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.sbp1.driver import Sbp1, decode_data, encode_coefficients
from sensorbench.sensors.sbp1.twin import Fault, SimSbp1
from sensorbench.world.world import Place, World

ONE = 1 << 20
EXAMPLE = (52429, 1572864, 0, 0, 131072, -10486, 0, 0, 0, 0, 0, 1677722, -52429)


class Bench:
    def __init__(self, fault: Fault = Fault.NONE, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.world.rails[1].set_voltage(3.3)
        self.world.rails[1].switch(True)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimSbp1(Place(self.world, "10000001"), fault)
        self.bus.attach(0x28, self.twin)
        self.part = Sbp1(self.bus, 0x28, self.clock)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_identity_carries_the_printed_serial_number(bench: Bench) -> None:
    assert str(bench.part.identify()) == "sensorbench SBP1 10000001"


def test_a_wrong_identity_names_what_answered(bench: Bench) -> None:
    bench.twin._registers[0] = 0x58
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
    raw_p, raw_t, pressure, temperature = bench.part.sample()
    assert raw_p != 0
    assert raw_t != 0
    assert math.isnan(pressure)
    assert math.isnan(temperature)


def test_coefficients_survive_a_power_cycle(bench: Bench) -> None:
    bench.part.write_coefficients(EXAMPLE)
    bench.world.rails[1].switch(False)
    with pytest.raises(NotAcknowledged):
        bench.part.identify()
    bench.world.rails[1].switch(True)
    assert bench.part.read_coefficients() == EXAMPLE
    assert not math.isnan(bench.part.sample()[2])


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
        Bench(Fault.CRC).part.sample()


def test_a_silent_part_is_not_acknowledged() -> None:
    with pytest.raises(NotAcknowledged):
        Bench(Fault.SILENT).part.sample()


def test_raw_counts_follow_the_pressure(bench: Bench) -> None:
    counts = []
    for pressure_pa in (20e3, 70e3, 120e3):
        bench.world.pressure.approach(pressure_pa)
        bench.clock.sleep(60)
        counts.append(bench.part.sample()[0])
    assert counts == sorted(counts)


def test_readings_depend_on_the_seed_and_not_on_what_was_read_before() -> None:
    first, second = Bench(), Bench()
    second.part.sample()
    for bench in (first, second):
        bench.clock.sleep(1.0 - bench.clock.now())
    assert first.part.sample() == second.part.sample()
    assert first.part.sample() != Bench(seed=2).part.sample()


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
