"""What a limit does: stop the run, or note it; and meters that are no part of any soak: a door."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sensorbench.app.commands.results import show_run
from sensorbench.app.display import _doing
from sensorbench.core.errors import BenchError, LinkTimeout
from sensorbench.evidence.journal import Event
from sensorbench.reports.looks import sentence
from sensorbench.reports.names import Names
from sensorbench.reports.words import Words
from sensorbench.run.execute import execute
from sensorbench.run.progress import Status
from sensorbench.safety.limits import SafetyStop
from sensorbench.station.station import Station

from ...workspaces import HEAD, QUICK, events, job_of, opened, run
from ..run.climate import CLIMATE, bake, fault, workspace
from .test_safety import lose

DOOR = """
[instrument.dmm]
model = "keysight_34461a"
link = { kind = "simulated" }

[bench.voltage.door]
watch = ["dmm.voltage"]
low = "4 V"
"""
CLOSED = '[simulation]\nambient = { voltage = "5 V" }\n'


def door(
    root: Path, more: str = "", open_at_h: float = 10.0, close_at_h: float = 11.0, misses: int = 0
) -> Any:
    """Run 20 h with a door whose switch gives 5 V until somebody opens it; return it, and how."""
    station = CLIMATE.replace("[simulation]\n", CLOSED) + DOOR + more
    phases = bake("20 h", 'longest = "22 h"')
    there = workspace(root, phases, station=station, head=HEAD + QUICK)
    job = job_of(there)
    with opened(there, job) as bench:
        _wire(bench, open_at_h, close_at_h, misses)
        raised: BaseException | None = None
        try:
            execute(there, job, bench, implied_polls=False)
        except SafetyStop as stop:
            raised = stop
    (found,) = there.evidence.iterdir()
    return raised, found


def _wire(bench: Station, open_at_h: float, close_at_h: float, misses: int = 0) -> None:
    original, polls = bench.member, count()

    def member(ref: Any) -> Any:
        found = original(ref)
        if str(ref) != "dmm.voltage":
            return found

        def read() -> float:
            if misses and next(polls) % misses == 0:
                raise LinkTimeout("dmm: no answer within 2 s")
            is_open = open_at_h < bench.clock.now() / 3600 < close_at_h
            return 0.1 if is_open else 5.0

        return replace(found, _read=read)  # type: ignore[type-var]

    bench.member = member  # type: ignore[method-assign]


def test_a_door_that_opens_stops_the_run_within_its_period(tmp_path: Path) -> None:
    raised, root = door(tmp_path)
    assert isinstance(raised, SafetyStop)
    assert (raised.values["address"], raised.values["end"]) == ("voltage.door", "low")
    assert 0 <= events(root, "trip")[0].t - 10 * 3600 <= 10.0


def test_a_meter_that_misses_every_other_poll_starts_no_delay_anew(tmp_path: Path) -> None:
    """Open for an hour, told by every second reading alone: that is longer than 25 s."""
    raised, root = door(tmp_path, 'delay = "25 s"\n', misses=2)
    assert isinstance(raised, SafetyStop)
    assert raised.values["address"] == "voltage.door"
    assert 25 <= events(root, "trip")[0].t - 10 * 3600 <= 60


def test_a_door_whose_opening_is_noted_costs_the_hours_it_is_open(tmp_path: Path) -> None:
    raised, root = door(tmp_path, 'action = "note"\n')
    assert raised is None
    (noted,) = events(root, "limit")
    assert noted.data["address"] == "voltage.door"
    assert noted.data["value"] == pytest.approx(0.1)
    assert events(root, "trip") == []
    hold = events(root, "hold")[0].data
    assert hold["credit_s"] == pytest.approx(20 * 3600, abs=120)
    assert hold["end_s"] - hold["start_s"] - hold["credit_s"] == pytest.approx(3600, abs=180)


def test_a_limit_that_only_is_noted_leaves_the_instruments_protection_alone(tmp_path: Path) -> None:
    station = CLIMATE.replace('high = "155 degC"', 'high = "130 degC"\naction = "note"')
    phases = bake("10 h", 'longest = "12 h"', temperature="125 degC")
    faults = fault("chamber", "sensor_stuck", "30 min")
    outcome = run(workspace(tmp_path, phases, faults, station=station, head=HEAD + QUICK))
    (noted, *_) = events(outcome, "limit")
    assert noted.data["end"] == "high"
    assert events(outcome, "trip") == []
    armed = events(outcome, "armed")[0].data
    assert "130" not in str(armed)


def test_any_other_action_is_refused(tmp_path: Path) -> None:
    station = CLIMATE.replace('high = "155 degC"', 'high = "155 degC"\naction = "shout"')
    with pytest.raises(BenchError, match=r"bench\.temperature\.action"):
        job_of(workspace(tmp_path, bake(), station=station))


@pytest.mark.chaos
def test_who_watches_is_told_of_a_lost_meter_and_so_is_who_looks_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the screen while it lasts, first of all; later by `show`, and in the report's words."""
    there = workspace(tmp_path, bake("2 h", 'longest = "3 h"'), head=HEAD + QUICK)
    seen: list[Status] = []

    class Watching:
        def show(self, status: Status) -> None:
            seen.append(status)

    outcome = run(there, before=lose("thermometer.temperature"), progress=Watching(), implied=False)
    told = [status for status in seen if status.alarms]
    assert told[-1].alarms == ("thermometer.temperature can't be read any more",)
    # The chamber still reads what it heats: that is shown instead.
    assert told[-1].values["temperature"] != "?"
    assert _doing(told[-1]).startswith("ALARM: thermometer.temperature")
    show_run(there.root, outcome.root.name, as_json=False)
    assert "thermometer.temperature could not be read any more" in capsys.readouterr().out


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("set_value", {"instrument": "chamber.temperature", "sent": 85.0, "now": 75.0}),
        ("set_limit", {"instrument": "psu.out1", "limit_sent": 0.1, "limit_now": 0.5}),
        ("set_off", {"instrument": "chamber.temperature"}),
        ("set_otherwise", {"instrument": "chamber.temperature", "detail": "mode RUN"}),
        ("limit", {"meter": "thermometer.temperature", "value": 160.0, "limit": 155.0}),
    ],
)
def test_what_was_changed_or_exceeded_has_words(
    kind: str, data: dict[str, Any], language: str
) -> None:
    words = Words(language)
    values = {"address": "temperature", "zone": "", **data}
    for code in (kind, *(["trip"] if kind != "limit" else [])):
        stop = {"code": kind, "values": values}
        event = Event(1, 10.0, "", code, values if code == kind else stop, "")
        text = sentence(event, Names(words, None))
        assert "{" not in text
        shown = [v for v in data.values() if isinstance(v, str)]
        assert all(v in text for v in shown)
        assert not text.startswith(kind)
        if "sent" in data:
            assert "85" in text
            assert "75" in text
