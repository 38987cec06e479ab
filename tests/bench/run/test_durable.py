"""What a run in real time has on the disk when it dies: by kind of record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sensorbench.core.clock import RealClock
from sensorbench.evidence.run import RunReader
from sensorbench.run.duts import Duts
from sensorbench.run.execute import Outcome, execute
from sensorbench.run.runner import Runner
from sensorbench.run.spots import LOG
from sensorbench.sensors.sbp1.driver import Sbp1
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace

from ...workspaces import HEAD, QUICK, job_of, run, write
from .climate import bake, phase_of_tests, workspace
from .test_kinds import CALIBRATION

SPEED = 10.0
RUN = f"""
import sys, threading, time
from pathlib import Path
from sensorbench.core.clock import RealClock
from sensorbench.run.execute import execute
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace, load_job
workspace = Workspace(Path(sys.argv[1]))
job = load_job(workspace, "profile.toml", ["H1"])
clock = RealClock({SPEED})
def tell():
    while True:
        print(clock.utc().timestamp(), flush=True)
        time.sleep(0.05)
with open_station(job.station, clock, job.known_lots, {{}}, wire=True) as station:
    threading.Thread(target=tell, daemon=True).start()
    execute(workspace, job, station)
"""


def begun(root: Path, log: str) -> tuple[Workspace, subprocess.Popen[str]]:
    """Start a long run over ports, its time ten times as fast as ours."""
    there = workspace(root, bake("20 h"), head=HEAD + f'log = "{log}"\n' + QUICK)
    words = [sys.executable, "-c", RUN, str(there.root)]
    return there, subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def logged_until(root: Path) -> float:
    """Return the time of the last log row that is on the disk, in s of the epoch."""
    there = RunReader(root)
    assert not there.journal.damage
    start, last = there.journal.events[0], [*there.events("log")][-1]
    began = datetime.fromisoformat(start.time).timestamp() - start.t
    return began + float(there.values(last, LOG)[-1, 0])


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals and SIGKILL are POSIX")
@pytest.mark.parametrize(
    ("log", "lost_s", "after_s"),
    [
        ("1 s", 60.0, 75.0),
        pytest.param("25 s", 60.0, 190.0, marks=pytest.mark.chaos),
        pytest.param("55 s", 60.0, 380.0, marks=pytest.mark.chaos),
        pytest.param("2 min", 125.0, 590.0, marks=pytest.mark.chaos),
    ],
)
def test_a_run_that_is_killed_has_lost_a_minute_of_its_log_or_one_row(
    tmp_path: Path, log: str, lost_s: float, after_s: float
) -> None:
    there, process = begun(tmp_path, log)
    assert process.stdout is not None
    began = now = float(process.stdout.readline())
    while now < began + after_s:
        now = float(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    now = [now, *map(float, process.stdout.read().split())][-1]
    process.wait()
    process.stdout.close()
    (root,) = there.evidence.iterdir()
    assert now - logged_until(root) < lost_s


@pytest.mark.chaos
def test_the_log_reaches_the_disk_while_units_are_read_for_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = workspace(tmp_path, phase_of_tests("t"), head=HEAD + 'log = "10 s"\n' + QUICK)
    clock, read, missing = RealClock(60.0), Duts.sweep, list[float]()

    def long(*words: Any, **more: Any) -> Any:
        (root,) = there.evidence.iterdir()
        for _ in range(20):  # two minutes
            time.sleep(0.1)
            missing.append(clock.utc().timestamp() - logged_until(root))
        return read(*words, **more)

    monkeypatch.setattr(Duts, "sweep", long)
    outcome = in_real_time(there, clock)
    assert len(missing) >= 20
    assert max(missing) < 60.0, missing
    found = RunReader(outcome.root)
    rows = [row[0] for event in found.events("log") for row in found.values(event, LOG)]
    assert rows == sorted(rows)


def test_what_is_done_is_on_the_disk_before_the_next_thing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = workspace(tmp_path, phase_of_tests("t"))
    done, seen = Runner.done, set[str]()

    def and_on_disk(runner: Runner, *words: Any) -> int:
        following = done(runner, *words)
        events = RunReader(runner.evidence.root).journal.events
        last = [event for event in events if event.kind == "done"][-1]
        assert last.data == {"step": words[0], "next": following}
        seen.update(event.kind for event in events)
        return following

    monkeypatch.setattr(Runner, "done", and_on_disk)
    in_real_time(there, RealClock(600.0))
    assert {"fact", "sent", "soak", "readout", "done"} <= seen


def test_plan_and_intents_are_on_the_disk_before_a_part_is_written_and_its_outcome_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In virtual time, too, where else a commit waits a quarter of a second."""
    there = write(tmp_path, CALIBRATION)
    written, kinds = Sbp1.write_coefficients, list[Counter[str]]()

    def and_look(part: Sbp1, words: Sequence[int]) -> None:
        (root,) = there.evidence.iterdir()
        kinds.append(Counter(event.kind for event in RunReader(root).journal.events))
        written(part, words)

    monkeypatch.setattr(Sbp1, "write_coefficients", and_look)
    run(there)
    assert [(seen["intent"], seen["outcome"]) for seen in kinds] == [(2, 0), (2, 1)]
    assert all(seen["fact"] for seen in kinds)


def in_real_time(there: Workspace, clock: RealClock) -> Outcome:
    job = job_of(there)
    with open_station(job.station, clock, job.known_lots, {}) as station:
        return execute(there, job, station)
