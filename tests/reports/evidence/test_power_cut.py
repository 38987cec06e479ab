"""A power cut at any moment: whatever the disk kept of what was not flushed, nothing is lost."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from sensorbench.core.clock import VirtualClock
from sensorbench.evidence.check import Level, check
from sensorbench.evidence.files import sync_folder, write_new
from sensorbench.evidence.glance import glance
from sensorbench.evidence.journal import JournalWriter, read
from sensorbench.evidence.run import Column, RunReader, RunWriter

from .crash_model import (
    Acknowledged,
    Failed,
    Killed,
    Recorder,
    Tree,
    acknowledged,
    after_power_cut,
    disk,
    laid_out,
    on_disk,
)

MOST = 48
"""Disks tried after each operation, of those that are legal."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders are flushed on POSIX")


def rows(number: int) -> np.ndarray:
    return np.full((3, 2), float(number))


def readings(run: RunWriter, seen: Recorder, numbers: range, long: int = 0) -> None:
    """Add readings and commit them; what came back is acknowledged."""
    found = []
    for number in numbers:
        data = {"number": number, "text": "x" * long}
        found.append((run.append("reading", data, {"duts": rows(number)}), number))
    run.commit()
    for seq, number in found:
        seen.acknowledge(("event", seq, number))


def begin(root: Path, seen: Recorder) -> RunWriter:
    inputs = {"station.toml": b"a = 1\n", "schedule.json": b"{}"}
    run = RunWriter(root, VirtualClock(), {"provenance": "simulated"}, inputs)
    seen.acknowledge(("begun",))
    for name, data in inputs.items():
        seen.acknowledge(("file", f"inputs/{name}", data))
    return run


def go_on(root: Path, seen: Recorder) -> RunWriter:
    return RunWriter.reopen(root, VirtualClock())


def work(run: RunWriter, seen: Recorder, first: int = 0) -> None:
    """Do what runs do: samples, many lines in one commit, files from elsewhere, results, a seal."""
    run.append("instrument", {"name": "chamber"})
    run.commit()
    if "duts" not in run.streams:
        run.declare("duts", [Column("time", "s"), Column("value", "Pa")])
    readings(run, seen, range(first, first + 1))
    readings(run, seen, range(first + 1, first + 5), long=300)
    kept = run.attach("MS/report", "x.pdf", b"%PDF" * 200)
    run.append("attached", {"files": [kept]})
    run.commit()
    seen.acknowledge(("file", kept["file"], b"%PDF" * 200))
    run.append("run_ended", {"state": "complete"})
    run.commit()
    if not (run.root / "derived/results.json").exists():
        run.write_derived("results.json", {"verdict": "PASS"})
    seen.acknowledge(("file", "derived/results.json", b'{"verdict":"PASS"}'))
    run.seal()
    seen.acknowledge(("sealed",))


def whole_run(root: Path, seen: Recorder) -> None:
    with begin(root, seen) as run:
        work(run, seen)


def gone_on(root: Path, seen: Recorder) -> None:
    with go_on(root, seen) as run:
        work(run, seen, 100)


def judge(root: Path, known: list[object]) -> None:
    """Say what is wrong with a run that the power went from, by what was acknowledged."""
    if not root.exists():
        assert ("begun",) not in known
        return
    found = check(root)
    assert {finding.level for finding in found} <= {Level.INCOMPLETE}, list(map(str, found))
    if not (root / "run.json").exists():
        assert ("begun",) not in known
        return
    run = RunReader(root)
    events = {event.seq: event for event in run.journal.events}
    last = run.journal.events[-1] if events else None
    state = last.data["state"] if last is not None and last.kind == "run_ended" else ""
    assert glance(root, "derived/results.json").state == state
    for what in known:
        match what:
            case ("event", int(seq), number):
                assert events[seq].data["number"] == number
                assert (run.samples(events[seq], "duts") == rows(int(str(number)))).all()
            case ("file", name, data):
                assert (root / str(name)).read_bytes() == data
    if ("sealed",) in known:
        assert run.is_sealed
    if run.is_sealed:
        assert found == []
    elif events:
        with go_on(root, Recorder(root)) as again:
            work(again, Recorder(root), 1000)
        assert check(root) == []
        after = tuple(RunReader(root).journal.events)
        assert after[: len(events)] == tuple(events.values())
        assert sum(event.kind == "reading" for event in after[len(events) :]) == 5


