"""ITECH IT6300: driver and twin, each against the wire as public clients show it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, WrongDevice
from sensorbench.core.quantity import components
from sensorbench.instruments.itech_it6300.driver import ItechIt6300
from sensorbench.instruments.itech_it6300.twin import SimItechIt6300
from sensorbench.instruments.telling import Held
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
NO_ERROR = ("SYST:ERR?", '0,"No error"')


@pytest.fixture
def twin(world: World) -> SimItechIt6300:
    return SimItechIt6300(world, "800071020767110110")


@pytest.fixture
def supply(twin: SimItechIt6300, clock: VirtualClock) -> ItechIt6300:
    return ItechIt6300(InProcessLine(twin, ItechIt6300.LINE, "psu"), clock)


def rail_v(twin: SimItechIt6300, member: str = "out1") -> float:
    return components(twin.drives[member].at(0.0))[0]


def ask(twin: SimItechIt6300, message: str) -> str:
    return (twin.handle(message.encode()) or b"").decode()


def told(output: int, command: str, found: int | None = None) -> tuple[Any, ...]:
    selected = ("INST:NSEL?", str(output if found is None else found))
    return (
        ("SYST:REM", None), (f"INST:NSEL {output}", None), (command, None), NO_ERROR, selected,
    )  # fmt: skip


# The driver, against written exchanges.


@pytest.mark.parametrize(
    "reply",
    [
        "ITECH Ltd., IT6302, 800071020767110110, 1.05-1.04",
        "ITECH Ltd., IT6332A, 802071092767310443, 1.11-1.08",
    ],
)
def test_names_as_public_logs_print_them(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    found = ItechIt6300(scripted(("*IDN?", reply)), clock).identify()
    assert found.serial.startswith("80")
    for other in ("IT6333A", "IT6412", "IT6302B"):
        line = scripted(("*IDN?", f"ITECH Ltd., {other}, 1, 1.05-1.04"))
        with pytest.raises(WrongDevice, match="expected an IT6302"):
            ItechIt6300(line, clock).identify()


def test_setting_selects_and_looks_and_asks_all(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        *told(2, "CURR 0.5000"), ("APP:CURR?", "3.000, 0.500, 3.000"),
        *told(2, "VOLT 3.3333"), ("APP:VOLT?", "0.000, 3.333, 0.000"),
        ("APP:OUT?", "1, 0, 0"), ("APP:OUT?", "1, 0, 0"), *told(2, "CHAN:OUTP 1"),
        ("APP:OUT?", "1, 1, 0"), ("APP:OUT?", "1, 1, 0"),
    )  # fmt: skip
    assert ItechIt6300(line, clock).out2.go(10.0 / 3.0, limit=0.5) == 3.333


def test_reading_selects_nothing(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        ("MEAS:VOLT:ALL?", "5.0001, 3.2998, 0.0000"), ("MEAS:CURR:ALL?", "0.1,0.2,0.3"),
        ("APP:OUT?", "1, 0, 0"),
    )  # fmt: skip
    supply = ItechIt6300(line, clock)
    assert (supply.out2.read(), supply.current3.read(), supply.out2.told()) == (3.2998, 0.3, None)


@pytest.mark.parametrize("reply", ["5.0", "1, 2", "1, 2, 3, 4", "1, x, 3", "1, nan, 3", "1, , 3"])
def test_a_reply_that_is_not_three_numbers_is_no_reading_of_any(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    for member in ("out1", "out3"):
        line = scripted(("MEAS:VOLT:ALL?", reply))
        with pytest.raises(ProtocolError):
            getattr(ItechIt6300(line, clock), member).read()


def test_what_was_selected_by_somebody_else_is_an_error(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(*told(1, "VOLT 5.0000", found=2))
    with pytest.raises(InstrumentError, match=r"output 2 was selected.*may have met that one"):
        ItechIt6300(line, clock).out1.go(5.0)


@pytest.mark.parametrize("held", ["4.990", "0.000", "30.000"])
def test_what_was_not_accepted_is_found_by_what_is_held(
    scripted: Scripted, clock: VirtualClock, held: str
) -> None:
    line = scripted(*told(1, "VOLT 5.0000"), ("APP:VOLT?", f"{held}, 5.000, 5.000"))
    with pytest.raises(InstrumentError, match="not accepted"):
        ItechIt6300(line, clock).out1.go(5.0)


def test_where_others_come_on_with_it_all_are_switched_off(
    scripted: Scripted, clock: VirtualClock
) -> None:
    off = tuple(
        exchange
        for output in (1, 2, 3)
        for exchange in (("*CLS", None), *told(output, "CHAN:OUTP 0"), ("APP:OUT?", "0, 0, 0"))
    )
    line = scripted(
        *told(1, "VOLT 5.0000"), ("APP:VOLT?", "5.000, 24.000, 0.000"),
        ("APP:OUT?", "0, 0, 0"), ("APP:OUT?", "0, 0, 0"), *told(1, "CHAN:OUTP 1"),
        ("APP:OUT?", "1, 1, 0"), ("APP:OUT?", "1, 1, 0"), *off,
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="output 2 came on with output 1; all were switched"):
        ItechIt6300(line, clock).out1.go(5.0)


def test_make_safe_tries_every_output_and_names_what_stays_on(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        *(
            exchange
            for output in (1, 2, 3)
            for exchange in (("*CLS", None), *told(output, "CHAN:OUTP 0"), ("APP:OUT?", "0, 1, 0"))
        )
    )
    with pytest.raises(InstrumentError, match=r"output 2.*Pull the plug"):
        ItechIt6300(line, clock).make_safe()


# Both.


def test_an_output_is_set_read_told_and_released(supply: ItechIt6300, twin: SimItechIt6300) -> None:
    twin.sense("current2", lambda: rail_v(twin, "out2") / 100.0)
    assert supply.out2.told() is None
    assert supply.out2.go(3.3, limit=0.2) == 3.3
    assert supply.out2.read() == pytest.approx(rail_v(twin, "out2"), abs=0.013)
    assert supply.current2.read() == pytest.approx(0.033, abs=1e-3)
    assert supply.out2.told() == Held(3.3, 0.2)
    supply.out2.release()
    assert (rail_v(twin, "out2"), supply.out2.told()) == (0.0, None)


def test_remote_control_is_taken_when_something_is_set_and_not_before(
    supply: ItechIt6300, twin: SimItechIt6300, world: World
) -> None:
    supply.identify()
    supply.take()
    supply.out1.read()
    ask(twin, "VOLT 5")
    assert ask(twin, "SYST:ERR?").startswith("-203")
    supply.out1.go(5.0)
    world.add_fault("800071020767110110", Fault("local"))  # a person presses LOCAL
    assert supply.out1.read() == pytest.approx(5.0, abs=0.013)
    supply.make_safe()
    assert rail_v(twin) == 0.0


def test_others_stay_as_they_are(supply: ItechIt6300, twin: SimItechIt6300) -> None:
    for message in ("SYST:REM", "APP:VOLT 24, 12, 2.5", "APP:OUT 0, 1, 0"):
        ask(twin, message)
    supply.out1.go(3.3)
    assert ask(twin, "APP:OUT?") == "1, 1, 0"
    assert ask(twin, "APP:VOLT?") == "3.300, 12.000, 2.500"


@pytest.mark.parametrize("kind", ["setpoint_changed", "output_off", "trip1"])
def test_what_a_person_does_at_the_panel_is_told(
    supply: ItechIt6300, world: World, kind: str
) -> None:
    supply.out1.go(5.0)
    before = supply.out1.told()
    world.add_fault("800071020767110110", Fault(kind))
    assert supply.out1.told() != before


# The twin. Every command and query of the public clients.


@pytest.mark.parametrize(
    ("sent", "asked", "reply"),
    [
        ("INST:NSEL 2", "INST:NSEL?", "2"),
        ("INST:SEL CH3", "INST?", "CH3"),
        ("VOLT 4.500V", "VOLT?", r"4\.500"),
        ("CURR 0.250A", "CURR?", r"0\.250"),
        ("SOUR:CURR 0.25", "APP:CURR?", r"0\.250, 3\.000, 3\.000"),
        ("APP:VOLT 1, 2, 3", "APP:VOLT?", r"1\.000, 2\.000, 3\.000"),
        ("APP:CURR 1.0,2.0,3.0", "APP:CURR?", r"1\.000, 2\.000, 3\.000"),
        ("APP:OUT 1, 0, 1", "APP:OUT?", "1, 0, 1"),
        ("CHAN:OUTP 1", "CHAN:OUTP?", "1"),
        ("CHAN:OUTP ON", "APP:OUT?", "1, 0, 0"),
        ("OUTP ON", "OUTP?", "1"),
        ("OUTP 1", "APP:OUT?", "1, 1, 1"),
        ("VOLT:PROT 6", "VOLT:PROT?", r"6\.000"),
        ("", "VOLT:PROT? MAX", r"33\.000"),
        ("VOLT:PROT:STAT ON", "VOLT:PROT:STAT?", "1"),
        ("VOLT:PROT:CLE", "VOLT:PROT:TRIP?", "0"),
        ("SYST:BEEP", "MEAS:VOLT?", r"0\.\d+"),
        ("", "MEAS:CURR?", r"0\.\d+"),
        ("", "MEAS:VOLT:ALL?", r"(\d\.\d+(, )?){3}"),
        ("", "MEAS:CURR:ALL?", r"(\d\.\d+(, )?){3}"),
    ],
)
def test_the_exchanges_of_public_clients(
    twin: SimItechIt6300, world: World, sent: str, asked: str, reply: str
) -> None:
    ask(twin, "SYST:REM")
    assert ask(twin, sent) == ""
    assert re.fullmatch(reply, ask(twin, asked))
    assert ask(twin, "SYST:ERR?").startswith("0,")
    assert not world.beyond_of("800071020767110110")


def test_its_own_protection_trips_and_its_clearing_leaves_it_off(twin: SimItechIt6300) -> None:
    for message in ("SYST:REM", "VOLT:PROT 6", "VOLT:PROT:STAT 1", "VOLT 5", "CHAN:OUTP 1"):
        ask(twin, message)
    assert rail_v(twin) == pytest.approx(5.0, abs=0.01)
    ask(twin, "VOLT 7")
    assert (rail_v(twin), ask(twin, "VOLT:PROT:TRIP?"), ask(twin, "APP:OUT?")) == (
        0.0, "1", "0, 0, 0",
    )  # fmt: skip
    ask(twin, "VOLT 5;:VOLT:PROT:CLE")
    assert (rail_v(twin), ask(twin, "VOLT:PROT:TRIP?")) == (0.0, "0")


@pytest.mark.parametrize("message", ["OUTP:TIM ON", "INST:COMB SER", "CAL:SEC 0", "*SAV 1"])
def test_what_it_does_not_model_is_refused_and_on_record(
    twin: SimItechIt6300, world: World, message: str
) -> None:
    ask(twin, message)
    assert not ask(twin, "SYST:ERR?").startswith("0,")
    assert world.beyond_of("800071020767110110")
