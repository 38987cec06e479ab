"""Keithley 2400: driver and twin, each against the wire as PyMeasure and QCoDeS show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import (
    InstrumentError,
    LinkTimeout,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.core.quantity import components
from sensorbench.instruments.keithley_2400.driver import Keithley2400
from sensorbench.instruments.keithley_2400.twin import SimKeithley2400
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '+0,"No error"')
READING = ":SENS:FUNC?;:FORM:ELEM?;:READ?"
ON = (":OUTP?", "1")


@pytest.fixture
def twin(world: World) -> SimKeithley2400:
    twin = SimKeithley2400(world, "1000001")
    twin.sense("current", lambda: rail(twin) / 1000.0)
    return twin


@pytest.fixture
def smu(twin: SimKeithley2400, clock: VirtualClock) -> Keithley2400:
    return Keithley2400(InProcessLine(twin, Keithley2400.LINE, "smu"), clock)


def rail(twin: SimKeithley2400) -> float:
    return components(twin.drives["source"].at(0.0))[0]


def ask(twin: SimKeithley2400, line: str) -> str:
    return (twin.handle(line.encode()) or b"").decode()


# -- the driver on the wire --------------------------------------------------------------------


@pytest.mark.parametrize("model", ["MODEL 2400", "MODEL 2400C", "MODEL 2400-C"])
def test_its_name_as_public_logs_print_it(
    scripted: Scripted, clock: VirtualClock, model: str
) -> None:
    reply = f"KEITHLEY INSTRUMENTS INC.,{model},1000001,C32   Oct  4 2010 14:20:11/A02  /E/F"
    assert Keithley2400(scripted(("*IDN?", reply)), clock).identify().serial == "1000001"


@pytest.mark.parametrize("model", ["MODEL 2410", "MODEL 2450", "MODEL 2401", "MODEL 2400-LV"])
def test_another_model_is_refused(scripted: Scripted, clock: VirtualClock, model: str) -> None:
    line = scripted(("*IDN?", f"KEITHLEY INSTRUMENTS INC.,{model},1,C32"))
    with pytest.raises(WrongDevice, match="expected a 2400"):
        Keithley2400(line, clock).identify()


def test_setting_goes_what_was_left_limit_voltage_output(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        (":SOUR:FUNC?", "CURR"),
        (":SOUR:FUNC VOLT", None), ACCEPTED,
        (":SOUR:VOLT:MODE FIX;:SOUR:VOLT:RANG:AUTO 1;:SOUR:CLE:AUTO 0;"
         ":ARM:COUN 1;:TRIG:COUN 1", None), ACCEPTED,
        (":SENS:FUNC:OFF 'RES';:SENS:FUNC:CONC 1;:SENS:FUNC 'VOLT','CURR'", None), ACCEPTED,
        (":SENS:VOLT:RANG:AUTO 1;:SENS:CURR:RANG:AUTO 1;:FORM:DATA ASC;"
         ":FORM:ELEM VOLT,CURR,STAT", None), ACCEPTED,
        (":SENS:CURR:PROT 0.01", None), ACCEPTED, (":SENS:CURR:PROT?", "+1.000000E-02"),
        (":SOUR:VOLT 3.3", None), ACCEPTED, (":SOUR:VOLT?", "+3.300000E+00"),
        (":OUTP 1", None), ACCEPTED, ON,
    )  # fmt: skip
    assert Keithley2400(line, clock).source.go(3.3, limit=0.01) == 3.3


@pytest.mark.parametrize("elements", ["VOLT,CURR,RES,TIME,STAT", "VOLT,CURR,STAT", "CURR,VOLT"])
def test_values_are_read_by_the_elements_that_are_there(
    scripted: Scripted, clock: VirtualClock, elements: str
) -> None:
    values = {"VOLT": "+3.300123E+00", "CURR": "+2.000000E-03", "RES": "+9.910000E+37",
              "TIME": "+1.234000E+03", "STAT": "+2.150800E+04"}  # fmt: skip
    reply = ",".join(values[name] for name in elements.split(","))
    exchange = (ON, (READING, f'"VOLT:DC","CURR:DC";{elements};{reply}'))
    smu = Keithley2400(scripted(*exchange, *exchange), clock)
    assert (smu.source.read(), smu.current.read()) == (3.300123, 0.002)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ('"CURR:DC";VOLT,CURR;+5.000000E+00,+1.000000E-03', "not measured"),  # 5 V is as set
        ('"";VOLT;+5.000000E+00', "not measured"),
        ('"VOLT:DC","CURR:DC";CURR,STAT;+1.000000E-03,+0.000000E+00', "not measured"),
        ('"VOLT:DC","CURR:DC";VOLT,CURR;+5.000000E+00', "1 values, expected 2"),
        (
            '"VOLT:DC","CURR:DC";VOLT;+5.000000E+00,+5.100000E+00',
            "2 values, expected 1",
        ),  # two triggers
        ('"VOLT:DC";VOLT', "expected functions, elements and values"),
        ("+5.000000E+00", "expected functions, elements and values"),
        ('"VOLT:DC","CURR:DC";VOLT;+9.900000E+37', "overload"),
        ('"VOLT:DC","CURR:DC";VOLT;-9.900000E+37', "overload"),
        ('"VOLT:DC","CURR:DC";VOLT;+9.910000E+37', "not a number"),
        ('"VOLT:DC","CURR:DC";VOLT;#0xx', "no list"),
        ('"VOLT:DC","CURR:DC";VOLT;', "no list"),
        ('"VOLT:DC","CURR:DC";VOLT;+5.00', "no list"),  # cut short
        ('"VOLT:DC","CURR:DC";VOLT,CURbR;+5.000000E+00,+1.000000E-03', "no list"),
        ('"VOLT:DC","CURR:DC";VOLT,VOLT;+5.000000E+00,+1.000000E-03', "no list"),
        ('"VOLT";VOLT;+5.000000E+00', "no list"),
    ],
)
def test_what_was_not_measured_is_no_reading(
    scripted: Scripted, clock: VirtualClock, reply: str, why: str
) -> None:
    with pytest.raises((InstrumentError, ProtocolError), match=why):
        Keithley2400(scripted(ON, (READING, reply)), clock).source.read()


def test_nothing_is_measured_while_it_is_off(scripted: Scripted, clock: VirtualClock) -> None:
    smu = Keithley2400(scripted((":OUTP?", "0"), (":OUTP?", "0")), clock)
    assert (smu.source.read(), smu.current.read()) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("holds", "low", "high", "sent", "then", "band"),
    [
        ("+2.100000E+02", None, 3.6, "20", "+2.000000E+01", (-20.0, 20.0)),
        ("NONE", -30.0, 3.6, "40", "+4.000000E+01", (-40.0, 40.0)),
        ("+2.000000E+01", None, 36.0, None, "", (-20.0, 20.0)),  # a person set it tighter
        ("+4.000000E+01", None, None, None, "", (-40.0, 40.0)),
        ("NONE", None, None, None, "", (None, None)),
        ("+2.100000E+02", None, 200.0, None, "", (None, None)),  # beyond its last step
    ],
)
def test_protection_is_read_first_and_only_narrowed(
    scripted: Scripted,
    clock: VirtualClock,
    holds: str,
    low: float | None,
    high: float | None,
    sent: str | None,
    then: str,
    band: tuple[float | None, float | None],
) -> None:
    script: list[tuple[str, str | None]] = [(":SOUR:VOLT:PROT?", holds)]
    if sent:
        script += [(f":SOUR:VOLT:PROT {sent}", None), ACCEPTED, (":SOUR:VOLT:PROT?", then)]
    assert Keithley2400(scripted(*script), clock).source.protect(low, high) == band


def test_twenty_two_watts_are_the_most(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(SetpointError, match=r"40 V allows a limit of 0\.105 A, not 0\.2 A"):
        Keithley2400(scripted(), clock).source.go(40.0, limit=0.2)
    line = scripted((":SENS:CURR:PROT?", "+1.000000E+00"))
    with pytest.raises(SetpointError, match="not 1 A"):
        Keithley2400(line, clock).source.foresee(40.0)


@pytest.mark.parametrize("bits", ["-1", "1.5", "x", ""])
def test_a_status_that_is_none_is_an_error(
    scripted: Scripted, clock: VirtualClock, bits: str
) -> None:
    with pytest.raises(ProtocolError):
        Keithley2400(scripted((":STAT:MEAS:COND?", bits)), clock).read_alarms()


def test_an_output_that_stays_on_is_told(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("*CLS", None), (":OUTP 0", None), ACCEPTED, ON)
    with pytest.raises(InstrumentError, match="the output is still on"):
        Keithley2400(line, clock).make_safe()


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("volts", [0.0, 3.3, -3.3, 20.0, 100.0])
def test_what_is_set_is_there_and_is_read(
    smu: Keithley2400, twin: SimKeithley2400, volts: float
) -> None:
    assert smu.source.go(volts, limit=0.1) == volts
    assert rail(twin) == pytest.approx(volts, abs=5e-3 + 2e-4 * abs(volts))
    assert smu.source.read() == pytest.approx(rail(twin), abs=5e-3 + 2e-4 * abs(volts))
    assert smu.current.read() == pytest.approx(volts / 1000.0, abs=1e-4)
    assert smu.source.told() == Held(volts, 0.1)


LEFT = (
    ":SENS:CURR:RANG 1e-6", ":SENS:VOLT:RANG 0.2", ":SOUR:VOLT:RANG 0.2", ":SOUR:FUNC CURR",
    ":SENS:FUNC:CONC OFF", ":SENS:FUNC:OFF:ALL", ":FORM:ELEM TIME", ":TRIG:COUN 7",
    ":ARM:COUN 3", ":SOUR:CLE:AUTO ON", ":SENS:FUNC:ALL", ":SENS:AVER ON", ":OUTP:SMOD HIMP",
    ":SENS:CURR:PROT 1e-9", ":SYST:RSEN ON", ":ROUT:TERM REAR", ":SOUR:DEL 1",
)  # fmt: skip


@pytest.mark.parametrize("left", LEFT)
def test_whatever_an_earlier_program_left_the_voltage_comes_and_is_read(
    smu: Keithley2400, twin: SimKeithley2400, left: str
) -> None:
    ask(twin, left)
    smu.source.go(5.0, limit=0.1)
    assert rail(twin) == pytest.approx(5.0, abs=5e-3)
    assert smu.source.read() == pytest.approx(5.0, abs=5e-3)
    assert smu.current.read() == pytest.approx(5e-3, rel=1e-3)
    assert rail(twin) == pytest.approx(5.0, abs=5e-3)


@pytest.mark.parametrize("changed", [":SENS:FUNC:OFF 'VOLT'", ":FORM:ELEM CURR", ":TRIG:COUN 2"])
def test_what_another_program_changes_meanwhile_is_an_error_and_no_value(
    smu: Keithley2400, twin: SimKeithley2400, changed: str
) -> None:
    smu.source.go(5.0, limit=0.1)
    ask(twin, changed)
    with pytest.raises((InstrumentError, ProtocolError)):
        smu.source.read()
    smu.source.go(5.0)
    assert smu.source.read() == pytest.approx(5.0, abs=5e-3)


def test_reading_never_switches_it_on(smu: Keithley2400, twin: SimKeithley2400) -> None:
    ask(twin, ":SOUR:VOLT 5;:SOUR:CLE:AUTO ON")
    before = ask(twin, ":OUTP?")
    assert (smu.source.read(), smu.current.read()) == (0.0, 0.0)
    assert (before, ask(twin, ":OUTP?"), rail(twin)) == ("0", "0", 0.0)


def test_release_and_make_safe_switch_it_off(smu: Keithley2400, twin: SimKeithley2400) -> None:
    for off in (smu.source.release, smu.make_safe):
        smu.source.go(3.3, limit=0.1)
        twin.inject_error(-350, "Queue overflow")
        off()
        assert (rail(twin), smu.source.told()) == (0.0, None)


def test_alarms_are_words(smu: Keithley2400, twin: SimKeithley2400) -> None:
    smu.source.go(3.3, limit=0.1)
    assert smu.read_alarms() == ()
    smu.source.go(3.3, limit=0.001)
    assert [alarm.split(":")[0] for alarm in smu.read_alarms()] == ["the current limit is reached"]
    ask(twin, ":SENS:CURR:PROT 0.1;:SOUR:VOLT:PROT 20;:SOUR:VOLT 30")
    assert smu.read_alarms() == ("the voltage protection holds it back",)
    assert rail(twin) == 20.0


def test_a_lid_that_is_open_keeps_it_off(
    smu: Keithley2400, twin: SimKeithley2400, world: World
) -> None:
    smu.source.go(5.0)
    world.add_fault("1000001", Fault("lid"))
    assert smu.source.told() is None
    with pytest.raises(InstrumentError, match="802 OUTPUT blocked"):
        smu.source.go(5.0)
    assert rail(twin) == 0.0


def test_a_sweep_that_somebody_starts_is_told(smu: Keithley2400, world: World) -> None:
    smu.source.go(5.0)
    world.add_fault("1000001", Fault("program_started"))
    assert smu.source.told() == OfItsOwn("source mode SWE: a sweep or a list")


def test_faults_show(smu: Keithley2400, world: World) -> None:
    smu.source.go(5.0)
    for kind, error in (("overload", InstrumentError), ("silent", LinkTimeout)):
        world.faults.clear()
        world.add_fault("1000001", Fault(kind))
        with pytest.raises(error):
            smu.current.read()


# -- the twin on the wire ----------------------------------------------------------------------


def test_a_reading_with_the_output_off_is_refused_and_not_answered(twin: SimKeithley2400) -> None:
    assert ask(twin, ":READ?") == ""
    assert ask(twin, ":SYST:ERR?") == '+803,"Not permitted with OUTPUT off"'
    ask(twin, ":SOUR:VOLT 5;:SENS:CURR:PROT 0.1;:SOUR:CLE:AUTO ON;:FORM:ELEM CURR")
    assert float(ask(twin, ":READ?")) == pytest.approx(0.005, rel=1e-3)
    assert ask(twin, ":OUTP?") == "0"


def test_measure_switches_the_output_on(twin: SimKeithley2400) -> None:
    ask(twin, ":SOUR:VOLT 5;:SENS:CURR:PROT 0.1")
    assert len(ask(twin, ":MEAS:CURR?").split(",")) == 5
    assert rail(twin) == pytest.approx(5.0, abs=5e-3)


def test_elements_keep_their_order_and_what_is_not_measured_is_as_set(
    twin: SimKeithley2400,
) -> None:
    ask(twin, ":SOUR:VOLT 5;:SENS:CURR:PROT 0.001;:OUTP ON;:FORM:ELEM STAT, CURR, RES, VOLT")
    assert ask(twin, ":FORM:ELEM?") == "VOLT,CURR,RES,STAT"
    volts, amperes, ohms, status = map(float, ask(twin, ":READ?").split(","))
    assert (volts, ohms) == (5.0, 9.91e37)  # the rail is at its limit, and nobody measures it
    assert amperes == pytest.approx(0.001, rel=1e-3)
    assert int(status) & (1 << 3)


def test_above_21_v_it_gives_a_tenth_of_the_current(twin: SimKeithley2400) -> None:
    ask(twin, ":SENS:CURR:PROT 0.5;:SOUR:VOLT 40")
    assert ask(twin, ":SYST:ERR?").startswith("+826")
    ask(twin, ":SENS:CURR:PROT 0.1;:SOUR:VOLT 40;:SENS:CURR:PROT 0.2")
    assert ask(twin, ":SYST:ERR?").startswith("+826")
    assert ask(twin, ":SOUR:VOLT?;:SENS:CURR:PROT?") == "+4.000000E+01;+1.000000E-01"


def test_a_reading_takes_its_time(twin: SimKeithley2400, clock: VirtualClock) -> None:
    ask(twin, ":OUTP ON;:SENS:FUNC 'VOLT','CURR';:SENS:CURR:NPLC 10")
    before_s = clock.now()
    ask(twin, ":READ?")
    assert clock.now() - before_s == pytest.approx(1.2)


# Every exchange of PyMeasure's own tests that is of what the twin models, with their replies.
RECORDED = [
    ("OUTPUT {}", "OUTPUT?", "1"),
    (":SOURCE:FUNCTION {}", ":SOURCE:FUNCTION?", "CURR"),
    (":SOURCE:CLEAR:AUTO {}", ":SOURCE:CLEAR:AUTO?", "0"),
    (":SOURCE:DELAY {}", ":SOURCE:DELAY?", "0.1"),
    (":SOURCE:DELAY:AUTO {}", ":SOURCE:DELAY:AUTO?", "1"),
    (":SYSTEM:AZERO:STATE {}", ":SYSTEM:AZERO:STATE?", "1"),
    (":OUTPUT:SMODE {}", ":OUTPUT:SMODE?", "HIMP"),
    (":SENSE:AVERAGE {}", ":SENSE:AVERAGE?", "0"),
    (":SENSE:AVERAGE:TCONTROL {}", ":SENSE:AVERAGE:TCONTROL?", "MOV"),
    (":SENSE:AVERAGE:COUNT {}", ":SENSE:AVERAGE:COUNT?", "10"),
    (":SENSE:CURRENT:RANGE:AUTO {}", ":SENSE:CURRENT:RANGE:AUTO?", "1"),
    (":SENSE:CURRENT:NPLCYCLES {}", ":SENSE:CURRENT:NPLCYCLES?", "1"),
    (":SENSE:CURRENT:PROTECTION {}", ":SENSE:CURRENT:PROTECTION?", "0.5"),
    (":SOURCE:CURRENT {}", ":SOURCE:CURRENT?", "0.5"),
    (":SOURCE:CURRENT:RANGE:AUTO {}", ":SOURCE:CURRENT:RANGE:AUTO?", "1"),
    (":SENSE:VOLTAGE:RANGE:AUTO {}", ":SENSE:VOLTAGE:RANGE:AUTO?", "1"),
    (":SENSE:VOLTAGE:NPLCYCLES {}", ":SENSE:VOLTAGE:NPLCYCLES?", "1"),
    (":SENSE:VOLTAGE:PROTECTION {}", ":SENSE:VOLTAGE:PROTECTION?", "0.5"),
    (":SOURCE:VOLTAGE {}", ":SOURCE:VOLTAGE?", "0.5"),
    (":SOURCE:VOLTAGE:RANGE:AUTO {}", ":SOURCE:VOLTAGE:RANGE:AUTO?", "1"),
    (":SENSE:RESISTANCE:RANGE:AUTO {}", ":SENSE:RESISTANCE:RANGE:AUTO?", "1"),
    (":SENSE:RESISTANCE:NPLCYCLES {}", ":SENSE:RESISTANCE:NPLCYCLES?", "1"),
    (":TRIGGER:COUNT {}", ":TRIGGER:COUNT?", "10"),
    (":ARM:COUNT {}", ":ARM:COUNT?", "10"),
    (":TRIGGER:SOURCE {}", ":TRIGGER:SOURCE?", "IMM"),
    (":ARM:SOURCE {}", ":ARM:SOURCE?", "IMM"),
    (":DISPLAY:ENABLE {}", ":DISPLAY:ENABLE?", "1"),
    (":SYSTEM:RSENSE {}", ":SYSTEM:RSENSE?", "0"),
    (":ROUTE:TERMINALS {}", ":ROUTE:TERMINALS?", "FRON"),
    # A range is the smallest that holds what was asked for.
    (":SENSE:CURRENT:RANGE 0.5;{}", ":SENSE:CURRENT:RANGE?", "1.0"),
    (":SOURCE:VOLTAGE:RANGE 0.5;{}", ":SOURCE:VOLTAGE:RANGE?", "2.0"),
    (":SENSE:RESISTANCE:RANGE 0.5;{}", ":SENSE:RESISTANCE:RANGE?", "20"),
]


@pytest.mark.parametrize(("told", "asked", "reply"), RECORDED, ids=[row[1] for row in RECORDED])
def test_the_exchanges_of_pymeasures_own_tests(
    twin: SimKeithley2400, told: str, asked: str, reply: str
) -> None:
    ask(twin, told.format("" if told.endswith(";{}") else reply))
    found = ask(twin, asked)
    try:
        assert float(found) == float(reply)
    except ValueError:
        assert found == reply
    assert ask(twin, "SYST:ERR?").startswith("+0,")


@pytest.mark.parametrize(
    "message", [":SOUR:VOLT:MODE SWE", ":TRAC:FEED CALC1", ":FORM:DATA SRE", ":CALC1:STAT ON"]
)
def test_what_it_does_not_model_is_refused_and_on_record(
    twin: SimKeithley2400, world: World, message: str
) -> None:
    ask(twin, message)
    assert not ask(twin, "SYST:ERR?").startswith("+0,")
    assert world.beyond_of("1000001")


def test_the_manual_s_data_store_example(twin: SimKeithley2400) -> None:
    """User's manual 2400S-900-01, table 9-2."""
    twin.sense("current", lambda: rail(twin) / 100.0)
    for message in (
        "*RST", ":SOUR:VOLT 10", ":TRAC:FEED SENS", ":TRAC:POIN 10", ":TRAC:FEED:CONT NEXT",
        ":TRIG:COUN 10", ":SENS:CURR:PROT 0.2", ":OUTP ON", ":INIT",
    ):  # fmt: skip
        ask(twin, message)
    stored = [float(value) for value in ask(twin, ":TRACE:DATA?").split(",")]
    assert len(stored) == 10 * 5
    assert stored[3::5][0] == 0.0  # the first is stamped at zero
    assert stored[3::5] == sorted(stored[3::5])
    ask(twin, ":CALC3:FORM MEAN")
    mean_a = float(ask(twin, ":CALC3:DATA?"))  # current alone was measured
    assert mean_a == pytest.approx(sum(stored[1::5]) / 10, rel=1e-6)
    ask(twin, ":CALC3:FORM SDEV")
    assert 0.0 <= float(ask(twin, ":CALC3:DATA?")) < 1e-7
    assert (ask(twin, ":TRAC:FEED:CONT?"), ask(twin, ":TRAC:POIN:ACT?")) == ("NEV", "10")
    assert int(ask(twin, ":STAT:MEAS:COND?")) & 1 << 9


