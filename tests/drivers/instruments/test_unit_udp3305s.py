"""UNI-T UDP3305S: driver and twin, each against the wire as public clients show it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InstrumentError, ProtocolError, SetpointError, WrongDevice
from sensorbench.core.quantity import components
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.instruments.unit_udp3305s.driver import UnitUdp3305s
from sensorbench.instruments.unit_udp3305s.twin import SimUnitUdp3305s
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
NORMAL = ("SOURCE:MODE?", "NORMAL")


@pytest.fixture
def twin(world: World) -> SimUnitUdp3305s:
    return SimUnitUdp3305s(world, "SIM-PSU")


@pytest.fixture
def supply(twin: SimUnitUdp3305s, clock: VirtualClock) -> UnitUdp3305s:
    return UnitUdp3305s(InProcessLine(twin, UnitUdp3305s.LINE, "psu"), clock)


def rail_v(twin: SimUnitUdp3305s, member: str = "out1") -> float:
    return components(twin.drives[member].at(0.0))[0]


def ask(twin: SimUnitUdp3305s, message: str) -> str:
    return (twin.handle(message.encode()) or b"").decode()


# The driver, against written exchanges.


@pytest.mark.parametrize("model", ["UDP3305S", "UDP3305S-E"])
def test_both_models_are_known(scripted: Scripted, clock: VirtualClock, model: str) -> None:
    reply = f"Uni-Trend,{model},APSC123456789,1.06"
    assert UnitUdp3305s(scripted(("*IDN?", reply)), clock).identify().model == model
    other = UnitUdp3305s(scripted(("*IDN?", reply.replace("3305", "3303"))), clock)
    with pytest.raises(WrongDevice, match="expected a UDP3305S"):
        other.identify()


def test_setting_goes_limit_voltage_output_each_read_back(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        NORMAL,
        ("APPLY CH2,0.5000A", None), ("APPLY? CH2,CURRENT", "CH2,0.500"),
        ("APPLY CH2,3.3333V", None), ("APPLY? CH2,VOLT", "CH2,3.33"),  # an -E rounds to 10 mV
        ("OUTPUT:STATE? CH2", "OFF"),
        ("OUTPUT:STATE CH2,ON", None), ("OUTPUT:STATE? CH2", "ON"),
    )  # fmt: skip
    assert UnitUdp3305s(line, clock).out2.go(10.0 / 3.0, limit=0.5) == 3.33


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("CH1,4.99", "not accepted"),
        ("CH1,0.000", "not accepted"),
        ("CH2,5.000", "expected CH1"),
        ("5.000", "expected CH1"),
        ("CH1,", "expected a number"),
        ("CH1,5.000,0.1", "expected a number"),
        ("CH1,nan", "expected a number"),
    ],
)
def test_what_was_not_accepted_is_found_by_what_is_held(
    scripted: Scripted, clock: VirtualClock, reply: str, why: str
) -> None:
    line = scripted(NORMAL, ("APPLY CH1,5.0000V", None), ("APPLY? CH1,VOLT", reply))
    with pytest.raises((InstrumentError, ProtocolError), match=why):
        UnitUdp3305s(line, clock).out1.go(5.0)


@pytest.mark.parametrize("mode", ["", "NONE", "N", "PARANORMAL"])
def test_a_mode_that_is_none_is_an_error(
    scripted: Scripted, clock: VirtualClock, mode: str
) -> None:
    with pytest.raises(ProtocolError, match="expected NORMAL, SER or PARA"):
        UnitUdp3305s(scripted(("SOURCE:MODE?", mode)), clock).out1.go(5.0)


def test_an_output_that_does_not_come_on_is_told(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        ("APPLY CH3,5.0000V", None), ("APPLY? CH3,VOLT", "CH3,5.000"),
        ("OUTPUT:STATE? CH3", "OFF"),
        ("OUTPUT:STATE CH3,ON", None), ("OUTPUT:STATE? CH3", "OFF"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="has it tripped"):
        UnitUdp3305s(line, clock).out3.go(5.0)


def test_a_protection_that_did_not_take_it_is_none(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        ("OUTPUT:OVP:STATE? CH1", "OFF"),
        ("OUTPUT:OVP:VALUE CH1,6.000", None), ("OUTPUT:OVP:STATE CH1,ON", None),
        ("OUTPUT:OVP:STATE? CH1", "ON"), ("OUTPUT:OVP:VALUE? CH1", "33.000"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="protection is at 33 V"):
        UnitUdp3305s(line, clock).out1.protect(None, 6.0)


def test_make_safe_tries_every_output_and_names_what_stays_on(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("OUTPUT:STATE ALL,OFF", None), NORMAL,
        ("OUTPUT:STATE CH1,OFF", None), ("OUTPUT:STATE? CH1", "OFF"),
        ("OUTPUT:STATE CH2,OFF", None), ("OUTPUT:STATE? CH2", "ON"),
        ("OUTPUT:STATE CH3,OFF", None), ("OUTPUT:STATE? CH3", "OFF"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match=r"output 2.*Pull the plug"):
        UnitUdp3305s(line, clock).make_safe()


# Both.


def test_an_output_is_set_read_told_and_released(
    supply: UnitUdp3305s, twin: SimUnitUdp3305s
) -> None:
    twin.sense("current2", lambda: rail_v(twin, "out2") / 100.0)
    assert supply.out2.told() is None
    assert supply.out2.go(3.3, limit=0.2) == 3.3
    assert supply.out2.read() == pytest.approx(rail_v(twin, "out2"), abs=0.013)
    assert supply.current2.read() == pytest.approx(0.033, abs=1e-3)
    assert supply.out2.told() == Held(3.3, 0.2)
    supply.out2.release()
    assert (rail_v(twin, "out2"), supply.out2.told()) == (0.0, None)


@pytest.mark.parametrize(("mode", "word"), [("SER", "series"), ("PARA", "parallel")])
def test_joined_outputs_are_not_set_and_are_made_safe(
    supply: UnitUdp3305s, twin: SimUnitUdp3305s, mode: str, word: str
) -> None:
    ask(twin, f"SOURCE:MODE {mode}")
    ask(twin, f"APPLY {mode},12V")
    ask(twin, f"OUTPUT:STATE {mode},ON")
    assert rail_v(twin) == pytest.approx(12.0, abs=0.01)
    for action in (supply.out1.go, supply.out2.go, supply.out1.foresee):
        with pytest.raises(SetpointError, match=f"outputs 1 and 2 are in {word}"):
            action(3.3)
    assert supply.out1.told() == OfItsOwn(f"outputs 1 and 2 in {word}")
    supply.out3.go(5.0)
    supply.make_safe()
    assert (rail_v(twin), rail_v(twin, "out3")) == (0.0, 0.0)


def test_the_over_voltage_protection_is_switched_on_and_only_narrowed(
    supply: UnitUdp3305s, twin: SimUnitUdp3305s
) -> None:
    ask(twin, "OUTPUT:OVP:VALUE CH1,2")  # an old level must not trip what is on
    supply.out1.go(5.0)
    assert supply.out1.protect(None, None) == (None, None)
    assert supply.out1.protect(None, 6.0) == (None, 6.0)
    assert supply.out1.protect(None, 9.0) == (None, 6.0)
    assert rail_v(twin) == pytest.approx(5.0, abs=0.01)
    ask(twin, "APPLY CH1,7V")
    assert (rail_v(twin), supply.out1.told()) == (0.0, None)


def test_an_over_voltage_that_lasts_keeps_it_off(
    supply: UnitUdp3305s, twin: SimUnitUdp3305s, world: World
) -> None:
    supply.out1.go(5.0)
    world.add_fault("SIM-PSU", Fault("trip1"))
    assert supply.out1.told() is None
    with pytest.raises(InstrumentError, match="has it tripped"):
        supply.out1.go(5.0)
    assert rail_v(twin) == 0.0


@pytest.mark.parametrize("kind", ["setpoint_changed", "output_off", "joined", "trip1"])
def test_what_a_person_does_at_the_panel_is_told(
    supply: UnitUdp3305s, world: World, kind: str
) -> None:
    supply.out1.go(5.0)
    before = supply.out1.told()
    world.add_fault("SIM-PSU", Fault(kind))
    assert supply.out1.told() != before


# The twin. Every command and query of philpagel's Python class and TestController file.


CHANNELS = {"NORMAL": ("CH1", "CH2", "CH3"), "SER": ("SER", "CH3"), "PARA": ("PARA", "CH3")}
NAMED = [(mode, name) for mode, names in CHANNELS.items() for name in names]


@pytest.mark.parametrize(("mode", "name"), NAMED)
def test_the_exchanges_of_public_clients(
    twin: SimUnitUdp3305s, world: World, mode: str, name: str
) -> None:
    for sent, asked, reply in (
        (f"SOURCE:MODE {mode}", "SOURce:Mode?", mode),
        (f"APPLY {name},5V", f"APPLY? {name},VOLT", rf"{name},5\.000"),
        (f"APPLY {name},1A", f"APPLY? {name},CURRENT", rf"{name},1\.0000"),
        (f"OUTPUT:OVP:VALUE {name},6", f"OUTPUT:OVP:VALUE? {name}", r"6\.000"),
        (f"OUTPut:OVP:STATe {name}, ON", f"OUTPut:OVP:STATe? {name}", "ON"),
        (f"OUTPUT:OCP:VALUE {name},2", f"OUTPUT:OCP:VALUE? {name}", r"2\.0000"),
        (f"OUTPUT:OCP:STATE {name},ON", f"OUTPut:OCP:STATe? {name}", "ON"),
        (f"OUTPUT:STATE {name},ON", f"OUTPUT:STATE? {name}", "ON"),
        ("", f"MEASURE:VOLT? {name}", r"[45]\.\d{3}"),
        ("", f"MEASURE:CURRENT? {name}", r"0\.\d{4}"),
        ("", f"MEASURE:POWER? {name}", r"0\.\d{3}"),
        ("", f"MEASURE:ALL? {name}", r"[45]\.\d{3},0\.\d{4},0\.\d{3}"),
        ("OUTPUT:STATE ALL,ON", f"OUTPUT:STATE? {name}", "ON"),
        ("OUTPUT:STATE ALL,OFF", f"OUTPUT:STATE? {name}", "OFF"),
        ("SYST:KLOCK:STATE ON", "SYST:KLOCK:STATE?", "ON"),
        ("LOCK OFF", "SYST:KLOCK:STATE?", "OFF"),
    ):
        assert ask(twin, sent) == ""
        assert re.fullmatch(reply, ask(twin, asked)), asked
    assert not world.beyond_of("SIM-PSU")


def test_joined_they_give_twice_the_volts_or_the_amperes(twin: SimUnitUdp3305s) -> None:
    ask(twin, "APPLY CH1,34V")
    assert ask(twin, "APPLY? CH1,VOLT") == "CH1,0.000"
    ask(twin, "SOURCE:MODE SER")
    ask(twin, "APPLY SER,66V")
    assert ask(twin, "APPLY? SER,VOLT") == "SER,66.000"
    assert ask(twin, "APPLY? CH1,VOLT") == ""  # there is no such output then
    ask(twin, "SOURCE:MODE PARA")
    ask(twin, "APPLY PARA,10.4A")
    assert ask(twin, "APPLY? PARA,CURRENT") == "PARA,10.4000"


def test_at_its_limit_it_is_held_down_or_trips(twin: SimUnitUdp3305s) -> None:
    twin.sense("current3", lambda: rail_v(twin, "out3") / 1.0)
    for message in ("APPLY CH3,1A", "APPLY CH3,5V", "OUTPUT:STATE CH3,ON"):
        ask(twin, message)
    assert rail_v(twin, "out3") == pytest.approx(1.0, abs=0.05)
    ask(twin, "OUTPUT:OCP:STATE CH3,ON")
    assert (rail_v(twin, "out3"), ask(twin, "OUTPUT:STATE? CH3")) == (0.0, "OFF")
