"""OWON XDM1041: driver and twin, each against the wire as public documents have it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, LinkTimeout, ProtocolError, WrongDevice
from sensorbench.instruments.members import limit_of_error
from sensorbench.instruments.owon_xdm1041.driver import OwonXdm1041
from sensorbench.instruments.owon_xdm1041.twin import SimOwonXdm1041
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
IS_VOLTS = ("FUNC1?", '"VOLT"')


@pytest.fixture
def twin(world: World) -> SimOwonXdm1041:
    twin = SimOwonXdm1041(world, "24152470", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    return twin


@pytest.fixture
def line(twin: SimOwonXdm1041) -> InProcessLine:
    return InProcessLine(twin, OwonXdm1041.LINE, "dmm")


@pytest.fixture
def dmm(line: InProcessLine, clock: VirtualClock) -> OwonXdm1041:
    return OwonXdm1041(line, clock)


# The driver, against written exchanges.


def test_a_reading_that_changes_is_believed_at_once(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(IS_VOLTS, ("RATE?", "F"), ("MEAS1?", "3.3001"), ("MEAS1?", "3.3002"), IS_VOLTS)
    began = clock.now()
    assert OwonXdm1041(line, clock).voltage.read() == 3.3002
    assert clock.now() - began == pytest.approx(0.1)


def test_one_that_stands_is_believed_once_a_function_had_settled(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(IS_VOLTS, ("RATE?", "S"), *[("MEAS1?", "3.3001")] * 7, IS_VOLTS)
    began = clock.now()
    assert OwonXdm1041(line, clock).voltage.read() == 3.3001
    assert clock.now() - began == pytest.approx(3.6)


def test_another_function_is_changed_and_the_change_looked_at(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("FUNC1?", '"RES"'), ("CONF:VOLT:DC AUTO", None), IS_VOLTS, ("RATE?", "M"),
        ("MEAS1?", "1.0"), ("MEAS1?", "1.1"), IS_VOLTS,
    )  # fmt: skip
    assert OwonXdm1041(line, clock).voltage.read() == 1.1
    line = scripted(("FUNC1?", '"RES"'), ("CONF:VOLT:DC AUTO", None), ("FUNC1?", '"RES"'))
    with pytest.raises(InstrumentError, match=r"not accepted.*look at the meter"):
        OwonXdm1041(line, clock).make_safe()


def test_a_function_that_changes_while_it_is_read_gives_no_value(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        IS_VOLTS, ("RATE?", "F"), ("MEAS1?", "3.3"), ("MEAS1?", "100.2"), ("FUNC1?", '"RES"')
    )
    with pytest.raises(InstrumentError, match="put to RES while it was read"):
        OwonXdm1041(line, clock).voltage.read()


@pytest.mark.parametrize(
    ("exchanges", "told"),
    [
        ([("FUNC1?", '"VOL"')], "expected a function"),
        ([("FUNC1?", '"')], "expected a function"),
        ([("FUNC1?", "1.234")], "expected a function"),
        ([IS_VOLTS, ("RATE?", "X")], "expected S, M or F"),
        ([IS_VOLTS, ("RATE?", "S"), ("MEAS1?", "NONe")], "expected a number"),
        ([IS_VOLTS, ("RATE?", "F"), ("MEAS1?", "1E+9"), ("MEAS1?", "1.1E+9"), IS_VOLTS], "beyond"),
    ],
)
def test_replies_that_can_t_be_are_errors(
    scripted: Scripted, clock: VirtualClock, exchanges: list[tuple[str, str]], told: str
) -> None:
    with pytest.raises(ProtocolError, match=told):
        OwonXdm1041(scripted(*exchanges), clock).voltage.read()


def test_its_name_has_five_fields_and_its_siblings_another(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("*IDN?", "OWON,XDM1041,12345678,V1.2.0,3"))
    identity = OwonXdm1041(line, clock).identify()
    assert (identity.serial, identity.firmware) == ("12345678", "V1.2.0,3")
    for model in ("XDM1241", "XDM2041"):
        with pytest.raises(WrongDevice, match="is this the right port"):
            OwonXdm1041(scripted(("*IDN?", f"OWON,{model},1,V1.2.0,3")), clock).identify()


# Driver and twin.


def test_the_driver_reads_the_voltage(dmm: OwonXdm1041) -> None:
    assert dmm.identify().serial == "24152470"
    assert dmm.voltage.read() == pytest.approx(3.3, abs=4.3e-3)


@pytest.mark.parametrize("function", ["RES", "DIOD", "CONT", "CURR", "VOLT AC"])
def test_whatever_was_chosen_at_the_panel_it_reads_volts(
    twin: SimOwonXdm1041, dmm: OwonXdm1041, clock: VirtualClock, function: str
) -> None:
    twin.press(function)
    clock.sleep(10.0)
    assert dmm.voltage.read() == pytest.approx(3.3, abs=4.3e-3)


@pytest.mark.parametrize("ago_s", [0.0, 0.3, 1.0, 2.9, 3.1])
@pytest.mark.parametrize("rate", [b"S", b"M", b"F"])
def test_ohms_are_never_told_as_volts_after_the_panel_was_back_at_volts(
    twin: SimOwonXdm1041, dmm: OwonXdm1041, clock: VirtualClock, rate: bytes, ago_s: float
) -> None:
    twin.handle(b"RATE " + rate)
    twin.press("RES")
    clock.sleep(10.0)
    twin.press("VOLT")
    clock.sleep(ago_s)
    assert float(twin.handle(b"MEAS1?") or b"nan") > 50.0 or ago_s > 3.0
    assert dmm.voltage.read() == pytest.approx(3.3, abs=4.3e-3)


def test_a_reading_is_of_now_and_not_of_before_the_world_changed(
    world: World, twin: SimOwonXdm1041, dmm: OwonXdm1041
) -> None:
    zone = world.zone()
    zone.bind("voltage", Constant(3.3))
    twin.sense("voltage", lambda: zone.value("voltage"))
    assert dmm.voltage.read() == pytest.approx(3.3, abs=4.3e-3)
    zone.bind("voltage", Constant(1.0))
    assert float(twin.handle(b"MEAS1?") or b"nan") == pytest.approx(3.3, abs=4.3e-3)
    assert dmm.voltage.read() == pytest.approx(1.0, abs=2e-3)


def test_a_fixed_range_overloads(twin: SimOwonXdm1041, dmm: OwonXdm1041) -> None:
    twin.handle(b"RANGE 2")
    with pytest.raises(ProtocolError, match="can't be beyond"):
        dmm.voltage.read()
    twin.handle(b"AUTO")
    dmm.voltage.read()


def test_an_overload_begins_and_ends_with_its_fault(
    dmm: OwonXdm1041, clock: VirtualClock, world: World
) -> None:
    world.add_fault("24152470", Fault("overload", at_s=20.0, until_s=40.0))
    dmm.voltage.read()
    clock.sleep(20.0)
    with pytest.raises(ProtocolError, match="can't be beyond"):
        dmm.voltage.read()
    clock.sleep(20.0)
    dmm.voltage.read()


def test_make_safe_ends_the_ohms_current(twin: SimOwonXdm1041, dmm: OwonXdm1041) -> None:
    twin.press("RES")
    dmm.make_safe()
    assert twin.handle(b"FUNC1?") == b'"VOLT"'


def test_the_panel_stays_usable(twin: SimOwonXdm1041, dmm: OwonXdm1041) -> None:
    dmm.voltage.read()
    assert not twin.panel_locked
    twin.handle(b"SYST:REM")
    twin.press("RES")
    assert twin.handle(b"FUNC1?;:SYST:LOC") == b'"VOLT"'


def test_what_it_does_not_know_it_does_not_answer(
    twin: SimOwonXdm1041, line: InProcessLine, world: World
) -> None:
    for query in ("*OPC?", "SYST:ERR?", "CALC:FUNC?", "MEAS1:SHOW?"):
        with pytest.raises(LinkTimeout):
            line.query(query)
    assert world.beyond["24152470"].counts
    twin.press("DIOD")
    assert twin.handle(b"RANGE?") is None


@pytest.mark.parametrize("volts", [0.03, -0.4, 3.3, 40.0, -300.0, 900.0])
def test_every_unit_reads_within_what_the_driver_states(
    world: World, clock: VirtualClock, volts: float
) -> None:
    for number in range(30):
        twin = SimOwonXdm1041(world, f"SIM-{number}")
        twin.sense("voltage", lambda: volts)
        clock.sleep(1.0)
        error = float(twin.handle(b"MEAS1?") or b"nan") - volts
        assert abs(error) <= (limit_of_error(OwonXdm1041.voltage, volts) or 0.0)


EXAMPLES = [
    ("*IDN?", "OWON,XDM1041,24152470,V4.3.0,3"),
    ("FUNC1?", '"VOLT"'),
    ("CONF:VOLT:AC;:FUNC1?", '"VOLT AC"'),
    ("CONF:VOLT:DC 5;:RANGE?;:AUTO?", "5 V;0"),
    ("CONF:VOLT:DC AUTO;:AUTO?", "1"),
    ("CONF:RES 1000;:RANGE?;:FUNC1?", '5000 OHM;"RES"'),
    ("CONF:CURR:DC 0.3;:RANGE?", "0.5 A"),
    ("CONF:CURR:AC;:FUNC?", '"CURR AC"'),
    ("RANGE 3;RANGE?;AUTO;AUTO?", "5 V;1"),
    ("RATE?;RATE F;RATE?", "S;F"),
    ("MEAS2?;BEEP;:SYST:BEEP:STAT?", "NONe"),
    ("SYST:BEEP:STAT?", "NO"),
]


@pytest.mark.parametrize(("sent", "reply"), EXAMPLES)
def test_a_worked_example_of_each_command(world: World, sent: str, reply: str) -> None:
    twin = SimOwonXdm1041(world, "24152470")
    assert (sent, twin.handle(sent.encode())) == (sent, reply.encode())


@pytest.mark.parametrize(
    ("command", "expected", "abs_"),
    [
        (b"CONF:RES", 100.2, 0.2),
        (b"CONF:CURR:DC", 0.02, 1e-4),
        (b"CONF:CONT", 100.2, 0.2),
        (b"CONF:DIOD", 0.1002, 1e-3),
        (b"CONF:VOLT:AC", 0.0, 1e-3),
    ],
)
def test_each_function_measures_what_is_connected(
    world: World, clock: VirtualClock, command: bytes, expected: float, abs_: float
) -> None:
    twin = SimOwonXdm1041(world, "24152470", resistance_ohm=100.0, current_a=0.02)
    twin.handle(command)
    clock.sleep(4.0)
    assert float(twin.handle(b"MEAS1?") or b"nan") == pytest.approx(expected, abs=abs_)
    twin.resistance_ohm = math.inf


# A plain script on a serial port.


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_a_plain_pyserial_script_reads_it() -> None:
    import serial  # noqa: PLC0415 - heavy

    twin = SimOwonXdm1041(World(RealClock(speed=1000.0), seed=1), "24152470")
    twin.sense("voltage", lambda: 3.3)
    with PtyMount(twin) as mount, serial.Serial(mount.address, 115_200, timeout=2.0) as port:

        def ask(query: str) -> str:
            port.write(f"{query}\r\n".encode())
            return port.readline().decode("ascii").strip()

        assert ask("*IDN?").split(",")[:3] == ["OWON", "XDM1041", "24152470"]
        port.write(b"CONF:VOLT:DC\r\n")
        port.write(b"RATE F\r\n")
        for _ in range(50):
            if float(ask("MEAS?")):
                break
        assert float(ask("MEAS?")) == pytest.approx(3.3, abs=4.3e-3)
