"""Delta DTB: driver and twin, against frames of its clients, and minimalmodbus in both framings."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import minimalmodbus
import pytest

from sensorbench.core.catalog import devices
from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import (
    InstrumentError,
    ProtocolError,
    SetpointError,
    TransportError,
    WrongDevice,
)
from sensorbench.instruments.delta_dtb.driver import DeltaDtb
from sensorbench.instruments.delta_dtb.twin import SimDeltaDtb
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount, TcpMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.links.tcp_line import TcpLine
from sensorbench.protocols.modbus_frames import with_crc
from sensorbench.station.cable import cable_of
from sensorbench.testing.cases import case_of
from sensorbench.testing.instruments import INSTRUMENT_CHECKS
from sensorbench.testing.world import Case
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-DTB"
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")
FRAMINGS = ("rtu", "ascii")


class Oven(Rig):
    """A twin, its driver on a line in process, and what is written there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.written: list[str] = []
        self.spoil: Callable[[bytes, bytes | None], bytes | None] = lambda _, reply: reply

    def make(self, twin: dict[str, Any] | None = None, **driver: Any) -> Oven:
        self.twin = SimDeltaDtb(self.world, SERIAL, **(twin or {}))
        self.terminators, self.reply_terminator = (), b""
        line = InProcessLine(self, DeltaDtb.LINE, "oven")
        self.driver: Any = DeltaDtb(line, self.clock, **driver)
        return self

    def handle(self, line: bytes) -> bytes | None:
        message = self.twin.framing.opened(line)
        if message[1] in (5, 6):
            self.written.append(message[1:].hex())
        return self.spoil(line, self.twin.handle(line))


@pytest.fixture
def oven(world: World, clock: VirtualClock) -> Oven:
    return Oven(world, clock).make()


@pytest.mark.parametrize("framing", FRAMINGS)
def test_it_goes_where_it_is_told_and_stops(
    world: World, clock: VirtualClock, framing: str
) -> None:
    oven = Oven(world, clock).make({"framing": framing}, framing=framing)
    driver = oven.driver
    assert driver.temperature.go(85.0) == 85.0
    assert oven.written == ["0610010352", "050814ff00"]  # the set point before it runs
    oven.clock.sleep(7200.0)
    assert oven.air() == pytest.approx(85.0, abs=0.5)
    assert driver.temperature.read() == pytest.approx(85.0, abs=0.5)
    assert driver.temperature.told() == Held(85.0)
    driver.make_safe()
    assert oven.written[2:] == ["0508140000"]
    assert driver.temperature.told() is None
    oven.clock.sleep(86_400.0)
    assert oven.air() == pytest.approx(23.0, abs=0.5)


def test_below_zero_is_twos_complement(oven: Oven) -> None:
    assert oven.driver.temperature.go(-40.04) == -40.0
    assert oven.written[0] == "061001fe70"
    assert oven.driver.temperature.told() == Held(-40.0)


def test_what_is_there_is_not_written_again(oven: Oven) -> None:
    oven.driver.temperature.go(85.0)
    written = list(oven.written)
    oven.driver.temperature.go(85.0)
    assert oven.written == written


def test_it_says_who_it_is_and_another_device_is_refused(oven: Oven) -> None:
    identity = oven.driver.identify()
    assert (identity.manufacturer, identity.model, identity.firmware) == ("Delta", "DTB", "1.10")
    oven.twin.method = 9
    with pytest.raises(WrongDevice, match="control method 9 are no Delta DTB's"):
        oven.driver.identify()
    oven.fault("identity")
    with pytest.raises(WrongDevice, match="has not the registers of a Delta DTB"):
        oven.driver.identify()


# What it is set to at the panel.


def test_write_in_that_is_off_is_said_before_anything_is_sent(
    world: World, clock: VirtualClock
) -> None:
    oven = Oven(world, clock).make({"write_in": False})
    for ask in (oven.driver.temperature.go, oven.driver.temperature.foresee):
        with pytest.raises(SetpointError, match=r"write-in is off.*CoSH to ON\. Nothing was set"):
            ask(85.0)
    assert oven.written == []


