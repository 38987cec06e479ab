"""ADXL355 bytes to numbers: 20 bits left-justified in 3 bytes, high byte first.

A word of the FIFO is one axis; bit 0 of its third byte marks X, bit 1 says that the FIFO was empty.
Source: torvalds/linux adxl355_core.c; oaslananka/adxl355 c/src/adxl355.c (the FIFO's bits).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ProtocolError, Saturated

WORD_BYTES, SAMPLE_BYTES = 3, 9
IS_X, IS_EMPTY = 0x01, 0x02
LOWEST, HIGHEST = -(1 << 19), (1 << 19) - 1

Counts = npt.NDArray[np.int32]
_MARKS = np.array((IS_X, 0, 0), np.uint8)


def decode_words(data: bytes) -> Counts:
    """Convert words of 3 bytes to counts, shape (n,). Raises ProtocolError for a torn one.

    >>> decode_words(bytes.fromhex("3e8000 c18000 00001f")).tolist()
    [256000, -256000, 1]
    """
    if len(data) % WORD_BYTES:
        raise ProtocolError(f"{len(data)} bytes are no whole number of {WORD_BYTES}-byte words")
    # Into the upper bytes of 32 bits, so that the sign comes by itself.
    words = np.zeros((len(data) // WORD_BYTES, 4), np.uint8)
    words[:, :WORD_BYTES] = np.frombuffer(data, np.uint8).reshape(-1, WORD_BYTES)
    return np.asarray(words.view(">i4")[:, 0].astype(np.int32) >> 12, np.int32)


def decode_temperature(data: bytes) -> float:
    """Convert TEMP2 and TEMP1 to degC: 12 bits without sign, falling by 9.05 a degree.

    Raises Saturated at either end of the 12 bits.

    >>> decode_temperature(bytes.fromhex("f75d")), decode_temperature(bytes.fromhex("06a8"))
    (25.0, 45.0)
    """
    count = (data[0] & 0x0F) << 8 | data[1]
    if count in (0, 0x0FFF):
        raise Saturated(f"temperature is saturated: its word is {count:#05x}")
    return 25.0 + (count - 1885) / -9.05


class FifoDecoder:
    """Puts words of the FIFO together to samples of three axes, over the seams between bursts."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes, *, lost: bool = False) -> Counts:
        """Return the samples that these words complete, shape (n, 3).

        `lost` says that the part has overwritten words before these. Raises ProtocolError for
        words whose marks are not X, Y, Z, and for such as an empty FIFO gives.
        """
        if lost:
            self._rest = b""
        data = self._rest + data
        marks = np.frombuffer(data, np.uint8)[2::WORD_BYTES] & (IS_X | IS_EMPTY)
        first = int(np.argmax(marks == IS_X)) if lost and len(marks) else 0
        samples = (len(marks) - first) // 3
        end = first + 3 * samples
        wrong = marks[first:end].reshape(-1, 3) != _MARKS
        if wrong.any():
            at = int(np.argmax(wrong.any(axis=1)))
            found = marks[first + 3 * at : first + 3 * at + 3].tolist()
            raise ProtocolError(
                f"sample {at} of {samples} in the FIFO is marked {found}, not [1, 0, 0]: words "
                "were lost on the way, or somebody else reads this part"
            )
        counts = decode_words(data[WORD_BYTES * first : WORD_BYTES * end])
        self._rest = data[WORD_BYTES * end :]
        return counts.reshape(-1, 3)


def is_saturated(counts: Counts) -> bool:
    """Return whether any count lies at an end of its range."""
    return bool(((counts == LOWEST) | (counts == HIGHEST)).any())
