"""The journal: one event a line, each line with its own digest and that of the line before.

A line is the canonical JSON of {data, kind, prev, seq, t, time} with "hash", the SHA-256 of that
JSON, added at its end. The first line's "prev" is the digest of run.json.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorbench.evidence.canonical import canonical, sha256
from sensorbench.evidence.files import sync

_TAIL = len(',"hash":""}') + 64


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal. `t` is in seconds from the start of the run, `time` is UTC."""

    seq: int
    t: float
    time: str
    kind: str
    data: Mapping[str, Any]
    hash: str


def _body(seq: int, t: float, time: str, kind: str, data: Mapping[str, Any], prev: str) -> bytes:
    return canonical({"seq": seq, "t": t, "time": time, "kind": kind, "data": data, "prev": prev})


class JournalWriter:
    """Appends events; they reach the file, and are acknowledged, by `commit` and not before.

    An exception may come at any moment, Ctrl-C among them. So each change of state is one step:
    an event is there or not, and a commit that was cut off writes the same bytes again. Events may
    be appended while another thread commits: a disk that stalls holds up nobody else.
    """

    def __init__(self, path: Path, first_prev: str) -> None:
        self._file = path.open("xb", buffering=0)
        # Bytes handed over, lines and digest up to there; then what is waiting, line by line.
        self._state: tuple[int, int, str, list[tuple[str, bytes]]] = (0, 0, first_prev, [])
        # An exception may come just before it is given back: whoever holds it may take it again.
        self._lock = threading.RLock()

    @classmethod
    def reopen(cls, path: Path, lines: int, last: str) -> JournalWriter:
        """Return a writer that goes on after the last whole line; what is torn is cut off."""
        writer = cls.__new__(cls)
        writer._file = path.open("r+b", buffering=0)
        data = path.read_bytes()
        end = data.rfind(b"\n") + 1
        writer._file.truncate(end)
        writer._state = (end, lines, last, [])
        writer._lock = threading.RLock()
        return writer

    def append(self, t: float, time: str, kind: str, data: Mapping[str, Any]) -> int:
        """Add an event and return its number; it is durable after the next `commit`."""
        with self._lock:
            seq, prev = self.last
            body = _body(seq, t, time, kind, data, prev)
            digest = sha256(body)
            line = body[:-1] + b',"hash":"' + digest.encode() + b'"}\n'
            self._state[3].append((digest, line))
            return seq

    @property
    def waiting(self) -> int:
        """Return how many events wait for a commit."""
        return len(self._state[3])

    def commit(self, count: int | None = None) -> None:
        """Bring the first `count` events that wait to the disk, or all; one commit at a time."""
        self.hand_over(count)
        sync(self._file)

    def hand_over(self, count: int | None = None) -> None:
        """Hand the first `count` events that wait to the system, or all; one call at a time.

        They outlive the program then, and the machine after the next `commit`.
        """
        offset, lines, prev, waiting = self._state
        ready = waiting[:count]
        data = b"".join(line for _, line in ready)
        self._file.seek(offset)
        written = 0
        while written < len(data):
            written += self._file.write(data[written:]) or 0
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


@dataclass(frozen=True, slots=True)
class Journal:
    """What a journal holds, and what is wrong with it, in words that name the line.

    `crlf`: lines end as on Windows, which we never write; they are read all the same.
    """

    events: tuple[Event, ...]
    damage: tuple[str, ...]
    torn: bool
    crlf: bool = False


def read(path: Path, first_prev: str | None) -> Journal:
    """Read a journal as far as it goes; `first_prev` None skips the check against run.json."""
    data = path.read_bytes()
    # A return inside a line would be escaped: one before a newline is no part of it.
    crlf = b"\r\n" in data
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    # Without a newline at the end the last line was being written when the run died.
    torn = lines.pop() != b""
    events: list[Event] = []
    damage: list[str] = []
    prev = first_prev
    for number, line in enumerate(lines, 1):
        found = _decode(line)
        if isinstance(found, str):
            damage.append(f"line {number} {found}")
            prev = None
            continue
        event, its_prev = found
        if prev is not None and its_prev != prev:
            damage.append(
                f"line {number} does not follow the line before it (event {event.seq}): "
                "a line was removed, inserted or moved here"
                if number > 1
                else "line 1 does not belong to this run.json"
            )
        elif events and prev is not None and event.seq != events[-1].seq + 1:
            damage.append(f"line {number} has number {event.seq} after {events[-1].seq}")
        events.append(event)
        prev = event.hash
    return Journal(tuple(events), tuple(damage), torn, crlf)


def _decode(line: bytes) -> tuple[Event, str] | str:
    body, tail = line[:-_TAIL] + b"}", line[-_TAIL:]
    stored = tail[9:-2].decode("ascii", "replace")
    if tail != b',"hash":"' + stored.encode() + b'"}' or sha256(body) != stored:
        return "was changed: its digest does not match"
    try:
        fields = json.loads(body)
        return Event(
            fields["seq"], fields["t"], fields["time"], fields["kind"], fields["data"], stored
        ), fields["prev"]
    except (ValueError, KeyError, TypeError) as error:
        return f"is not an event: {error}"
