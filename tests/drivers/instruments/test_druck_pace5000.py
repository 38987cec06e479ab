"""Druck PACE5000: driver and twin, each against the wire as K0472 and EPICS-Pace5000 show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.instruments.druck_pace5000.driver import DruckPace5000
from sensorbench.instruments.druck_pace5000.twin import SimDruckPace5000
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", ':SYST:ERR 0,"No error"')
IN_PASCAL = (":UNIT:PRES?", ":UNIT:PRES PA")


@pytest.fixture
def twin(world: World) -> SimDruckPace5000:
    return SimDruckPace5000(world, "SIM-PACE")


@pytest.fixture
def pace(twin: SimDruckPace5000, clock: VirtualClock) -> DruckPace5000:
    return DruckPace5000(InProcessLine(twin, DruckPace5000.LINE, "pace"), clock)


# The driver, against written exchanges.


@pytest.mark.parametrize("echo", ["*IDN ", ""])
def test_the_identity_is_read_with_and_without_the_repeated_header(
    scripted: Scripted, clock: VirtualClock, echo: str
) -> None:
    line = scripted(("*IDN?", f"{echo}GE Druck,Pace5000 User Interface,3213201,02.00.07"))
    identity = DruckPace5000(line, clock).identify()
    assert (identity.serial, identity.firmware) == ("3213201", "02.00.07")


@pytest.mark.parametrize("echo", [True, False])
def test_the_rate_is_in_force_before_the_setpoint_and_the_output_comes_last(
    scripted: Scripted, clock: VirtualClock, echo: bool
) -> None:
    accepted = ("SYST:ERR?", ACCEPTED[1] if echo else '0,"No error"')
    line = scripted(
        (":UNIT:PRES?", ":UNIT:PRES PA" if echo else "PA"),
        (":INST:SENS:FULL?", (":INST:SENS:FULL " if echo else "") + "200000.0, 0.0"),
        (":SOUR:PRES:SLEW:OVER 0", None),
        accepted,
        (":SOUR:PRES:SLEW 500", None),
        accepted,
        (":SOUR:PRES:SLEW:MODE LIN", None),
        accepted,
        (":SOUR:PRES:SLEW?", (":SOUR:PRES:SLEW " if echo else "") + "500.0000000"),
        (":SOUR:PRES:SLEW:MODE?", (":SOUR:PRES:SLEW:MODE " if echo else "") + "LIN"),
        (":SOUR:PRES:LEV:IMM:AMPL 110000", None),
        accepted,
        (":OUTP:STAT 1", None),
        accepted,
    )
    DruckPace5000(line, clock).pressure.go(110_000.0, 500.0)


@pytest.mark.parametrize(("rate", "mode"), [("10000.0", "LIN"), ("500.0", "MAX")])
def test_a_slew_rate_that_it_did_not_take_moves_no_pressure(
    scripted: Scripted, clock: VirtualClock, rate: str, mode: str
) -> None:
    line = scripted(
        IN_PASCAL,
        (":INST:SENS:FULL?", ":INST:SENS:FULL 200000.0, 0.0"),
        (":SOUR:PRES:SLEW:OVER 0", None), ACCEPTED,
        (":SOUR:PRES:SLEW 500", None), ACCEPTED,
        (":SOUR:PRES:SLEW:MODE LIN", None), ACCEPTED,
        (":SOUR:PRES:SLEW?", f":SOUR:PRES:SLEW {rate}"),
        (":SOUR:PRES:SLEW:MODE?", f":SOUR:PRES:SLEW:MODE {mode}"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="it holds that slew rate instead"):
        DruckPace5000(line, clock).pressure.go(110_000.0, 500.0)


def test_without_a_slew_rate_the_controller_goes_as_fast_as_it_can(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        IN_PASCAL,
        (":INST:SENS:FULL?", ":INST:SENS:FULL 200000.0, 0.0"),
        (":SOUR:PRES:SLEW:OVER 0", None),
        ACCEPTED,
        (":SOUR:PRES:SLEW:MODE MAX", None),
        ACCEPTED,
        (":SOUR:PRES:LEV:IMM:AMPL 95000", None),
        ACCEPTED,
        (":OUTP:STAT 1", None),
        ACCEPTED,
    )
    DruckPace5000(line, clock).pressure.go(95_000.0)


def test_a_unit_that_somebody_changed_is_set_before_a_number_is_read(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        (":UNIT:PRES?", ":UNIT:PRES MBAR"),
        (":UNIT:PRES PA", None),
        ACCEPTED,
        (":SENS:PRES?", ":SENS:PRES 101325.25"),
    )
    assert DruckPace5000(line, clock).pressure.read() == 101_325.25


def test_the_in_limit_flag_is_the_second_field(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        (":SENS:PRES:INL?", ":SENS:PRES:INL 1000.5, 1"), (":SENS:PRES:INL?", "1000.5, 0")
    )
    pace = DruckPace5000(line, clock)
    assert (pace.in_limits(), pace.in_limits()) == (True, False)


def test_an_old_unit_s_blank_answer_is_a_protocol_error(
    scripted: Scripted, clock: VirtualClock
) -> None:
    with pytest.raises(ProtocolError, match="INL"):
        DruckPace5000(scripted((":SENS:PRES:INL?", "")), clock).in_limits()


def test_a_reply_that_repeats_another_modules_header_is_an_error(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(IN_PASCAL, (":SENS:PRES?", ":SENS2:PRES 101325.25"))
    with pytest.raises(ProtocolError, match="another module's"):
        DruckPace5000(line, clock).pressure.read()


def test_a_range_without_a_lower_end_starts_at_zero(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(IN_PASCAL, (":INST:SENS:FULL?", ":INST:SENS:FULL 200000.0"))
    assert DruckPace5000(line, clock).read_range_pa() == (0.0, 200_000.0)


def test_a_setpoint_outside_the_fitted_module_is_refused_before_it_is_sent(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(IN_PASCAL, (":INST:SENS:FULL?", ":INST:SENS:FULL 200000.0, 0.0"))
    with pytest.raises(
        SetpointError, match=r"200001 Pa is outside 0\.\.200000 Pa of the fitted module"
    ):
        DruckPace5000(line, clock).pressure.go(200_001.0)


def test_a_slew_rate_of_zero_is_refused(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(SetpointError, match="rate"):
        DruckPace5000(scripted(), clock).pressure.go(100_000.0, 0.0)


def test_make_safe_clears_older_errors_vents_and_looks(
    scripted: Scripted, clock: VirtualClock
) -> None:
    vent = ":SOUR:PRES:LEV:IMM:AMPL:VENT"
    line = scripted(("*CLS", None), (f"{vent} 1", None), ACCEPTED, (f"{vent}?", f"{vent} 1"))
    DruckPace5000(line, clock).make_safe()
    line = scripted(("*CLS", None), (f"{vent} 1", None), ACCEPTED, (f"{vent}?", f"{vent} 0"))
    with pytest.raises(InstrumentError, match="does not vent"):
        DruckPace5000(line, clock).make_safe()


def test_shut_in_stops_controlling_and_does_not_vent(
    scripted: Scripted, clock: VirtualClock
) -> None:
    vent = ":SOUR:PRES:LEV:IMM:AMPL:VENT?"
    off = (("*CLS", None), (vent, "0"), (":OUTP:STAT 0", None), ACCEPTED)
    assert DruckPace5000(scripted(*off, (":OUTP:STAT?", "0")), clock).shut_in()
    with pytest.raises(InstrumentError, match="it goes on controlling"):
        DruckPace5000(scripted(*off, (":OUTP:STAT?", "1")), clock).shut_in()
    assert not DruckPace5000(scripted(("*CLS", None), (vent, "1")), clock).shut_in()


# The twin, byte by byte.


def test_the_twin_answers_as_the_reference_says(twin: SimDruckPace5000) -> None:
    exchanges = [
        (b"*IDN?", b"*IDN GE Druck,Pace5000 User Interface,SIM-PACE,02.00.07"),
        (b":UNIT:PRES?", b":UNIT:PRES MBAR"),
        (b":UNIT:PRES BAR", None),
        (b":UNIT:PRES?", b":UNIT:PRES BAR"),
        (b":INST:SENS:FULL?", b":INST:SENS:FULL 2.0000000, 0.0000000"),
        (b":INST:LIM1?", b':INST:LIM1 "2.00bara", 2.0000000, 0.0000000'),
        (b":SOUR:PRES:LEV:IMM:AMPL 1.5", None),
        (b":SOUR:PRES?", b":SOUR:PRES:LEV:IMM:AMPL 1.5000000"),
        (b":SOUR:PRES:LEV:IMM:AMPL?", b":SOUR:PRES:LEV:IMM:AMPL 1.5000000"),
        (b":OUTP:STAT?", b":OUTP:STAT 0"),
        (b":OUTP:STAT 1", None),
        (b":OUTP:STAT?", b":OUTP:STAT 1"),
        (b":OUTP OFF", None),
        (b":OUTP:STAT?", b":OUTP:STAT 0"),
        (b":SOUR:PRES:INL?", b":SOUR:PRES:INL 0.0100000"),
        (b":SOUR:PRES:INL:TIME?", b":SOUR:PRES:INL:TIME 2"),
        (b":SOUR:PRES:INL 0.02;:SOUR:PRES:INL:TIME 10", None),
        (b":SOUR:PRES:INL:TIME?", b":SOUR:PRES:INL:TIME 10"),
        (b":SOUR:PRES:SLEW:OVER?", b":SOUR:PRES:SLEW:OVER 1"),
        (b":SOUR:PRES:SLEW:OVER 0", None),
        (b":SOUR:PRES:SLEW 0.05;:SOUR:PRES:SLEW:MODE LIN", None),
        (b":SOUR:PRES:SLEW?", b":SOUR:PRES:SLEW 0.0500000"),
        (b":SOUR:PRES:SLEW:MODE?", b":SOUR:PRES:SLEW:MODE LIN"),
        (b":SOUR:PRES:EFF?", b":SOUR:PRES:EFF 0.0000000"),
        (b":SOUR:PRES:COMP1?", b":SOUR:PRES:COMP1 2.2000000"),
        (b":SOUR:PRES:LEV:IMM:AMPL:VENT?", b":SOUR:PRES:LEV:IMM:AMPL:VENT 0"),
        (b":SYST:ERR?", b':SYST:ERR 0,"No error"'),
        (b":SOUR:PRES 2.5", None),
        (b":SYST:ERR?", b':SYST:ERR -222,"Data out of range"'),
        (b":SENS:PRES:CONT?", None),
        (b":SYST:ERR?", b':SYST:ERR -113,"Undefined header"'),
        (b":SOUR:PRES:COMP3?", None),
        (b":SYST:ERR?", b':SYST:ERR -114,"Header suffix out of range"'),
        (b":SOUR:PRES:INL:TIME 1000", None),
        (b":SOUR:PRES:SLEW 0.2", None),
        (b":SOUR:PRES:LEV:IMM:AMPL:VENT 2", None),
        (b":UNIT:PRES FURLONG", None),
        (b":OUTP:STAT", None),
        (b"NONSENSE", None),
        (b"*CLS", None),
        (b"*STB?", b"*STB 0"),
    ]
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (":STAT:OPER:PRES:ENAB 511;ENAB?", ":STAT:OPER:PRES:ENAB 511"),
        (":STAT:OPER:ENAB 1024;ENAB?", ":STAT:OPER:ENAB 1024"),
        (":STAT:OPER:PRES:COND?;EVEN?", ":STAT:OPER:PRES:COND 0;:STAT:OPER:PRES:EVEN 0"),
        (":STAT:OPER:COND?;EVEN?", ":STAT:OPER:COND 0;:STAT:OPER:EVEN 0"),
        (":OUTP:MODE?;MODE PASS;MODE?", ":OUTP:MODE ACT;:OUTP:MODE PASS"),
        (":INST:CAT?;CAT:ALL?", ':INST:CAT "2.00bara";:INST:CAT:ALL "2.00bara"'),
        (":INST:SN?", ":INST:SN SIM-PACE"),
        (':SENS:PRES:RANG "2.00bara";RANG?', ':SENS:PRES:RANG "2.00bara"'),
        (':SOUR:PRES:RANG "2.00bara";RANG?', ':SOUR:PRES:RANG "2.00bara"'),
        (":SENS:PRES:SLEW?;BAR?", ":SENS:PRES:SLEW 0.0000000;:SENS:PRES:BAR 0.0000000"),
        (":LOC;:GTL;:OUTP?", ":OUTP:STAT 0"),
    ],
)
def test_a_worked_example_of_each_command(
    twin: SimDruckPace5000, world: World, sent: str, reply: str
) -> None:
    assert (sent, twin.handle(sent.encode())) == (sent, reply.encode())
    assert twin.handle(b":SYST:ERR?") == b':SYST:ERR 0,"No error"'
    assert not world.beyond.get("SIM-PACE")


def test_a_range_that_is_not_fitted_is_refused(twin: SimDruckPace5000) -> None:
    twin.handle(b':SENS:PRES:RANG "2.00BARA"')  # ranges are told by letters of either case
    assert twin.handle(b":SYST:ERR?") == b':SYST:ERR -222,"Data out of range"'


def test_the_error_queue_holds_five(twin: SimDruckPace5000) -> None:
    for _ in range(9):
        twin.handle(b"NONSENSE")
    codes = [twin.handle(b":SYST:ERR?").split()[1].split(b",")[0] for _ in range(6)]
    assert codes == [b"-113"] * 4 + [b"-350", b"0"]


def test_firmware_that_does_not_repeat_headers_is_an_option(world: World) -> None:
    twin = SimDruckPace5000(world, "SIM-1", echo_headers=False, terminator=b"\r")
    assert twin.handle(b":UNIT:PRES?") == b"MBAR"
    assert twin.reply_terminator == b"\r"


def test_pressures_are_in_the_selected_unit(twin: SimDruckPace5000) -> None:
    twin.handle(b":UNIT:PRES HPA")
    hpa = float(twin.handle(b":SENS:PRES?").split()[1])
    twin.handle(b":UNIT:PRES PSI")
    psi = float(twin.handle(b":SENS:PRES?").split()[1])
    assert hpa == pytest.approx(1013.25, abs=0.2)
    assert psi == pytest.approx(14.696, abs=0.003)


# Both together.


def line_pa(twin: SimDruckPace5000) -> float:
    """Return the true pressure in the line."""
    now = twin._clock.now()
    return float(twin.drives["pressure"].sample(np.array([now]))[0])


def settle(pace: DruckPace5000, clock: VirtualClock) -> float:
    """Sleep until the controller says that it is in limits; return how long that took."""
    began = clock.now()
    while not pace.in_limits():
        clock.sleep(0.1)
        assert clock.now() - began < 1000
    return clock.now() - began


def test_the_pressure_settles_where_the_controller_s_own_sensor_says(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    pace.pressure.go(110_000.0, 1000.0)
    assert settle(pace, clock) == pytest.approx(8.7 + 2 + 3, abs=3)
    assert abs(line_pa(twin) - 110_000.0) < 20 + 15
    clock.sleep(60)
    assert pace.pressure.read() == pytest.approx(110_000.0, abs=3)
    assert 0.01 < abs(line_pa(twin) - 110_000.0) < 15
    assert twin.handle(b":SOUR:PRES?") == b":SOUR:PRES:LEV:IMM:AMPL 110000.0000000"


def test_the_slew_rate_is_kept(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    pace.pressure.go(150_000.0, 200.0)
    start_pa = line_pa(twin)
    clock.sleep(10)
    assert line_pa(twin) - start_pa == pytest.approx(2000, rel=1e-6)


def test_in_limits_needs_the_band_for_the_whole_time(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    twin.handle(b":SOUR:PRES:INL 1;:SOUR:PRES:INL:TIME 30")
    pace.pressure.go(60_000.0)
    in_band_since = None
    while not pace.in_limits():
        if in_band_since is None and abs(line_pa(twin) - 60_000.0) <= 2000:
            in_band_since = clock.now()
        clock.sleep(0.1)
    assert in_band_since is not None
    assert clock.now() - in_band_since == pytest.approx(30, abs=0.3)
    pace.pressure.go(70_000.0)
    assert not pace.in_limits()


def highest_pa(twin: SimDruckPace5000, clock: VirtualClock) -> float:
    """Return the highest pressure in the ten seconds to come, looked at each 10 ms."""
    highest = 0.0
    for _ in range(1000):
        clock.sleep(0.01)
        highest = max(highest, line_pa(twin))
    return highest


@pytest.mark.parametrize(
    ("settings", "beyond_pa"),
    [
        (":SOUR:PRES:SLEW:OVER 1", 536.0),  # 6.7 % of what 10 kPa/s makes in 0.8 s
        (":SOUR:PRES:SLEW:OVER 0", 0.0),
        (":SOUR:PRES:SLEW:OVER 1;MODE LIN;:SOUR:PRES:SLEW 1000", 53.6),
    ],
)
def test_it_overshoots_where_that_is_allowed(
    twin: SimDruckPace5000, clock: VirtualClock, settings: str, beyond_pa: float
) -> None:
    twin.handle(f":UNIT:PRES PA;{settings};:SOUR:PRES 110000;:OUTP 1".encode())
    target_pa = twin.drives["pressure"].target
    assert highest_pa(twin, clock) - target_pa == pytest.approx(beyond_pa, abs=1.0)


def test_an_overshoot_is_within_what_the_world_foresees(
    twin: SimDruckPace5000, clock: VirtualClock
) -> None:
    twin.handle(b":UNIT:PRES PA;:SOUR:PRES 180000;:OUTP 1")
    low_pa, high_pa = twin.drives["pressure"].bounds(clock.now())
    assert low_pa <= line_pa(twin)
    assert 180_400.0 < highest_pa(twin, clock) <= high_pa


def test_in_limits_waits_for_an_overshoot_to_end(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    """Within 0.1 % of 200 kPa for the last 2 s, at every moment."""
    twin.handle(b":UNIT:PRES PA;:SOUR:PRES:INL 0.1;:SOUR:PRES 150000;:OUTP 1")
    target_pa = twin.drives["pressure"].target
    errors = []
    while not pace.in_limits():
        clock.sleep(0.05)
        errors.append(abs(line_pa(twin) - target_pa))
    assert max(errors[-40:]) <= 200.0
    assert max(errors[-60:]) > 200.0


def test_status_registers_tell_in_limits_and_vent_complete(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    twin.handle(b":STAT:OPER:PRES:ENAB 511;:STAT:OPER:ENAB 1024;*SRE 128")
    pace.pressure.go(110_000.0)
    assert twin.handle(b":STAT:OPER:PRES:COND?;*STB?") == b":STAT:OPER:PRES:COND 0;*STB 16"
    clock.sleep(60.0)
    twin.handle(b":SOUR:PRES:LEV:IMM:AMPL:VENT 1")  # before anybody looked: the event was there
    clock.sleep(60.0)
    assert twin.handle(b"*STB?") == b"*STB 192"
    assert twin.handle(b":STAT:OPER:PRES:COND?;EVEN?") == (
        b":STAT:OPER:PRES:COND 1;:STAT:OPER:PRES:EVEN 5"
    )
    assert twin.handle(b":STAT:OPER?;:STAT:OPER:PRES?") == b":STAT:OPER:EVEN 1024;" + (
        b":STAT:OPER:PRES:EVEN 0"
    )


@pytest.mark.parametrize(
    ("leaves", "returns", "bit"),
    [
        (b":SOUR:PRES 900", b":SOUR:PRES 1100", 4),
        (b":OUTP 0", b":OUTP 1", 4),
        (b":SOUR:PRES:INL:TIME 999", b":SOUR:PRES:INL:TIME 2", 4),
        (b":SOUR:PRES:VENT 0", b":SOUR:PRES:VENT 1", 1),
    ],
)
def test_what_was_left_and_reached_again_between_two_looks_is_a_new_event(
    twin: SimDruckPace5000, clock: VirtualClock, leaves: bytes, returns: bytes, bit: int
) -> None:
    twin.handle(b":SOUR:PRES 1100;:OUTP 1")
    if bit == 1:
        twin.handle(b":SOUR:PRES:VENT 1")
    clock.sleep(120.0)
    assert twin.handle(b":STAT:OPER:PRES?") == b":STAT:OPER:PRES:EVEN %d" % bit
    twin.handle(leaves)
    twin.handle(returns)
    clock.sleep(120.0)
    assert twin.handle(b":STAT:OPER:PRES?") == b":STAT:OPER:PRES:EVEN %d" % bit


def test_the_measured_slew_is_that_of_the_line(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    pace.pressure.go(150_000.0, 200.0)
    clock.sleep(10)
    assert float(twin.handle(b":SENS:PRES:SLEW?").split()[1]) == pytest.approx(200.0, rel=1e-3)


def test_passive_control_rests_once_it_is_in_limits(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    twin.handle(b":OUTP:MODE PASS")
    pace.pressure.go(150_000.0)
    assert twin.handle(b":SOUR:PRES:EFF?") != b":SOUR:PRES:EFF 0.0000000"
    settle(pace, clock)
    assert twin.handle(b":SOUR:PRES:EFF?") == b":SOUR:PRES:EFF 0.0000000"


def test_a_mode_without_a_model_is_refused_and_on_record(
    twin: SimDruckPace5000, world: World
) -> None:
    twin.handle(b":OUTP:MODE GAUG")
    assert twin.handle(b":SYST:ERR?") == b':SYST:ERR -224,"Illegal parameter value"'
    assert list(world.beyond["SIM-PACE"]) == ["OUTP:MODE GAUG"]


def test_a_controller_that_is_off_holds_and_is_never_in_limits(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    pace.pressure.go(110_000.0, 100.0)
    clock.sleep(10)
    twin.handle(b":OUTP:STAT 0")
    held_pa = line_pa(twin)
    clock.sleep(3600)
    assert line_pa(twin) == pytest.approx(held_pa, abs=1e-6)
    assert not pace.in_limits()


def test_a_vent_ends_at_ambient_and_control_ends_a_vent(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    pace.pressure.go(150_000.0)
    settle(pace, clock)
    pace.pressure.release()
    assert pace.is_venting()
    assert twin.handle(b":OUTP:STAT?") == b":OUTP:STAT 0"
    clock.sleep(60)
    assert not pace.is_venting()
    assert line_pa(twin) == pytest.approx(101_325.0, abs=20)
    pace.pressure.go(120_000.0)
    assert twin.handle(b":SOUR:PRES:LEV:IMM:AMPL:VENT?") == b":SOUR:PRES:LEV:IMM:AMPL:VENT 0"


def test_an_aborted_vent_holds_the_pressure(
    twin: SimDruckPace5000, pace: DruckPace5000, clock: VirtualClock
) -> None:
    pace.pressure.go(150_000.0)
    settle(pace, clock)
    pace.pressure.release()
    clock.sleep(1)
    twin.handle(b":SOUR:PRES:LEV:IMM:AMPL:VENT 0")
    held_pa = line_pa(twin)
    clock.sleep(60)
    assert held_pa > 110_000.0
    assert line_pa(twin) == pytest.approx(held_pa, abs=1e-6)


def test_two_units_differ_within_their_class(world: World) -> None:
    readings = []
    for number in range(20):
        twin = SimDruckPace5000(world, f"SIM-{number}", echo_headers=False)
        twin.handle(b":UNIT:PRES PA")
        readings.append(float(twin.handle(b":SENS:PRES?")))
    assert len(set(readings)) == 20
    assert max(abs(reading - 101_325.0) for reading in readings) < 1e-4 * (101_325 + 200_000)


def test_reset_stops_the_control(twin: SimDruckPace5000, pace: DruckPace5000) -> None:
    pace.pressure.go(120_000.0)
    twin.handle(b"*RST")
    assert twin.handle(b":OUTP:STAT?") == b":OUTP:STAT 0"
    assert twin.handle(b":UNIT:PRES?") == b":UNIT:PRES MBAR"


def test_what_was_sent_is_returned_with_the_wire_s_digits(pace: DruckPace5000) -> None:
    assert pace.pressure.go(100_000.0 / 3.0, 500.0) == 33_333.3333


def test_a_rate_beyond_the_module_is_refused(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(SetpointError, match="10000 Pa/s; nothing was sent"):
        DruckPace5000(scripted(), clock).pressure.go(100_000.0, 10_001.0)


def test_errors_that_an_earlier_program_left_are_taken(
    twin: SimDruckPace5000, pace: DruckPace5000
) -> None:
    twin.handle(b"NONSENSE")
    assert pace.take() == ("-113 Undefined header",)
    pace.pressure.go(110_000.0)


def test_a_controller_that_can_t_vent_is_not_safe(
    pace: DruckPace5000, world: World, clock: VirtualClock
) -> None:
    pace.pressure.go(150_000.0)
    clock.sleep(60.0)
    world.add_fault("SIM-PACE", Fault("no_vent"))
    with pytest.raises(InstrumentError, match="vent by hand"):
        pace.make_safe()


@pytest.mark.parametrize(
    ("unit", "pascals"),
    [("TORR", 133.3224), ("mmhg", 133.3224), ("CMHG", 1333.224), ("INHG", 3386.389)],
)
def test_columns_of_mercury_are_units(world: World, unit: str, pascals: float) -> None:
    twin = SimDruckPace5000(world, "SIM-PACE", echo_headers=False)
    in_pascals = float(twin.handle(b"UNIT PA;:SENS?"))
    assert float(twin.handle(f"UNIT {unit};:SENS?".encode())) * pascals == pytest.approx(
        in_pascals, rel=2e-5
    )


@pytest.mark.parametrize("unit", ["INH2O", "MMH2O4", "USER1"])
def test_units_of_water_and_of_the_user_are_refused_and_on_record(world: World, unit: str) -> None:
    twin = SimDruckPace5000(world, "SIM-PACE")
    assert twin.handle(f"UNIT {unit};:SYST:ERR?".encode()).endswith(
        b'-224,"Illegal parameter value"'
    )
    assert world.beyond["SIM-PACE"]
