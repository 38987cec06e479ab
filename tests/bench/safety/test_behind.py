"""A watchdog whose disk stalls, or whose mark can't be read, fences and makes safe all the same."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensorbench.safety import marks, watchdog
from sensorbench.safety.alarm import Alarm
from sensorbench.safety.behind import MOST, Behind
from sensorbench.safety.heart import NoPulse
from sensorbench.safety.record import Record, in_words, record_of
from sensorbench.station.model import StationFile

HOLDS = """
import sys, time
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("here", flush=True)
time.sleep(600)
"""


class Disk:
    """The disk of a test: it answers until it is told to stall, and once it is released."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self._sync = os.fsync

    def sync(self, descriptor: int) -> None:
        self.goes_on.wait(60)
        self._sync(descriptor)


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.sync)
    yield disk
    disk.goes_on.set()


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[marks.Mark]:
    """A run that holds its lock, is allowed 0.2 s, and is never heard."""
    mark = marks.Mark(
        run="R1", root=str(tmp_path / "R1"), workspace=str(tmp_path), station="", keys=("k",),
        pid=0, boot="", since="", beat=str(tmp_path / "none"), allowance_s=0.2,
    )  # fmt: skip
    program = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(mark.alive_file)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "here\n"
    object.__setattr__(mark, "pid", program.pid)
    marks.write(mark)
    yield mark
    program.kill()
    program.communicate()


@pytest.fixture
def made_safe(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the bench was made safe; once it is not at the first attempt."""
    times: list[float] = []

    def reach(*_: object) -> tuple[dict[str, str], dict[str, str]]:
        times.append(time.monotonic())
        return ({}, {"psu": "NOT SAFE: psu"}) if len(times) == 1 else ({"psu": "safe"}, {})

    monkeypatch.setattr(watchdog, "reach_and_make_safe", reach)
    return times


def watch(mark: marks.Mark) -> Record:
    record = Record(record_of(Path(mark.workspace), mark.run))
    file = StationFile.model_validate({"station": {"name": "s"}})
    watchdog._watch(mark, file, record, watchdog.People(Alarm(), "s", mark.run), NoPulse())
    return record


def test_a_disk_that_stalls_holds_up_neither_fencing_nor_making_safe(
    hung: marks.Mark, made_safe: list[float], request: pytest.FixtureRequest
) -> None:
    disk: Disk = request.getfixturevalue("stalled")  # once the mark is there
    began = time.monotonic()
    record = watch(hung)
    assert time.monotonic() - began < 10.0
    assert len(made_safe) == 2
    assert not record.wait(0.1)
    assert marks.read(hung.file).state == marks.ENERGISED  # as nothing else is on the disk
    disk.goes_on.set()
    assert record.wait(10)
    assert marks.read(hung.file).state == marks.SAFE
    told = in_words(record.path)
    assert [line.partition("UTC: ")[2][:12] for line in told] == [
        "the run was ", f"its process {hung.pid}"[:12], f"its process {hung.pid}"[:12],
        "attempt 1 to", "attempt 2 to", "the bench is",
    ]  # fmt: skip


def test_what_a_person_acknowledged_meanwhile_is_not_written_over(
    hung: marks.Mark, made_safe: list[float], stalled: Disk
) -> None:
    record = watch(hung)
    text = hung.file.read_text(encoding="utf-8").replace('"acknowledged": {}',
        '"acknowledged": {"by": "operator 7", "at": "", "because": ""}')  # fmt: skip
    hung.file.write_text(text, encoding="utf-8")
    stalled.goes_on.set()
    assert record.wait(10)
    assert marks.read(hung.file).acknowledged["by"] == "operator 7"


def test_a_mark_that_cannot_be_read_keeps_no_watchdog_from_making_safe(
    hung: marks.Mark, made_safe: list[float]
) -> None:
    hung.file.write_text("{", encoding="utf-8")
    watch(hung)
    assert len(made_safe) == 2


def test_work_is_done_in_order_and_what_is_too_much_is_refused() -> None:
    done: list[int] = []
    goes_on = threading.Event()
    behind = Behind("test")
    assert behind.do(lambda: goes_on.wait(30))
    time.sleep(0.1)  # it is being done
    taken = [behind.do(lambda k=k: done.append(k)) for k in range(MOST + 3)]  # type: ignore[misc]
    assert taken.count(False) == 3
    assert not behind.wait(0.05)
    goes_on.set()
    assert behind.wait(10)
    assert done == list(range(MOST))


def test_events_that_could_not_be_kept_are_counted_on_record(tmp_path: Path, stalled: Disk) -> None:
    record = Record(tmp_path / "watchdog" / "R.jsonl")
    for number in range(MOST + 5):
        record.note("attempt", number=number, unsafe=[])
    stalled.goes_on.set()
    assert record.wait(10)
    record.note("made_safe")
    assert record.wait(10)
    assert any("events are not on record" in line for line in in_words(record.path))


def test_people_are_told_of_a_run_that_hangs_and_can_not_be_ended(
    hung: marks.Mark, made_safe: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another account's, or one that waits for a disk: nobody is to believe that all is well."""
    told: list[str] = []

    def refused(pid: int, number: int) -> None:
        if told:  # by then somebody did it by hand
            kill(pid, number)
        raise PermissionError(1, "Operation not permitted")

    kill = os.kill
    monkeypatch.setattr(os, "kill", refused)
    monkeypatch.setattr(watchdog, "_FENCED_S", 0.2)
    monkeypatch.setattr(
        watchdog.People, "tell", lambda _, state, text: told.append(f"{state}: {text}")
    )
    watch(hung)
    assert told[0].startswith("not safe: R1 left the bench not safe")
    assert f"process {hung.pid} can't be ended: Operation not permitted" in told[0]
    assert made_safe  # in the end, and not before it was gone
