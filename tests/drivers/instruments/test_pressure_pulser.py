"""PP1: driver and twin, each against the data sheet docs/devices/pressure_pulser.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InstrumentError, LinkTimeout, ProtocolError, SetpointError
from sensorbench.core.quantity import components
from sensorbench.instruments.pressure_pulser.driver import PressurePulser
from sensorbench.instruments.pressure_pulser.twin import Pulse, SimPressurePulser
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '+0,"No error"')
NONE = '+0,"No error"'


@pytest.fixture
def twin(world: World) -> SimPressurePulser:
    return SimPressurePulser(world, "10000001")


@pytest.fixture
def pulser(twin: SimPressurePulser, clock: VirtualClock) -> PressurePulser:
    return PressurePulser(InProcessLine(twin, PressurePulser.LINE, "pulser"), clock)


def ideal(world: World) -> SimPressurePulser:
    """Return a unit whose sensor has no error."""
    twin = SimPressurePulser(world, "10000001")
    twin._gain, twin._offset_pa = 1.0, 0.0
    return twin


def outlet(twin: SimPressurePulser, clock: VirtualClock) -> float:
    return components(twin.drives["pressure"].at(clock.now()))[0]


def ask(twin: SimPressurePulser, line: str) -> str:
    return (twin.handle(line.encode()) or b"").decode()


# -- the driver on the wire --------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "slew"), [(None, "MAX"), (5000.0, "5000"), (1e6, "1000000")])
def test_setting_goes_slew_setpoint_valve(
    scripted: Scripted, clock: VirtualClock, rate: float | None, slew: str
) -> None:
    line = scripted(
        (f":SOUR:PRES:SLEW {slew}", None), ACCEPTED,
        *([] if rate is None else [(":SOUR:PRES:SLEW?", f"{rate:.6E}")]),
        (":SOUR:PRES 250000", None), ACCEPTED,
        (":OUTP 1", None), ACCEPTED,
    )  # fmt: skip
    assert PressurePulser(line, clock).pressure.go(250_000.4, rate) == 250_000.0


def test_a_slew_rate_that_it_did_not_take_moves_no_pressure(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        (":SOUR:PRES:SLEW 5000", None), ACCEPTED, (":SOUR:PRES:SLEW?", "1.000000E+06"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="it holds that slew rate instead"):
        PressurePulser(line, clock).pressure.go(250_000.0, 5000.0)


def test_a_wave_is_one_command(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        (":SOUR:PRES:WAVE SQU,100000,300000,2", None), ACCEPTED, (":OUTP 1", None), ACCEPTED,
        (":SOUR:PRES:WAVE SIN,0,1000000,0.25", None), ACCEPTED, (":OUTP 1", None), ACCEPTED,
    )  # fmt: skip
    pulser = PressurePulser(line, clock)
    pulser.pressure.wave(100_000.0, 300_000.0, 2.0, "square")
    pulser.pressure.wave(0.0, 1_000_000.0, 0.25, "sine")


@pytest.mark.parametrize("period_s", [0.19, 1000.1, 0.0, -1.0, float("nan"), float("inf")])
def test_a_period_that_it_can_t_make_is_refused(
    scripted: Scripted, clock: VirtualClock, period_s: float
) -> None:
    with pytest.raises(SetpointError, match=r"outside 0\.2\.\.1000 s; nothing was sent"):
        PressurePulser(scripted(), clock).pressure.wave(1e5, 2e5, period_s, "square")


@pytest.mark.parametrize("ends", [(3e5, 1e5), (1e5, 1e5), (-1.0, 1e5), (1e5, 1.1e6)])
def test_ends_that_are_none_are_refused(
    scripted: Scripted, clock: VirtualClock, ends: tuple[float, float]
) -> None:
    with pytest.raises(SetpointError):
        PressurePulser(scripted(), clock).pressure.wave(*ends, 2.0, "square")


def test_a_refused_setpoint_leaves_the_valve_alone(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        (":SOUR:PRES:SLEW MAX", None), ACCEPTED,
        (":SOUR:PRES 900000", None), ("SYST:ERR?", '-221,"Settings conflict"'), ACCEPTED,
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="':SOUR:PRES 900000' refused: -221"):
        PressurePulser(line, clock).pressure.go(900_000.0)


@pytest.mark.parametrize(
    ("holds", "high", "sent", "band"),
    [
        ("1.100000E+06", 7e5, "700000", 7e5),
        ("5.000000E+05", 7e5, None, 5e5),  # a person set it tighter
        ("1.100000E+06", None, None, 1.1e6),
        ("1.100000E+06", 105e3, "120000", 120e3),  # the least that there is
        ("1.200000E+05", 105e3, None, 120e3),
    ],
)
def test_protection_is_read_first_and_only_narrowed(
    scripted: Scripted,
    clock: VirtualClock,
    holds: str,
    high: float | None,
    sent: str | None,
    band: float,
) -> None:
    script: list[tuple[str, str | None]] = [(":SOUR:PRES:PROT?", holds)]
    if sent:
        script += [(f":SOUR:PRES:PROT {sent}", None), ACCEPTED, (":SOUR:PRES:PROT?", sent)]
    assert PressurePulser(scripted(*script), clock).pressure.protect(50e3, high) == (None, band)


@pytest.mark.parametrize("model", ["PP2", "PACE5000", ""])
def test_another_model_is_refused(scripted: Scripted, clock: VirtualClock, model: str) -> None:
    line = scripted(("*IDN?", f"sensorbench,{model},1,1.0"))
    with pytest.raises(ProtocolError, match="expected a PP1; is this the right address"):
        PressurePulser(line, clock).identify()


def test_make_safe_clears_older_errors_vents_and_looks(
    scripted: Scripted, clock: VirtualClock
) -> None:
    vent = (("*CLS", None), (":OUTP:VENT", None), ACCEPTED)
    PressurePulser(scripted(*vent, (":OUTP:VENT?", "1")), clock).make_safe()
    PressurePulser(scripted(*vent, (":OUTP:VENT?", "2")), clock).make_safe()
    with pytest.raises(InstrumentError, match="it does not vent; open its exhaust by hand"):
        PressurePulser(scripted(*vent, (":OUTP:VENT?", "0")), clock).make_safe()


def test_shut_in_closes_the_valve_and_does_not_vent(
    scripted: Scripted, clock: VirtualClock
) -> None:
    off = (("*CLS", None), (":OUTP:VENT?", "0"), (":OUTP 0", None), ACCEPTED)
    assert PressurePulser(scripted(*off, (":OUTP?", "0")), clock).shut_in()
    with pytest.raises(InstrumentError, match="its valve stays open"):
        PressurePulser(scripted(*off, (":OUTP?", "1")), clock).shut_in()
    assert not PressurePulser(scripted(("*CLS", None), (":OUTP:VENT?", "2")), clock).shut_in()


def test_garbage_is_no_pressure(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(ProtocolError, match="expected a number"):
        PressurePulser(scripted((":MEAS:PRES?", "1.0 bar")), clock).pressure.read()


# -- the twin, by the data sheet ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("after_s", "pressure_pa"),
    [(0.0, 101_338.6), (0.02, 226_916.5), (0.05, 283_692.9), (0.0999, 298_654.7)],
)
def test_the_edges_of_a_square_wave_are_those_of_the_data_sheet(
    world: World, clock: VirtualClock, after_s: float, pressure_pa: float
) -> None:
    twin = ideal(world)
    ask(twin, ":SOUR:PRES:WAVE SQU,100000,300000,0.2;:OUTP 1")
    clock.sleep(100 * 0.2 + after_s)
    assert outlet(twin, clock) == pytest.approx(pressure_pa, abs=0.1)
    clock.sleep(0.1)  # half a period later it is as far from the other end
    assert outlet(twin, clock) == pytest.approx(400_000.0 - pressure_pa, abs=0.1)


def test_a_step_is_done_by_993_in_a_tenth_of_a_second(world: World, clock: VirtualClock) -> None:
    twin = ideal(world)
    ask(twin, ":SOUR:PRES 300000;:OUTP 1")
    assert outlet(twin, clock) == 101_325.0
    clock.sleep(0.1)
    gone = (outlet(twin, clock) - 101_325.0) / (300_000.0 - 101_325.0)
    assert gone == pytest.approx(0.9933, abs=1e-4)


def test_a_slew_rate_is_a_straight_line(world: World, clock: VirtualClock) -> None:
    twin = ideal(world)
    ask(twin, ":SOUR:PRES:SLEW 10000;:SOUR:PRES 201325;:OUTP 1")
    for _ in range(4):
        clock.sleep(2.0)
        assert outlet(twin, clock) == pytest.approx(101_325.0 + 10_000.0 * clock.now(), abs=1.0)
    assert ask(twin, ":SOUR:PRES:SLEW?;:SOUR:PRES:SLEW MAX;:SOUR:PRES:SLEW?") == "1.000000E+04;MAX"


def test_a_sine_reaches_both_ends(world: World, clock: VirtualClock) -> None:
    twin = ideal(world)
    ask(twin, ":SOUR:PRES:WAVE SIN,200000,600000,0.2;:OUTP 1")
    times = clock.now() + 10.0 + np.linspace(0.0, 0.2, 201)
    seen = twin.drives["pressure"].sample(times)
    assert (seen.min(), seen.max()) == pytest.approx((200_000.0, 600_000.0), abs=30.0)
    assert seen[0] == pytest.approx(400_000.0, abs=1.0)
    assert seen[1] > seen[0]


low_pa = st.integers(0, 500_000)
span_pa = st.integers(1, 500_000)


@given(
    low_pa,
    span_pa,
    st.floats(0.2, 1000.0),
    st.floats(0.0, 1e6),
    st.sampled_from(["square", "sine"]),
)
def test_a_wave_begins_where_the_pressure_was_and_stays_between(
    low: int, span: int, period_s: float, before_pa: float, shape: str
) -> None:
    pulse = Pulse(float(low), float(low + span), period_s, shape, 50.0, before_pa)
    assert components(pulse.at(50.0))[0] == pytest.approx(before_pa, abs=1e-6)
    seen = pulse.sample(50.0 + np.linspace(0.0, 3 * period_s, 500))
    lowest, highest = min(before_pa, low), max(before_pa, low + span)
    margin = 1e-6 if shape == "square" else abs(before_pa - (low + span / 2))
    assert np.all((seen >= lowest - margin) & (seen <= highest + margin))
    late = pulse.sample(60.0 + np.linspace(0.0, period_s, 500))
    assert np.all((late >= low - 1e-6) & (late <= low + span + 1e-6))


def test_the_twin_answers_as_the_data_sheet_says(twin: SimPressurePulser) -> None:
    assert ask(twin, "*IDN?") == "sensorbench,PP1,10000001,1.0"
    queries = ":SOUR:PRES?;:SOUR:PRES:SLEW?;:SOUR:PRES:WAVE?;:OUTP?;:OUTP:VENT?"
    assert ask(twin, queries) == "1.013250E+05;MAX;NONE;0;0"
    assert ask(twin, ":SOUR:PRES:PROT?;:SOUR:PRES:PROT:TRIP?") == "1.100000E+06;0"
    ask(twin, ":SOURCE:PRESSURE:WAVE SINUSOID,1E5,3E5,0.5")
    assert ask(twin, ":SOUR:PRES:WAVE?") == "SIN,1.000000E+05,3.000000E+05,5.000000E-01"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (":SOUR:PRES 1000001", "-222"),
        (":SOUR:PRES -1", "-222"),
        (":SOUR:PRES:SLEW 9", "-222"),
        (":SOUR:PRES:WAVE SQU,1E5,3E5,0.1", "-222"),
        (":SOUR:PRES:WAVE SQU,3E5,1E5,2", "-221"),
        (":SOUR:PRES:WAVE TRI,1E5,3E5,2", "-224"),
        (":SOUR:PRES:WAVE SQU,1E5,3E5", "-109"),
        (":SOUR:PRES:PROT 119999", "-222"),
        (":SOUR:TEMP 25", "-113"),
    ],
)
def test_what_it_refuses_changes_nothing(
    twin: SimPressurePulser, clock: VirtualClock, line: str, code: str
) -> None:
    ask(twin, ":SOUR:PRES:WAVE SQU,1E5,2E5,1;:OUTP 1")
    ask(twin, line)
    assert ask(twin, ":SYST:ERR?").startswith(f"{code},")
    assert ask(twin, ":SYST:ERR?") == NONE
    assert ask(twin, ":SOUR:PRES:WAVE?;:OUTP?") == "SQU,1.000000E+05,2.000000E+05,1.000000E+00;1"


def test_a_new_setpoint_ends_a_wave(world: World, clock: VirtualClock) -> None:
    twin = ideal(world)
    ask(twin, ":SOUR:PRES:WAVE SQU,100000,300000,0.2;:OUTP 1")
    clock.sleep(7.33)
    here = outlet(twin, clock)
    ask(twin, ":SOUR:PRES 250000")
    assert outlet(twin, clock) == pytest.approx(here)
    clock.sleep(1.0)
    assert outlet(twin, clock) == pytest.approx(250_000.0, abs=0.1)
    assert ask(twin, ":SOUR:PRES:WAVE?") == "NONE"


def test_a_closed_valve_traps_the_pressure(world: World, clock: VirtualClock) -> None:
    twin = ideal(world)
    ask(twin, ":SOUR:PRES 300000;:OUTP 1")
    clock.sleep(1.0)
    ask(twin, ":OUTP 0")
    clock.sleep(86_400.0)
    assert outlet(twin, clock) == pytest.approx(300_000.0, abs=1.0)
    ask(twin, "*RST")
    assert outlet(twin, clock) == pytest.approx(300_000.0, abs=1.0)


def test_a_vent_leads_to_ambient_and_is_ended_by_the_valve(
    world: World, clock: VirtualClock
) -> None:
    twin = ideal(world)
    ask(twin, ":SOUR:PRES 300000;:OUTP 1")
    clock.sleep(1.0)
    ask(twin, ":OUTP:VENT")
    clock.sleep(0.1)
    assert outlet(twin, clock) - 101_325.0 == pytest.approx(198_675.0 * np.exp(-1.0), rel=1e-3)
    assert ask(twin, ":OUTP:VENT?;:OUTP?") == "1;0"
    clock.sleep(1.0)
    assert ask(twin, ":OUTP:VENT?") == "2"
    ask(twin, ":OUTP 1")
    clock.sleep(1.0)
    assert ask(twin, ":OUTP:VENT?") == "0"
    assert outlet(twin, clock) == pytest.approx(300_000.0, abs=1.0)


def test_nothing_is_set_above_the_protection(twin: SimPressurePulser) -> None:
    ask(twin, ":SOUR:PRES:PROT 500000")
    for line in (":SOUR:PRES 500001", ":SOUR:PRES:WAVE SQU,1E5,6E5,2"):
        ask(twin, line)
        assert ask(twin, ":SYST:ERR?").startswith("-221")
    ask(twin, ":SOUR:PRES 500000;:OUTP 1")
    assert ask(twin, ":SYST:ERR?") == NONE


def test_a_trip_vents_and_stays_until_it_is_cleared(world: World, clock: VirtualClock) -> None:
    twin = ideal(world)
    ask(twin, ":SOUR:PRES 600000;:OUTP 1")
    clock.sleep(1.0)
    ask(twin, ":SOUR:PRES:PROT 400000")
    assert ask(twin, ":SOUR:PRES:PROT:TRIP?;:OUTP?;:OUTP:VENT?") == "1;0;1"
    ask(twin, ":SOUR:PRES:PROT:CLE")
    assert ask(twin, ":SYST:ERR?").startswith("-221")
    clock.sleep(2.0)
    assert outlet(twin, clock) == pytest.approx(101_325.0, abs=1.0)
    ask(twin, "*RST;:SOUR:PRES 200000;:OUTP 1")
    assert ask(twin, ":SYST:ERR?").startswith("-221")
    ask(twin, ":SOUR:PRES:PROT:CLE;:OUTP 1")
    assert ask(twin, ":SYST:ERR?;:SOUR:PRES:PROT:TRIP?;:OUTP?") == f"{NONE};0;1"


# -- driver and twin ---------------------------------------------------------------------------


@pytest.mark.parametrize("pressure_pa", [1_000.0, 101_325.0, 500_000.0, 1_000_000.0])
def test_what_is_set_is_there_and_is_read(
    pulser: PressurePulser, twin: SimPressurePulser, clock: VirtualClock, pressure_pa: float
) -> None:
    most_pa = 100.0 + 1e-4 * pressure_pa
    assert pulser.pressure.go(pressure_pa) == pressure_pa
    clock.sleep(1.0)
    assert outlet(twin, clock) == pytest.approx(pressure_pa, abs=most_pa)
    assert pulser.pressure.read() == pytest.approx(pressure_pa, abs=30.0)


def test_a_wave_goes_on_until_it_is_released(
    pulser: PressurePulser, twin: SimPressurePulser, clock: VirtualClock
) -> None:
    pulser.pressure.wave(150_000.0, 450_000.0, 0.2, "square")
    clock.sleep(3600.05)
    assert pulser.pressure.read() > 400_000.0
    clock.sleep(0.1)
    assert pulser.pressure.read() < 200_000.0
    pulser.pressure.release()
    clock.sleep(2.0)
    assert outlet(twin, clock) == pytest.approx(101_325.0, abs=1.0)


def test_alarms_are_words(pulser: PressurePulser, world: World, clock: VirtualClock) -> None:
    pulser.pressure.go(300_000.0)
    assert pulser.read_alarms() == ()
    world.add_fault("10000001", Fault("trip", at_s=10.0))
    clock.sleep(20.0)
    (alarm,) = pulser.read_alarms()
    assert "tripped and vented the outlet" in alarm
    with pytest.raises(InstrumentError, match="-221"):
        pulser.pressure.go(200_000.0)


def test_what_does_not_vent_is_told(
    pulser: PressurePulser, twin: SimPressurePulser, world: World, clock: VirtualClock
) -> None:
    pulser.pressure.go(300_000.0)
    clock.sleep(1.0)
    world.add_fault("10000001", Fault("no_vent"))
    with pytest.raises(InstrumentError, match="does not vent"):
        pulser.make_safe()
    clock.sleep(10.0)
    assert outlet(twin, clock) == pytest.approx(300_000.0, abs=200.0)


def test_what_an_earlier_program_left_is_taken(
    pulser: PressurePulser, twin: SimPressurePulser
) -> None:
    twin.inject_error(-113, "Undefined header")
    assert pulser.take() == ("-113 Undefined header",)
    assert pulser.take() == ()


def test_identifying_changes_nothing(pulser: PressurePulser, twin: SimPressurePulser) -> None:
    pulser.pressure.wave(150_000.0, 450_000.0, 2.0, "sine")
    assert str(pulser.identify()) == "sensorbench PP1 10000001"
    assert ask(twin, ":SOUR:PRES:WAVE?;:OUTP?").startswith("SIN,1.5")
    assert ask(twin, ":OUTP?") == "1"


def test_a_silent_unit_is_a_time_out(pulser: PressurePulser, world: World) -> None:
    world.add_fault("10000001", Fault("silent"))
    with pytest.raises(LinkTimeout):
        pulser.pressure.read()
    world.faults.clear()
    world.add_fault("10000001", Fault("identity"))
    with pytest.raises(ProtocolError, match="expected a PP1"):
        pulser.identify()


def test_a_field_that_changes_is_told_before(world: World, clock: VirtualClock) -> None:
    twin = ideal(world)
    seen: list[float] = []
    world.listen(lambda: seen.append(round(outlet(twin, clock))))
    ask(twin, ":SOUR:PRES:WAVE SQU,100000,300000,0.2;:OUTP 1")
    clock.sleep(20.02)
    ask(twin, ":SOUR:PRES 150000")
    clock.sleep(1.0)
    ask(twin, ":OUTP:VENT")
    assert seen[0] == 101_325
    assert seen[1] == pytest.approx(226_917, abs=2)
    assert seen[-1] == pytest.approx(150_000, abs=2)
