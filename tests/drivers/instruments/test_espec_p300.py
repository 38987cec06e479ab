"""Espec P300: driver and twin, each against the wire as ChamberConnectLibrary documents it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError
from sensorbench.core.units import Dimension, parse
from sensorbench.instruments.espec_p300.driver import EspecP300, _ramp_program
from sensorbench.instruments.espec_p300.twin import SimEspecP300
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.world.world import World

Scripted = Callable[..., Any]


@pytest.fixture
def twin(world: World) -> SimEspecP300:
    return SimEspecP300(world, "SIM-P300")


@pytest.fixture
def chamber(twin: SimEspecP300, clock: VirtualClock) -> EspecP300:
    return EspecP300(InProcessLine(twin, EspecP300.LINE, "chamber"), clock)


# The driver, against written exchanges.


@pytest.mark.parametrize("reply", ["T,P300,200.0", "T,T,P300,200.0"])
def test_the_driver_knows_a_p300_with_and_without_humidity(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    identity = EspecP300(scripted(("TYPE?", reply)), clock).identify()
    assert (identity.manufacturer, identity.model) == ("ESPEC", "P300")


def test_the_driver_sends_the_setpoint_before_the_mode(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("TEMP, S85.0", "OK:TEMP, S85.0"), ("MODE,CONSTANT", "OK:MODE,CONSTANT"))
    EspecP300(line, clock).set_temperature(85.0)


def test_a_small_negative_setpoint_is_not_sent_as_minus_zero(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("TEMP, S0.0", "OK:TEMP, S0.0"), ("MODE,CONSTANT", "OK:MODE,CONSTANT"))
    EspecP300(line, clock).set_temperature(-0.04)


def test_a_ramp_is_a_remote_program_from_the_present_temperature(
    scripted: Scripted, clock: VirtualClock
) -> None:
    program = "RUN PRGM, TEMP23.4 TIME1:42 GOTEMP125.0"  # 101.6 K at 1 K/min: 101.6 min
    line = scripted(("TEMP?", "23.4,23.0,180.0,-75.0"), (program, f"OK:{program}"))
    EspecP300(line, clock).set_temperature(125.0, ramp_k_per_s=1.0 / 60)


def test_a_ramp_to_where_the_air_is_needs_no_program(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("TEMP?", "85.0,85.0,180.0,-75.0"),
        ("TEMP, S85.0", "OK:TEMP, S85.0"),
        ("MODE,CONSTANT", "OK:MODE,CONSTANT"),
    )
    EspecP300(line, clock).set_temperature(85.0, ramp_k_per_s=1.0 / 60)


@given(
    start=st.integers(-750, 1800),
    end=st.integers(-750, 1800),
    ramp_k_per_min=st.floats(0.01, 5.0),
)
def test_a_ramp_is_never_faster_than_asked_nor_a_minute_longer_than_needed(
    start: int, end: int, ramp_k_per_min: float
) -> None:
    program = _ramp_program(start, end, ramp_k_per_min / 60)
    if start == end:
        assert program == ""
        return
    hours, minutes = program.split("TIME")[1].split(" ")[0].split(":")
    sent = 60 * int(hours) + int(minutes)
    needed = abs(end - start) / 10 / ramp_k_per_min
    assert len(minutes) == 2
    assert needed * (1 - 1e-6) <= sent < needed + 1


def test_temperature_and_setpoint_come_before_the_limits(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("TEMP?", "23.4,-40.0,180.0,-75.0"), ("TEMP?", "23.4,-40.0,180.0,-75.0"))
    driver = EspecP300(line, clock)
    assert driver.read_temperature_c() == 23.4
    assert driver.read_setpoint_c() == -40.0


def test_alarm_limits_are_sent_one_by_one(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("TEMP, H130.0", "OK:TEMP, H130.0"), ("TEMP, L-50.0", "OK:TEMP, L-50.0"))
    EspecP300(line, clock).set_alarm_limits(-50.0, 130.0)


@pytest.mark.parametrize(("reply", "alarms"), [("0", ()), ("2,4,7", (4, 7))])
def test_alarms_are_a_count_and_numbers(
    scripted: Scripted, clock: VirtualClock, reply: str, alarms: tuple[int, ...]
) -> None:
    assert EspecP300(scripted(("ALARM?", reply)), clock).read_alarms() == alarms


@pytest.mark.parametrize("reply", ["2,4", "x", ""])
def test_alarms_that_do_not_add_up_are_a_protocol_error(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    with pytest.raises(ProtocolError, match="ALARM"):
        EspecP300(scripted(("ALARM?", reply)), clock).read_alarms()


def test_a_refusal_carries_reason_and_meaning(scripted: Scripted, clock: VirtualClock) -> None:
    driver = EspecP300(scripted(("TEMP, S85.0", "NA:DATA OUT OF RANGE")), clock)
    with pytest.raises(InstrumentError, match="alarm limits") as refused:
        driver.set_temperature(85.0)
    assert (refused.value.command, refused.value.code) == ("TEMP, S85.0", "DATA OUT OF RANGE")


def test_a_setting_that_is_answered_like_a_query_is_noticed(
    scripted: Scripted, clock: VirtualClock
) -> None:
    driver = EspecP300(scripted(("TEMP, S85.0", "23.4,23.0,180.0,-75.0")), clock)
    with pytest.raises(ProtocolError, match=r"expected OK:TEMP, S85\.0"):
        driver.set_temperature(85.0)


def test_make_safe_notices_a_chamber_that_runs_on(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("MODE,STANDBY", "OK:MODE,STANDBY"), ("MODE?", "CONSTANT"))
    with pytest.raises(InstrumentError, match="still runs"):
        EspecP300(line, clock).make_safe()


def test_ramps_faster_than_allowed_are_refused_before_anything_is_sent(
    scripted: Scripted, clock: VirtualClock
) -> None:
    driver = EspecP300(scripted(), clock, limit_k_per_s=2.0 / 60)
    for ramp in (3.0 / 60, 0.0, -1.0, math.nan):
        with pytest.raises(SetpointError, match="ramp"):
            driver.set_temperature(85.0, ramp_k_per_s=ramp)


def test_the_rated_ramp_is_allowed_however_its_unit_was_converted(
    scripted: Scripted, clock: VirtualClock
) -> None:
    rated = EspecP300.RATED_K_PER_S
    for fastest in (
        rated,
        math.nextafter(rated, 1.0),
        parse("300 K/h", Dimension.TEMPERATURE_RATE),
    ):
        EspecP300(scripted(), clock, limit_k_per_s=fastest)


def test_limits_wider_than_rated_are_refused(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(SetpointError, match="rated"):
        EspecP300(scripted(), clock, limits_c=(-80.0, 150.0))
    with pytest.raises(SetpointError, match="ramp limit"):
        EspecP300(scripted(), clock, limit_k_per_s=1.0)
    with pytest.raises(SetpointError, match="rising"):
        EspecP300(scripted(), clock).set_alarm_limits(50.0, 40.0)


# The twin, byte by byte.

REFERENCE = [
    (b"MODE?", b"STANDBY"),
    (b"ALARM?", b"0"),
    (b"TYPE?", b"T,P300,200.0"),
    (b"DATE?", b"26.11/22. SUN"),
    (b"TIME?", b"10:30:00"),
    (b"HUMI?", b"NA:CONT NOT READY-1"),
    (b"CONSTANT SET?,TEMP", b"23.0,ON"),
    (b"CONSTANT SET?,HUMI", b"NA:CONT NOT READY-1"),
    (b"%?", b"1,0.0"),
    (b"RUN PRGM?", b"NA:CONT NOT READY-2"),
    (b"TEMP, S85.0", b"OK:TEMP, S85.0"),
    (b"TEMP, S85.0 H100.0 L-50.0", b"OK:TEMP, S85.0 H100.0 L-50.0"),
    (b"TEMP, H120.0", b"OK:TEMP, H120.0"),
    (b"TEMP, L-40.0", b"OK:TEMP, L-40.0"),
    (b"TEMP, S120.1", b"NA:DATA OUT OF RANGE"),
    (b"TEMP, H180.1", b"NA:DATA OUT OF RANGE"),
    (b"TEMP, S20.05", b"NA:PARA ERR"),
    (b"TEMP, X1", b"NA:PARA ERR"),
    (b"MODE,CONSTANT", b"OK:MODE,CONSTANT"),
    (b"MODE?", b"CONSTANT"),
    (b"MODE,RUN3", b"NA:DATA NOT READY"),
    (b"MODE,STANDBY", b"OK:MODE,STANDBY"),
    (b"POWER,ON", b"OK:POWER,ON"),
    (b"MODE,OFF", b"OK:MODE,OFF"),
    (b"MODE?", b"OFF"),
    (b"SRQ?", b"NA:CMD ERR"),
    (b"", None),
]


def test_the_twin_answers_every_line_as_the_reference_says(twin: SimEspecP300) -> None:
    for sent, reply in REFERENCE:
        assert (sent, twin.handle(sent)) == (sent, reply)


def test_the_twin_reports_temperature_setpoint_high_low(twin: SimEspecP300) -> None:
    twin.handle(b"TEMP, S85.0 H100.0 L-50.0")
    measured, *rest = twin.handle(b"TEMP?").decode().split(",")
    assert float(measured) == pytest.approx(23.0, abs=0.5)
    assert rest == ["85.0", "100.0", "-50.0"]
    assert twin.handle(b"MON?") == f"{measured},,STANDBY,0".encode()


def test_a_remote_program_runs_by_the_clock_and_then_holds(
    twin: SimEspecP300, clock: VirtualClock, world: World
) -> None:
    program = b"RUN PRGM, TEMP23.0 TIME1:30 GOTEMP85.0"
    assert twin.handle(program) == b"OK:" + program
    assert twin.handle(b"MODE?") == b"RUN"
    assert twin.handle(b"MODE?,DETAIL") == b"RMT RUN"
    assert twin.handle(b"RUN PRGM?") == b"TEMP23.0 GOTEMP85.0 TIME1:30 REF9"
    clock.sleep(45 * 60)
    assert twin.handle(b"RUN PRGM MON?") == b"1,54.0,0:45,0"
    assert twin.handle(b"TEMP?").split(b",")[1] == b"54.0"
    assert world.chamber.air_c() == pytest.approx(54.0, abs=0.5)
    clock.sleep(24 * 3600)
    assert twin.handle(b"MODE?,DETAIL") == b"RMT RUN END HOLD"
    assert world.chamber.air_c() == pytest.approx(85.0, abs=0.5)


def test_a_program_without_gotemp_dwells_at_its_start(
    twin: SimEspecP300, clock: VirtualClock
) -> None:
    twin.handle(b"RUN PRGM, TEMP40.0 TIME0:30")
    clock.sleep(1200)
    assert twin.handle(b"TEMP?").startswith(b"40.0,40.0,")


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (b"RUN PRGM, TEMP23.0 TIME0:00 GOTEMP85.0", b"NA:DATA OUT OF RANGE"),
        (b"RUN PRGM, TEMP23.0 TIME0:60 GOTEMP85.0", b"NA:DATA OUT OF RANGE"),
        (b"RUN PRGM, TEMP23.0 TIME1:00 GOTEMP185.0", b"NA:DATA OUT OF RANGE"),
        (b"RUN PRGM, TIME1:00", b"NA:PARA ERR"),
    ],
)
def test_a_program_that_makes_no_sense_is_refused(
    twin: SimEspecP300, sent: bytes, reply: bytes
) -> None:
    assert twin.handle(sent) == reply
    assert twin.handle(b"MODE?") == b"STANDBY"


def test_the_chamber_s_own_sensor_error_ends_up_in_the_air(
    twin: SimEspecP300, clock: VirtualClock, world: World
) -> None:
    for command in (b"TEMP, S85.0", b"MODE,CONSTANT"):
        twin.handle(command)
    clock.sleep(6 * 3600)
    assert twin.handle(b"TEMP?").startswith(b"85.0,85.0,")
    assert 0.001 < abs(world.chamber.air_c() - 85.0) < 0.4


def test_passing_an_alarm_limit_stops_the_plant_until_acknowledged(
    twin: SimEspecP300, clock: VirtualClock, world: World
) -> None:
    for command in (b"TEMP, S85.0", b"MODE,CONSTANT"):
        twin.handle(command)
    clock.sleep(3600)
    twin.handle(b"TEMP, H60.0")
    assert twin.handle(b"ALARM?") == b"1,1"
    assert not world.chamber.running
    assert twin.handle(b"MODE,CONSTANT") == b"NA:CHB NOT READY"
    clock.sleep(24 * 3600)
    twin.acknowledge()
    assert twin.handle(b"TEMP, S50.0") == b"OK:TEMP, S50.0"
    assert twin.handle(b"MODE,CONSTANT") == b"OK:MODE,CONSTANT"
    assert twin.handle(b"ALARM?") == b"0"


def test_heater_output_is_full_below_the_setpoint_and_none_in_standby(
    twin: SimEspecP300, clock: VirtualClock
) -> None:
    for command in (b"TEMP, S125.0", b"MODE,CONSTANT"):
        twin.handle(command)
    assert twin.handle(b"%?") == b"1,100.0"
    clock.sleep(4 * 3600)
    assert 0.0 < float(twin.handle(b"%?").split(b",")[1]) < 100.0
    twin.handle(b"MODE,STANDBY")
    assert twin.handle(b"%?") == b"1,0.0"


# Both together.


def test_the_driver_ramps_the_twin_s_air_no_faster_than_asked(
    chamber: EspecP300, clock: VirtualClock, world: World
) -> None:
    chamber.set_temperature(125.0, ramp_k_per_s=2.0 / 60)
    last = world.chamber.air_c()
    for _ in range(90):
        clock.sleep(60)
        now = world.chamber.air_c()
        assert now - last <= 2.0 + 1e-6
        last = now
    assert chamber.read_temperature_c() == pytest.approx(125.0, abs=0.2)
    assert chamber.read_mode() == "RUN"


def test_an_alarm_reaches_the_driver(twin: SimEspecP300, chamber: EspecP300) -> None:
    twin.alarm(7)
    assert chamber.read_alarms() == (7,)
    with pytest.raises(InstrumentError, match="CHB NOT READY"):
        chamber.set_temperature(85.0)
    chamber.make_safe()


def test_a_plain_pyserial_script_talks_to_the_twin_on_its_pty() -> None:
    import serial  # noqa: PLC0415 - heavy

    twin = SimEspecP300(World(RealClock(speed=3600.0), seed=1), "SIM-P300")
    with PtyMount(twin) as mount, serial.Serial(mount.address, 9600, timeout=3) as port:

        def ask(line: bytes) -> bytes:
            port.write(line + b"\r\n")
            return port.read_until(b"\r\n")

        assert ask(b"TYPE?") == b"T,P300,200.0\r\n"
        assert ask(b"TEMP, S40.0") == b"OK:TEMP, S40.0\r\n"
        assert ask(b"MODE,CONSTANT") == b"OK:MODE,CONSTANT\r\n"
        assert ask(b"NONSENSE") == b"NA:CMD ERR\r\n"
        deadline = time.monotonic() + 10
        while float(ask(b"TEMP?").split(b",")[0]) < 39.7 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert float(ask(b"TEMP?").split(b",")[0]) == pytest.approx(40.0, abs=0.5)
        assert ask(b"MON?").split(b",")[1:] == [b"", b"CONSTANT", b"0\r\n"]
