"""The FIFO of a simulated BMP390: 512 bytes of frames, each behind a header that says what it is.

Source: boschsensortec/BMP3_SensorAPI bmp3_defs.h and bmp3.c (headers, order, sizes, the time frame
behind the last one). Recalled: a frame that was not read to its end stays; where nothing is left an
empty frame is read.
"""

from __future__ import annotations

SIZE = 512
_EMPTY = b"\x80\x00"
CHANGED, FAILED = b"\x48\x00", b"\x44\x00"


class FrameFifo:
    """Frames that wait to be read, oldest first."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self.level = 0
        self.is_full = False

    def clear(self) -> None:
        """Empty it."""
        self._frames, self.level, self.is_full = [], 0, False

    def put(self, frame: bytes, *, stops: bool) -> None:
        """Add a frame; where there is no room a FIFO that stops drops it, else the oldest go."""
        if self.level + len(frame) > SIZE and stops:
            self.is_full = True
            return
        while self.level + len(frame) > SIZE:
            self.is_full = True
            self.level -= len(self._frames.pop(0))
        self._frames.append(frame)
        self.level += len(frame)

    def read(self, length: int, last: bytes) -> bytes:
        """Return `length` bytes and let the frames go that were read whole.

        `last` comes behind the last of them: the time, or nothing.
        """
        found, taken = b"", 0
        for frame in self._frames:
            if len(found) >= length:
                break
            found += frame
            taken += len(found) <= length
        self.level -= sum(map(len, self._frames[:taken]))
        del self._frames[:taken]
        if taken:
            self.is_full = False
        if len(found) < length:
            found += last
        return (found + _EMPTY * (length // 2 + 1))[:length]


def frame_of(pressure: int | None, temperature: int | None) -> bytes:
    """Return the frame of a sample; None is a channel that is not stored. Temperature comes first.

    Nothing where neither is.
    """
    header = 0x80 | (0 if pressure is None else 0x04) | (0 if temperature is None else 0x10)
    if header == 0x80:
        return b""
    words = (each for each in (temperature, pressure) if each is not None)
    return bytes([header]) + b"".join(word.to_bytes(3, "little") for word in words)
