"""Keysight N6700: driver and twin, each against the wire as public drivers show it."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.quantity import components
from sensorbench.instruments.keysight_n6700.driver import KeysightN6700
from sensorbench.instruments.keysight_n6700.twin import SimKeysightN6700
from sensorbench.instruments.telling import Held
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import TcpMount
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
NO_ERROR = ("SYST:ERR?", '+0,"No error"')
MIXED = ("N6731B", "N6761A")
ABLE = (
    ("SYST:CHAN?", "+2"),
    ("VOLT? MIN,(@2)", "+0.00000000E+00"),
    ("VOLT? MAX,(@2)", "+5.10000000E+01"),
    ("CURR? MIN,(@2)", "+0.00000000E+00"),
    ("CURR? MAX,(@2)", "+1.53000000E+00"),
    ("OUTP:COUP?", "0"),
)


@pytest.fixture
def twin(world: World) -> SimKeysightN6700:
    return SimKeysightN6700(world, "SIM-PSU")


@pytest.fixture
def supply(twin: SimKeysightN6700, clock: VirtualClock) -> KeysightN6700:
    return driver_of(twin, clock)


def driver_of(twin: SimKeysightN6700, clock: VirtualClock, **options: Any) -> KeysightN6700:
    return KeysightN6700(InProcessLine(twin, KeysightN6700.LINE, "psu"), clock, **options)


def rail_v(twin: SimKeysightN6700, member: str = "out1") -> float:
    """Return what is at the terminals now; nothing is sent for it."""
    return components(twin.drives[member].at(twin._world.clock.now()))[0]


def ask(twin: SimKeysightN6700, message: str) -> str:
    reply = twin.handle(message.encode())
    return reply.decode() if reply is not None else ""


# The driver, against written exchanges.


@pytest.mark.parametrize(
    "reply",
    [
        "Agilent Technologies,N6700B,MY54010313,D.04.07",
        "Keysight Technologies,N6700C,MY56003645,E.02.03.3189",
        "Agilent Technologies,N6705B,MY50001897,D.01.08",
    ],
)
def test_mainframes_of_the_family_are_known(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    assert KeysightN6700(scripted(("*IDN?", reply)), clock).identify().manufacturer
    other = KeysightN6700(scripted(("*IDN?", reply.replace("N670", "N690"))), clock)
    with pytest.raises(WrongDevice, match="expected an N6700"):
        other.identify()


def test_setting_goes_limit_voltage_output(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        *ABLE,
        ("STAT:QUES:COND? (@2)", "+0"),
        ("CURR 0.5,(@2)", None), NO_ERROR,
        ("CURR? (@2)", "+5.00000000E-01"),
        ("VOLT 3.3,(@2)", None), NO_ERROR,
        ("VOLT? (@2)", "+3.30000000E+00"),
        ("OUTP? (@2)", "0"),
        ("OUTP 1,(@2)", None), NO_ERROR,
        ("OUTP? (@2)", "1"),
        ("STAT:QUES:COND? (@2)", "+0"),
    )  # fmt: skip
    assert KeysightN6700(line, clock).out2.go(3.3, limit=0.5) == 3.3


@pytest.mark.parametrize("held", ["+3.29000000E+00", "+0.00000000E+00"])
def test_what_was_not_accepted_is_not_switched_on(
    scripted: Scripted, clock: VirtualClock, held: str
) -> None:
    line = scripted(
        *ABLE[:3],
        ABLE[5],
        ("STAT:QUES:COND? (@2)", "+0"),
        ("VOLT 3.3,(@2)", None),
        NO_ERROR,
        ("VOLT? (@2)", held),
    )
    with pytest.raises(InstrumentError, match="not accepted"):
        KeysightN6700(line, clock).out2.go(3.3)


@pytest.mark.parametrize("reply", ["+0,+0,+0", "+0", "+2048.5,+0", "nan,0", "-1,+0", ""])
def test_a_status_that_is_none_is_an_error(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    line = scripted(("SYST:CHAN?", "+2"), ("STAT:QUES:COND? (@1,2)", reply))
    with pytest.raises(ProtocolError):
        KeysightN6700(line, clock).read_alarms()


@pytest.mark.parametrize("count", ["+0", "+5", "2.5", "-1"])
def test_no_mainframe_has_so_many_outputs(
    scripted: Scripted, clock: VirtualClock, count: str
) -> None:
    with pytest.raises(ProtocolError):
        KeysightN6700(scripted(("SYST:CHAN?", count)), clock).out1.foresee(3.3)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ((("OUTP:PROT:WDOG?", "0"),), "not armed"),
        ((("OUTP:PROT:WDOG?", "1"), ("OUTP:PROT:WDOG:DEL?", "+3600")), "not armed"),
    ],
)
def test_a_watchdog_that_did_not_take_it_is_no_protection(
    scripted: Scripted, clock: VirtualClock, told: tuple[Any, ...], why: str
) -> None:
    line = scripted(
        ("OUTP:PROT:WDOG?", "0"),
        ("OUTP:PROT:WDOG:DEL 60", None), NO_ERROR,
        ("OUTP:PROT:WDOG 1", None), NO_ERROR,
        *told,
    )  # fmt: skip
    with pytest.raises(InstrumentError, match=why):
        KeysightN6700(line, clock).out1.protect(None, None)


@pytest.mark.parametrize("watchdog", ["29 s", "2 h", "0 s", "soon", "60"])
def test_a_watchdog_that_a_run_can_not_feed_is_refused(
    scripted: Scripted, clock: VirtualClock, watchdog: str
) -> None:
    with pytest.raises(ValueError, match=r"30 s to 3600 s|not a number|no unit"):
        KeysightN6700(scripted(), clock, watchdog=watchdog)


# Its watchdog.


def test_nobody_speaks_and_all_outputs_go_off_by_its_own_clock(
    supply: KeysightN6700, twin: SimKeysightN6700, clock: VirtualClock
) -> None:
    supply.out1.protect(None, 6.0)
    supply.out1.go(5.0)
    supply.out2.go(3.3)
    clock.sleep(59.0)
    assert rail_v(twin) == pytest.approx(5.0, abs=0.01)
    clock.sleep(1.5)
    assert (rail_v(twin), rail_v(twin, "out2")) == (0.0, 0.0)
    assert supply.out1.told() is None
    assert [alarm.split(":")[0] for alarm in supply.read_alarms()] == [
        f"output {n} is held off" for n in range(1, 5)
    ]
    with pytest.raises(InstrumentError, match="I/O watchdog"):
        supply.out1.go(6.0)
    assert ask(twin, "VOLT? (@1)") == "+5.00000000E+00"


def test_whatever_is_asked_feeds_it(
    supply: KeysightN6700, twin: SimKeysightN6700, clock: VirtualClock
) -> None:
    supply.out1.protect(None, None)
    supply.out1.go(5.0)
    for asked in (supply.read_alarms, supply.out3.read, supply.out1.told, supply.identify):
        clock.sleep(50.0)
        asked()
    assert rail_v(twin) == pytest.approx(5.0, abs=0.01)


def test_the_world_says_by_when_somebody_should_speak(
    supply: KeysightN6700, twin: SimKeysightN6700, clock: VirtualClock, world: World
) -> None:
    """Else polls that are implied in virtual time would starve it."""
    world.zone().bind("supply", twin.drives["out1"])
    supply.out1.go(5.0)
    assert world.still_until("", "supply") == math.inf
    supply.out1.protect(None, None)
    assert world.still_until("", "supply") == clock.now() + 30.0
    clock.sleep(45.0)
    assert world.still_until("", "supply") == clock.now()
    clock.sleep(15.0)
    assert world.still_until("", "supply") == math.inf


def test_what_trips_as_it_is_switched_on_does_not_come_on_when_it_is_cleared(
    supply: KeysightN6700, twin: SimKeysightN6700
) -> None:
    ask(twin, "VOLT:PROT 3,(@1)")
    with pytest.raises(InstrumentError, match="over-voltage protection"):
        supply.out1.go(5.0)
    ask(twin, "VOLT:PROT MAX,(@1);:OUTP:PROT:CLE (@1)")
    assert rail_v(twin) == 0.0


def test_a_link_that_died_feeds_nothing(
    supply: KeysightN6700, twin: SimKeysightN6700, clock: VirtualClock, world: World
) -> None:
    supply.out1.protect(None, None)
    supply.out1.go(5.0)
    world.add_fault("SIM-PSU", Fault("silent", at_s=clock.now()))
    for _ in range(8):
        clock.sleep(10.0)
        ask(twin, "OUTP? (@1)")
    assert rail_v(twin) == 0.0


def test_it_is_armed_by_a_run_alone_and_disarmed_with_the_outputs(
    supply: KeysightN6700, twin: SimKeysightN6700, clock: VirtualClock
) -> None:
    supply.identify()
    supply.take()
    supply.out1.go(5.0)
    clock.sleep(5000.0)
    assert rail_v(twin) == pytest.approx(5.0, abs=0.01)
    supply.out1.protect(None, None)
    assert ask(twin, "OUTP:PROT:WDOG?;:OUTP:PROT:WDOG:DEL?") == "1;+60"
    supply.make_safe()
    assert ask(twin, "OUTP:PROT:WDOG?") == "0"
    clock.sleep(5000.0)
    assert supply.read_alarms() == ()


def test_off_leaves_the_watchdog_alone(twin: SimKeysightN6700, clock: VirtualClock) -> None:
    driver_of(twin, clock, watchdog="off").out1.protect(None, None)
    assert ask(twin, "OUTP:PROT:WDOG?") == "0"
    driver_of(twin, clock, watchdog="5 min").out1.protect(None, None)
    assert ask(twin, "OUTP:PROT:WDOG:DEL?") == "+300"


@pytest.mark.parametrize(("there_s", "left_s"), [(40, 40), (600, 60)])
def test_a_watchdog_of_somebody_else_is_only_narrowed(
    supply: KeysightN6700, twin: SimKeysightN6700, there_s: int, left_s: int
) -> None:
    ask(twin, f"OUTP:PROT:WDOG:DEL {there_s};:OUTP:PROT:WDOG ON")
    supply.out1.protect(None, None)
    assert ask(twin, "OUTP:PROT:WDOG?;:OUTP:PROT:WDOG:DEL?") == f"1;+{left_s}"


def test_one_that_no_run_can_feed_is_told_before_anything_is_on(
    supply: KeysightN6700, twin: SimKeysightN6700
) -> None:
    ask(twin, "OUTP:PROT:WDOG:DEL 5;:OUTP:PROT:WDOG ON")
    with pytest.raises(InstrumentError, match="so short that a run can't feed it"):
        supply.out1.protect(None, None)


def test_what_the_watchdog_of_a_dead_program_held_off_is_taken_and_stays_off(
    supply: KeysightN6700, twin: SimKeysightN6700, clock: VirtualClock
) -> None:
    supply.out1.protect(None, None)
    supply.out1.go(5.0)
    clock.sleep(100.0)
    left = supply.take()
    assert [text.split(" was ")[0] for text in left] == [f"output {n}" for n in range(1, 5)]
    assert (supply.take(), supply.read_alarms(), rail_v(twin)) == ((), (), 0.0)
    supply.out1.go(5.0)
    assert rail_v(twin) == pytest.approx(5.0, abs=0.01)


def test_another_trip_is_not_taken_away(supply: KeysightN6700, twin: SimKeysightN6700) -> None:
    ask(twin, "OUTP:PROT:COUP ON;:VOLT:PROT 4,(@1);:OUTP ON,(@1,2);:VOLT 5,(@1)")
    assert supply.take() == ()
    assert len(supply.read_alarms()) == 4
    supply.clear_trips()
    assert supply.read_alarms() == ()
    assert rail_v(twin) == rail_v(twin, "out2") == 0.0


PROGRAM = """
import sys, time
from sensorbench.core.clock import RealClock
from sensorbench.instruments.keysight_n6700.driver import KeysightN6700
from sensorbench.links.tcp_line import TcpLine
line = TcpLine("127.0.0.1", int(sys.argv[1]), KeysightN6700.LINE, "psu")
supply = KeysightN6700(line, RealClock(), watchdog="30 s")
supply.out1.protect(None, 6.0)
supply.out1.go(5.0)
print("on", flush=True)
while True:
    supply.out1.read()
    time.sleep(0.01)