def test_it_is_made_safe_even_where_write_in_was_switched_off(oven: Oven) -> None:
    oven.driver.temperature.go(85.0)
    oven.twin.write_in = False
    oven.driver.make_safe()
    assert not oven.twin.runs
    oven.twin.write_in = False
    oven.driver.make_safe()  # nothing runs: nothing is switched
    assert not oven.twin.write_in


@pytest.mark.parametrize(
    ("name", "told"), [("in_celsius", "degF, tenths"), ("has_decimal", "whole degrees")]
)
def test_degf_and_whole_degrees_are_no_readings(oven: Oven, name: str, told: str) -> None:
    oven.driver.temperature.go(85.0)
    written = list(oven.written)
    setattr(oven.twin, name, False)
    for ask in (oven.driver.temperature.read, oven.driver.temperature.told):
        with pytest.raises(ProtocolError, match=f"oven: it counts in {told}: at the panel set"):
            ask()
    with pytest.raises(SetpointError, match=r"unit to C .* Nothing was set"):
        oven.driver.temperature.foresee(90.0)
    with pytest.raises(ProtocolError, match="unit to C"):
        oven.driver.temperature.go(90.0)
    assert oven.written == written


def test_the_controllers_own_limits_refuse_before_anything_is_written(
    world: World, clock: VirtualClock
) -> None:
    oven = Oven(world, clock).make({"lowest_c": 0.0, "highest_c": 180.0})
    for target_c in (-0.1, 180.1):
        for ask in (oven.driver.temperature.go, oven.driver.temperature.foresee):
            with pytest.raises(SetpointError, match=r"own limits, 0 to 180 degC. Nothing was set"):
                ask(target_c)
    assert oven.written == []


def test_a_rate_is_refused(oven: Oven) -> None:
    with pytest.raises(SetpointError, match="has no ramp"):
        oven.driver.temperature.go(60.0, 1.0 / 60)
    assert oven.written == []


# What somebody does at the panel.


def test_a_program_is_told_and_ended_before_something_else_is_set(oven: Oven) -> None:
    oven.fault("program_started")
    assert oven.driver.temperature.told() == OfItsOwn("a program of its own")
    oven.driver.temperature.go(40.0)
    assert oven.written[:2] == ["0508140000", "0610050000"]
    assert oven.driver.temperature.told() == Held(40.0)


def test_manual_output_and_tuning_are_told_and_ended(oven: Oven) -> None:
    oven.driver.temperature.go(40.0)
    oven.twin.is_tuning = True
    assert oven.driver.temperature.told() == OfItsOwn("auto-tuning")
    oven.twin.method = 2
    assert oven.driver.temperature.told() == OfItsOwn("manual output")
    oven.driver.temperature.go(40.0)
    assert oven.driver.temperature.told() == Held(40.0)


def test_on_off_control_stays(oven: Oven) -> None:
    oven.twin.method = 1
    oven.driver.temperature.go(40.0)
    assert (oven.twin.method, oven.driver.temperature.told()) == (1, Held(40.0))


# What goes wrong.


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0x8002, "just switched on"),
        (0x8003, "no sensor is connected"),
        (0x8004, "sensor input error"),
        (0x8006, "can't convert its input"),
        (0x8007, "its memory fails"),
    ],
)
def test_a_code_in_place_of_a_temperature_is_no_reading(oven: Oven, code: int, told: str) -> None:
    def spoil(sent: bytes, reply: bytes | None) -> bytes | None:
        if sent[1:6] != bytes.fromhex("0310000001"):
            return reply
        return with_crc(b"\x01\x03\x02" + code.to_bytes(2, "big"))

    oven.spoil = spoil
    with pytest.raises(ProtocolError, match=rf"oven: no temperature: .*{told}.* \({code:04X}H\)"):
        oven.driver.temperature.read()
    (alarm,) = oven.driver.read_alarms()
    assert told in alarm


def test_an_open_sensor_is_told(oven: Oven) -> None:
    oven.driver.temperature.go(60.0)
    oven.fault("sensor_open")
    assert oven.driver.read_alarms() == ("no sensor is connected",)
    with pytest.raises(ProtocolError, match="no sensor is connected"):
        oven.driver.temperature.read()


