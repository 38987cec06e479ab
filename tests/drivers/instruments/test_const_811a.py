"""ConST 811A: driver and twin, each against the wire as public clients and notes show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import (
    InstrumentError,
    LinkTimeout,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.core.quantity import components
from sensorbench.instruments.const_811a.driver import Const811a
from sensorbench.instruments.const_811a.twin import SimConst811a
from sensorbench.instruments.const_811a.units import parse_code, parse_pascals
from sensorbench.instruments.telling import Held
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
ACCEPTED = ("SYST:ERR?", '0,"No error"')
ABSOLUTE = ("PRESsure:TYPE?", "A,1")
IN_KPA = ("PRESsure:MODule1:UNIT?", "1133")
IN_MPA = ("PRESsure:MODule1:UNIT?", "1132")
RANGE = (IN_KPA, ("PRESsure:TARGet:RANGe?", "0,200,kPa"))


@pytest.fixture
def twin(world: World) -> SimConst811a:
    return SimConst811a(world, "123456789")


@pytest.fixture
def line(twin: SimConst811a) -> InProcessLine:
    return InProcessLine(twin, Const811a.LINE, "press")


@pytest.fixture
def press(line: InProcessLine, clock: VirtualClock) -> Const811a:
    return Const811a(line, clock)


# The driver, against written exchanges.


def test_one_that_leaves_its_model_out_must_answer_as_an_811a(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("*IDN?", "ADDITEL,,123456789,P25d&MPC V2.0.0.6"), ("PRESsure:MODule1:STABle?", "1")
    )
    identity = Const811a(line, clock).identify()
    assert (identity.model, identity.serial) == ("811A", "123456789")
    assert "it does not tell" in str(identity)


@pytest.mark.parametrize(
    "told", ["ADDITEL,ADT761A,1,1.0", "ConST,820,1,1.0", "GE Druck,,1,1.0", "Mensor,811,1,1.0"]
)
def test_another_controller_is_refused(scripted: Scripted, clock: VirtualClock, told: str) -> None:
    with pytest.raises(WrongDevice, match="is this the right address"):
        Const811a(scripted(("*IDN?", told)), clock).identify()


def test_one_that_names_itself_is_believed(scripted: Scripted, clock: VirtualClock) -> None:
    identity = Const811a(scripted(("*IDN?", "ConST,ConST811A,77,2.0")), clock).identify()
    assert identity.or_models == ()


def test_a_reading_is_taken_in_the_unit_it_says(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(ABSOLUTE, IN_MPA, ("PRESsure0?", "0.566,MPa"))
    assert Const811a(line, clock).pressure.read() == 566_000.0
    line = scripted(ABSOLUTE, IN_KPA, ("PRESsure0?", "101.3250,kPa,extra"))
    assert Const811a(line, clock).pressure.read() == 101_325.0


@pytest.mark.parametrize(
    "reply",
    [
        "0.566,MPa",
        "0.566,kpa",
        "566",
        "566,",
        "",
        "566,kPa,566,kPa",
        "566,kPa,",
        "1,2,kPa",
        "-,kPa",
    ],
)
def test_a_reading_in_another_unit_or_shape_is_no_value(
    scripted: Scripted, clock: VirtualClock, reply: str
) -> None:
    with pytest.raises(ProtocolError):
        Const811a(scripted(ABSOLUTE, IN_KPA, ("PRESsure0?", reply)), clock).pressure.read()


@pytest.mark.parametrize("told", ["G,1", "G,0", "D,0", "A", "", "A,1,A,1"])
def test_what_does_not_count_from_vacuum_is_not_read(
    scripted: Scripted, clock: VirtualClock, told: str
) -> None:
    with pytest.raises(ProtocolError, match="Choose absolute pressure"):
        Const811a(scripted(("PRESsure:TYPE?", told)), clock).pressure.read()


@pytest.mark.parametrize("code", ["1131", "1134", "1135", "1104", "0", "MPa", "11321132"])
def test_a_code_of_which_tables_differ_is_no_unit(code: str) -> None:
    with pytest.raises(ProtocolError, match="choose kPa"):
        parse_code(code, "?")


def test_limits_and_ranges_come_with_their_unit() -> None:
    assert parse_pascals("0,73.5,MPa", 2, "MPa", "?") == (0.0, 73_500_000.0)
    assert parse_pascals("0.005,70,MPa", 2, "MPa", "?") == (5000.0, 70_000_000.0)


def test_the_target_is_set_in_kpa_and_read_back_before_it_controls(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        IN_MPA, ("PRESsure:TARGet:RANGe?", "0,73.5,MPa"), ABSOLUTE,
        IN_MPA, ("PRESsure:MODule1:UNIT 1133", None), ACCEPTED, IN_KPA,
        ("PRESsure:TARGet 100.5000", None), ACCEPTED, IN_KPA, ("PRESsure:TARGet?", "100.5,kPa"),
        ("PRESsure:MODE CONTROL", None), ("PRESsure:MODE?", "CONTROL"),
    )  # fmt: skip
    assert Const811a(line, clock).pressure.go(100_500.0) == 100_500.0


def test_a_unit_that_is_refused_without_a_word_is_noticed(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        IN_MPA, ("PRESsure:TARGet:RANGe?", "0,73.5,MPa"), ABSOLUTE,
        IN_MPA, ("PRESsure:MODule1:UNIT 1133", None), ACCEPTED, IN_MPA,
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="MPa the module stays in that unit"):
        Const811a(line, clock).pressure.go(100_500.0)


def test_a_target_that_it_does_not_hold_ends_its_control(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        *RANGE, ABSOLUTE, IN_KPA, ("PRESsure:TARGet 150.0000", None), ACCEPTED,
        IN_KPA, ("PRESsure:TARGet?", "0.15,kPa"), ("PRESsure:MODE?", "CONTROL"),
        ("PRESsure:MODE MEASURE", None), ("PRESsure:MODE?", "MEASURE"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match=r"press|150.0000.*does not control now"):
        Const811a(line, clock).pressure.go(150_000.0)


def test_a_refusal_is_raised_in_its_own_words(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        *RANGE, ABSOLUTE, IN_KPA, ("PRESsure:TARGet 150.0000", None),
        ("SYST:ERR?", '-102,"Syntax error"'), ACCEPTED,
    )  # fmt: skip
    with pytest.raises(InstrumentError, match="-102 Syntax error"):
        Const811a(line, clock).pressure.go(150_000.0)


def test_beyond_the_fitted_module_nothing_is_set(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(SetpointError, match="nothing was set"):
        Const811a(scripted(*RANGE), clock).pressure.go(200_001.0)


def test_a_vent_has_twice_the_time(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("PRESsure:MODE VENT", None), ("PRESsure:MODE?", "VENT"))
    Const811a(line, clock).make_safe()
    assert line.timeouts == [10.0]


# The twin, against the same exchanges.


def test_the_exchanges_of_the_notes(twin: SimConst811a, world: World) -> None:
    exchanges: list[tuple[bytes, bytes | None]] = [
        (b"*IDN?", b"ADDITEL,,123456789,P25d&MPC V2.0.0.6"),
        (b"PRESsure:MODule:UNIT? 1", b"1132"),
        (b"PRESsure:MODule1:UNIT?", b"1132"),
        (b"PRESsure:TARGet:RANGe?", b"0,0.2,MPa"),
        (b"PRESsure:MODule1:UNIT 1133", None),
        (b"PRESsure:MODule:UNIT? 1", b"1133"),
        (b"PRESsure:TARGet 100.5", None),
        (b"PRESsure:TARGet?", b"100.5,kPa"),
        (b"PRESsure:MODE CONTROL", None),
        (b"PRESsure:MODE?", b"CONTROL"),
        (b"PRESsure:MODule1:STABle?", b"0"),
        (b"PRESsure:PLIMit 0,70", None),
        (b"PRESsure:PLIMit?", b"0,70,kPa"),
        (b"PRESsure:PLIMit:ENABle 1", None),
        (b"PRESsure:PLIMit:ENABle?", b"1"),
        (b"SYSTem:ERRor?", b'0,"No error"'),
        (b"PRESsure:TARGet 100.5", None),
        (b"SYSTem:ERRor?", b'-222,"Data out of range"'),
        (b"??", None),
        (b"SYSTem:ERRor?", b'-102,"Syntax error"'),
        (b"PRESsure:MODE MEASURE", None),
        (b"PRESsure:MODE VENT", None),
        (b"PRESsure:MODE?", b"VENT"),
        (b"PRESsure:MODule1:ONLIne?", b"1"),
        (b"PRESsure:MODule1:PTYPe?", b"A"),
        (b"PRESsure:TYPE?", b"A,1"),
        (b"SYSTem:ERRor?", b'0,"No error"'),
    ]
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)
    assert not world.beyond.get("123456789")


def test_codes_are_the_maker_s_and_readings_name_their_unit(twin: SimConst811a) -> None:
    named = {
        b"1130": b"Pa", b"1132": b"MPa", b"1133": b"kPa", b"1137": b"bar", b"1141": b"psi",
        b"1138": b"mbar", b"1136": b"hPa", b"1131": b"GPa",
    }  # fmt: skip
    for code, name in named.items():
        twin.handle(b"PRESsure:MODule1:UNIT " + code)
        assert (twin.handle(b"PRESsure0?") or b"").endswith(b"," + name)


def test_a_unit_that_the_display_can_t_show_is_refused_without_a_word(world: World) -> None:
    twin = SimConst811a(world, "SIM-1", full_scale_pa=10_000_000.0)
    twin.handle(b"PRESsure:MODule1:UNIT 1130")
    assert twin.handle(b"SYSTem:ERRor?") == b'0,"No error"'
    assert twin.handle(b"PRESsure:MODule1:UNIT?") == b"1132"


# Both together.


def line_pa(twin: SimConst811a, clock: VirtualClock) -> float:
    return components(twin.drives["pressure"].at(clock.now()))[0]


def test_it_goes_there_and_says_when_it_is_stable(
    twin: SimConst811a, press: Const811a, clock: VirtualClock
) -> None:
    assert press.pressure.go(150_000.0) == 150_000.0
    assert not press.is_stable()
    assert press.pressure.told() == Held(150_000.0)
    clock.sleep(60.0)
    assert press.is_stable()
    assert press.pressure.read() == pytest.approx(150_000.0, abs=10.0)
    assert 0.001 < abs(line_pa(twin, clock) - 150_000.0) < 20.0


def test_shut_in_keeps_the_pressure_and_a_vent_ends_it(
    twin: SimConst811a, press: Const811a, clock: VirtualClock
) -> None:
    press.pressure.go(150_000.0)
    clock.sleep(60.0)
    assert press.shut_in()
    clock.sleep(3600.0)
    assert line_pa(twin, clock) == pytest.approx(150_000.0, abs=20.0)
    press.pressure.release()
    assert not press.shut_in()
    clock.sleep(120.0)
    assert line_pa(twin, clock) == pytest.approx(101_325.0, abs=1.0)
    assert press.pressure.told() is None


def test_a_unit_that_is_changed_at_the_panel_changes_no_value(
    press: Const811a, world: World, clock: VirtualClock
) -> None:
    press.pressure.go(150_000.0)
    clock.sleep(60.0)
    world.add_fault("123456789", Fault("unit_changed"))
    assert press.pressure.read() == pytest.approx(150_000.0, abs=10.0)
    assert press.pressure.told() == Held(pytest.approx(150_000.0, abs=0.01))
    assert press.pressure.go(120_000.0) == 120_000.0


def test_a_gauge_module_is_neither_read_nor_set(world: World, clock: VirtualClock) -> None:
    twin = SimConst811a(world, "SIM-1", gauge=True)
    press = Const811a(InProcessLine(twin, Const811a.LINE, "press"), clock)
    with pytest.raises(ProtocolError, match="does not count from vacuum"):
        press.pressure.read()
    with pytest.raises(ProtocolError, match="does not count from vacuum"):
        press.pressure.go(50_000.0)
    assert press.pressure.told() is None


def test_its_own_limits_are_switched_on_and_only_narrowed(
    twin: SimConst811a, press: Const811a
) -> None:
    assert press.pressure.protect(None, None) == (None, None)
    assert press.pressure.protect(50_000.04, 150_000.04) == (50_000.1, 150_000.0)
    assert press.pressure.protect(0.0, 160_000.0) == (50_000.1, 150_000.0)
    assert press.pressure.protect(None, 120_000.0) == (50_000.1, 120_000.0)
    with pytest.raises(InstrumentError, match="-222 Data out of range"):
        press.pressure.go(130_000.0)
    assert twin.limited


def test_a_valve_that_sticks_is_told(press: Const811a, world: World, clock: VirtualClock) -> None:
    press.pressure.go(150_000.0)
    clock.sleep(60.0)
    world.add_fault("123456789", Fault("no_vent"))
    with pytest.raises(InstrumentError, match="it is in CONTROL; vent by hand"):
        press.make_safe()


def test_it_vents_whatever_an_earlier_program_left(twin: SimConst811a, press: Const811a) -> None:
    twin.handle(b"NONSENSE")
    press.make_safe()
    assert twin.handle(b"PRESsure:MODE?") == b"VENT"
    assert press.take() == ("-113 Undefined header",)


def test_a_silent_one_is_no_value(press: Const811a, world: World) -> None:
    world.add_fault("123456789", Fault("silent"))
    with pytest.raises(LinkTimeout):
        press.pressure.read()
