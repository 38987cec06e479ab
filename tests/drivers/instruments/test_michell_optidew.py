"""Michell Optidew: what its mirror is about decides what is a reading; driver, twin, and others."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

import minimalmodbus
import pytest
from pymodbus.client import ModbusTcpClient

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import BenchError, InstrumentError, ProtocolError, WrongDevice
from sensorbench.instruments.michell_optidew.driver import MichellOptidew
from sensorbench.instruments.michell_optidew.twin import SimMichellOptidew
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.protocols.modbus import RtuReply, reading
from sensorbench.protocols.modbus_frames import with_crc
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, World

SERIAL = "184711"
HOUR_S = 3600.0
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


class Air:
    """A mirror in a zone's air, its driver on a line in process, and what is asked there."""

    def __init__(self, world: World, clock: VirtualClock, **twin: Any) -> None:
        self.world, self.clock = world, clock
        self.zone = world.zone()
        self.put(23.0, 45.0)
        self.twin = SimMichellOptidew(world, SERIAL, **twin)
        for name in ("temperature", "humidity"):
            self.twin.sense(name, lambda name=name: self.zone.value(name))  # type: ignore[misc]
        self.asked: list[bytes] = []
        self.spoil: Callable[[bytes, bytes | None], bytes | None] = lambda _, reply: reply
        self.terminators, self.reply_terminator = (), b""
        self.driver: Any = MichellOptidew(
            InProcessLine(self, MichellOptidew.LINE, "mirror"), clock, address=self.twin.unit
        )

    def put(self, temperature_c: float, humidity_rh: float) -> None:
        self.zone.bind("temperature", Constant(temperature_c))
        self.zone.bind("humidity", Constant(humidity_rh))

    def handle(self, line: bytes) -> bytes | None:
        self.asked.append(line)
        return self.spoil(line, self.twin.handle(line))

    def fault(self, kind: str) -> None:
        self.world.add_fault(SERIAL, Fault(kind, at_s=self.clock.now()))

    def readings(self) -> dict[str, Any]:
        return dict(self.driver.read_many(["dew_point", "temperature", "humidity"]))


@pytest.fixture
def air(world: World, clock: VirtualClock) -> Air:
    return Air(world, clock)


@pytest.mark.parametrize(
    ("temperature_c", "humidity_rh", "dew_point_c"),
    [(23.0, 45.0, 10.4), (85.0, 85.0, 81.0), (23.0, 10.0, -9.4), (-10.0, 80.0, -11.3)],
)
def test_it_reads_the_air_that_it_is_in(
    air: Air, temperature_c: float, humidity_rh: float, dew_point_c: float
) -> None:
    air.put(temperature_c, humidity_rh)
    air.clock.sleep(300.0)
    assert air.readings() == {
        "dew_point": pytest.approx(dew_point_c, abs=0.3),
        "temperature": pytest.approx(temperature_c, abs=0.2),
        "humidity": pytest.approx(humidity_rh, abs=1.5),
    }
    assert air.driver.dew_point.read() == pytest.approx(dew_point_c, abs=0.3)


def test_it_is_never_written(air: Air) -> None:
    air.driver.identify()
    air.readings()
    air.driver.read_alarms()
    assert {line[1] for line in air.asked} == {3}


# The mirror.


def test_a_mirror_on_its_way_is_no_reading_and_the_air_s_own_is(air: Air) -> None:
    air.put(85.0, 85.0)
    air.clock.sleep(5.0)
    found = air.readings()
    assert found["temperature"] == pytest.approx(85.0, abs=0.2)
    for name in ("dew_point", "humidity"):
        assert isinstance(found[name], InstrumentError)
        assert "it measures, its mirror is on its way up" in str(found[name])
    air.clock.sleep(120.0)
    assert air.driver.dew_point.read() == pytest.approx(81.0, abs=0.3)


