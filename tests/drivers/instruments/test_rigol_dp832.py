"""Rigol DP832: driver and twin, each against the wire as public drivers and their tests show it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.instruments.rigol_dp832.driver import RigolDp832
from sensorbench.instruments.rigol_dp832.twin import SimRigolDp832
from sensorbench.instruments.telling import Held
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '0,"No error"')
APART = ((":OUTP:TRAC? CH1", "OFF"), (":OUTP:TRAC? CH2", "OFF"))


@pytest.fixture
def twin(world: World) -> SimRigolDp832:
    return SimRigolDp832(world, "SIM-PSU")


@pytest.fixture
def supply(twin: SimRigolDp832, clock: VirtualClock) -> RigolDp832:
    return RigolDp832(InProcessLine(twin, RigolDp832.LINE, "psu"), clock)


def rail_v(twin: SimRigolDp832, member: str = "out1") -> float:
    return float(twin.drives[member].sample(np.array([0.0]))[0])


def load(twin: SimRigolDp832, ohm: float) -> None:
    """Hang a resistor on output 1."""
    twin.sense("current1", lambda: rail_v(twin) / ohm)


# The driver, against written exchanges.


def test_each_setting_is_read_back_and_the_switch_comes_last(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        *APART,
        (":SOUR2:CURR 0.5000", None),
        ACCEPTED,
        (":SOUR2:CURR?", "0.5000"),
        (":SOUR2:VOLT 3.3000", None),
        ACCEPTED,
        (":SOUR2:VOLT?", "3.300"),
        (":OUTP? CH2", "OFF"),
        (":OUTP? CH1", "ON"),
        (":OUTP? CH3", "OFF"),
        (":OUTP CH2,ON", None),
        ACCEPTED,
        (":OUTP? CH2", "ON"),
        (":OUTP? CH1", "ON"),
        (":OUTP? CH3", "OFF"),
    )
    assert RigolDp832(line, clock).out2.go(3.3, limit=0.5) == 3.3


def test_output_3_tracks_nobody_and_a_limit_that_is_not_given_stays(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        (":SOUR3:VOLT 3.3333", None),
        ACCEPTED,
        (":SOUR3:VOLT?", "3.330"),
        (":OUTP? CH3", "ON"),
        (":OUTP CH3,ON", None),
        ACCEPTED,
        (":OUTP? CH3", "ON"),
    )
    assert RigolDp832(line, clock).out3.go(10.0 / 3.0) == 3.33


@pytest.mark.parametrize("held", ["4.990", "5.010", "0.000"])
def test_a_voltage_that_was_not_taken_is_found_though_no_error_says_so(
    scripted: Scripted, clock: VirtualClock, held: str
) -> None:
    line = scripted((":SOUR3:VOLT 5.0000", None), ACCEPTED, (":SOUR3:VOLT?", held))
    with pytest.raises(InstrumentError, match="not accepted"):
        RigolDp832(line, clock).out3.go(5.0)


def test_an_output_that_stays_off_is_found_though_no_error_says_so(
    scripted: Scripted, clock: VirtualClock
) -> None:
    setting = ((":SOUR3:VOLT 5.0000", None), ACCEPTED, (":SOUR3:VOLT?", "5.000"))
    before = tuple((f":OUTP? CH{output}", "OFF") for output in (3, 1, 2))
    line = scripted(*setting, *before, (":OUTP CH3,ON", None), ACCEPTED, (":OUTP? CH3", "OFF"))
    with pytest.raises(InstrumentError, match="did not come on"):
        RigolDp832(line, clock).out3.go(5.0)


@pytest.mark.parametrize("tracking", [("ON",), ("OFF", "ON")])
@pytest.mark.parametrize("output", ["out1", "out2"])
def test_outputs_that_track_each_other_are_not_set(
    scripted: Scripted, clock: VirtualClock, output: str, tracking: tuple[str, ...]
) -> None:
    asked = [(f":OUTP:TRAC? CH{n}", reply) for n, reply in enumerate(tracking, 1)]
    with pytest.raises(SetpointError, match="switch Track off"):
        getattr(RigolDp832(scripted(*asked), clock), output).go(5.0)
    with pytest.raises(SetpointError, match="switch Track off"):
        getattr(RigolDp832(scripted(*asked), clock), output).foresee(5.0)


def test_release_switches_off_and_looks(scripted: Scripted, clock: VirtualClock) -> None:
    off = (("*CLS", None), (":OUTP CH2,OFF", None), ACCEPTED)
    RigolDp832(scripted(*off, (":OUTP? CH2", "OFF")), clock).out2.release()
    with pytest.raises(InstrumentError, match="pull the plug"):
        RigolDp832(scripted(*off, (":OUTP? CH2", "ON")), clock).out2.release()


def test_make_safe_tries_every_output_and_names_what_stays_on(
    scripted: Scripted, clock: VirtualClock
) -> None:
    said = [
        (
            ("*CLS", None),
            (f":OUTP CH{n},OFF", None),
            ACCEPTED,
            (f":OUTP? CH{n}", "ON" if n == 1 else "OFF"),
        )
        for n in (1, 2, 3)
    ]
    with pytest.raises(InstrumentError, match=r"output 1: .*Pull the plug"):
        RigolDp832(scripted(*said[0], *said[1], *said[2]), clock).make_safe()


def test_protection_is_only_ever_narrowed_and_one_that_is_off_is_none(
    scripted: Scripted, clock: VirtualClock
) -> None:
    off = (":OUTP:OVP? CH1", "OFF")
    tight = ((":OUTP:OVP? CH1", "ON"), (":OUTP:OVP:VAL? CH1", "3.600"))
    assert RigolDp832(scripted(off), clock).out1.protect(None, None) == (None, None)
    sent = ((":OUTP:OVP:VAL CH1,3.6000", None), ACCEPTED, (":OUTP:OVP CH1,ON", None), ACCEPTED)
    line = scripted(off, *sent, *tight)
    assert RigolDp832(line, clock).out1.protect(None, 3.6) == (None, 3.6)
    assert RigolDp832(scripted(*tight), clock).out1.protect(None, 5.0) == (None, 3.6)
    with pytest.raises(SetpointError, match="nothing was sent"):
        RigolDp832(scripted(off), clock).out1.protect(None, 0.0)
    with pytest.raises(InstrumentError, match="not accepted"):
        RigolDp832(scripted(off, *sent, off), clock).out1.protect(None, 3.6)


@pytest.mark.parametrize(
    ("output", "high_v", "holds_v"), [("out1", 60.0, 33.0), ("out3", 6.0, 5.5), ("out3", 5.5, 5.5)]
)
def test_a_bench_that_bears_more_than_the_supply_gives_arms_its_widest_protection(
    supply: RigolDp832, output: str, high_v: float, holds_v: float
) -> None:
    assert getattr(supply, output).protect(None, high_v) == (None, holds_v)
    assert supply.take() == ()


@pytest.mark.parametrize("reply", ["1", "", "MAYBE"])
def test_a_trip_that_is_neither_yes_nor_no_is_a_protocol_error(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    with pytest.raises(ProtocolError, match="expected YES or NO"):
        RigolDp832(scripted((":OUTP:OVP:QUES? CH1", reply)), clock).read_alarms()


@pytest.mark.parametrize(
    ("output", "voltage_v", "limit_a"),
    [
        ("out1", 32.01, 1.0), ("out2", -0.01, 1.0), ("out3", 5.31, 1.0), ("out1", 5.0, 3.21),
        ("out3", 5.0, 0.0), ("out1", math.nan, None),
    ],
)  # fmt: skip
def test_each_output_has_its_own_ratings(
    scripted: Scripted, clock: VirtualClock, output: str, voltage_v: float, limit_a: float | None
) -> None:
    with pytest.raises(SetpointError, match=rf"scripted\.{output}.*nothing was sent"):
        getattr(RigolDp832(scripted(), clock), output).go(voltage_v, limit=limit_a)


def test_a_sister_with_other_ratings_is_refused_and_the_finer_one_is_not(
    scripted: Scripted, clock: VirtualClock
) -> None:
    for model in ("DP832", "DP832A"):
        line = scripted(("*IDN?", f"RIGOL TECHNOLOGIES,{model},DP8B26AM00234,00.01.19"))
        assert RigolDp832(line, clock).identify().model == model
    for model in ("DP831", "DP821A", "DP932E"):
        line = scripted(("*IDN?", f"RIGOL TECHNOLOGIES,{model},DP8B26AM00234,00.01.19"))
        with pytest.raises(ProtocolError, match="expected a DP832 or DP832A"):
            RigolDp832(line, clock).identify()


# The twin, byte by byte.


QCODES = [
    (":INSTrument:NSELect 2; :SOURce:VOLTage:LEVel:IMMediate:AMPLitude 5", None),
    (":INSTrument:NSELect 2; :SOURce:VOLTage:LEVel:IMMediate:AMPLitude?", "5.000"),
    (":INSTrument:NSELect 2; :SOURce:CURRent:LEVel:IMMediate:AMPLitude 0.25", None),
    (":INSTrument:NSELect 2; :SOURce:CURRent:LEVel:IMMediate:AMPLitude?", "0.2500"),
    (":INSTrument:NSELect 2; :OUTPut:STATe ON", None),
    (":INSTrument:NSELect 2; :OUTPut:STATe?", "ON"),
    (":INSTrument:NSELect 1; :OUTPut:STATe?", "OFF"),
    (":INSTrument:NSELect 2; :OUTPut:MODE?", "CV"),
    (":INSTrument:NSELect 2; :VOLTage:PROTection:LEVel 8.8", None),
    (":INSTrument:NSELect 2; :VOLTage:PROTection:LEVel?", "8.800"),
    (":INSTrument:NSELect 2; :VOLTage:PROTection:STATe ON", None),
    (":INSTrument:NSELect 2; :VOLTage:PROTection:STATe?", "ON"),
    (":INSTrument:NSELect 2; :CURRent:PROTection:LEVel 1.5", None),
    (":INSTrument:NSELect 2; :CURRent:PROTection:LEVel?", "1.5000"),
    (":INSTrument:NSELect 2; :CURRent:PROTection:STATe OFF", None),
    (":INSTrument:NSELect 2; :CURRent:PROTection:STATe?", "OFF"),
    (":SOUR2:VOLT?", "5.000"),
    (":SOUR1:VOLT?", "0.000"),
    ("*OPT?", "0"),
]
BY_CHANNEL = [
    ("*IDN?", "RIGOL TECHNOLOGIES,DP832,SIM-PSU,00.01.16"),
    ("*TST?", "TopBoard:PASS,BottomBoard:PASS,Fan:PASS"),
    (":SOUR1:VOLT 24", None),
    (":SOUR1:VOLT?", "24.000"),
    (":SOUR1:CURR 0.15", None),
    (":SOUR1:CURR?", "0.1500"),
    (":APPL? CH1", "CH1:30V/3A,24.000,0.1500"),
    (":APPL CH3,5,1", None),
    (":APPL? CH3", "CH3:5V/3A,5.000,1.0000"),
    (":INST:NSEL?", "3"),
    (":OUTP? CH1", "OFF"),
    (":OUTP CH1,ON", None),
    (":OUTP? CH1", "ON"),
    (":OUTP:CVCC? CH1", "CV"),
    (":OUTP CH1, OFF", None),
    (":OUTP:OVP:VAL CH1,26", None),
    (":OUTP:OVP:VAL? CH1", "26.000"),
    (":OUTP:OVP CH1,ON", None),
    (":OUTP:OVP? CH1", "ON"),
    (":OUTP:OVP:QUES? CH1", "NO"),
    (":OUTP:OVP:CLEAR CH1", None),
    (":OUTP:OCP:VAL CH1,0.5", None),
    (":OUTP:OCP:VAL? CH1", "0.5000"),
    (":OUTP:OCP CH1,ON", None),
    (":OUTP:OCP? CH1", "ON"),
    (":OUTP:OCP:QUES? CH1", "NO"),
    (":OUTP:OCP:CLEAR CH1", None),
    (":OUTP:TRAC? CH1", "OFF"),
    (":SYST:ONOFFS OFF", None),
    (":SYST:ONOFFS?", "OFF"),
    (":SOUR1:VOLT? MAX", "32.000"),
    (":SOUR3:VOLT? MAX", "5.300"),
]


@pytest.mark.parametrize("exchanges", [QCODES, BY_CHANNEL], ids=["selected", "by channel"])
def test_what_public_drivers_send_is_answered_as_they_read_it(
    twin: SimRigolDp832, world: World, exchanges: list[tuple[str, str | None]]
) -> None:
    for sent, reply in exchanges:
        answer = twin.handle(sent.encode())
        assert (sent, answer) == (sent, None if reply is None else reply.encode())
        assert twin.handle(b"SYST:ERR?") == b'0,"No error"'
    assert not world.beyond.get("SIM-PSU")


def test_readings_have_the_digits_that_public_drivers_expect(twin: SimRigolDp832) -> None:
    twin.handle(b":APPL CH1,5,0.5;:OUTP CH1,ON")
    load(twin, 50.0)
    reply = (twin.handle(b":MEAS:ALL? CH1") or b"").decode()
    volts, amperes, watts = reply.split(",")
    assert [len(field.partition(".")[2]) for field in (volts, amperes, watts)] == [4, 4, 3]
    assert float(volts) == pytest.approx(5.0, abs=0.01)
    assert float(amperes) == pytest.approx(0.1, abs=0.001)
    assert float(watts) == pytest.approx(0.5, abs=0.01)
    assert twin.handle(b":MEAS:POWE? CH1;:MEAS:VOLT? CH1;:MEAS:CURR? CH1") == (
        f"{watts};{volts};{amperes}".encode()
    )


@pytest.mark.parametrize(
    "command",
    [
        b":SOUR1:VOLT 32.01", b":SOUR3:VOLT 5.31", b":SOUR1:CURR 3.21", b":OUTP:OVP:VAL CH3,5.6",
        b":OUTP:OCP:VAL CH1,3.4", b":OUTP:TRAC CH3,ON", b":OUTP CH4,ON", b":SOUR4:VOLT 1",
    ],
)  # fmt: skip
def test_what_is_refused_is_in_the_error_queue_and_changes_nothing(
    twin: SimRigolDp832, command: bytes
) -> None:
    looks = (
        b":APPL? CH1;:APPL? CH3;:OUTP? CH1;:OUTP:OVP:VAL? CH3;:OUTP:OCP:VAL? CH1;:OUTP:TRAC? CH1"
    )
    before = twin.handle(looks)
    twin.handle(command)
    assert twin.handle(b":SYST:ERR?") != b'0,"No error"'
    assert twin.handle(looks) == before


@pytest.mark.parametrize("command", [b":SYST:TRACKM INDE", b":TIMER ON", b":INST?", b":VOLT UP"])
def test_what_is_not_modelled_is_refused_and_on_record(world: World, command: bytes) -> None:
    twin = SimRigolDp832(world, "SIM-PSU")
    assert twin.handle(command) is None
    assert twin.handle(b":SYST:ERR?") != b'0,"No error"'
    assert world.beyond["SIM-PSU"]


# Both together.


@pytest.mark.parametrize(("fine", "held_v"), [(False, 3.33), (True, 3.333)])
def test_a_voltage_is_held_in_the_steps_that_the_supply_has(
    world: World, clock: VirtualClock, fine: bool, held_v: float
) -> None:
    twin = SimRigolDp832(world, "SIM-PSU", fine=fine)
    supply = RigolDp832(InProcessLine(twin, RigolDp832.LINE, "psu"), clock)
    assert supply.out1.go(10.0 / 3.0, limit=0.5) == held_v
    assert supply.out1.told() == Held(held_v, 0.5)
    assert supply.out1.read() == pytest.approx(held_v, abs=0.01)


def test_the_output_that_was_chosen_at_the_panel_stays_chosen(
    twin: SimRigolDp832, supply: RigolDp832
) -> None:
    twin.handle(b":INST:NSEL 2")
    supply.out1.go(5.0, limit=0.5)
    supply.out3.protect(None, 4.0)
    supply.read_alarms()
    supply.clear_trips()
    assert twin.handle(b":INST:NSEL?") == b"2"


def test_tracking_sets_both_outputs_and_keeps_the_driver_from_either(
    twin: SimRigolDp832, supply: RigolDp832
) -> None:
    twin.handle(b":OUTP:TRAC CH1,ON;:SOUR2:VOLT 7")
    assert twin.handle(b":SOUR1:VOLT?;:SOUR3:VOLT?") == b"7.000;0.000"
    for output in (supply.out1, supply.out2):
        with pytest.raises(SetpointError, match="track each other"):
            output.go(5.0)
    assert twin.handle(b":SOUR1:VOLT?;:SOUR2:VOLT?") == b"7.000;7.000"
    supply.out3.go(5.0)
    twin.handle(b":SYST:ONOFFS ON;:OUTP CH1,ON")
    assert twin.handle(b":OUTP? CH2") == b"ON"
    supply.make_safe()
    assert (rail_v(twin, "out1"), rail_v(twin, "out2"), rail_v(twin, "out3")) == (0.0, 0.0, 0.0)


def test_a_heavy_load_is_limited_and_trips_only_above_the_protection_s_own_level(
    twin: SimRigolDp832, supply: RigolDp832
) -> None:
    twin.handle(b":OUTP:OCP:VAL CH1,0.2;:OUTP:OCP CH1,ON")
    supply.out1.go(5.0, limit=0.1)
    load(twin, 10.0)
    assert supply.current1.read() == pytest.approx(0.1, abs=0.002)
    assert supply.out1.read() == pytest.approx(1.0, abs=0.01)
    assert twin.handle(b":OUTP:MODE? CH1") == b"CC"
    assert supply.read_alarms() == ()
    twin.handle(b":SOUR1:CURR 1")
    assert supply.read_alarms() == ("over-current protection of output 1 tripped",)
    assert rail_v(twin) == 0.0


def test_a_voltage_above_the_protection_trips_latches_and_is_cleared_to_off(
    twin: SimRigolDp832, supply: RigolDp832
) -> None:
    supply.out1.go(5.0, limit=0.5)
    supply.out1.release()
    assert supply.out1.protect(None, 3.6) == (None, 3.6)
    with pytest.raises(InstrumentError, match="did not come on"):
        supply.out1.go(3.8, limit=0.5)
    assert supply.read_alarms() == ("over-voltage protection of output 1 tripped",)
    with pytest.raises(InstrumentError, match="has it tripped"):
        supply.out1.go(3.3)
    supply.clear_trips()
    assert supply.read_alarms() == ()
    assert rail_v(twin) == 0.0
    supply.out1.go(3.3)
    assert rail_v(twin) == pytest.approx(3.3, abs=0.01)


@pytest.mark.parametrize(
    ("command", "back_v"), [(b":OUTP:OVP:CLEAR CH1", 0.0), (b":SOUR1:VOLT:PROT:CLE", 3.3)]
)
def test_one_way_of_clearing_a_trip_brings_the_output_back(
    twin: SimRigolDp832, supply: RigolDp832, world: World, command: bytes, back_v: float
) -> None:
    supply.out1.go(3.3, limit=0.5)
    world.add_fault("SIM-PSU", Fault("trip1", world.now(), world.now() + 1.0))
    assert supply.read_alarms() == ("over-voltage protection of output 1 tripped",)
    world.clock.sleep(2.0)
    twin.handle(command)
    assert rail_v(twin) == pytest.approx(back_v, abs=0.01)


def test_errors_that_an_earlier_program_left_are_taken(
    twin: SimRigolDp832, supply: RigolDp832
) -> None:
    twin.handle(b"NONSENSE")
    twin.handle(b":SOUR1:VOLT 99")
    assert supply.take() == ("-113 Undefined header", "-222 Data out of range")
    supply.out1.go(3.3)
