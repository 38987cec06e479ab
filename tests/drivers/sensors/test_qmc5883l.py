"""QMC5883L: driver and twin against the data sheet, then against each other."""

import statistics

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    Saturated,
    SettingsLost,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.qmc5883l.driver import Qmc5883l, decode_counts, field_ut
from sensorbench.sensors.qmc5883l.twin import SimQmc5883l
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

FIELD_UT = (50.0, -25.0, 10.0)
EXAMPLE = bytes.fromhex("dc0512fd2c01")  # the same at 8 gauss


class Bench:
    def __init__(self, fault: str = "", seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed, {"temperature": 25.0})
        self.zone = self.world.zone()
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.put("supply", 3.3)
        self.put("magnetic_field", FIELD_UT)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimQmc5883l(Place(self.world, "7"))
        self.bus.attach(0x0D, self.twin)
        self.part = Qmc5883l(self.bus, 0x0D, self.clock)

    def put(self, where: str, value: float | tuple[float, ...]) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> list[float]:
        self.clock.sleep(self.part.start())
        return [float(value) for value in self.part.read().values[0]]

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x0D, bytes([register]), length)

    def write(self, register: int, *values: int) -> None:
        self.bus.transfer(0x0D, bytes([register, *values]))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_driver_decodes_the_worked_example() -> None:
    counts = decode_counts(EXAMPLE)
    assert counts == (1500, -750, 300)
    assert [field_ut(count, 800.0) for count in counts] == [50.0, -25.0, 10.0]


@pytest.mark.parametrize("count", [-32768, 32767])
def test_an_end_of_the_range_is_no_value(count: int) -> None:
    with pytest.raises(Saturated, match="end of the range of 200 uT"):
        field_ut(count, 200.0)


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    sense = bench.twin._sense
    sense.offset_ut, sense.gain = sense.offset_ut * 0, sense.gain * 0 + 1
    bench.write(0x0B, 0x01)
    bench.write(0x09, 0x1D)  # the data sheet's start sequence
    bench.clock.sleep(0.1)
    assert decode_counts(bench.read(0x00, 6)) == pytest.approx((1500, -750, 300), abs=30)
    bench.write(0x09, 0x00)
    bench.write(0x0A, 0x80)
    assert bench.read(0x00, 14) == bytes(13) + b"\xff"
    assert not bench.twin.beyond


@pytest.mark.parametrize(("code", "rate_hz"), [(0x01, 10), (0x05, 50), (0x09, 100), (0x0D, 200)])
def test_samples_come_at_their_rate(bench: Bench, code: int, rate_hz: int) -> None:
    bench.write(0x09, code)
    got = 0
    for _ in range(400):
        bench.clock.sleep(0.1 / rate_hz)
        if bench.read(0x06)[0] & 0x01:
            bench.read(0x00, 6)
            got += 1
    assert got == pytest.approx(40, abs=2)


def test_a_sample_is_held_until_its_last_byte_was_read(bench: Bench) -> None:
    bench.write(0x09, 0x0D)
    bench.clock.sleep(0.0052)
    assert bench.read(0x06)[0] == 0x01
    first = bench.read(0x00, 2)
    bench.put("magnetic_field", (150.0, 150.0, 150.0))
    bench.clock.sleep(0.1)
    assert bench.read(0x06)[0] & 0x05 == 0x04  # what came was lost
    assert bench.read(0x00, 6)[:2] == first
    assert bench.read(0x06)[0] == 0x00
    bench.clock.sleep(0.006)
    assert bench.read(0x06)[0] == 0x01
    assert decode_counts(bench.read(0x00, 6))[0] > 15_000


def test_a_sample_nobody_read_is_told_as_lost(bench: Bench) -> None:
    bench.write(0x09, 0x0D)
    bench.clock.sleep(0.1)
    assert bench.read(0x06)[0] == 0x05
    bench.read(0x00, 6)
    assert bench.read(0x06)[0] == 0x00


def test_the_pointer_rolls_over_the_data_where_it_is_told_to(bench: Bench) -> None:
    bench.write(0x09, 0x0D)
    bench.write(0x0A, 0x40)
    bench.clock.sleep(0.1)
    assert bench.read(0x00, 14)[7:13] == bench.read(0x00, 6)
    bench.write(0x0A, 0x00)
    assert bench.read(0x00, 14)[13] == 0xFF


