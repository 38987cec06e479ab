"""The FIFO of a simulated DPS310: the last 32 results of 3 bytes, pressure and temperature mixed.

Source: Infineon/DPS310-Pressure-Sensor src (depth, empty reads 0x800000); the tag is recalled, and
that a new result takes the place of the oldest.
"""

from __future__ import annotations

_DEPTH, _EMPTY = 32, bytes((0x80, 0, 0))


class Fifo:
    """Results that wait to be read, oldest first, each tagged by its last bit."""

    def __init__(self) -> None:
        self._results: list[bytes] = []

    def clear(self) -> None:
        """Empty it."""
        self._results = []

    def put(self, counts: int, *, is_pressure: bool) -> None:
        """Add a result; the oldest goes where there is no room."""
        tagged = counts & ~1 | int(is_pressure)
        self._results.append(tagged.to_bytes(3, "big", signed=True))
        self._results = self._results[-_DEPTH:]

    def status(self) -> int:
        """Return FIFO_STS."""
        return (0x02 if len(self._results) >= _DEPTH else 0) | (0 if self._results else 0x01)

    def peek(self) -> bytes:
        """Return the oldest result without letting it go."""
        return self._results[0] if self._results else _EMPTY

    def take(self) -> None:
        """Let the oldest result go."""
        self._results = self._results[1:]
