"""SPA06: what it has and its sisters have not, against the reference; driver and twin together."""

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import ProtocolError, Saturated, SetpointError, WrongDevice
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.dps310.codec import SCALE, Coefficients, compensate, decode_coefficients
from sensorbench.sensors.dps310.twin import packed, pressure_share
from sensorbench.sensors.spa06.driver import RATE_CODES, Spa06
from sensorbench.sensors.spa06.twin import SimSpa06
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

# The reference's own numbers; adafruit-circuitpython-spa06-003 gives the same values.
EXAMPLE = Coefficients(206, -260, 80000, -55000, -2800, 1250, -8900, 140, -1200, 15, -30)
EXAMPLE_BYTES = bytes.fromhex("0ceefc13880f2928f51004e2dd3c008cfb5000ffe2")
RAW_T, RAW_P, TEMPERATURE_C, PRESSURE_PA = 400_000, -600_000, 53.21446, 94488.578


class Bench:
    def __init__(self, fault: str = "") -> None:
        self.clock = VirtualClock()
        self.clock.sleep(100.0)
        self.world = World(self.clock, 1)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimSpa06(Place(self.world, "7"))
        self.bus.attach(0x77, self.twin)
        self.part = Spa06(self.bus, 0x77, self.clock)

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


def test_the_driver_gives_the_worked_example() -> None:
    assert decode_coefficients(EXAMPLE_BYTES, 21) == EXAMPLE
    scaled_p, scaled_t = (np.array([raw / SCALE[128]]) for raw in (RAW_P, RAW_T))
    pressure_pa, temperature_c = compensate(EXAMPLE, scaled_p, scaled_t)
    assert pressure_pa[0] == pytest.approx(PRESSURE_PA, abs=1e-3)
    assert temperature_c[0] == pytest.approx(TEMPERATURE_C, abs=1e-5)
    without = compensate(EXAMPLE._replace(c31=0, c40=0), scaled_p, scaled_t)
    assert without[0][0] == pytest.approx(94488.850, abs=1e-3)


@pytest.mark.parametrize(("data", "text"), [(bytes(18), "21 bytes, got 18"), (bytes(21), "stored")])
def test_coefficients_that_are_not_there_are_an_error(data: bytes, text: str) -> None:
    with pytest.raises(ProtocolError, match=text):
        decode_coefficients(data, 21)


def test_the_twin_inverts_the_worked_example(bench: Bench) -> None:
    coefficients = (206, -260, 80000, -55000, -2800, 1250, -8900, 140, -1200, 15, -30)
    assert packed(coefficients) == EXAMPLE_BYTES
    share = pressure_share(coefficients, PRESSURE_PA, RAW_T / SCALE[128])
    assert round(share * SCALE[128]) == pytest.approx(RAW_P, abs=1)
    bench.twin._coefficients = coefficients
    bench.twin._offset_pa = bench.twin._offset_pa_per_k = bench.twin._offset_c = 0.0
    bench.world.ambient["temperature"] = TEMPERATURE_C
    bench.put("temperature", TEMPERATURE_C)
    bench.put("pressure", PRESSURE_PA)
    assert bench.read(0x10, 21) == EXAMPLE_BYTES
    bench.write(0x06, 0x07, 0x07, 0x00, 0x0C)
    bench.write(0x08, 0x07)
    bench.clock.sleep(1.0)
    data = bench.read(0x00, 6)
    found = [int.from_bytes(data[i : i + 3], "big", signed=True) for i in (0, 3)]
    assert found == pytest.approx([RAW_P, RAW_T], abs=4 * 0.4 / 50_000 * SCALE[128] + 200)


@pytest.mark.parametrize("pressure_pa", [30_000.0, 110_000.0])
@pytest.mark.parametrize("temperature_c", [-40.0, 85.0])
def test_the_driver_reads_what_the_place_has_at_the_ends(
    bench: Bench, pressure_pa: float, temperature_c: float
) -> None:
    """Where the two coefficients of its own count: without them it is off by tens of pascals."""
    bench.put("pressure", pressure_pa)
    bench.put("temperature", temperature_c)
    bench.part.prepare()
    found_pa, found_c = bench.sample()
    assert found_pa == pytest.approx(pressure_pa, abs=200.0)
    assert found_c == pytest.approx(temperature_c, abs=1.0)
    bench.part._coefficients = bench.part._coefficients._replace(c31=0, c40=0)  # type: ignore[union-attr]
    if pressure_pa == 30_000.0:
        assert abs(bench.sample()[0] - found_pa) > 5.0


@pytest.mark.parametrize("rate", [1.5625, 25.0, 100.0, 128.0])
def test_the_highest_bit_of_both_rates_is_one_of_the_rate(bench: Bench, rate: float) -> None:
    bench.part.prepare(rate=rate)
    codes = bench.read(0x06, 2)
    assert [code >> 4 for code in codes] == [RATE_CODES[rate]] * 2
    bench.part.open_stream()
    count = 0
    for _ in range(40):
        bench.clock.sleep(4 / rate)
        count += len(bench.part.drain().values)
    assert count == pytest.approx(160, abs=6)
    with pytest.raises(SetpointError, match="rate can't be 200 Hz"):
        Spa06.stream(rate=200.0)


def test_a_rate_that_no_conversion_keeps_is_the_pace_of_the_conversions(bench: Bench) -> None:
    """Adafruit's driver asks for 200 Hz with 128-fold oversampling of both."""
    bench.write(0x06, 0xF7, 0xF7, 0xC0, 0x3C)
    bench.write(0x08, 0x07)
    found = 0
    for _ in range(100):
        bench.clock.sleep(0.1)
        if bench.read(0x08)[0] & 0x10:
            bench.read(0x00, 3)
            found += 1
    assert found == pytest.approx(10.0 / 0.4136, abs=2)


def test_it_says_who_it_may_be_and_measures_less_than_its_sisters(bench: Bench) -> None:
    assert str(bench.part.identify()) == "Goertek SPA06-003 (or SPL07-003: it does not tell)"
    with pytest.raises(WrongDevice, match="0x10, a SPA06-003 has 0x11"):
        Bench("identity").part.identify()
    bench.part.prepare()
    bench.put("pressure", 115_000.0)
    with pytest.raises(Saturated, match="measures 30000 to 110000 Pa"):
        bench.sample()


def test_the_map_ends_with_its_coefficients(bench: Bench) -> None:
    bench.part.prepare()
    bench.sample()
    assert not bench.twin.beyond
    bench.write(0x62, 0x02)
    bench.read(0x28)
    assert list(bench.twin.beyond) == ["write 0x02 to 0x62", "read from 0x28"]
