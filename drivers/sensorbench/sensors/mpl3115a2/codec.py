"""MPL3115A2 bytes to numbers: output registers, and bursts of its FIFO.

A sample is 3 bytes of pressure and 2 of temperature, high byte first and left-justified: 20 bits
unsigned, 0.25 Pa each, and 12 bits of two's complement, 1/16 K each. Source: data sheet section
7.1.3; torvalds/linux drivers/iio/pressure/mpl3115.c has the same scales.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ProtocolError

Counts = npt.NDArray[np.int32]

SAMPLE_BYTES = 5
PA_PER_COUNT, K_PER_COUNT = 0.25, 0.0625
LOWEST_PRESSURE, HIGHEST_PRESSURE = 0, (1 << 20) - 1
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = -(1 << 11), (1 << 11) - 1


def decode_samples(data: bytes) -> Counts:
    """Convert samples that follow one another to counts, shape (n, 2): pressure and temperature.

    Raises ProtocolError for a broken sample at their end.

    >>> decode_samples(bytes.fromhex("62f3401980 62f350fff0")).tolist()
    [[405300, 408], [405301, -1]]
    >>> 405300 * PA_PER_COUNT, 408 * K_PER_COUNT
    (101325.0, 25.5)
    """
    if len(data) % SAMPLE_BYTES:
        raise ProtocolError(f"{len(data)} bytes are no whole number of {SAMPLE_BYTES}-byte samples")
    raw = np.frombuffer(data, np.uint8).reshape(-1, SAMPLE_BYTES)
    # Each above empty bytes: a shift leaves the pressure unsigned and brings the sign along.
    wide = np.zeros((len(raw), 8), np.uint8)
    wide[:, 1:4], wide[:, 4:6] = raw[:, :3], raw[:, 3:]
    counts = wide.view(">i4")
    return np.stack((counts[:, 0] >> 4, counts[:, 1] >> 20), axis=1).astype(np.int32)


def is_saturated(counts: Counts) -> bool:
    """Return whether any count lies at an end of its range."""
    pressure, temperature = counts[:, 0], counts[:, 1]
    at_end = (pressure <= LOWEST_PRESSURE) | (pressure >= HIGHEST_PRESSURE)
    at_end |= (temperature <= LOWEST_TEMPERATURE) | (temperature >= HIGHEST_TEMPERATURE)
    return bool(at_end.any())
