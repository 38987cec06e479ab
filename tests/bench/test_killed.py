"""A run that was killed goes on in the world that its units lived in, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorbench.assessment.data import RunData
from sensorbench.assessment.verify import verify
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.station.lives import lives_in, take_in
from sensorbench.station.workspace import Workspace
from sensorbench.station.world_record import Record, record_path, world_alive
from sensorbench.station.worlds import Met, end_world, meet_again, meet_anew

from ..workspaces import START, write
from .run.climate import bake, workspace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
LIFE = "R1 0"


@pytest.fixture(autouse=True)
def apart(own_marks: None, own_world: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have worlds in processes of their own, and end those that a test leaves."""
    monkeypatch.delenv("SENSORBENCH_WORLD")
    yield
    for path in Path(os.environ["SENSORBENCH_STATE"]).glob("worlds/*.json"):
        if path.is_file():
            os.kill(Record.read(path).pid, signal.SIGKILL)


def fresh(there: Workspace) -> Met:
    return meet_anew(
        there.root, there.load_station(), there.load_lots(), VirtualClock(START), lambda _: None
    )


def again(there: Workspace, life: str) -> Met:
    return meet_again(
        there.root, there.load_station(), there.load_lots(), VirtualClock(START), life=life
    )


def kill_world(there: Workspace) -> None:
    os.kill(Record.read(record_path(there.root)).pid, signal.SIGKILL)
    while world_alive(there.root):
        time.sleep(0.01)


def test_who_was_killed_goes_on_after_others_ended_its_world_in_order(tmp_path: Path) -> None:
    there = write(tmp_path / "bench")
    first = fresh(there)
    first.bench.take_in(LIFE)
    first.bench.close()  # as a kill does
    again(there, LIFE).bench.close()
    other = fresh(there)  # the same one, for another run
    assert other.stood
    other.bench.take_in("R2 0")
    other.end()
    for life in (LIFE, "R2 0"):
        found = again(there, life)
        found.bench.close()


def test_nobody_goes_on_in_the_world_of_others(tmp_path: Path) -> None:
    there = write(tmp_path / "bench")
    first = fresh(there)
    first.bench.take_in(LIFE)
    first.bench.close()
    kill_world(there)
    with pytest.raises(InputError, match="its simulated world is not there"):
        again(there, LIFE)
    second = fresh(there)
    second.bench.take_in("R2 0")
    second.bench.close()
    with pytest.raises(InputError, match=r"R1: was cut off.*SENSORBENCH_STATE"):
        again(there, LIFE)
    again(there, "R2 0").bench.close()
    end_world(there.root)
    with pytest.raises(InputError, match="its simulated world is not there"):
        again(there, LIFE)


def test_the_latest_lives_are_known() -> None:
    memory: dict[str, str] = {}
    for number in (*range(300), 299):
        take_in(memory, f"R {number}")
    assert lives_in(memory) == [f"R {number}" for number in range(44, 300)]


def killed(there: Workspace, size: int) -> Path:
    """Run until the journal has so many bytes, and kill the program."""
    before = set(there.evidence.glob("*"))
    program = subprocess.Popen(
        [sys.executable, "-m", "sensorbench.app.main", "run", "profile.toml", "--lot", "H1"],
        cwd=there.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while program.poll() is None:
        for root in set(there.evidence.glob("*")) - before:
            journal = root / "journal.jsonl"
            if journal.exists() and journal.stat().st_size >= size:
                program.kill()
        time.sleep(0.01)
    (root,) = set(there.evidence.glob("*")) - before
    assert program.wait() == -signal.SIGKILL
    return root


def command(there: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sensorbench.app.main", *words],
        cwd=there.root, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.chaos
@pytest.mark.slow
def test_another_run_takes_nothing_from_one_that_was_killed(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("300 h", 'monitor = { every = "10 min" }'))
    first = killed(there, 100_000)
    last = RunData.read(first).run.last_event
    assert last is not None
    assert "a person: it was cut off, `resume RUN` goes on" in command(there, "runs").stdout
    assert command(there, "run", "profile.toml", "--lot", "H1").returncode == 0
    done = command(there, "resume", first.name)
    assert done.returncode == 0, done.stderr
    assert verify(first).is_whole
    # The other run was between: time went by for the units, and that is on record.
    (resumed,) = RunData.read(first).events("resumed")
    assert resumed.data["gap_s"] > 300 * 3600.0


@pytest.mark.chaos
@pytest.mark.slow
def test_a_world_that_was_killed_is_not_replaced_by_the_next_ones(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("300 h", 'monitor = { every = "10 min" }'))
    first = killed(there, 100_000)
    kill_world(there)
    second = killed(there, 100_000)
    said = command(there, "resume", first.name)
    assert said.returncode == 2
    assert "its simulated world is not there" in said.stderr
    assert not RunData.read(first).events("resumed")
    assert command(there, "resume", second.name).returncode == 0
