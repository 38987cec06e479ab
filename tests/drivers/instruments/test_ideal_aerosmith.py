"""Ideal Aerosmith rate table: driver and twin on the wire, then together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, LinkTimeout, ProtocolError, SetpointError
from sensorbench.core.quantity import components
from sensorbench.instruments.ideal_aerosmith.driver import IdealAerosmith
from sensorbench.instruments.ideal_aerosmith.twin import SimIdealAerosmith
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.world.world import Fault, Place, World

Scripted = Callable[..., Any]


@pytest.fixture
def twin(world: World) -> SimIdealAerosmith:
    return SimIdealAerosmith(world, "SIM-RT")


@pytest.fixture
def table(twin: SimIdealAerosmith, clock: VirtualClock) -> IdealAerosmith:
    return IdealAerosmith(InProcessLine(twin, IdealAerosmith.LINE, "table"), clock)


def rate(twin: SimIdealAerosmith, now: float) -> float:
    return components(twin.drives["angular_rate"].at(now))[0]


# -- the driver on the wire --------------------------------------------------------------------


def test_turning_sets_acceleration_and_servo_before_the_rate(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("ACL100", ""), ("ACL?", "100"), ("SRV1", ""), ("JOG60", ""))
    assert IdealAerosmith(line, clock).angular_rate.go(60.0) == 60.0


def test_a_ramp_is_an_acceleration(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("ACL12.5", ""), ("ACL?", "12.5"), ("SRV1", ""), ("JOG-360", ""))
    assert IdealAerosmith(line, clock).angular_rate.go(-360.0, rate=12.5) == -360.0


def test_the_wire_takes_whole_degrees_a_second(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("ACL20", ""), ("ACL?", "20"), ("SRV1", ""), ("JOG13", ""))
    assert IdealAerosmith(line, clock, acceleration="20 deg/s2").angular_rate.go(12.7) == 13.0


@pytest.mark.parametrize("held", ["100", "11", "0"])
def test_an_acceleration_that_it_did_not_take_turns_nothing(
    scripted: Scripted, clock: VirtualClock, held: str
) -> None:
    line = scripted(("ACL12.5", ""), ("ACL?", held))
    with pytest.raises(InstrumentError, match=r"'ACL12\.5' refused.*It was not told to turn"):
        IdealAerosmith(line, clock).angular_rate.go(60.0, rate=12.5)


def test_anything_but_the_prompt_is_a_refusal(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("ACL100", ""), ("ACL?", "100"), ("SRV1", "E-STOP ACTIVE"))
    with pytest.raises(InstrumentError, match="'SRV1' refused: E-STOP ACTIVE"):
        IdealAerosmith(line, clock).angular_rate.go(60.0)


def test_an_echo_is_no_refusal(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("STO", "STO"), ("PVE?", "PVE?\r\n-59.9981"))
    table = IdealAerosmith(line, clock)
    table.angular_rate.release()
    assert table.angular_rate.read() == -59.9981


@pytest.mark.parametrize("reply", ["", "nan", "inf", "12,5", "> 1"])
def test_what_is_no_number_is_no_rate(scripted: Scripted, clock: VirtualClock, reply: str) -> None:
    line = scripted(("PVE?", reply))
    with pytest.raises(ProtocolError, match=r"'PVE\?' answered .* expected a number"):
        IdealAerosmith(line, clock).angular_rate.read()


@pytest.mark.parametrize("target", [360.1, -361.0])
def test_beyond_its_rating_nothing_is_sent(
    scripted: Scripted, clock: VirtualClock, target: float
) -> None:
    with pytest.raises(SetpointError, match="nothing was sent"):
        IdealAerosmith(scripted(), clock).angular_rate.go(target)
    with pytest.raises(SetpointError, match="nothing was sent"):
        IdealAerosmith(scripted(), clock).angular_rate.go(10.0, rate=101.0)
    with pytest.raises(SetpointError, match="nothing was sent"):
        IdealAerosmith(scripted(), clock).angular_rate.go(10.0, rate=0.5)


@pytest.mark.parametrize("acceleration", ["0 deg/s2", "200 deg/s2", "-1 deg/s2"])
def test_an_acceleration_that_cannot_be_is_refused(
    scripted: Scripted, clock: VirtualClock, acceleration: str
) -> None:
    with pytest.raises(ValueError, match="must be above 0 and at most 100 deg/s2"):
        IdealAerosmith(scripted(), clock, acceleration=acceleration)


def test_another_instrument_is_refused(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("ACL?", "ERR 5"))
    with pytest.raises(ProtocolError, match="is this an Aerosmith table"):
        IdealAerosmith(line, clock).identify()


# -- the twin on the wire ----------------------------------------------------------------------


def test_the_twin_answers_actions_with_the_prompt_alone(twin: SimIdealAerosmith) -> None:
    assert twin.reply_terminator == b"\r\n>\r\n"
    for action in (b"SRV1", b"ACL100", b"JOG60", b"STO", b"HOM", b"CLU1", b"CAL"):
        assert twin.handle(action) == b""
    assert list(twin.beyond) == ["HOM", "CLU1", "CAL"]


def test_the_twin_answers_queries(twin: SimIdealAerosmith) -> None:
    twin.handle(b"SRV1")
    twin.handle(b"ACL25")
    twin.handle(b"JOG-15")
    assert twin.handle(b"ACL?") == b"25"
    assert twin.handle(b"JOG?") == b"-15"


@pytest.mark.parametrize(
    "line",
    [b"JOG361", b"JOG-361", b"JOG12.5", b"JOG", b"ACL0", b"SRV2", b"STO1", b"XYZ1", b"jog 5"],
)
def test_the_twin_refuses_what_it_cannot_do(twin: SimIdealAerosmith, line: bytes) -> None:
    twin.handle(b"SRV1")
    assert twin.handle(line)


def test_without_its_servo_it_does_not_turn(twin: SimIdealAerosmith, clock: VirtualClock) -> None:
    assert twin.handle(b"JOG60") == b"SERVO IS OFF"
    clock.sleep(10.0)
    assert rate(twin, clock.now()) == 0.0


# -- driver and twin ---------------------------------------------------------------------------


@given(st.integers(-360, 360))
def test_every_whole_rate_is_reached_and_read(target: int) -> None:
    clock = VirtualClock()
    twin = SimIdealAerosmith(World(clock, seed=7), "SIM-RT")
    table = IdealAerosmith(InProcessLine(twin, IdealAerosmith.LINE, "table"), clock)
    assert table.angular_rate.go(float(target)) == target
    clock.sleep(abs(target) / 100.0 + 1.0)
    assert rate(twin, clock.now()) == pytest.approx(target, rel=3e-4, abs=1e-9)
    assert table.angular_rate.read() == pytest.approx(target, rel=3e-4, abs=3e-3)


def test_it_changes_no_faster_than_its_acceleration(
    table: IdealAerosmith, twin: SimIdealAerosmith, clock: VirtualClock
) -> None:
    table.angular_rate.go(100.0, rate=20.0)
    for _ in range(10):
        before = rate(twin, clock.now())
        clock.sleep(0.5)
        assert rate(twin, clock.now()) - before <= 10.0 * 1.001
    assert rate(twin, clock.now()) == pytest.approx(98.0, abs=2.0)


def test_a_part_turns_about_what_points_up(
    table: IdealAerosmith, twin: SimIdealAerosmith, world: World, clock: VirtualClock
) -> None:
    world.zone().bind("angular_rate", twin.drives["angular_rate"])
    table.angular_rate.go(90.0)
    clock.sleep(5.0)
    times = clock.now() + np.arange(2000) / 100.0
    felt = Place(world, "7").angular_rate(times)
    assert felt[:, 2] == pytest.approx([90.0] * 2000, rel=2e-4)
    assert np.abs(felt[:, :2]).max() == 0.0
    assert 1e-5 < felt[:, 2].std() / 90.0 < 1e-4  # its ripple


def test_release_stops_and_make_safe_waits_until_it_stands(
    table: IdealAerosmith, twin: SimIdealAerosmith, clock: VirtualClock
) -> None:
    table.angular_rate.go(360.0)
    clock.sleep(10.0)
    table.angular_rate.release()
    assert rate(twin, clock.now()) > 300.0
    table.make_safe()
    assert abs(rate(twin, clock.now())) < 0.6


def test_make_safe_is_patient_with_a_slow_table(
    table: IdealAerosmith, twin: SimIdealAerosmith, clock: VirtualClock
) -> None:
    table.angular_rate.go(360.0, rate=10.0)
    clock.sleep(60.0)
    table.make_safe()
    assert abs(rate(twin, clock.now())) < 0.6


def test_a_table_that_goes_on_turning_is_told(
    table: IdealAerosmith, world: World, clock: VirtualClock
) -> None:
    table.angular_rate.go(100.0)
    clock.sleep(5.0)
    world.add_fault("SIM-RT", Fault("seized"))
    with pytest.raises(
        InstrumentError, match=r"100.* deg/s the table still turns; press its emergency"
    ):
        table.make_safe()


def test_a_silent_table_times_out(table: IdealAerosmith, world: World) -> None:
    world.add_fault("SIM-RT", Fault("silent"))
    with pytest.raises(LinkTimeout):
        table.angular_rate.read()


def test_identifying_changes_nothing(
    table: IdealAerosmith, twin: SimIdealAerosmith, clock: VirtualClock
) -> None:
    table.angular_rate.go(50.0, rate=33.0)
    clock.sleep(10.0)
    assert table.identify().manufacturer == "Ideal Aerosmith"
    assert twin.handle(b"ACL?") == b"33"
    assert rate(twin, clock.now()) == pytest.approx(50.0, rel=1e-3)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pty")
def test_driver_and_twin_talk_over_a_real_serial_port() -> None:
    clock = RealClock()
    twin = SimIdealAerosmith(World(clock, seed=7), "SIM-RT")
    with (
        PtyMount(twin) as mount,
        SerialLine(mount.address, IdealAerosmith.LINE, "table") as line,
    ):
        table = IdealAerosmith(line, clock)
        table.identify()
        assert table.angular_rate.go(2.0) == 2.0
        assert abs(table.angular_rate.read()) < 2.1
        table.make_safe()
