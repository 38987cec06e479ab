"""A controlled end: parts cool down with their bias on, and only then the bench is made safe."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from sensorbench.evidence.journal import Event
from sensorbench.reports.events import events_table
from sensorbench.reports.model import Table
from sensorbench.reports.report import write_report
from sensorbench.reports.runs import load
from sensorbench.reports.words import Words
from sensorbench.run.execute import execute
from sensorbench.run.progress import Silent, Status
from sensorbench.safety.limits import SafetyStop
from sensorbench.safety.signals import Stopped, stop_on_signals, stoppable_again

from ...workspaces import HEAD, QUICK, events, job_of, opened
from ..safety.test_actions import CLOSED, DOOR, _wire
from .climate import CLIMATE, bake, fault, workspace
from .test_ends import Breaks, driver

COOL = 'cool = { set = { supply = "nominal" }, until = { temperature = "55 degC" } }\n'
NOTICE = "CONTROLLED END: supply stays set until temperature is below 55 degC"


class Run:
    """A bake that somebody, or something, ends: what it was like when the bench was made safe."""

    def __init__(
        self,
        root: Path,
        progress: Any = None,
        cool: str = COOL,
        faults: str = "",
        door: str = "",
    ) -> None:
        station = CLIMATE.replace("[simulation]\n", CLOSED) + DOOR + door
        phases = bake("20 h", cool + 'longest = "22 h"').replace(
            "set = { temp", 'set = { supply = "nominal", temp'
        )
        there = workspace(root, phases, faults, station=station, head=HEAD + QUICK)
        job = job_of(there)
        self.raised: BaseException | None = None
        with opened(there, job) as station_:
            if door:
                _wire(station_, 10.0, 40.0)
            psu, chamber = driver(station_, "psu"), driver(station_, "chamber")
            make_safe = psu.make_safe

            def observed() -> None:
                self.at_s, self.air_c = station_.clock.now(), chamber.temperature.read()
                self.supply_v = psu.out1.read()
                make_safe()

            psu.make_safe = observed
            try:
                execute(there, job, station_, progress or Silent(), implied_polls=False)
            except BaseException as error:
                self.raised = error
        (self.root,) = there.evidence.iterdir()

    def said(self) -> list[Event]:
        return events(self.root, "controlled_end", "cooled", "not_cooled")


def test_the_first_ctrl_c_keeps_the_bias_until_the_parts_are_cold(tmp_path: Path) -> None:
    run = Run(tmp_path, Once(Stopped(signal.SIGINT)))
    assert isinstance(run.raised, Stopped)
    assert run.supply_v > 3.0
    assert run.air_c <= 55.0
    begun, reached = run.said()
    assert begun.data["stays"] == ["supply"]
    assert begun.data["until"] == [{"address": "temperature", "low": None, "high": 55.0}]
    assert reached.kind == "cooled"
    (ended,) = events(run.root, "run_ended")
    assert ended.data["state"] == "interrupted"
    assert "the bench is in its safe state" in run.raised.__notes__


@pytest.mark.parametrize(
    ("error", "cool"),
    [
        (Stopped(signal.SIGTERM), COOL),
        (Stopped(signal.SIGHUP), COOL),
        (Stopped(signal.SIGINT, at_once=True), COOL),
        (Stopped(signal.SIGINT), ""),
        (SafetyStop("too hot", "limit", {}), COOL),
    ],
    ids=["SIGTERM", "SIGHUP", "a closed window", "no cool", "a trip"],
)
def test_what_leaves_no_time_is_the_safe_state_at_once(
    tmp_path: Path, error: BaseException, cool: str
) -> None:
    run = Run(tmp_path, Once(error), cool)
    assert run.air_c > 80.0
    assert run.said() == []


class Once(Breaks):
    """Ends a run as Ctrl-C does that is pressed once."""

    def show(self, status: Status) -> None:
        if not status.notice:
            super().show(status)


class Shown(Breaks):
    """Ends a run by Ctrl-C, and keeps what is shown then; the second one where it is asked to."""

    notices: tuple[str, ...] = ()

    def __init__(self, again: bool) -> None:
        super().__init__(Stopped(signal.SIGINT))
        self.again = again

    def show(self, status: Status) -> None:
        if status.notice:
            self.notices += (status.notice,)
            if self.again and len(self.notices) == 3:
                raise Stopped(signal.SIGINT)
        else:
            super().show(status)


def test_the_screen_says_which_is_which_and_the_second_ctrl_c_is_at_once(tmp_path: Path) -> None:
    shown = Shown(again=True)
    run = Run(tmp_path, shown)
    assert shown.notices[0].startswith(NOTICE)
    assert shown.notices[0].endswith("at most. Ctrl-C again: the safe state at once")
    assert run.air_c > 60.0
    assert run.supply_v > 3.0
    assert [event.kind for event in run.said()] == ["controlled_end"]
    assert any("cut short: stopped by SIGINT" in note for note in run.raised.__notes__)


def test_a_limit_may_ask_for_a_controlled_end(tmp_path: Path) -> None:
    run = Run(tmp_path, door='action = "end"\n')
    assert isinstance(run.raised, SafetyStop)
    assert run.supply_v > 3.0
    assert run.air_c <= 55.0
    assert run.at_s > 10 * 3600
    assert [event.kind for event in run.said()] == ["controlled_end", "cooled"]
    (limit,) = events(run.root, "limit")
    assert limit.data["address"] == "voltage.door"
    (ended,) = events(run.root, "run_ended")
    assert ended.data["state"] == "stopped by safety"


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "came to a controlled end with this still set: supply voltage"), ("zh", "受控结束")],
)
def test_the_report_says_how_it_ended(tmp_path: Path, language: str, told: str) -> None:
    run = Run(tmp_path, Once(Stopped(signal.SIGINT)))
    (shown,) = load([run.root])
    table = events_table(shown, Words(language))
    assert isinstance(table, Table)
    assert any(told in cell.text for row in table.rows for cell in row), table


@pytest.mark.slow
def test_a_trip_in_a_controlled_end_is_the_safe_state_at_once(tmp_path: Path) -> None:
    # The supply goes off a minute after the door was opened.
    run = Run(tmp_path, door='action = "end"\n', faults=fault("psu", "output_off", "601 min"))
    assert isinstance(run.raised, SafetyStop)
    assert run.raised.code == "set_off"
    assert any("it came to a controlled end before" in note for note in run.raised.__notes__)
    assert run.air_c > 70.0
    assert [event.kind for event in run.said()] == ["controlled_end"]


def test_a_controlled_end_lasts_no_longer_than_its_wait(tmp_path: Path) -> None:
    never = COOL.replace("55 degC", "23 degC")  # as the room is
    run = Run(tmp_path, Once(Stopped(signal.SIGINT)), never)
    assert [event.kind for event in run.said()] == ["controlled_end", "not_cooled"]
    assert run.said()[1].t - run.said()[0].t == pytest.approx(4 * 3600, abs=60)
    assert run.supply_v > 3.0


def test_what_comes_after_the_first_signal_is_raised_again_only_where_it_may_be() -> None:
    with stop_on_signals():
        with pytest.raises(Stopped) as first:
            signal.raise_signal(signal.SIGINT)
        assert not first.value.at_once
        with pytest.raises(Stopped) as second, stoppable_again():
            signal.raise_signal(signal.SIGHUP)
        assert second.value.at_once
        signal.raise_signal(signal.SIGINT)  # the end has begun
        with pytest.raises(Stopped), stoppable_again():
            raise AssertionError("it came before, and is not lost")


def test_the_report_tells_a_controlled_end_in_either_language(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", Once(Stopped(signal.SIGINT)))
    found = write_report([run.root], ("html",), tmp_path, languages=("en", "zh"))
    html = found["html"].read_text(encoding="utf-8")
    assert "until temperature: at most 55 °C" in html
    assert "直至温度：不大于 55 °C" in html
