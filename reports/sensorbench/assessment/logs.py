"""The log of each meter, however long: read in pieces, kept in a file where it is too much.

A run of 1000 hours with a row a second has millions of rows a meter. Whoever looks at them takes a
piece after the other, and keeps what it looks for.
"""

from __future__ import annotations

import math
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import IO

import numpy as np

from sensorbench.assessment.records import Floats, MeterRow, Trace
from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.cache import CACHE, scratch

_PIECE = 1 << 14
_IN_MEMORY = 1 << 25
Pieces = Callable[[], Iterator[Trace]]


@dataclass(frozen=True, slots=True)
class Extent:
    """What a log spans: rows, times in s, and its lowest, highest and mean values.

    `largest` is the largest mean of a row, without its sign; `usual_s` the median time between
    rows. Values are NaN where no row has one.
    """

    count: int
    first_s: float
    last_s: float
    low: float
    high: float
    mean: float
    largest: float
    usual_s: float

    @property
    def is_known(self) -> bool:
        """Return whether any row has a value."""
        return not math.isnan(self.mean)


class MeterLog:
    """A meter's log: rows in order of their time, an envelope each."""

    def __init__(self, zone: str, address: str, unit: str, pieces: Pieces) -> None:
        self.zone, self.address, self.unit = zone, address, unit
        self._pieces = pieces

    @classmethod
    def of(cls, trace: Trace) -> MeterLog:
        """Return a log that is in memory."""
        return cls(trace.zone, trace.address, trace.unit, lambda: iter((trace,)))

    def pieces(self) -> Iterator[Trace]:
        """Yield the rows, some at a time; none of the pieces is empty."""
        return (piece for piece in self._pieces() if len(piece.time_s))

    def between(self, start_s: float, end_s: float) -> Iterator[Trace]:
        """Yield the rows of a time, both ends included."""
        for piece in self.pieces():
            if piece.time_s[0] > end_s:
                return
            if piece.time_s[-1] >= start_s:
                found = piece.rows((piece.time_s >= start_s) & (piece.time_s <= end_s))
                if len(found.time_s):
                    yield found

    def during(self, start_s: float, end_s: float, less: float) -> MeterLog:
        """Return the rows of a time but its first, each less a value."""

        def pieces() -> Iterator[Trace]:
            for number, piece in enumerate(self.between(start_s, end_s)):
                own = piece.rows(slice(1, None)) if number == 0 else piece
                yield replace(own, low=own.low - less, high=own.high - less, mean=own.mean - less)

        return MeterLog(self.zone, self.address, self.unit, pieces)

    def bins(self, most: int) -> Iterator[Trace]:
        """Yield all rows in at most so many parts of equal size."""
        count = self.extent.count
        parts = min(most, count)
        sizes = [count // parts + (k < count % parts) for k in range(parts)] if parts else []
        waiting: list[Trace] = []
        there = 0
        for piece in self.pieces():
            waiting.append(piece)
            there += len(piece.time_s)
            while sizes and there >= sizes[0]:
                whole = joined(waiting)
                size = sizes.pop(0)
                yield whole.rows(slice(0, size))
                waiting, there = [whole.rows(slice(size, None))], there - size

    def whole(self) -> Trace:
        """Return all rows at once; for logs that are known to be short."""
        return joined([*self.pieces()])

    @cached_property
    def extent(self) -> Extent:
        """Return what the log spans."""
        count, known, total = 0, 0, 0.0
        first, last, low, high, largest = math.nan, math.nan, math.inf, -math.inf, -math.inf
        usual: list[float] = []
        for piece in self.pieces():
            first, last = (first if count else float(piece.time_s[0])), float(piece.time_s[-1])
            count += len(piece.time_s)
            if len(piece.time_s) > 1:
                usual.append(float(np.median(np.diff(piece.time_s))))
            own = piece.mean[np.isfinite(piece.mean)]
            known += len(own)
            total += float(np.sum(own))
            low = float(np.fmin.reduce(piece.low, initial=low))
            high = float(np.fmax.reduce(piece.high, initial=high))
            largest = float(np.max(np.abs(own), initial=largest))
        if not known:
            low = high = largest = math.nan
        mean = total / known if known else math.nan
        median = float(np.median(usual)) if usual else 0.0
        return Extent(count, first, last, low, high, mean, largest, median)


def joined(traces: Sequence[Trace]) -> Trace:
    """Return neighbours as one."""
    if len(traces) == 1:
        return traces[0]
    columns = [np.concatenate(found) for found in zip(*(t.columns for t in traces), strict=True)]
    return Trace(traces[0].zone, traces[0].address, traces[0].unit, *columns)


@dataclass(frozen=True, slots=True)
class _Same:
    """A column that is one value all through a piece, as numbers of polls mostly are."""

    value: float
    count: int


@dataclass(frozen=True, slots=True)
class _Lies:
    """Where a column of a piece lies in the file."""

    offset: int
    count: int


_Kept = Floats | _Same | _Lies


class LogStore:
    """Takes rows of the log as they were written, and gives each meter's by itself.

    Rows have shape (n, 8): time, meter, component, low, high, mean, polls, implied. Times, which
    meters have in common, are kept once.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], list[Floats]] = {}
        self._done: dict[tuple[int, int], list[tuple[_Kept, ...]]] = {}
        self._times: tuple[Floats, _Kept] = np.empty(0), np.empty(0)
        self._held, self._end = 0, 0
        self._file: IO[bytes] | None = None

    def add(self, rows: Floats) -> None:
        """Take rows; those of meters that are not known (NaN) are left out."""
        meters = rows[:, 1]
        for meter in np.unique(meters[~np.isnan(meters)]):
            own = rows[meters == meter]
            components = own[:, 2]
            first = components[0]
            each = [first] if (components == first).all() else np.unique(components)
            for component in each:
                part = own if len(each) == 1 else own[components == component]
                key = int(meter), int(component)
                self._waiting.setdefault(key, []).append(part[:, (0, 3, 4, 5, 6, 7)])
                if sum(map(len, self._waiting[key])) >= _PIECE:
                    self._put(key)

    def components(self, meter: int) -> list[int]:
        """Return the components that a meter has rows of."""
        return sorted({c for m, c in {*self._waiting, *self._done} if m == meter})

    def log(self, meter: MeterRow, number: int, component: int) -> MeterLog:
        """Return the log of one component of a meter."""
        key = number, component
        if self._waiting.get(key):
            self._put(key)

        def pieces() -> Iterator[Trace]:
            for kept in self._done[key]:
                yield Trace(meter.zone, meter.address, meter.unit, *map(self._get, kept))

        return MeterLog(meter.zone, meter.address, meter.unit, pieces)

    def _put(self, key: tuple[int, int]) -> None:
        times, *others = np.concatenate(self._waiting.pop(key)).T
        if not np.array_equal(times, self._times[0]):
            self._times = times, self._keep(times)
        self._done.setdefault(key, []).append((self._times[1], *map(self._keep, others)))

    def _keep(self, column: Floats) -> _Kept:
        if np.array_equal(column, np.full(len(column), column[0]), equal_nan=True):
            return _Same(float(column[0]), len(column))
        if self._held + column.nbytes <= _IN_MEMORY:
            self._held += column.nbytes
            return column.copy()
        try:
            self._write(column.tobytes())
        except OSError as error:
            where = scratch() or tempfile.gettempdir()
            raise EvidenceError(
                f"the log is too long for memory, and can't be laid out in {where}: "
                f"{error.strerror}; make room there, or name another folder in {CACHE}"
            ) from None
        self._end += column.nbytes
        return _Lies(self._end - column.nbytes, len(column))

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=scratch(), buffering=0)  # noqa: SIM115 - kept
            weakref.finalize(self, self._file.close)
        self._file.seek(self._end)
        written = 0
        while written < len(data):
            written += self._file.write(data[written:]) or 0

    def _get(self, kept: _Kept) -> Floats:
        if isinstance(kept, _Same):
            return np.full(kept.count, kept.value)
        if not isinstance(kept, _Lies):
            return kept
        assert self._file is not None  # noqa: S101 - something was put there
        self._file.seek(kept.offset)
        return np.frombuffer(self._file.read(kept.count * 8), dtype=np.float64)
