"""Watlow F4T over SCPI: driver and twin, beside Modbus and in one state with it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import pyvisa
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import ModbusTcpClient
from tests.drivers.messages import mutated, shape

from sensorbench.core.catalog import devices
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.errors import (
    BenchError,
    InstrumentError,
    LinkTimeout,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import TEMPERATURE, Value
from sensorbench.instruments.members import number, setpoint
from sensorbench.instruments.telling import Held, OfItsOwn, Told
from sensorbench.instruments.watlow_f4t import scpi
from sensorbench.instruments.watlow_f4t.driver import WatlowF4t
from sensorbench.instruments.watlow_f4t.twin import SimWatlowF4t
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import FrameLine
from sensorbench.links.mount import TcpMount
from sensorbench.links.tcp_line import TcpLine
from sensorbench.testing.instruments import (
    INSTRUMENT_CHECKS,
    check_alarms,
    check_garbled_readings,
    check_sources,
)
from sensorbench.testing.port_checks import (
    check_a_power_cycle_within_an_exchange,
    check_replies_on_its_port,
)
from sensorbench.testing.world import Case
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-77001"


class Chamber(Rig):
    """A twin whose power is event 1, its driver on SCPI in process, and what is sent there."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.sent: list[str] = []
        self.spoil: Callable[[str, bytes | None], bytes | None] = lambda _, reply: reply

    def make(self, twin: dict[str, Any] | None = None, **driver: Any) -> Chamber:
        known = {"protocol": "scpi", "power_event": 1}
        self.twin = SimWatlowF4t(self.world, SERIAL, **(known | (twin or {})))
        self.terminators, self.reply_terminator = (), b""
        line = InProcessLine(self, WatlowF4t.LINE, "chamber")
        self.driver: Any = WatlowF4t(line, self.clock, **(known | driver))
        return self

    def handle(self, line: bytes) -> bytes | None:
        text = line.decode().strip()
        if not text.endswith("?"):
            self.sent.append(text)
        return self.spoil(text, self.twin.handle(line))

    def answering(self, query: str, reply: bytes | None) -> None:
        """Let a query be answered so, whatever the twin says."""
        self.spoil = lambda sent, told: reply if sent == query else told

    def ignoring(self, command: str) -> None:
        """Let commands come to nothing."""
        handle = self.twin.handle
        self.twin.handle = (  # type: ignore[method-assign]
            lambda line: b"\n" if line.startswith(command.encode()) and b"?" not in line else (
                handle(line)
            )
        )  # fmt: skip


@pytest.fixture
def chamber(world: World, clock: VirtualClock) -> Chamber:
    return Chamber(world, clock).make()


# What it does.


def test_it_says_who_it_is(chamber: Chamber) -> None:
    identity = chamber.driver.identify()
    assert identity == Identity("Watlow", "F4T", "77001", "4.08")
    assert chamber.sent == []


def test_the_recorded_identity_is_read(chamber: Chamber) -> None:
    chamber.answering("*IDN?", b'"Watlow Electric","F4T1L4EAA1H1AAA",38505,"4.08"\n')
    assert chamber.driver.identify().serial == "38505"


@pytest.mark.parametrize("blank", [True, False])
def test_it_goes_there_and_stops(chamber: Chamber, blank: bool) -> None:
    chamber.twin.scpi.blank = blank
    driver = chamber.driver
    assert driver.temperature.go(85.0) == 85.0
    assert chamber.sent == [
        ":SOURCE:CLOOP1:RACTION OFF", ":SOURCE:CLOOP1:SPOINT 85.00", ":OUTPUT1:STATE ON",
    ]  # fmt: skip
    assert driver.temperature.told() == Held(85.0)
    chamber.clock.sleep(7200.0)
    assert chamber.air() == pytest.approx(85.0, abs=0.5)
    assert driver.temperature.read() == pytest.approx(85.0, abs=0.2)
    driver.make_safe()
    assert chamber.sent[-1] == ":OUTPUT1:STATE OFF"
    assert driver.temperature.told() is None
    chamber.clock.sleep(86_400.0)
    assert chamber.air() == pytest.approx(23.0, abs=0.5)


