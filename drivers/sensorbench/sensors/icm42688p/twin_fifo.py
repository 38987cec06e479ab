"""The FIFO of a simulated ICM-42688-P: packets of one or two sensors, and how many were lost.

Source: DS-000347 rev 1.5, sections 6 (packets, room), 12.7 (time stamps count 30/32 us), 12.8 and
14.34 (what an invalid sample reads), 14.55 (lost packets).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.simulated_fifo import Bytes, SampleFifo

_BYTES = 2048
_INVALID = -32768
_ACCEL, _GYRO, _STAMPED = 0x40, 0x20, 0x08

Ticks = npt.NDArray[np.int64]
Axes = npt.NDArray[np.int16]


class PacketFifo:
    """Packets that wait to be read, oldest first; one packet's room stays free."""

    def __init__(self) -> None:
        self.layout(0)

    def layout(self, sensors: int) -> None:
        """Empty it, for packets of `sensors` (0 to 2)."""
        self.width = {0: 0, 1: 8, 2: 16}[sensors]
        self._samples = SampleFifo(_BYTES // self.width - 1 if self.width else 1, self.width or 1)
        self.clear()

    def clear(self) -> None:
        """Empty it, and forget what was lost."""
        self._samples.clear()
        self.lost = self._read_of_first = 0

    @property
    def depth(self) -> int:
        """Return how many packets there is room for."""
        return self._samples.depth

    @property
    def packets(self) -> int:
        """Return how many packets wait."""
        return self._samples.level

    @property
    def level(self) -> int:
        """Return how many bytes wait."""
        return self._samples.level * self.width - self._read_of_first

    def put(self, packets: Bytes, due: int, *, stops: bool) -> None:
        """Add the last of `due` packets, or the first where a full one `stops`."""
        room = self._samples.depth - self._samples.level
        self.lost = self.lost + max(0, due - room) & 0xFFFF
        if not stops and due > room:
            self._read_of_first = 0
        self._samples.put(packets, due - len(packets), stops=stops)

    def take(self, length: int, *, partly: bool) -> bytes:
        """Return the oldest bytes, 0xFF beyond the last.

        Without `partly` what was not read to its end is read from its beginning again.
        """
        level = self.level
        if length < level and not partly:
            return self._samples.peek_all()[:length]
        start = self._read_of_first
        whole, rest = divmod(start + min(length, level), self.width or 1)
        beginning = self._samples.take(whole) + (self._samples.peek() if rest else b"")
        self._read_of_first = rest
        return beginning[start : start + min(length, level)].ljust(length, b"\xff")


def packets(
    accel: Axes | None,
    gyro: Axes | None,
    temperatures_c: npt.NDArray[np.float64],
    stamps: Ticks | None,
    order: str,
) -> Bytes:
    """Return packets, shape (n, 8 or 16); None for a sensor that has no place in them.

    `stamps` are in counts of the part's own clock, None where it does not stamp; `order` is ">" or
    "<".
    """
    sensors = [axes for axes in (accel, gyro) if axes is not None]
    both = len(sensors) == 2
    count = len(temperatures_c)
    found = np.zeros((count, 16 if both else 8), np.uint8)
    header = (_ACCEL if accel is not None else 0) | (_GYRO if gyro is not None else 0)
    found[:, 0] = header | (_STAMPED if both and stamps is not None else 0)
    words = np.concatenate(sensors, axis=1).astype(f"{order}i2")
    end = 1 + 2 * words.shape[1]
    found[:, 1:end] = np.ascontiguousarray(words).view(np.uint8).reshape(count, -1)
    degrees = np.clip(np.rint((temperatures_c - 25.0) * 2.07), -127, 127).astype(np.int8)
    found[:, end] = degrees.view(np.uint8)
    if both and stamps is not None:
        stamped = (stamps & 0xFFFF).astype(f"{order}u2")
        found[:, 14:] = np.ascontiguousarray(stamped).view(np.uint8).reshape(count, 2)
    return found


def merged(due: npt.NDArray[np.bool_], counts: Axes) -> Axes:
    """Return three axes of each packet: `counts` where a sample was `due`, invalid elsewhere."""
    found = np.full((len(due), 3), _INVALID, np.int16)
    found[due] = counts
    return found


def stamps_of(ticks: Ticks, *, coarse: bool) -> Ticks:
    """Return time stamps of ticks at 32 kHz, in counts of 32/30 us, or of 16 times that."""
    microseconds = ticks * 1_000_000 * 30 // (32 * 32_000)
    return microseconds // 16 if coarse else microseconds