def test_alarms_are_told_by_number_and_the_oven_cools(oven: Oven) -> None:
    oven.driver.temperature.go(60.0)
    oven.clock.sleep(3600.0)
    oven.fault("alarm")
    assert oven.driver.read_alarms() == ("alarm 1",)
    oven.clock.sleep(86_400.0)
    assert oven.air() == pytest.approx(23.0, abs=0.5)


@pytest.mark.parametrize(
    ("ignored", "told"),
    [("0610010352", "it holds that instead"), ("050814ff00", "look at the panel")],
)
def test_what_it_accepts_and_does_not_do_is_an_error(oven: Oven, ignored: str, told: str) -> None:
    handle = oven.twin.handle

    def deaf(line: bytes) -> bytes | None:
        return line if line[1:6].hex() == ignored else handle(line)

    oven.twin.handle = deaf  # type: ignore[method-assign]
    with pytest.raises(InstrumentError, match=told):
        oven.driver.temperature.go(85.0)


# The wire: frames computed from the register map, and those that a client of two DTB4848 notes.

EXCHANGES = [
    ("0106100103525DC7", "0106100103525DC7"),
    ("01050814FF00CE5E", "01050814FF00CE5E"),
    ("0105081400008FAE", "0105081400008FAE"),
    ("010208000005BA69", with_crc(bytes.fromhex("01020100")).hex()),
    ("010208000006FA68", with_crc(bytes.fromhex("01020120")).hex()),
]
IN_ASCII = [
    (1, ":01061001035293", ":01061001035293"),
    (1, ":010610010222C4", ":010610010222C4"),
    (2, ":0206100100FFE8", ":0206100100FFE8"),
]


def test_the_twin_answers_as_the_register_map_has_it(world: World) -> None:
    twin = SimDeltaDtb(world, SERIAL)
    for sent, reply in EXCHANGES:
        assert (sent, twin.handle(bytes.fromhex(sent))) == (sent, bytes.fromhex(reply))
    reply = twin.handle(bytes.fromhex("010310000002C0CB")) or b""
    assert reply == with_crc(reply[:-2])
    assert reply[:3] + reply[5:7] == bytes.fromhex("0103040352")  # the set point of before
    assert int.from_bytes(reply[3:5], "big") == pytest.approx(230, abs=5)


@pytest.mark.parametrize(("unit", "sent", "reply"), IN_ASCII)
def test_the_twin_answers_in_ascii(world: World, unit: int, sent: str, reply: str) -> None:
    twin = SimDeltaDtb(world, SERIAL, address=unit, framing="ascii")
    assert twin.handle(f"{sent}\r\n".encode()) == f"{reply}\r\n".encode()


def test_process_value_and_set_point_in_ascii(world: World) -> None:
    twin = SimDeltaDtb(world, SERIAL, framing="ascii")
    twin.plant.aim(85.0)
    reply = twin.handle(b":010310000002EA\r\n") or b""
    assert (reply[:7], reply[11:15], reply[-2:]) == (b":010304", b"0352", b"\r\n")
    assert int(reply[7:11], 16) == pytest.approx(230, abs=5)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("0106102F012C", 2),  # the version can't be written
        ("010310000009", 3),  # 8 words at most
        ("010208000019", 3),
        ("010408000001", 1),
        ("01061001EFFF", 3),
    ],
)
def test_what_the_twin_refuses(world: World, sent: str, code: int) -> None:
    asked = bytes.fromhex(sent)
    refusal = with_crc(bytes([1, asked[1] | 0x80, code]))
    assert SimDeltaDtb(world, SERIAL).handle(with_crc(asked)) == refusal


@pytest.mark.parametrize("sent", ["010610010352", "01050814FF00", "010508110000", "010508130000"])
def test_nothing_is_taken_while_write_in_is_off(world: World, sent: str) -> None:
    twin = SimDeltaDtb(world, SERIAL, write_in=False)
    asked = with_crc(bytes.fromhex(sent))
    assert (twin.handle(asked) or b"")[1] == asked[1] | 0x80
    twin.handle(with_crc(bytes.fromhex("01050810FF00")))
    assert twin.handle(asked) == asked


