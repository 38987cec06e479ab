"""Keysight 34461A: driver and twin, each against the wire as the reference documents it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, SetpointError
from sensorbench.instruments.keysight_34461a.driver import Keysight34461a
from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
NO_MATH = ":NULL:STAT OFF;:CALC:SCAL:STAT OFF"
ACCEPTED = ("SYST:ERR?", '+0,"No error"')


@pytest.fixture
def twin(world: World) -> SimKeysight34461a:
    twin = SimKeysight34461a(world, "SIM-DMM", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    return twin


@pytest.fixture
def dmm(twin: SimKeysight34461a, clock: VirtualClock) -> Keysight34461a:
    return Keysight34461a(InProcessLine(twin, Keysight34461a.LINE, "dmm"), clock)


# The driver, against written exchanges.


@pytest.mark.parametrize(
    ("nplc", "deadline_s"), [("+1.00000000E+01", 2.6), ("+1.00000000E+02", 8.0)]
)
def test_a_reading_selects_its_function_and_waits_as_long_as_it_takes(
    scripted: Scripted, clock: VirtualClock, nplc: str, deadline_s: float
) -> None:
    line = scripted(
        (f'FUNC "VOLT";:TRIG:SOUR IMM;COUN 1;:SAMP:COUN 1;:VOLT{NO_MATH}', None),
        ACCEPTED,
        ("VOLT:NPLC?", nplc),
        ("READ?", "-1.12816521E-04"),
    )
    assert Keysight34461a(line, clock).voltage.read() == -1.12816521e-4
    assert line.timeouts == [None, None, pytest.approx(deadline_s)]


def test_resistance_is_four_wire(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        (f'FUNC "FRES";:TRIG:SOUR IMM;COUN 1;:SAMP:COUN 1;:FRES{NO_MATH}', None),
        ACCEPTED,
        ("FRES:NPLC?", "+1.00000000E+01"),
        ("READ?", "+1.00012345E+02"),
    )
    assert Keysight34461a(line, clock).read_resistance_ohm() == 100.012345


def test_an_overload_is_raised_not_returned(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        (f'FUNC "FRES";:TRIG:SOUR IMM;COUN 1;:SAMP:COUN 1;:FRES{NO_MATH}', None),
        ACCEPTED,
        ("FRES:NPLC?", "+1.00000000E+01"),
        ("READ?", "+9.90000000E+37"),
    )
    with pytest.raises(InstrumentError, match="overload"):
        Keysight34461a(line, clock).read_resistance_ohm()


def test_integration_is_set_for_both_functions(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("VOLT:NPLC 0.2", None), ACCEPTED, ("FRES:NPLC 0.2", None), ACCEPTED)
    Keysight34461a(line, clock).set_integration(0.2)


def test_an_integration_that_would_be_rounded_is_refused(
    scripted: Scripted, clock: VirtualClock
) -> None:
    for nplc in (2.0, 0.0, math.nan, 1000.0):
        with pytest.raises(SetpointError, match=r"0\.02, 0\.2, 1, 10, 100"):
            Keysight34461a(scripted(), clock).set_integration(nplc)


# The twin, byte by byte.


def test_the_twin_answers_as_the_reference_says(twin: SimKeysight34461a) -> None:
    exchanges = [
        (
            b"*IDN?",
            b"Keysight Technologies,34461A,SIM-DMM,A.03.03-02.40-03.03-00.52-01-01",
        ),
        (b"CONF?", b'"VOLT +1.00000000E+01,+1.00000000E-05"'),
        (b"SAMPle:COUNt?", b"+1"),
        (b"SENSe:FUNCtion?", b'"VOLT"'),
        (b'SENS:FUNC "FRES"', None),
        (b"FUNC?", b'"FRES"'),
        (b"VOLT:DC:NPLC?", b"+1.00000000E+01"),
        (b"SENS:VOLT:DC:NPLC 3", None),
        (b"VOLT:NPLC?;:FRES:NPLC?", b"+1.00000000E+01;+1.00000000E+01"),
        (b"VOLT:NPLC 0.02;NPLC?", b"+2.00000000E-02"),
        (b"VOLT:NPLC MAX;NPLC?", b"+1.00000000E+02"),
        (b"CONF:VOLT:DC 10,0.0001;:CONF?", b'"VOLT +1.00000000E+01,+1.00000000E-04"'),
        (b"VOLT:RANG:AUTO?;AUTO ON;AUTO?", b"0;1"),
        (b"VOLT:RANG 5;RANG?", b"+1.00000000E+01"),
        (b"CONF:FRES 1000;:FRES:RANG?", b"+1.00000000E+03"),
        (b"FETC?", None),
        (b"SYST:ERR?", b'-230,"Data corrupt or stale"'),
        (b"TRIG:SOUR BUS;:READ?", None),
        (b"SYST:ERR?", b'-214,"Trigger deadlock"'),
        (b"*TRG", None),
        (b"SYST:ERR?", b'-211,"Trigger ignored"'),
        (b"INIT;:DATA:POIN?", b"0"),
        (b"*TRG;:DATA:POIN?", b"0"),
        (b"*WAI;:DATA:POIN?", b"1"),
        (b"VOLT:NPLC 101", None),
        (b"SYST:ERR?", b'-222,"Data out of range"'),
        (b"CONF:VOLT:DC 2000", None),
        (b"SYST:ERR?", b'-222,"Data out of range"'),
        (b'FUNC "VOLTS"', None),
        (b"SYST:ERR?", b'-224,"Illegal parameter value"'),
        (b"MEAS:CAP?", None),
        (b"SYST:ERR?", b'-113,"Undefined header"'),
        (b"SYST:ERR?", b'+0,"No error"'),
        (b"*RST;:CONF?;:TRIG:SOUR?", b'"VOLT +1.00000000E+01,+1.00000000E-05";IMM'),
    ]
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)


def test_several_samples_come_in_one_line_and_leave_as_a_block(twin: SimKeysight34461a) -> None:
    reply = twin.handle(b"VOLT:NPLC 1;:SAMP:COUN 3;:READ?")
    readings = reply.split(b",")
    assert len(readings) == 3
    assert len(set(readings)) == 3
    assert all(len(reading) == len(b"-1.12816521E-04") for reading in readings)
    assert twin.handle(b"R? 2") == b"#231" + b",".join(readings[:2])
    assert twin.handle(b"R?") == b"#215" + readings[2]
    assert twin.handle(b"R?") == b"#10"


def test_read_occupies_the_line_until_its_readings_are_there(twin: SimKeysight34461a) -> None:
    reply = twin.handle(b"SAMP:COUN 3;:READ?;:ABOR;:DATA:POIN?")
    readings, points = reply.split(b";")
    assert len(readings.split(b",")) == 3
    assert points == b"3"  # ABOR was heard after them, and ended nothing


@pytest.mark.parametrize(("nplc", "seconds"), [(0.02, 0.0008), (10.0, 0.4), (100.0, 4.0)])
def test_a_reading_takes_its_integration_time_twice_for_autozero(
    twin: SimKeysight34461a,
    dmm: Keysight34461a,
    clock: VirtualClock,
    nplc: float,
    seconds: float,
) -> None:
    dmm.set_integration(nplc)
    began = clock.now()
    dmm.voltage.read()
    assert clock.now() - began == pytest.approx(seconds)
    twin.handle(b"VOLT:ZERO:AUTO OFF")
    began = clock.now()
    dmm.voltage.read()
    assert clock.now() - began == pytest.approx(seconds / 2)


def test_readings_run_while_nobody_waits_and_can_be_aborted(
    twin: SimKeysight34461a, clock: VirtualClock
) -> None:
    began = clock.now()
    assert twin.handle(b"VOLT:NPLC 100;:SAMP:COUN 5;:INIT") is None
    assert clock.now() == began
    assert twin.handle(b"INIT;:SYST:ERR?") == b'-213,"Init ignored"'
    clock.sleep(9.0)
    assert twin.handle(b"DATA:POIN?") == b"2"  # 4 s each
    assert twin.handle(b"ABOR;*OPC?") == b"1"
    assert clock.now() - began == pytest.approx(9.0)
    assert len(twin.handle(b"FETC?").split(b",")) == 2
    assert twin.handle(b"*CLS;:INIT;*OPC;*ESR?") == b"0"
    clock.sleep(20.0)
    assert twin.handle(b"*ESR?") == b"1"
    assert twin.handle(b"INIT;*OPC?;:DATA:POIN?") == b"1;5"
    assert clock.now() - began == pytest.approx(49.0)


def test_a_reading_that_ended_is_of_the_time_before_the_world_changed(
    world: World, twin: SimKeysight34461a, clock: VirtualClock
) -> None:
    zone = world.zone()
    zone.bind("voltage", Constant(3.3))
    twin.sense("voltage", lambda: zone.value("voltage"))
    twin.handle(b"INIT")
    clock.sleep(1.0)
    zone.bind("voltage", Constant(0.0))
    assert float(twin.handle(b"FETC?")) == pytest.approx(3.3, abs=1e-3)


@pytest.mark.parametrize("voltage_v", [0.05, 0.9, 3.3, 11.9, 25.0])
def test_every_unit_reads_within_its_one_year_accuracy(world: World, voltage_v: float) -> None:
    gains = {0.05: (5e-5, 3.5e-6), 0.9: (4e-5, 7e-6), 25.0: (4.5e-5, 6e-4)}
    of_reading, of_range = gains.get(voltage_v, (3.5e-5, 5e-5))
    errors = set()
    for number in range(30):
        twin = SimKeysight34461a(world, f"SIM-{number}")
        twin.sense("voltage", lambda: voltage_v)
        errors.add(float(twin.handle(b"READ?")) - voltage_v)
    assert len(errors) == 30
    assert max(abs(error) for error in errors) <= of_reading * voltage_v + of_range


def test_the_driver_reads_voltage_and_resistor(dmm: Keysight34461a) -> None:
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)
    assert dmm.read_resistance_ohm() == pytest.approx(100.0, abs=0.014)


def test_the_driver_s_integration_survives_a_change_of_function(
    twin: SimKeysight34461a, dmm: Keysight34461a
) -> None:
    dmm.set_integration(1.0)
    dmm.voltage.read()
    dmm.read_resistance_ohm()
    assert twin.handle(b"VOLT:NPLC?;:FRES:NPLC?") == b"+1.00000000E+00;+1.00000000E+00"


def test_the_driver_reads_once_whatever_triggers_somebody_left(
    twin: SimKeysight34461a, dmm: Keysight34461a
) -> None:
    twin.handle(b"TRIG:SOUR BUS;COUN 5;:SAMP:COUN 5")
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)


def test_a_null_and_a_scale_that_somebody_left_are_off_before_a_reading(
    twin: SimKeysight34461a, dmm: Keysight34461a
) -> None:
    twin.press_null()
    assert float(twin.handle(b"READ?;:READ?").split(b";")[1]) == pytest.approx(0.0, abs=1e-4)
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)
    twin.handle(b"CALC:SCAL:FUNC DBM;STAT ON")
    assert float(twin.handle(b"READ?")) == pytest.approx(12.59, abs=0.01)  # 3.3 V on 600 ohm
    assert dmm.voltage.read() == pytest.approx(3.3, abs=2e-4)
    twin.handle(b"FRES:NULL:STAT ON;VAL 40")
    assert dmm.read_resistance_ohm() == pytest.approx(100.0, abs=0.014)


def test_an_open_lead_and_a_small_fixed_range_overload(
    twin: SimKeysight34461a, dmm: Keysight34461a
) -> None:
    twin.resistance_ohm = math.inf
    with pytest.raises(InstrumentError, match="overload"):
        dmm.read_resistance_ohm()
    assert twin.handle(b"STAT:QUES:COND?") == b"512"
    twin.handle(b"CONF:VOLT:DC 1")
    assert twin.handle(b"READ?") == b"+9.90000000E+37"
    assert twin.handle(b"STAT:QUES:COND?") == b"1"
    twin.handle(b"CONF:VOLT:DC AUTO")
    assert float(twin.handle(b"READ?")) == pytest.approx(3.3, abs=2e-4)
    assert twin.handle(b"STAT:QUES:COND?") == b"0"


def test_nothing_connected_reads_zero(world: World, clock: VirtualClock) -> None:
    line = InProcessLine(SimKeysight34461a(world, "SIM-1"), Keysight34461a.LINE, "dmm")
    assert Keysight34461a(line, clock).voltage.read() == pytest.approx(0.0, abs=1e-4)


def test_a_meter_it_does_not_have_can_t_be_connected(twin: SimKeysight34461a) -> None:
    with pytest.raises(KeyError, match="current"):
        twin.sense("current", lambda: 0.1)


def test_what_an_earlier_program_left_is_taken_and_blames_nobody(
    twin: SimKeysight34461a, dmm: Keysight34461a
) -> None:
    twin.handle(b"NONSENSE")
    assert dmm.take() == ("-113 Undefined header",)
    assert dmm.take() == ()
    dmm.voltage.read()


def test_an_overload_begins_and_ends_with_its_fault(
    twin: SimKeysight34461a, dmm: Keysight34461a, clock: VirtualClock, world: World
) -> None:
    world.add_fault("SIM-DMM", Fault("overload", at_s=10.0, until_s=20.0))
    dmm.voltage.read()
    clock.sleep(10.0)
    with pytest.raises(InstrumentError, match="overload"):
        dmm.voltage.read()
    clock.sleep(10.0)
    dmm.voltage.read()


def test_make_safe_ends_the_ohms_current(twin: SimKeysight34461a, dmm: Keysight34461a) -> None:
    dmm.read_resistance_ohm()
    dmm.make_safe()
    assert twin.handle(b"FUNC?") == b'"VOLT"'


# Every command, by a worked example.


EXAMPLES = [
    ("*OPT?", "0"),
    ("DATA:LAST?", "+9.91000000E+37 VDC"),
    ("SYST:LFR?", "50"),
    # VOLTage may be left out where AC or DC is named.
    ("CONF:AC 0.1;:CONF?", '"VOLT:AC +1.00000000E-01,+1.00000000E-07"'),
    ("CONF:RES;:CONF:DC 1,3e-6;:CONF?", '"VOLT +1.00000000E+00,+3.00000000E-06"'),
    ("ROUT:TERM?", "FRON"),
    ('DISP:TEXT "Acquiring 500 samples";TEXT?', '"Acquiring 500 samples"'),
    ("DISP:TEXT:CLE;:DISP:TEXT?", '""'),
    ("DISP:STAT?;STAT OFF;STAT?;:DISP?", "1;0;0"),
    ("SYST:BEEP;BEEP:STAT?;STAT OFF;STAT?", "1;0"),
    ("VOLT:NPLC? MIN;NPLC? MAX;NPLC? DEF", "+2.00000000E-02;+1.00000000E+02;+1.00000000E+01"),
    ("VOLT:RANG? MIN;RANG? MAX", "+1.00000000E-01;+1.00000000E+03"),
    ("VOLT:DC:RES 1e-5;RES?;NPLC?", "+1.00000000E-05;+1.00000000E+01"),
    ("VOLT:RES? MIN;RES? MAX", "+3.00000000E-06;+1.00000000E-03"),
    ("VOLT:ZERO:AUTO ONCE;AUTO?;AUTO ON;AUTO?", "0;1"),
    ("VOLT:RANG:AUTO ONCE;AUTO?;:VOLT:RANG?", "0;+1.00000000E+01"),
    ("VOLT:IMP:AUTO?;AUTO ON;AUTO?", "0;1"),
    ("TRIG:DEL 0.5;DEL?;DEL:AUTO?", "+5.00000000E-01;0"),
    ("TRIG:DEL:AUTO ON;AUTO?", "1"),
    ("TRIG:DEL? MIN;DEL? MAX", "+0.00000000E+00;+3.60000000E+03"),
    ("TRIG:COUN?;COUN INF;COUN?", "+1.00000000E+00;+9.90000000E+37"),
    ("TRIG:COUN? MIN;COUN? MAX;COUN? DEF", "+1.00000000E+00;+1.00000000E+06;+1.00000000E+00"),
    ("TRIG:SLOP?;SLOP POS;SLOP?", "NEG;POS"),
    ("TRIG:SOUR EXT;SOUR?", "EXT"),
    ("SAMP:COUN 1000000;COUN?;COUN? MAX;COUN? DEF", "+1000000;+1000000;+1"),
    ("SAMP:TIM 2;TIM?;TIM? MIN", "+2.00000000E+00;+4.00000000E-01"),
    ('FUNC "VOLT:AC";FUNC?', '"VOLT:AC"'),
    ('FUNC "CURR:DC";FUNC?;CURR:NPLC?', '"CURR";+1.00000000E+01'),
    ("CONF:CURR 0.05;:CONF?", '"CURR +1.00000000E-01,+1.00000000E-07"'),
    ("CONF:RES;:CURR:AC:RANG 1;RANG?", "+1.00000000E+00"),
    ("CONF:TEMP FRTD,85;:TEMP:TRAN:TYPE?;:TEMP:TRAN:FRTD:RES?", "FRTD;+1.00000000E+02"),
    ("TEMP:TRAN:TYPE RTD;TYPE?;:UNIT:TEMP K;TEMP?", "RTD;K"),
    (
        "VOLT:NULL?;NULL ON;NULL:STAT?;VAL:AUTO?;:VOLT:NULL:VAL 2;VAL?;VAL:AUTO?",
        "0;1;1;+2.00000000E+00;0",
    ),
    ("CURR:NULL:VAL:AUTO ON;AUTO?;AUTO OFF;AUTO?", "1;0"),
    ("CALC:SCAL?;SCAL ON;SCAL:STAT?;FUNC?;:FUNC 'RES';:CALC:SCAL?", "0;1;DB;0"),
    ("CALC:SCAL:FUNC DBM;FUNC?;DBM:REF 50;REF?", "DBM;+5.00000000E+01"),
    ("CALC:SCAL:DB:REF -3;REF?", "-3.00000000E+00"),
]


@pytest.mark.parametrize(("sent", "reply"), EXAMPLES)
def test_a_worked_example_of_each_command(world: World, sent: str, reply: str) -> None:
    twin = SimKeysight34461a(world, "SIM-DMM")
    twin.sense("voltage", lambda: 3.3)
    assert (sent, twin.handle(sent.encode())) == (sent, reply.encode())
    assert twin.handle(b"SYST:ERR?") == b'+0,"No error"'
    assert not world.beyond.get("SIM-DMM")


@pytest.mark.parametrize(
    ("command", "expected", "abs_"),
    [
        ("MEAS:VOLT:AC?", 0.0, 5e-5),
        ("MEAS:CURR:DC? 0.1", 0.02, 1.5e-5),
        ("MEAS:CURR:AC?", 0.0, 1e-7),
        ("MEAS:RES?", 119.5971, 0.03),
        ("MEAS:FRES?", 119.3971, 0.03),
        ("MEAS:TEMP? FRTD,85", 50.0, 0.06),
        ("UNIT:TEMP F;:MEAS:TEMP? FRTD", 122.0, 0.11),
        ("MEAS:TEMP? RTD", 50.52, 0.08),  # its leads count
        ("MEAS:CONT?", 119.6, 0.3),
        ("MEAS:DIOD?", 0.1196, 1.2e-3),
    ],
)
def test_each_function_measures_what_is_connected(
    world: World, command: str, expected: float, abs_: float
) -> None:
    twin = SimKeysight34461a(world, "SIM-DMM", resistance_ohm=119.3971, current_a=0.02)
    assert float(twin.handle(command.encode())) == pytest.approx(expected, abs=abs_)


@pytest.mark.parametrize("function", ["MEAS:CONT?", "MEAS:DIOD?", "MEAS:TEMP? FRTD", "MEAS:RES?"])
def test_open_leads_overload_every_function_that_drives_a_current(
    world: World, function: str
) -> None:
    twin = SimKeysight34461a(world, "SIM-DMM")
    assert twin.handle(function.encode()) == b"+9.90000000E+37"


@pytest.mark.parametrize("function", ["CAP", "VOLT:DC:RAT"])
def test_a_function_without_a_model_is_refused_and_on_record(world: World, function: str) -> None:
    twin = SimKeysight34461a(world, "SIM-DMM")
    twin.handle(f"MEAS:{function}?".encode())
    assert twin.handle(b"SYST:ERR?") == b'-113,"Undefined header"'
    twin.handle(f'FUNC "{function}"'.encode())
    assert twin.handle(b"SYST:ERR?") == b'-224,"Illegal parameter value"'
    twin.handle(b"CONF:TEMP FTH,5000")
    assert twin.handle(b"SYST:ERR?") == b'-224,"Illegal parameter value"'
    assert list(world.beyond["SIM-DMM"]) == [
        f":MEAS:{function}?", f"FUNC {function}", "TEMP FTH"
    ]  # fmt: skip


def test_a_trigger_delay_comes_before_the_first_sample_of_each_trigger(
    twin: SimKeysight34461a, clock: VirtualClock
) -> None:
    began = clock.now()
    twin.handle(b"VOLT:NPLC 1;ZERO:AUTO OFF;:TRIG:DEL 0.5;COUN 2;:SAMP:COUN 5;:READ?")
    assert clock.now() - began == pytest.approx(2 * (0.5 + 5 * 0.02))


def test_each_external_edge_starts_its_samples(
    twin: SimKeysight34461a, clock: VirtualClock
) -> None:
    twin.handle(b"VOLT:NPLC 1;:TRIG:SOUR EXT;COUN 2;:SAMP:COUN 3;:INIT")
    clock.sleep(1.0)
    assert twin.handle(b"DATA:POIN?") == b"0"
    twin.trigger_input()
    twin.trigger_input()  # while it measures: nothing
    clock.sleep(1.0)
    assert twin.handle(b"DATA:POIN?") == b"3"
    assert twin.handle(b"*OPC?") is None  # the second edge is missing
    assert twin.handle(b"*TRG;:SYST:ERR?") == b'-211,"Trigger ignored"'
    twin.trigger_input()
    assert twin.handle(b"*OPC?;:DATA:POIN?") == b"1;6"
    twin.trigger_input()
    assert twin.handle(b"*OPC?;:DATA:POIN?") == b"1;6"


def test_each_bus_trigger_starts_its_samples(twin: SimKeysight34461a, clock: VirtualClock) -> None:
    assert twin.handle(b"TRIG:SOUR BUS;COUN 2;:SAMP:COUN 2;:INIT;*TRG;:DATA:POIN?") == b"0"
    clock.sleep(10.0)
    assert twin.handle(b"DATA:POIN?") == b"2"
    assert twin.handle(b"*TRG;*OPC?;:DATA:POIN?") == b"1;4"


def test_the_last_reading_is_told_with_its_unit(twin: SimKeysight34461a) -> None:
    number, unit = twin.handle(b"SAMP:COUN 2;:INIT;*WAI;:DATA:LAST?").split()
    assert float(number) == pytest.approx(3.3, abs=2e-4)
    assert unit == b"VDC"
    assert twin.handle(b"MEAS:FRES?;:DATA:LAST?").endswith(b" OHM")


def test_endless_triggers_end_with_abort_and_the_latest_readings_stay(
    twin: SimKeysight34461a, clock: VirtualClock
) -> None:
    twin.handle(b"VOLT:NPLC 1;:TRIG:COUN INF;:INIT")
    clock.sleep(3600.0)
    assert twin.handle(b"FETC?") is None
    assert twin.handle(b"DATA:POIN?;:ABOR;*OPC?;:STAT:QUES:COND?") == b"10000;1;16384"
    assert len(twin.handle(b"FETC?").split(b",")) == 10_000
    twin.handle(b"TRIG:COUN 1;:INIT;*WAI")
    assert twin.handle(b"STAT:QUES:COND?") == b"0"


def test_more_than_a_million_readings_are_not_waited_for(twin: SimKeysight34461a) -> None:
    assert twin.handle(b"SAMP:COUN MAX;:TRIG:COUN 2;:READ?;*OPC?;:FETC?") is None
    assert twin.handle(b"ABOR;*OPC?") == b"1"


def test_what_is_read_at_once_may_be_more_than_the_memory(twin: SimKeysight34461a) -> None:
    reply = twin.handle(b"VOLT:NPLC 0.02;:SAMP:COUN 12000;:READ?")
    assert reply.count(b",") == 11_999
    assert twin.handle(b"DATA:POIN?") == b"10000"


# Other people's clients, over TCP.


@pytest.fixture
def served(clock: VirtualClock) -> Any:
    world = World(RealClock(speed=1000.0), seed=1)
    twin = SimKeysight34461a(world, "SIM-DMM", resistance_ohm=100.0)
    twin.sense("voltage", lambda: 3.3)
    with TcpMount(twin) as mount:
        yield f"TCPIP0::127.0.0.1::{mount.port}::SOCKET"


@pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")
def test_pymeasure_s_34410a_and_34401a_read_the_twin(served: str) -> None:
    from pymeasure.instruments.agilent import Agilent34410A  # noqa: PLC0415 - heavy
    from pymeasure.instruments.hp import HP34401A  # noqa: PLC0415 - heavy

    ends = {"visa_library": "@py", "read_termination": "\n", "write_termination": "\n"}
    newer, older = Agilent34410A(served, **ends), HP34401A(served, **ends)
    try:
        assert newer.voltage_dc == pytest.approx(3.3, abs=2e-4)
        assert newer.resistance_4w == pytest.approx(100.0, abs=0.02)
        older.function_ = "DCV"
        older.nplc = 1
        older.sample_count = 2
        assert (older.function_, older.nplc, older.sample_count) == ("DCV", 1, 2)
        assert older.reading == pytest.approx([3.3, 3.3], abs=2e-4)
    finally:
        newer.adapter.close()
        older.adapter.close()


def test_a_plain_pyvisa_script_reads_values_and_blocks(served: str) -> None:
    import pyvisa  # noqa: PLC0415 - heavy

    manager = pyvisa.ResourceManager("@py")
    with manager.open_resource(served, read_termination="\n", write_termination="\n") as meter:
        assert meter.query("*IDN?").split(",")[1:3] == ["34461A", "SIM-DMM"]
        meter.write("SAMP:COUN 4;:VOLT:NPLC 0.2")
        assert meter.query_ascii_values("READ?") == pytest.approx([3.3] * 4, abs=2e-4)
        assert meter.query("R?").startswith("#263+3.")
        meter.write("NONSENSE")
        assert meter.query("SYST:ERR?") == '-113,"Undefined header"'
    manager.close()
