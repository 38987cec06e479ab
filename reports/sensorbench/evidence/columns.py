"""A long column of numbers that only grows: first rows in a file, then those in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sensorbench.evidence.readonly import ReadOnly

Array = npt.NDArray[Any]
_BLOCK = 1 << 20
PIECE = 1 << 17
"""Rows looked at together."""


class _Rows(NamedTuple):
    """Rows in a file, and those behind them in memory, of which `unsaved` are taken."""

    file: ReadOnly | None
    stored: int
    tail: Array
    unsaved: int


class Column:
    """Rows of one type by their number. Those in a file are not kept in memory."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        # Replaced as a whole: another thread may read meanwhile.
        self._rows = _Rows(None, 0, np.empty(0, self.dtype), 0)
        self._digest: Any = hashlib.sha256()  # of the rows in the file

    def __len__(self) -> int:
        rows = self._rows
        return rows.stored + rows.unsaved

    @property
    def unsaved(self) -> int:
        """Return how many rows are in memory alone."""
        return self._rows.unsaved

    def extend(self, values: Array) -> None:
        """Add rows at the end."""
        file, stored, tail, count = self._rows
        needed = count + len(values)
        if needed > len(tail):
            grown = np.empty(max(needed, 2 * len(tail), 256), self.dtype)
            grown[:count] = tail[:count]
            tail = grown
        tail[count:needed] = values
        self._rows = _Rows(file, stored, tail, needed)

    def cut(self, count: int) -> None:
        """Forget the rows from number `count` on."""
        file, stored, tail, there = self._rows
        if count < stored and file is not None:
            self._digest = self._hashed(file, count)
        self._rows = _Rows(file, min(stored, count), tail, max(0, min(there, count - stored)))

    def slice(self, start: int, stop: int) -> Array:
        """Return the rows from `start` up to `stop`, shape (n,)."""
        file, stored, tail, count = self._rows
        stop = min(stop, stored + count)
        parts: list[Array] = []
        if start < stored and file is not None:
            size = self.dtype.itemsize
            data = file.read(start * size, (min(stop, stored) - start) * size)
            parts.append(np.frombuffer(data, self.dtype))
        if stop > stored:
            parts.append(tail[max(0, start - stored) : stop - stored])
        return parts[0] if len(parts) == 1 else np.concatenate([*parts, tail[:0]])

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[int, Array]]:
        """Yield rows from `start` up to `stop`, by pieces, each with the number of its first."""
        end = len(self) if stop is None else min(stop, len(self))
        for first in range(start, end, PIECE):
            yield first, self.slice(first, min(first + PIECE, end))

    def take(self, numbers: npt.NDArray[np.int64]) -> Array:
        """Return the rows of those numbers, which ascend, shape (n,)."""
        found = np.empty(len(numbers), self.dtype)
        done = 0
        while done < len(numbers):
            first = int(numbers[done])
            upto = int(np.searchsorted(numbers, first + PIECE))
            rows = self.slice(first, int(numbers[upto - 1]) + 1)
            found[done:upto] = rows[numbers[done:upto] - first]
            done = upto
        return found

    def save(self, path: Path) -> str:
        """Bring the rows that are in memory alone into a file, behind those that are there.

        Return the digest of all rows. Raises OSError; what is in memory stays there then.
        """
        old, stored, tail, count = self._rows
        if stored and (old is None or not os.path.samestat(old.stat(), path.stat())):
            raise FileNotFoundError(path)  # somebody removed what was kept
        data = tail[:count].tobytes()
        with path.open("r+b" if stored else "w+b") as file:
            file.seek(stored * self.dtype.itemsize)
            file.write(data)
        self._digest.update(data)
        self._rows = _Rows(ReadOnly(path), stored + count, np.empty(0, self.dtype), 0)
        return str(self._digest.hexdigest())

    def load(self, path: Path, count: int, digest: str) -> None:
        """Take the first `count` rows from a file. Raises OSError; ValueError for other rows."""
        file = ReadOnly(path)
        self._digest = self._hashed(file, count)
        if self._digest.hexdigest() != digest:
            raise ValueError(f"{path.name} was changed")
        self._rows = _Rows(file, count, np.empty(0, self.dtype), 0)

    def _hashed(self, file: ReadOnly, count: int) -> Any:
        digest, end = hashlib.sha256(), count * self.dtype.itemsize
        for at in range(0, end, _BLOCK):
            digest.update(file.read(at, min(_BLOCK, end - at)))
        return digest