def test_a_ramp_is_its_own_and_told_by_where_it_ends(chamber: Chamber) -> None:
    driver = chamber.driver
    driver.temperature.go(60.0)
    chamber.clock.sleep(7200.0)
    driver.temperature.go(20.0, 1.0 / 60)
    assert chamber.sent[-4:] == [
        ":SOURCE:CLOOP1:RSCALE MINUTES", ":SOURCE:CLOOP1:RRATE 1.00",
        ":SOURCE:CLOOP1:RACTION SETPOINT", ":SOURCE:CLOOP1:SPOINT 20.00",
    ]  # fmt: skip
    for _ in range(4):
        assert driver.temperature.told() == Held(20.0)
        chamber.clock.sleep(300.0)
    assert chamber.air() == pytest.approx(40.0, abs=1.0)
    chamber.clock.sleep(1800.0)
    assert driver.temperature.told() == Held(20.0)
    driver.temperature.go(50.0)  # and without a rate there is none
    assert chamber.twin.plant.closed(0) == 50.0


def test_a_ramp_that_is_not_set_is_seen_by_that_it_jumps(chamber: Chamber) -> None:
    chamber.ignoring(":SOURCE:CLOOP1:RACTION SETPOINT")
    with pytest.raises(InstrumentError, match="it makes no ramp"):
        chamber.driver.temperature.go(85.0, 1.0 / 60)


def test_a_set_point_that_somebody_changes_on_a_ramp_is_told(chamber: Chamber) -> None:
    chamber.driver.temperature.go(85.0, 1.0 / 60)
    chamber.clock.sleep(600.0)
    chamber.fault("setpoint_changed")
    chamber.clock.sleep(3600.0)
    assert chamber.driver.temperature.told() == Held(75.0)


def test_fahrenheit_on_the_wire_is_degc_to_the_bench(chamber: Chamber) -> None:
    driver = chamber.make({"gives": "F"}).driver
    assert driver.temperature.go(85.0) == 85.0
    assert ":SOURCE:CLOOP1:SPOINT 185.00" in chamber.sent
    chamber.clock.sleep(7200.0)
    assert driver.temperature.read() == pytest.approx(85.0, abs=0.2)
    chamber.fault("units_changed")
    assert driver.temperature.told() == Held(85.0)


def test_a_unit_that_is_not_the_declared_one_is_an_error(chamber: Chamber) -> None:
    with pytest.raises(ProtocolError, match=r"in degC, station\.toml says degF"):
        chamber.make(units="F").driver.temperature.go(85.0)
    assert chamber.sent == []


def test_old_firmware_is_refused_as_it_may_be_in_fahrenheit(chamber: Chamber) -> None:
    driver = chamber.make({"gives": ""}, units="F").driver
    for ask in (driver.identify, driver.temperature.read, lambda: driver.temperature.go(85.0)):
        with pytest.raises(ProtocolError, match="old ones give Fahrenheit whatever"):
            ask()
    assert chamber.sent == []


@pytest.mark.parametrize("action", ["go", "foresee", "make_safe"])
def test_without_the_event_that_switches_it_nothing_is_set(chamber: Chamber, action: str) -> None:
    driver = chamber.make(power_event=None).driver
    act = driver.make_safe if action == "make_safe" else getattr(driver.temperature, action)
    with pytest.raises(SetpointError, match="write power_event in station"):
        act() if action == "make_safe" else act(85.0)
    assert chamber.sent == []
    assert driver.temperature.read() == pytest.approx(23.0, abs=0.5)


