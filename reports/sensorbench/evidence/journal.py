"""The journal: one event a line, each line with its own digest and that of the line before.

A line is the canonical JSON of {data, kind, prev, seq, t, time} with "hash", the SHA-256 of that
JSON, added at its end. The first line's "prev" is the digest of run.json.
"""

from __future__ import annotations

import json
import mmap
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensorbench.evidence.canonical import canonical, sha256
from sensorbench.evidence.files import sync, sync_folder
from sensorbench.evidence.holding import hold, lost, why_lost

_TAIL = len(',"hash":""}') + 64
AT_ONCE = 1 << 20
"""Bytes that are written at most before the disk is waited for: no power cut tears more of it."""
_SECTOR = 512
"""What a disk writes whole or not at all, bytes; blocks of file systems are multiples of it."""


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
        end = 0
        if path.stat().st_size:
            with mmap.mmap(writer._file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                end = whole(data)
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

    events: tuple[Event, ...]
    damage: tuple[str, ...]
    torn: bool
    crlf: bool = False


def whole(data: bytes | mmap.mmap) -> int:
    """Return how many bytes of a journal are whole lines: what follows was being written.

    A power cut leaves a part of the last line, or NULs for sectors that never reached the disk,
    with later ones behind them. So NULs in the last `AT_ONCE` bytes, which JSON has none of, from
    where a line or a sector begins to where a sector or the file ends, were never acknowledged.

    >>> whole(b"one line" + b"\\n" + b"half a li")
    9
    """
    end = size = len(data)
    at = data.find(b"\0", max(0, size - AT_ONCE))
    while at >= 0:
        after = at
        while after < size and not data[after]:
            after += 1
        begins = at % _SECTOR == 0 or data[at - 1] == ord("\n")
        if begins and (after == size or after % _SECTOR == 0):
            end = at
            break
        at = data.find(b"\0", after)
    return data.rfind(b"\n", 0, end) + 1


def read(path: Path, first_prev: str | None) -> Journal:
    """Read a journal as far as it goes; `first_prev` None skips the check against run.json."""
    there = path.read_bytes()
    data = there[: whole(there)]
    # A return inside a line would be escaped: one before a newline is no part of it.
    crlf = b"\r\n" in data
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    lines.pop()
    torn = len(data) < len(there)
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
