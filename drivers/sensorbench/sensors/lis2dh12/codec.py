"""LIS2DH12 bytes to numbers: words of 16 bits, low byte first, with their digits at the top.

Source: hal_st lis2dh12_reg.c (scales and places of the digits in all three modes).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ProtocolError, Saturated

SAMPLE_BYTES = 6
# By mode: how far up the digits stand, and what one is worth in mg at 2, 4, 8 and 16 g: at 16 g it
# does not double.
MODES: Mapping[str, tuple[int, tuple[int, int, int, int]]] = {
    "high resolution": (4, (1, 2, 4, 12)),
    "normal": (6, (4, 8, 16, 48)),
    "low power": (8, (16, 32, 64, 192)),
}


def decode_samples(data: bytes, shift: int) -> npt.NDArray[np.int16]:
    """Convert samples that follow one another to digits, shape (n, 3): x, y, z.

    Raises ProtocolError for a broken sample at their end.

    >>> decode_samples(bytes.fromhex("4006 80f3 803e"), 4).tolist()
    [[100, -200, 1000]]
    """
    if len(data) % SAMPLE_BYTES:
        raise ProtocolError(f"{len(data)} bytes are no whole number of {SAMPLE_BYTES}-byte samples")
    return (np.frombuffer(data, "<i2") >> shift).astype(np.int16).reshape(-1, 3)


def decode_temperature(data: bytes) -> float:
    """Convert the temperature word to degC: 1 K a digit of its high byte, 25 degC by convention.

    Raises Saturated at either end of the high byte, which is all that low power gives.

    >>> decode_temperature(bytes.fromhex("40fb"))
    20.25
    """
    count = int.from_bytes(data, "little", signed=True)
    if count >> 8 in (-128, 127):
        raise Saturated(f"temperature is saturated: its word is {data[::-1].hex()}")
    return 25.0 + count / 256.0


def is_saturated(digits: npt.NDArray[np.int16], shift: int) -> bool:
    """Return whether any digit lies at an end of its range."""
    return bool(((digits == -32768 >> shift) | (digits == 32767 >> shift)).any())
