"""QMC5883P: driver and twin against the public sources, then against each other."""

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
from sensorbench.sensors.qmc5883p.driver import Qmc5883p, decode_counts, field_ut
from sensorbench.sensors.qmc5883p.twin import SimQmc5883p
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World

FIELD_UT = (50.0, -25.0133, 10.0)
EXAMPLE = bytes.fromhex("530756fc7701")  # the same at 8 gauss


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, cleared_by: str = "data") -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed, {"temperature": 25.0})
        self.zone = self.world.zone()
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.put("supply", 3.3)
        self.put("magnetic_field", FIELD_UT)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimQmc5883p(Place(self.world, "7"), cleared_by=cleared_by)
        self.bus.attach(0x2C, self.twin)
        self.part = Qmc5883p(self.bus, 0x2C, self.clock)

    def put(self, where: str, value: float | tuple[float, ...]) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> list[float]:
        self.clock.sleep(self.part.start())
        return [float(value) for value in self.part.read().values[0]]

    def read(self, register: int, length: int = 1) -> bytes:
        return self.bus.transfer(0x2C, bytes([register]), length)

    def write(self, register: int, value: int) -> None:
        self.bus.transfer(0x2C, bytes([register, value]))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_driver_decodes_the_worked_example() -> None:
    counts = decode_counts(EXAMPLE)
    assert counts == (1875, -938, 375)
    assert [field_ut(count, 800.0) for count in counts] == pytest.approx(FIELD_UT, abs=1e-4)


@pytest.mark.parametrize(
    ("range_ut", "field"), [(3000.0, 100.0), (1200.0, 40.0), (800.0, 26.6667), (200.0, 6.6667)]
)
def test_the_ranges_have_the_published_scale(range_ut: float, field: float) -> None:
    assert field_ut(1000, range_ut) == pytest.approx(field, abs=1e-4)


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    sense = bench.twin._sense
    sense.offset_ut, sense.gain = sense.offset_ut * 0, sense.gain * 0 + 1
    bench.write(0x0B, 0x08)
    bench.write(0x0A, 0x01)
    bench.clock.sleep(0.2)
    assert decode_counts(bench.read(0x01, 6)) == pytest.approx((1875, -938, 375), abs=35)
    bench.write(0x0B, 0x80)
    assert bench.read(0x00, 14) == b"\x80" + bytes(13)
    assert not bench.twin.beyond


@pytest.mark.parametrize("cleared_by", ["data", "status"])
@pytest.mark.parametrize(("code", "rate_hz"), [(0x01, 10), (0x05, 50), (0x0D, 200), (0x0F, 1500)])
def test_samples_come_at_their_rate(code: int, rate_hz: int, cleared_by: str) -> None:
    bench = Bench(cleared_by=cleared_by)
    bench.write(0x0A, code)
    got = 0
    for _ in range(400):
        bench.clock.sleep(0.1 / rate_hz)
        if bench.read(0x09)[0] & 0x01:
            bench.read(0x01, 6)
            got += 1
    assert got == pytest.approx(40, abs=2)


def test_a_single_sample_suspends_the_part(bench: Bench) -> None:
    bench.write(0x0A, 0x0E)
    bench.clock.sleep(0.1)
    assert bench.read(0x09, 2) == b"\x01\x0c"
    bench.read(0x01, 6)
    bench.clock.sleep(0.1)
    assert bench.read(0x09) == b"\x00"
    assert bench.twin.supply_current_a() < 1e-5


def test_an_overflow_shows_in_the_status(bench: Bench) -> None:
    bench.put("magnetic_field", (0.0, 0.0, -500.0))
    bench.write(0x0B, 0x0C)
    bench.write(0x0A, 0x0D)
    bench.clock.sleep(0.02)
    assert bench.read(0x09)[0] == 0x03
    assert decode_counts(bench.read(0x01, 6))[2] == -32768


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    bench.write(0x29, 0x06)
    bench.write(0x0D, 0x40)
    bench.write(0x06, 0x29)
    bench.write(0x0B, 0x40)
    bench.read(0x40)
    assert bench.read(0x29) + bench.read(0x0D) + bench.read(0x06) == b"\x06\x40\x00"
    assert list(bench.twin.beyond) == [
        "write 0x06 to 0x29",
        "write 0x40 to 0x0d",
        "write 0x29 to 0x06",
        "self-test while suspended",
        "read from 0x40",
    ]