@posix
@pytest.mark.parametrize("mode", [minimalmodbus.MODE_RTU, minimalmodbus.MODE_ASCII])
def test_minimalmodbus_does_with_the_twin_what_its_test_does_with_a_dtb4824(mode: Any) -> None:
    twin = SimDeltaDtb(World(RealClock(), 1), SERIAL, framing=mode)
    with PtyMount(twin) as mount:
        theirs: Any = minimalmodbus.Instrument(mount.address, 1, mode=mode)
        theirs.serial.timeout, theirs.serial.baudrate = 1.0, 38400
        assert 200 < theirs.read_register(0x1000) < 260
        for register in (0x1004, 0x1006, 0x1023, 0x102A, 0x102B, 0x102F):
            theirs.read_register(register)
        for register in (0x1001, 0x1012, 0x1013):
            theirs.read_register(register, 1)
        for bit in (0x0800, 0x0801, 0x0802, 0x0804, 0x0805, 0x0814):
            theirs.read_bit(bit)
        for value in range(250, 400, 50):
            theirs.write_register(0x1001, value)
            assert theirs.read_register(0x1001) == value
            assert theirs.read_registers(0x1000, 8)[1] == value
        with pytest.raises(minimalmodbus.SlaveReportedException):
            theirs.write_register(0x102F, 300)
        for is_celsius in (0, 1):
            theirs.write_bit(0x0811, is_celsius)
            bits = theirs.read_bits(0x0800, 24)
            assert (bits[0x11], bits[5], bits[4]) == (is_celsius, is_celsius, 1 - is_celsius)
        theirs.write_register(0x1001, 250, functioncode=6)
        theirs.serial.close()


@posix
def test_two_at_one_cable_are_each_spoken_to() -> None:
    world = World(RealClock(100.0), 1)
    twins = [SimDeltaDtb(world, f"{SERIAL}{n}", address=n, framing="ascii") for n in (1, 2)]
    with (
        PtyMount(cable_of(twins)) as mount,
        SerialLine(mount.address, DeltaDtb.LINE, "cable") as line,
    ):
        first, second = (DeltaDtb(line, RealClock(), address=n, framing="ascii") for n in (1, 2))
        first.temperature.go(85.0)
        second.temperature.go(-20.0)
        assert (first.temperature.told(), second.temperature.told()) == (Held(85.0), Held(-20.0))
        first.make_safe()
        assert (twins[0].runs, twins[1].runs) == (False, True)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_two_behind_a_gateway_are_each_spoken_to(framing: Any) -> None:
    world = World(RealClock(100.0), 1)
    twins = [SimDeltaDtb(world, f"{SERIAL}{n}", address=n, framing=framing) for n in (1, 2)]
    with (
        TcpMount(cable_of(twins)) as mount,
        TcpLine(mount.host, mount.port, DeltaDtb.LINE, "gateway") as line,
    ):
        first, second = (DeltaDtb(line, RealClock(), address=n) for n in (1, 2))
        first.temperature.go(85.0)
        second.temperature.go(-20.0)
        assert (first.temperature.told(), second.temperature.told()) == (Held(85.0), Held(-20.0))
        with pytest.raises(InstrumentError, match="does not answer the gateway"):
            DeltaDtb(line, RealClock(), address=3).identify()


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_framing_that_is_not_the_panels_gets_no_answer(
    world: World, clock: VirtualClock, framing: str
) -> None:
    other = "rtu" if framing == "ascii" else "ascii"
    twin = SimDeltaDtb(world, SERIAL, framing=other)  # type: ignore[arg-type]
    driver = DeltaDtb(InProcessLine(twin, DeltaDtb.LINE, "oven"), clock, framing=framing)  # type: ignore[arg-type]
    with pytest.raises(TransportError):
        driver.identify()


@pytest.mark.parametrize(
    "check",
    [check for check in INSTRUMENT_CHECKS if "port" not in check.__name__],
    ids=lambda check: check.__name__,
)
def test_it_keeps_in_ascii_what_every_instrument_keeps(check: Callable[[Case], None]) -> None:
    check(case_of(devices()["delta_dtb"], options={"framing": "ascii"}))
