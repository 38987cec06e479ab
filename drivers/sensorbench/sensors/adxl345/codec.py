"""ADXL345 bytes to numbers: three axes of 16 bits, low byte first, sign-extended.

Source: Adafruit CircuitPython ADXL34x (order); ADXL345 data sheet rev. E, page 32 (formats); the
scale of 1/256 g a digit is recalled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ProtocolError

SAMPLE_BYTES = 6


def decode_samples(samples: Sequence[bytes]) -> npt.NDArray[np.int16]:
    """Convert samples to counts, shape (n, 3): x, y, z.

    Raises ProtocolError for one of another length.

    >>> (decode_samples([bytes.fromhex("0a00 ecff 0001")]) / 256 * 1000).tolist()
    [[39.0625, -78.125, 1000.0]]
    """
    for sample in samples:
        if len(sample) != SAMPLE_BYTES:
            raise ProtocolError(
                f"a sample is {SAMPLE_BYTES} bytes, got {len(sample)}: {sample.hex()}"
            )
    return np.frombuffer(b"".join(samples), "<i2").astype(np.int16).reshape(-1, 3)


def ends_of(range_g: int, *, full_resolution: bool) -> tuple[int, int]:
    """Return the lowest and the highest count: 10 bits, and one more a doubling of the range.

    >>> ends_of(2, full_resolution=True), ends_of(16, full_resolution=True)
    ((-512, 511), (-4096, 4095))
    >>> ends_of(16, full_resolution=False)
    (-512, 511)
    """
    half = 256 * range_g if full_resolution else 512
    return -half, half - 1


def is_saturated(counts: npt.NDArray[np.int16], ends: tuple[int, int], step: int = 1) -> bool:
    """Return whether any count lies at an end; `step` is 2 where the last bit is always 0."""
    return bool(((counts <= ends[0]) | (counts >= ends[1] + 1 - step)).any())
