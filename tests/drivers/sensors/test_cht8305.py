"""CHT8305: driver and twin against the public sources, then against each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    BenchError,
    NotAcknowledged,
    NotReady,
    Saturated,
    SetpointError,
    SettingsLost,
    WrongDevice,
)
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.cht8305.driver import (
    AlertLimit,
    Cht8305,
    convert,
    decode_limit,
    decode_words,
    encode_limit,
)
from sensorbench.sensors.cht8305.twin import SimCht8305
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, Place, World


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, early: str = "refuses") -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed, {"temperature": 24.454, "humidity": 50.0})
        self.zone = self.world.zone()
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.put("supply", 3.3)
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimCht8305(Place(self.world, "7"), early=early)
        self.bus.attach(0x40, self.twin)
        self.part = Cht8305(self.bus, 0x40, self.clock)

    def put(self, where: str, value: float) -> None:
        self.world.changing()
        self.zone.bind(where, Constant(value))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        humidity_rh, temperature_c = self.part.read().values[0]
        return float(humidity_rh), float(temperature_c)

    def point(self, register: int, wait_s: float = 0.0) -> None:
        self.bus.transfer(0x40, bytes([register]))
        self.clock.sleep(wait_s)

    def read(self, length: int = 2) -> int:
        return int.from_bytes(self.bus.transfer(0x40, b"", length), "big")

    def register(self, register: int) -> int:
        self.point(register)
        return self.read()

    def write(self, register: int, word: int) -> None:
        self.bus.transfer(0x40, bytes([register]) + word.to_bytes(2, "big"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The driver against the sources.


def test_the_driver_decodes_the_worked_example() -> None:
    words = decode_words(bytes.fromhex("64008000"))
    assert words == (25600, 32768)
    assert convert(*words) == pytest.approx((50.00076, 24.45411), abs=5e-6)


def test_the_driver_encodes_the_worked_limit() -> None:
    assert encode_limit(AlertLimit(60.0, 50.0)) == 0x9916
    assert decode_limit(0x9916) == pytest.approx((59.3759, 49.5912), abs=5e-5)


@given(st.floats(0.0, 100.0), st.floats(-40.0, 125.0))
def test_a_limit_is_in_the_part_s_steps(humidity_rh: float, temperature_c: float) -> None:
    found = decode_limit(encode_limit(AlertLimit(humidity_rh, temperature_c)))
    assert humidity_rh - 1.6 <= found.humidity_rh <= humidity_rh
    assert temperature_c - 0.7 <= found.temperature_c <= temperature_c


@pytest.mark.parametrize("limit", [AlertLimit(101.0, 0.0), AlertLimit(50.0, 126.0)])
def test_a_limit_that_can_t_be_is_refused(limit: AlertLimit) -> None:
    with pytest.raises(SetpointError, match="0 to 100 %RH, -40 to 125 degC"):
        encode_limit(limit)


@pytest.mark.parametrize(
    "words",
    [
        (0, 9, 14, 14),
        (0xFFFC, 9, 14, 14),
        (0xFFE0, 9, 11, 14),
        (9, 0xFFE0, 14, 11),
        (9, 0xFF00, 14, 8),
    ],
)
def test_a_saturated_word_is_no_value(words: tuple[int, int, int, int]) -> None:
    with pytest.raises(Saturated, match="saturated"):
        convert(*words)


# The twin against the sources.


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    bench.twin._offset_c = bench.twin._offset_rh = 0.0
    bench.point(0x00, 0.014)
    found = bench.read(4)
    assert found >> 16 == pytest.approx(25600, abs=24)
    assert found & 0xFFFF == pytest.approx(32768, abs=80)
    assert found & 0x00030003 == 0


def test_the_twin_has_the_registers_of_a_reset_part(bench: Bench) -> None:
    assert [bench.register(r) for r in (0xFE, 0xFF, 0x02)] == [0x5959, 0x8305, 0x1004]
    bench.write(0x02, 0x9404)
    with pytest.raises(NotAcknowledged, match="starts"):
        bench.read()
    bench.clock.sleep(0.005)
    assert bench.register(0x02) == 0x1004
    assert not bench.twin.beyond


def test_no_unit_is_ready_after_7_ms_and_every_one_after_14() -> None:
    for seed in range(20):
        bench = Bench(seed=seed)
        bench.point(0x00, 0.007)
        with pytest.raises(NotAcknowledged, match="measures"):
            bench.read(4)
        bench.clock.sleep(0.007)
        bench.read(4)


def test_a_part_that_answers_early_has_the_result_before() -> None:
    bench = Bench(early="old")
    bench.point(0x00, 0.014)
    before = bench.read(4)
    bench.put("temperature", 60.0)
    bench.point(0x00, 0.005)
    assert bench.read(4) == before
    bench.clock.sleep(0.010)
    assert bench.read(4) >> 16 > before >> 16


def test_one_quantity_at_a_time_leaves_the_other_as_it_was(bench: Bench) -> None:
    bench.point(0x00, 0.014)
    before = bench.read(4)
    bench.write(0x02, 0x0000)
    bench.put("temperature", 60.0)
    bench.put("humidity", 20.0)
    bench.point(0x00, 0.007)
    assert bench.read(4) & 0xFFFF == before & 0xFFFF
    bench.point(0x01, 0.007)
    assert bench.read() < (before & 0xFFFF) / 2


def test_clock_stretching_holds_the_bus_until_the_measurement_ends(bench: Bench) -> None:
    bench.write(0x02, 0x5000)
    before_s = bench.clock.now()
    bench.point(0x00)
    bench.read(4)
    assert 0.011 <= bench.clock.now() - before_s <= 0.013


def test_a_weak_supply_shows_in_the_configuration(bench: Bench) -> None:
    bench.put("supply", 2.6)
    assert bench.register(0x02) == 0x1804


def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench) -> None:
    for data in ("021200", "02", "00aa", "fe1234", "10"):
        bench.bus.transfer(0x40, bytes.fromhex(data))
    bench.write(0x02, 0x3000)
    assert list(bench.twin.beyond) == ["write 00aa", "write fe1234", "register 0x10", "heater"]


# Driver and twin.


@pytest.mark.parametrize("early", ["refuses", "old"])
def test_reading_too_early_is_refused_whatever_the_part_does(early: str) -> None:
    bench = Bench(early=early)
    bench.part.prepare()
    bench.sample()
    bench.part.start()
    bench.clock.sleep(0.010)
    with pytest.raises(NotReady, match=r"read 10\.0 ms after the start; .* takes up to 14 ms"):
        bench.part.read()


@pytest.mark.parametrize("early", ["refuses", "old"])
def test_a_measurement_is_not_lost_to_a_question_in_between(early: str) -> None:
    bench = Bench(early=early)
    bench.part.prepare()
    bench.clock.sleep(bench.part.start() / 2)
    assert bench.part.identify().model == "CHT8305"
    bench.put("temperature", 60.0)
    bench.part.read_alerts()
    bench.clock.sleep(0.014)
    assert bench.part.read().values[0] == pytest.approx((50.0, 24.45), abs=4.0)


@pytest.mark.parametrize(
    ("name", "bits", "step"),
    [("temperature", 11, 165 / 2048), ("humidity", 11, 100 / 2048), ("humidity", 8, 100 / 256)],
)
def test_a_resolution_has_its_steps(bench: Bench, name: str, bits: int, step: float) -> None:
    bench.part.prepare(**{f"{name}_resolution": bits})
    column = ("humidity", "temperature").index(name)
    found = {bench.sample()[column] for _ in range(20)}
    bench.put(name, 30.0)
    found |= {bench.sample()[column] for _ in range(20)}
    assert len(found) <= 6
    lowest = min(found)
    assert all(abs((f - lowest) / step - round((f - lowest) / step)) < 0.01 for f in found)


def test_the_alert_tells_which_limit_was_passed(bench: Bench) -> None:
    bench.part.prepare()
    limit = bench.part.write_alert_limit(AlertLimit(60.0, 50.0))
    assert limit == pytest.approx((59.3759, 49.5912), abs=5e-5)
    seen = []
    for temperature_c, humidity_rh in ((25, 50), (25, 70), (60, 50)):
        bench.put("temperature", temperature_c)
        bench.put("humidity", humidity_rh)
        bench.sample()
        seen.append(bench.part.read_alerts())
    assert seen == [(False, False), (True, False), (False, True)]


@pytest.mark.parametrize(("mode", "pending"), [(0, 0b0110), (1, 0b0100), (2, 0b0010), (3, 0b0000)])
def test_the_alert_mode_says_which_of_them_count(bench: Bench, mode: int, pending: int) -> None:
    for number, (temperature_c, humidity_rh) in enumerate(((25, 50), (25, 70), (60, 50))):
        bench.write(0x02, 0x1000 | mode << 6)
        bench.write(0x03, 0x9916)
        bench.put("temperature", temperature_c)
        bench.put("humidity", humidity_rh)
        bench.point(0x00, 0.014)
        assert bench.register(0x02) >> 5 & 1 == pending >> number & 1


def test_a_dip_that_ended_before_the_measurement_did_is_noticed(bench: Bench) -> None:
    bench.part.prepare()
    for supply_v in (0.0, 3.3):
        bench.put("supply", supply_v)
    bench.clock.sleep(0.1)
    with pytest.raises(SettingsLost, match=r"is 0x1004, 0x1000 was written\. Did"):
        bench.sample()


def test_a_part_that_measures_for_somebody_else_is_taken_over(bench: Bench) -> None:
    bench.point(0x00)
    bench.part.prepare()
    assert bench.sample() == pytest.approx((50.0, 24.45), abs=4.0)


def test_a_cht8310_is_told_from_it(bench: Bench) -> None:
    assert bench.part.identify().firmware == "8305"
    bench.twin._registers[0xFF] = 0x5959
    with pytest.raises(WrongDevice, match="Is it a CHT8310"):
        bench.part.identify()
    with pytest.raises(WrongDevice, match="0xfe at bus0, address 0x40 is 0x5449"):
        Bench("identity").part.identify()


def test_starting_before_preparing_says_what_to_do(bench: Bench) -> None:
    with pytest.raises(BenchError, match="prepare"):
        bench.part.start()
