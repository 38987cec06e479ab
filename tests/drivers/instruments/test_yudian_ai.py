"""Yudian AI controllers: driver and twin, over AIBUS, and several on one cable."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import (
    ChecksumError,
    InstrumentError,
    ProtocolError,
    SetpointError,
    WrongDevice,
)
from sensorbench.instruments.telling import Held, OfItsOwn
from sensorbench.instruments.yudian_ai.driver import YudianAi
from sensorbench.instruments.yudian_ai.twin import SimYudianAi
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.mount import PtyMount
from sensorbench.links.serial_line import SerialLine
from sensorbench.protocols.aibus_frames import told_by
from sensorbench.station.cable import cable_of
from sensorbench.world.world import World

from .rigs import Rig

SERIAL = "SIM-AI"
posix = pytest.mark.skipif(os.name != "posix", reason="a pty needs POSIX")


class Oven(Rig):
    """A twin, its driver on a line in process, and what is written there: parameter and value."""

    SERIAL = SERIAL

    def __init__(self, world: World, clock: VirtualClock) -> None:
        super().__init__(world, clock)
        self.written: list[tuple[int, int]] = []
        self.spoil: Callable[[bytes, bytes | None], bytes | None] = lambda _, reply: reply

    def make(self, twin: dict[str, Any] | None = None, **driver: Any) -> Oven:
        self.twin = SimYudianAi(self.world, SERIAL, **(twin or {}))
        self.terminators, self.reply_terminator = (), b""
        line = InProcessLine(self, YudianAi.LINE, "oven")
        self.driver: Any = YudianAi(line, self.clock, **driver)
        return self

    def handle(self, line: bytes) -> bytes | None:
        if line[2] == 0x43:
            self.written.append((line[3], int.from_bytes(line[4:6], "little", signed=True)))
        return self.spoil(line, self.twin.handle(line))


@pytest.fixture
def oven(world: World, clock: VirtualClock) -> Oven:
    return Oven(world, clock).make()


def test_it_goes_where_it_is_told_and_stops(oven: Oven) -> None:
    driver = oven.driver
    assert driver.temperature.go(85.0) == 85.0
    assert oven.written == [(0, 850), (0x1B, 0)]  # the set point before it runs
    oven.clock.sleep(7200.0)
    assert oven.air() == pytest.approx(85.0, abs=0.5)
    assert driver.temperature.read() == pytest.approx(85.0, abs=0.5)
    assert driver.temperature.told() == Held(85.0)
    driver.make_safe()
    assert oven.written[2:] == [(0x1B, 1)]
    assert driver.temperature.told() is None
    oven.clock.sleep(86_400.0)
    assert oven.air() == pytest.approx(23.0, abs=0.5)


def test_what_is_there_is_not_written_again(oven: Oven) -> None:
    oven.driver.temperature.go(85.0)
    written = list(oven.written)
    oven.driver.temperature.go(85.0)
    assert oven.written == written


@pytest.mark.parametrize(
    ("point", "target_c", "steps"), [(1, -40.0, -400), (2, 85.5, 8550), (129, 85.5, 8550)]
)
def test_dpt_says_what_a_number_is(
    world: World, clock: VirtualClock, point: int, target_c: float, steps: int
) -> None:
    oven = Oven(world, clock).make({"decimal_point": point})
    assert oven.driver.temperature.go(target_c) == target_c
    assert oven.written[0] == (0, steps)
    assert oven.driver.temperature.told() == Held(target_c)
    assert oven.driver.temperature.read() == pytest.approx(23.0, abs=0.5)


def test_only_what_is_shown_is_set(world: World, clock: VirtualClock) -> None:
    oven = Oven(world, clock).make({"decimal_point": 129})
    assert oven.driver.temperature.go(85.46) == 85.5  # it shows tenths


@pytest.mark.parametrize("point", [0, 128])
def test_whole_degrees_are_read_and_not_set(world: World, clock: VirtualClock, point: int) -> None:
    oven = Oven(world, clock).make({"decimal_point": point})
    assert oven.driver.temperature.read() == pytest.approx(23.0, abs=1.0)
    with pytest.raises(SetpointError, match=r"set dPt to 0\.0\. Nothing was set"):
        oven.driver.temperature.foresee(85.0)
    assert oven.written == []


def test_more_than_its_numbers_have_is_said_before_anything_is_sent(
    world: World, clock: VirtualClock
) -> None:
    oven = Oven(world, clock).make({"decimal_point": 2})
    with pytest.raises(SetpointError, match="more than it can be told with its dPt, 320 degC"):
        oven.driver.temperature.go(400.0)
    assert oven.written == []


# Who it is.


@pytest.mark.parametrize("model", ["AI-516", "AI-518", "AI-526", "AI-708", "AI-719"])
def test_it_says_who_it_is(world: World, clock: VirtualClock, model: str) -> None:
    identity = Oven(world, clock).make({"model": model}).driver.identify()
    assert (identity.manufacturer, identity.model) == ("Yudian", model)


def test_a_model_with_programs_is_read_and_made_safe_and_not_set(
    world: World, clock: VirtualClock
) -> None:
    oven = Oven(world, clock).make({"model": "AI-518P"})
    driver = oven.driver
    assert driver.identify().model == "AI-518P, read and not set"
    assert driver.temperature.read() == pytest.approx(23.0, abs=0.5)
    for ask in (driver.temperature.go, driver.temperature.foresee):
        with pytest.raises(SetpointError, match=r"it is an AI-518P, .*not set\. Nothing was set"):
            ask(85.0)
    assert driver.temperature.protect(-10.0, 130.0) == (-250.0, 1000.0)
    assert oven.written == []
    oven.twin.runs = 0
    assert driver.temperature.told() == OfItsOwn("a program of its own")
    driver.make_safe()
    assert oven.twin.runs == 1


@pytest.mark.parametrize(
    ("twin", "fault", "told"),
    [({}, "identity", "12, as a run word of version 7"), ({"model": "AI-808"}, "", "is 8080; of")],
)
def test_what_is_not_known_is_neither_read_nor_set(
    world: World, clock: VirtualClock, twin: dict[str, Any], fault: str, told: str
) -> None:
    oven = Oven(world, clock).make(twin)
    if fault:
        oven.fault(fault)
    driver = oven.driver
    for act in (
        driver.identify,
        driver.temperature.read,
        driver.temperature.told,
        lambda: driver.temperature.go(85.0),
        driver.make_safe,
        driver.read_alarms,
    ):
        with pytest.raises(WrongDevice, match=told):
            act()
    assert oven.written == []


# What somebody does at the panel.


def test_a_control_that_follows_no_set_point_is_not_set(oven: Oven) -> None:
    oven.twin.control = 3
    with pytest.raises(SetpointError, match=r"CtrL is 3, .*APID or nPID\. Nothing was set"):
        oven.driver.temperature.foresee(85.0)
    assert oven.written == []


def test_a_hold_is_its_own_and_ends(oven: Oven) -> None:
    oven.driver.temperature.go(85.0)
    oven.twin.runs = 2
    assert oven.driver.temperature.told() == OfItsOwn("hold")
    oven.driver.temperature.go(85.0)
    assert oven.driver.temperature.told() == Held(85.0)


def test_another_set_point_that_it_controls_to_is_an_error(oven: Oven) -> None:
    def second(sent: bytes, reply: bytes | None) -> bytes | None:
        return told_by(1, 230, 600, 50, 0, 850) if sent[2:4] == b"\x52\x00" else reply

    oven.spoil = second
    with pytest.raises(InstrumentError, match="does an input of it choose another set point"):
        oven.driver.temperature.go(85.0)


def test_what_it_accepts_and_does_not_do_is_an_error(oven: Oven) -> None:
    handle = oven.twin.handle

    def deaf(line: bytes) -> bytes | None:
        return told_by(1, 230, 230, 0, 0, 0) if line[2:4] == b"\x43\x1b" else handle(line)

    oven.twin.handle = deaf  # type: ignore[method-assign]
    with pytest.raises(InstrumentError, match=r"is it locked at the panel \(Loc\)"):
        oven.driver.temperature.go(85.0)


# Its alarms.


def test_its_absolute_alarms_are_narrowed_and_never_widened(oven: Oven) -> None:
    protect = oven.driver.temperature.protect
    assert protect(None, None) == (-250.0, 1000.0)
    assert protect(-10.0, 130.0) == (-10.0, 130.0)
    assert oven.written == [(2, -100), (1, 1300)]
    assert protect(-50.0, 150.0) == (-10.0, 130.0)
    assert len(oven.written) == 2


def test_alarms_are_told_by_name(oven: Oven) -> None:
    assert oven.driver.read_alarms() == ()
    oven.driver.temperature.protect(None, 60.0)
    oven.driver.temperature.go(80.0)
    oven.clock.sleep(7200.0)
    assert oven.driver.read_alarms() == ("high alarm (HIAL)",)
    oven.fault("sensor_open")
    assert oven.driver.read_alarms() == ("input beyond its range (orAL)",)
    with pytest.raises(ProtocolError, match=r"oven: no temperature: .*Is a sensor open"):
        oven.driver.temperature.read()


# The wire.

EXAMPLES = [
    ("8181430052039603", (850, 850)),
    ("8181520000005300", (850, 850)),
    ("8181430070feb4fe", (-400, -400)),
]


def test_the_twin_answers_as_the_maker_has_it(world: World) -> None:
    twin = SimYudianAi(world, SERIAL)
    for sent, (set_point, value) in EXAMPLES:
        reply = twin.handle(bytes.fromhex(sent)) or b""
        measured = int.from_bytes(reply[:2], "little")
        assert measured == pytest.approx(230, abs=5)
        assert reply == told_by(1, measured, set_point, 0, 0, value)


def test_the_twin_has_no_other_parameters_and_no_other_address(world: World) -> None:
    twin = SimYudianAi(world, SERIAL)
    reply = twin.handle(bytes.fromhex("8181522b0000") + (0x2B53).to_bytes(2, "little")) or b""
    assert reply[6:8] == b"\xff\x7f"
    assert world.beyond[SERIAL].counts == {"parameter 2Bh": 1}
    assert twin.handle(bytes.fromhex("8282520000005400")) is None


@posix
def test_two_at_one_cable_are_each_spoken_to() -> None:
    world = World(RealClock(100.0), 1)
    twins = [SimYudianAi(world, f"{SERIAL}{n}", address=n) for n in (1, 2)]
    with (
        PtyMount(cable_of(twins)) as mount,
        SerialLine(mount.address, YudianAi.LINE, "cable") as line,
    ):
        first, second = (YudianAi(line, RealClock(), address=n) for n in (1, 2))
        first.temperature.go(85.0)
        second.temperature.go(-20.0)
        assert (first.temperature.told(), second.temperature.told()) == (Held(85.0), Held(-20.0))
        first.make_safe()
        assert (twins[0].runs, twins[1].runs) == (1, 0)


def test_a_late_reply_of_the_neighbour_is_no_reading(oven: Oven) -> None:
    oven.driver.identify()
    oven.spoil = lambda *_: told_by(2, 250, 850, 50, 0, 1)
    with pytest.raises(ChecksumError, match=r"oven: .* another unit that came late"):
        oven.driver.temperature.read()
