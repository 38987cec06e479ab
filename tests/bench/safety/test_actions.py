"""What a limit does: stop the run, or note it; and meters that are no part of any soak: a door."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.errors import BenchError
from sensorbench.run.execute import execute
from sensorbench.safety.limits import SafetyStop
from sensorbench.station.station import Station

from ...workspaces import HEAD, QUICK, events, job_of, opened, run
from ..run.climate import CLIMATE, bake, fault, workspace

DOOR = """
[instrument.dmm]
model = "keysight_34461a"
link = { kind = "simulated" }

[bench.voltage.door]
watch = ["dmm.voltage"]
low = "4 V"
"""
CLOSED = '[simulation]\nambient = { voltage = "5 V" }\n'


def door(root: Path, more: str = "", open_at_h: float = 10.0, close_at_h: float = 11.0) -> Any:
    """Run 20 h with a door whose switch gives 5 V until somebody opens it; return it, and how."""
    station = CLIMATE.replace("[simulation]\n", CLOSED) + DOOR + more
    phases = bake("20 h", 'longest = "22 h"')
    there = workspace(root, phases, station=station, head=HEAD + QUICK)
    job = job_of(there)
    with opened(there, job) as bench:
        _wire(bench, open_at_h, close_at_h)
        raised: BaseException | None = None
        try:
            execute(there, job, bench, implied_polls=False)
        except SafetyStop as stop:
            raised = stop
    (found,) = there.evidence.iterdir()
    return raised, found


def _wire(bench: Station, open_at_h: float, close_at_h: float) -> None:
    original = bench.member

    def member(ref: Any) -> Any:
        found = original(ref)
        if str(ref) != "dmm.voltage":
            return found

        def read() -> float:
            is_open = open_at_h < bench.clock.now() / 3600 < close_at_h
            return 0.1 if is_open else 5.0

        return replace(found, _read=read)  # type: ignore[type-var]

    bench.member = member  # type: ignore[method-assign]


def test_a_door_that_opens_stops_the_run_within_its_period(tmp_path: Path) -> None:
    raised, root = door(tmp_path)
    assert isinstance(raised, SafetyStop)
    assert (raised.values["address"], raised.values["end"]) == ("voltage.door", "low")
    assert 0 <= events(root, "trip")[0].t - 10 * 3600 <= 10.0


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
