"""SHT4x: driver and twin against the reference, then against each other."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, NotAcknowledged, ProtocolError, SetpointError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.protocols.checksums import crc8, decode_words
from sensorbench.sensors.sht4x.driver import Sht4x, convert
from sensorbench.sensors.sht4x.twin import SimSht4x, _framed
from sensorbench.world.fields import Constant, Moving
from sensorbench.world.world import Fault, Place, World

EXAMPLE = bytes.fromhex("666693 72b0dc")  # 25.0 degC, 50.0006 %RH


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, serial: str = "7") -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed)
        self.zone = self.world.zone()
        self.zone.bind("supply", Constant(3.3))
        if fault:
            self.world.add_fault(serial, Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimSht4x(Place(self.world, serial))
        self.bus.attach(0x44, self.twin)
        self.part = Sht4x(self.bus, 0x44, self.clock)

    def ambient(self, temperature_c: float, humidity_rh: float) -> None:
        self.zone.bind("temperature", Constant(temperature_c))
        self.zone.bind("humidity", Constant(humidity_rh))

    def supply(self, supply_v: float) -> None:
        self.zone.bind("supply", Constant(supply_v))

    def sample(self) -> tuple[float, float]:
        self.clock.sleep(self.part.start())
        humidity_rh, temperature_c = self.part.read().values[0]
        return float(humidity_rh), float(temperature_c)

    def write(self, command: int) -> None:
        self.bus.transfer(0x44, bytes([command]))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_driver_decodes_the_worked_example() -> None:
    humidity_rh, temperature_c = convert(*decode_words(EXAMPLE, 2))
    assert temperature_c == 25.0
    assert humidity_rh == pytest.approx(50.0006, abs=5e-5)


def test_humidity_is_no_sht3x() -> None:
    # -6 + 125 x, not 100 x; what lies beyond 0 and 100 %RH is shown as it is.
    assert convert(26214, 3145)[0] == pytest.approx(-0.0012, abs=1e-3)
    assert convert(26214, 56623)[0] > 100.0


def test_the_twin_gives_the_bytes_of_the_worked_example(bench: Bench) -> None:
    bench.twin._offset_c = bench.twin._offset_rh = 0.0
    bench.ambient(25.0, 50.0006)
    bench.world.ambient["temperature"] = 25.0  # no gradient towards the part
    bench.write(0xFD)
    bench.clock.sleep(0.0083)
    answer = bench.bus.transfer(0x44, b"", 6)
    assert int.from_bytes(answer[0:2], "big") == pytest.approx(26214, abs=20)
    assert int.from_bytes(answer[3:5], "big") == pytest.approx(29360, abs=60)
    assert _framed(bytes.fromhex("666672b0")) == EXAMPLE


@given(st.binary(min_size=4, max_size=4))
def test_what_the_twin_frames_the_driver_reads(words: bytes) -> None:
    answer = _framed(words)
    assert decode_words(answer, 2) == (
        int.from_bytes(words[:2], "big"),
        int.from_bytes(words[2:], "big"),
    )
    assert answer[2] == crc8(words[:2])


@given(st.integers(0, 5), st.integers(0, 7))
def test_any_flipped_bit_is_noticed(byte: int, bit: int) -> None:
    damaged = bytearray(EXAMPLE)
    damaged[byte] ^= 1 << bit
    with pytest.raises(ProtocolError, match="damaged on the wire"):
        decode_words(bytes(damaged), 2)


@pytest.mark.parametrize("length", [0, 3, 5, 7])
def test_another_length_names_what_came(length: int) -> None:
    with pytest.raises(ProtocolError, match=f"got {length}"):
        decode_words(bytes(length), 2)


@pytest.mark.parametrize("words", [(0, 29360), (0xFFFF, 29360), (26214, 0), (26214, 0xFFFF)])
def test_a_saturated_word_is_no_value(words: tuple[int, int]) -> None:
    with pytest.raises(ProtocolError, match="saturated"):
        convert(*words)


@pytest.mark.parametrize(
    ("temperature_c", "humidity_rh"), [(-20, 20), (5, 90), (25, 50), (85, 85), (60, 10)]
)
def test_the_driver_reads_what_the_place_has(
    bench: Bench, temperature_c: float, humidity_rh: float
) -> None:
    bench.ambient(temperature_c, humidity_rh)
    bench.part.prepare()
    found_rh, found_c = bench.sample()
    assert found_c == pytest.approx(temperature_c, abs=0.6)
    assert found_rh == pytest.approx(humidity_rh, abs=3.6)


@pytest.mark.parametrize(
    ("repeatability", "noise_rh"), [("high", 0.08 / 3), ("medium", 0.05), ("low", 0.25 / 3)]
)
def test_repeatability_sets_the_noise_and_the_longest_time_is_enough(
    bench: Bench, repeatability: str, noise_rh: float
) -> None:
    bench.part.prepare(repeatability=repeatability)
    found = [bench.sample()[0] for _ in range(300)]
    assert statistics.stdev(found) == pytest.approx(noise_rh, rel=0.2)


def test_every_unit_is_ready_within_the_longest_time() -> None:
    for seed in range(20):
        for repeatability in ("high", "medium", "low"):
            bench = Bench(seed=seed)
            bench.part.prepare(repeatability=repeatability)
            bench.sample()


def test_another_repeatability_is_refused_with_the_allowed_ones(bench: Bench) -> None:
    with pytest.raises(SetpointError, match="'high', 'medium', 'low'"):
        bench.part.prepare(repeatability="best")
    with pytest.raises(SetpointError, match="no setting 'heater'"):
        bench.part.prepare(heater="on")


def test_reading_too_early_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.clock.sleep(0.004)
    with pytest.raises(ProtocolError, match=r"not ready 4\.0 ms after the start.* 8\.3 ms"):
        bench.part.read()


def test_a_measurement_is_given_once(bench: Bench) -> None:
    bench.part.prepare()
    bench.sample()
    with pytest.raises(BenchError, match="start"):
        bench.part.read()
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.bus.transfer(0x44, b"", 6)


def test_command_and_read_in_one_transfer_is_not_acknowledged(bench: Bench) -> None:
    with pytest.raises(NotAcknowledged, match="busy"):
        bench.bus.transfer(0x44, b"\xfd", 6)


def test_a_measurement_keeps_the_conditions_it_was_taken_in(bench: Bench) -> None:
    bench.ambient(20.0, 40.0)
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    bench.ambient(80.0, 40.0)
    assert bench.part.read().values[0][1] == pytest.approx(20.0, abs=0.6)


def test_the_serial_number_is_the_units_own(bench: Bench) -> None:
    found = bench.part.identify()
    assert (found.manufacturer, found.model) == ("Sensirion", "SHT4x")
    assert found.serial == Bench(seed=9).part.identify().serial
    assert found.serial != Bench(serial="8").part.identify().serial


def test_a_part_that_heats_for_somebody_else_is_waited_for(bench: Bench) -> None:
    bench.write(0x39)
    assert list(bench.twin.beyond) == ["heater 0x39"]
    bench.part.prepare()
    assert bench.sample()[1] == pytest.approx(23.0, abs=0.6)


def test_the_driver_never_heats(bench: Bench) -> None:
    bench.part.identify()
    bench.part.prepare(repeatability="low")
    bench.sample()
    assert not bench.twin.beyond


def test_a_part_without_supply_does_not_answer(bench: Bench) -> None:
    bench.supply(0.9)
    with pytest.raises(NotAcknowledged, match="no supply"):
        bench.part.identify()


def test_a_part_starts_when_its_supply_comes(bench: Bench) -> None:
    bench.supply(0.0)
    bench.clock.sleep(1.0)
    bench.supply(3.3)
    with pytest.raises(NotAcknowledged, match="busy"):
        bench.part.identify()
    bench.clock.sleep(0.001)
    bench.part.identify()


def test_a_damaged_answer_is_refused() -> None:
    bench = Bench("crc")
    bench.part.prepare()
    with pytest.raises(ProtocolError, match=r"bus0, address 0x44: the CRC of"):
        bench.sample()


def test_a_silent_part_is_not_acknowledged() -> None:
    with pytest.raises(NotAcknowledged, match="part 7 is silent"):
        Bench("silent").part.prepare()


def test_a_fault_has_its_time(bench: Bench) -> None:
    bench.world.add_fault("7", Fault("stuck", at_s=100.0))
    bench.ambient(40.0, 20.0)
    bench.part.prepare()
    assert bench.sample()[1] == pytest.approx(40.0, abs=0.6)
    bench.clock.sleep(100.0)
    humidity_rh, temperature_c = bench.sample()
    assert (round(humidity_rh, 3), temperature_c) == (50.001, 25.0)


def test_noise_and_drift_can_be_had() -> None:
    bench = Bench("noise")
    bench.part.prepare()
    assert statistics.stdev(bench.sample()[0] for _ in range(50)) > 0.5
    healthy, drifted = Bench(), Bench("drift")
    for each in (healthy, drifted):
        each.clock.sleep(1.0)
        each.ambient(125.0, 20.0)
        each.clock.sleep(1000 * 3600.0)
        each.ambient(25.0, 50.0)
        each.part.prepare()
    assert abs(drifted.sample()[0] - healthy.sample()[0]) > 3.5


def test_it_draws_more_while_it_measures(bench: Bench) -> None:
    idle_a = bench.twin.supply_current_a()
    bench.part.start()
    assert idle_a < 1e-6
    assert bench.twin.supply_current_a() > 2e-4


def test_a_measurement_is_of_the_time_at_which_it_ended(bench: Bench) -> None:
    air = Moving(
        23.0, fastest_up=0.5, tau_s=1.0, moves_before=bench.world.changing, now=bench.clock.now()
    )
    bench.zone.bind("temperature", air)
    air.go(80.0, bench.clock.now())
    bench.clock.sleep(10.0)
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    then_c = bench.twin._place.temperature_c()
    bench.clock.sleep(60.0)  # nobody fetches it while the air goes on
    assert bench.part.read().values[0, 1] == pytest.approx(then_c, abs=0.3)


@pytest.mark.parametrize("command", [0xFD, 0xF6, 0xE0, 0x39, 0x15])
@pytest.mark.parametrize(("address", "reset"), [(0x44, b"\x94"), (0x00, b"\x06")])
def test_a_reset_aborts_what_a_command_began(
    bench: Bench, command: int, address: int, reset: bytes
) -> None:
    bench.write(command)
    bench.clock.sleep(0.0005)
    with pytest.raises(NotAcknowledged, match="is busy"):
        bench.write(0x89)
    bench.bus.transfer(address, reset)
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(address, reset)  # it starts, and hears nothing
    bench.clock.sleep(0.001)
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.bus.transfer(0x44, b"", 6)
    bench.write(0x89)
    assert len(bench.bus.transfer(0x44, b"", 6)) == 6


def test_a_general_call_resets(bench: Bench) -> None:
    bench.part.prepare()
    bench.part.start()
    bench.clock.sleep(0.01)
    bench.bus.transfer(0x00, b"\x06")
    bench.clock.sleep(0.001)
    with pytest.raises(NotAcknowledged, match="nothing to give"):
        bench.bus.transfer(0x44, b"", 6)
