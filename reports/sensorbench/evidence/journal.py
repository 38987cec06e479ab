"""The journal: one event a line, each line with its own digest and that of the line before.

The first line's "prev" is the digest of run.json. It is written line by line, and read as a stream:
what is kept in memory is where each event lies.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorbench.evidence.cache import Cache
from sensorbench.evidence.events import Events, Selection, opened
from sensorbench.evidence.files import sync, sync_folder
from sensorbench.evidence.holding import hold, lost, why_lost
from sensorbench.evidence.line import Event, encode
from sensorbench.evidence.readonly import ReadOnly
from sensorbench.evidence.tail import AT_ONCE, whole

__all__ = ["AT_ONCE", "Event", "Journal", "JournalWriter", "read"]


class JournalWriter:
    """Appends events; they reach the file, and are acknowledged, by `commit` and not before.

    An exception may come at any moment, Ctrl-C among them. So each change of state is one step:
    an event is there or not, and a commit that was cut off writes the same bytes again. Events may
    be appended while another thread commits: a disk that stalls holds up nobody else.
    """

    def __init__(self, path: Path, first_prev: str) -> None:
        self._file = path.open("xb", buffering=0)
        hold(self._file, path)
        sync_folder(path.parent)
        self.path, self._written = path, 0
        self._handed = (0, 0, 0)
        # Bytes on the disk, lines and digest up to there; then what is waiting, line by line.
        self._state: tuple[int, int, str, list[tuple[str, bytes]]] = (0, 0, first_prev, [])
        # An exception may come just before it is given back: whoever holds it may take it again.
        self._lock = threading.RLock()

    @classmethod
    def reopen(cls, path: Path, lines: int, last: str) -> JournalWriter:
        """Return a writer that goes on after the last whole line; what is torn is cut off.

        Raises BenchError where another program writes it.
        """
        writer = cls.__new__(cls)
        writer._file = path.open("r+b", buffering=0)
        hold(writer._file, path)
        end = whole(ReadOnly(path).read, path.stat().st_size)
        writer._file.truncate(end)
        sync(writer._file)
        sync_folder(path.parent)  # a program that was killed may not have seen to it
        writer.path, writer._written = path, end
        writer._handed = (end, 0, 0)
        writer._state = (end, lines, last, [])
        writer._lock = threading.RLock()
        return writer

    def append(self, t: float, time: str, kind: str, data: Mapping[str, Any]) -> int:
        """Add an event and return its number; it is durable after the next `commit`."""
        with self._lock:
            seq, prev = self.last
            line, digest = encode(seq, t, time, kind, data, prev)
            self._state[3].append((digest, line))
            return seq

    @property
    def waiting(self) -> int:
        """Return how many events wait for a commit."""
        return len(self._state[3])

    def commit(self, count: int | None = None) -> None:
        """Bring the first `count` events that wait to the disk, or all; one commit at a time."""
        offset, lines, prev, waiting = self._state
        ready = waiting[:count]
        data = b"".join(line for _, line in ready)
        # All of it, also what was handed over: what a disk refused once is written once more.
        self._write(offset, offset, data)
        sync(self._file)
        prev = ready[-1][0] if ready else prev
        with self._lock:  # what came meanwhile waits for the next one
            self._state = (offset + len(data), lines + len(ready), prev, waiting[len(ready) :])

    def hand_over(self) -> int:
        """Hand what waits to the system, and return how many bytes wait for the disk there.

        It outlives the program then, and the machine after the next `commit`, which writes it once
        more. One call at a time, and none while a commit goes on.
        """
        offset, _, _, waiting = self._state
        since, count, there = self._handed if self._handed[0] == offset else (offset, 0, 0)
        data = b"".join(line for _, line in waiting[count:])
        self._write(offset, offset + there, data)
        self._handed = (since, len(waiting), there + len(data))
        return there + len(data)

    def _write(self, offset: int, at: int, data: bytes) -> None:
        """Write at a place; all up to `offset` is on the disk."""
        self._alone(offset)
        self._file.seek(at)
        # Before they are written: a commit that is cut off has written anything up to there.
        self._written = max(self._written, at + len(data))
        rest = memoryview(data)
        while rest:
            # To where a sector ends: what is torn then begins with a line or with a sector.
            room = AT_ONCE - self._file.tell() % AT_ONCE
            piece, rest = rest[:room], rest[room:]
            while piece:
                piece = piece[self._file.write(piece) or 0 :]
            if rest:
                sync(self._file)

    def _alone(self, offset: int) -> None:
        """Raise OSError where the file is not as long as it was left."""
        size = os.fstat(self._file.fileno()).st_size
        if not offset <= size <= self._written:
            text = f"it has {size} bytes, {offset} were written: another program changes it, too"
            raise lost(self.path, text)

    def why_lost(self) -> str:
        """Return in words why the file can't be found any more, "" where it can."""
        return why_lost(self._file, self.path)

    @property
    def last(self) -> tuple[int, str]:
        """Return how many lines there are, waiting ones included, and the digest of the last."""
        _, lines, prev, waiting = self._state
        return lines + len(waiting), waiting[-1][0] if waiting else prev

    def close(self) -> None:
        """Close the file; what was not committed is dropped. Closing twice is fine."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Journal:
    """What a journal holds, and what is wrong with it, in words that name the line.

    `crlf`: lines end as on Windows, which we never write; they are read all the same.
    """

    log: Events
    damage: tuple[str, ...]
    torn: bool
    crlf: bool = False

    @property
    def events(self) -> Selection:
        """Return all events; each is read when it is used, and few are kept."""
        return self.log.of(())

    @property
    def sha256(self) -> str:
        """Return the digest of the journal's whole lines, "" where not all was read for it."""
        index = self.log.index
        return index.sha256 if index.hashed.end == self.log.end else ""


def read(
    path: Path, first_prev: str | None, cache: Cache | None = None, afresh: bool = False
) -> Journal:
    """Read a journal as far as it goes; `first_prev` None skips the check against run.json.

    What `cache` has of it is believed where the file is the same; with `afresh` only after every
    byte was read again. Raises OSError.
    """
    # Without a newline at the end the last line was being written when the run died.
    events, torn = opened(path, first_prev, cache, afresh)
    index = events.index
    return Journal(events, tuple(index.damage), torn, index.at.crlf)