def try_all(
    seen: Recorder, there: Path, monkeypatch: pytest.MonkeyPatch, first: int = 0, most: int = MOST
) -> int:
    """Judge every disk that a power cut may leave from the `first` operation on; return how many.

    The disks are real folders; that they are not flushed themselves only saves time.
    """
    monkeypatch.setattr(os, "fsync", lambda _: None)
    chance, judged = random.Random(1), set[int]()
    for number in range(first, len(seen.operations) + 1):
        done = seen.operations[:number]
        known = acknowledged(done)
        for tree in after_power_cut(done, chance, most):
            key = hash((frozenset(tree.items()), len(known)))
            if key in judged:
                continue
            judged.add(key)
            try:
                judge(laid_out(tree, there) / "evidence" / "run", known)
            except Exception as error:
                error.add_note(_told(number, seen, tree))
                raise
            finally:
                shutil.rmtree(there)
    monkeypatch.undo()
    return len(judged)


def _told(number: int, seen: Recorder, tree: Tree) -> str:
    last = "\n".join(str(one)[:150] for one in seen.operations[max(0, number - 8) : number])
    left = {name: data if data is None else len(data) for name, data in tree.items()}
    return f"after operation {number}:\n{last}\nleft: {left}"


Program = Callable[[Path, Recorder], object]


def record(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    *programs: tuple[Program, int | None],
    known: Iterable[object] = (),
) -> Recorder:
    """Do one program after another on a disk, each killed at an operation where that is given."""
    workspace.mkdir(exist_ok=True)
    seen = Recorder(workspace)
    with seen.recording(monkeypatch):
        for what in known:
            seen.acknowledge(what)
        for program, dies_after in programs:
            seen.revive(dies_after)
            try:
                program(workspace / "evidence" / "run", seen)
            except Killed:
                assert dies_after is not None
    assert disk(seen.operations) == on_disk(workspace), "the recorder missed something"
    return seen


def test_what_was_acknowledged_outlives_a_power_cut_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = record(tmp_path / "w", monkeypatch, (whole_run, None))
    assert try_all(seen, tmp_path / "left", monkeypatch) > 100


# A quick look at some, and all of them where there is time.
SOME = [pytest.param(*one, marks=pytest.mark.chaos) for one in ((8, 6), (1, 48))]


@pytest.mark.parametrize(("stride", "most"), SOME)
def test_a_run_that_goes_on_after_a_kill_outlives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stride: int, most: int
) -> None:
    """What a killed program left in the system's memory is not on the disk yet."""
    steps, judged = record(tmp_path / "whole", monkeypatch, (whole_run, None)).steps, 0
    for at in range(1, steps, stride):
        workspace = tmp_path / f"w{at}"
        torso = record(workspace, monkeypatch, (whole_run, at))
        if not can_go_on(workspace):
            continue
        shutil.rmtree(workspace)
        seen = record(workspace, monkeypatch, (whole_run, at), (gone_on, None))
        judged += try_all(seen, tmp_path / "left", monkeypatch, len(torso.operations), most)
    assert judged > 100


@pytest.mark.parametrize(("stride", "most"), SOME)
def test_a_run_that_goes_on_after_a_power_cut_outlives_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stride: int, most: int
) -> None:
    first = record(tmp_path / "w", monkeypatch, (whole_run, None))
    chance, tried, judged = random.Random(2), set[int](), 0
    for number in range(0, len(first.operations), stride):
        done = first.operations[:number]
        known = acknowledged(done)
        for tree in after_power_cut(done, chance, most):
            if (key := hash(frozenset(tree.items()))) in tried:
                continue
            tried.add(key)
            workspace = laid_out(tree, tmp_path / f"w{len(tried)}")
            if not can_go_on(workspace):
                continue
            second = record(workspace, monkeypatch, (gone_on, None), known=known)
            before = next(n for n, o in enumerate(second.operations) if isinstance(o, Acknowledged))
            judged += try_all(second, tmp_path / "left", monkeypatch, before + len(known), 4)
    assert judged > 100


def can_go_on(workspace: Path) -> bool:
    root = workspace / "evidence" / "run"
    if not (root / "run.json").exists() or (root / "seal.json").exists():
        return False
    return len(RunReader(root).journal.events) > 0


