"""In real time, over real ports: whoever falls silent, the run ends in time with the rest safe."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.core.errors import BenchError
from sensorbench.run.progress import Status
from sensorbench.safety.making import longest_s
from sensorbench.station.station import Station, open_station

from ...workspaces import HEAD, QUICK, events, execute_ending, job_of
from .climate import bake, workspace

SPEED = 60.0
QUICKLY = '\n[on_failure]\nretry = { times = 1, pause = "1 min" }\n'
MONITOR = 'monitor = { every = "2 min", measures = ["error"] }\n'
NOTICED_S = 60.0
"""Three tries of a command beside safety's polls of the same line: each 2 s, and as much after it
in which a late answer is waited out."""

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX"),
]


class FallsSilent:
    """Progress that silences a device at a step, for good."""

    def __init__(self, station: Station, name: str, at: str) -> None:
        self.station, self.name, self.at = station, name, at
        self.since = 0.0

    def show(self, status: Status) -> None:
        if self.since or self.at not in status.doing:
            return
        self.since = time.monotonic()
        bench = self.station.bench
        assert bench is not None
        twin = bench.twins[self.name]
        twin.handle = lambda _line: None


@pytest.mark.parametrize(("name", "at"), [("chamber", "read"), ("psu", "hold")])
def test_whoever_falls_silent_the_run_ends_in_time_and_the_others_are_safe(
    tmp_path: Path, name: str, at: str
) -> None:
    there = workspace(tmp_path, bake("10 h", MONITOR), head=HEAD + QUICK + QUICKLY)
    job = job_of(there)
    with open_station(job.station, RealClock(SPEED), job.known_lots, {}, wire=True) as station:
        silent = FallsSilent(station, name, at)
        raised = execute_ending(there, job, station, silent)
        took_s = time.monotonic() - silent.since
        other = {"chamber": "psu", "psu": "chamber"}[name]
        driver = next(i.driver for i in station.instruments if i.name == other)
        is_safe = (
            driver.out1.read() < 0.05  # type: ignore[attr-defined]
            if other == "psu"
            else driver.read_mode() in {"STANDBY", "OFF"}  # type: ignore[attr-defined]
        )
        assert is_safe
        assert isinstance(raised, BenchError)
        assert took_s < NOTICED_S + longest_s(station)
        closing = time.monotonic()
    assert time.monotonic() - closing < 20
    (root,) = there.evidence.iterdir()
    (safe,) = events(root, "safe_state")
    assert [problem.split(":")[1].strip() for problem in safe.data["problems"]] == [name]
