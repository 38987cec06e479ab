"""Where each event of a journal lies, of which kind it is and when it was; and where frames lie.

A journal is read once, line by line, each line against its digest and the line before. What is kept
of an event are 18 bytes, of a frame 22. A journal that has grown is read on from where it ended.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from secrets import token_hex
from typing import Any

import numpy as np
import numpy.typing as npt

from sensorbench.evidence.columns import Column
from sensorbench.evidence.line import decode
from sensorbench.evidence.readonly import ReadOnly
from sensorbench.evidence.tail import whole

VERSION = 1
"""Of what is kept in files; another one is made anew."""
FRAME = np.dtype([("event", "<u8"), ("offset", "<u8"), ("length", "<u4"), ("stream", "<u2")])
NO_FRAME = 0xFFFF
"""Code of a frame that is none: the event has it, and it can't be read."""
_BLOCK = 1 << 20
_UNSAVED = 1 << 20
_MOST_CHOSEN, _CHOICES = 1 << 17, 31
Numbers = npt.NDArray[np.int64]
_MOST_DAMAGE = 1000
_MOST_CODES = 0xFFFF


@dataclass(frozen=True, slots=True)
class Position:
    """How far a journal was read: bytes, lines, events and frames; how the last line was.

    `prev` is the digest that the next line must name, None after a line that was changed; "" before
    the first of a journal whose beginning is known to be anything.
    """

    end: int = 0
    lines: int = 0
    events: int = 0
    frames: int = 0
    prev: str | None = None
    seq: int | None = None
    damage: int = 0
    crlf: bool = False


