"""DPS310, SPL06 and SPA06 bytes to numbers: coefficients, compensation, results of the FIFO.

One family: map, formula and scale factors are the same (Infineon/DPS310-Pressure-Sensor
src/Dps310.cpp and src/util; torvalds/linux drivers/iio/pressure/dps310.c; for the SPL06
ArduPilot/ardupilot libraries/AP_Baro/AP_Baro_SPL06.cpp); the SPA06 has two coefficients more
(adafruit/Adafruit_SPA06_003). The tag of a FIFO result is recalled.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ProtocolError

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]

COEFFICIENT_BYTES, MORE_COEFFICIENT_BYTES, RESULT_BYTES = 18, 21, 3
LOWEST, HIGHEST = -(1 << 23), (1 << 23) - 1
EMPTY = LOWEST
# By oversampling: what raw counts are divided by.
SCALE = {
    1: 524288, 2: 1572864, 4: 3670016, 8: 7864320,
    16: 253952, 32: 516096, 64: 1040384, 128: 2088960,
}  # fmt: skip


class Coefficients(NamedTuple):
    """The factory's numbers; the last two are of the SPA06."""

    c0: int
    c1: int
    c00: int
    c10: int
    c01: int
    c11: int
    c20: int
    c21: int
    c30: int
    c31: int = 0
    c40: int = 0


_BITS = (12, 12, 20, 20, 16, 16, 16, 16, 16, 12, 12)


def signed(value: int, bits: int) -> int:
    """Return what `bits` bits of two's complement mean.

    >>> signed(0xF34B8, 20), signed(0x7FF, 12)
    (-52040, 2047)
    """
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def decode_coefficients(data: bytes, length: int = COEFFICIENT_BYTES) -> Coefficients:
    """Convert registers 0x10 and on, packed one after the other, to numbers with their signs.

    `length` is how many bytes the part has: 18, the SPA06 21. Raises ProtocolError where other
    came, and for bytes that are all alike: no part has such.

    >>> decode_coefficients(bytes.fromhex("0c5f0513a30f34b8f45005c6d71a0110f9a8"))[:4]
    (197, -251, 80432, -52040)
    """
    if len(data) != length:
        raise ProtocolError(f"the coefficients are {length} bytes, got {len(data)}: {data.hex()}")
    if len(set(data)) == 1:
        raise ProtocolError(f"the coefficients are {data.hex()}: nothing is stored there")
    whole, left = int.from_bytes(data, "big"), 8 * length
    found = []
    for bits in _BITS:
        if not left:
            break
        left -= bits
        found.append(signed(whole >> left & (1 << bits) - 1, bits))
    return Coefficients(*found)


def compensate(
    coefficients: Coefficients, pressure: Floats, temperature: Floats
) -> tuple[Floats, Floats]:
    """Return Pa and degC of scaled raw values, shape (n,) each.

    >>> example = Coefficients(206, -260, 80000, -55000, -2800, 1250, -8900, 140, -1200)
    >>> raw_p, raw_t = np.array([-300000.0]), np.array([200000.0])
    >>> pressure_pa, temperature_c = compensate(example, raw_p / SCALE[64], raw_t / SCALE[64])
    >>> round(float(pressure_pa[0]), 3), round(float(temperature_c[0]), 5)
    (94542.962, 53.01845)
    """
    c = coefficients
    cube = c.c30 + pressure * c.c40
    by_pressure = c.c00 + pressure * (c.c10 + pressure * (c.c20 + pressure * cube))
    by_both = temperature * (c.c01 + pressure * (c.c11 + pressure * (c.c21 + pressure * c.c31)))
    return by_pressure + by_both, c.c0 / 2.0 + c.c1 * temperature


def decode_result(data: bytes) -> int:
    """Convert the 3 bytes of a result, high byte first, to signed counts.

    >>> decode_result(bytes.fromhex("ca2fb0")), decode_result(bytes.fromhex("800000")) == EMPTY
    (-3526736, True)
    """
    return signed(int.from_bytes(data, "big"), 8 * RESULT_BYTES)


def decode_results(data: bytes) -> Counts:
    """Convert results one after the other to signed counts, shape (n,).

    Raises ProtocolError for a broken result at the end.

    >>> decode_results(bytes.fromhex("ca2fb0 000101")).tolist()
    [-3526736, 257]
    """
    if len(data) % RESULT_BYTES:
        raise ProtocolError(f"{len(data)} bytes are no whole number of {RESULT_BYTES}-byte results")
    wide = np.zeros((len(data) // RESULT_BYTES, 4), np.uint8)
    wide[:, :3] = np.frombuffer(data, np.uint8).reshape(-1, RESULT_BYTES)
    # Above an empty byte: a shift brings the sign along.
    return (wide.view(">i4")[:, 0] >> 8).astype(np.int32)


class Pairing:
    """Puts results of the FIFO, each tagged by its last bit, to rows: pressure, temperature.

    A row is a pressure and the temperature before it, over the seams between drains; pressures
    that came before any temperature have none, and are left out.
    """

    def __init__(self) -> None:
        self._temperature: int | None = None

    def feed(self, results: Counts, *, lost: bool) -> Counts:
        """Return the rows that these results complete, shape (n, 2). `lost`: some went before.

        >>> Pairing().feed(np.array([11, 20, 31, 41], np.int32), lost=False).tolist()
        [[31, 20], [41, 20]]
        """
        before = [] if lost or self._temperature is None else [self._temperature]
        all_of = np.concatenate((np.array(before, np.int32), results))
        is_pressure = all_of & 1 == 1
        last = np.maximum.accumulate(np.where(is_pressure, -1, np.arange(len(all_of))))
        rows = np.flatnonzero(is_pressure & (last >= 0))
        self._temperature = int(all_of[last[-1]]) if len(last) and last[-1] >= 0 else None
        return np.column_stack((all_of[rows], all_of[last[rows]])).astype(np.int32)
