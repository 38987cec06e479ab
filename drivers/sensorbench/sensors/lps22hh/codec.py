"""LPS22HH bytes to numbers: output registers, and bursts of its FIFO.

A sample is 3 bytes of pressure, 4096 a hPa, and 2 of temperature, 100 a K, both two's complement
with the low byte first. Source: hal_st lps22hh_reg.h and .c; Linux drivers/iio/pressure/
st_pressure_core.c has the same scales.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ProtocolError

SAMPLE_BYTES = 5
PA_PER_COUNT, K_PER_COUNT = 100.0 / 4096, 0.01
LOWEST_PRESSURE, HIGHEST_PRESSURE = -(1 << 23), (1 << 23) - 1
LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = -(1 << 15), (1 << 15) - 1


def decode_sample(data: bytes) -> tuple[int, int]:
    """Convert a sample to counts of pressure and temperature.

    Raises ProtocolError for another length.

    >>> pressure, temperature = decode_sample(bytes.fromhex("00543f 9209"))
    >>> pressure * PA_PER_COUNT, temperature * K_PER_COUNT
    (101325.0, 24.5)
    """
    if len(data) != SAMPLE_BYTES:
        raise ProtocolError(f"a sample is {SAMPLE_BYTES} bytes, got {len(data)}: {data.hex()}")
    return (
        int.from_bytes(data[:3], "little", signed=True),
        int.from_bytes(data[3:], "little", signed=True),
    )


def decode_fifo(data: bytes) -> npt.NDArray[np.int32]:
    """Convert a burst of the FIFO to counts, shape (n, 2): pressure and temperature.

    Raises ProtocolError for a broken sample at its end.

    >>> decode_fifo(bytes.fromhex("00543f9209 0000ff0cfe")).tolist()
    [[4150272, 2450], [-65536, -500]]
    """
    if len(data) % SAMPLE_BYTES:
        raise ProtocolError(f"{len(data)} bytes are no whole number of {SAMPLE_BYTES}-byte samples")
    raw = np.frombuffer(data, np.uint8).reshape(-1, SAMPLE_BYTES)
    # Pressure above an empty byte: a shift brings its sign along.
    wide = np.zeros((len(raw), 8), np.uint8)
    wide[:, 1:4], wide[:, 6:8] = raw[:, :3], raw[:, 3:]
    counts = wide.view("<i4")
    return np.stack((counts[:, 0] >> 8, counts[:, 1] >> 16), axis=1).astype(np.int32)


def is_saturated(counts: npt.NDArray[np.int32]) -> bool:
    """Return whether any count lies at an end of its range."""
    pressure, temperature = counts[:, 0], counts[:, 1]
    at_end = (pressure == LOWEST_PRESSURE) | (pressure == HIGHEST_PRESSURE)
    at_end |= (temperature == LOWEST_TEMPERATURE) | (temperature == HIGHEST_TEMPERATURE)
    return bool(at_end.any())
