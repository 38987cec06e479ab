"""Keysight E36312A: driver and twin, each against the wire as PyMeasure's tests show it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.instruments.keysight_e36312a.driver import KeysightE36312a
from sensorbench.instruments.keysight_e36312a.twin import SimKeysightE36312a
from sensorbench.instruments.simulated_output import Rail
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '+0,"No error"')


@pytest.fixture
def twin(world: World) -> SimKeysightE36312a:
    return SimKeysightE36312a(world, "SIM-PSU")


@pytest.fixture
def supply(twin: SimKeysightE36312a, clock: VirtualClock) -> KeysightE36312a:
    return KeysightE36312a(InProcessLine(twin, KeysightE36312a.LINE, "psu"), clock)


def volts(reply: bytes | None) -> list[float]:
    assert reply is not None
    return [float(field) for field in reply.split(b",")]


# The driver, against written exchanges.


def came_on(output: int, others_then: str = "0") -> tuple[tuple[str, str | None], ...]:
    """Return what is said as an output is switched on, the others looked at before and after."""
    others = [f"OUTP? (@{one})" for one in (1, 2, 3) if one != output]
    return (
        (f"OUTP? (@{output})", "0"),
        *((query, "0") for query in others),
        (f"OUTP 1,(@{output})", None),
        ACCEPTED,
        (f"OUTP? (@{output})", "1"),
        *((query, others_then) for query in others),
    )


def test_the_limit_goes_before_the_voltage_and_the_switch_comes_last(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("CURR 0.5,(@2)", None), ACCEPTED, ("CURR? (@2)", "+5.00000000E-01"),
        ("VOLT 3.3,(@2)", None), ACCEPTED, ("VOLT? (@2)", "+3.30000000E+00"),
        *came_on(2),
    )  # fmt: skip
    assert KeysightE36312a(line, clock).out2.go(3.3, limit=0.5) == 3.3


def test_a_limit_that_is_not_given_stays(scripted: Scripted, clock: VirtualClock) -> None:
    setting = (("VOLT 5,(@1)", None), ACCEPTED, ("VOLT? (@1)", "+5.00000000E+00"))
    line = scripted(
        *setting, ("OUTP? (@1)", "1"), ("OUTP 1,(@1)", None), ACCEPTED, ("OUTP? (@1)", "1")
    )
    KeysightE36312a(line, clock).out1.go(5.0)


def test_what_was_really_sent_is_returned(scripted: Scripted, clock: VirtualClock) -> None:
    setting = (("VOLT 3.33333333,(@3)", None), ACCEPTED, ("VOLT? (@3)", "+3.33300000E+00"))
    line = scripted(*setting, *came_on(3))
    assert KeysightE36312a(line, clock).out3.go(10.0 / 3.0) == 3.333


@pytest.mark.parametrize("held", ["+4.99000000E+00", "+0.00000000E+00"])
def test_a_voltage_that_was_not_taken_is_found_though_no_error_says_so(
    scripted: Scripted, clock: VirtualClock, held: str
) -> None:
    line = scripted(("VOLT 5,(@1)", None), ACCEPTED, ("VOLT? (@1)", held))
    with pytest.raises(InstrumentError, match="not accepted"):
        KeysightE36312a(line, clock).out1.go(5.0)


def test_where_coupled_outputs_come_on_with_it_all_are_switched_off(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("VOLT 5,(@1)", None), ACCEPTED, ("VOLT? (@1)", "+5.00000000E+00"),
        *came_on(1, others_then="1"),
        *(
            exchange
            for output in (1, 2, 3)
            for exchange in (
                ("*CLS", None), (f"OUTP 0,(@{output})", None), ACCEPTED,
                (f"OUTP? (@{output})", "0"),
            )
        ),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="output 2 and 3 came on with output 1; all were"):
        KeysightE36312a(line, clock).out1.go(5.0)


def test_readings_name_their_channel(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        ("MEAS:VOLT? (@1)", "+4.99987000E+00"),
        ("MEAS:CURR? (@1)", "+1.25000000E-02"),
        ("MEAS:VOLT? (@3)", "+1.20000000E+01"),
        ("MEAS:CURR? (@2)", "+0.00000000E+00"),
    )
    supply = KeysightE36312a(line, clock)
    assert supply.out1.read() == 4.99987
    assert supply.current1.read() == 0.0125
    assert supply.out3.read() == 12.0
    assert supply.current2.read() == 0.0


def test_an_overload_is_raised_not_returned(scripted: Scripted, clock: VirtualClock) -> None:
    supply = KeysightE36312a(scripted(("MEAS:VOLT? (@1)", "9.9E37")), clock)
    with pytest.raises(InstrumentError, match="overload"):
        supply.out1.read()


def test_release_switches_off_and_looks(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("*CLS", None), ("OUTP 0,(@2)", None), ACCEPTED, ("OUTP? (@2)", "0"))
    KeysightE36312a(line, clock).out2.release()
    line = scripted(("*CLS", None), ("OUTP 0,(@2)", None), ACCEPTED, ("OUTP? (@2)", "1"))
    with pytest.raises(InstrumentError, match="still on"):
        KeysightE36312a(line, clock).out2.release()


def test_make_safe_tries_every_output_and_names_what_stays_on(
    scripted: Scripted, clock: VirtualClock
) -> None:
    off = [
        (
            ("*CLS", None),
            (f"OUTP 0,(@{n})", None),
            ACCEPTED,
            (f"OUTP? (@{n})", "1" if n == 1 else "0"),
        )
        for n in (1, 2, 3)
    ]
    with pytest.raises(InstrumentError, match=r"output 1: .*Pull the plug"):
        KeysightE36312a(scripted(*off[0], *off[1], *off[2]), clock).make_safe()


def test_protection_is_only_ever_narrowed(scripted: Scripted, clock: VirtualClock) -> None:
    wide = ("VOLT:PROT? (@1)", "+6.60000000E+00")
    tight = ("VOLT:PROT? (@1)", "+3.60000000E+00")
    line = scripted(wide, ("VOLT:PROT 3.6,(@1)", None), ACCEPTED, tight)
    assert KeysightE36312a(line, clock).out1.protect(None, 3.6) == (None, 3.6)
    assert KeysightE36312a(scripted(tight), clock).out1.protect(None, 5.0) == (None, 3.6)
    assert KeysightE36312a(scripted(wide), clock).out1.protect(1.0, None) == (None, 6.6)
    with pytest.raises(SetpointError, match="nothing was sent"):
        KeysightE36312a(scripted(wide), clock).out1.protect(None, 0.0)


def test_trips_are_alarms_in_words(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("VOLT:PROT:TRIP? (@1,2,3)", "0,1,0"), ("CURR:PROT:TRIP? (@1,2,3)", "0,0,1"))
    assert KeysightE36312a(line, clock).read_alarms() == (
        "over-voltage protection of output 2 tripped",
        "over-current protection of output 3 tripped",
    )


@pytest.mark.parametrize("reply", ["0,1", "", "0,1,0,0"])
def test_a_wrong_number_of_flags_is_a_protocol_error(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    line = scripted(("VOLT:PROT:TRIP? (@1,2,3)", reply))
    with pytest.raises(ProtocolError, match="three flags"):
        KeysightE36312a(line, clock).read_alarms()


@pytest.mark.parametrize(
    ("output", "voltage_v", "limit_a"),
    [
        ("out1", 6.19, 1.0), ("out2", 25.76, 0.5), ("out1", 5.0, 5.16), ("out3", 5.0, 1.04),
        ("out1", -0.1, 1.0), ("out1", 5.0, 0.0), ("out1", math.nan, None),
    ],
)  # fmt: skip
def test_each_output_has_its_own_ratings(
    scripted: Scripted, clock: VirtualClock, output: str, voltage_v: float, limit_a: float | None
) -> None:
    with pytest.raises(SetpointError, match=rf"scripted\.{output}.*nothing was sent"):
        getattr(KeysightE36312a(scripted(), clock), output).go(voltage_v, limit=limit_a)


# The twin, byte by byte.


def test_the_twin_answers_as_the_reference_says(twin: SimKeysightE36312a) -> None:
    exchanges = [
        (b"*IDN?", b"Keysight Technologies,E36312A,SIM-PSU,2.1.0-1.0.4-1.12"),
        (b"VOLT 1.5, (@1)", None),
        (b"VOLT? (@1)", b"+1.50000000E+00"),
        (b"VOLT 12,(@2,3)", None),
        (b"VOLT? (@1:3)", b"+1.50000000E+00,+1.20000000E+01,+1.20000000E+01"),
        (b"VOLT? MAX,(@1)", b"+6.18000000E+00"),
        (b"VOLT? MAX, (@2)", b"+2.57500000E+01"),
        (b"CURR 250 mA, (@1)", None),
        (b"SOUR:CURR:LEV:IMM:AMPL? (@1)", b"+2.50000000E-01"),
        (b"CURR? MIN", b"+2.00000000E-03"),
        (b"OUTPut? (@1)", b"0"),
        (b"OUTPut 1, (@1)", None),
        (b"OUTP? (@1,2,3)", b"1,0,0"),
        (b"INST:NSEL 2", None),
        (b"INST?;NSEL?", b"CH2"),
        (b"SYST:ERR?", b'-113,"Undefined header"'),
        (b"INST?;:INST:NSEL?", b"CH2;2"),
        (b"VOLT 3;VOLT?", b"+3.00000000E+00"),
        (b"APPL CH1,5,1", None),
        (b"VOLT?;CURR?", b"+5.00000000E+00;+1.00000000E+00"),
        (b"INST CH3;:INST?", b"CH3"),
        (b"VOLT:PROT? (@1)", b"+6.60000000E+00"),
        (b"CURR:PROT:STAT ON,(@1);:CURR:PROT:STAT? (@1)", b"1"),
        (b"VOLT:PROT:TRIP? (@1);:CURR:PROT:TRIP? (@1)", b"0;0"),
        (b"VOLT 6.2,(@1)", None),
        (b"SYST:ERR?", b'-222,"Data out of range"'),
        (b"VOLT 6.2,(@1,2)", None),
        (b"VOLT? (@2)", b"+3.00000000E+00"),
        (b"SYST:ERR?", b'-222,"Data out of range"'),
        (b"VOLT 1,(@4)", None),
        (b"SYST:ERR?", b'-222,"Data out of range"'),
        (b"VOLT:SENS:SOUR EXT", None),
        (b"SYST:ERR?", b'-113,"Undefined header"'),
        (b"SYST:ERR?", b'+0,"No error"'),
        (b"*RST;:OUTP? (@1);:VOLT? (@1);:INST?", b"0;+0.00000000E+00;CH1"),
    ]
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        ("APPL CH1,5,1;:APPL? CH1", '"5.000000,1.000000"'),
        ("INST CH2;:APPL?", '"0.000000,1.000000"'),
        ("VOLT:PROT? MAX,(@1);PROT? MIN,(@1)", "+6.60000000E+00;+0.00000000E+00"),
        ("VOLT 2,(@1);*SAV 3;*RST;*RCL 3;:VOLT? (@1)", "+2.00000000E+00"),
        ("SYST:REM;COMM:RLST?", "REM"),
        ("SYST:REM;:SYST:LOC;:SYST:COMM:RLST?", "LOC"),
        ("SYST:RWL;:SYST:COMM:RLST?", "RWL"),
        ("SYST:COMM:RLST REM;RLST?", "REM"),
        ("OUTP:COUP:CHAN CH1,CH3;CHAN?", "CH1,CH3"),
        ("OUTP:COUP:CHAN ALL;CHAN?;:OUTP:COUP?", "CH1,CH2,CH3;1"),
        ("OUTP:COUP:CHAN NONE;CHAN?;:OUTP:COUP?", "NONE;0"),
        ("OUTP:COUP ON;COUP?", "1"),
        ("OUTP:PAIR?;PAIR SER;PAIR?", "OFF;SER"),
        ("OUTP:PAIR SER;:VOLT? MAX,(@2);:CURR? MAX,(@3)", "+5.15000000E+01;+1.03000000E+00"),
        ("OUTP:PAIR PAR;:VOLT? MAX,(@2);:CURR? MAX,(@3)", "+2.57500000E+01;+2.06000000E+00"),
        ("OUTP:PAIR PAR;PAIR OFF;:CURR? MAX,(@2,3)", "+1.03000000E+00,+1.03000000E+00"),
        ("STAT:QUES:INST:ENAB 2;ENAB?;ISUM2:ENAB 1;ENAB?", "2;1"),
        ("STAT:PRES;:STAT:QUES:ENAB?;:STAT:QUES:INST:ENAB?", "0;32767"),
    ],
)
def test_a_worked_example_of_each_command(
    twin: SimKeysightE36312a, world: World, sent: str, reply: str
) -> None:
    assert (sent, twin.handle(sent.encode())) == (sent, reply.encode())
    assert twin.handle(b"SYST:ERR?") == b'+0,"No error"'
    assert not world.beyond.get("SIM-PSU")


def test_status_tells_off_constant_voltage_and_constant_current(twin: SimKeysightE36312a) -> None:
    condition = b"STAT:QUES:INST:ISUM1:COND?"
    assert twin.handle(condition) == b"0"
    assert twin.handle(b"APPL CH1,5,0.1;:OUTP ON,(@1);:" + condition) == b"2"
    load(twin, 10.0)
    assert twin.handle(condition + b";:STAT:QUES:INST:ISUM2:COND?") == b"1;0"
    assert twin.handle(b"STAT:QUES:COND?") == b"8192"
    assert twin.handle(b"STAT:QUES:INST:ISUM1?;ISUM1?") == b"3;0"
    twin.handle(b"OUTP OFF,(@1)")
    assert twin.handle(condition) == b"0"


@pytest.mark.parametrize(
    ("message", "events"),
    [
        (b"APPL CH1,5,0.1;:OUTP ON,(@1);:OUTP OFF,(@1)", b"2"),
        (b"APPL CH1,5,0.1;:OUTP ON,(@1);:CURR 0.002,(@1);:CURR 0.1,(@1)", b"3"),
        (b"APPL CH1,5,0.1;:OUTP ON,(@1);:VOLT:PROT 1,(@1)", b"2"),
    ],
)
def test_a_state_that_came_and_went_between_two_looks_is_an_event(
    twin: SimKeysightE36312a, message: bytes, events: bytes
) -> None:
    load(twin, 1000.0)
    twin.handle(message)
    assert twin.handle(b"STAT:QUES:INST:ISUM1?") == events
    assert twin.handle(b"STAT:QUES?") == b"8192"


def test_constant_current_can_ask_for_service(twin: SimKeysightE36312a) -> None:
    twin.handle(b"STAT:QUES:INST:ISUM1:ENAB 1;:STAT:QUES:ENAB 8192;*SRE 8")
    twin.handle(b"APPL CH1,5,0.1;:OUTP ON,(@1)")
    assert twin.handle(b"*STB?") == b"0"
    load(twin, 10.0)
    assert twin.handle(b"*STB?") == b"72"


def test_coupled_outputs_switch_together(twin: SimKeysightE36312a) -> None:
    twin.handle(b"OUTP:COUP:CHAN CH1,CH3;:OUTP ON,(@3)")
    assert twin.handle(b"OUTP? (@1:3)") == b"1,0,1"
    twin.handle(b"OUTP OFF,(@1)")
    assert twin.handle(b"OUTP? (@1:3)") == b"0,0,0"
    twin.handle(b"OUTP ON,(@2)")
    assert twin.handle(b"OUTP? (@1:3)") == b"0,1,0"


def test_an_output_that_brings_coupled_ones_along_is_switched_off_with_them(
    supply: KeysightE36312a, twin: SimKeysightE36312a
) -> None:
    twin.handle(b"VOLT 3,(@3);:OUTP:COUP:CHAN CH1,CH3;:OUTP:COUP ON")
    with pytest.raises(InstrumentError, match="output 3 came on with output 1; all were switched"):
        supply.out1.go(5.0)
    assert [rail_v(twin, f"out{number}") for number in (1, 2, 3)] == [0.0, 0.0, 0.0]


def test_outputs_in_series_feed_one_rail_with_twice_the_volts(twin: SimKeysightE36312a) -> None:
    twin.handle(b"VOLT 5,(@2,3);:OUTP ON,(@2,3);:OUTP:PAIR SER")
    assert (rail_v(twin, "out2"), rail_v(twin, "out3")) == (0.0, 0.0)  # switched off
    twin.handle(b"VOLT 40,(@2);:OUTP ON,(@2)")
    assert twin.handle(b"OUTP? (@3)") == b"1"
    assert rail_v(twin, "out2") == pytest.approx(40.0, abs=0.02)
    assert rail_v(twin, "out3") == 0.0


def test_recall_brings_back_an_output_with_its_state(twin: SimKeysightE36312a) -> None:
    twin.handle(b"VOLT 3.3,(@1);:OUTP ON,(@1);*SAV 1;:OUTP OFF,(@1);:VOLT 1,(@1);*RCL 1")
    assert rail_v(twin) == pytest.approx(3.3, abs=0.01)
    twin.handle(b"OUTP:PAIR SER;:VOLT 40,(@2);*SAV 5;*RST;*RCL 5")
    assert twin.handle(b"OUTP:PAIR?;:VOLT? (@2)") == b"SER;+4.00000000E+01"
    twin.handle(b"*RCL 2")
    assert twin.handle(b"SYST:ERR?") == b'-221,"Settings conflict"'


def test_each_protection_is_cleared_by_itself(twin: SimKeysightE36312a) -> None:
    twin.handle(b"VOLT 3.3,(@1);:OUTP ON,(@1)")
    twin.trip(1)
    twin.handle(b"CURR:PROT:CLE (@1)")
    assert rail_v(twin) == 0.0
    twin.handle(b"VOLT:PROT:CLE (@1)")
    assert rail_v(twin) == pytest.approx(3.3, abs=0.01)


def rail_v(twin: SimKeysightE36312a, member: str = "out1") -> float:
    return float(twin.drives[member].sample(np.array([0.0]))[0])


def load(twin: SimKeysightE36312a, ohm: float) -> None:
    """Hang a resistor on output 1."""
    twin.sense("current1", lambda: rail_v(twin) / ohm)


def test_the_output_feeds_its_rail_within_the_supply_s_accuracy(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    twin.handle(b"VOLT 3.3,(@1)")
    assert rail_v(twin) == 0.0
    supply.out1.go(3.3, limit=0.5)
    load(twin, 330.0)
    assert rail_v(twin) == pytest.approx(3.3, abs=0.01)
    assert rail_v(twin) != 3.3
    assert supply.out1.read() == pytest.approx(3.3, abs=0.01)
    assert supply.current1.read() == pytest.approx(0.01, abs=0.001)
    assert rail_v(twin, "out2") == 0.0


def test_nothing_connected_draws_nothing(supply: KeysightE36312a) -> None:
    supply.out1.go(5.0, limit=1.0)
    assert supply.current1.read() == pytest.approx(0.0, abs=5e-4)


def test_a_heavy_load_pulls_the_rail_down_to_the_current_limit(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    supply.out1.go(5.0, limit=0.1)
    load(twin, 10.0)
    assert supply.current1.read() == pytest.approx(0.1, abs=0.002)
    assert supply.out1.read() == pytest.approx(1.0, abs=0.01)
    assert supply.read_alarms() == ()
    twin.handle(b"CURR:PROT:STAT ON,(@1)")
    assert supply.read_alarms() == ("over-current protection of output 1 tripped",)
    assert rail_v(twin) == 0.0


def test_a_rail_that_its_load_holds_down_stands_still(
    twin: SimKeysightE36312a, supply: KeysightE36312a, world: World
) -> None:
    supply.out1.go(5.0, limit=0.1)
    load(twin, 10.0)
    supply.out1.read()
    changes: list[float] = []
    world.listen(lambda: changes.append(rail_v(twin)))
    for _ in range(5):
        supply.out1.read()
    assert changes == []


def test_a_rail_tells_what_it_drives_into_a_resistor(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    rail = twin.drives["out2"]
    assert isinstance(rail, Rail)
    assert rail.amperes_into(10.0) == 0.0
    supply.out2.go(5.0, limit=0.2)
    assert rail.amperes_into(10.0) == 0.2
    assert rail.amperes_into(100.0) == pytest.approx(0.05, abs=1e-4)
    supply.out2.release()
    assert rail.amperes_into(100.0) == 0.0


def test_a_resistor_that_hangs_on_a_rail_shows_in_the_supply_s_readings(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    rail = twin.drives["out1"]
    assert isinstance(rail, Rail)
    supply.out1.go(5.0, limit=1.0)
    rail.loaded_by(10.0)
    assert supply.current1.read() == pytest.approx(0.5, abs=1e-3)
    twin.sense("current1", lambda: 0.1)
    assert supply.current1.read() == pytest.approx(0.6, abs=1e-3)
    supply.out1.go(5.0, limit=0.2)
    assert supply.current1.read() == pytest.approx(0.2, abs=1e-3)


def test_who_remembers_the_past_is_told_before_the_rail_changes(
    twin: SimKeysightE36312a, supply: KeysightE36312a, world: World
) -> None:
    before: list[float] = []
    world.listen(lambda: before.append(rail_v(twin)))
    supply.out1.go(3.3, limit=0.5)
    supply.out1.release()
    assert before == [0.0, pytest.approx(3.3, abs=0.01)]


def test_a_voltage_above_the_protection_trips_and_latches(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    assert supply.out1.protect(None, 3.6) == (None, 3.6)
    supply.out1.go(3.3, limit=0.5)
    assert supply.read_alarms() == ()
    with pytest.raises(InstrumentError, match="-221"):
        supply.out1.go(3.8, limit=0.5)
    assert supply.read_alarms() == ("over-voltage protection of output 1 tripped",)
    assert rail_v(twin) == 0.0
    with pytest.raises(InstrumentError, match="-221"):
        supply.out1.go(3.3)
    supply.clear_trips()
    assert supply.read_alarms() == ()
    assert rail_v(twin) == 0.0
    supply.out1.go(3.3)
    assert rail_v(twin) == pytest.approx(3.3, abs=0.01)


def test_a_cleared_trip_brings_the_output_back_by_itself(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    supply.out1.go(3.3, limit=0.5)
    twin.trip(1)
    assert rail_v(twin) == 0.0
    twin.handle(b"OUTP:PROT:CLE (@1)")
    assert rail_v(twin) == pytest.approx(3.3, abs=0.01)


def test_make_safe_works_on_a_tripped_supply_with_errors_waiting(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    for output in (supply.out1, supply.out2, supply.out3):
        output.go(3.3, limit=0.5)
    twin.trip(1)
    twin.inject_error(-310, "System error")
    supply.make_safe()
    twin.handle(b"OUTP:PROT:CLE (@1)")
    assert [rail_v(twin, f"out{n}") for n in (1, 2, 3)] == [0.0, 0.0, 0.0]


def test_an_error_that_an_earlier_program_left_is_taken(
    twin: SimKeysightE36312a, supply: KeysightE36312a
) -> None:
    twin.handle(b"NONSENSE")
    twin.handle(b"VOLT 99,(@1)")
    assert supply.take() == ("-113 Undefined header", "-222 Data out of range")
    supply.out1.go(3.3)


def test_a_trip_that_is_to_come_comes_by_the_clock(
    twin: SimKeysightE36312a, supply: KeysightE36312a, world: World, clock: VirtualClock
) -> None:
    world.add_fault("SIM-PSU", Fault("trip1", at_s=60.0))
    supply.out1.go(3.3, limit=0.5)
    assert supply.read_alarms() == ()
    clock.sleep(60.0)
    assert supply.read_alarms() == ("over-voltage protection of output 1 tripped",)
    assert rail_v(twin) == 0.0


# Other people's clients, over TCP.


def test_pymeasure_drives_the_twin_over_tcp() -> None:
    from pymeasure.instruments.keysight import KeysightE36312A  # noqa: PLC0415 - heavy

    world = World(RealClock(), seed=1)
    twin = SimKeysightE36312a(world, "SIM-PSU")
    with TcpMount(twin) as mount:
        client = KeysightE36312A(
            f"TCPIP0::127.0.0.1::{mount.port}::SOCKET",
            visa_library="@py",
            read_termination="\n",
            write_termination="\n",
        )
        try:
            assert client.id == "Keysight Technologies,E36312A,SIM-PSU,2.1.0-1.0.4-1.12"
            client.ch_1.voltage_setpoint = 3.3
            client.ch_1.current_limit = 0.1
            client.ch_1.output_enabled = True
            assert client.ch_1.voltage_setpoint == 3.3
            assert client.ch_1.current_limit == 0.1
            assert client.ch_1.output_enabled is True
            assert client.ch_2.output_enabled is False
            load(twin, 100.0)
            assert client.ch_1.voltage == pytest.approx(3.3, abs=0.01)
            assert client.ch_1.current == pytest.approx(0.033, abs=0.001)
            assert client.check_errors() == []
        finally:
            client.adapter.close()


@pytest.mark.parametrize("command", [b"VOLT UP,(@1)", b"curr down"])
def test_a_step_is_refused_and_on_record(world: World, command: bytes) -> None:
    twin = SimKeysightE36312a(world, "SIM-PSU")
    twin.handle(command)
    assert twin.handle(b"SYST:ERR?").startswith(b"-224")
    assert world.beyond["SIM-PSU"]
