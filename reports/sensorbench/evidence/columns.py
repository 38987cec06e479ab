"""A long column of numbers that only grows: first rows in a file, then those in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sensorbench.evidence.readonly import ReadOnly

Array = npt.NDArray[Any]
_BLOCK = 1 << 20
PIECE = 1 << 17
"""Rows looked at together."""


class Column:
    """Rows of one type by their number. Those in a file are not kept in memory."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._file: ReadOnly | None = None
        self._stored = 0
        self._tail: Array = np.empty(0, self.dtype)
        self._count = 0
        self._digest: Any = hashlib.sha256()  # of the rows in the file

    def __len__(self) -> int:
        return self._stored + self._count

    @property
    def unsaved(self) -> int:
        """Return how many rows are in memory alone."""
        return self._count

    def extend(self, values: Array) -> None:
        """Add rows at the end."""
        needed = self._count + len(values)
        if needed > len(self._tail):
            grown = np.empty(max(needed, 2 * len(self._tail), 256), self.dtype)
            grown[: self._count] = self._tail[: self._count]
            self._tail = grown
        self._tail[self._count : needed] = values
        self._count = needed

    def cut(self, count: int) -> None:
        """Forget the rows from number `count` on."""
        self._count = max(0, min(self._count, count - self._stored))
        if count < self._stored and self._file is not None:
            self._stored, self._digest = count, self._hashed(self._file, count)

    def slice(self, start: int, stop: int) -> Array:
        """Return the rows from `start` up to `stop`, shape (n,)."""
        stop = min(stop, len(self))
        parts: list[Array] = []
        if start < self._stored and self._file is not None:
            size = self.dtype.itemsize
            data = self._file.read(start * size, (min(stop, self._stored) - start) * size)
            parts.append(np.frombuffer(data, self.dtype))
        if stop > self._stored:
            parts.append(self._tail[max(0, start - self._stored) : stop - self._stored])
        return parts[0] if len(parts) == 1 else np.concatenate([*parts, self._tail[:0]])

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

        Return the digest of all rows.
        """
        mode = "r+b" if path.exists() else "w+b"
        data = self._tail[: self._count].tobytes()
        with path.open(mode) as file:
            file.seek(self._stored * self.dtype.itemsize)
            file.write(data)
        self._digest.update(data)
        self._take(ReadOnly(path), len(self))
        return str(self._digest.hexdigest())

    def load(self, path: Path, count: int, digest: str) -> None:
        """Take the first `count` rows from a file. Raises OSError; ValueError for other rows."""
        file = ReadOnly(path)
        self._digest = self._hashed(file, count)
        if self._digest.hexdigest() != digest:
            raise ValueError(f"{path.name} was changed")
        self._take(file, count)

    def _take(self, file: ReadOnly, count: int) -> None:
        self._file, self._stored = file, count
        self._tail, self._count = np.empty(0, self.dtype), 0

    def _hashed(self, file: ReadOnly, count: int) -> Any:
        digest, end = hashlib.sha256(), count * self.dtype.itemsize
        for at in range(0, end, _BLOCK):
            digest.update(file.read(at, min(_BLOCK, end - at)))
        return digest
