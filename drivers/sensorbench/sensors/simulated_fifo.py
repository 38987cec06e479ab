"""A FIFO of equal samples, as several parts' twins have it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


class SampleFifo:
    """Samples of `width` bytes that wait to be read, oldest first; at most `depth` of them.

    `overrun` says that samples were lost since one was read last.
    """

    def __init__(self, depth: int, width: int) -> None:
        self.depth, self.width = depth, width
        self.clear()

    def clear(self) -> None:
        """Empty it."""
        self._samples = np.empty((0, self.width), np.uint8)
        self.overrun = False

    @property
    def level(self) -> int:
        """Return how many samples wait."""
        return len(self._samples)

    @property
    def room(self) -> int:
        """Return how many samples more it takes until it is full."""
        return max(0, self.depth - self.level)

    def put(self, samples: Bytes, left_out: int, *, stops: bool) -> None:
        """Add samples, shape (n, width); `left_out` went before them, and would be gone by now.

        A full one stops, or loses its oldest.
        """
        if stops:
            samples = samples[: self.room]
        elif left_out + len(samples) > self.room:
            self.overrun = True
        self._samples = np.concatenate((self._samples, samples))[-self.depth :]

    def take(self, count: int) -> bytes:
        """Return the oldest `count` samples and let them go; zeros where there are none."""
        found = self._samples[:count].tobytes()
        self._samples = self._samples[count:]
        if count:
            self.overrun = False
        return found.ljust(count * self.width, b"\0")

    def peek(self) -> bytes:
        """Return the oldest sample without letting it go; zeros where there is none."""
        return self._samples[:1].tobytes() or bytes(self.width)

    def peek_all(self) -> bytes:
        """Return all samples without letting them go."""
        return self._samples.tobytes()
