"""pause, hold, go on, abort: what a person asks of a run from another terminal."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sensorbench.app.commands.pause import abort_run, pause_run
from sensorbench.app.commands.runs import list_runs
from sensorbench.app.waiting import say_waits
from sensorbench.assessment.data import RunData
from sensorbench.assessment.verify import verify
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.run import RunWriter
from sensorbench.run.execute import Outcome, execute, resume
from sensorbench.run.progress import Status
from sensorbench.run.resuming import find
from sensorbench.run.runner import Runner
from sensorbench.safety.limits import SafetyStop
from sensorbench.station import wishes
from sensorbench.station.locks import held, run_key
from sensorbench.station.station import open_station
from sensorbench.station.wishes import Kind, Wish, ask, running
from sensorbench.station.workspace import Workspace

from ..workspaces import START, data_of, events, job_of
from .run.climate import bake, phase_of_tests, workspace
from .run.deaths import Mortal

CYCLES = """
[[phase]]
kind = "cycle"
name = "cycles"
steps = [
    { set = { temperature = "20 degC" }, dwell = "10 min" },
    { set = { temperature = "40 degC" }, dwell = "10 min" },
]
cycles = 5
test = { before = ["room"], after = ["room"] }
"""


BIAS = """
[[phase]]
kind = "stress"
name = "bias"
set = { supply = "max" }
hours = "10 h"
monitor = { every = "1 h", measures = ["error"] }
"""


COOL = 'cool = { set = { supply = "max" }, until = { temperature = "45 degC" } }\n'


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual hours pass in a quarter of a second."""
    monkeypatch.setattr(wishes, "_LOOK_S", 0.0)


@dataclass(slots=True)
class Asks:
    """Asks for something when a step is shown whose words have a text in them; each once."""

    there: Workspace
    wanted: list[tuple[str, Kind, float]]
    notices: list[str] = field(default_factory=list)

    def show(self, status: Status) -> None:
        if status.notice and status.notice not in self.notices:
            self.notices.append(status.notice)
        if self.wanted and self.wanted[0][0] in f"{status.doing} {status.notice}":
            _, kind, longest_s = self.wanted.pop(0)
            run = running(self.there.root)
            ask(self.there.root, Wish(run, kind, "Li", "the fan is loud", longest_s))


def go(
    there: Workspace,
    *wanted: tuple[str, Kind, float],
    after: Outcome | None = None,
    clock: Clock | None = None,
) -> tuple[Outcome, Asks]:
    """Run a workspace's profile, or go on with a run, with somebody who asks."""
    job, asks = job_of(there), Asks(there, list(wanted))
    clock = clock or VirtualClock(START)
    if after is not None:
        last = RunData.read(after.root).run.last_event
        assert last is not None
        clock.sleep(last.t)
    with (
        held([run_key(there.root)], "a run"),
        open_station(job.station, clock, job.lots, there.load_memory()) as station,
    ):
        if after is not None:
            return resume(after.root, station, asks), asks
        return execute(there, job, station, asks), asks


def test_a_stress_pauses_at_once_and_its_hours_count_on(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake("10 h", 'monitor = { every = "1 h" }'))
    outcome, _ = go(there, ("hold", "pause", 0.0))
    assert outcome.parked is not None
    assert (outcome.parked["until"], outcome.parked["by"]) == ("paused", "Li")
    assert "Li (the fan is loud)" in say_waits(outcome.parked)
    found = find(RunData.read(outcome.root))
    assert 0.0 <= found.state.kept_s < 10 * 3600
    assert found.cut.at == found.cut.next
    done, _ = go(there, after=outcome)
    assert done.assessment.verdict is Verdict.PASS
    assert verify(done.root).is_whole
    assert [e.data["kind"] for e in events(done, "wish")] == ["pause"]


