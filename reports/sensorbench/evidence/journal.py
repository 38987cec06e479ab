"""The journal: one event a line, each line with its own digest and that of the line before.

The first line's "prev" is the digest of run.json. It is written line by line, and read as a stream:
what is kept in memory is where each event lies.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorbench.evidence.cache import Cache
from sensorbench.evidence.events import Events, Selection, opened
from sensorbench.evidence.files import sync
from sensorbench.evidence.line import Event, encode

__all__ = ["Event", "Journal", "JournalWriter", "read"]
_BLOCK = 1 << 12


class JournalWriter:
    """Appends events; they reach the file, and are acknowledged, by `commit` and not before.

    An exception may come at any moment, Ctrl-C among them. So each change of state is one step:
    an event is there or not, and a commit that was cut off writes the same bytes again. Events may
    be appended while another thread commits: a disk that stalls holds up nobody else.
    """

    def __init__(self, path: Path, first_prev: str) -> None:
        self._file = path.open("xb", buffering=0)
        # Bytes on the disk, lines and digest up to there; then what is waiting, line by line.
        self._state: tuple[int, int, str, list[tuple[str, bytes]]] = (0, 0, first_prev, [])
        # An exception may come just before it is given back: whoever holds it may take it again.
        self._lock = threading.RLock()

    @classmethod
    def reopen(cls, path: Path, lines: int, last: str) -> JournalWriter:
        """Return a writer that goes on after the last whole line; what is torn is cut off."""
        writer = cls.__new__(cls)
        writer._file = path.open("r+b", buffering=0)
        end = _whole(path)
        writer._file.truncate(end)
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
        self._file.seek(offset)
        written = 0
        while written < len(data):
            written += self._file.write(data[written:]) or 0
        sync(self._file)
        prev = ready[-1][0] if ready else prev
        with self._lock:  # what came meanwhile waits for the next one
            self._state = (offset + len(data), lines + len(ready), prev, waiting[len(ready) :])

    @property
    def last(self) -> tuple[int, str]:
        """Return how many lines there are, waiting ones included, and the digest of the last."""
        _, lines, prev, waiting = self._state
        return lines + len(waiting), waiting[-1][0] if waiting else prev

    def close(self) -> None:
        """Close the file; what was not committed is dropped. Closing twice is fine."""
        self._file.close()


def _whole(path: Path) -> int:
    """Return how many bytes of a journal are whole lines."""
    with path.open("rb") as file:
        at = file.seek(0, 2)
        while at:
            step = min(_BLOCK, at)
            at = file.seek(at - step)
            cut = file.read(step).rfind(b"\n")
            if cut >= 0:
                return at + cut + 1
    return 0


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
