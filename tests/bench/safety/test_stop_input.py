"""A door or a button stops a run whatever else stands: a question, people who are being told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import LinkTimeout
from sensorbench.core.operator import Operator, Question
from sensorbench.run.progress import Status
from sensorbench.safety.limits import SafetyStop
from sensorbench.station.person import Terminal
from sensorbench.station.station import Station, open_station

from ...workspaces import HEAD, QUICK, events, execute_ending, job_of
from ..run.climate import CLIMATE, bake, workspace
from ..run.test_ends import driver, is_safe
from ..station.test_person import typing
from .listeners import Web, web
from .test_actions import DOOR

__all__ = ["typing"]

SPEED = 60.0
BUTTON = DOOR + 'period = "1 s"\naction = "stop"\n'
PROMPT = '[[phase]]\nkind = "prompt"\nname = "look"\ntext = "Look."\n' + bake("1 h")
ASKS = '\n[on_failure]\nretry = { times = 0 }\nthen = "ask"\n'


class Waits(Terminal):
    """A terminal at which units are loaded, and nobody answers; `asked` once it asks."""

    twins: Operator

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    def ask(self, question: Question) -> str:
        if question.what["kind"] not in {"prompt", "failure"}:
            return self.twins.ask(question)
        self.asked.set()
        return super().ask(question)


class Button:
    """A contact that gives 5 V until somebody presses it."""

    def __init__(self, station: Station) -> None:
        self.pressed_s = 0.0
        original = station.member

        def member(ref: Any) -> Any:
            found = original(ref)
            if str(ref) != "dmm.voltage":
                return found
            return replace(found, _read=lambda: 0.1 if self.pressed_s else 5.0)  # type: ignore[type-var]

        station.member = member  # type: ignore[method-assign]

    def press_once(self, asked: threading.Event) -> None:
        """Press it, a moment after a question is open."""

        def work() -> None:
            if asked.wait(60):
                time.sleep(0.5)
                self.pressed_s = time.monotonic()

        threading.Thread(target=work, daemon=True).start()


class Refuses:
    """Progress that lets no setpoint of the chamber arrive, from its first one to the button."""

    def __init__(self, chamber: Any, button: Button) -> None:
        self.chamber, self.button, self.sends = chamber, button, chamber._set

    def show(self, status: Status) -> None:
        if "temperature to its next value" in status.doing:
            self.chamber._set = self.lost

    def lost(self, command: str) -> None:
        if not self.button.pressed_s:
            raise LinkTimeout("chamber: no answer within 2 s")
        self.sends(command)


@pytest.fixture
def hanging() -> Iterator[Web]:
    """A server that takes what people are to be told, and answers nothing."""
    with web(0) as hooks:
        yield hooks


def pressed(root: Path, phases: str, alarm: Web, table: str, station: str) -> tuple[Any, float]:
    """Press the button while a question is open; return what was raised, and after how long."""
    told = f'\n[[alarm.webhook]]\nurl = "http://127.0.0.1:{alarm.port}/hook"\n'
    there = workspace(root, phases, station=station + told, head=HEAD + QUICK + table)
    job, person = job_of(there), Waits()
    with open_station(job.station, RealClock(SPEED), job.known_lots, {}, operator=person) as opened:
        assert opened.bench is not None
        person.twins = opened.bench.operator
        button = Button(opened)
        button.press_once(person.asked)
        progress = Refuses(driver(opened, "chamber"), button) if table else None
        raised = execute_ending(there, job, opened, progress)
        took_s = time.monotonic() - button.pressed_s
        assert is_safe(opened)
    assert person.asked.is_set()
    (found,) = there.evidence.iterdir()
    assert events(found, "trip")[0].data["values"]["address"] == "voltage.door"
    return raised, took_s


@pytest.mark.usefixtures("typing")
def test_it_stops_a_run_that_waits_for_an_answer(tmp_path: Path, hanging: Web) -> None:
    raised, took_s = pressed(tmp_path, PROMPT, hanging, "", CLIMATE + BUTTON)
    assert isinstance(raised, SafetyStop)
    assert took_s < 3.0


@pytest.mark.usefixtures("typing")
def test_it_stops_a_run_while_people_are_told_and_asked_about_a_failure(
    tmp_path: Path, hanging: Web
) -> None:
    raised, took_s = pressed(tmp_path, bake("1 h"), hanging, ASKS, CLIMATE + BUTTON)
    assert isinstance(raised, SafetyStop)
    assert took_s < 3.0
    assert [how for how, *_ in hanging.asked] == ["POST"]  # and that was not waited for