def test_an_empty_store_has_no_statistic_and_no_data(twin: SimKeithley2400) -> None:
    assert float(ask(twin, ":CALC3:DATA?")) == 9.91e37
    twin.handle(b":TRAC:DATA?")
    assert ask(twin, "SYST:ERR?").startswith("-230,")


def test_a_bus_trigger_is_waited_for(twin: SimKeithley2400, world: World) -> None:
    """READ? is answered when *TRG has come as often as the arm layer counts."""
    for message in (":OUTP ON", ":ARM:SOUR BUS", ":ARM:COUN 2", ":FORM:ELEM CURR"):
        ask(twin, message)
    assert twin.handle(b":READ?") is None
    assert twin.handle(b"*TRG") is None
    assert ask(twin, "*TRG").count(",") == 1
    twin.handle(b"*TRG")
    assert ask(twin, "SYST:ERR?").startswith("-211,")
    assert not world.beyond_of("1000001")


def test_a_timer_spaces_what_it_arms(twin: SimKeithley2400, clock: VirtualClock) -> None:
    for message in (":OUTP ON", ":ARM:SOUR TIM", ":ARM:TIM 2", ":ARM:COUN 3", ":FORM:ELEM TIME"):
        ask(twin, message)
    times_s = [float(value) for value in ask(twin, ":READ?").split(",")]
    assert [times_s[1] - times_s[0], times_s[2] - times_s[1]] == pytest.approx([2.0, 2.0])