def test_humidity_is_read_and_never_set(chamber: Chamber) -> None:
    for act in (chamber.driver.humidity.go, chamber.driver.humidity.foresee):
        with pytest.raises(SetpointError, match="can't switch the humidity loop off again"):
            act(50.0)
    assert chamber.sent == []
    assert 0.0 < chamber.driver.humidity.read() < 100.0


def test_a_profile_is_told_and_stopped_before_something_else_is_set(chamber: Chamber) -> None:
    chamber.fault("program_started")
    assert isinstance(chamber.driver.temperature.told(), OfItsOwn)
    chamber.driver.temperature.go(40.0)
    assert chamber.sent[0] == ":PROGRAM:SELECTED:STATE STOP"
    assert chamber.driver.temperature.told() == Held(40.0)


def test_a_state_that_is_not_known_as_stopped_counts_as_running(chamber: Chamber) -> None:
    chamber.answering(":PROGRAM:SELECTED:STATE?", b"WAITING\n")
    assert isinstance(chamber.driver.temperature.told(), OfItsOwn)
    with pytest.raises(InstrumentError, match="stop the profile"):
        chamber.driver.temperature.go(40.0)


def test_an_input_error_is_no_value_and_an_alarm(chamber: Chamber) -> None:
    chamber.fault("sensor_open")
    with pytest.raises(ProtocolError, match="Is a sensor open"):
        chamber.driver.temperature.read()
    assert chamber.driver.read_alarms() == ("input error of loop 1",)


@pytest.mark.parametrize(
    ("ignored", "told"), [(":SOURCE:CLOOP1:SPOINT", "SPOINT 85"), (":OUTPUT1", ":OUTPUT1:STATE ON")]
)
def test_what_it_does_not_do_is_an_error(chamber: Chamber, ignored: str, told: str) -> None:
    chamber.ignoring(ignored)
    with pytest.raises(InstrumentError, match=f"{told}.*Look at the panel"):
        chamber.driver.temperature.go(85.0)


def test_beyond_its_own_limits_is_refused(chamber: Chamber) -> None:
    chamber.twin.plant.loops[0].highest = 80.0
    with pytest.raises(InstrumentError, match="beyond its limits"):
        chamber.driver.temperature.go(85.0)
    assert not chamber.twin.running


def test_making_safe_tries_all_of_it(chamber: Chamber) -> None:
    chamber.driver.temperature.go(60.0)
    chamber.fault("program_started")
    chamber.ignoring(":PROGRAM")
    with pytest.raises(InstrumentError, match="stop the profile"):
        chamber.driver.make_safe()
    assert not chamber.twin.running


# The wire.


def test_another_device_is_refused(chamber: Chamber) -> None:
    chamber.fault("identity")
    with pytest.raises(WrongDevice, match="expected an F4T"):
        chamber.driver.identify()


def test_silence_says_where_scpi_is(chamber: Chamber) -> None:
    chamber.answering("*IDN?", None)
    with pytest.raises(LinkTimeout, match="SCPI is at port 5025"):
        chamber.driver.identify()


PVALUE = ":SOURCE:CLOOP1:PVALUE?"


def test_blank_lines_before_a_reply_are_passed_over(chamber: Chamber) -> None:
    chamber.answering(PVALUE, b"\r\n\n23.4\r\n")
    assert chamber.driver.temperature.read() == 23.4


@pytest.mark.parametrize(
    ("reply", "error", "told"),
    [
        (b"Inbound SCPI ERROR: Undefined header\n23.4\n", InstrumentError, "Undefined header"),
        (b"Inbound SCPI ERROR: Undefined header\n", InstrumentError, "Undefined header"),
        (b"ERROR\n", ProtocolError, "expected a number"),
        (b"23.4,23.4\n", ProtocolError, "expected a number"),
        (b"\xff3.4\n", ProtocolError, "no text"),
        (b"23.4", LinkTimeout, "no complete answer"),
        (b"\n\n", LinkTimeout, "no complete answer"),
        (b"x" * 2000, ProtocolError, "is this port 5025"),
    ],
)
def test_what_is_no_reply_is_never_a_value(
    chamber: Chamber, reply: bytes, error: type[Exception], told: str
) -> None:
    chamber.answering(PVALUE, reply)
    with pytest.raises(error, match=told):
        chamber.driver.temperature.read()


