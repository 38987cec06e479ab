"""How many samples a stream lost, by the rate that the part really has."""

from __future__ import annotations

from dataclasses import dataclass

from sensorbench.core.channel import Block, Stream


@dataclass(slots=True)
class LossCount:
    """Counts what a part's stream lost: parts say that, and not how much.

    A drain that comes in time tells how many samples the part takes in a time; one that comes too
    late, how many are missing. Until a full FIFO came in time the nominal rate is taken.

    >>> import numpy as np
    >>> stream = Stream(100.0, 10, 54.0, 6, 60, ("acceleration_x",), (1.0,), (0.0,))
    >>> count = LossCount(stream, opened_s=0.0)
    >>> count.note(Block(np.zeros((5, 1)), 0.05, 0.05))
    0
    >>> count.note(Block(np.zeros((10, 1)), 1.05, 1.05, overflow=True))
    90
    """

    stream: Stream
    opened_s: float
    _samples: int = 0
    _seconds: float = 0.0

    def note(self, block: Block) -> int:
        """Take the next block of the stream; return how many samples were lost before it."""
        passed_s, self.opened_s = block.start_s - self.opened_s, block.start_s
        got = len(block.values)
        if not block.overflow:
            self._samples, self._seconds = self._samples + got, self._seconds + passed_s
            return 0
        is_known = self._samples >= self.stream.depth and self._seconds > 0
        rate_hz = self._samples / self._seconds if is_known else self.stream.rate_hz
        return max(1, round(rate_hz * passed_s) - got)
