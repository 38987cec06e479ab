"""TMP117: driver and twin against the datasheet, then against each other."""

import statistics
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import NotAcknowledged, ProtocolError, SetpointError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.sensors.tmp117.driver import Tmp117, decode_temperature
from sensorbench.sensors.tmp117.twin import SimTmp117
from sensorbench.world.fields import Constant, Field, Moving, Wave
from sensorbench.world.imposed import Pieces
from sensorbench.world.world import Fault, Place, World


class Bench:
    def __init__(self, fault: str = "", seed: int = 1, ambient_c: float = 23.0) -> None:
        self.clock = VirtualClock()
        self.world = World(self.clock, seed, {"temperature": ambient_c})
        if fault:
            self.world.add_fault("7", Fault(fault))
        self.bus = SimulatedI2cBus("bus0")
        self.twin = SimTmp117(Place(self.world, "7", powered=False))
        self.bus.attach(0x48, self.twin)
        self.part = Tmp117(self.bus, 0x48, self.clock)

    def sample(self) -> float:
        self.clock.sleep(self.part.start())
        return float(self.part.read().values[0, 0])

    def read(self, register: int) -> int:
        return int.from_bytes(self.bus.transfer(0x48, bytes([register]), 2), "big")

    def write(self, register: int, word: int) -> None:
        self.bus.transfer(0x48, bytes([register]) + word.to_bytes(2, "big"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("result", "temperature_c"),
    [("0c80", 25.0), ("f380", -25.0), ("ffff", -0.0078125), ("3200", 100.0), ("7fff", 255.9921875)],
)
def test_the_driver_decodes_the_datasheet_table(result: str, temperature_c: float) -> None:
    assert decode_temperature(bytes.fromhex(result)) == temperature_c


@given(st.integers(-0x7FFF, 0x7FFF))
def test_every_result_decodes_to_its_own_temperature(result: int) -> None:
    data = result.to_bytes(2, "big", signed=True)
    assert round(decode_temperature(data) / 0.0078125) == result


@pytest.mark.parametrize(("ambient_c", "result"), [(25.5, 3264), (-25.0, 0xF380)])
def test_the_twin_gives_the_counts_of_the_datasheet(ambient_c: float, result: int) -> None:
    bench = Bench(ambient_c=ambient_c)
    bench.twin._offset_c = 0.0
    bench.read(0x00)
    bench.clock.sleep(0.2)
    assert bench.read(0x00) == pytest.approx(result, abs=3)


def test_no_result_is_never_taken_for_a_temperature(bench: Bench) -> None:
    bench.part.prepare()
    assert bench.read(0x00) == 0x8000
    with pytest.raises(ProtocolError, match="0x8000: nothing was converted"):
        decode_temperature(b"\x80\x00")


@pytest.mark.parametrize("averages", [1, 8, 32, 64])
def test_the_longest_conversion_time_is_always_enough(averages: int) -> None:
    for seed in range(20):
        bench = Bench(seed=seed)
        bench.part.prepare(averages=averages)
        assert bench.sample() == pytest.approx(23.0, abs=0.1)


def test_a_conversion_that_is_not_ready_is_refused(bench: Bench) -> None:
    bench.part.prepare()
    bench.twin._conversion_s = 0.03
    with pytest.raises(ProtocolError, match=r"0x48 has no new result; 8 conv.* 140 ms"):
        bench.sample()


def test_the_identity_is_the_units_own(bench: Bench) -> None:
    first = bench.part.identify().serial
    assert len(first) == 12
    assert first == Bench(seed=2).part.identify().serial
    other = SimTmp117(Place(bench.world, "8", powered=False))
    bench.bus.attach(0x49, other)
    assert Tmp117(bench.bus, 0x49, bench.clock).identify().serial != first


def test_reading_the_configuration_clears_its_flags(bench: Bench) -> None:
    bench.read(0x01)
    bench.clock.sleep(0.2)
    assert bench.read(0x01) == 0x2220
    assert bench.read(0x01) == 0x0220


def test_reading_the_result_clears_data_ready(bench: Bench) -> None:
    bench.read(0x01)
    bench.clock.sleep(0.2)
    bench.read(0x00)
    assert bench.read(0x01) == 0x0220


def limits(bench: Bench, low_c: float, high_c: float) -> None:
    bench.write(0x02, round(high_c * 128) & 0xFFFF)
    bench.write(0x03, round(low_c * 128) & 0xFFFF)
    bench.read(0x01)


def excursion(bench: Bench, kind: str) -> Field:
    """Return a field that goes to 100 degC and -50 degC by itself and is at 25 degC after 600 s."""
    now = bench.clock.now()
    if kind == "wave":
        return Wave(-50.0, 100.0, 600.0, "sine", now)
    times = np.array([0.0, 200.0, 201.2, 202.4, 400.0, 401.2, 402.4, 600.0])
    values = np.array([25.0, 25.0, 100.0, 25.0, 25.0, -50.0, 25.0, 25.0])
    return Pieces(times, values, since=now)


@pytest.mark.parametrize("kind", ["wave", "two spikes of two seconds"])
@pytest.mark.parametrize(
    ("low_c", "high_c", "flags"),
    [(-40.0, 90.0, 0xC000), (-60.0, 90.0, 0x8000), (-40.0, 110.0, 0x4000), (-60.0, 110.0, 0)],
)
def test_an_alert_that_came_and_went_between_two_looks_is_latched(
    bench: Bench, kind: str, low_c: float, high_c: float, flags: int
) -> None:
    limits(bench, low_c, high_c)
    bench.world.zone().bind("temperature", excursion(bench, kind))
    bench.clock.sleep(600.0)
    assert bench.read(0x01) & 0xC000 == flags
    assert bench.read(0x01) & 0xC000 == 0


def test_alerts_are_the_same_however_often_one_looks_in_between() -> None:
    """Noise alone takes some results over the limit: those, and only those, alert."""
    for limit_c in (23.02, 23.05, 23.08):
        seldom, often = Bench(), Bench()
        for bench in (seldom, often):
            bench.twin._offset_c = 0.0
            limits(bench, -100.0, limit_c)
        seldom.clock.sleep(500.0)
        seen = 0
        for _ in range(500):
            often.clock.sleep(1.0)
            seen |= often.read(0x01)
        assert seldom.read(0x01) & 0xC000 == seen & 0xC000


def test_a_million_conversions_are_looked_at_in_a_moment(bench: Bench) -> None:
    bench.write(0x01, 0x0000)  # the shortest cycle
    limits(bench, 22.0, 24.0)
    oven = Moving(
        23.0, fastest_up=0.1, tau_s=10.0, moves_before=bench.world.changing, now=bench.clock.now()
    )
    bench.world.zone().bind("temperature", oven)
    started = time.perf_counter()
    for _ in range(4):
        bench.clock.sleep(1e6)  # 64 million conversions
        assert bench.read(0x01) & 0xC000 == 0
    assert time.perf_counter() - started < 1.0


def test_a_fault_of_a_while_alerts_like_any_result() -> None:
    bench = Bench()
    bench.world.add_fault("7", Fault("stuck", 100.0, 110.0))  # at 26.5 degC
    limits(bench, -100.0, 26.0)
    bench.clock.sleep(90.0)
    assert bench.read(0x01) & 0xC000 == 0
    bench.clock.sleep(90.0)
    assert bench.read(0x01) & 0xC000 == 0x8000


def test_a_limit_that_is_passed_sets_its_flag(bench: Bench) -> None:
    bench.write(0x02, 20 * 128)
    bench.clock.sleep(0.2)
    assert bench.read(0x01) & 0xC000 == 0x8000
    bench.write(0x02, 0x6000)
    bench.write(0x03, 30 * 128)
    bench.clock.sleep(1.1)
    assert bench.read(0x01) & 0xC000 == 0x4000


def test_the_pointer_stays_where_it_was_put(bench: Bench) -> None:
    bench.read(0x0F)
    assert bench.bus.transfer(0x48, b"", 2) == b"\x01\x17"
    assert bench.bus.transfer(0x48, b"", 2) == b"\x01\x17"


def test_the_offset_register_is_added_to_every_result(bench: Bench) -> None:
    bench.part.prepare()
    before_c = bench.sample()
    bench.write(0x07, 0x0080)
    assert bench.sample() - before_c == pytest.approx(1.0, abs=0.05)


def test_preparing_a_part_stops_its_conversions(bench: Bench) -> None:
    bench.part.prepare()
    bench.read(0x01)
    bench.clock.sleep(5)
    assert bench.read(0x01) & 0x2C00 == 0x0400


def test_the_eeprom_is_locked_before_anything_else_is_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[bytes] = []
    receive = bench.twin.receive

    def record(data: bytes) -> None:
        writes.append(data)
        receive(data)

    monkeypatch.setattr(bench.twin, "receive", record)
    bench.part.prepare()
    assert writes[0] == b"\x04\x00\x00"


def test_what_is_written_while_the_eeprom_is_unlocked_holds_after_a_reset_and_is_counted(
    bench: Bench,
) -> None:
    bench.write(0x02, 0x1111)  # locked: the register alone
    bench.write(0x04, 0x8000)
    assert bench.read(0x04) == 0x8000
    for register, word in ((0x02, 0x1234), (0x05, 0xCAFE), (0x01, 0x0400)):
        bench.write(register, word)
        assert bench.read(0x04) == 0xC000  # busy
        assert bench.read(0x01) & 0x1000
        bench.clock.sleep(0.007)
        assert bench.read(0x04) == 0x8000
    assert bench.twin.memory.writes == 3
    bench.bus.transfer(0x00, b"\x06")
    bench.clock.sleep(0.002)
    bench.write(0x02, 0x2222)  # a reset locks it again
    assert (bench.read(0x04), bench.read(0x05)) == (0, 0xCAFE)
    bench.bus.transfer(0x48, b"\x01\x00\x02")  # a soft reset, too
    bench.clock.sleep(0.002)
    assert (bench.read(0x01) & 0x0FFC, bench.read(0x02)) == (0x0400, 0x1234)
    again = SimTmp117(Place(bench.world, "7", powered=False))  # after a power cycle
    assert (again.memory.writes, again.memory.words[0x05]) == (3, 0xCAFE)


def test_a_write_while_the_eeprom_is_busy_programs_nothing(bench: Bench) -> None:
    bench.write(0x04, 0x8000)
    bench.write(0x02, 0x1234)
    bench.write(0x03, 0x0123)
    assert bench.twin.memory.writes == 1
    assert len(bench.twin.beyond) == 1


def test_whatever_the_driver_does_no_cell_is_burnt(bench: Bench) -> None:
    bench.write(0x04, 0x8000)  # somebody left it unlocked
    for averages in (1, 8, 32, 64):
        bench.part.identify()
        bench.part.prepare(averages=averages)
        bench.sample()
    assert bench.twin.memory.writes == 0


def test_a_part_in_reset_does_not_acknowledge(bench: Bench) -> None:
    bench.write(0x01, 0x0002)
    with pytest.raises(NotAcknowledged, match="in reset"):
        bench.read(0x0F)
    bench.clock.sleep(0.002)
    assert bench.read(0x0F) == 0x0117


def test_averaging_quietens() -> None:
    noise = {}
    for averages in (1, 64):
        bench = Bench()
        bench.part.prepare(averages=averages)
        noise[averages] = statistics.stdev(bench.sample() for _ in range(200))
    assert noise[1] == pytest.approx(0.016, rel=0.2)
    assert noise[64] < noise[1] / 4


@pytest.mark.parametrize(
    "write",
    [
        b"\x05\x12\x34",  # the EEPROM is locked
        b"\x01\x00\x10",  # therm mode
        b"\x01\x00\x04",  # the alert pin as data-ready
        b"\x01\x00",
        b"\x0a",
        b"\x00\x12\x34",  # can only be read
        b"\x0f\x12\x34",
    ],
)
def test_what_is_not_modelled_is_acknowledged_and_on_record(bench: Bench, write: bytes) -> None:
    before = bench.read(0x05)
    assert not bench.twin.beyond
    bench.bus.transfer(0x48, write)
    assert len(bench.twin.beyond) == 1
    assert bench.read(0x05) == before


def test_a_general_call_resets(bench: Bench) -> None:
    bench.read(0x01)
    bench.write(0x02, 0x1234)
    bench.bus.transfer(0x00, b"\x06")
    with pytest.raises(NotAcknowledged, match="in reset"):
        bench.read(0x02)
    bench.clock.sleep(0.002)
    assert bench.read(0x02) == 0x6000
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(0x00, b"\x04")


@pytest.mark.parametrize(("register", "limit_c", "bit"), [(0x02, 20.0, 1), (0x03, 30.0, 0)])
def test_a_passed_limit_is_told_to_an_smbus_alert_once(
    bench: Bench, register: int, limit_c: float, bit: int
) -> None:
    bench.read(0x01)
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(0x0C, b"", 1)
    bench.write(register, round(limit_c * 128))
    bench.clock.sleep(2.0)
    assert bench.bus.transfer(0x0C, b"", 1) == bytes([0x48 << 1 | bit])
    with pytest.raises(NotAcknowledged):
        bench.bus.transfer(0x0C, b"", 1)
    bench.clock.sleep(2.0)
    assert bench.bus.transfer(0x0C, b"", 1) == bytes([0x48 << 1 | bit])  # it still is beyond


def test_the_part_converts_from_when_its_supply_came() -> None:
    clock = VirtualClock()
    world = World(clock)
    twin = SimTmp117(Place(world, "7"))
    clock.sleep(1.0)
    world.zone().bind("supply", Constant(3.3))
    clock.sleep(2.0)
    twin.receive(b"\x00")
    assert int.from_bytes(twin.send(2), "big") / 128 == pytest.approx(23.0, abs=0.2)


def test_a_result_is_of_the_time_it_was_converted_at(bench: Bench) -> None:
    bench.part.prepare()
    bench.clock.sleep(bench.part.start())
    bench.world.zone().bind("temperature", Constant(85.0))
    bench.clock.sleep(3600.0)
    assert bench.part.read().values[0, 0] == pytest.approx(23.0, abs=0.2)
    assert bench.sample() == pytest.approx(85.0, abs=0.5)


def test_what_was_read_is_not_read_again(bench: Bench) -> None:
    bench.part.prepare()
    bench.sample()
    with pytest.raises(ProtocolError, match="no new result"):
        bench.part.read()


def test_a_dip_of_the_supply_is_noticed() -> None:
    clock = VirtualClock()
    world = World(clock)
    world.zone().bind("supply", Constant(3.3))
    bus = SimulatedI2cBus("bus0")
    bus.attach(0x48, SimTmp117(Place(world, "7")))
    part = Tmp117(bus, 0x48, clock)
    part.prepare()
    part.start()
    for voltage_v in (0.5, 3.3):
        world.zone().bind("supply", Constant(voltage_v))
    clock.sleep(5.0)
    with pytest.raises(ProtocolError, match="Did its supply dip"):
        part.read()


@pytest.mark.parametrize("wrong", [{"averages": 2}, {"averages": 8.5}, {"speed": 1}])
def test_a_setting_that_can_t_be_is_refused(bench: Bench, wrong: dict[str, object]) -> None:
    with pytest.raises(SetpointError, match=r"1, 8, 32, 64|no setting .speed.; there are averages"):
        bench.part.prepare(**wrong)


def test_another_part_in_the_socket_is_refused() -> None:
    with pytest.raises(ProtocolError, match="DEVICE_ID at bus0, address 0x48 is 0x0116"):
        Bench("identity").part.identify()


def test_a_silent_part_is_not_acknowledged() -> None:
    with pytest.raises(NotAcknowledged, match="part 7 is silent"):
        Bench("silent").part.identify()
