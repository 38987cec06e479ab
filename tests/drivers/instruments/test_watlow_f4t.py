"""Watlow F4T: driver and twin over both framings, against ChamberConnectLibrary's exchanges."""

from __future__ import annotations

import os
import struct
from typing import Any

import minimalmodbus
import pytest
from pymodbus.client import ModbusTcpClient

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import (
    InstrumentError,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.instruments.watlow_f4t.driver import WatlowF4t
from sensorbench.instruments.watlow_f4t.twin import SimWatlowF4t
from sensorbench.instruments.watlow_f4t.twin_loops import Course, Step
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.protocols.modbus_frames import with_crc
from sensorbench.world.world import Place, World

from .rigs import Rig

SERIAL = "SIM-77001"
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


class Chamber(Rig):
    """A twin, its driver on a line in process, and what travels there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.written: list[tuple[int, bytes]] = []
        self.refused: set[int] = set()

    def make(self, twin: dict[str, Any] | None = None, **driver: Any) -> Chamber:
        self.twin = SimWatlowF4t(self.world, SERIAL, **(twin or {}))
        self.terminators, self.reply_terminator = (), b""
        line = InProcessLine(self, WatlowF4t.LINE, "chamber")
        self.driver: Any = WatlowF4t(line, self.clock, **driver)
        return self

    def handle(self, line: bytes) -> bytes | None:
        if line[1] in (6, 16):
            address = int.from_bytes(line[2:4], "big")
            self.written.append((address, line))
            if address in self.refused:
                return with_crc(bytes([line[0], line[1] | 0x80, 4]))
        return self.twin.handle(line)

    @property
    def written_to(self) -> list[int]:
        return [address for address, _ in self.written]


@pytest.fixture
def chamber(world: World, clock: VirtualClock) -> Chamber:
    return Chamber(world, clock)


# What it is told and tells.


def test_it_goes_where_it_is_told_and_says_so(chamber: Chamber) -> None:
    driver = chamber.make().driver
    assert driver.temperature.go(85.0) == 85.0
    assert driver.temperature.told() == Held(85.0)
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(85.0, abs=0.5)
    assert driver.temperature.read() == pytest.approx(85.0, abs=0.2)
    driver.humidity.go(60.04)
    chamber.clock.sleep(7200.0)
    assert driver.humidity.told() == Held(60.0)
    assert driver.humidity.read() == pytest.approx(60.0, abs=1.0)


def test_the_set_point_comes_before_control_and_nothing_is_written_twice(chamber: Chamber) -> None:
    driver = chamber.make().driver
    driver.temperature.go(85.0)
    assert chamber.written_to == [2782, 2730]
    driver.temperature.go(85.0)
    assert chamber.written_to == [2782, 2730]


def test_a_ramp_is_the_controllers_own_and_starts_where_the_air_is(chamber: Chamber) -> None:
    driver = chamber.make().driver
    driver.temperature.go(80.0)
    chamber.clock.sleep(120.0)  # the set point is far ahead of the air
    here = chamber.air()
    driver.temperature.go(-20.0, 1.0 / 60)
    assert driver.temperature.told() == Held(-20.0)
    chamber.clock.sleep(600.0)
    assert chamber.air() == pytest.approx(here - 10.0, abs=0.5)
    closed = chamber.twin.plant.closed(0)
    assert closed == pytest.approx(here - 10.0, abs=1.0)
    driver.temperature.go(50.0)  # and without a rate there is none
    assert chamber.twin.plant.closed(0) == 50.0


def test_fahrenheit_on_the_wire_is_degc_to_the_bench(chamber: Chamber) -> None:
    driver = chamber.make({"gives": "F"}).driver
    assert driver.temperature.go(85.0) == 85.0
    assert chamber.written[0][1][7:11] == bytes.fromhex("00004339")  # 185 degF
    assert driver.temperature.told() == Held(85.0)
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(85.0, abs=0.5)
    driver.temperature.go(25.0, 2.0 / 60)
    assert chamber.twin.plant.loops[0].ramp_rate == pytest.approx(2.0)
    chamber.fault("units_changed")  # at the panel, to Celsius
    assert driver.temperature.told() == Held(25.0)


def test_old_firmware_that_tells_no_unit_is_not_believed(chamber: Chamber) -> None:
    driver = chamber.make({"gives": ""}).driver
    assert driver.identify().model == "F4T"  # the first contact only reads
    for ask in (driver.temperature.read, lambda: driver.temperature.go(85.0)):
        with pytest.raises(ProtocolError, match='write units = "F" or units = "C" in station'):
            ask()
    assert chamber.written == []


def test_old_firmware_is_read_in_the_unit_that_station_toml_says(chamber: Chamber) -> None:
    driver = chamber.make({"gives": ""}, units="F").driver
    assert driver.temperature.go(85.0) == 85.0
    chamber.clock.sleep(7200.0)
    assert driver.temperature.read() == pytest.approx(85.0, abs=0.2)


def test_a_unit_that_is_not_the_declared_one_is_an_error(chamber: Chamber) -> None:
    driver = chamber.make({"gives": "F"}, units="C").driver
    with pytest.raises(ProtocolError, match=r"in degF, station\.toml says degC"):
        driver.temperature.go(85.0)


@pytest.mark.parametrize("words", ["low first", "high first"])
def test_a_wrong_word_order_is_told_before_a_value_is_read_or_written(
    chamber: Chamber, words: str
) -> None:
    other = {"low first": "high first", "high first": "low first"}[words]
    driver = chamber.make({"words": words}, words=other).driver
    for ask in (driver.identify, driver.temperature.read, lambda: driver.temperature.go(85.0)):
        with pytest.raises(ProtocolError, match="word order"):
            ask()
    assert chamber.written == []
    right = chamber.make({"words": words}, words=words).driver
    assert right.temperature.read() == pytest.approx(23.0, abs=0.5)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"words": "big"}, "allowed: low first, high first"),
        ({"units": "K"}, "allowed: C, F"),
        ({"power_event": 9}, "events are 1 to 8"),
        ({"address": 0}, "1 to 247"),
    ],
)
def test_options_that_can_not_be_are_refused(
    chamber: Chamber, option: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        chamber.make(**option)


def test_another_device_is_refused(chamber: Chamber) -> None:
    driver = chamber.make().driver
    chamber.fault("identity")
    with pytest.raises(WrongDevice, match="'PM6C1CA-AAAAAAA' is no F4T's"):
        driver.identify()


def test_it_says_who_it_is(chamber: Chamber) -> None:
    identity = chamber.make().driver.identify()
    assert (identity.manufacturer, identity.model, identity.serial) == ("Watlow", "F4T", "77001")


def test_the_controllers_own_limits_refuse_before_anything_is_written(chamber: Chamber) -> None:
    driver = chamber.make().driver
    chamber.twin.plant.loops[0].highest = 120.0
    with pytest.raises(SetpointError, match=r"-75 to 120 in its unit. Nothing was sent"):
        driver.temperature.go(125.0)
    assert chamber.written == []


# What it does by itself, and what somebody does to it.


def test_a_profile_runs_by_itself_and_moves_the_air(chamber: Chamber) -> None:
    driver = chamber.make().driver
    chamber.fault("program_started")
    told = driver.temperature.told()
    assert isinstance(told, OfItsOwn)
    # 37 K at 3 K/min, then 10 min, then down by 2 K/min: nobody asks meanwhile.
    chamber.clock.sleep(37 / 3 * 60 + 300.0)
    assert chamber.air() == pytest.approx(60.0, abs=1.5)
    chamber.clock.sleep(300.0 + 600.0)
    assert chamber.air() == pytest.approx(40.0, abs=3.0)
    chamber.clock.sleep(2 * 3600.0)
    assert chamber.air() == pytest.approx(-10.0, abs=0.5)
    assert driver.temperature.told() == Held(-10.0)  # it ended, and holds


def test_a_profile_is_terminated_before_something_else_is_set(chamber: Chamber) -> None:
    driver = chamber.make().driver
    chamber.fault("program_started")
    driver.temperature.go(10.0)
    assert chamber.written_to == [16566, 2782]
    assert driver.temperature.told() == Held(10.0)
    chamber.clock.sleep(2 * 3600.0)
    assert chamber.air() == pytest.approx(10.0, abs=0.5)


def test_making_safe_ends_a_profile_and_both_loops(chamber: Chamber) -> None:
    driver = chamber.make().driver
    driver.humidity.go(60.0)
    chamber.fault("program_started")
    driver.make_safe()
    assert not chamber.twin.running
    assert (driver.temperature.told(), driver.humidity.told()) == (None, None)
    chamber.clock.sleep(86_400.0)
    assert chamber.air() == pytest.approx(23.0, abs=1.0)


def test_making_safe_tries_all_of_it_whatever_fails(chamber: Chamber) -> None:
    chamber.make({"power_event": 3}, power_event=3)
    driver = chamber.driver
    driver.temperature.go(60.0)
    driver.humidity.go(60.0)
    chamber.twin.plant.start_profile()
    chamber.refused = {16566, 2730}  # neither the profile nor loop 1
    with pytest.raises(InstrumentError, match="write 148 at 16566"):
        driver.make_safe()
    assert chamber.twin.plant.loops[1].mode == 62
    assert chamber.twin.plant.events[2] == 62
    assert not chamber.twin.running


def test_alarms_are_told_and_stop_the_plant_until_somebody_acknowledges(chamber: Chamber) -> None:
    driver = chamber.make().driver
    driver.temperature.go(80.0)
    chamber.twin.plant.alarm_ends[0] = 60.0
    chamber.clock.sleep(7200.0)
    assert driver.read_alarms() == ("alarm 1 (high)",)
    assert driver.temperature.told() is None
    with pytest.raises(InstrumentError, match="look for alarms at the panel"):
        driver.temperature.go(40.0)
    chamber.twin.plant.alarm_ends[0] = 185.0
    chamber.twin.acknowledge()
    assert driver.read_alarms() == ()
    driver.temperature.go(40.0)


def test_an_open_sensor_is_no_reading(chamber: Chamber) -> None:
    driver = chamber.make().driver
    driver.temperature.go(80.0)
    chamber.fault("sensor_open")
    with pytest.raises(ProtocolError, match="is a sensor open"):
        driver.temperature.read()
    assert driver.read_alarms() == ("alarm 1 (sensor error)",)


def test_a_chamber_whose_power_is_an_event_needs_it(chamber: Chamber) -> None:
    chamber.make({"power_event": 1}, power_event=1)
    driver = chamber.driver
    driver.temperature.go(60.0)
    assert chamber.twin.running
    driver.make_safe()
    assert chamber.twin.plant.events[0] == 62
    with pytest.raises(InstrumentError, match="it does not control"):
        chamber.make({"power_event": 1}).driver.temperature.go(60.0)


def test_a_chamber_without_humidity_has_no_second_loop(chamber: Chamber) -> None:
    driver = chamber.make({"humidity": False}).driver
    with pytest.raises(InstrumentError, match="no such register"):
        driver.humidity.go(50.0)
    driver.temperature.go(50.0)
    driver.make_safe()


def test_the_air_of_a_course_is_the_same_whoever_looks(clock: VirtualClock) -> None:
    course = Course.of((Step(60.0, 0.05, 600.0), Step(-10.0, 0.05, 0.0)), 20.0)
    assert [course.set_point(t) for t in (0.0, 400.0, 800.0, 1400.0, 1600.0)] == pytest.approx(
        [20.0, 40.0, 60.0, 60.0, 50.0]
    )
    twins = [SimWatlowF4t(World(clock, 1), SERIAL) for _ in range(2)]
    for twin in twins:
        twin.plant.profiles[1] = (Step(60.0, 0.05, 0.0), Step(-10.0, 0.03, 0.0))
        twin.plant.start_profile()
    for _ in range(53):  # it ends after 52 min, and the air is not there yet
        clock.sleep(60.0)
        twins[0].wakes()
    fields = [twin.drives["temperature"] for twin in twins]
    assert fields[0].felt(clock.now()) == pytest.approx(fields[1].felt(clock.now()))


def test_the_parts_in_it_feel_a_profile(world: World, clock: VirtualClock) -> None:
    twin = SimWatlowF4t(world, SERIAL)
    world.zone().bind("temperature", twin.drives["temperature"])
    place = Place(world, "7001")
    twin.plant.start_profile()
    clock.sleep(37 / 3 * 60 + 590.0)
    assert place.temperature_c() == pytest.approx(60.0, abs=3.0)
    clock.sleep(3 * 3600.0)
    assert place.temperature_c() == pytest.approx(-10.0, abs=0.5)


# The wire, as ChamberConnectLibrary speaks on it: function 3 and 6 alone, 16 for two words.


def ask(function: int, register: int, *words: int) -> str:
    """Return a request's PDU as modbus.py of that library makes it."""
    if function == 16:
        return struct.pack(
            f">BHHB{len(words)}H", 16, register, len(words), 2 * len(words), *words
        ).hex()  # fmt: skip
    return struct.pack(">BHH", function, register, *words).hex()


def as_float(value: float) -> tuple[int, ...]:
    """Return a float as that library packs it: low word first."""
    return struct.unpack("<HH", struct.pack("<f", value))


CLOCK = "0318" + "".join(f"{part:04x}0000" for part in (10, 30, 0, 11, 22, 2026))
EXCHANGES = [
    ("part number", ask(3, 16, 15), "031e" + "".join(f"{ord(c):04x}" for c in "F4T1L1DAAAA2AAA")),
    ("clock", ask(3, 14664, 12), CLOCK),
    ("set point", ask(3, 2782, 2), "0304" + "000041b8"),
    ("set point", ask(16, 2782, *as_float(85.0)), "100ade0002"),
    ("set point", ask(3, 2782, 2), "0304" + "000042aa"),
    ("humidity", ask(16, 2942, *as_float(60.0)), "100b7e0002"),
    ("range", ask(3, 2776, 2), "0304" + "00004334"),
    ("range", ask(3, 2774, 2), "0304" + "0000c296"),
    ("range", ask(16, 2776, *as_float(150.0)), "100ad80002"),
    ("beyond it", ask(16, 2782, *as_float(150.1)), "9003"),
    ("mode", ask(3, 2730, 1), "0302003e"),
    ("mode", ask(6, 2730, 10), "060aaa000a"),
    ("no mode", ask(6, 2730, 11), "8603"),
    ("active mode", ask(3, 2814, 1), "0302000a"),
    ("active set point", ask(3, 2810, 2), "0304" + "000042aa"),
    ("unit, RTU", ask(3, 14080, 1), "0302000f"),
    ("unit of the profile", ask(3, 16536, 1), "03020604"),
    ("output", ask(3, 33718, 1), "0302003f"),
    ("alarm 1", ask(3, 1356, 1), "0302003d"),
    ("alarm 6", ask(3, 1856, 1), "0302003d"),
    ("no alarm 7", ask(3, 1956, 1), "8302"),
    ("event 1", ask(6, 16594, 63), "0640d2003f"),
    ("event 5", ask(6, 16822, 63), "0641b6003f"),
    ("event 5", ask(3, 16822, 1), "0302003f"),
    ("state", ask(3, 16568, 1), "030200fb"),
    ("profile", ask(6, 16558, 1), "0640ae0001"),
    ("step", ask(6, 16560, 1), "0640b00001"),
    ("start", ask(6, 16562, 1782), "0640b206f6"),
    ("state", ask(3, 16568, 1), "03020095"),
    ("pause", ask(6, 16566, 146), "0640b60092"),
    ("state", ask(3, 16568, 1), "03020092"),
    ("resume", ask(6, 16564, 147), "0640b40093"),
    ("current", ask(3, 16588, 1), "03020001"),
    ("step", ask(3, 16590, 1), "03020001"),
    ("terminate", ask(6, 16566, 148), "0640b60094"),
    ("state", ask(3, 16568, 1), "030200fd"),
    ("no profile", ask(6, 16558, 2), "0640ae0002"),
    ("no profile", ask(6, 16562, 1782), "8603"),
    ("no limit controller", ask(3, 11490, 1), "8302"),
    ("input registers", ask(4, 2820, 2), "8401"),
]  # fmt: skip


def test_the_twin_answers_every_exchange_as_the_reference_says(world: World) -> None:
    twin = SimWatlowF4t(world, SERIAL)
    over_tcp = SimWatlowF4t(world, f"{SERIAL}0").over_tcp()
    for what, sent, reply in EXCHANGES:
        frame = with_crc(b"\x01" + bytes.fromhex(sent))
        assert (what, twin.handle(frame)) == (what, with_crc(b"\x01" + bytes.fromhex(reply)))
        head = struct.pack(">HHHB", 1, 0, 1 + len(sent) // 2, 1)
        found = over_tcp.handle(head + bytes.fromhex(sent))
        assert (what, (found or b"")[7:].hex()) == (what, reply)


def test_what_it_has_not_is_refused_and_on_record(world: World) -> None:
    twin = SimWatlowF4t(world, SERIAL)
    for _ in range(2):
        twin.handle(with_crc(b"\x01" + bytes.fromhex(ask(3, 4042, 2))))
    assert dict(world.beyond[SERIAL].counts) == {"holding register 4042": 2}


@pytest.fixture
def real() -> SimWatlowF4t:
    return SimWatlowF4t(World(RealClock(100.0), 1), SERIAL)


def test_pymodbus_and_our_driver_meet_it_over_tcp(real: SimWatlowF4t) -> None:
    real.sessions = 2
    with TcpMount(real) as mount:
        theirs = ModbusTcpClient(mount.host, port=mount.port, timeout=1.0, retries=0)
        assert theirs.connect()
        with TcpLine(mount.host, mount.port, WatlowF4t.LINE, "chamber") as line:
            driver: Any = WatlowF4t(line, RealClock())
            driver.temperature.go(40.0)
            words = theirs.read_holding_registers(2782, count=2).registers
            kind = theirs.DATATYPE.FLOAT32
            assert theirs.convert_from_registers(words, kind, word_order="little") == 40.0
            measured = theirs.read_holding_registers(2820, count=2).registers
            read = theirs.convert_from_registers(measured, kind, word_order="little")
            assert read == pytest.approx(driver.temperature.read(), abs=10.0)
            assert theirs.read_input_registers(2820, count=2).exception_code == 1
        theirs.close()


@posix
def test_minimalmodbus_and_our_driver_meet_it_on_a_serial_line(real: SimWatlowF4t) -> None:
    with PtyMount(real) as mount:
        theirs = minimalmodbus.Instrument(mount.address, 1)
        theirs.serial.baudrate, theirs.serial.timeout = 38400, 1.0
        order = minimalmodbus.BYTEORDER_LITTLE_SWAP
        theirs.write_float(2782, 40.0, byteorder=order)
        theirs.write_register(2730, 10, functioncode=6)
        assert theirs.read_float(2820, byteorder=order) == pytest.approx(30.0, abs=15.0)
        theirs.serial.close()
        with SerialLine(mount.address, WatlowF4t.LINE, "chamber") as line:
            driver: Any = WatlowF4t(line, RealClock())
            assert driver.temperature.told() == Held(40.0)
