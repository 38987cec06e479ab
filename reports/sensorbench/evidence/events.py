"""The events of a journal, read when they are asked for and not kept: those of a kind by its index.

Few events that are asked for again and again are kept, so that a small run is parsed once.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.cache import Cache, Stamp, stamp
from sensorbench.evidence.index import Index
from sensorbench.evidence.line import Event, event_of
from sensorbench.evidence.readonly import ReadOnly

Numbers = npt.NDArray[np.int64]
_MOST_KEPT, _KEPT_TOGETHER = 1 << 14, 1 << 15
_MOST_TALLIED = 1 << 14
_TOGETHER = 256
_MOST_READ = 1 << 20
_SPARSE = 16
_MOST_OPEN = 4
_OPEN: dict[Path, tuple[Index, Stamp, Cache | None]] = {}
"""The indexes of the journals that this program read last: one that grows is read on."""
_OPENING = threading.RLock()


class Selection(Sequence[Event]):
    """Some events of a journal in order, by their numbers in it; each is read when it is used."""

    def __init__(
        self, events: Events, numbers: Numbers | range, kept: tuple[Event, ...] | None = None
    ) -> None:
        self._events, self._numbers, self._kept = events, numbers, kept

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> Event: ...
    @overload
    def __getitem__(self, at: slice) -> Selection: ...
    def __getitem__(self, at: int | slice) -> Event | Selection:
        if isinstance(at, slice):
            kept = self._kept[at] if self._kept is not None else None
            return Selection(self._events, self._numbers[at], kept)
        if self._kept is not None:
            return self._kept[at]
        return self._events.one(int(self._numbers[at]))

    def __iter__(self) -> Iterator[Event]:
        return iter(self._kept) if self._kept is not None else self._events.each(self._numbers)

    @property
    def seqs(self) -> Sequence[int]:
        """Return the events' numbers; of a journal that is whole without reading them."""
        if self._events.index.damage:
            return [event.seq for event in self]
        return self._numbers if isinstance(self._numbers, range) else _Plain(self._numbers)


