"""Keysight 34465A: what it has beside the 34461A, driver and twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.keysight_34461a.driver import Keysight34461a
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.keysight_34465a.driver import Keysight34465a
from sensorbench.instruments.keysight_34465a.twin import SimKeysight34465a
from sensorbench.instruments.members import limit_of_error
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import World

Scripted = Callable[..., Any]
CHOICE = (
    'FUNC "VOLT";:TRIG:SOUR IMM;COUN 1;:SAMP:COUN 1;:VOLT:NULL:STAT OFF;:CALC:SCAL:STAT OFF',
    None,
)
ACCEPTED = ("SYST:ERR?", '+0,"No error"')


@pytest.fixture
def twin(world: World) -> SimKeysight34465a:
    twin = SimKeysight34465a(world, "SIM-DMM", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    return twin


@pytest.fixture
def dmm(twin: SimKeysight34465a, clock: VirtualClock) -> Keysight34465a:
    return Keysight34465a(InProcessLine(twin, Keysight34465a.LINE, "dmm"), clock)


# The driver, against written exchanges.


@pytest.mark.parametrize(
    ("asked", "deadline_s"),
    [
        ([("VOLT:APER:ENAB?", "0"), ("VOLT:NPLC?", "+1.00000000E+02")], 8.0),
        ([("VOLT:APER:ENAB?", "1"), ("VOLT:APER?", "+2.00000000E+00")], 8.0),
    ],
)
def test_a_reading_waits_as_long_as_nplc_or_the_aperture_makes_it(
    scripted: Scripted, clock: VirtualClock, asked: list[tuple[str, str]], deadline_s: float
) -> None:
    line = scripted(CHOICE, ACCEPTED, *asked, ("READ?", "+3.30000123E+00"))
    assert Keysight34465a(line, clock).voltage.read() == 3.30000123
    assert line.timeouts[-1] == pytest.approx(deadline_s)


@pytest.mark.parametrize("aperture", ["+0.00000000E+00", "+2.10000000E+00", "-1"])
def test_an_aperture_that_can_t_be_is_an_error(
    scripted: Scripted, clock: VirtualClock, aperture: str
) -> None:
    line = scripted(CHOICE, ACCEPTED, ("VOLT:APER:ENAB?", "1"), ("VOLT:APER?", aperture))
    with pytest.raises(ProtocolError, match=r"APER\?"):
        Keysight34465a(line, clock).voltage.read()


def test_a_count_before_the_trigger_that_somebody_left_is_put_to_0(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        CHOICE,
        ("SYST:ERR?", '-221,"Settings conflict"'),
        ACCEPTED,
        ("SAMP:COUN:PRET 0", None),
        ACCEPTED,
        CHOICE,
        ACCEPTED,
        ("VOLT:APER:ENAB?", "0"),
        ("VOLT:NPLC?", "+1.00000000E+01"),
        ("READ?", "+3.30000000E+00"),
    )
    assert Keysight34465a(line, clock).voltage.read() == 3.3


def test_another_refusal_is_told_as_it_is(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(CHOICE, ("SYST:ERR?", '-113,"Undefined header"'), ACCEPTED)
    with pytest.raises(InstrumentError, match="-113"):
        Keysight34465a(line, clock).voltage.read()


def test_its_integrations_are_more_than_the_34461a_s(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("VOLT:NPLC 0.06", None), ACCEPTED, ("FRES:NPLC 0.06", None), ACCEPTED)
    Keysight34465a(line, clock).set_integration(0.06)
    with pytest.raises(SetpointError):
        Keysight34465a(scripted(), clock).set_integration(0.5)


def test_neither_of_the_family_takes_the_other_for_itself(
    twin: SimKeysight34465a, world: World, clock: VirtualClock
) -> None:
    other = SimKeysight34461a(world, "SIM-2")
    for driver, met in ((Keysight34461a, twin), (Keysight34465a, other)):
        with pytest.raises(WrongDevice, match="is this the right address"):
            driver(InProcessLine(met, driver.LINE, "dmm"), clock).identify()


# Driver and twin.


def test_an_aperture_that_somebody_set_is_waited_for(
    twin: SimKeysight34465a, dmm: Keysight34465a, clock: VirtualClock
) -> None:
    twin.handle(b"VOLT:APER 2")
    began = clock.now()
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)
    assert clock.now() - began == pytest.approx(4.0)
    dmm.set_integration(1.0)
    began = clock.now()
    dmm.voltage.read()
    assert clock.now() - began == pytest.approx(0.04)


def test_timed_samples_that_somebody_left_do_not_delay_a_reading(
    twin: SimKeysight34465a, dmm: Keysight34465a, clock: VirtualClock
) -> None:
    twin.handle(b"SAMP:SOUR TIM;TIM 100;COUN 5;:TRIG:SOUR BUS;COUN INF;:INIT")
    began = clock.now()
    twin.handle(b"ABOR")
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)
    assert clock.now() - began == pytest.approx(0.4)


def test_each_sample_waits_for_the_timer(twin: SimKeysight34465a, clock: VirtualClock) -> None:
    twin.handle(b"VOLT:NPLC 1;:SAMP:SOUR TIM;TIM 0.5;COUN 5;:INIT")
    clock.sleep(1.1)
    assert twin.handle(b"DATA:POIN?") == b"3"
    began = clock.now()
    assert twin.handle(b"*OPC?;:DATA:POIN?") == b"1;5"
    assert clock.now() - began == pytest.approx(2.04 - 1.1)


@pytest.mark.parametrize("voltage_v", [0.05, 0.9, 3.3, 11.9, 25.0])
def test_every_unit_reads_within_what_the_driver_states(world: World, voltage_v: float) -> None:
    for number in range(30):
        twin = SimKeysight34465a(world, f"SIM-{number}")
        twin.sense("voltage", lambda: voltage_v)
        error = float(twin.handle(b"READ?") or b"nan") - voltage_v
        assert abs(error) <= (limit_of_error(Keysight34465a.voltage, voltage_v) or 0.0)


EXAMPLES = [
    ("VOLT:NPLC? MIN;NPLC 0.003;NPLC?", "+1.00000000E-03;+6.00000000E-03"),
    ("VOLT:RES?;RES 3e-5;RES?;NPLC?", "+1.00000000E-06;+3.00000000E-05;+2.00000000E-02"),
    ("VOLT:APER:ENAB?;:VOLT:APER?", "0;+2.00000000E-01"),
    ("VOLT:APER 0.05;APER?;APER:ENAB?;:VOLT:NPLC 1;APER:ENAB?", "+5.00000000E-02;1;0"),
    ("CURR:APER:ENAB ON;ENAB?;ENAB OFF;ENAB?", "1;0"),
    ("FRES:APER? MIN;APER? MAX;APER? DEF", "+2.00000000E-05;+2.00000000E+00;+2.00000000E-01"),
    ("TRIG:LEV 1.5;LEV?;LEV? MAX", "+1.50000000E+00;+1.00000000E+03"),
    ("SAMP:SOUR TIM;SOUR?;:SAMP:COUN:PRET 0;PRET?;PRET? MAX", "TIM;+0;+49999"),
    ("SAMP:COUN? MAX;:TRIG:COUN? MAX", "+1000000000;+1.00000000E+09"),
    ("CONF:RES 1e9;:RES:RANG?", "+1.00000000E+09"),
    ("SYST:LIC:CAT?", '"DIG"'),
    ("*RST;:SAMP:SOUR?;:VOLT:APER:ENAB?;:TRIG:LEV?", "IMM;0;+0.00000000E+00"),
    ("TRIG:SOUR BUS;SOUR?", "BUS"),
    ("MEAS:TEMP? FRTD,85;:TEMP:TRAN:TYPE RTD;TYPE?", None),
]


@pytest.mark.parametrize(("sent", "reply"), EXAMPLES)
def test_a_worked_example_of_each_command(world: World, sent: str, reply: str | None) -> None:
    twin = SimKeysight34465a(world, "SIM-DMM", resistance_ohm=100.0)
    answered = twin.handle(sent.encode())
    assert answered
    assert reply is None or (sent, answered) == (sent, reply.encode())
    assert twin.handle(b"SYST:ERR?") == b'+0,"No error"'
    assert not world.beyond.get("SIM-DMM")


@pytest.mark.parametrize(
    "command", ["CONF:TEMP TC,K", "TRIG:SOUR INT", "SAMP:COUN:PRET 10", "TEMP:TRAN:TYPE TC"]
)
def test_what_it_has_and_the_twin_has_not_is_on_record(world: World, command: str) -> None:
    twin = SimKeysight34465a(world, "SIM-DMM")
    twin.handle(command.encode())
    assert (twin.handle(b"SYST:ERR?") or b"").startswith(b"-224")
    assert world.beyond["SIM-DMM"].counts


def test_a_number_of_readings_that_no_memory_holds_ends_all_the_same(
    twin: SimKeysight34465a, clock: VirtualClock
) -> None:
    twin.handle(b"VOLT:NPLC MIN;ZERO:AUTO OFF;:SAMP:COUN MAX;:INIT")
    clock.sleep(1e9 * 20e-6 + 1.0)
    assert twin.handle(b"*OPC?;:DATA:POIN?;:STAT:QUES:COND?") == b"1;50000;16384"
