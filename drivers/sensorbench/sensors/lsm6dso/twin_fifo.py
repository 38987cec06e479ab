"""The FIFO of a simulated LSM6DSO: 512 words of 7 bytes with tags.

Source: hal_st lsm6dso_reg.h (tags, status); size, and that the counter goes on by one with each
sampling instant: recalled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

DEPTH, WORD = 512, 7
_TAGS = {"gyroscope": 0x08, "accelerometer": 0x10}
_ODD = np.array([byte.bit_count() & 1 for byte in range(256)], np.uint8)


def tagged(sensor: str, instants: npt.NDArray[np.int64], counts: npt.NDArray[np.int16]) -> Bytes:
    """Return words, shape (n, 7), of the `counts` (n, 3) that were taken at these instants."""
    words = np.empty((len(counts), WORD), np.uint8)
    tags = (_TAGS[sensor] | (instants & 3) << 1).astype(np.uint8)
    words[:, 0] = tags | _ODD[tags]
    words[:, 1:] = np.ascontiguousarray(counts, "<i2").view(np.uint8).reshape(-1, 6)
    return words


class Fifo:
    """Words that wait to be read, oldest first."""

    def __init__(self) -> None:
        self.depth = DEPTH
        self.stops_when_full = False
        self.clear()

    def clear(self) -> None:
        """Empty it, as bypass mode does."""
        self._words = np.empty((0, WORD), np.uint8)
        self.overrun = self.overrun_latched = False

    @property
    def level(self) -> int:
        """Return how many words wait."""
        return len(self._words)

    def put(self, words: Bytes, left_out: int = 0) -> None:
        """Add words; `left_out` came before them and was never more than overwritten."""
        if self.stops_when_full:
            words = words[: max(0, self.depth - self.level)]
        elif left_out or self.level + len(words) > self.depth:
            self.overrun = self.overrun_latched = True
        joined = np.concatenate((self._words, words)) if len(self._words) else words
        self._words = joined[-self.depth :]

    def status(self, watermark: int) -> bytes:
        """Return FIFO_STATUS1 and 2."""
        flags = self.level >> 8 & 3
        flags |= 0x80 if watermark and self.level >= watermark else 0
        flags |= 0x40 if self.overrun else 0
        flags |= 0x20 if self.level >= self.depth else 0
        flags |= 0x08 if self.overrun_latched else 0
        return bytes((self.level & 0xFF, flags))

    def take(self, count: int) -> bytes:
        """Return the oldest `count` words and let them go; zeros where there are none."""
        found = self._words[:count].tobytes()
        self._words = self._words[count:]
        if count:
            self.overrun = False
        return found.ljust(count * WORD, b"\0")

    def peek(self) -> bytes:
        """Return the oldest word without letting it go."""
        return self._words[:1].tobytes() or bytes(WORD)