class _Plain(Sequence[int]):
    """Numbers of an array as plain ones."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> _Plain: ...
    def __getitem__(self, at: int | slice) -> int | _Plain:
        return _Plain(self._numbers[at]) if isinstance(at, slice) else int(self._numbers[at])

    def __iter__(self) -> Iterator[int]:
        for start in range(0, len(self._numbers), _KEPT_TOGETHER):
            yield from self._numbers[start : start + _KEPT_TOGETHER].tolist()


@dataclass
class Events:
    """All events of a journal as it was when it was opened."""

    path: Path
    index: Index
    file: ReadOnly
    count: int
    end: int
    _kept: dict[tuple[str, ...], tuple[Numbers | range, tuple[Event, ...]]] = field(
        default_factory=dict
    )
    _chosen: dict[tuple[str, ...], Numbers] = field(default_factory=dict)
    _places: dict[int, int] | None = None

    def all(self) -> Selection:
        """Return all events."""
        return Selection(self, range(self.count))

    def each_numbered(self, seqs: Sequence[int]) -> Iterator[Event]:
        """Yield the events of those numbers, which ascend; one that is not there is left out."""
        if not self.index.damage:
            yield from self.each(np.asarray(seqs, dtype=np.int64))
            return
        yield from (event for event in map(self.numbered, seqs) if event is not None)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of events that there are, in the order they came."""
        return tuple(str(kind) for kind in self.index.kinds)

    def numbered(self, seq: int) -> Event | None:
        """Return the event of a number, None where there is none."""
        if 0 <= seq < self.count and (event := self.one(seq)).seq == seq:
            return event
        if not self.index.damage:
            return None
        place = bisect_left(range(self.count), seq, key=lambda number: self.one(number).seq)
        if place < self.count and (event := self.one(place)).seq == seq:
            return event
        if self._places is None:  # lines were moved: where each number is
            self._places = {event.seq: number for number, event in enumerate(self.all())}
        return self.one(self._places[seq]) if seq in self._places else None

    def of(self, kinds: tuple[str, ...]) -> Selection:
        """Return the events of some kinds; few are kept, for the next time."""
        if kinds in self._kept:
            return Selection(self, *self._kept[kinds])
        numbers = self._numbers(kinds) if kinds else range(self.count)
        room = _KEPT_TOGETHER - sum(len(kept) for _, kept in self._kept.values())
        if len(numbers) > min(_MOST_KEPT, room):
            return Selection(self, numbers)
        # Not the selection: it has us, and files are open until nobody has them any more.
        self._kept[kinds] = numbers, tuple(self.each(numbers))
        return Selection(self, *self._kept[kinds])

    def _numbers(self, kinds: tuple[str, ...]) -> Numbers:
        """Return the numbers of the events of some kinds, ascending."""
        if kinds not in self._chosen:
            found = self.index.numbers(kinds, self.count)
            self._chosen = {**dict([*self._chosen.items()][-7:]), kinds: found}
        return self._chosen[kinds]

    def framed(self, start: int = 0) -> Iterator[Event]:
        """Yield the events that name frames of samples, from the frame of number `start` on."""
        last = -1
        for _, rows in self.index.frames.pieces(start):
            numbers = np.unique(rows["event"]).astype(np.int64)
            yield from self.each(numbers[(numbers > last) & (numbers < self.count)])
            last = int(numbers[-1])

    def frames(
        self, stream: str, breaks: Sequence[int] = ()
    ) -> Iterator[tuple[int, str, int, int, int]]:
        """Yield where a stream's frames lie, neighbours of one length together.

        Each is the number of the first event, file, first byte, how many frames, and the length of
        one. None goes over one of `breaks`, numbers of events.
        """
        codes = {code: file for (name, file), code in self.index.streams.items() if name == stream}
        for _, rows in self.index.frames.pieces():
            own = rows[np.isin(rows["stream"], [*codes]) & (rows["event"] < self.count)]
            if not len(own):
                continue
            offsets, lengths = own["offset"].astype(np.int64), own["length"].astype(np.int64)
            follows = (
                (offsets[:-1] + lengths[:-1] == offsets[1:])
                & (lengths[:-1] == lengths[1:])
                & (own["stream"][:-1] == own["stream"][1:])
            )
            cuts = {0, len(own), *(np.flatnonzero(~follows) + 1).tolist()}
            cuts |= set(np.searchsorted(own["event"], np.asarray(breaks, "<u8")).tolist())
            edges = sorted(cuts)
            for begin, end in pairwise(edges):
                length = int(lengths[begin])
                step = max(1, _MOST_READ // max(1, length))
                for first in range(begin, end, step):
                    count = min(step, end - first)
                    file = codes[int(own["stream"][first])]
                    yield int(own["event"][first]), file, int(offsets[first]), count, length

    def one(self, number: int) -> Event:
        """Return one event by its place in the journal. Raises IndexError, EvidenceError."""
        if not 0 <= number < self.count:
            raise IndexError(number)
        start, stop = self._ends(np.array([number]))
        return self._event(self.file.read(int(start[0]), int(stop[0] - start[0])))

    def each(self, numbers: Numbers | range) -> Iterator[Event]:
        """Yield events by their places, which ascend; neighbours are read together."""
        return map(self._event, self._lines(numbers))

    def tally(self, kind: str) -> Iterator[tuple[Event, int]]:
        """Yield each different event of a kind, the first of its data, and how many are alike.

        Of very many different ones some come more than once, each with a part of its number.
        """
        found: dict[bytes, list[Any]] = {}
        for line in self._lines(self._numbers((kind,))):
            data = line[: line.rfind(b',"kind":"')]
            alike = found.get(data)
            if alike is not None:
                alike[1] += 1
                continue
            if len(found) >= _MOST_TALLIED:
                yield from ((self._event(first), count) for first, count in found.values())
                found.clear()
            found[data] = [line, 1]
        yield from ((self._event(first), count) for first, count in found.values())

    def _lines(self, numbers: Numbers | range) -> Iterator[bytes]:
        """Yield lines by their places; each goes on up to the next event's."""
        for first in range(0, len(numbers), _TOGETHER):
            chosen = np.asarray(numbers[first : first + _TOGETHER], dtype=np.int64)
            if len(chosen) > 1 and (chosen[0] > chosen[-1]):  # a selection that was turned around
                for number in chosen.tolist():
                    yield from self._lines(range(number, number + 1))
                continue
            starts, stops = (ends.tolist() for ends in self._ends(chosen))
            span = stops[-1] - starts[0]
            needed = sum(stops) - sum(starts)
            if span <= min(_SPARSE * needed, _MOST_READ):
                data, base = self.file.read(starts[0], span), starts[0]
                for start, stop in zip(starts, stops, strict=True):
                    yield data[start - base : stop - base]
            else:
                for start, stop in zip(starts, stops, strict=True):
                    yield self.file.read(start, stop - start)

    def _ends(self, numbers: Numbers) -> tuple[Numbers, Numbers]:
        """Return where lines begin, and where the next ones do, in bytes."""
        first, last = int(numbers[0]), int(numbers[-1])
        if last - first < 4 * _TOGETHER:
            rows = self.index.offsets.slice(first, min(last + 2, self.count)).astype(np.int64)
            rows = rows if last + 1 < self.count else np.append(rows, self.end)
            return rows[numbers - first], rows[numbers - first + 1]
        starts = self.index.offsets.take(numbers).astype(np.int64)
        after = numbers + 1
        stops = self.index.offsets.take(np.minimum(after, self.count - 1)).astype(np.int64)
        return starts, np.where(after < self.count, stops, self.end)

    def _event(self, line: bytes) -> Event:
        # Up to the next event: a line that was changed may lie between.
        try:
            return event_of(line[: line.find(b"\n")].removesuffix(b"\r"))
        except (ValueError, KeyError, TypeError, RecursionError):
            text = "was changed while it was read; `verify` says where"
            raise EvidenceError(f"{self.path.parent.name}: {self.path.name} {text}") from None


def opened(
    path: Path, first_prev: str | None, cache: Cache | None = None, afresh: bool = False
) -> tuple[Events, bool]:
    """Return the events of a journal, and whether a last line is torn. Raises OSError.

    What was read before is believed where the file is the same, or has only grown; with `afresh`
    every byte of it is read again.
    """
    file = ReadOnly(path)
    found = file.stat()
    now = stamp(found)
    with _OPENING:
        index, cache = _known(path, first_prev, cache, file, now, afresh)
        if index is None:
            index = Index(first_prev)

        def keep() -> None:
            if cache is not None:
                cache.save(index, now)

        index.extend(file, keep)
        keep()
        _OPEN.pop(path, None)
        _OPEN[path] = index, now, cache
        while len(_OPEN) > _MOST_OPEN:
            _OPEN.pop(next(iter(_OPEN)), None)
        at = index.at
    return Events(path, index, file, at.events, at.end), found.st_size > at.end


def _known(
    path: Path,
    first_prev: str | None,
    cache: Cache | None,
    file: ReadOnly,
    now: Stamp,
    afresh: bool,
) -> tuple[Index | None, Cache | None]:
    """Return what is known of a journal and still holds, None where it must be read whole.

    With it where it is kept.
    """
    if path in _OPEN:
        index, before, cache = _OPEN[path]
    elif cache is not None and (kept := cache.load()):
        index, before = kept
    else:
        return None, cache
    holds = index.first_prev == first_prev and (
        (not afresh and (now == before or _grew(index, file, before, now))) or index.confirm(file)
    )
    return index if holds else None, cache


def _grew(index: Index, file: ReadOnly, before: Stamp, now: Stamp) -> bool:
    """Return whether a file is the one that was read, with more behind its last line."""
    if now[:2] != before[:2] or now[2] <= before[2] or not index.at.prev:
        return False
    if not index.at.end:
        return True
    tail = b'"' + index.at.prev.encode() + b'"}\n'
    return file.read(index.at.end - len(tail), len(tail)) == tail