def test_spoilt_replies_are_never_values(chamber: Chamber) -> None:
    chance = random.Random(1)
    for _ in range(1000):
        spoilt: list[tuple[str, str]] = []

        def spoil(sent: str, reply: bytes | None, spoilt: Any = spoilt) -> bytes | None:
            if sent != PVALUE or reply is None:
                return reply
            text = reply.decode().strip()
            spoilt.append((text, mutated(text, chance)))
            return spoilt[-1][1].encode() + b"\n"

        chamber.spoil = spoil
        try:
            chamber.driver.temperature.read()
        except BenchError:
            continue
        assert shape(spoilt[0][0]) == shape(spoilt[0][1]), spoilt


@given(
    parts=st.lists(st.sampled_from([b"\n", b"\r\n", b"23.4\n", b"Inbound SCPI ERROR: x\n", b"C"]))
)
def test_a_reply_ends_where_it_ends_however_it_comes_in(parts: list[bytes]) -> None:
    whole, reply = b"".join(parts), scpi.Reply(PVALUE)
    length = reply.length_of(whole)
    ends = next((e for e in range(len(whole) + 1) if reply.length_of(whole[:e])), None)
    assert length == ends


RECORDED = [
    (b"*IDN?", b'"Watlow Electric","F4T1L1DAAAA2AAA",77001,"4.08"'),
    (b":UNIT:TEMPERATURE?", b"C"),
    (b":SOURCE:CLOOP1:SPOINT?", b"23.00"),
    (b":SOURCE:CLOOP1:SPOINT 85", b""),
    (b":SOURCE:CLOOP1:SPOINT?", b"85.00"),
    (b"SOURce:CLOop1:SPOint -40.00", b""),
    (b":SOURce:CLOOp1:SPOINT?", b"-40.00"),
    (b":SOURCE:CLOOP1:RACTION BOTH", b""),
    (b":SOURCE:CLOOP1:RSCALE MINUTES", b""),
    (b":SOURCE:CLOOP1:RRATE 3", b""),
    (b":SOURCE:CLOOP1:RRATE?", b"3.00"),
    (b":SOURCE:CLOOP1:ERROR?", b"NONE"),
    (b":SOURCE:CLOOP2:SPOINT 75", b""),
    (b":SOURCE:CLOOP2:SPOINT?", b"75.00"),
    (b":PROGRAM:NUMBER 1", b""),
    (b":PROGRAM:NAME?", b'"PROFILE 1"'),
    (b":PROGRAM:SELECTED:STATE?", b"NOT STARTED"),
    (b":PROGRAM:SELECTED:STATE START", b""),
    (b":PROGRAM:SELECTED:STATE?", b"RUNNING"),
    (b":PROGRAM:SELECTED:STATE STOP", b""),
    (b"OUTPUT1:STATE ON", b""),
    (b":OUTPUT1:STATE?", b"ON"),
    (b":SOURCE:CLOOP1:RTIME 15", b"Inbound SCPI ERROR: Undefined header"),
    (b":SOURCE:CLOOP3:PVALUE?", b"Inbound SCPI ERROR: Header suffix out of range"),
]


def test_the_twin_answers_as_manuals_and_clients_have_it(world: World) -> None:
    face = SimWatlowF4t(world, SERIAL, power_event=1).scpi
    for sent, reply in RECORDED:
        assert (sent, face.handle(sent)) == (sent, reply)
    assert list(world.beyond_of(SERIAL)) == [":SOURCE:CLOOP1:RTIME"]


