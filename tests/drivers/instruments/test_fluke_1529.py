"""Fluke 1529: driver and twin, each against the wire as its guide and public clients show it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import serial

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InstrumentError, LinkTimeout, ProtocolError, WrongDevice
from sensorbench.instruments.fluke_1529.driver import Fluke1529
from sensorbench.instruments.fluke_1529.readings import parse_reading
from sensorbench.instruments.fluke_1529.twin import SimFluke1529
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.world.fields import Constant
from sensorbench.world.world import Fault, World

Scripted = Callable[..., Any]
STAMPED = ("FORM:STAM?", "1")


@pytest.fixture
def twin(world: World) -> SimFluke1529:
    twin = SimFluke1529(world, "A12345")
    for number in range(1, 5):
        twin.sense(f"temp{number}", lambda number=number: 10.0 * number)
    return twin


@pytest.fixture
def line(twin: SimFluke1529) -> InProcessLine:
    return InProcessLine(twin, Fluke1529.LINE, "readout")


@pytest.fixture
def readout(line: InProcessLine, clock: VirtualClock) -> Fluke1529:
    return Fluke1529(line, clock)


def stamped(is_new: int, channel: int, value: str, unit: str = "C", second: int = 35) -> str:
    return f"{is_new},{channel},{value},{unit},14,5,{second},2000,9,5"


# The driver, against written exchanges.


def test_the_identity(scripted: Scripted, clock: VirtualClock) -> None:
    identity = Fluke1529(scripted(("*IDN?", "HART,1529,A12345,1.31\r")), clock).identify()
    assert (identity.model, identity.serial, identity.firmware) == ("1529", "A12345", "1.31")
    with pytest.raises(WrongDevice, match="is this the right port"):
        Fluke1529(scripted(("*IDN?", "HART,1502A,6A1202,1.10")), clock).identify()


def test_the_first_reading_is_one_that_was_seen_to_come(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        STAMPED, ("FETC? 1", stamped(1, 1, "24.0000")), ("FETC? 1", stamped(0, 1, "24.0000")),
        ("FETC? 1", stamped(1, 1, "25.0127")),
    )  # fmt: skip
    began_s = clock.now()
    assert Fluke1529(line, clock).temp1.read() == 25.0127
    assert clock.now() - began_s == pytest.approx(0.5)


def test_a_later_one_is_believed_by_its_stamp_and_may_be_the_same_again(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        STAMPED, ("FETC? 1", stamped(0, 1, "20", second=1)),
        ("FETC? 1", stamped(1, 1, "21", second=5)),
        STAMPED, ("FETC? 1", stamped(0, 1, "21", second=5)),
        STAMPED, ("FETC? 1", stamped(1, 1, "22", second=21)),
        STAMPED, ("FETC? 1", stamped(0, 1, "22", second=21)),
        ("FETC? 1", stamped(1, 1, "23", second=32)),
    )  # fmt: skip
    readout = Fluke1529(line, clock)
    readings = [readout.temp1.read()]
    for pause_s in (4.0, 16.0, 10.0):
        clock.sleep(pause_s)
        readings.append(readout.temp1.read())
    assert readings == [21.0, 21.0, 22.0, 23.0]


def test_a_clock_that_was_set_is_compared_anew(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(
        STAMPED, ("FETC? 1", stamped(0, 1, "20", second=1)),
        ("FETC? 1", stamped(1, 1, "21", second=5)),
        STAMPED, ("FETC? 1", stamped(1, 1, "22", second=55)),
        ("FETC? 1", stamped(1, 1, "23", second=56)),
    )  # fmt: skip
    readout = Fluke1529(line, clock)
    assert [readout.temp1.read(), readout.temp1.read()] == [21.0, 23.0]


def test_stamps_are_switched_on_and_seen_to_be(scripted: Scripted, clock: VirtualClock) -> None:
    off = ("FORM:STAM?", "0")
    line = scripted(
        off, ("FORM:STAM ON", None), STAMPED, ("FETC? 2", stamped(0, 2, "1")),
        ("FETC? 2", stamped(1, 2, "0.0113")),
    )  # fmt: skip
    assert Fluke1529(line, clock).temp2.read() == 0.0113
    with pytest.raises(InstrumentError, match="tells no stamps"):
        Fluke1529(scripted(off, ("FORM:STAM ON", None), off), clock).temp1.read()


def test_several_wait_at_the_same_time_and_one_that_fails_is_alone(
    scripted: Scripted, clock: VirtualClock
) -> None:
    line = scripted(
        STAMPED, ("FETC? 1", stamped(1, 1, "20.0")), ("FETC? 2", stamped(1, 2, "0.0011", "mV")),
        ("FETC? 4", stamped(1, 4, "300.0", "K")),
        ("FETC? 1", stamped(0, 1, "20.0")), ("FETC? 4", stamped(1, 4, "300.15", "K")),
        ("FETC? 1", stamped(1, 1, "21.0")),
    )  # fmt: skip
    found = Fluke1529(line, clock).read_many(["temp1", "temp2", "temp4"])
    assert found["temp1"] == 21.0
    assert found["temp4"] == pytest.approx(27.0)
    assert "shows its input and no temperature" in str(found["temp2"])


def test_a_member_that_is_not_there_is_refused(readout: Fluke1529) -> None:
    with pytest.raises(KeyError, match="temp5"):
        readout.read_many(["temp1", "temp5"])


@pytest.mark.parametrize(
    ("value", "unit", "celsius"),
    [("25.0127", "C", 25.0127), ("77.0", "F", 25.0), ("273.16", "K", 0.01), ("-40", "F", -40.0)],
)
def test_units_of_temperature_are_converted_by_their_name(
    value: str, unit: str, celsius: float
) -> None:
    assert parse_reading(stamped(1, 3, value, unit), 3, "?").celsius == pytest.approx(celsius)


@pytest.mark.parametrize("unit", ["mV", "O", "kO", "V", "", "c"])
def test_an_input_is_no_temperature(unit: str) -> None:
    found = parse_reading(stamped(1, 3, "100.0291", unit), 3, "?").celsius
    assert isinstance(found, InstrumentError)


@pytest.mark.parametrize("value", ["........", "", "nan", "9.9E37", "--", "1 2"])
def test_an_open_probe_is_no_value(value: str) -> None:
    found = parse_reading(stamped(1, 3, value), 3, "?").celsius
    assert isinstance(found, InstrumentError)
    assert "is its probe open" in str(found)


@pytest.mark.parametrize(
    "reply",
    ["25.0127", "", stamped(2, 1, "25"), stamped(1, 2, "25"), stamped(1, 1, "25") * 2,
     stamped(1, 1, "25")[:-2], stamped(1, 1, "25") + ",1", stamped(1, 1, "25").replace("14", "x"),
     stamped(1, 1, "25", second=77)],
)  # fmt: skip
def test_what_is_no_stamped_reading_of_the_channel_is_an_error(reply: str) -> None:
    with pytest.raises(ProtocolError, match="expected 0 or 1, channel 1"):
        parse_reading(reply, 1, "FETC? 1")


@pytest.mark.parametrize(
    "printed", ["4   25.0127 C  05:18:01 09-05-13", "2  ........ C  05:18:01 09-05-13"]
)
def test_a_line_that_it_prints_by_itself_is_told_as_one(printed: str) -> None:
    with pytest.raises(ProtocolError, match="prints by itself"):
        parse_reading(printed, 4, "FETC? 4")


def test_inputs_are_a_pair(scripted: Scripted, clock: VirtualClock) -> None:
    line = scripted(("SENS3:DATA?", "100.0291, 0.0000"), ("SENS3:DATA?", "100.0291"))
    readout = Fluke1529(line, clock)
    assert readout.read_input(3) == (100.0291, 0.0)
    with pytest.raises(ProtocolError, match="two inputs"):
        readout.read_input(3)


# The twin, against the same exchanges.


def test_the_guide_s_exchanges(twin: SimFluke1529, world: World, clock: VirtualClock) -> None:
    clock.sleep(10.0)
    assert twin.handle(b"*IDN?") == b"HART,1529,A12345,1.31"
    assert twin.handle(b"FORM:STAM?") == b"0"
    for asked in (b"FETC? 1", b"MEAS? 1", b"READ? 1"):
        assert float(twin.handle(asked) or b"") == pytest.approx(10.0, abs=0.02)
    assert twin.handle(b"FORM:STAM ON") is None
    first, again = twin.handle(b"FETC? 2") or b"", twin.handle(b"FETC? 2") or b""
    assert re.fullmatch(rb"1,2,(19\.9|20\.0)\d+,C,10,30,\d+,2026,11,22", first)
    assert again == b"0" + first[1:]
    assert re.fullmatch(rb"111\.67\d\d, 0\.0000", twin.handle(b"SENS3:DATA?") or b"")
    assert not world.beyond.get("A12345")


def test_a_missing_suffix_and_a_compound_command_are_errors(twin: SimFluke1529) -> None:
    assert twin.handle(b"SENS:DATA?") is None
    assert twin.handle(b"SYST:ERR?") == b'-114,"Header suffix out of range"'
    assert twin.handle(b"FETC? 1;FETC? 2") is None
    assert twin.handle(b"SYST:ERR?") == b'-102,"Syntax error"'
    assert twin.handle(b"FETC? 5") is None


def test_millivolts_are_volts_without_a_stamp(world: World, clock: VirtualClock) -> None:
    twin = SimFluke1529(world, "A1", probes={"2": "TC"}, raw=[2])
    twin.sense("temp2", lambda: 23.0 + 0.0011 / 0.0405)
    clock.sleep(10.0)
    assert float(twin.handle(b"FETC? 2") or b"") == pytest.approx(1.1e-6, abs=2e-7)
    twin.handle(b"FORM:STAM 1")
    assert re.fullmatch(rb"0,2,0\.00\d\d,mV,.*", twin.handle(b"FETC? 2") or b"")


def test_ohms_and_kilohms(world: World, clock: VirtualClock) -> None:
    twin = SimFluke1529(world, "A1", probes={"1": "PRT", "2": "THER"}, raw=[1, 2])
    twin.sense("temp1", lambda: 0.0)
    twin.sense("temp2", lambda: 25.0)
    clock.sleep(10.0)
    assert float(twin.handle(b"FETC? 1") or b"") == pytest.approx(100.0, abs=0.01)
    assert float(twin.handle(b"FETC? 2") or b"") == pytest.approx(10_000.0, abs=5.0)
    twin.handle(b"FORM:STAM ON")
    value, unit = (twin.handle(b"FETC? 2") or b"").split(b",")[2:4]
    assert (float(value), unit) == (pytest.approx(10.0, abs=0.005), b"kO")
    assert (twin.handle(b"FETC? 1") or b"").split(b",")[3] == b"O"


def test_a_probe_that_nobody_knows_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="PRT, THER, TC"):
        SimFluke1529(world, "A1", probes={"1": "PT1000"})


# Both together.


def test_four_channels_are_read_in_one_sweep(readout: Fluke1529, clock: VirtualClock) -> None:
    began_s = clock.now()
    found = readout.read_many(["temp1", "temp2", "temp3", "temp4"])
    assert [found[f"temp{n}"] for n in range(1, 5)] == pytest.approx([10, 20, 30, 40], abs=0.02)
    assert clock.now() - began_s <= 4.5


def test_once_the_clocks_are_compared_nothing_is_waited_for(
    twin: SimFluke1529, readout: Fluke1529, clock: VirtualClock
) -> None:
    clock.sleep(60.0)
    assert readout.temp1.read() == pytest.approx(10.0, abs=0.02)
    twin.sense("temp1", lambda: 85.0)
    clock.sleep(60.0)
    began_s = clock.now()
    assert readout.temp1.read() == pytest.approx(85.0, abs=0.02)
    assert clock.now() == began_s


def test_what_is_read_aside_may_be_read_again_at_once(
    readout: Fluke1529, clock: VirtualClock
) -> None:
    for _ in range(20):
        assert clock.aside(readout.temp4.read) == pytest.approx(40.0, abs=0.02)
        clock.sleep(1.0)


def test_a_readout_that_measures_no_more_gives_no_value(
    readout: Fluke1529, world: World, clock: VirtualClock
) -> None:
    readout.temp1.read()
    world.add_fault("A12345", Fault("stopped", at_s=clock.now()))
    clock.sleep(60.0)
    with pytest.raises(InstrumentError, match=r"no new reading.*sample period"):
        readout.temp1.read()


def test_an_open_probe_takes_nothing_from_later_ones(
    readout: Fluke1529, world: World, clock: VirtualClock
) -> None:
    world.add_fault("A12345", Fault("open", until_s=clock.now() + 30.0))
    clock.sleep(20.0)
    with pytest.raises(InstrumentError, match="is its probe open"):
        readout.temp1.read()
    clock.sleep(20.0)
    assert readout.temp1.read() == pytest.approx(10.0, abs=0.02)


def test_lines_that_it_prints_by_itself_become_no_value(readout: Fluke1529, world: World) -> None:
    world.add_fault("A12345", Fault("prints"))
    with pytest.raises(ProtocolError):
        readout.temp1.read()


def test_a_slow_one_is_told_and_a_simultaneous_one_is_quick(
    world: World, clock: VirtualClock
) -> None:
    slow = SimFluke1529(world, "SLOW", period_s=60.0)
    readout = Fluke1529(InProcessLine(slow, Fluke1529.LINE, "slow"), clock)
    with pytest.raises(InstrumentError, match="choose a sample period of a few seconds"):
        readout.temp1.read()
    quick = SimFluke1529(world, "QUICK", simultaneous=True)
    readout = Fluke1529(InProcessLine(quick, Fluke1529.LINE, "quick"), clock)
    began_s = clock.now()
    readout.read_many(["temp1", "temp2", "temp3", "temp4"])
    assert clock.now() - began_s <= 1.25


def test_a_unit_that_somebody_chose_changes_no_value(
    twin: SimFluke1529, readout: Fluke1529
) -> None:
    twin.handle(b"UNIT:TEMP F")
    assert readout.temp3.read() == pytest.approx(30.0, abs=0.02)


def test_a_channel_set_to_ohms_is_told(world: World, clock: VirtualClock) -> None:
    twin = SimFluke1529(world, "A1", raw=[2])
    readout = Fluke1529(InProcessLine(twin, Fluke1529.LINE, "readout"), clock)
    found = readout.read_many(["temp1", "temp2"])
    assert found["temp1"] == pytest.approx(23.0, abs=0.02)
    assert isinstance(found["temp2"], InstrumentError)


def test_a_silent_one_is_no_value(readout: Fluke1529, world: World) -> None:
    world.add_fault("A12345", Fault("silent"))
    with pytest.raises(LinkTimeout):
        readout.temp1.read()


def test_over_a_serial_port() -> None:
    world = World(RealClock(speed=20.0), seed=3)
    twin = SimFluke1529(world, "A1")
    twin.sense("temp4", lambda: 37.0)
    with (
        PtyMount(twin) as mount,
        SerialLine(mount.address, Fluke1529.LINE, "readout") as line,
    ):
        readout = Fluke1529(line, RealClock(speed=20.0))
        assert readout.identify().serial == "A1"
        assert readout.temp4.read() == pytest.approx(37.0, abs=0.02)


def test_a_public_client_s_calls_work_on_the_twin() -> None:
    """Lines that end with LF, an answer read as a line, 9600 baud: as public loggers do it."""
    twin = SimFluke1529(World(RealClock(speed=20.0), seed=3), "A1")
    with PtyMount(twin) as mount, serial.Serial(mount.address, 9600, timeout=2.0) as port:
        port.write(b"*IDN?\n")
        assert port.readline().decode().strip().startswith("HART,1529")
        port.write(b"FETC? 1\r")
        assert float(port.readline()) == pytest.approx(23.0, abs=0.02)


def test_the_world_reaches_a_probe(world: World, clock: VirtualClock) -> None:
    twin, field = SimFluke1529(world, "A1"), Constant(55.0)
    twin.sense("temp1", lambda: field.at(clock.now()))
    readout = Fluke1529(InProcessLine(twin, Fluke1529.LINE, "readout"), clock)
    assert readout.temp1.read() == pytest.approx(55.0, abs=0.02)
