"""What a watchdog puts on record: a journal of its own in the workspace, `watchdog/RUN.jsonl`.

It is written behind what the watchdog does: a disk that stalls holds up neither fencing nor making
safe. Each event has the time at which it was, not that of its writing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensorbench.core.errors import BenchError
from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.files import make_folder
from sensorbench.evidence.journal import Event, JournalWriter, read
from sensorbench.safety.behind import Behind

FOLDER = "watchdog"
WRITTEN_S = 120.0
"""So long a watchdog that is done waits for its record, s: the bench is safe by then."""


def record_of(workspace: Path, run: str) -> Path:
    """Return where the watchdog of a run keeps its record; there is none unless it acted."""
    return workspace / FOLDER / f"{run}.jsonl"


def _first(path: Path) -> str:
    """Return what the first line is chained to: the run's name."""
    return sha256(path.stem.encode())


@dataclass(slots=True)
class Record:
    """The watchdog's own evidence: a chained journal in the workspace, `watchdog/RUN.jsonl`."""

    path: Path
    began_s: float = field(default_factory=time.monotonic)
    journal: JournalWriter | None = None
    _behind: Behind = field(default_factory=lambda: Behind("record"))
    _refused: int = 0

    def note(self, kind: str, **data: Any) -> None:
        """Have an event put on the disk; one that stalls or fails hides nothing, stops nothing."""
        at_s = round(time.monotonic() - self.began_s, 3)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        if self._refused:
            lost = {"events": self._refused}
            if self.do(lambda: self._put(at_s, now, "unrecorded", lost)):
                self._refused = 0
        if not self.do(lambda: self._put(at_s, now, kind, data)):
            self._refused += 1

    def do(self, work: Callable[[], object]) -> bool:
        """Have something else done on the disk, after what was noted; return if it was taken."""
        return self._behind.do(work)

    def wait(self, within_s: float = WRITTEN_S) -> bool:
        """Return whether all of it is on the disk within so many seconds."""
        return self._behind.wait(within_s)

    def _put(self, at_s: float, now: str, kind: str, data: Mapping[str, Any]) -> None:
        with suppress(OSError, BenchError, ValueError):
            if self.journal is None:
                self.journal = self._open()
            self.journal.append(at_s, now, kind, data)
            self.journal.commit()

    def _open(self) -> JournalWriter:
        make_folder(self.path.parent)
        first = _first(self.path)
        if self.path.exists():  # a watchdog before this one
            there = read(self.path, first)
            last = there.events[-1].hash if there.events else first
            return JournalWriter.reopen(self.path, len(there.events), last)
        return JournalWriter(self.path, first)


def in_words(path: Path) -> list[str]:
    """Return what a record says, a line an event; what is wrong with it first."""
    if not path.is_file():
        return []
    found = read(path, _first(path))
    return [f"{path.name}: {text}" for text in found.damage] + [
        f"watchdog, {event.time[:19]} UTC: {_said(event)}" for event in found.events
    ]


def _said(event: Event) -> str:
    data = event.data
    match event.kind:
        case "silent":
            return f"the run was not heard {data['late_s']} s after it had promised to be"
        case "killed":
            return f"its process {data['pid']} was ended"
        case "not_ended":
            return f"its process {data['pid']} can't be ended: {data['reason']}"
        case "gone":
            return f"its process {data['pid']} is gone"
        case "slept":
            return f"the machine had no time, or slept, for {data['seconds']} s"
        case "attempt":
            unsafe = "; ".join(data["unsafe"])
            return f"attempt {data['number']} to make the bench safe: {unsafe or 'all is safe'}"
        case "made_safe":
            return "the bench is safe"
        case "unrecorded":
            return f"{data['events']} events are not on record: the disk stalled for too long"
    return f"{event.kind}: {dict(data)}"
