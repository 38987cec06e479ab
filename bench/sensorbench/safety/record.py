"""What a watchdog puts on record: a journal of its own in the workspace, `watchdog/RUN.jsonl`."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensorbench.core.errors import BenchError
from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.journal import Event, JournalWriter, read

FOLDER = "watchdog"


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

    def note(self, kind: str, **data: Any) -> None:
        """Put an event on the disk; a disk that fails hides nothing and stops nothing."""
        with suppress(OSError, BenchError, ValueError):
            if self.journal is None:
                self.journal = self._open()
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.journal.append(round(time.monotonic() - self.began_s, 3), now, kind, data)
            self.journal.commit()

    def _open(self) -> JournalWriter:
        self.path.parent.mkdir(exist_ok=True)
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
        case "gone":
            return f"its process {data['pid']} is gone"
        case "slept":
            return f"the machine had no time, or slept, for {data['seconds']} s"
        case "attempt":
            unsafe = "; ".join(data["unsafe"])
            return f"attempt {data['number']} to make the bench safe: {unsafe or 'all is safe'}"
        case "made_safe":
            return "the bench is safe"
    return f"{event.kind}: {dict(data)}"
