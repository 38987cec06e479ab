"""kill -9 at any moment: nothing that was acknowledged is lost, and verify says what is there."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.evidence.check import Level, check
from sensorbench.evidence.run import Column, RunReader, RunWriter

WRITER = """
import sys
from pathlib import Path
import numpy as np
from sensorbench.core.clock import RealClock
from sensorbench.evidence.run import Column, RunWriter
with RunWriter(Path(sys.argv[1]), RealClock(), {"provenance": "simulated"}, {}) as run:
    run.declare("duts", [Column("time", "s"), Column("value", "Pa")])
    number = 0
    while True:
        for _ in range(7):
            rows = np.array([[number, number * 0.5]] * 20)
            seq = run.append("reading", {"number": number}, {"duts": rows})
            number += 1
        run.commit()
        print(seq, number, flush=True)  # acknowledged
"""

RUN = """
import sys
from pathlib import Path
from datetime import date
from sensorbench.core.clock import RealClock
from sensorbench.app.demo import write_demo
from sensorbench.run.execute import execute
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace, load_job
workspace = Workspace(Path(sys.argv[1]))
write_demo(workspace.root, 1, date.today(), 4)
job = load_job(workspace, "profiles/short_calibration.toml", ["sbp1"])
with open_station(job.station, RealClock(20000), job.lots) as station:
    print("running", flush=True)
    execute(workspace, job, station)
"""


@pytest.mark.chaos
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_acknowledged_events_and_samples_survive_kill_9_at_twenty_moments(tmp_path: Path) -> None:
    chance = random.Random(1)
    for moment in range(20):
        root = tmp_path / f"run{moment}"
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        first = process.stdout.readline()
        time.sleep(chance.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        lines = [first, *process.stdout.read().splitlines()]
        process.wait()
        acknowledged = int([line for line in lines if len(line.split()) == 2][-1].split()[0])
        run = RunReader(root)
        readings = list(run.events("reading"))
        assert readings[-1].seq >= acknowledged
        for reading in readings[: acknowledged - 1]:
            rows = run.samples(reading, "duts")
            assert rows.shape == (20, 2)
            assert (rows[:, 0] == reading.data["number"]).all()
        # No line names samples that are not there: a killed run never looks tampered with.
        assert {finding.level for finding in check(root)} == {Level.INCOMPLETE}


class Interrupt(Exception):
    """What a signal handler raises, at any line."""


def write_some(root: Path, interrupt_at: int) -> bool:
    """Write two commits' worth of evidence with an interrupt at that line; return if it came."""
    lines = iter(range(10**9))

    def trace(frame: FrameType, event: str, _: object) -> object:
        if not frame.f_code.co_filename.endswith(("journal.py", "segments.py")):
            return None
        if event == "line" and next(lines) == interrupt_at:
            raise Interrupt
        return trace

    with RunWriter(root, VirtualClock(), {"provenance": "simulated"}, {}) as run:
        run.declare("duts", [Column("value", "Pa")])
        came = False
        sys.settrace(trace)
        try:
            for number in range(2):
                run.append("reading", {"number": number}, {"duts": np.full((3, 1), float(number))})
                run.commit()
        except Interrupt:
            came = True
        finally:
            sys.settrace(None)
        run.append("run_ended", {"state": "interrupted"}, {"duts": np.zeros((1, 1))})
        run.commit()
    return came


def test_an_interrupt_at_any_line_leaves_the_evidence_consistent(tmp_path: Path) -> None:
    at = 0
    while write_some(tmp_path / f"run{at}", at):
        assert [f.level for f in check(tmp_path / f"run{at}")] == [Level.INCOMPLETE], at
        at += 1
    assert at > 40


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_killed_run_is_verified_as_incomplete(tmp_path: Path) -> None:
    chance = random.Random(2)
    for moment in range(10):
        root = tmp_path / f"bench{moment}"
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(root)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        time.sleep(chance.uniform(0.05, 0.9))
        process.kill()
        process.wait()
        process.stdout.close()
        runs = list(root.glob("evidence/*/run.json"))
        if not runs:  # killed before there was a run
            continue
        (run,) = (path.parent for path in runs)
        found = verify(run)
        assert any(f.level is Level.INCOMPLETE for f in found.findings), found.findings
        assert all(f.level is Level.INCOMPLETE for f in found.findings), found.findings
        assert found.assessment is not None
        assert found.assessment.verdict.value == "INVALID"


def killed_at(line: int, work: Callable[[], object]) -> bool:
    """Do work in a process that is gone at that line of files.py; return whether it came so far."""
    child = os.fork()
    if not child:
        lines = iter(range(10**9))

        def trace(frame: FrameType, event: str, _: object) -> object:
            if not frame.f_code.co_filename.endswith("evidence/files.py"):
                return None
            if event == "line" and next(lines) == line:
                os._exit(9)  # no `finally`, no flush: as kill -9
            return trace

        sys.settrace(trace)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def write_whole(root: Path) -> None:
    """Write a run from its first file to its seal."""
    with RunWriter(root, VirtualClock(), {"provenance": "simulated"}, {"a.toml": b"a"}) as run:
        run.append("run_ended", {"state": "complete"})
        run.write_derived("results.json", {"verdict": "PASS"})
        run.seal()


@pytest.mark.chaos
@pytest.mark.skipif(os.name != "posix", reason="fork is POSIX")
def test_a_kill_at_any_moment_of_a_files_writing_is_no_damage(tmp_path: Path) -> None:
    line = 0
    while killed_at(line, partial(write_whole, root := tmp_path / f"run{line}")):
        found = check(root) if root.exists() else []
        assert {f.level for f in found} <= {Level.INCOMPLETE}, (line, list(map(str, found)))
        if (root / "seal.json").exists():
            assert found == []
        line += 1
    assert check(root) == []
    assert line > 60
