"""Keithley DMM6500: driver and twin, each against the wire as public drivers document it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.keithley_dmm6500.driver import KeithleyDmm6500
from sensorbench.instruments.keithley_dmm6500.twin import SimKeithleyDmm6500
from sensorbench.instruments.members import limit_of_error
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '0,"No error;0;0 0"')


def chosen(name: str, header: str) -> tuple[str, None]:
    return (
        f':ABOR;:FORM ASC;:FORM:ASC:PREC 0;:SENS:FUNC "{name}";:SENS:COUN 1;'
        f":SENS:{header}:REL:STAT 0;:SENS:{header}:AVER:STAT 0;:CALC:{header}:MATH:STAT 0",
        None,
    )


@pytest.fixture
def twin(world: World) -> SimKeithleyDmm6500:
    twin = SimKeithleyDmm6500(world, "SIM-DMM", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    return twin


@pytest.fixture
def dmm(twin: SimKeithleyDmm6500, clock: VirtualClock) -> KeithleyDmm6500:
    return KeithleyDmm6500(InProcessLine(twin, KeithleyDmm6500.LINE, "dmm"), clock)


# The driver, against written exchanges.


@pytest.mark.parametrize(("nplc", "deadline_s"), [("1.000000E+00", 2.08), ("1.200000E+01", 2.96)])
def test_a_reading_chooses_its_function_and_waits_as_long_as_it_takes(
    scripted: Scripted, clock: VirtualClock, nplc: str, deadline_s: float
) -> None:
    line = scripted(
        chosen("VOLT:DC", "VOLT"),
        ACCEPTED,
        (":SENS:VOLT:NPLC?", nplc),
        (":READ?", "-4.999995E-01"),
    )
    assert KeithleyDmm6500(line, clock).voltage.read() == -0.4999995
    assert line.timeouts[-1] == pytest.approx(deadline_s)


@pytest.mark.parametrize(
    ("reply", "raised", "told"),
    [
        ("9.900000E+37", InstrumentError, "overload"),
        ("-9.900000E+37", InstrumentError, "overload"),
        ("nan", ProtocolError, "expected a number"),
        ("3.3, 3.4", ProtocolError, "expected a number"),
        ("#0\x00\x01", ProtocolError, "expected a number"),
    ],
)
def test_what_is_no_reading_is_an_error(
    scripted: Scripted, clock: VirtualClock, reply: str, raised: type[Exception], told: str
) -> None:
    line = scripted(
        chosen("FRES", "FRES"), ACCEPTED, (":SENS:FRES:NPLC?", "1.0"), (":READ?", reply)
    )
    with pytest.raises(raised, match=told):
        KeithleyDmm6500(line, clock).read_resistance_ohm()


@pytest.mark.parametrize("language", ["TSP", "SCPI2000", "SCPI34401"])
def test_another_language_is_refused_and_the_way_to_change_it_told(
    scripted: Scripted, clock: VirtualClock, language: str
) -> None:
    line = scripted(
        ("*IDN?", "KEITHLEY INSTRUMENTS,MODEL DMM6500,04592448,1.7.12b"), ("*LANG?", language)
    )
    with pytest.raises(ProtocolError, match=rf"speaks {language}, not SCPI\. .* off and on"):
        KeithleyDmm6500(line, clock).identify()


def test_its_sibling_is_another_device(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("*IDN?", "KEITHLEY INSTRUMENTS,MODEL DAQ6510,04592448,1.7.12b"))
    with pytest.raises(WrongDevice, match="is this the right address"):
        KeithleyDmm6500(line, clock).identify()


@pytest.mark.parametrize("nplc", [0.0, 0.0004, 12.5, math.nan, math.inf])
def test_an_integration_beyond_its_range_is_refused(
    scripted: Scripted, clock: VirtualClock, nplc: float
) -> None:
    with pytest.raises(SetpointError, match="nothing was sent"):
        KeithleyDmm6500(scripted(), clock, nplc=nplc)


def test_a_run_sets_the_integration_that_the_station_says(
    twin: SimKeithleyDmm6500, clock: VirtualClock
) -> None:
    line = InProcessLine(twin, KeithleyDmm6500.LINE, "dmm")
    dmm = KeithleyDmm6500(line, clock, nplc=5.0)
    assert dmm.take() == ()
    assert twin.handle(b"VOLT:NPLC?;:FRES:NPLC?") == b"5.000000E+00;5.000000E+00"
    assert dmm.reading_s("voltage") >= 0.2


# Driver and twin.


def test_the_driver_reads_voltage_and_resistor(dmm: KeithleyDmm6500) -> None:
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)
    assert dmm.read_resistance_ohm() == pytest.approx(100.0, abs=0.011)


@pytest.mark.parametrize(
    "left",
    [
        b"VOLT:REL 2;REL:STAT ON",
        b"CALC:VOLT:MATH:FORM MXB;MMF 2;MBF 7;STAT ON",
        b"CALC:VOLT:MATH:FORM PERC;STAT ON",
        b"CALC:VOLT:MATH:FORM REC;STAT ON",
        b"SENS:COUN 500;:FORM:ASC:PREC 2",
        b"FUNC 'CURR:AC';:VOLT:AVER:COUN 100;TCON REP;STAT ON",
    ],
)
def test_what_somebody_left_bends_no_reading(
    twin: SimKeithleyDmm6500, dmm: KeithleyDmm6500, left: bytes
) -> None:
    twin.handle(left)
    assert twin.handle(b"SYST:ERR?") == b'0,"No error"'
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)


def test_rel_pressed_at_the_panel_bends_no_reading(
    twin: SimKeithleyDmm6500, dmm: KeithleyDmm6500
) -> None:
    twin.press_relative()
    assert float(twin.handle(b"READ?") or b"nan") == pytest.approx(0.0, abs=1e-4)
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)


def test_a_moving_filter_that_somebody_left_mixes_no_older_voltage_in(
    twin: SimKeithleyDmm6500, dmm: KeithleyDmm6500
) -> None:
    twin.handle(b"VOLT:AVER:TCON MOV;COUN 4;STAT ON;:READ?")
    twin.sense("voltage", lambda: 1.0)
    assert float(twin.handle(b"READ?") or b"nan") == pytest.approx(2.15, abs=1e-3)
    assert dmm.voltage.read() == pytest.approx(1.0, abs=2e-4)


def test_a_fixed_range_stays_and_what_does_not_fit_is_an_overload(
    twin: SimKeithleyDmm6500, dmm: KeithleyDmm6500
) -> None:
    twin.handle(b"VOLT:RANG 1")
    with pytest.raises(InstrumentError, match="overload"):
        dmm.voltage.read()
    twin.resistance_ohm = math.inf
    with pytest.raises(InstrumentError, match="overload"):
        dmm.read_resistance_ohm()


def test_a_language_that_was_told_holds_after_it_was_switched_off_and_on(
    twin: SimKeithleyDmm6500, dmm: KeithleyDmm6500
) -> None:
    twin.handle(b"*LANG TSP")
    assert twin.handle(b"*LANG?") == b"SCPI"
    assert dmm.identify().serial == "SIM-DMM"
    twin.power_cycle()
    assert twin.handle(b"READ?") is None
    with pytest.raises(ProtocolError, match="speaks TSP"):
        dmm.identify()
    twin.handle(b"*LANG SCPI")
    twin.power_cycle()
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)


@pytest.mark.parametrize(("nplc", "seconds"), [(0.0005, 2e-5), (1.0, 0.04), (12.0, 0.48)])
def test_a_reading_takes_its_integration_twice_for_autozero(
    dmm: KeithleyDmm6500, clock: VirtualClock, nplc: float, seconds: float
) -> None:
    dmm.set_integration(nplc)
    began = clock.now()
    dmm.voltage.read()
    assert clock.now() - began == pytest.approx(seconds)


def test_what_an_earlier_program_left_is_taken_and_blames_nobody(
    twin: SimKeithleyDmm6500, dmm: KeithleyDmm6500
) -> None:
    twin.handle(b"NONSENSE")
    assert dmm.take() == ("-113 Undefined header",)
    assert dmm.take() == ()
    dmm.voltage.read()


def test_make_safe_ends_the_ohms_current(twin: SimKeithleyDmm6500, dmm: KeithleyDmm6500) -> None:
    dmm.read_resistance_ohm()
    twin.handle(b"NONSENSE")
    dmm.make_safe()
    assert twin.handle(b"FUNC?") == b"VOLT:DC"


def test_an_overload_begins_and_ends_with_its_fault(
    dmm: KeithleyDmm6500, clock: VirtualClock, world: World
) -> None:
    world.add_fault("SIM-DMM", Fault("overload", at_s=10.0, until_s=20.0))
    dmm.voltage.read()
    clock.sleep(10.0)
    with pytest.raises(InstrumentError, match="overload"):
        dmm.voltage.read()
    clock.sleep(10.0)
    dmm.voltage.read()


@pytest.mark.parametrize("voltage_v", [0.05, 0.9, 3.3, 11.9, 25.0, 900.0])
def test_every_unit_reads_within_what_the_driver_states(world: World, voltage_v: float) -> None:
    for number in range(30):
        twin = SimKeithleyDmm6500(world, f"SIM-{number}")
        twin.sense("voltage", lambda: voltage_v)
        error = float(twin.handle(b"READ?") or b"nan") - voltage_v
        assert abs(error) <= (limit_of_error(KeithleyDmm6500.voltage, voltage_v) or 0.0)


# The twin, command by command.


EXAMPLES = [
    ("*LANG?", "SCPI"),
    (":SENS:FUNC?", "VOLT:DC"),
    (":SENS:FUNC 'CURR:AC';FUNC?", "CURR:AC"),
    (":SENS:VOLT:RANG:AUTO 0;:SENS:VOLT:RANG 5;RANG?;RANG:AUTO?", "1.000000E+01;0"),
    ("VOLT:RANG 3;RANG:AUTO?;AUTO 1;AUTO?", "0;1"),
    ("FRES:RANG 0.5;RANG?;:RES:RANG 1000;RANG?", "1.000000E+00;1.000000E+03"),
    ("VOLT:DC:NPLC 1.234;NPLC?;APER?", "1.234000E+00;2.468000E-02"),
    ("CURR:DC:APER 0.0015;APER?;NPLC?", "1.500000E-03;7.500000E-02"),
    ("RES:AZER?;AZER 0;AZER:STAT?;:AZER:ONCE", "1;0"),
    ("VOLT:AC:DET:BAND?;BAND 30;BAND?", "3;30"),
    ("CURR:REL 0.5;REL?;REL:STAT?;STAT 1;STAT?", "5.000000E-01;0;1"),
    ("VOLT:AVER?;AVER:COUN?;TCON?;COUN 5;TCON MOV;STAT 1;STAT?;COUN?;TCON?", "0;10;REP;1;5;MOV"),
    ("CALC:VOLT:MATH:FORM?;FORM MXB;FORM?;STAT?;STAT 1;STAT?", "PERC;MXB;0;1"),
    ("CALC1:FRES:MATH:PERC 50;STAT?", "0"),
    (":DISP:VOLT:DC:DIG 4;DIG?", "4"),
    ("DISP:CLE;SCR SWIPE_USER;USER1:TEXT 'a';:DISP:USER2:TEXT 'b';:SENS:COUN?", "1"),
    ("SENS:COUN 3;COUN?", "3"),
    (":FORM:DATA ASCII;DATA?;:FORM:ASC:PREC 10;PREC?;:VOLT:NPLC?", "ASC;10;1.000000000E+00"),
    (":SYST:LFR?;CARD1:IDN?;:SYST:CLE", "50;Empty Slot"),
    ("SYST:BEEP 500,0.1;:ROUT:TERM?", "FRON"),
    (":TRAC:ACT?;POIN?;CLE", "0;100000"),
    ("ABOR;:SENS:FUNC 'FRES';FUNC?", "FRES"),
    ("VOLT:NPLC MAX;NPLC?;NPLC MIN;NPLC?;*RST;NPLC?", None),
]


@pytest.mark.parametrize(("sent", "reply"), EXAMPLES)
def test_a_worked_example_of_each_command(world: World, sent: str, reply: str | None) -> None:
    twin = SimKeithleyDmm6500(world, "SIM-DMM", resistance_ohm=100.0)
    answered = twin.handle(sent.encode())
    assert answered
    assert reply is None or (sent, answered) == (sent, reply.encode())
    assert twin.handle(b"SYST:ERR?") == b'0,"No error"'
    assert not world.beyond.get("SIM-DMM")


@pytest.mark.parametrize(
    ("command", "expected", "abs_"),
    [
        ("MEAS:VOLT:DC?", 3.3, 2e-4),
        ("MEAS:VOLT:AC?", 0.0, 5e-4),
        ("MEAS:CURR?", 0.02, 1.5e-5),
        ("MEAS:CURR:AC?", 0.0, 1e-6),
        ("MEAS:RES?", 100.2, 0.011),
        ('MEAS:FRES? "defbuffer1"', 100.0, 0.011),
        ("MEAS:CONT?", 100.2, 0.2),
        ("MEAS:DIOD?", 0.1002, 1.2e-3),
    ],
)
def test_each_function_measures_what_is_connected(
    world: World, command: str, expected: float, abs_: float
) -> None:
    twin = SimKeithleyDmm6500(world, "SIM-DMM", resistance_ohm=100.0, current_a=0.02)
    twin.sense("voltage", lambda: 3.3)
    assert float(twin.handle(command.encode()) or b"nan") == pytest.approx(expected, abs=abs_)


def test_readings_fill_the_buffer_and_the_last_is_told(twin: SimKeithleyDmm6500) -> None:
    last = twin.handle(b"SENS:COUN 3;:READ?")
    told = twin.handle(b"TRAC:ACT?;DATA? 1,3,'defbuffer1';:FETC?") or b""
    count, data, fetched = told.split(b";")
    assert (count, len(data.split(b", ")), fetched) == (b"3", 3, last)
    assert data.endswith(last or b"?")
    elements = twin.handle(b"TRAC:DATA? 1,2,'defbuffer1',REL,READ") or b""
    (first_s, _), (second_s, second) = (one.split(b",") for one in elements.split(b", "))
    assert (float(first_s), float(second_s)) == (0.0, pytest.approx(0.04))  # twice a cycle, 50 Hz
    assert second == data.split(b", ")[1]
    assert twin.handle(b"TRAC:CLE;ACT?;:FETC?") == b"0"
    assert twin.handle(b"SYST:ERR?") == b'-230,"Data corrupt or stale"'


@pytest.mark.parametrize(
    "command",
    [
        "MEAS:TEMP?",
        "FUNC 'FREQ:VOLT';:READ?",
        "FORM REAL",
        "VOLT:AVER:TCON HYBR",
        "SENS:COUN MAX;:READ?",
    ],
)
def test_what_it_has_and_the_twin_has_not_is_on_record(world: World, command: str) -> None:
    twin = SimKeithleyDmm6500(world, "SIM-DMM")
    assert twin.handle(command.encode()) is None
    assert (twin.handle(b"SYST:ERR?") or b"").startswith(b"-22")
    assert world.beyond["SIM-DMM"].counts


def test_it_measures_capacitance_and_drives_the_diode_test_with_what_is_set(world: World) -> None:
    twin = SimKeithleyDmm6500(world, "SIM-DMM", capacitance_f=4.7e-7, resistance_ohm=1000.0)
    assert float(twin.handle(b"MEAS:CAP?") or b"nan") == pytest.approx(4.7e-7, rel=5e-3)
    assert float(twin.handle(b"CAP:RANG?") or b"nan") == 1e-6
    assert float(twin.handle(b"MEAS:DIOD?") or b"nan") == pytest.approx(1.0, rel=1e-2)
    assert twin.handle(b"DIOD:BIAS:LEV 1E-4") is None
    assert float(twin.handle(b"READ?") or b"nan") == pytest.approx(0.1, rel=2e-2)


def test_its_clock_goes_on_from_what_it_was_set_to(world: World, clock: VirtualClock) -> None:
    """As the reference manual of the 2470 shows it, page 12-116."""
    twin = SimKeithleyDmm6500(world, "SIM-DMM")
    assert twin.handle(b"syst:time 2018, 2, 15, 11, 30, 30") is None
    clock.sleep(5.0)
    assert twin.handle(b"syst:time? 1") == b"Thu Feb 15 11:30:35 2018"
    assert twin.handle(b"SYST:TIME 25,0,0") is None
    assert (twin.handle(b"SYST:ERR?") or b"").startswith(b"-222")


def test_both_buffers_keep_their_own_readings_and_statistics(twin: SimKeithleyDmm6500) -> None:
    twin.handle(b"COUN 4;:READ?;:READ? 'defbuffer2';:COUN 1;:READ? 'defbuffer2'")
    assert twin.handle(b"TRAC:ACT? 'defbuffer1';:TRAC:ACT? 'defbuffer2'") == b"4;5"
    data = (twin.handle(b"TRAC:DATA? 1,4") or b"").split(b", ")
    mean = sum(map(float, data)) / 4
    assert float(twin.handle(b"TRAC:STAT:AVER?") or b"nan") == pytest.approx(mean, rel=1e-5)
    assert float(twin.handle(b"TRAC:STAT:MAX?") or b"nan") == max(map(float, data))
    assert twin.handle(b"TRAC:POIN 10,'defbuffer1';:TRAC:ACT?") == b"0"  # another size loses them


# PyMeasure: the exchanges that its own tests record, and its driver over TCP.


def test_pymeasure_s_recorded_exchanges(twin: SimKeithleyDmm6500) -> None:
    assert twin.handle(b"*LANG SCPI") is None
    assert twin.handle(b"ROUT:TERM?") == b"FRON"
    assert twin.handle(b":SENS:VOLT:NPLC 1.234") is None
    assert float(twin.handle(b":SENS:VOLT:NPLC?") or b"nan") == 1.234
    assert twin.handle(b":SENS:FUNC?") == b"VOLT:DC"
    assert twin.handle(b"VOLT:DC:NPLC 1.345") is None
    assert float(twin.handle(b"VOLT:DC:NPLC?") or b"nan") == 1.345


@pytest.fixture
def served() -> Iterator[tuple[SimKeithleyDmm6500, str]]:
    twin = SimKeithleyDmm6500(World(RealClock(speed=1000.0), seed=1), "SIM-DMM")
    twin.resistance_ohm, twin.current_a = 100.0, 0.02
    twin.sense("voltage", lambda: 3.3)
    with TcpMount(twin) as mount:
        yield twin, f"TCPIP0::127.0.0.1::{mount.port}::SOCKET"


def test_pymeasure_drives_the_twin(served: tuple[SimKeithleyDmm6500, str]) -> None:
    from pymeasure.instruments.keithley import KeithleyDMM6500  # noqa: PLC0415 - heavy

    twin, address = served
    meter = KeithleyDMM6500(address, visa_library="@py", write_termination="\n")
    try:
        meter.measure_voltage(10)
        assert (meter.mode, meter.voltage_range) == ("voltage", 10.0)
        assert meter.voltage == pytest.approx(3.3, abs=2e-4)
        meter.aperture = 0.04
        assert (meter.aperture, meter.nplc) == (0.04, 2.0)
        meter.relative = 1.3
        meter.relative_enabled = True
        assert meter.voltage == pytest.approx(2.0, abs=2e-4)
        meter.relative_enabled = False
        meter.autozero_enabled = False
        assert not meter.autozero_enabled
        meter.autorange_enabled = True
        assert meter.autorange_enabled
        meter.digits = 5
        assert meter.digits == 5
        meter.measure_resistance(1e3, wires=4)
        assert meter.resistance == pytest.approx(100.0, abs=0.02)
        meter.measure_current(0.1)
        assert meter.current == pytest.approx(0.02, abs=1e-4)
        meter.measure_voltage(1, ac=True)
        meter.detector_bandwidth = 300
        assert meter.detector_bandwidth == 300
        meter.trigger_single_autozero()
        meter.displayed_text("line", "below")
        assert (meter.terminals_used, meter.line_frequency) == ("FRONT", 50)
        assert (meter.command_set, meter.buffer_points) == ("SCPI", 100_000)
        assert twin.handle(b"SYST:ERR?") == b'0,"No error"'
    finally:
        meter.close()