@pytest.mark.parametrize("protocol", ["modbus", "scpi"])
def test_both_ports_are_one_controller(protocol: str) -> None:
    """PyVISA on one and pymodbus on the other, as `simulate` serves them, and our driver."""
    twin = SimWatlowF4t(World(RealClock(100.0), 1), SERIAL, power_event=1, protocol=protocol)
    (other,) = twin.more_ports().values()
    twin.scpi.sessions = 2
    with TcpMount(twin) as usual, TcpMount(other) as second:
        ports = (usual.port, second.port) if protocol == "modbus" else (second.port, usual.port)
        modbus = ModbusTcpClient("127.0.0.1", port=ports[0], timeout=1.0, retries=0)
        assert modbus.connect()
        manager = pyvisa.ResourceManager("@py")
        theirs: Any = manager.open_resource(f"TCPIP0::127.0.0.1::{ports[1]}::SOCKET")
        theirs.read_termination, theirs.write_termination, theirs.timeout = "\n", "\n", 2000
        with TcpLine("127.0.0.1", ports[1], WatlowF4t.LINE, "chamber") as line:
            driver: Any = WatlowF4t(line, RealClock(100.0), protocol="scpi", power_event=1)
            assert driver.identify().serial == "77001"
            assert driver.temperature.go(40.0) == 40.0
            words = modbus.read_holding_registers(2782, count=2, device_id=1).registers
            kind = modbus.DATATYPE.FLOAT32
            assert modbus.convert_from_registers(words, kind, word_order="little") == 40.0
            assert modbus.read_holding_registers(16594, device_id=1).registers == [63]
            assert theirs.query(":OUTPUT1:STATE?") == "ON"
            assert float(theirs.query(":SOURCE:CLOOP1:SPOINT?")) == 40.0
            assert not modbus.write_register(16594, 62, device_id=1).isError()
            assert driver.temperature.told() is None
        theirs.close()
        manager.close()
        modbus.close()


# The suite, on what SCPI sets.


class Temperature:
    """The F4T over SCPI with its temperature alone: humidity is not set there."""

    LINE: ClassVar = WatlowF4t.LINE
    temperature = setpoint["Temperature"](
        TEMPERATURE, rated=(-75.0, 180.0), fastest=5.0 / 60, planned=3.0 / 60, settling_s=1200.0,
        resolution=0.01, accuracy=0.5, steady=0.2,
    )  # fmt: skip

    def __init__(self, line: FrameLine, clock: Clock) -> None:
        self._all: Any = WatlowF4t(line, clock, protocol="scpi", power_event=1)
        self.name = self._all.name
        self.identify, self.make_safe = self._all.identify, self._all.make_safe
        self.read_alarms = self._all.read_alarms

    @temperature.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> float:
        return number(self._all.temperature.go(target, rate, limit))

    @temperature.read
    def _(self) -> float:
        return number(self._all.temperature.read())

    @temperature.release
    def _(self) -> None:
        self._all.temperature.release()

    @temperature.told
    def _(self) -> Told:
        told: Told = self._all.temperature.told()
        return told


class OverScpi(Case):
    """The twin and the driver on SCPI."""

    def load_driver(self) -> type[Any]:
        return Temperature


NOT_THERE = {check_alarms, check_garbled_readings, check_sources}
"""SCPI tells no alarms and has no checksum; the sources are tried with Modbus."""
WAITING = {check_replies_on_its_port, check_a_power_cycle_within_an_exchange}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=check.__name__, marks=[pytest.mark.chaos] * (check in WAITING))
        for check in INSTRUMENT_CHECKS
        if check not in NOT_THERE
    ],
)
def test_it_keeps_what_every_instrument_owes(check: Callable[[Case], None]) -> None:
    twin = {"protocol": "scpi", "power_event": 1, "humidity": False}
    check(OverScpi(devices()["watlow_f4t"], twin_options=twin))