def test_samples_that_failed_to_reach_the_disk_are_brought_there_by_the_next_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As how the run ended is, and what led to it."""

    def fails_once(root: Path, seen: Recorder) -> None:
        with begin(root, seen) as run:
            run.declare("duts", [Column("time", "s"), Column("value", "Pa")])
            readings(run, seen, range(1))
            seq = run.append("reading", {"number": 7}, {"duts": rows(7)})
            seen.refuses = True
            for _ in range(2):
                with pytest.raises(OSError, match="Input/output error"):
                    run.commit()
            seen.refuses = False
            readings(run, seen, range(8, 9))
            seen.acknowledge(("event", seq, 7))

    seen = record(tmp_path / "w", monkeypatch, (fails_once, None))
    assert sum(isinstance(operation, Failed) for operation in seen.operations) == 2
    assert try_all(seen, tmp_path / "left", monkeypatch) > 50


def test_a_second_name_left_by_a_power_cut_is_never_written_through(tmp_path: Path) -> None:
    write_new(tmp_path / "results.json", b"first")
    name = hashlib.sha256(b"results.json").hexdigest()[:16]
    os.link(tmp_path / "results.json", tmp_path / f".{name}.part")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "results.json", b"second")
    assert (tmp_path / "results.json").read_bytes() == b"first"


def test_a_commit_longer_than_what_is_written_at_once_tears_as_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines before what is torn are kept, also of the same commit; none is called changed."""
    monkeypatch.setattr("sensorbench.evidence.journal.AT_ONCE", 8192)

    def much(_: Path, seen: Recorder) -> None:
        journal = JournalWriter(tmp_path / "w" / "journal.jsonl", "0")
        sync_folder(tmp_path / "w")
        journal.append(0.0, "", "first", {})
        journal.commit()
        seen.acknowledge(("event", 1, 0))
        for number in range(40):
            journal.append(0.0, "", "long", {"text": "x" * 700, "number": number})
        journal.commit()

    seen, judged = record(tmp_path / "w", monkeypatch, (much, None)), 0
    monkeypatch.setattr(os, "fsync", lambda _: None)
    for number in range(len(seen.operations)):
        done = seen.operations[:number]
        for tree in after_power_cut(done, random.Random(3), 16):
            left = tree.get("journal.jsonl")
            if not left:
                assert not acknowledged(done)
                continue
            path = laid_out(tree, tmp_path / "left") / "journal.jsonl"
            found, judged = read(path, "0"), judged + 1
            assert found.damage == ()
            assert len(found.events) >= len(acknowledged(done))
            again = JournalWriter.reopen(
                path, len(found.events), found.events[-1].hash if found.events else "0"
            )
            again.append(0.0, "", "again", {})
            again.commit()
            again.close()
            assert [event.kind for event in read(path, "0").events][-1] == "again"
            shutil.rmtree(tmp_path / "left")
    assert judged > 30


@pytest.mark.parametrize("gone", [b"\0" * 700, b"\0", b'{"data":{},"ki', b'{"da' + b"\0" * 508])
def test_nuls_at_the_end_of_a_journal_are_torn_and_no_damage(tmp_path: Path, gone: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalWriter(path, "0")
    journal.append(0.0, "", "first", {"text": "x" * 300})
    journal.commit()
    journal.close()
    if gone.startswith(b'{"da\0'):  # up to where a sector ends, and then some of the line
        room = -(path.stat().st_size + 4) % 512
        gone = gone[:4] + b"y" * room + b"\0" * 512 + b'the rest"}\n'
    path.write_bytes(path.read_bytes() + gone)
    found = read(path, "0")
    assert (len(found.events), found.damage, found.torn) == (1, (), True)


def test_nuls_where_no_power_cut_puts_them_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalWriter(path, "0")
    for _ in range(12):
        journal.append(0.0, "", "event", {"text": "x" * 200_000})
    journal.commit()
    journal.close()
    data = bytearray(path.read_bytes())
    data[4096:8192] = bytes(4096)  # more than 1 MiB before the end: it was on the disk long since
    path.write_bytes(data)
    assert read(path, "0").damage
    data = bytearray(data.replace(b"\0", b"x"))
    data[-1000:-900] = bytes(100)  # neither a sector nor the end
    path.write_bytes(data)
    assert read(path, "0").damage
