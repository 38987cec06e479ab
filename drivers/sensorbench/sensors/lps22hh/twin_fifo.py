"""The FIFO of a simulated LPS22HH: 128 samples of 5 bytes.

Source: hal_st lps22hh_reg.h (status, modes); its depth, and that the overrun flag goes when a
sample is read: recalled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

DEPTH, SAMPLE = 128, 5


def packed(pressure: npt.NDArray[np.int64], temperature: npt.NDArray[np.int64]) -> Bytes:
    """Return samples as the part has them, shape (n, 5): 24 and 16 bits, low byte first."""
    found = np.empty((len(pressure), SAMPLE), np.uint8)
    for byte in range(3):
        found[:, byte] = pressure >> 8 * byte & 0xFF
    for byte in range(2):
        found[:, 3 + byte] = temperature >> 8 * byte & 0xFF
    return found


class Fifo:
    """Samples that wait to be read, oldest first. `depth` is less where it stops at a watermark."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Empty it, as bypass does."""
        self._samples = np.empty((0, SAMPLE), np.uint8)
        self.overrun = False

    @property
    def level(self) -> int:
        """Return how many samples wait."""
        return len(self._samples)

    def put(self, samples: Bytes, left_out: int, depth: int, *, stops: bool) -> None:
        """Add samples; `left_out` went before them. A full one stops, or loses its oldest."""
        room = max(0, depth - self.level)
        if stops:
            samples = samples[:room]
        elif left_out + len(samples) > room:
            self.overrun = True
        self._samples = np.concatenate((self._samples, samples))[-depth:]

    def status(self, watermark: int) -> bytes:
        """Return FIFO_STATUS1 and 2."""
        flags = 0x80 if watermark and self.level >= watermark else 0
        flags |= 0x40 if self.overrun else 0
        flags |= 0x20 if self.level >= DEPTH else 0
        return bytes((self.level, flags))

    def take(self, count: int) -> bytes:
        """Return the oldest `count` samples and let them go; zeros where there are none."""
        found = self._samples[:count].tobytes()
        self._samples = self._samples[count:]
        if count:
            self.overrun = False
        return found.ljust(count * SAMPLE, b"\0")

    def peek(self) -> bytes:
        """Return the oldest sample without letting it go."""
        return self._samples[:1].tobytes() or bytes(SAMPLE)
