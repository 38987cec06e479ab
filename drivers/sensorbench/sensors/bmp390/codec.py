"""BMP390 bytes to numbers: factory words and their CRC, the formula, frames of the FIFO.

Source: boschsensortec/BMP3_SensorAPI bmp3.c (words, formula in floats, frames) and
self-test/bmp3_selftest.c (CRC of the words, in register 0x30).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ChecksumError, ProtocolError
from sensorbench.protocols.checksums import crc8

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]

NVM_BYTES = 22  # the CRC, then the words
CRC_POLYNOMIAL = 0x1D
SAMPLE_BYTES, FRAME_BYTES = 6, 7
LOWEST, HIGHEST = 0, 0xFFFFFF
BOTH_FRAME, EMPTY_FRAME, CHANGED_FRAME, FAILED_FRAME, CONTROL_BYTES = 0x94, 0x80, 0x48, 0x44, 2


class Trimming(NamedTuple):
    """The 14 factory words, as they are stored."""

    t1: int
    t2: int
    t3: int
    p1: int
    p2: int
    p3: int
    p4: int
    p5: int
    p6: int
    p7: int
    p8: int
    p9: int
    p10: int
    p11: int


class Frames(NamedTuple):
    """What was in a burst of the FIFO: counts, shape (n, 2), pressure and temperature.

    `changed` says that somebody changed the settings meanwhile, `failed` that those can't be.
    """

    counts: Counts
    changed: bool
    failed: bool


def decode_trimming(memory: bytes) -> Trimming:
    """Convert registers 0x30 to 0x45 to factory words.

    Raises ProtocolError for another length, ChecksumError where their CRC does not fit.

    >>> decode_trimming(bytes.fromhex("9e7869384af9200350fb1400a861307503fad00705f6"))[:5]
    (27000, 19000, -7, 800, -1200)
    """
    if len(memory) != NVM_BYTES:
        raise ProtocolError(f"the factory words are {NVM_BYTES} bytes, got {len(memory)}")
    stored, words = memory[0], memory[1:]
    computed = crc8(words, CRC_POLYNOMIAL) ^ 0xFF
    if computed != stored:
        raise ChecksumError(
            f"the CRC of the factory words is {stored:#04x}, computed {computed:#04x}"
        )
    return Trimming(*struct.unpack("<HHbhhbbHHbbhbb", words))


def compensate(words: Trimming, pressure: Floats, temperature: Floats) -> tuple[Floats, Floats]:
    """Return Pa and degC of counts, shape (n,) each.

    >>> words = Trimming(27000, 19000, -7, 800, -1200, 20, 0, 25000, 30000, 3, -6, 2000, 5, -10)
    >>> pressure_pa, temperature_c = compensate(words, np.array([7.5e6]), np.array([8.3e6]))
    >>> round(float(pressure_pa[0]), 4), round(float(temperature_c[0]), 5)
    (94338.6413, 24.51293)
    """
    w = words
    warmer = temperature - w.t1 * 256.0
    t = warmer * (w.t2 / 2.0**30 + warmer * (w.t3 / 2.0**48))
    by_t = w.p5 * 8.0 + t * (w.p6 / 2.0**6 + t * (w.p7 / 2.0**8 + t * (w.p8 / 2.0**15)))
    linear = (w.p1 - 2.0**14) / 2.0**20 + t * (
        (w.p2 - 2.0**14) / 2.0**29 + t * (w.p3 / 2.0**32 + t * (w.p4 / 2.0**37))
    )
    square = w.p9 / 2.0**48 + t * (w.p10 / 2.0**48)
    p = pressure
    return by_t + p * (linear + p * (square + p * (w.p11 / 2.0**65))), t


def decode_sample(data: bytes) -> Counts:
    """Convert the data registers to counts, shape (1, 2): pressure and temperature.

    Raises ProtocolError for another length.

    >>> decode_sample(bytes.fromhex("e07072 e0a57e")).tolist()
    [[7500000, 8300000]]
    """
    if len(data) != SAMPLE_BYTES:
        raise ProtocolError(f"a sample is {SAMPLE_BYTES} bytes, got {len(data)}: {data.hex()}")
    return _words(np.frombuffer(data, np.uint8).reshape(1, SAMPLE_BYTES))


def decode_fifo(data: bytes) -> Frames:
    """Convert a burst of the FIFO, frames of both channels, to counts.

    In a frame the temperature comes first. Raises ProtocolError for a frame that is cut off, or
    that the FIFO was not asked for.

    >>> decode_fifo(bytes.fromhex("94e0a57ee07072" "4800" "94e1a57ee17072"))
    Frames(counts=array([[7500000, 8300000],
           [7500001, 8300001]], dtype=int32), changed=True, failed=False)
    """
    raw, start = np.frombuffer(data, np.uint8), 0
    samples: list[npt.NDArray[np.uint8]] = []
    control = set()
    while start < len(raw):
        whole = (len(raw) - start) // FRAME_BYTES
        frames = raw[start : start + whole * FRAME_BYTES].reshape(whole, FRAME_BYTES)
        other = np.flatnonzero(frames[:, 0] != BOTH_FRAME)
        count = int(other[0]) if len(other) else whole
        samples.append(frames[:count, 1:])
        start += count * FRAME_BYTES
        if start == len(raw) or raw[start] == EMPTY_FRAME:
            break
        header = int(raw[start])
        if header not in (CHANGED_FRAME, FAILED_FRAME):
            raise ProtocolError(
                f"byte {start} of {len(raw)} from the FIFO is {header:#04x}, "
                f"a whole frame of both channels begins with {BOTH_FRAME:#04x}"
            )
        control.add(header)
        start += CONTROL_BYTES
    found = np.concatenate(samples) if samples else np.empty((0, SAMPLE_BYTES), np.uint8)
    counts = _words(found)[:, ::-1]
    return Frames(counts, CHANGED_FRAME in control, FAILED_FRAME in control)


def is_saturated(counts: Counts) -> bool:
    """Return whether any count lies at an end of its range."""
    return bool(((counts <= LOWEST) | (counts >= HIGHEST)).any())


def _words(raw: npt.NDArray[np.uint8]) -> Counts:
    """Return the two words of each row, shape (n, 6) to (n, 2): 24 bits, low byte first."""
    wide = np.zeros((len(raw), 8), np.uint8)
    wide[:, 0:3], wide[:, 4:7] = raw[:, 0:3], raw[:, 3:6]
    return wide.view("<i4").astype(np.int32)
