"""A power cut: marks, the watchdog's record and the twins' memory are as they were acknowledged."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sensorbench.safety import marks
from sensorbench.safety.record import Record, in_words, record_of
from sensorbench.station.locks import STATE
from sensorbench.station.workspace import Workspace

from ...reports.evidence.crash_model import (
    Killed,
    Recorder,
    acknowledged,
    after_power_cut,
    disk,
    laid_out,
    on_disk,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders are flushed on POSIX")

MARK = marks.Mark(
    run="R1", root="/r/R1", workspace="/r", station="/r/station.toml", keys=("tcp:1",), pid=1,
    boot="", since="2026-06-01T08:00:00+00:00", beat="", allowance_s=10.0,
)  # fmt: skip


def outlives(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Path, Recorder], None],
    judge: Callable[[Path, list[object]], None],
) -> None:
    """Judge every disk that a power cut may leave during some work, and what was acknowledged."""
    there = tmp_path / "there"
    there.mkdir()
    seen = Recorder(there)
    with seen.recording(monkeypatch):
        work(there, seen)
    assert disk(seen.operations) == on_disk(there)
    assert acknowledged(seen.operations)
    for number in range(len(seen.operations) + 1):
        done = seen.operations[:number]
        for tree in after_power_cut(done, random.Random(1), 64):
            left = laid_out(tree, tmp_path / "left")
            judge(left, acknowledged(done))
            shutil.rmtree(left)


def test_a_mark_bars_the_bench_after_a_power_cut_and_one_that_is_gone_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(there: Path, seen: Recorder) -> None:
        monkeypatch.setenv(STATE, str(there / "var" / "state"))
        marks.write(MARK)
        seen.acknowledge([marks.ENERGISED])
        tripped = replace(MARK, state=marks.TRIPPED, text="too hot")
        marks.write(tripped)
        seen.acknowledge([marks.TRIPPED])
        marks.acknowledge(tripped, "A. Person", "", "looked at it")
        marks.remove(MARK)
        seen.acknowledge([])

    def judge(left: Path, known: list[object]) -> None:
        monkeypatch.setenv(STATE, str(left / "var" / "state"))
        found = [mark.state for mark in marks.marks()]
        states = [[], [marks.ENERGISED], [marks.TRIPPED], []]
        assert found in states[len(known) : len(known) + 2]

    outlives(tmp_path, monkeypatch, work, judge)


def test_the_watchdogs_record_is_whole_after_a_power_cut_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(there: Path, seen: Recorder) -> None:
        record = Record(record_of(there, "R1"))
        record.note("silent", late_s=1.0)
        assert record.wait()
        seen.acknowledge(1)
        record.note("killed", pid=7)
        assert record.wait()
        seen.acknowledge(2)
        assert record.journal is not None
        record.journal.close()

    def judge(left: Path, known: list[object]) -> None:
        path = record_of(left, "R1")
        assert len(in_words(path)) >= len(known)
        again = Record(path)
        again.note("made_safe")
        assert again.wait()
        assert again.journal is not None
        again.journal.close()
        said = in_words(path)
        assert said[-1].endswith("the bench is safe")
        assert not any("damage" in line or "digest" in line for line in said)

    outlives(tmp_path, monkeypatch, work, judge)


@pytest.mark.parametrize("steps", range(1, 4))
def test_a_watchdog_after_one_that_was_killed_keeps_its_record_through_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    def work(there: Path, seen: Recorder) -> None:
        seen.revive(dies_after=steps)
        first = Record(record_of(there, "R1"))
        with pytest.raises(Killed):
            first._open()
        seen.revive()
        second = Record(record_of(there, "R1"))
        second.note("silent", late_s=1.0)
        assert second.wait()
        seen.acknowledge(1)
        assert second.journal is not None
        second.journal.close()

    def judge(left: Path, known: list[object]) -> None:
        assert len(in_words(record_of(left, "R1"))) >= len(known)

    outlives(tmp_path, monkeypatch, work, judge)


def test_what_twins_remember_is_the_old_or_the_new_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memories = [{}, {"H1-1": "00ff" * 3000}, {"H1-1": "11ee"}]

    def work(there: Path, seen: Recorder) -> None:
        for memory in memories[1:]:
            Workspace(there).save_memory(memory)
            seen.acknowledge(memory)

    def judge(left: Path, known: list[object]) -> None:
        assert Workspace(left).load_memory() in memories[len(known) : len(known) + 2]

    outlives(tmp_path, monkeypatch, work, judge)
