"""The FIFO of a simulated BMI270: frames of one or both sensors, each with its header.

Source: boschsensortec/BMI270_SensorAPI bmi2_defs.h (headers, order, lengths) and bmi2.c (frames
that were read in part come again; frames that were skipped). That a count of skipped frames is not
part of the length is a guess; drivers are to live with both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Axes = npt.NDArray[np.int16]

BYTES = 2048
LONGEST, MOST = 13, BYTES // 7  # a frame's bytes, and how many of the short ones there is room for


def frames(
    accel: tuple[npt.NDArray[np.bool_], Axes], gyro: tuple[npt.NDArray[np.bool_], Axes]
) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Return frames, shape (n, 13), and how many bytes of each count.

    Each sensor comes as where it has a sample, shape (n,), and those samples. A frame without any
    has length 0.
    """
    (has_accel, accel_axes), (has_gyro, gyro_axes) = accel, gyro
    found = np.zeros((len(has_accel), LONGEST), np.uint8)
    found[:, 0] = 0x80 | np.where(has_gyro, 0x08, 0) | np.where(has_accel, 0x04, 0)
    found[has_gyro, 1:7] = _bytes(gyro_axes)
    both = has_accel & has_gyro
    found[both, 7:13] = _bytes(accel_axes[has_gyro[has_accel]])
    found[has_accel & ~has_gyro, 1:7] = _bytes(accel_axes[~has_gyro[has_accel]])
    lengths = 6 * (has_accel.astype(np.int64) + has_gyro)
    return found, np.where(lengths > 0, lengths + 1, 0)


def _bytes(axes: Axes) -> Bytes:
    return np.ascontiguousarray(axes.astype("<i2")).view(np.uint8).reshape(-1, 6)


class FrameFifo:
    """Frames that wait to be read, oldest first."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Empty it."""
        self._frames = np.empty((0, LONGEST), np.uint8)
        self._lengths = np.empty(0, np.int64)
        self.skipped = 0

    @property
    def level(self) -> int:
        """Return how many bytes wait."""
        return int(self._lengths.sum())

    def put(self, added: Bytes, lengths: npt.NDArray[np.int64], left_out: int) -> None:
        """Add frames; `left_out` came before them, and would be gone by now."""
        real = lengths > 0
        all_frames = np.concatenate((self._frames, added[real]))
        all_lengths = np.concatenate((self._lengths, lengths[real]))
        # From the newest back, as far as there is room.
        kept = int(np.searchsorted(np.cumsum(all_lengths[::-1]), BYTES, side="right"))
        self.skipped += left_out + len(all_frames) - kept
        self._frames = all_frames[len(all_frames) - kept :]
        self._lengths = all_lengths[len(all_lengths) - kept :]

    def take(self, length: int, end: bytes) -> bytes:
        """Return the oldest bytes, behind them `end` and over-read headers; whole frames go."""
        found = b"" if not self.skipped else bytes((0x40, min(255, self.skipped)))
        ends = len(found) + np.cumsum(self._lengths)
        whole = int(np.searchsorted(ends, length, side="right"))
        shown = np.arange(LONGEST) < self._lengths[: whole + 1, np.newaxis]
        found += self._frames[: whole + 1][shown].tobytes()
        if len(found) < length:
            found += end
        self._frames, self._lengths = self._frames[whole:], self._lengths[whole:]
        self.skipped = 0 if length else self.skipped
        return found[:length].ljust(length, b"\x80")