def test_a_cycle_is_finished_first_and_none_is_done_twice(tmp_path: Path) -> None:
    there = workspace(tmp_path, CYCLES)
    outcome, asks = go(there, ("cycles: wait for temperature", "pause", 0.0))
    assert outcome.parked is not None
    assert any("PAUSES when this point or cycle is over" in text for text in asks.notices)
    found = find(RunData.read(outcome.root))
    assert not found.cut.begun
    assert found.cut.at == found.cut.next
    done, _ = go(there, after=outcome)
    soaks = [e.data["step"] for e in events(done, "done")]
    assert len(soaks) == len(set(soaks))
    assert done.assessment.verdict is Verdict.PASS


def test_a_bench_is_held_as_it_stands_until_somebody_says_go_on(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("one") + phase_of_tests("two", '["hot"]'))
    outcome, asks = go(there, ("read one", "hold", 7200.0), ("HOLDS", "go on", 0.0))
    assert outcome.parked is None
    assert outcome.assessment.verdict is Verdict.PASS
    assert any("for 2 h" in text for text in asks.notices)
    assert [e.data["kind"] for e in events(outcome, "wish")] == ["hold", "go on"]


def test_nobody_holds_a_bench_for_ever(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("one") + phase_of_tests("two", '["hot"]'))
    outcome, _ = go(there, ("read one", "hold", 7200.0))
    assert outcome.parked is not None
    (read,) = events(outcome, "readout")[:1]
    (end,) = events(outcome, "run_ended")
    assert 7200.0 <= end.t - read.t < 7300.0
    assert go(there, after=outcome)[0].assessment.verdict is Verdict.PASS


def test_who_aborts_ends_a_run_for_good(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake())
    outcome, _ = go(there, ("hold", "abort", 0.0))
    assert outcome.assessment.verdict is Verdict.INVALID
    assert events(outcome, "run_ended")[0].data["state"] == "aborted"
    assert events(outcome, "safe_state")[0].data["problems"] == []
    assert verify(outcome.root).is_whole
    with pytest.raises(InputError, match="is sealed"):
        find(data_of(outcome))


@pytest.mark.parametrize("kind", ["pause", "abort"])
def test_a_trip_that_comes_with_a_pause_is_a_trip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    there = workspace(tmp_path, bake())
    halt = Runner.halt

    def halt_as_the_door_opens(run: Runner) -> None:
        run.watch.stop_for("the door is open", "door")
        halt(run)

    monkeypatch.setattr(Runner, "halt", halt_as_the_door_opens)
    with pytest.raises(SafetyStop, match="the door is open") as stopped:
        go(there, ("hold", kind, 0.0))
    assert any("at the same moment" in note for note in stopped.value.__notes__)
    (root,) = there.evidence.iterdir()
    assert events(root, "run_ended")[0].data["state"] == "stopped by safety"
    assert not (root / "seal.json").exists()


@pytest.mark.chaos
@pytest.mark.parametrize("kind", ["pause", "hold", "go on", "abort"])
def test_nothing_that_is_asked_for_cuts_a_controlled_end_short(tmp_path: Path, kind: Kind) -> None:
    there = workspace(
        tmp_path, BIAS.replace('"max" }', '"max", temperature = "60 degC" }', 1) + COOL
    )
    outcome, _ = go(
        there, ("hold", "pause", 0.0), ("CONTROLLED END", kind, 60.0), clock=RealClock(600.0)
    )
    assert [e.data["kind"] for e in events(outcome, "wish")] == ["pause", kind]
    assert [e.kind for e in events(outcome, "cooled", "not_cooled")] == ["cooled"]
    (end,) = events(outcome, "run_ended")
    assert end.data["state"] == ("aborted" if kind == "abort" else "parked")
    assert (outcome.root / "seal.json").exists() is (kind == "abort")