"""


def test_a_program_that_is_killed_leaves_the_output_off(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    world = World(RealClock(speed=100.0), seed=1)
    twin = SimKeysightN6700(world, "SIM-PSU")
    with (
        TcpMount(twin) as mount,
        subprocess.Popen(
            [sys.executable, str(tmp_path / "program.py"), str(mount.port)],
            stdout=subprocess.PIPE,
            text=True,
        ) as program,
    ):
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == "on\n"
            fed_until = time.monotonic() + 0.5  # 50 s of the twin's
            while time.monotonic() < fed_until:
                assert rail_v(twin) == pytest.approx(5.0, abs=0.01)
        finally:
            program.kill()
            program.wait()
        time.sleep(0.4)
        assert rail_v(twin) == 0.0


# Both.


def test_an_output_is_set_read_told_and_released(
    supply: KeysightN6700, twin: SimKeysightN6700
) -> None:
    twin.sense("current2", lambda: rail_v(twin, "out2") / 100.0)
    assert supply.out2.told() is None
    assert supply.out2.go(3.3, limit=0.2) == 3.3
    assert supply.out2.read() == pytest.approx(rail_v(twin, "out2"), abs=0.013)
    assert supply.current2.read() == pytest.approx(0.033, abs=1e-3)
    assert supply.out2.told() == Held(3.3, 0.2)
    supply.out2.release()
    assert (rail_v(twin, "out2"), supply.out2.told()) == (0.0, None)


def test_each_module_is_asked_what_it_can(world: World, clock: VirtualClock) -> None:
    twin = SimKeysightN6700(world, "SIM-PSU", modules=MIXED)
    supply = driver_of(twin, clock)
    supply.out1.go(5.0, limit=8.0)
    supply.out2.go(48.0, limit=1.0)
    for member, volts, limit, why in (
        ("out1", 5.2, 1.0, r"outside the 0\.\.5\.1 V of the module"),
        ("out2", 5.0, 1.6, r"outside the 0\.\.1\.53 A of the module"),
        ("out3", 5.0, 1.0, "out3 is not fitted: it has 2 outputs"),
    ):
        for act in (getattr(supply, member).go, getattr(supply, member).foresee):
            with pytest.raises(SetpointError, match=why):
                act(volts, limit=limit)
    with pytest.raises(InstrumentError, match="Too many channels"):
        supply.out3.read()
    supply.make_safe()
    assert rail_v(twin) == rail_v(twin, "out2") == 0.0


def test_an_output_that_would_bring_others_along_is_not_switched_on(
    supply: KeysightN6700, twin: SimKeysightN6700
) -> None:
    ask(twin, "VOLT 24,(@3);:OUTP:COUP:CHAN (@1,3);:OUTP:COUP ON")
    for action in (supply.out1.go, supply.out1.foresee):
        with pytest.raises(SetpointError, match="others would come on with it"):
            action(3.3)
    assert rail_v(twin, "out3") == rail_v(twin) == 0.0


def test_over_voltage_trips_are_alarms_and_are_cleared(
    supply: KeysightN6700, twin: SimKeysightN6700
) -> None:
    assert supply.out1.protect(None, 6.0) == (None, 6.0)
    assert supply.out1.protect(None, 9.0) == (None, 6.0)  # it only narrows
    supply.out1.go(5.0)
    ask(twin, "VOLT 7,(@1)")
    assert rail_v(twin) == 0.0
    assert supply.read_alarms() == ("output 1 is held off: over-voltage protection",)
    supply.clear_trips()
    assert supply.read_alarms() == ()
    assert rail_v(twin) == 0.0


def test_make_safe_tries_every_output_and_leaves_the_watchdog_to_what_stays_on(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("SYST:CHAN?", "+2"),
        ("*CLS", None), ("OUTP 0,(@1)", None), NO_ERROR, ("OUTP? (@1)", "1"),
        ("*CLS", None), ("OUTP 0,(@2)", None), NO_ERROR, ("OUTP? (@2)", "0"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match=r"output 1.*Pull the plug"):
        KeysightN6700(line, clock).make_safe()


@pytest.mark.parametrize("kind", ["setpoint_changed", "output_off", "trip1"])
def test_what_a_person_does_at_the_panel_is_told(
    supply: KeysightN6700, twin: SimKeysightN6700, world: World, kind: str
) -> None:
    supply.out1.go(5.0)
    before = supply.out1.told()
    world.add_fault("SIM-PSU", Fault(kind))
    assert supply.out1.told() != before


# The twin.


def test_a_trip_leaves_the_programmed_state_and_clearing_brings_it_back(
    twin: SimKeysightN6700,
) -> None:
    ask(twin, "VOLT:PROT 6,(@1);:VOLT 5,(@1);:OUTP ON,(@1);:VOLT 7,(@1)")
    assert ask(twin, "OUTP? (@1);:STAT:QUES:COND? (@1,2);:STAT:OPER:COND? (@1)") == "1;+1,+0;+4"
    ask(twin, "VOLT 5,(@1);:OUTP:PROT:CLE (@1)")
    assert rail_v(twin) == pytest.approx(5.0, abs=0.01)
    assert ask(twin, "STAT:QUES? (@1);:STAT:QUES? (@1)") == "+1;+0"


def test_at_its_limit_it_is_at_constant_current_or_trips(twin: SimKeysightN6700) -> None:
    twin.sense("current1", lambda: rail_v(twin) / 1.0)
    ask(twin, "CURR 1,(@1);:VOLT 5,(@1);:OUTP ON,(@1)")
    assert rail_v(twin) == pytest.approx(1.0, abs=0.05)
    assert ask(twin, "STAT:OPER:COND? (@1)") == "+2"
    ask(twin, "CURR:PROT:STAT ON,(@1)")
    assert ask(twin, "STAT:QUES:COND? (@1)") == "+2"
    assert rail_v(twin) == 0.0


def test_lists_of_channels_are_answered_in_their_order(world: World) -> None:
    twin = SimKeysightN6700(world, "SIM-PSU", modules=MIXED)
    assert ask(twin, "SYST:CHAN?;:SYST:CHAN:MOD? (@2,1)") == "+2;N6761A,N6731B"
    ask(twin, "VOLT 4.5,(@1:2)")
    assert ask(twin, "VOLT? (@1,2)") == "+4.50000000E+00,+4.50000000E+00"
    ask(twin, "VOLT 4,(@1,3)")
    assert ask(twin, "VOLT? (@1);:SYST:ERR?") == '+4.50000000E+00;+100,"Too many channels"'
    ask(twin, "VOLT 20,(@1,2)")  # none is set where one can't be
    assert ask(twin, "VOLT? (@2);:SYST:ERR?") == '+4.50000000E+00;-222,"Data out of range"'
    ask(twin, "OUTP:PMOD CURR,(@1)")
    assert ask(twin, "SYST:ERR?").startswith("+310")
    with pytest.raises(ValueError, match="must be 1 to 4 of N6731B"):
        SimKeysightN6700(world, "SIM-2", modules=("N9999A",))