def test_it_starts_when_its_supply_comes(bench: Bench) -> None:
    bench.put("supply", 0.0)
    bench.put("supply", 3.3)
    with pytest.raises(NotAcknowledged, match="starts"):
        bench.read(0x00)
    bench.clock.sleep(250e-6)
    assert bench.read(0x00) == b"\x80"


# Driver and twin.


@pytest.mark.parametrize("cleared_by", ["data", "status"])
@pytest.mark.parametrize("range_ut", [200.0, 800.0, 1200.0, 3000.0])
def test_the_driver_reads_what_the_place_has(range_ut: float, cleared_by: str) -> None:
    bench = Bench(cleared_by=cleared_by)
    bench.part.prepare(range=range_ut)
    assert bench.sample() == pytest.approx(FIELD_UT, abs=6.0)
    with pytest.raises(NotReady, match=r"no new sample \(status 0x00\)"):
        bench.part.read()
    assert not bench.twin.beyond


def test_a_field_beyond_the_range_names_the_axis(bench: Bench) -> None:
    bench.put("magnetic_field", (0.0, 0.0, 1000.0))
    bench.part.prepare(range=800.0)
    with pytest.raises(Saturated, match=r"magnetic_field_z: 32767 .* choose a larger range"):
        bench.sample()
    bench.part.prepare(range=1200.0)
    assert bench.sample()[2] == pytest.approx(1000.0, abs=40.0)


@pytest.mark.parametrize("few", [{"oversampling": 1}, {"oversampling": 2, "downsampling": 2}])
def test_oversampling_and_downsampling_quieten(bench: Bench, few: dict[str, int]) -> None:
    averaged = few["oversampling"] * few.get("downsampling", 1)
    noise = []
    for settings in ({"oversampling": 8, "downsampling": 1}, few):
        bench.part.prepare(rate=200.0, **settings)
        noise.append(statistics.stdev(bench.sample()[0] for _ in range(150)))
    assert noise[0] == pytest.approx(0.2, rel=0.25)
    assert noise[1] / noise[0] == pytest.approx((8 / averaged) ** 0.5, rel=0.3)


def test_the_self_test_moves_every_axis_and_leaves_the_part_as_it_was(bench: Bench) -> None:
    bench.part.prepare(range=1200.0)
    moved = bench.part.self_test()
    assert list(moved) == ["magnetic_field_x", "magnetic_field_y", "magnetic_field_z"]
    assert all(25.0 < value < 55.0 for value in moved.values())
    assert bench.read(0x0A, 2) == b"\x01\x04"
    assert bench.sample() == pytest.approx(FIELD_UT, abs=6.0)


def test_a_dead_bridge_shows_in_the_self_test() -> None:
    assert all(value < 2.0 for value in Bench("self_test").part.self_test().values())


def test_a_self_test_that_never_ends_is_an_error(bench: Bench) -> None:
    send = bench.twin.send
    pointers: list[int] = []

    def busy(length: int) -> bytes:
        pointers.append(bench.twin._pointer)
        return bytes([send(length)[0] | 0x40]) if pointers[-1] == 0x0B else send(length)

    bench.twin.send = busy  # type: ignore[method-assign]
    with pytest.raises(NotReady, match="never finished its self-test"):
        bench.part.self_test()


def test_a_part_that_was_reset_since_it_was_prepared_says_so(bench: Bench) -> None:
    bench.part.prepare()
    bench.write(0x0B, 0x80)
    with pytest.raises(SettingsLost, match="are 0000, 010c was written"):
        bench.sample()


def test_another_part_in_the_socket_is_refused(bench: Bench) -> None:
    assert bench.part.identify().or_models == ("QMC6310",)
    with pytest.raises(WrongDevice, match="are 0x10 and 0x00; a QMC5883P has 0x80"):
        Bench("identity").part.identify()
    bench.write(0x0D, 0x10)  # as a DPS310 has it
    with pytest.raises(WrongDevice, match="are 0x80 and 0x10"):
        bench.part.identify()


def test_starting_before_preparing_says_what_to_do(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.part.start()
