"""Keithley 2450: driver and twin, each against the wire as PyMeasure and QCoDeS show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, LinkTimeout, ProtocolError, SetpointError
from sensorbench.core.quantity import components
from sensorbench.instruments.keithley_2450.driver import Keithley2450
from sensorbench.instruments.keithley_2450.twin import SimKeithley2450
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '0,"No error"')


@pytest.fixture
def twin(world: World) -> SimKeithley2450:
    twin = SimKeithley2450(world, "04460001")
    twin.sense("current", lambda: components(twin.drives["source"].at(0.0))[0] / 1000.0)
    return twin


@pytest.fixture
def smu(twin: SimKeithley2450, clock: VirtualClock) -> Keithley2450:
    return Keithley2450(InProcessLine(twin, Keithley2450.LINE, "smu"), clock)


def rail(twin: SimKeithley2450) -> float:
    return components(twin.drives["source"].at(0.0))[0]


def ask(twin: SimKeithley2450, line: str) -> str:
    return (twin.handle(line.encode()) or b"").decode()


# -- the driver on the wire --------------------------------------------------------------------


def test_setting_goes_limit_voltage_output(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        (":SOUR:FUNC VOLT", None), ACCEPTED,
        (":SOUR:VOLT:ILIM 0.01", None), ACCEPTED,
        (":SOUR:VOLT 3.3", None), ACCEPTED,
        (":OUTP 1", None), ACCEPTED,
    )  # fmt: skip
    assert Keithley2450(line, clock).source.go(3.3, limit=0.01) == 3.3


def test_one_value_answers_a_reading(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted((":MEAS:CURR?", "+1.000000E-01"), (":MEAS:VOLT?", "3.300123E+00"))
    smu = Keithley2450(line, clock)
    assert smu.current.read() == 0.1
    assert smu.voltage.read() == 3.300123


@pytest.mark.parametrize("reply", ["9.900000E+37", "-9.9E37", "9.91e37"])
def test_an_overflow_is_no_value(scripted: Scripted, clock: VirtualClock, reply: str) -> None:
    line = scripted((":MEAS:CURR?", reply))
    with pytest.raises(InstrumentError, match="MEAS:CURR"):
        Keithley2450(line, clock).current.read()


def test_five_values_are_no_reading(scripted: Scripted, clock: VirtualClock) -> None:
    # A unit that emulates a 2400 answers so.
    line = scripted((":MEAS:VOLT?", "0.1,0.2,9.91e37,1234,5678"))
    with pytest.raises(ProtocolError, match="expected a number"):
        Keithley2450(line, clock).voltage.read()


@pytest.mark.parametrize("language", ["SCPI2400", "TSP"])
def test_another_command_set_is_refused(
    scripted: Scripted, clock: VirtualClock, language: str
) -> None:
    line = scripted(
        ("*IDN?", "KEITHLEY INSTRUMENTS,MODEL 2450,04460001,1.6.4c"), ("*LANG?", language)
    )
    with pytest.raises(ProtocolError, match=f"it speaks {language}, not SCPI.*front panel"):
        Keithley2450(line, clock).identify()


def test_another_model_is_refused(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1,C32"))
    with pytest.raises(ProtocolError, match="expected a 2450"):
        Keithley2450(line, clock).identify()


@pytest.mark.parametrize(
    ("holds", "low", "high", "sent", "band"),
    [
        ("NONE", None, 3.6, "PROT5", (-5.0, 5.0)),
        ("PROT20", None, 5.0, "PROT5", (-5.0, 5.0)),
        ("PROT2", None, 3.6, None, (-2.0, 2.0)),  # a person set it tighter
        ("PROT10", None, None, None, (-10.0, 10.0)),
        ("NONE", None, None, None, (None, None)),
        ("NONE", -12.0, 3.0, "PROT20", (-20.0, 20.0)),
        ("NONE", None, 200.0, None, (None, None)),  # beyond its last step
    ],
)
def test_protection_is_read_first_and_only_narrowed(
    scripted: Scripted,
    clock: VirtualClock,
    holds: str,
    low: float | None,
    high: float | None,
    sent: str | None,
    band: tuple[float | None, float | None],
) -> None:
    script: list[tuple[str, str | None]] = [(":SOUR:VOLT:PROT?", holds)]
    if sent:
        script += [(f":SOUR:VOLT:PROT {sent}", None), ACCEPTED, (":SOUR:VOLT:PROT?", sent)]
    assert Keithley2450(scripted(*script), clock).source.protect(low, high) == band


def test_garbage_for_the_protection_is_refused(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted((":SOUR:VOLT:PROT?", "20 V"))
    with pytest.raises(ProtocolError, match="'20 V', expected PROT2 to PROT180 or NONE"):
        Keithley2450(line, clock).source.protect(None, 5.0)


@pytest.mark.parametrize("volts", [210.1, -211.0])
def test_beyond_the_rating_nothing_is_sent(
    scripted: Scripted, clock: VirtualClock, volts: float
) -> None:
    with pytest.raises(SetpointError, match="nothing was sent"):
        Keithley2450(scripted(), clock).source.go(volts, limit=0.01)
    with pytest.raises(SetpointError, match="nothing was sent"):
        Keithley2450(scripted(), clock).source.go(1.0, limit=1.1)


def test_twenty_watts_are_the_most(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(SetpointError, match=r"40 V allows a limit of 0\.105 A, not 0\.2 A"):
        Keithley2450(scripted(), clock).source.go(40.0, limit=0.2)
    line = scripted((":SOUR:VOLT:ILIM?", "1.000000E+00"))
    with pytest.raises(SetpointError, match="not 1 A"):
        Keithley2450(line, clock).source.go(40.0)


def test_an_output_that_stays_on_is_told(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("*CLS", None), (":OUTP 0", None), ACCEPTED, (":OUTP?", "1"))
    with pytest.raises(InstrumentError, match="the output is still on"):
        Keithley2450(line, clock).make_safe()


# -- the twin on the wire ----------------------------------------------------------------------


def test_the_twin_answers_as_a_2450(twin: SimKeithley2450) -> None:
    assert ask(twin, "*IDN?") == "KEITHLEY INSTRUMENTS,MODEL 2450,04460001,1.7.12b"
    assert ask(twin, "*LANG?") == "SCPI"
    assert ask(twin, ":OUTP?") == "0"
    assert ask(twin, ":SOUR:FUNC?;:SOUR:VOLT?;:SOUR:VOLT:PROT?") == "VOLT;0.000000E+00;NONE"


def test_what_it_does_not_know_it_refuses(twin: SimKeithley2450) -> None:
    for line in (":SENS:VOLT:PROT 1", ":SOUR:VOLT 300", ":SOUR:VOLT:PROT PROT3"):
        ask(twin, line)
        assert not ask(twin, ":SYST:ERR?").startswith("0,")


def test_above_21_v_it_gives_a_tenth_of_the_current(twin: SimKeithley2450) -> None:
    ask(twin, ":SOUR:VOLT:ILIM 0.5;:SOUR:VOLT 40")
    assert ask(twin, ":SYST:ERR?").startswith("-221")
    ask(twin, ":SOUR:VOLT:ILIM 0.1;:SOUR:VOLT 40;:SOUR:VOLT:ILIM 0.2")
    assert ask(twin, ":SYST:ERR?").startswith("-221")
    assert ask(twin, ":SOUR:VOLT?;:SOUR:VOLT:ILIM?") == "4.000000E+01;1.000000E-01"


def test_the_limit_pulls_the_rail_down_and_says_so(twin: SimKeithley2450) -> None:
    ask(twin, ":SOUR:VOLT:ILIM 0.001;:SOUR:VOLT 5;:OUTP ON")
    assert rail(twin) == pytest.approx(1.0, abs=0.01)
    assert ask(twin, ":SOUR:VOLT:ILIM:TRIP?") == "1"
    assert float(ask(twin, ":MEAS:CURR?")) == pytest.approx(0.001, rel=1e-3)
    ask(twin, ":SOUR:VOLT:ILIM 0.1")
    assert rail(twin) == pytest.approx(5.0, abs=0.01)
    assert ask(twin, ":SOUR:VOLT:ILIM:TRIP?") == "0"


def test_the_protection_holds_the_rail(twin: SimKeithley2450) -> None:
    ask(twin, ":SOUR:VOLT:PROT PROT5;:SOUR:VOLT:ILIM 0.1;:SOUR:VOLT 12;:OUTP 1")
    assert rail(twin) == 5.0
    assert ask(twin, ":SOUR:VOLT:PROT:TRIP?") == "1"


def test_another_source_function_switches_the_output_off(twin: SimKeithley2450) -> None:
    ask(twin, ":SOUR:VOLT 5;:OUTP 1;:SOUR:FUNC CURR")
    assert ask(twin, ":OUTP?") == "0"
    assert list(twin.beyond) == ["source current"]


def test_what_a_coil_would_get(twin: SimKeithley2450) -> None:
    ask(twin, ":SOUR:VOLT:ILIM 0.5;:SOUR:VOLT 10")
    field = twin.drives["source"]
    assert field.amperes_into(50.0) == 0.0  # type: ignore[attr-defined]
    ask(twin, ":OUTP 1")
    assert field.amperes_into(50.0) == pytest.approx(0.2, rel=1e-3)  # type: ignore[attr-defined]
    assert field.amperes_into(5.0) == 0.5  # type: ignore[attr-defined]


def test_a_reading_takes_its_integration_time(twin: SimKeithley2450, clock: VirtualClock) -> None:
    ask(twin, ":SENS:CURR:NPLC 10;:SENS:FUNC 'CURR'")
    before_s = clock.now()
    ask(twin, ":READ?")
    assert clock.now() - before_s == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        # QCoDeS maps these answers, and no others.
        ("SENS:FUNC?", '"CURR:DC"'),
        (":SENS:FUNC 'VOLT';FUNC?", '"VOLT:DC"'),
        (':SENS:FUNC "RES";FUNC?', '"RES"'),
        ("FUNC 'volt:dc';FUNC?", '"VOLT:DC"'),  # SENSe may be left out
        (":SENSe:current:RANGe 0.1;RANGe?;RANGe:AUTO?", "1.000000E-01;0"),
        (":SENS:CURR:RANG:AUTO 0;:SENS:CURR:RANG 2e-4;RANG?", "1.000000E-03"),
        (":SENS:RES:RANG 300;RANG?;:SENS:RES:AZER 0;AZER?", "2.000000E+03;0"),
        (":SOUR:VOLT:RANG 20;RANG?;RANG:AUTO?", "2.000000E+01;0"),
        (":SOUR:VOLT:DEL 0.5;DEL?;DEL:AUTO?;:SOUR:VOLT:READ:BACK?", "5.000000E-01;0;1"),
        (":SENS:COUN?;:ROUT:TERM?;:SYST:LFR?", "1;FRON;50"),
    ],
)
def test_the_settings_that_other_people_s_drivers_use(
    twin: SimKeithley2450, sent: str, reply: str
) -> None:
    assert ask(twin, sent) == reply
    assert not twin.beyond


def test_a_reading_is_of_the_function_in_use_into_a_named_buffer(twin: SimKeithley2450) -> None:
    ask(twin, ":SOUR:VOLT:ILIM 0.1;:SOUR:VOLT 5;:OUTP 1")
    for sent in (":MEASure? 'defbuffer1'", ':READ? "defbuffer1"', ":MEAS:CURR? 'defbuffer2'"):
        assert float(ask(twin, sent)) == pytest.approx(0.005, rel=1e-3)
    assert ask(twin, ":READ? 'mine';:SYST:ERR?") == '-224,"Illegal parameter value"'


@pytest.mark.parametrize(
    ("read_back", "source_v"), [("1", pytest.approx(5.0, abs=2e-3)), ("0", 5.0)]
)
def test_a_reading_is_told_with_what_its_source_had(
    twin: SimKeithley2450, read_back: str, source_v: float
) -> None:
    ask(twin, f":SOUR:VOLT:ILIM 0.1;:SOUR:VOLT:READ:BACK {read_back};:SOUR:VOLT 5;:OUTP 1")
    source, reading = ask(twin, ':READ? "defbuffer1",SOUR,READing').split(",")
    assert float(source) == source_v
    assert float(reading) == pytest.approx(0.005, rel=1e-3)
    assert not twin.beyond
    assert ask(twin, ':READ? "defbuffer1",TST;:SYST:ERR?').startswith("-224,")
    assert twin.beyond


def test_beyond_a_fixed_range_it_overflows_or_refuses(twin: SimKeithley2450) -> None:
    ask(twin, ":SOUR:VOLT:ILIM 0.1;:SOUR:VOLT:RANG 2;:SOUR:VOLT 5")
    assert ask(twin, ":SYST:ERR?;:SOUR:VOLT?") == '-222,"Data out of range";0.000000E+00'
    ask(twin, ":SOUR:VOLT:RANG:AUTO 1;:SOUR:VOLT -5;:OUTP 1;:SENS:CURR:RANG 1e-3")
    assert ask(twin, ":MEAS:CURR?") == "-9.900000E+37"
    ask(twin, ":SENS:CURR:RANG:AUTO 1")
    assert float(ask(twin, ":MEAS:CURR?")) == pytest.approx(-0.005, rel=1e-3)
    assert ask(twin, ":SENS:CURR:RANG?") == "1.000000E-02"


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("volts", [0.0, 3.3, -3.3, 20.0, 100.0])
def test_what_is_set_is_there_and_is_read(
    smu: Keithley2450, twin: SimKeithley2450, volts: float
) -> None:
    assert smu.source.go(volts, limit=0.1) == volts
    assert rail(twin) == pytest.approx(volts, abs=5e-3 + 2e-4 * abs(volts))
    assert smu.source.read() == pytest.approx(rail(twin), abs=5e-3 + 2e-4 * abs(volts))
    assert smu.voltage.read() == pytest.approx(rail(twin), abs=5e-3 + 2e-4 * abs(volts))
    assert smu.current.read() == pytest.approx(volts / 1000.0, abs=1e-4)


def test_release_and_make_safe_switch_it_off(smu: Keithley2450, twin: SimKeithley2450) -> None:
    for off in (smu.source.release, smu.make_safe):
        smu.source.go(3.3, limit=0.1)
        twin.inject_error(-350, "Queue overflow")
        off()
        assert rail(twin) == 0.0
        assert ask(twin, ":OUTP?") == "0"


def test_alarms_are_words(smu: Keithley2450) -> None:
    smu.source.go(3.3, limit=0.1)
    assert smu.read_alarms() == ()
    smu.source.go(3.3, limit=0.001)
    (alarm,) = smu.read_alarms()
    assert alarm.startswith("the current limit is reached")


def test_what_an_earlier_program_left_is_taken(smu: Keithley2450, twin: SimKeithley2450) -> None:
    twin.inject_error(-113, "Undefined header")
    assert smu.take() == ("-113 Undefined header",)
    assert smu.take() == ()
    smu.source.go(1.0)


def test_identifying_changes_nothing(smu: Keithley2450, twin: SimKeithley2450) -> None:
    smu.source.go(3.3, limit=0.02)
    assert smu.identify().serial == "04460001"
    assert ask(twin, ":OUTP?;:SOUR:VOLT?;:SOUR:VOLT:ILIM?") == "1;3.300000E+00;2.000000E-02"


def test_the_leads_can_be_used_to_measure_alone(smu: Keithley2450, twin: SimKeithley2450) -> None:
    twin.sense("voltage", lambda: 1.25)
    assert smu.voltage.read() == pytest.approx(1.25, abs=1e-3)
    with pytest.raises(KeyError):
        twin.sense("source", lambda: 0.0)


def test_faults_show(smu: Keithley2450, world: World) -> None:
    world.add_fault("04460001", Fault("overload", until_s=10.0))
    with pytest.raises(InstrumentError, match="overload"):
        smu.current.read()
    world.faults.clear()
    world.add_fault("04460001", Fault("language"))
    with pytest.raises(ProtocolError, match="it speaks SCPI2400"):
        smu.identify()
    world.faults.clear()
    world.add_fault("04460001", Fault("identity"))
    with pytest.raises(ProtocolError, match="expected a 2450"):
        smu.identify()
    world.faults.clear()
    world.add_fault("04460001", Fault("silent"))
    with pytest.raises(LinkTimeout):
        smu.current.read()


def test_a_sweep_measures_at_each_point_into_the_buffer(twin: SimKeithley2450) -> None:
    ask(twin, ":TRAC:MAKE 'swept', 100;:SENS:FUNC 'CURR';:SOUR:VOLT:ILIM 0.01")
    ask(twin, ":SOUR:SWE:VOLT:LIN 0, 2, 5, 0.01, 1, BEST, ON, OFF, 'swept'")
    ask(twin, ":INIT;*WAI")
    assert ask(twin, "TRAC:ACT? 'swept';:TRAC:ACT?") == "5;0"
    data = [float(value) for value in ask(twin, "TRAC:DATA? 1,5,'swept',SOUR,READ").split(",")]
    assert data[0::2] == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0], abs=2e-3)
    assert data[1::2] == pytest.approx([0.0, 5e-4, 1e-3, 1.5e-3, 2e-3], abs=5e-6)
    assert (ask(twin, "OUTP?"), rail(twin)) == ("0", 0.0)
    assert ask(twin, ":TRAC:DEL 'swept';:TRAC:ACT? 'swept'") == ""
    assert ask(twin, "SYST:ERR?").startswith("-224,")


def test_a_sweep_ends_where_the_limit_acts(twin: SimKeithley2450) -> None:
    ask(twin, ":SENS:FUNC 'CURR';:SOUR:VOLT:ILIM 0.001;:SOUR:SWE:VOLT:LIN 0.5, 2.5, 5;:INIT")
    assert ask(twin, "TRAC:ACT?") == "2"  # 1.0 V would drive a little more than 1 mA


def test_repeating_and_moving_filters_average(twin: SimKeithley2450, clock: VirtualClock) -> None:
    ask(twin, ":SENS:FUNC 'VOLT';:SOUR:VOLT:ILIM 0.01;:SOUR:VOLT 1;:OUTP ON")
    ask(twin, ":VOLT:AVER:COUN 4;:VOLT:AVER ON")
    before_s = clock.now()
    assert float(ask(twin, "READ?")) == pytest.approx(1.0, abs=2e-3)
    assert clock.now() - before_s == pytest.approx(4 * 0.04)  # each twice a cycle of 50 Hz
    ask(twin, ":VOLT:AVER:TCON MOV")
    before_s = clock.now()
    assert float(ask(twin, "READ?")) == pytest.approx(1.0, abs=2e-3)
    assert clock.now() - before_s == pytest.approx(0.04)


def test_pymeasure_drives_the_twin_over_tcp() -> None:
    from pymeasure.instruments.keithley import Keithley2450 as Client  # noqa: PLC0415 - heavy

    twin = SimKeithley2450(World(RealClock(), seed=1), "SIM-SMU")
    twin.sense("current", lambda: components(twin.drives["source"].at(0.0))[0] / 100.0)
    with TcpMount(twin) as mount:
        client = Client(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            visa_library="@py",
            read_termination="\n",
            write_termination="\n",
        )
        try:
            client.apply_voltage(compliance_current=0.05)
            client.source_voltage = 3.3
            client.enable_source()
            client.measure_current(nplc=0.1)
            assert client.current == pytest.approx(0.033, rel=1e-2)
            assert client.source_enabled
            assert client.compliance_current == 0.05
            client.measure_voltage(nplc=0.1)
            assert client.voltage == pytest.approx(3.3, abs=0.01)
            client.disable_source()
            assert client.source_enabled == False  # noqa: E712 - what its cast gives
            assert client.check_errors() == []
        finally:
            client.adapter.close()