@dataclass
class Index:
    """What is known of a journal up to `at`; up to `hashed` the digest of its bytes is `sha256`."""

    first_prev: str | None
    name: str = field(default_factory=lambda: token_hex(8))
    offsets: Column = field(default_factory=lambda: Column("<u8"))
    codes: Column = field(default_factory=lambda: Column("<u2"))
    times: Column = field(default_factory=lambda: Column("<f8"))
    frames: Column = field(default_factory=lambda: Column(FRAME))
    kinds: dict[str, int] = field(default_factory=dict)
    streams: dict[tuple[str, str], int] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    at: Position = field(default_factory=Position)
    hashed: Position = field(default_factory=Position)
    sha256: str = ""
    confirmed: int = 0
    """How many frames are named by lines whose bytes are those of an earlier look."""
    _digest: Any = None  # of the bytes up to `at`, while this program read them all
    _chosen: dict[tuple[str, ...], tuple[int, Numbers]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.at.end:
            self.at = self.hashed = Position(prev=self.first_prev)
            self._digest = hashlib.sha256()
            self.sha256 = self._digest.hexdigest()

    @property
    def columns(self) -> Mapping[str, Column]:
        """Return all columns by name."""
        return {
            "offsets": self.offsets, "codes": self.codes, "times": self.times,
            "frames": self.frames,
        }  # fmt: skip

    def numbers(self, kinds: tuple[str, ...], count: int) -> Numbers:
        """Return the places of the events of some kinds among the first `count`, ascending.

        Asked again, only what came since is looked at.
        """
        known = [self.kinds[kind] for kind in kinds if kind in self.kinds]
        done, found = self._chosen.get(kinds, (0, np.empty(0, np.int64)))
        if done >= count:
            return found[: np.searchsorted(found, count)]
        more = [
            start + np.flatnonzero(np.isin(codes, known))
            for start, codes in (self.codes.pieces(done, count) if known else ())
        ]
        found = np.concatenate([found, *more]) if more else found
        if len(found) <= _MOST_CHOSEN:
            self._chosen = {**dict([*self._chosen.items()][-_CHOICES:]), kinds: (count, found)}
        return found

    def extend(self, file: ReadOnly, full: Callable[[], None] | None = None) -> None:
        """Read the whole lines that came since; `full` is called now and then, to keep them."""
        self._cut()  # what an exception left half done
        at, rest = self.at.end, b""
        end = whole(file.read, file.stat().st_size)
        while block := file.read(at, min(_BLOCK, end - at)):
            at += len(block)
            cut = block.rfind(b"\n") + 1
            if not cut:
                rest += block
                continue
            lines, rest = rest + block[:cut], block[cut:]
            self._lines(lines)
            if self._digest is not None:
                self._digest.update(lines)
                self.hashed, self.sha256 = self.at, self._digest.hexdigest()
            if full is not None and self.offsets.unsaved >= _UNSAVED:
                full()

    def confirm(self, file: ReadOnly) -> bool:
        """Return whether the bytes that were read are still the same; what has no digest is cut."""
        digest = hashlib.sha256()
        at, end = 0, self.hashed.end
        while at < end:
            block = file.read(at, min(_BLOCK, end - at))
            if not block:
                return False
            digest.update(block)
            at += len(block)
        if digest.hexdigest() != self.sha256:
            return False
        self._digest, self.at, self.confirmed = digest, self.hashed, self.hashed.frames
        self._cut()
        return True

    def _cut(self) -> None:
        """Forget what was read beyond the position."""
        if len(self.offsets) > self.at.events:
            self._chosen.clear()
        for name, column in self.columns.items():
            column.cut(self.at.frames if name == "frames" else self.at.events)
        del self.damage[self.at.damage :]

    def _lines(self, whole: bytes) -> None:
        """Take whole lines, one after the other."""
        now = self.at
        offsets, codes, times = array("Q"), array("H"), array("d")
        frames: list[tuple[int, int, int, int]] = []
        start, number, prev, seq, crlf = now.end, now.lines, now.prev, now.seq, now.crlf
        events = now.events
        for text in whole.split(b"\n")[:-1]:
            here, start, number = start, start + len(text) + 1, number + 1
            line = text
            if text.endswith(b"\r"):  # one inside a line would be escaped: it is no part of it
                line, crlf = text[:-1], True
            found = decode(line)
            if isinstance(found, str):
                self._damaged(f"line {number} {found}")
                prev = None
                continue
            fields, digest = found
            self._follows(number, fields, prev, seq)
            prev, seq = digest, fields["seq"]
            offsets.append(here)
            codes.append(self._code(self.kinds, fields["kind"]))
            times.append(float(fields["t"]))
            data = fields["data"]
            if isinstance(data, dict) and "frames" in data:
                frames += self._frames(events, data["frames"])
            events += 1
        self.offsets.extend(np.frombuffer(offsets, "<u8"))
        self.codes.extend(np.frombuffer(codes, "<u2"))
        self.times.extend(np.frombuffer(times, "<f8"))
        self.frames.extend(np.array(frames, FRAME))
        count = now.frames + len(frames)
        self.at = Position(start, number, events, count, prev, seq, len(self.damage), crlf)

    def _follows(
        self, number: int, fields: Mapping[str, Any], prev: str | None, seq: int | None
    ) -> None:
        """Note where a line does not follow the line before it."""
        if prev is None:
            return
        if fields["prev"] != prev:
            self._damaged(
                f"line {number} does not follow the line before it (event {fields['seq']}): "
                "a line was removed, inserted or moved here"
                if number > 1
                else "line 1 does not belong to this run.json"
            )
        elif seq is not None and fields["seq"] != seq + 1:
            self._damaged(f"line {number} has number {fields['seq']} after {seq}")

    def _damaged(self, text: str) -> None:
        if len(self.damage) < _MOST_DAMAGE:
            self.damage.append(text)
        elif len(self.damage) == _MOST_DAMAGE:
            self.damage.append(f"{text}, and what is wrong after it is not listed")

    def _frames(self, event: int, rows: Any) -> list[tuple[int, int, int, int]]:
        found = []
        for row in rows if isinstance(rows, list) else [rows]:
            try:
                offset, length = int(row["offset"]), int(row["length"])
                code = self._code(self.streams, (str(row["stream"]), str(row["file"])))
            except (KeyError, TypeError, ValueError, OverflowError):
                offset, length, code = -1, 0, NO_FRAME
            fits = 0 <= offset < 1 << 63 and 0 <= length < 1 << 32
            found.append((event, offset, length, code) if fits else (event, 0, 0, NO_FRAME))
        return found

    @staticmethod
    def _code(table: dict[Any, int], name: Any) -> int:
        """Return the number of a name; of very many the last ones share one, and are looked at."""
        code = table.get(name)
        if code is None:
            code = table[name] = min(len(table), _MOST_CODES - 1)
        return code

    # -- as kept in a file -----------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """Return all but the columns."""
        return {
            "version": VERSION, "name": self.name, "first_prev": self.first_prev,
            "kinds": list(self.kinds),
            "streams": [list(pair) for pair in self.streams], "damage": self.damage,
            "at": asdict(self.at), "hashed": asdict(self.hashed), "sha256": self.sha256,
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Index:
        """Return an index whose columns are still empty. Raises KeyError or TypeError."""
        index = cls(
            row["first_prev"], str(row["name"]), damage=list(row["damage"]),
            at=Position(**row["at"]), hashed=Position(**row["hashed"]), sha256=row["sha256"],
        )  # fmt: skip
        for name in row["kinds"]:
            cls._code(index.kinds, name)
        for stream, file in row["streams"]:
            cls._code(index.streams, (stream, file))
        return index
