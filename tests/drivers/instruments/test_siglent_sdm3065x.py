"""Siglent SDM3065X: what it has of its own beside the 34461A, driver and twin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, SetpointError, WrongDevice
from sensorbench.instruments.keysight_34461a.driver import Keysight34461a
from sensorbench.instruments.members import limit_of_error
from sensorbench.instruments.siglent_sdm3065x.driver import SiglentSdm3065x
from sensorbench.instruments.siglent_sdm3065x.twin import SimSiglentSdm3065x
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import World

Scripted = Callable[..., Any]
CHOICE = [
    ('FUNC "VOLT"', None),
    ("TRIG:SOUR IMM", None),
    ("TRIG:COUN 1", None),
    ("SAMP:COUN 1", None),
    ("VOLT:NULL:STAT OFF", None),
    ("CALC:SCAL:STAT OFF", None),
]
ACCEPTED = ("SYST:ERR?", '+0,"No error"')


@pytest.fixture
def twin(world: World) -> SimSiglentSdm3065x:
    twin = SimSiglentSdm3065x(world, "SDM1", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    return twin


@pytest.fixture
def dmm(twin: SimSiglentSdm3065x, clock: VirtualClock) -> SiglentSdm3065x:
    return SiglentSdm3065x(InProcessLine(twin, SiglentSdm3065x.LINE, "dmm"), clock)


def test_each_command_goes_alone_and_all_are_asked_for(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(*CHOICE, ACCEPTED, ("VOLT:NPLC?", "+1.00000000E+01"), ("READ?", "+1.2E+00"))
    assert SiglentSdm3065x(line, clock).voltage.read() == 1.2
    assert line.timeouts[-1] == pytest.approx(2.6)
    line = scripted(*CHOICE, ("SYST:ERR?", '-113,"Undefined header"'), ACCEPTED)
    with pytest.raises(InstrumentError, match="-113"):
        SiglentSdm3065x(line, clock).voltage.read()


def test_it_is_no_34461a_nor_the_smaller_sibling(
    twin: SimSiglentSdm3065x, dmm: SiglentSdm3065x, scripted: Scripted, clock: VirtualClock
) -> None:
    assert dmm.identify().serial == "SDM1"
    with pytest.raises(WrongDevice):
        Keysight34461a(InProcessLine(twin, Keysight34461a.LINE, "dmm"), clock).identify()
    line = scripted(("*IDN?", "Siglent Technologies,SDM3055,SDM35,1.01.01.25"))
    with pytest.raises(WrongDevice, match="is this the right address"):
        SiglentSdm3065x(line, clock).identify()


@pytest.mark.parametrize("nplc", [0.02, 0.2, 2.0, math.nan])
def test_the_34461a_s_integrations_are_not_its_own(
    scripted: Scripted, clock: VirtualClock, nplc: float
) -> None:
    with pytest.raises(SetpointError, match=r"0\.005, 0\.05, 0\.5, 1, 10, 100"):
        SiglentSdm3065x(scripted(), clock, nplc=nplc)


@pytest.mark.parametrize(
    "left",
    [
        b"TRIG:SOUR BUS;COUN 5;:SAMP:COUN 5;:INIT",
        b"VOLT:NULL ON;NULL:VAL 2",
        b"CALC:SCAL:FUNC DBM;STAT ON",
        b"CONF:TEMP RTD,PT1000",
        b"VOLT:NPLC 0.005",
    ],
)
def test_what_somebody_left_bends_no_reading(
    twin: SimSiglentSdm3065x, dmm: SiglentSdm3065x, left: bytes
) -> None:
    twin.handle(left)
    assert twin.handle(b"SYST:ERR?") == b'+0,"No error"'
    assert dmm.voltage.read() == pytest.approx(3.3, abs=5e-4)
    assert dmm.read_resistance_ohm() == pytest.approx(100.0, abs=0.03)


def test_a_fixed_range_overloads(twin: SimSiglentSdm3065x, dmm: SiglentSdm3065x) -> None:
    twin.handle(b"VOLT:RANG 2;RANG:AUTO OFF")
    with pytest.raises(InstrumentError, match="overload"):
        dmm.voltage.read()


@pytest.mark.parametrize("volts", [0.15, 1.9, 3.3, 23.0, 150.0, 900.0])
def test_every_unit_reads_within_what_the_driver_states(world: World, volts: float) -> None:
    for number in range(30):
        twin = SimSiglentSdm3065x(world, f"SIM-{number}")
        twin.sense("voltage", lambda: volts)
        error = float(twin.handle(b"READ?") or b"nan") - volts
        assert abs(error) <= (limit_of_error(SiglentSdm3065x.voltage, volts) or 0.0)


EXAMPLES = [
    ("*IDN?", "Siglent Technologies,SDM3065X,SDM1,3.02.01.13"),
    ("CONF:VOLT:DC 10;:CONF?", '"VOLT +2.00000000E+01,+2.00000000E-05"'),
    ("VOLT:NPLC 0.3;NPLC?;NPLC MIN;NPLC?", "+5.00000000E-01;+5.00000000E-03"),
    ("CONF:FRES AUTO;:FRES:RANG 1e6;RANG?", "+1.00000000E+06"),
    ("SAMP:COUN? MAX", "+599999999"),
    ("SAMP:COUN 3;:VOLT:NPLC 1;:INIT;*OPC?;:DATA:POIN?;REM? 2;POIN?;:SYST:PRES", None),
    ("CONF:TEMP RTD,PT1000;:TEMP:TRAN:RTD:TYPE?;:TEMP:TRAN:TYPE?", "PT1000;RTD"),
    ("TEMP:TRAN:TYPE RTD;RTD:TYPE PT100;TYPE?", "PT100"),
]


@pytest.mark.parametrize(("sent", "reply"), EXAMPLES)
def test_a_worked_example_of_each_command(world: World, sent: str, reply: str | None) -> None:
    twin = SimSiglentSdm3065x(world, "SDM1", resistance_ohm=119.3971)
    answered = twin.handle(sent.encode())
    assert answered
    assert reply is None or (sent, answered) == (sent, reply.encode())
    assert twin.handle(b"SYST:ERR?") == b'+0,"No error"'
    assert not world.beyond.get("SDM1")


def test_a_platinum_resistor_counts_its_leads(world: World) -> None:
    twin = SimSiglentSdm3065x(world, "SDM1", resistance_ohm=119.3971)
    assert float(twin.handle(b"MEAS:TEMP? RTD,PT100") or b"nan") == pytest.approx(50.52, abs=0.1)


@pytest.mark.parametrize(
    "command", ["ROUT:SCAN ON", "CONF:TEMP THER,KITS90", "CALC:TREN ON", "ROUT:TERM?", "*OPT?"]
)
def test_what_the_twin_has_not_is_refused_and_on_record(world: World, command: str) -> None:
    twin = SimSiglentSdm3065x(world, "SDM1")
    assert twin.handle(command.encode()) is None
    assert not (twin.handle(b"SYST:ERR?") or b"+0").startswith(b"+0")
    assert world.beyond["SDM1"].counts


def test_a_plain_pyvisa_script_reads_it() -> None:
    import pyvisa  # noqa: PLC0415 - heavy

    twin = SimSiglentSdm3065x(World(RealClock(speed=1000.0), seed=1), "SDM1")
    twin.sense("voltage", lambda: 3.3)
    manager = pyvisa.ResourceManager("@py")
    with (
        TcpMount(twin) as mount,
        manager.open_resource(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            read_termination="\n",
            write_termination="\n",
        ) as meter,
    ):
        meter.write('SENSE:FUNCTION "VOLTAGE:DC"')
        meter.write("SENSE:VOLTAGE:DC:NPLC 0.05")
        meter.write("SENSE:VOLTAGE:DC:RANGE 20")
        meter.write("TRIGGER:SOURCE BUS")
        meter.write("INITIATE")
        meter.write("*TRG")
        assert meter.query("*OPC?") == "1"
        assert meter.query("DATA:LAST?").endswith(" VDC")
        assert meter.query("R? 1").startswith("#215+3.")
        assert meter.query("SYST:ERR?") == '+0,"No error"'
    manager.close()