def test_a_lid_that_is_open_leaves_it_idle(
    twin: SimKeithley2400, world: World, clock: VirtualClock
) -> None:
    ask(twin, ":SOUR:CLE:AUTO ON")
    world.add_fault("1000001", Fault("lid", at_s=clock.now()))
    twin.handle(b":READ?")
    assert ask(twin, "SYST:ERR?").startswith("+802,")
    twin.handle(b":READ?")
    assert ask(twin, "SYST:ERR?").startswith("+802,")  # and not that it is under way


def test_what_waits_for_a_pulse_waits_until_it_is_aborted(
    twin: SimKeithley2400, world: World
) -> None:
    for message in (":OUTP ON", ":TRIG:SOUR TLIN", ":INIT"):
        ask(twin, message)
    assert list(world.beyond_of("1000001")) == ["a trigger by TLIN: it does not come"]
    ask(twin, ":INIT")
    assert ask(twin, "SYST:ERR?").startswith("-213,")
    ask(twin, ":ABOR")
    ask(twin, ":TRIG:SOUR IMM;:INIT")
    assert ask(twin, "SYST:ERR?").startswith("+0,")


def test_pymeasure_drives_the_twin_over_tcp() -> None:
    from pymeasure.instruments.keithley import Keithley2400 as Client  # noqa: PLC0415 - heavy

    world = World(RealClock(speed=100.0), seed=1)
    twin = SimKeithley2400(world, "SIM-SMU")
    twin.reply_terminator = b"\n"  # as chosen at its panel
    twin.sense("current", lambda: rail(twin) / 100.0)
    with TcpMount(twin) as mount:
        client = Client(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            visa_library="@py",
            read_termination="\n",
            write_termination="\n",
        )
        try:
            assert "MODEL 2400,SIM-SMU" in client.id
            client.source_mode = "voltage"
            client.compliance_current = 0.05
            client.source_voltage_range_auto_enabled = True
            client.source_voltage = 3.3
            client.current_nplc = 0.1
            client.filter_enabled = True
            client.filter_count = 2
            client.wires = 4
            client.front_terminals_enabled = True
            client.source_enabled = True
            assert client.current == pytest.approx(0.033, rel=1e-2)
            assert client.voltage == pytest.approx(3.3, abs=0.01)
            assert client.resistance == pytest.approx(100.0, rel=0.01)
            everything = client.measure_all()
            assert everything["voltage"] == pytest.approx(3.3, abs=0.01)
            assert everything["status"] & (1 << 14)
            assert (client.compliance_current, client.source_voltage) == (0.05, 3.3)
            client.ramp_to_voltage(1.0, steps=3, pause=0.0)
            assert client.source_voltage == 1.0
            client.disable_source()
            assert not client.source_enabled
            assert client.check_errors() == []
        finally:
            client.adapter.close()
    assert rail(twin) == 0.0
    assert not world.beyond_of("SIM-SMU")
