"""Mensor CPC6000: driver and twin, each against the wire as manuals and public clients show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import serial

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import (
    InstrumentError,
    LinkTimeout,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.core.quantity import components
from sensorbench.instruments.mensor_cpc6000.driver import MensorCpc6000
from sensorbench.instruments.mensor_cpc6000.replies import (
    Reply,
    parse_error,
    parse_unit,
    parse_value,
    parse_yes,
)
from sensorbench.instruments.mensor_cpc6000.twin import SimMensorCpc6000
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
SERIAL = "610189"
ON_A, ABSOLUTE, IN_MBAR = ("Chan?", " A"), ("Ptype?", " ABSOLUTE"), ("Units?", " mbar")
RANGE = (
    IN_MBAR, ("RangeMin?", " +0.00000E+00"), IN_MBAR,
    IN_MBAR, ("RangeMax?", " +2.00000E+03"), IN_MBAR,
)  # fmt: skip


@pytest.fixture
def twin(world: World) -> SimMensorCpc6000:
    return SimMensorCpc6000(world, SERIAL)


@pytest.fixture
def cpc(twin: SimMensorCpc6000, clock: VirtualClock) -> MensorCpc6000:
    return MensorCpc6000(InProcessLine(twin, MensorCpc6000.LINE, "cpc"), clock)


# The driver, against written exchanges.


@pytest.mark.parametrize("flag", [" ", "E"])
def test_the_identity_is_read_whatever_its_flag(
    scripted: Scripted, clock: VirtualClock, flag: str
) -> None:
    line = scripted(("ID?", f"{flag}MENSOR, 600, 610189, 0.1.5"))
    identity = MensorCpc6000(line, clock).identify()
    assert (identity.model, identity.serial, identity.firmware) == ("CPC6000", "610189", "0.1.5")
    assert "it does not tell" in str(identity)


@pytest.mark.parametrize(
    "told", [" MENSOR, 610, 1, 1", " WIKA, 600, 1, 1", " MENSOR, 600, 1", " MENSOR", " x"]
)
def test_another_instrument_is_refused(scripted: Scripted, clock: VirtualClock, told: str) -> None:
    with pytest.raises(WrongDevice, match="is this the right address"):
        MensorCpc6000(scripted(("ID?", told)), clock).identify()


@pytest.mark.parametrize("reply", ["", "MENSOR, 600, 1, 1", " ", "E", "101.3"])
def test_a_reply_without_blank_or_flag_is_no_reply(reply: str) -> None:
    with pytest.raises(ProtocolError, match="a blank or an E"):
        Reply.parse(reply, "ID?")


def test_numbers_units_flags_and_errors() -> None:
    assert parse_value("+1.01325E+03", "A?") == parse_value("1,01325E+03", "A?") == 1013.25
    assert [parse_unit(name, "?") for name in ("kPa", "PSI", "mbar", "MPa", "Pa")] == [
        1e3, 6894.757293168361, 100.0, 1e6, 1.0,
    ]  # fmt: skip
    assert (parse_yes("YES", "AS?"), parse_yes("NO", "AS?")) == (True, False)
    assert parse_error("E12-Syntax error - in 3", "?") == (12, "Syntax error - in 3")
    assert parse_error(" 00-No errors", "?")[0] == 0


@pytest.mark.parametrize("text", ["101,325", "1,01,3E+02", "1.0,2E+02", "1.0 2.0", "NaN", "--"])
def test_what_is_no_one_number_is_an_error(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_value(text, "A?")


def test_other_units_flags_and_errors_are_refused() -> None:
    for unit in ("inHg @0C", "", "k Pa", "Pascal", "%FS"):
        with pytest.raises(ProtocolError, match="choose kPa"):
            parse_unit(unit, "Units?")
    with pytest.raises(ProtocolError, match="YES or NO"):
        parse_yes("MAYBE", "AS?")
    with pytest.raises(ProtocolError, match="a number, - and a text"):
        parse_error("Syntax error", "Errorno?")


def test_a_reading_has_its_unit_before_and_after(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(ON_A, ABSOLUTE, IN_MBAR, ("A?", " +1.01325E+03"), IN_MBAR)
    assert MensorCpc6000(line, clock).pressure.read() == 101_325.0
    line = scripted(ON_A, ABSOLUTE, IN_MBAR, ("A?", " +1.01325E+03"), ("Units?", " bar"))
    with pytest.raises(ProtocolError, match="its unit changed"):
        MensorCpc6000(line, clock).pressure.read()


def test_a_reading_with_errors_is_refused_and_they_are_told(
    scripted: Scripted, clock: VirtualClock
) -> None:
    told = (("Errorno?", "E12-Syntax error"), ("Errorno?", " 1, No error"))
    for line in (
        scripted(ON_A, ABSOLUTE, IN_MBAR, ("A?", "E+1.01325E+03"), *told),
        scripted(("Chan?", "EA"), *told),
    ):
        with pytest.raises(InstrumentError, match="12 Syntax error it had these errors to tell"):
            MensorCpc6000(line, clock).pressure.read()


def test_another_active_channel_gives_no_reading(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(ProtocolError, match="choose channel A at the panel"):
        MensorCpc6000(scripted(("Chan?", " B")), clock).pressure.read()
    with pytest.raises(ProtocolError, match="expected A, B or D"):
        MensorCpc6000(scripted(("Chan?", " C")), clock).pressure.read()


def test_the_set_point_is_read_back_before_it_controls(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ("Chan?", " B"), ("Chan A", None), ON_A, ABSOLUTE, *RANGE,
        IN_MBAR, ("Setpt 1.00000000E+03", None), IN_MBAR, ("Setpt?", " +1.00000E+03"), IN_MBAR,
        ("Mode CONTROL", None), ("Mode?", " CONTROL"),
    )  # fmt: skip
    assert MensorCpc6000(line, clock).pressure.go(100_000.0) == 100_000.0


def test_a_set_point_that_was_refused_ends_its_control(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ON_A, ABSOLUTE, *RANGE, IN_MBAR, ("Setpt 1.00000000E+03", None), ("Units?", "Embar"),
        ("Errorno?", "E03-Out of range"), ("Errorno?", " 00-No errors"),
        ("Mode?", " CONTROL"), ("Mode MEASURE", None), ("Mode?", " MEASURE"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match=r"Setpt 1.*3 Out of range.*does not control now"):
        MensorCpc6000(line, clock).pressure.go(100_000.0)


def test_another_set_point_than_was_sent_ends_its_control(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        ON_A, ABSOLUTE, *RANGE, IN_MBAR, ("Setpt 1.00000000E+03", None),
        IN_MBAR, ("Setpt?", " +9.00000E+02"), IN_MBAR, ("Mode?", " MEASURE"),
    )  # fmt: skip
    with pytest.raises(InstrumentError, match=r"90000 Pa.*does not control now"):
        MensorCpc6000(line, clock).pressure.go(100_000.0)


def test_beyond_the_sensor_in_use_nothing_is_set(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(SetpointError, match="sensor in use; nothing was set"):
        MensorCpc6000(scripted(ON_A, ABSOLUTE, *RANGE), clock).pressure.go(200_001.0)


def test_a_channel_that_does_not_become_active_is_told(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(("Chan?", " B"), ("Chan A", None), ("Chan?", " B"))
    with pytest.raises(InstrumentError, match="choose it at the panel"):
        MensorCpc6000(line, clock).make_safe()


def test_channel_b_has_its_own_queries(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        ("Chan?", " B"), ABSOLUTE, IN_MBAR, ("B?", " +1.0E+03"), IN_MBAR, ("BS?", " YES")
    )
    cpc = MensorCpc6000(line, clock, channel="B")
    assert cpc.pressure.read() == 100_000.0
    assert cpc.is_stable()
    with pytest.raises(ValueError, match="allowed: A, B"):
        MensorCpc6000(scripted(), clock, channel="C")


def test_an_unknown_mode_is_an_error(scripted: Scripted, clock: VirtualClock) -> None:
    with pytest.raises(ProtocolError, match="expected one of CONTROL"):
        MensorCpc6000(scripted(ON_A, ("Mode?", " LOCAL")), clock).pressure.told()


# The twin, against the same exchanges.


def test_the_exchanges_of_public_clients(twin: SimMensorCpc6000, world: World) -> None:
    exchanges: list[tuple[bytes, bytes | None]] = [
        (b"ID?", b" MENSOR, 600, 610189, 0.1.5"),
        (b"*IDN?", b" MENSOR, 600, 610189, 0.1.5"),
        (b"Chan?", b" A"),
        (b"Chan B", None),
        (b"Chan?", b" B"),
        (b"Chan A", None),
        (b"Ptype A", None),
        (b"Ptype?", b" ABSOLUTE"),
        (b"Ptype GAUGE", None),
        (b"ptype?", b" GAUGE"),
        (b"Ptype ABSOLUTE", None),
        (b"Units MBAR", None),
        (b"Units?", b" mbar"),
        (b"Units 22", None),
        (b"Units?", b" kPa"),
        (b"Units 15", None),
        (b"Setpt 1.0000E+03", None),
        (b"Setpt?", b" +1.00000000E+03"),
        (b"RangeMin?", b" +0.00000000E+00"),
        (b"RangeMax?", b" +2.00000000E+03"),
        (b"Mode?", b" MEASURE"),
        (b"Mode standby", None),
        (b"Mode?", b" STANDBY"),
        (b"Mode CONTROL", None),
        (b"Mode?", b" CONTROL"),
        (b"AS?", b" NO"),
        (b"Stable?", b" NO"),
        (b"BS?", b" NO"),
        (b"Mode VENT", None),
        (b"Mode?", b" VENT"),
        (b"Baro?", b" +1.01325E+03"),
        (b"Errorno?", b" 00-No errors"),
    ]
    for sent, reply in exchanges:
        assert (sent, twin.handle(sent)) == (sent, reply)
    assert not world.beyond.get(SERIAL)


def test_a_blank_becomes_an_e_while_errors_wait(twin: SimMensorCpc6000, world: World) -> None:
    twin.handle(b"NONSENSE")
    twin.handle(b"Mode LOUD")
    twin.handle(b"Setpt 9E+9")
    assert (twin.handle(b"A?") or b"").startswith(b"E+1.01")
    told = [twin.handle(b"Errorno?") for _ in range(4)]
    assert told == [b"E01-Unknown command", b"E02-Bad data", b"E03-Out of range", b" 00-No errors"]
    assert (twin.handle(b"A?") or b"").startswith(b" +1.01")
    assert list(world.beyond[SERIAL]) == ["NONSENSE"]


def test_the_queue_holds_the_last_ten(twin: SimMensorCpc6000) -> None:
    for number in range(15):
        twin.handle(b"Mode LOUD" if number < 14 else b"Setpt 9E+9")
    told = [twin.handle(b"Errorno?") for _ in range(11)]
    assert told[9:] == [b"E03-Out of range", b" 00-No errors"]


def test_what_is_not_modelled_is_on_record(twin: SimMensorCpc6000, world: World) -> None:
    for line in (b"Chan D", b"Units 7", b"OUTFORM 6", b"UpperLimit 100", b"Keylock Yes"):
        twin.handle(line)
    assert list(world.beyond[SERIAL]) == [
        "CHAN D", "UNITS 7", "OUTFORM 6", "UPPERLIMIT", "KEYLOCK",
    ]  # fmt: skip


# Both together.


def line_pa(twin: SimMensorCpc6000, clock: VirtualClock) -> float:
    return components(twin.drives["pressure"].at(clock.now()))[0]


def test_it_goes_there_shuts_in_and_vents(
    twin: SimMensorCpc6000, cpc: MensorCpc6000, clock: VirtualClock
) -> None:
    cpc.pressure.go(150_000.0)
    assert not cpc.is_stable()
    clock.sleep(60.0)
    assert cpc.is_stable()
    assert cpc.pressure.told() == Held(pytest.approx(150_000.0, abs=0.1))
    assert cpc.pressure.read() == pytest.approx(150_000.0, abs=6.0)
    assert cpc.shut_in()
    clock.sleep(3600.0)
    assert line_pa(twin, clock) == pytest.approx(150_000.0, abs=20.0)
    cpc.pressure.release()
    assert not cpc.shut_in()
    clock.sleep(60.0)
    assert line_pa(twin, clock) == pytest.approx(101_325.0, abs=1.0)
    assert cpc.pressure.told() is None


def test_its_own_channel_is_vented_whichever_is_active(
    twin: SimMensorCpc6000, cpc: MensorCpc6000, world: World, clock: VirtualClock
) -> None:
    cpc.pressure.go(150_000.0)
    clock.sleep(60.0)
    world.add_fault(SERIAL, Fault("channel_changed", clock.now(), clock.now() + 1.0))
    assert isinstance(cpc.pressure.told(), OfItsOwn)
    clock.sleep(5.0)
    cpc.make_safe()
    clock.sleep(60.0)
    assert line_pa(twin, clock) == pytest.approx(101_325.0, abs=1.0)
    assert twin.channels["B"].mode == "MEASURE"


def test_a_unit_that_is_changed_at_the_panel_changes_no_value(
    cpc: MensorCpc6000, world: World, clock: VirtualClock
) -> None:
    cpc.pressure.go(150_000.0)
    clock.sleep(60.0)
    world.add_fault(SERIAL, Fault("unit_changed"))
    assert cpc.pressure.read() == pytest.approx(150_000.0, abs=6.0)
    assert cpc.pressure.told() == Held(pytest.approx(150_000.0, abs=0.1))


def test_channel_b_may_drive_the_parts(world: World, clock: VirtualClock) -> None:
    twin = SimMensorCpc6000(world, "SIM-B", channel="B")
    cpc = MensorCpc6000(InProcessLine(twin, MensorCpc6000.LINE, "cpc"), clock, channel="B")
    with pytest.raises(ProtocolError, match="channel A is active"):
        cpc.pressure.read()
    cpc.pressure.go(50_000.0)
    clock.sleep(60.0)
    assert line_pa(twin, clock) == pytest.approx(50_000.0, abs=20.0)


def test_a_gauge_sensor_is_neither_read_nor_set(world: World, clock: VirtualClock) -> None:
    twin = SimMensorCpc6000(world, "SIM-G", gauge=True)
    cpc = MensorCpc6000(InProcessLine(twin, MensorCpc6000.LINE, "cpc"), clock)
    for act in (cpc.pressure.read, lambda: cpc.pressure.go(50_000.0)):
        with pytest.raises(ProtocolError, match="does not count from vacuum"):
            act()


def test_a_valve_that_sticks_is_told(cpc: MensorCpc6000, world: World, clock: VirtualClock) -> None:
    cpc.pressure.go(150_000.0)
    clock.sleep(60.0)
    world.add_fault(SERIAL, Fault("no_vent"))
    with pytest.raises(InstrumentError, match="it is in CONTROL; vent by hand"):
        cpc.make_safe()


def test_it_vents_whatever_an_earlier_program_left(
    twin: SimMensorCpc6000, cpc: MensorCpc6000
) -> None:
    twin.handle(b"NONSENSE")
    cpc.make_safe()
    assert twin.channels["A"].mode == "VENT"
    assert cpc.take() == ("1 Unknown command",)


def test_a_silent_one_is_no_value(cpc: MensorCpc6000, world: World) -> None:
    world.add_fault(SERIAL, Fault("silent"))
    with pytest.raises(LinkTimeout):
        cpc.pressure.read()


def test_a_public_client_s_calls_work_over_a_serial_port() -> None:
    """CR behind a command, blanks and CR LF taken off, as pymensor does it."""
    twin = SimMensorCpc6000(World(RealClock(speed=20.0), seed=3), SERIAL)
    with PtyMount(twin) as mount, serial.Serial(mount.address, 57_600, timeout=2.0) as port:

        def query(text: str) -> str:
            port.write(f"{text}\r".encode())
            return port.readline().decode().strip()

        assert query("*IDN?").replace(" ", "") == "MENSOR,600,610189,0.1.5"
        port.write(b"Units 23\r")
        assert query("Chan?") == "A"
        assert float(query("A?")) == pytest.approx(101_325.0, abs=20.0)
        assert query("Stable?") == "NO"