def test_an_overflow_shows_in_the_status(bench: Bench) -> None:
    bench.put("magnetic_field", (500.0, 0.0, 0.0))
    bench.write(0x09, 0x0D)
    bench.clock.sleep(0.0052)
    assert bench.read(0x06)[0] == 0x03
    assert decode_counts(bench.read(0x00, 6))[0] == 32767


def test_a_part_that_stands_by_keeps_its_last_sample(bench: Bench) -> None:
    bench.write(0x09, 0x0D)
    bench.clock.sleep(0.1)
    bench.write(0x09, 0x00)
    before = bench.read(0x00, 6)
    bench.put("magnetic_field", (150.0, 150.0, 150.0))
    bench.clock.sleep(1.0)
    assert bench.read(0x00, 6) == before
    assert bench.twin.supply_current_a() < 1e-5


def test_the_thermometer_moves_with_its_gain_only(bench: Bench) -> None:
    bench.write(0x09, 0x01)
    found = []
    for celsius in (20.0, 60.0):
        bench.put("temperature", celsius)
        bench.clock.sleep(1.0)
        found.append(int.from_bytes(bench.read(0x07, 2), "little", signed=True))
    assert found[1] - found[0] == pytest.approx(4000, abs=10)
    assert abs(found[0] - 2000) > 1000


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.write(0x0C, 0x01)
    bench.write(0x06, 0x00)
    bench.write(0x09, 0x23)
    bench.read(0x40)
    assert list(bench.twin.beyond) == [
        "write 0x01 to 0x0c",
        "write 0x00 to 0x06",
        "reserved code in CTRL1 0x23",
        "read from 0x40",
    ]


def test_it_starts_350_us_after_its_supply_came(bench: Bench) -> None:
    bench.put("supply", 0.0)
    bench.put("supply", 3.3)
    with pytest.raises(NotAcknowledged, match="starts"):
        bench.read(0x0D)
    bench.clock.sleep(350e-6)
    assert bench.read(0x0D) == b"\xff"


# Driver and twin.


@pytest.mark.parametrize("range_ut", [200.0, 800.0])
@pytest.mark.parametrize("rate_hz", [10.0, 200.0])
def test_the_driver_reads_what_the_place_has(bench: Bench, range_ut: float, rate_hz: float) -> None:
    bench.part.prepare(range=range_ut, rate=rate_hz)
    assert bench.sample() == pytest.approx(FIELD_UT, abs=5.0)
    assert not bench.twin.beyond


def test_a_field_beyond_the_range_names_the_axis(bench: Bench) -> None:
    bench.put("magnetic_field", (0.0, -400.0, 0.0))
    bench.part.prepare()
    with pytest.raises(Saturated, match=r"magnetic_field_y: -32768 .* choose a larger range"):
        bench.sample()
    bench.part.prepare(range=800.0)
    assert bench.sample()[1] == pytest.approx(-400.0, abs=20.0)


def test_oversampling_quietens(bench: Bench) -> None:
    noise = []
    for oversampling in (512, 64):
        bench.part.prepare(rate=200.0, oversampling=oversampling)
        noise.append(statistics.stdev(bench.sample()[0] for _ in range(150)))
    assert noise[0] == pytest.approx(0.2, rel=0.25)
    assert noise[1] / noise[0] == pytest.approx(8**0.5, rel=0.3)


def test_a_sample_that_is_not_new_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.clock.sleep(0.01)
    with pytest.raises(NotReady, match=r"no new sample \(status 0x00\)"):
        bench.part.read()


def test_a_part_that_was_reset_since_it_was_prepared_says_so(bench: Bench) -> None:
    bench.part.prepare()
    bench.write(0x0A, 0x80)
    with pytest.raises(SettingsLost, match="are 000000, 010001 was written"):
        bench.sample()


@pytest.mark.parametrize("registers", [b"\xff" * 5, b"\x00\x00\x01\x00\x48"])
def test_an_empty_bus_and_a_copy_are_refused(bench: Bench, registers: bytes) -> None:
    bench.twin.send = lambda length: registers[:length]  # type: ignore[method-assign]
    with pytest.raises(WrongDevice, match=f"are {registers.hex()}; a QMC5883L has 0xff at"):
        bench.part.identify()


def test_starting_before_preparing_says_what_to_do(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.part.start()