def test_what_is_left_of_a_killed_run_is_sealed_by_abort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = workspace(tmp_path, bake())
    bench = Mortal(there)
    assert bench.dies(monkeypatch, 60)
    assert bench.root is not None
    list_runs(there.root, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert "it was cut off, `resume RUN` goes on" in row["waits_for"]
    abort_run(there.root, bench.root.name, "Li", "the fan is loud", as_json=True)
    assert json.loads(capsys.readouterr().out)["verdict"] == "INVALID"
    assert verify(bench.root).is_whole
    assert events(bench.root, "run_ended")[0].data["reason"]["by"] == "Li"


def test_a_disk_that_is_full_is_named_where_a_run_is_aborted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = workspace(tmp_path, bake())
    bench = Mortal(there)
    assert bench.dies(monkeypatch, 60)
    assert bench.root is not None

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(RunWriter, "commit", full)
    with pytest.raises(OSError, match="No space") as error:
        abort_run(there.root, bench.root.name, "Li", "", as_json=False)
    assert error.value.filename == str(bench.root)


def test_what_does_not_go_on_is_not_asked(tmp_path: Path) -> None:
    there = workspace(tmp_path, bake())
    with pytest.raises(InputError, match="no run goes on in this workspace"):
        pause_run(there.root, "", "Li", "", "", as_json=False)
    outcome, _ = go(there)
    with pytest.raises(InputError, match="does not go on just now"):
        pause_run(there.root, outcome.root.name, "Li", "", "", as_json=False)
    with pytest.raises(InputError, match="is sealed"):
        abort_run(there.root, outcome.root.name, "Li", "", as_json=False)


@pytest.mark.parametrize("hold", ["long", "0 s", "5 V", "-1 h"])
def test_how_long_is_said_as_a_time(tmp_path: Path, hold: str) -> None:
    there = workspace(tmp_path, bake())
    (there.root / "evidence" / "R1").mkdir(parents=True)
    (there.root / "evidence" / "R1" / "run.json").write_text("{}")
    with pytest.raises(InputError, match="--hold"):
        pause_run(there.root, "R1", "Li", "", hold, as_json=False)


def test_a_wish_that_came_too_late_is_not_the_next_runs(tmp_path: Path) -> None:
    there = workspace(tmp_path, phase_of_tests("one"))
    first = wishes.Wishes(there.root, "R1")
    with held([run_key(there.root)], "a run"):
        ask(there.root, Wish("R1", "abort", "Li"))
    second = wishes.Wishes(there.root, "R2")
    assert second.look() is None
    assert first.look() is None  # it is gone


# -- as a person does it ---------------------------------------------------------------------------


def sensorbench(there: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sensorbench.app.main", *words],
        cwd=there.root, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def until(condition: Callable[[], object], within_s: float = 60.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.chaos
def test_from_another_terminal_a_run_pauses_goes_on_and_is_aborted(tmp_path: Path) -> None:
    there = workspace(tmp_path, BIAS)
    words = [sys.executable, "-m", "sensorbench.app.main", "run", "profile.toml", "--lot", "H1"]
    run = subprocess.Popen(
        [*words, "--real-time"], cwd=there.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    until(lambda: running(there.root))
    name = running(there.root)
    assert "its end: it is under way" in sensorbench(there, "runs").stdout
    asked = sensorbench(there, "pause", "--by", "Li", "--because", "the fan is loud")
    assert asked.returncode == 0, asked.stderr
    assert f"{name} was asked" in asked.stdout
    out, err = run.communicate(timeout=120)
    assert run.returncode == 5, err
    assert "whoever paused it, Li (the fan is loud)" in out
    assert "paused it, Li" in sensorbench(there, "runs").stdout
    looked = sensorbench(there, "resume", name, "--look")
    assert "goes on with step" in looked.stdout
    ended = sensorbench(there, "abort", name, "--by", "Li")
    assert "is ended for good and sealed: INVALID" in ended.stdout
    assert sensorbench(there, "verify", name).returncode == 0  # whole, and INVALID
