"""Druck PACE6000: two modules that have nothing of each other, as bliss and other clients speak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.instruments.druck_pace6000.driver import DruckPace6000
from sensorbench.instruments.druck_pace6000.twin import SimDruckPace6000
from sensorbench.instruments.telling import Held
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", ':SYST:ERR 0,"No error"')
RANGE_2 = (":SOUR2:PRES:RANG?", ':SOUR2:PRES:RANG "7.00bara"')
VENT, VENT_2 = ":SOUR:PRES:LEV:IMM:AMPL:VENT", ":SOUR2:PRES:LEV:IMM:AMPL:VENT"


@pytest.fixture
def twin(world: World) -> SimDruckPace6000:
    return SimDruckPace6000(world, "SIM-6000")


@pytest.fixture
def pace(twin: SimDruckPace6000, clock: VirtualClock) -> Any:
    return DruckPace6000(InProcessLine(twin, DruckPace6000.LINE, "pace"), clock)


def line_pa(twin: SimDruckPace6000, module: int) -> float:
    found = twin.drives[f"pressure{module}"].at(twin._clock.now())
    assert isinstance(found, float)
    return found


# The driver, against written exchanges.


def test_the_second_module_is_asked_and_set_by_its_own_headers(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        RANGE_2,
        (":UNIT2:PRES?", ":UNIT2:PRES BAR"),
        (":UNIT2:PRES PA", None),
        ACCEPTED,
        (":SOUR2:PRES:SLEW:OVER 0", None),
        ACCEPTED,
        (":SOUR2:PRES:SLEW 500", None),
        ACCEPTED,
        (":SOUR2:PRES:SLEW:MODE LIN", None),
        ACCEPTED,
        (":SOUR2:PRES:SLEW?", ":SOUR2:PRES:SLEW 500.0000000"),
        (":SOUR2:PRES:SLEW:MODE?", ":SOUR2:PRES:SLEW:MODE LIN"),
        (":SOUR2:PRES:LEV:IMM:AMPL 300000", None),
        ACCEPTED,
        (":OUTP2:STAT 1", None),
        ACCEPTED,
    )
    assert DruckPace6000(line, clock).pressure2.go(300_000.0, 500.0) == 300_000.0


def test_a_reply_that_is_the_other_modules_is_an_error(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted((":SOUR:PRES:RANG?", RANGE_2[1]))
    with pytest.raises(ProtocolError, match="another module's"):
        DruckPace6000(line, clock).pressure1.read()
    line = scripted(
        RANGE_2, (":UNIT2:PRES?", ":UNIT2:PRES PA"), (":SENS2:PRES?", ":SENS:PRES 101325.0")
    )
    with pytest.raises(ProtocolError, match="another module's"):
        DruckPace6000(line, clock).pressure2.read()


@pytest.mark.parametrize(
    ("name", "high_pa"), [("35.00mbara", 3500.0), ("30.00psia", 206_842.7), ('"7.00bara"', 7e5)]
)
def test_the_range_says_how_far_a_module_goes(
    scripted: Scripted, clock: VirtualClock, name: str, high_pa: float
) -> None:
    line = scripted((":SOUR2:PRES:RANG?", f":SOUR2:PRES:RANG {name}"))
    with pytest.raises(SetpointError, match="of the fitted module; nothing was set"):
        DruckPace6000(line, clock).pressure2.go(high_pa * 1.001)
    line = scripted((":SOUR2:PRES:RANG?", f":SOUR2:PRES:RANG {name}"))
    DruckPace6000(line, clock).pressure2.foresee(high_pa * 0.999)


@pytest.mark.parametrize("name", ["", '"2.00bar"', "2.00furlonga", '"2.00bara', "bara"])
def test_a_range_that_can_not_be_read_is_an_error(
    scripted: Scripted, clock: VirtualClock, name: str
) -> None:
    line = scripted((":SOUR:PRES:RANG?", name))
    with pytest.raises(ProtocolError, match="expected a range"):
        DruckPace6000(line, clock).pressure1.go(1e5)


def test_making_safe_vents_both_whatever_fails_with_one(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("*CLS", None), (f"{VENT} 1", None), ACCEPTED, (f"{VENT}?", f"{VENT} 0"),
        (f"{VENT_2} 1", None), ACCEPTED, (f"{VENT_2}?", f"{VENT_2} 1"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="does not vent; vent by hand"):
        DruckPace6000(line, clock).make_safe()


def test_shutting_in_leaves_what_vents_and_stops_the_other(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("*CLS", None), (f"{VENT}?", f"{VENT} 1"),
        (f"{VENT_2}?", f"{VENT_2} 0"), (":OUTP2:STAT 0", None), ACCEPTED,
        (":OUTP2:STAT?", ":OUTP2:STAT 0"),
    )  # fmt: skip
    assert DruckPace6000(line, clock).shut_in()


# Both together.


def test_each_module_has_its_line_its_unit_and_its_setpoint(
    twin: SimDruckPace6000, pace: Any, clock: VirtualClock
) -> None:
    twin.handle(b":UNIT1:PRES PSI;:UNIT2:PRES BAR")
    pace.pressure1.go(150_000.0)
    pace.pressure2.go(400_000.0)
    clock.sleep(120.0)
    assert line_pa(twin, 1) == pytest.approx(150_000.0, abs=20.0)
    assert line_pa(twin, 2) == pytest.approx(400_000.0, abs=60.0)
    assert (pace.pressure1.told(), pace.pressure2.told()) == (Held(150_000.0), Held(400_000.0))
    assert pace.pressure2.read() == pytest.approx(400_000.0, abs=5.0)
    assert pace.module(2).in_limits()
    pace.pressure1.release()
    clock.sleep(600.0)
    assert line_pa(twin, 1) == pytest.approx(101_325.0, abs=30.0)
    assert line_pa(twin, 2) == pytest.approx(400_000.0, abs=60.0)


def test_a_gauge_range_is_neither_read_nor_set(world: World, clock: VirtualClock) -> None:
    twin = SimDruckPace6000(world, "SIM-6000", gauge=2)
    pace: Any = DruckPace6000(InProcessLine(twin, DruckPace6000.LINE, "pace"), clock)
    assert pace.pressure1.read() == pytest.approx(101_325.0, abs=20.0)
    for act in (pace.pressure2.read, lambda: pace.pressure2.go(2e5)):
        with pytest.raises(ProtocolError, match=r"7\.00barg.* is gauge.*choose an absolute range"):
            act()
    assert not twin.modules[1].on


def test_one_module_that_does_not_vent_is_told(
    world: World, pace: Any, clock: VirtualClock
) -> None:
    pace.pressure2.go(400_000.0)
    world.add_fault("SIM-6000", Fault("no_vent", at_s=clock.now()))
    with pytest.raises(InstrumentError, match="vent by hand"):
        pace.make_safe()


def test_a_pace5000_at_this_address_is_refused(world: World, pace: Any) -> None:
    assert pace.identify().model.startswith("Pace6000")
    world.add_fault("SIM-6000", Fault("identity"))
    with pytest.raises(WrongDevice, match="expected a PACE6000"):
        pace.identify()


CLIENTS = [
    (b":SENS2:PRES?", None),
    (b":UNIT2:PRES?", b":UNIT2:PRES MBAR"),
    (b"unit2 BAR", None),
    (b":UNIT2:PRES?", b":UNIT2:PRES BAR"),
    (b":UNIT:PRES?", b":UNIT:PRES MBAR"),
    (b":SOUR2:PRES:RANG?", b':SOUR2:PRES:RANG "7.00bara"'),
    (b':SOUR2:PRES:RANG "7.00bara"', None),
    (b"SOUR2:PRES 1.500000", None),
    (b":SOUR2:PRES?", b":SOUR2:PRES:LEV:IMM:AMPL 1.5000000"),
    (b"SOUR2:SLEW:MODE MAX", None),
    (b"SOUR2:SLEW:MODE?", b":SOUR2:PRES:SLEW:MODE MAX"),
    (b"SOUR2:PRES:SLEW:MODE linear", None),
    (b":SOURCE2:PRESsure:SLEW 0.050000", None),
    (b"SOUR2:PRES:SLEW?", b":SOUR2:PRES:SLEW 0.0500000"),
    (b"OUTPut2:STATe 1", None),
    (b":OUTP2:STAT?", b":OUTP2:STAT 1"),
    (b":OUTP:STAT?", b":OUTP:STAT 0"),
    (b"Sour2:Vent 1", None),
    (b":OUTP2:STAT?", b":OUTP2:STAT 0"),
    (b"SOUR2:COMP1?", b":SOUR2:PRES:COMP1 7.7000000"),
    (b":INST:SN2?", b":INST:SN2 SIM-6000-2"),
    (b":INST:CAT2:ALL?", b':INST:CAT2:ALL "7.00bara"'),
    (b"SYST:ERR?", b':SYST:ERR 0,"No error"'),
]


def test_the_twin_answers_as_the_clients_expect(twin: SimDruckPace6000) -> None:
    for sent, reply in CLIENTS:
        found = twin.handle(sent)
        if reply is None:
            assert found is None or found.startswith(b":SENS2:PRES ")
        else:
            assert (sent, found) == (sent, reply)