def test_a_correction_and_the_hold_after_it_are_no_readings(air: Air) -> None:
    air.clock.sleep(4 * HOUR_S - 1.0)
    assert air.driver.humidity.read() == pytest.approx(45.0, abs=1.5)
    air.clock.sleep(61.0)
    with pytest.raises(
        InstrumentError,
        match=r"mirror: .*corrects for contamination \(DCC\), its mirror is on its way up, its "
        r"data are held, for 3 min 0 s more",
    ):
        air.driver.dew_point.read()
    assert air.driver.temperature.read() == pytest.approx(23.0, abs=0.2)
    air.clock.sleep(200.0)
    with pytest.raises(InstrumentError, match=r"holds its data until .* for 3 min 40 s more"):
        air.driver.humidity.read()
    air.clock.sleep(220.0)
    assert air.driver.dew_point.read() == pytest.approx(10.4, abs=0.3)
    assert air.driver.read_alarms() == ()


def test_a_day_has_five_corrections_however_seldom_it_is_asked(air: Air) -> None:
    bad = 0
    for _ in range(24 * 60):
        air.clock.sleep(60.0)
        bad += isinstance(air.readings()["dew_point"], BenchError)
    assert 5 * 8 <= bad <= 5 * 9


def test_data_that_are_held_while_it_measures_are_no_reading(air: Air) -> None:
    def held(sent: bytes, reply: bytes | None) -> bytes | None:
        if reply is None or sent[2:6] != bytes.fromhex("0021000b"):
            return reply
        return with_crc(reply[:21] + b"\x00\x01" + reply[23:-2])

    air.spoil = held
    with pytest.raises(InstrumentError, match=r"it measures, .*its data are held"):
        air.driver.dew_point.read()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("contaminated", "mirror contaminated: clean it"),
        ("mirror_open", "mirror Pt100 failed; mirror Pt100 open"),
        ("standby", "it is in standby, its mirror is idle"),
        ("max_cool", r"cools its mirror as far as it can \(MaxCool\)"),
        ("dcc", "corrects for contamination"),
    ],
)
def test_with_anything_wrong_about_the_mirror_there_is_no_reading(
    air: Air, fault: str, told: str
) -> None:
    air.fault(fault)
    for name in ("dew_point", "humidity"):
        with pytest.raises(InstrumentError, match=told):
            getattr(air.driver, name).read()
    assert air.driver.temperature.read() == pytest.approx(23.0, abs=0.2)


def test_an_open_pt100_of_the_air_takes_its_temperature_and_humidity(air: Air) -> None:
    air.fault("sensor_open")
    assert air.driver.dew_point.read() == pytest.approx(10.4, abs=0.3)
    for name in ("temperature", "humidity"):
        with pytest.raises(InstrumentError, match="ambient Pt100 failed; ambient Pt100 open"):
            getattr(air.driver, name).read()
    assert air.driver.read_alarms() == (
        "ambient Pt100 failed", "ambient Pt100 open", "system alarm",
    )  # fmt: skip


# What it counts in.


def test_fahrenheit_is_read_as_what_it_is(air: Air) -> None:
    before = air.readings()
    air.twin.in_fahrenheit = True
    for name, value in air.readings().items():
        assert value == pytest.approx(before[name], abs=1e-3)


def test_humidity_over_ice_is_no_reading(world: World, clock: VirtualClock) -> None:
    air = Air(world, clock, wmo=False)
    assert air.driver.humidity.read() == pytest.approx(45.0, abs=1.5)  # above 0 degC it is the same
    air.put(-10.0, 80.0)
    air.clock.sleep(300.0)
    with pytest.raises(ProtocolError, match="switch %RH by WMO on"):
        air.driver.humidity.read()
    air.twin.wmo, air.twin.over_water = True, True
    with pytest.raises(ProtocolError, match=r"mirror: its %RH does not count .* over water"):
        air.driver.humidity.read()


def spoilt(register: int, value: bytes) -> Callable[[bytes, bytes | None], bytes | None]:
    """Return what puts a value into the reply that holds a register."""

    def spoil(sent: bytes, reply: bytes | None) -> bytes | None:
        first, count = struct.unpack(">HH", sent[2:6])
        if reply is None or not first <= register < first + count:
            return reply
        at = 3 + 2 * (register - first)
        return with_crc(reply[:at] + value + reply[at + len(value) : -2])

    return spoil


