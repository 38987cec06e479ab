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
from sensorbench.instruments.espec_p300.driver import EspecP300
from sensorbench.instruments.espec_p300.twin import SimEspecP300
from sensorbench.instruments.espec_p300.twin_program import read_program
from sensorbench.instruments.espec_p300.wire import Running, program, ramp_minutes, read_running
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.world.world import Fault, Place, World

Scripted = Callable[..., Any]


@pytest.fixture
def twin(world: World) -> SimEspecP300:
    return SimEspecP300(world, "SIM-P300")


def air_c(twin: SimEspecP300) -> float:
    """Return the true air temperature."""
    return value(twin, "temperature")


def value(twin: SimEspecP300, member: str) -> float:
    """Return what the air has of a quantity now."""
    found = twin.drives[member].at(twin._clock.now())
    assert isinstance(found, float)
    return found


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


STANDBY, CONSTANT, RUN = ("MODE?", "STANDBY"), ("MODE?", "CONSTANT"), ("MODE?", "RUN")
DRY = ("HUMI?", "NA:CONT NOT READY-1")


def accepted(*commands: str) -> list[tuple[str, str]]:
    return [(command, f"OK:{command}") for command in commands]


def test_the_driver_sends_the_setpoint_before_the_mode(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(STANDBY, DRY, *accepted("TEMP, S85.0", "MODE,CONSTANT"))
    assert EspecP300(line, clock).temperature.go(85.0) == 85.0


def test_what_is_sent_has_one_decimal_and_is_returned(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(CONSTANT, *accepted("TEMP, S84.9", "MODE,CONSTANT"))
    assert EspecP300(line, clock).temperature.go(84.94) == 84.9


def test_a_small_negative_setpoint_is_not_sent_as_minus_zero(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(CONSTANT, *accepted("TEMP, S0.0", "MODE,CONSTANT"))
    EspecP300(line, clock).temperature.go(-0.04)


def test_a_stopped_chamber_does_not_start_with_the_humidity_of_somebody_before(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        STANDBY, ("HUMI?", "45,85,100,0"), *accepted("HUMI,SOFF", "TEMP, S150.0", "MODE,CONSTANT")
    )
    EspecP300(line, clock).temperature.go(150.0)


def test_a_ramp_is_a_remote_program_from_the_present_temperature(
    scripted: Scripted, clock: VirtualClock
) -> None:
    program = "RUN PRGM, TEMP23.4 TIME1:42 GOTEMP125.0"  # 101.6 K at 1 K/min: 101.6 min
    line = scripted(("TEMP?", "23.4,23.0,180.0,-75.0"), STANDBY, *accepted(program))
    assert EspecP300(line, clock).temperature.go(125.0, 1.0 / 60) == 125.0


@pytest.mark.parametrize(
    ("humidity", "kept"),
    [("51,50,100,0", " HUMI50 GOHUMI50"), ("51,OFF,100,0", ""), ("NA:CONT NOT READY-1", "")],
)
def test_a_ramp_keeps_the_humidity_control_as_it_is(
    scripted: Scripted, clock: VirtualClock, humidity: str, kept: str
) -> None:
    program = f"RUN PRGM, TEMP23.4 TIME1:42 GOTEMP125.0{kept}"
    line = scripted(
        ("TEMP?", "23.4,23.0,180.0,-75.0"), CONSTANT, ("HUMI?", humidity), *accepted(program)
    )
    EspecP300(line, clock).temperature.go(125.0, 1.0 / 60)


def test_a_ramp_from_beyond_an_alarm_limit_starts_at_the_limit(
    scripted: Scripted, clock: VirtualClock
) -> None:
    program = "RUN PRGM, TEMP-75.0 TIME1:15 GOTEMP0.0"
    line = scripted(("TEMP?", "-75.2,-75.0,180.0,-75.0"), STANDBY, *accepted(program))
    EspecP300(line, clock).temperature.go(0.0, 1.0 / 60)


def test_a_ramp_to_where_the_air_is_needs_no_program(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("TEMP?", "85.0,85.0,180.0,-75.0"), CONSTANT, *accepted("TEMP, S85.0", "MODE,CONSTANT")
    )
    EspecP300(line, clock).temperature.go(85.0, 1.0 / 60)


@given(
    start=st.integers(-750, 1800),
    end=st.integers(-750, 1800),
    ramp_k_per_min=st.floats(0.01, 5.0),
)
def test_a_ramp_is_never_faster_than_asked_nor_a_minute_longer_than_needed(
    start: int, end: int, ramp_k_per_min: float
) -> None:
    minutes = ramp_minutes(start, end, ramp_k_per_min / 60)
    needed = abs(end - start) / 10 / ramp_k_per_min
    assert needed * (1 - 1e-6) <= minutes < needed + 1
    assert (minutes == 0) == (start == end)


@given(
    start=st.integers(-750, 1800),
    end=st.integers(-750, 1800),
    minutes=st.integers(1, 6000),
    humidity=st.none() | st.integers(0, 100),
)
def test_the_twin_understands_every_program_as_it_was_meant(
    start: int, end: int, minutes: int, humidity: int | None
) -> None:
    found = read_program(program(start, end, minutes, humidity), 0.0)
    assert (found.start_c, found.end_c) == (start / 10, end / 10)
    assert (found.duration_s, found.end_rh) == (minutes * 60, humidity)
    assert read_running(found.shown(), f"1,{start / 10:.1f},0:07,0") == Running(start, end, 7)


def test_humidity_is_sent_as_whole_percent(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(CONSTANT, *accepted("HUMI, S85"))
    assert EspecP300(line, clock).humidity.go(84.7) == 85.0


def test_humidity_alone_holds_a_stopped_chamber_where_its_air_is(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        STANDBY,
        ("TEMP?", "23.4,150.0,180.0,-75.0"),
        *accepted("TEMP, S23.4", "HUMI, S50", "MODE,CONSTANT"),
    )
    EspecP300(line, clock).humidity.go(50.0)


def test_humidity_in_a_ramp_lets_the_ramp_go_on_no_faster(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        RUN,
        *accepted("HUMI, S60"),
        ("RUN PRGM?", "TEMP23.0 GOTEMP85.0 HUMI50 GOHUMI50 TIME1:30 REF9"),
        ("RUN PRGM MON?", "1,54.0,50,0:45,0"),
        *accepted("RUN PRGM, TEMP54.0 TIME0:46 GOTEMP85.0 HUMI60 GOHUMI60"),
    )
    EspecP300(line, clock).humidity.go(60.0)


def test_humidity_after_a_ramp_holds_its_end(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        RUN,
        *accepted("HUMI, S60"),
        ("RUN PRGM?", "TEMP23.0 GOTEMP85.0 TIME1:30 REF9"),
        ("RUN PRGM MON?", "1,85.0,OFF,0:00,0"),
        *accepted("TEMP, S85.0", "MODE,CONSTANT"),
    )
    EspecP300(line, clock).humidity.go(60.0)


def test_released_humidity_is_off_and_the_temperature_goes_on(
    scripted: Scripted, clock: VirtualClock
) -> None:
    EspecP300(scripted(*accepted("HUMI,SOFF"), CONSTANT), clock).humidity.release()


@pytest.mark.parametrize("bad", ["NaN", "-----", "inf", ""])
def test_a_reading_that_is_no_number_is_an_error(
    scripted: Scripted, clock: VirtualClock, bad: str
) -> None:
    with pytest.raises(ProtocolError, match="TEMP"):
        EspecP300(scripted(("TEMP?", f"{bad},85.0,180.0,-75.0")), clock).temperature.read()
    with pytest.raises(ProtocolError, match="HUMI"):
        EspecP300(scripted(("HUMI?", f"{bad},85,100,0")), clock).humidity.read()


@pytest.mark.parametrize(
    ("asked", "sent", "holds"),
    [
        ((-50.0, 130.0), ("TEMP, H130.0", "TEMP, L-50.0"), "23.4,23.0,130.0,-50.0"),
        ((None, 129.97), ("TEMP, H129.9",), "23.4,23.0,129.9,-60.0"),
        ((-39.97, None), ("TEMP, L-39.9",), "23.4,23.0,150.0,-39.9"),
        ((-70.0, 170.0), (), "23.4,23.0,150.0,-60.0"),
    ],
)
def test_protection_is_only_narrowed_each_end_by_itself(
    scripted: Scripted,
    clock: VirtualClock,
    asked: tuple[float | None, float | None],
    sent: tuple[str, ...],
    holds: str,
) -> None:
    line = scripted(("TEMP?", "23.4,23.0,150.0,-60.0"), *accepted(*sent), ("TEMP?", holds))
    _, _, high, low = (float(field) for field in holds.split(","))
    assert EspecP300(line, clock).temperature.protect(*asked) == (low, high)


def test_protection_that_leaves_no_range_is_refused(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("TEMP?", "23.4,23.0,150.0,-60.0"))
    with pytest.raises(SetpointError, match="Nothing was sent"):
        EspecP300(line, clock).temperature.protect(None, -61.0)


def test_the_measured_value_comes_first(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("TEMP?", "23.4,-40.0,180.0,-75.0"), ("HUMI?", "51,OFF,100,0"))
    driver = EspecP300(line, clock)
    assert driver.temperature.read() == 23.4
    assert driver.humidity.read() == 51.0


@pytest.mark.parametrize(("reply", "alarms"), [("0", []), ("2,4,7", ["alarm 4", "alarm 7"])])
def test_alarms_are_told_in_words(
    scripted: Scripted, clock: VirtualClock, reply: str, alarms: list[str]
) -> None:
    found = EspecP300(scripted(("ALARM?", reply)), clock).read_alarms()
    assert [text.split(" (")[0] for text in found] == alarms


@pytest.mark.parametrize("reply", ["2,4", "x", ""])
def test_alarms_that_do_not_add_up_are_a_protocol_error(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    with pytest.raises(ProtocolError, match="ALARM"):
        EspecP300(scripted(("ALARM?", reply)), clock).read_alarms()


def test_a_refusal_carries_reason_and_meaning(scripted: Scripted, clock: VirtualClock) -> None:
    driver = EspecP300(scripted(CONSTANT, ("TEMP, S85.0", "NA:DATA OUT OF RANGE")), clock)
    with pytest.raises(InstrumentError, match="alarm limits") as refused:
        driver.temperature.go(85.0)
    assert (refused.value.command, refused.value.code) == ("TEMP, S85.0", "DATA OUT OF RANGE")


def test_a_setting_that_is_answered_like_a_query_is_noticed(
    scripted: Scripted, clock: VirtualClock
) -> None:
    driver = EspecP300(scripted(CONSTANT, ("TEMP, S85.0", "23.4,23.0,180.0,-75.0")), clock)
    with pytest.raises(ProtocolError, match=r"expected OK:TEMP, S85\.0"):
        driver.temperature.go(85.0)


def test_make_safe_notices_a_chamber_that_runs_on(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("MODE,STANDBY", "OK:MODE,STANDBY"), ("MODE?", "CONSTANT"))
    with pytest.raises(InstrumentError, match="still runs"):
        EspecP300(line, clock).make_safe()


@pytest.mark.parametrize("ramp_k_per_s", [5.1 / 60, 0.0, -1.0, math.nan])
def test_ramps_faster_than_rated_are_refused_before_anything_is_sent(
    scripted: Scripted, clock: VirtualClock, ramp_k_per_s: float
) -> None:
    with pytest.raises(SetpointError, match="rate"):
        EspecP300(scripted(), clock).temperature.go(85.0, ramp_k_per_s)


def test_the_rated_ramp_is_allowed_however_its_unit_was_converted(
    scripted: Scripted, clock: VirtualClock
) -> None:
    program = "RUN PRGM, TEMP20.0 TIME0:10 GOTEMP70.0"
    for fastest in (
        5.0 / 60,
        math.nextafter(5.0 / 60, 1.0),
        parse("300 K/h", Dimension.TEMPERATURE_RATE),
    ):
        line = scripted(("TEMP?", "20.0,20.0,180.0,-75.0"), STANDBY, *accepted(program))
        EspecP300(line, clock).temperature.go(70.0, fastest)


# The twin, byte by byte.

REFERENCE = [
    (b"MODE?", b"STANDBY"),
    (b"ALARM?", b"0"),
    (b"TYPE?", b"T,T,P300,200.0"),
    (b"DATE?", b"26.11/22. SUN"),
    (b"TIME?", b"10:30:00"),
    (b"HUMI?", b"44,OFF,100,0"),
    (b"CONSTANT SET?,TEMP", b"23.0,ON"),
    (b"CONSTANT SET?,HUMI", b"50,OFF"),
    (b"CONSTANT SET?,PTC", b"NA:CONT NOT READY-1"),
    (b"%?", b"2,0.0,0.0"),
    (b"RUN PRGM?", b"NA:CONT NOT READY-2"),
    (b"TEMP, S85.0", b"OK:TEMP, S85.0"),
    (b"TEMP, S85.0 H100.0 L-50.0", b"OK:TEMP, S85.0 H100.0 L-50.0"),
    (b"TEMP, H120.0", b"OK:TEMP, H120.0"),
    (b"TEMP, L-40.0", b"OK:TEMP, L-40.0"),
    (b"TEMP, S120.1", b"NA:DATA OUT OF RANGE"),
    (b"TEMP, H180.1", b"NA:DATA OUT OF RANGE"),
    (b"TEMP, S20.05", b"NA:PARA ERR"),
    (b"TEMP, X1", b"NA:PARA ERR"),
    (b"HUMI, S85", b"OK:HUMI, S85"),
    (b"CONSTANT SET?,HUMI", b"85,ON"),
    (b"HUMI, S85.0 H90.0 L10.0", b"OK:HUMI, S85.0 H90.0 L10.0"),
    (b"HUMI?", b"44,85,90,10"),
    (b"HUMI, S91", b"NA:DATA OUT OF RANGE"),
    (b"HUMI, H101", b"NA:DATA OUT OF RANGE"),
    (b"HUMI, S", b"NA:PARA ERR"),
    (b"HUMI,SOFF", b"OK:HUMI,SOFF"),
    (b"HUMI?", b"44,OFF,90,10"),
    (b"MODE,CONSTANT", b"OK:MODE,CONSTANT"),
    (b"MODE?", b"CONSTANT"),
    (b"MODE,RUN3", b"NA:DATA NOT READY"),
    (b"MODE,STANDBY", b"OK:MODE,STANDBY"),
    (b"POWER,ON", b"OK:POWER,ON"),
    (b"MODE,OFF", b"OK:MODE,OFF"),
    (b"MODE?", b"OFF"),
    (b"POWER,ON", b"OK:POWER,ON"),
    (b"POWER,off", b"OK:POWER,off"),  # as ChamberConnectLibrary sends it
    (b"SRQ?", b"00010000"),
    (b"SRQ,RESET", b"OK:SRQ,RESET"),
    (b"SRQ?", b"00000000"),
    (b"SRQ,SET", b"NA:PARA ERR"),
    (b"MASK?", b"00000000"),
    (b"MASK,01010010", b"OK:MASK,01010010"),
    (b"MASK?", b"01010010"),
    (b"MASK,11111111", b"NA:PARA ERR"),
    (b"SET?", b"REF9"),
    (b"CONSTANT SET?,REF", b"AUTO"),
    (b"SET,REF3", b"OK:SET,REF3"),
    (b"SET?", b"REF3"),
    (b"CONSTANT SET?,REF", b"50"),
    (b"SET,REF5", b"NA:PARA ERR"),
    (b"REF?", b"2,OFF1,OFF2"),
    (b"MODE,CONSTANT", b"OK:MODE,CONSTANT"),
    (b"REF?", b"2,ON1,ON2"),
    (b"SET,REF0", b"OK:SET,REF0"),
    (b"REF?", b"2,OFF1,OFF2"),
    (b"RELAY?", b"0"),
    (b"RELAY,ON,1,2,12", b"OK:RELAY,ON,1,2,12"),
    (b"RELAY,OFF,2", b"OK:RELAY,OFF,2"),
    (b"RELAY?", b"2,1,12"),
    (b"CONSTANT SET?,RELAY", b"2,1,12"),
    (b"RELAY,ON,13", b"NA:DATA OUT OF RANGE"),
    (b"RELAY,ON", b"NA:PARA ERR"),
    (b"TIMER ON?", b"0"),
    (b"TIMER USE?", b"0"),
    (b"TIMER LIST?,1", b"NA:DATA NOT READY"),
    (b"PRGM USE?,RAM", b"0"),
    (b"PRGM USE?,RAM:1", b"NA:DATA NOT READY"),
    (b"PRGM DATA?,RAM:1", b"NA:DATA NOT READY"),
    (b"PRGM DATA?,RAM:1,STEP1", b"NA:DATA NOT READY"),
    (b"PRGM DATA?,RAM:1,DETAIL", b"NA:DATA NOT READY"),
    (b"PRGM SET?", b"NA:CONT NOT READY-2"),
    (b"PRGM MON?", b"NA:CONT NOT READY-2"),
    (b"ROM?", b"SIMULATED 1.00"),
    (b"ROM?,DISP", b"SIMULATED 1.00"),
    (b"SYSTEM SET?,PTCOPT", b"OFF"),
    (b"TEMP PTC?", b"NA:CONT NOT READY-1"),
    (b"KEYPROTECT?", b"OFF"),
    (b"KEYPROTECT,ON", b"OK:KEYPROTECT,ON"),
    (b"KEYPROTECT?", b"ON"),
    (b"TEMP, S50.0", b"OK:TEMP, S50.0"),  # the keys of the panel are locked, not the line
    (b"KEYPROTECT,off", b"OK:KEYPROTECT,off"),
    (b"KEYPROTECT?", b"OFF"),
    (b"MODE,OFF", b"OK:MODE,OFF"),
    (b"KEYPROTECT,ON", b"NA:CONT NOT READY-4"),
    (b"", None),
]


def test_the_twin_answers_every_line_as_the_reference_says(twin: SimEspecP300) -> None:
    for sent, reply in REFERENCE:
        assert (sent, twin.handle(sent)) == (sent, reply)


def test_programs_and_timers_can_t_be_written_and_that_is_on_record(
    twin: SimEspecP300, world: World
) -> None:
    for sent in (b"PRGM DATA WRITE,PGM1,EDIT START", b"TIMER WRITE,NO0,1:00,OFF", b"PTC,1,2"):
        assert (sent, twin.handle(sent)) == (sent, b"NA:CMD ERR")
    assert list(world.beyond["SIM-P300"]) == ["PRGM DATA WRITE", "TIMER WRITE", "PTC"]


def test_data_that_is_protected_at_the_panel_can_t_be_set_but_the_plant_can_be_stopped(
    twin: SimEspecP300,
) -> None:
    twin.handle(b"MODE,CONSTANT")
    twin.panel.data_protected = True
    assert twin.handle(b"TEMP, S50.0") == b"NA:PROTECT ON"
    assert twin.handle(b"RELAY,ON,1") == b"NA:PROTECT ON"
    assert twin.handle(b"MODE,STANDBY") == b"OK:MODE,STANDBY"
    twin.panel.data_protected = False
    assert twin.handle(b"TEMP, S50.0") == b"OK:TEMP, S50.0"


def test_a_remote_program_switches_time_signals(twin: SimEspecP300) -> None:
    twin.handle(b"RELAY,ON,3")
    program = b"RUN PRGM, TEMP23.0 TIME1:0 GOTEMP50.0 RELAYON,1,2 RELAYOFF,3"
    assert twin.handle(program) == b"OK:" + program
    assert twin.handle(b"RELAY?") == b"2,1,2"
    assert twin.handle(b"RUN PRGM?") == b"TEMP23.0 GOTEMP50.0 TIME1:00 REF9 RELAYON,1,2"
    refused = b"RUN PRGM, TEMP23.0 TIME1:0 GOTEMP50.0 RELAYON,13"
    assert twin.handle(refused) == b"NA:DATA OUT OF RANGE"


def test_requests_for_service_name_alarms_and_the_end_of_a_remote_program(
    twin: SimEspecP300, clock: VirtualClock
) -> None:
    twin.handle(b"RUN PRGM, TEMP23.0 TIME0:30 GOTEMP25.0")
    twin.handle(b"SRQ,RESET")
    assert twin.handle(b"SRQ?") == b"00000000"
    clock.sleep(1800.0)
    assert twin.handle(b"SRQ?") == b"00100000"
    twin.handle(b"SRQ,RESET")
    twin.alarm(4)
    assert twin.handle(b"SRQ?")[:4] == b"0101"


def test_every_query_of_chamberconnectlibrary_is_known(twin: SimEspecP300) -> None:
    asked = set(twin.understood())
    assert {"ROM?", "SRQ?", "MASK?", "TIMER ON?", "TIMER USE?", "ALARM?", "KEYPROTECT?", "TYPE?",
            "MODE?", "MON?", "TEMP?", "HUMI?", "SET?", "REF?", "RELAY?", "%?", "PRGM MON?",
            "PRGM SET?", "RUN PRGM?", "RUN PRGM MON?", "MON PTC?", "SET PTC?"} <= asked  # fmt: skip
    assert not any(
        twin.handle(query.replace("<n>", "1").encode()) == b"NA:CMD ERR"
        for query in asked
        if "?" in query
    )


def test_a_chamber_without_humidity_says_so(world: World) -> None:
    twin = SimEspecP300(world, "SIM-DRY", humidity=False)
    for sent in (b"HUMI?", b"CONSTANT SET?,HUMI", b"HUMI, S50", b"HUMI,SOFF"):
        assert (sent, twin.handle(sent)) == (sent, b"NA:CONT NOT READY-1")
    assert twin.handle(b"TYPE?") == b"T,P300,200.0"
    assert twin.handle(b"%?") == b"1,0.0"
    assert twin.handle(b"MON?").split(b",")[1] == b""
    assert set(twin.drives) == {"temperature"}
    program = b"RUN PRGM, TEMP23.0 TIME1:30 GOTEMP85.0 HUMI50 GOHUMI50"
    assert twin.handle(program) == b"NA:CONT NOT READY-1"


def test_the_twin_reports_temperature_setpoint_high_low(twin: SimEspecP300) -> None:
    twin.handle(b"TEMP, S85.0 H100.0 L-50.0")
    measured, *rest = twin.handle(b"TEMP?").decode().split(",")
    humidity = twin.handle(b"HUMI?").decode().split(",")[0]
    assert float(measured) == pytest.approx(23.0, abs=0.5)
    assert rest == ["85.0", "100.0", "-50.0"]
    assert twin.handle(b"MON?") == f"{measured},{humidity},STANDBY,0".encode()


def test_a_remote_program_runs_by_the_clock_and_then_holds(
    twin: SimEspecP300, clock: VirtualClock
) -> None:
    program = b"RUN PRGM, TEMP23.0 TIME1:30 GOTEMP85.0"
    assert twin.handle(program) == b"OK:" + program
    assert twin.handle(b"MODE?") == b"RUN"
    assert twin.handle(b"MODE?,DETAIL") == b"RMT RUN"
    assert twin.handle(b"RUN PRGM?") == b"TEMP23.0 GOTEMP85.0 TIME1:30 REF9"
    clock.sleep(45 * 60)
    assert twin.handle(b"RUN PRGM MON?") == b"1,54.0,OFF,0:45,0"
    assert twin.handle(b"TEMP?").split(b",")[1] == b"54.0"
    assert air_c(twin) == pytest.approx(54.0, abs=0.5)
    clock.sleep(24 * 3600)
    assert twin.handle(b"MODE?,DETAIL") == b"RMT RUN END HOLD"
    assert air_c(twin) == pytest.approx(85.0, abs=0.5)


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
    twin: SimEspecP300, clock: VirtualClock
) -> None:
    for command in (b"TEMP, S85.0", b"MODE,CONSTANT"):
        twin.handle(command)
    clock.sleep(6 * 3600)
    assert twin.handle(b"TEMP?").startswith(b"85.0,85.0,")
    assert 0.001 < abs(air_c(twin) - 85.0) < 0.4


def test_passing_an_alarm_limit_stops_the_plant_until_acknowledged(
    twin: SimEspecP300, clock: VirtualClock
) -> None:
    for command in (b"TEMP, S85.0", b"MODE,CONSTANT"):
        twin.handle(command)
    clock.sleep(3600)
    twin.handle(b"TEMP, H60.0")
    assert twin.handle(b"ALARM?") == b"1,1"
    assert not twin.running
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
    assert twin.handle(b"%?") == b"2,100.0,0.0"
    clock.sleep(4 * 3600)
    assert 0.0 < float(twin.handle(b"%?").split(b",")[1]) < 100.0
    twin.handle(b"MODE,STANDBY")
    assert twin.handle(b"%?") == b"2,0.0,0.0"


# Both together.


def test_the_driver_ramps_the_twin_s_air_no_faster_than_asked(
    twin: SimEspecP300, chamber: EspecP300, clock: VirtualClock
) -> None:
    chamber.temperature.go(125.0, rate=2.0 / 60)
    last = air_c(twin)
    for _ in range(90):
        clock.sleep(60)
        now = air_c(twin)
        assert now - last <= 2.0 + 1e-6
        last = now
    assert chamber.temperature.read() == pytest.approx(125.0, abs=0.2)
    assert chamber.read_mode() == "RUN"


def test_an_alarm_reaches_the_driver(twin: SimEspecP300, chamber: EspecP300) -> None:
    twin.alarm(7)
    assert chamber.read_alarms()[0].startswith("alarm 7")
    with pytest.raises(InstrumentError, match="CHB NOT READY"):
        chamber.temperature.go(85.0)
    chamber.make_safe()


def test_humidity_is_held_through_a_ramp_and_let_go(
    twin: SimEspecP300, chamber: EspecP300, clock: VirtualClock
) -> None:
    chamber.temperature.go(40.0)
    chamber.humidity.go(85.0)
    clock.sleep(3600)
    assert value(twin, "humidity") == pytest.approx(85.0, abs=4.0)
    assert chamber.humidity.read() == pytest.approx(85.0, abs=1.0)
    chamber.temperature.go(85.0, 1.0 / 60)
    clock.sleep(1800)
    assert twin.handle(b"HUMI?").split(b",")[1] == b"85"
    assert chamber.humidity.read() == pytest.approx(85.0, abs=1.0)
    chamber.humidity.go(60.0)
    assert twin.handle(b"MODE?,DETAIL") == b"RMT RUN"
    clock.sleep(3600)
    assert chamber.temperature.read() == pytest.approx(85.0, abs=0.2)
    assert chamber.humidity.read() == pytest.approx(60.0, abs=1.0)
    chamber.humidity.release()
    clock.sleep(6 * 3600)
    assert twin.handle(b"HUMI?").split(b",")[1] == b"OFF"
    assert chamber.temperature.read() == pytest.approx(85.0, abs=0.2)
    assert value(twin, "humidity") < 3.0  # the room's water in air of 85 degC


def test_air_that_is_only_warmed_gets_dry_and_cooled_gets_wet(
    twin: SimEspecP300, chamber: EspecP300, clock: VirtualClock
) -> None:
    assert value(twin, "humidity") == pytest.approx(45.0)
    chamber.temperature.go(60.0)
    clock.sleep(3 * 3600)
    assert value(twin, "humidity") == pytest.approx(45.0 * 28.09 / 199.2, abs=0.3)  # hPa, saturated
    chamber.temperature.go(0.0)
    clock.sleep(3 * 3600)
    assert value(twin, "humidity") == 100.0


def test_a_stuck_sensor_lets_the_air_overheat_unseen(
    twin: SimEspecP300, chamber: EspecP300, clock: VirtualClock, world: World
) -> None:
    world.add_fault("SIM-P300", Fault("sensor_stuck", at_s=600.0, until_s=3 * 3600.0))
    chamber.temperature.go(125.0)
    clock.sleep(600.0)
    stuck_c = chamber.temperature.read()
    assert stuck_c < 100.0
    clock.sleep(2 * 3600.0)
    assert chamber.temperature.read() == stuck_c
    assert air_c(twin) == pytest.approx(165.0, abs=0.5)
    clock.sleep(3600.0)
    chamber.temperature.read()
    clock.sleep(2 * 3600.0)
    assert chamber.temperature.read() == pytest.approx(125.0, abs=0.2)
    assert air_c(twin) == pytest.approx(125.0, abs=0.5)


def test_an_open_sensor_is_an_error_and_heats_no_more(
    twin: SimEspecP300, chamber: EspecP300, clock: VirtualClock, world: World
) -> None:
    chamber.temperature.go(125.0)
    clock.sleep(7200.0)
    world.add_fault("SIM-P300", Fault("sensor_open"))
    with pytest.raises(ProtocolError, match="sensor open"):
        chamber.temperature.read()
    clock.sleep(3600.0)
    assert air_c(twin) == pytest.approx(23.0 + 102.0 / math.e, abs=1.0)
    chamber.make_safe()


def test_an_alarm_that_is_to_come_stops_the_plant(
    twin: SimEspecP300, chamber: EspecP300, clock: VirtualClock, world: World
) -> None:
    world.add_fault("SIM-P300", Fault("alarm", at_s=1000.0))
    chamber.temperature.go(85.0)
    assert chamber.read_alarms() == ()
    clock.sleep(1000.0)
    assert len(chamber.read_alarms()) == 1
    assert chamber.read_mode() == "STANDBY"
    assert not twin.running


def test_what_sits_in_the_chamber_lags_behind_its_air(
    twin: SimEspecP300, chamber: EspecP300, clock: VirtualClock, world: World
) -> None:
    world.zone().bind("temperature", twin.drives["temperature"])
    part = Place(world, "1")
    chamber.temperature.go(125.0)
    clock.sleep(900.0)
    assert 10.0 < air_c(twin) - part.temperature_c() < 17.0
    clock.sleep(7200.0)
    assert part.temperature_c() == pytest.approx(125.0, abs=0.7)


def test_who_remembers_the_past_is_told_before_the_air_changes(
    twin: SimEspecP300, chamber: EspecP300, clock: VirtualClock, world: World
) -> None:
    seen: list[float] = []
    world.listen(lambda: seen.append(air_c(twin)))
    chamber.temperature.go(125.0)
    clock.sleep(600.0)
    chamber.make_safe()
    assert seen[0] == pytest.approx(23.0)
    assert seen[-1] == pytest.approx(73.0, abs=1.0)


def test_a_plain_pyserial_script_talks_to_the_twin_on_its_pty() -> None:
    import serial  # noqa: PLC0415 - heavy

    twin = SimEspecP300(World(RealClock(speed=3600.0), seed=1), "SIM-P300")
    with PtyMount(twin) as mount, serial.Serial(mount.address, 9600, timeout=3) as port:

        def ask(line: bytes) -> bytes:
            port.write(line + b"\r\n")
            return port.read_until(b"\r\n")

        assert ask(b"TYPE?") == b"T,T,P300,200.0\r\n"
        assert ask(b"TEMP, S40.0") == b"OK:TEMP, S40.0\r\n"
        assert ask(b"MODE,CONSTANT") == b"OK:MODE,CONSTANT\r\n"
        assert ask(b"NONSENSE") == b"NA:CMD ERR\r\n"
        deadline = time.monotonic() + 10
        while float(ask(b"TEMP?").split(b",")[0]) < 39.7 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert float(ask(b"TEMP?").split(b",")[0]) == pytest.approx(40.0, abs=0.5)
        assert ask(b"MON?").split(b",")[2:] == [b"CONSTANT", b"0\r\n"]


# RS-485: several controllers on one cable.


def test_on_rs_485_each_line_begins_with_the_address(scripted: Scripted) -> None:
    line = scripted(("1,TEMP?", "23.0,85.0,180.0,-75.0"))
    assert EspecP300(line, VirtualClock(), address=1).temperature.read() == 23.0


def test_a_controller_hears_only_its_own_address(world: World, clock: VirtualClock) -> None:
    twin = SimEspecP300(world, "SIM-P300", address=3)
    chamber = EspecP300(InProcessLine(twin, EspecP300.LINE, "chamber"), clock, address=3)
    chamber.temperature.go(85.0)
    assert chamber.read_mode() == "CONSTANT"
    assert twin.handle(b"4,TEMP?") is None
    assert twin.handle(b"TEMP?") is None


@pytest.mark.parametrize("address", [0, 17, "1", True])
def test_an_address_that_can_not_be_is_refused(scripted: Scripted, address: Any) -> None:
    with pytest.raises(ValueError, match="an RS-485 address of a P300 is 1 to 16"):
        EspecP300(scripted(), VirtualClock(), address=address)