@pytest.mark.parametrize(
    ("register", "value", "told"),
    [
        (6, bytes.fromhex("7fc00000"), "no measured value"),
        (6, bytes.fromhex("000041b8"), "is the word order"),
        (6, struct.pack(">f", 500.0), "beyond -200 to 400"),
        (30, b"\x00\x02", "temperature unit is 2"),
        (33, b"\x00\x00", "operating mode 0 and sensor status 1 are none"),
        (37, b"\x00\x09", "sensor status 9 are none"),
    ],
)
def test_what_can_not_be_is_no_reading(air: Air, register: int, value: bytes, told: str) -> None:
    air.spoil = spoilt(register, value)
    with pytest.raises(ProtocolError, match=f"mirror: .*{told}"):
        air.driver.dew_point.read()


# Who it is.


def test_it_says_who_it_is_and_another_device_is_refused(air: Air) -> None:
    identity = air.driver.identify()
    assert (identity.model, identity.serial, identity.firmware) == (
        "Optidew", "184711", "104 (map 1)",
    )  # fmt: skip
    air.spoil = spoilt(0, b"\x00\x07")
    with pytest.raises(WrongDevice, match="says that its address is 7, so it is no Optidew"):
        air.driver.identify()
    air.spoil = lambda _, reply: reply
    air.fault("identity")
    with pytest.raises(WrongDevice, match="has not the registers of an Optidew"):
        air.driver.identify()


def test_a_member_that_is_not_there_is_named(air: Air) -> None:
    with pytest.raises(KeyError, match="mirror has no pressure"):
        air.driver.read_many(["pressure"])
    assert air.asked == []
    with pytest.raises(KeyError, match="no meter 'pressure'"):
        air.twin.sense("pressure", lambda: 1.0)


# The wire.


def test_a_float_travels_high_word_first() -> None:
    asked = RtuReply(1, reading("holding", 2782, 2))
    words = asked.words(bytes.fromhex("01 03 04 41 B8 00 00 6E 2A"))
    assert struct.unpack(">f", struct.pack(">2H", *words)) == (23.0,)


def test_the_twin_gives_a_float_high_word_first(world: World) -> None:
    twin = SimMichellOptidew(world, SERIAL)
    reply = twin.handle(with_crc(bytes.fromhex("010300080002"))) or b""
    (value,) = struct.unpack(">f", reply[3:7])
    assert value == pytest.approx(23.0, abs=0.2)


@pytest.mark.parametrize(
    ("sent", "code"), [("010300010001", 2), ("0103001a0001", 2), ("010400060002", 1)]
)
def test_what_the_twin_has_not_it_refuses(world: World, sent: str, code: int) -> None:
    asked = bytes.fromhex(sent)
    refusal = with_crc(bytes([1, asked[1] | 0x80, code]))
    assert SimMichellOptidew(world, SERIAL).handle(with_crc(asked)) == refusal


@posix
def test_minimalmodbus_and_our_driver_meet_it_on_a_serial_line() -> None:
    twin = SimMichellOptidew(World(RealClock(), 1), SERIAL)
    with PtyMount(twin) as mount:
        with SerialLine(mount.address, MichellOptidew.LINE, "mirror") as line:
            ours: Any = MichellOptidew(line, RealClock())
            assert ours.identify().serial == SERIAL
            dew_point_c = ours.dew_point.read()
        theirs: Any = minimalmodbus.Instrument(mount.address, 1)
        theirs.serial.timeout = 1.0
        assert theirs.read_float(6) == pytest.approx(dew_point_c, abs=0.1)
        assert theirs.read_long(2) == int(SERIAL)
        theirs.write_register(100, 1)
        assert theirs.read_float(6) == pytest.approx(1.8 * dew_point_c + 32.0, abs=0.2)
        theirs.serial.close()


def test_pymodbus_and_our_driver_meet_it_over_tcp() -> None:
    twin = SimMichellOptidew(World(RealClock(), 1), SERIAL)
    with TcpMount(twin) as mount:
        with TcpLine(mount.host, mount.port, MichellOptidew.LINE, "mirror") as line:
            ours: Any = MichellOptidew(line, RealClock())
            assert ours.identify().model == "Optidew"
            dew_point_c = ours.dew_point.read()
        theirs = ModbusTcpClient(mount.host, port=mount.port, timeout=1.0, retries=0)
        assert theirs.connect()
        found = theirs.read_holding_registers(6, count=2, device_id=1)
        value = theirs.convert_from_registers(found.registers, theirs.DATATYPE.FLOAT32)
        assert value == pytest.approx(dew_point_c, abs=0.1)
        theirs.close()
