"""ICM-42688-P bytes to numbers: output registers and the packets of the FIFO, a burst at a time.

A packet of both sensors is 16 bytes: a header, accelerometer x, y, z, gyroscope x, y, z (16 bits
each, high byte first), 8 bits of temperature, 16 bits of time stamp. The header is 0x68; its two
lowest bits say that a rate has changed.
Source: DS-000347 rev 1.5, sections 6.1, 6.2, 6.4 and 14.34 (what an invalid sample reads).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import NotReady, ProtocolError

PACKET_BYTES = 16
HEADER, RATE_CHANGED = 0x68, 0x03
INVALID = -32768
LOWEST, HIGHEST = -32766, 32767  # of a valid sample

Counts = npt.NDArray[np.int16]


def decode_words(data: bytes) -> tuple[int, ...]:
    """Convert output registers to signed words, high byte first.

    >>> decode_words(bytes.fromhex("052d 0800 00a4"))
    (1325, 2048, 164)
    """
    return tuple(
        int.from_bytes(data[start : start + 2], "big", signed=True)
        for start in range(0, len(data), 2)
    )


def decode_temperature(raw: int) -> float:
    """Convert the temperature word to degC (section 4.13).

    >>> round(decode_temperature(1325), 3)
    35.002
    """
    return 25.0 + raw / 132.48


def decode_packets(data: bytes) -> Counts:
    """Convert whole packets to counts, shape (n, 6): accelerometer, then gyroscope.

    Raises ProtocolError for torn packets and for another header, NotReady for a sample that the
    part calls invalid.

    >>> packet = bytes.fromhex("68 0800 0000 f800 00a4 0000 ff5c 15 03a9")
    >>> decode_packets(packet).tolist()
    [[2048, 0, -2048, 164, 0, -164]]
    """
    if len(data) % PACKET_BYTES:
        raise ProtocolError(f"{len(data)} bytes are no whole number of {PACKET_BYTES}-byte packets")
    if not data:
        return np.empty((0, 6), np.int16)
    headers = np.frombuffer(data, np.uint8)[::PACKET_BYTES]
    wrong = (headers & ~np.uint8(RATE_CHANGED)) != HEADER
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ProtocolError(
            f"packet {at} of {len(headers)} in the FIFO begins with {headers[at]:#04x}, not "
            f"{HEADER:#04x}: bytes were lost or damaged on the way, or somebody else reads this "
            "part. Check pull-ups, cable length and bus clock"
        )
    rows = np.ndarray((len(headers), 6), ">i2", data, 1, (PACKET_BYTES, 2)).astype(np.int16)
    if (rows == INVALID).any():
        at = int(np.argmax((rows == INVALID).any(axis=1)))
        raise NotReady(
            f"packet {at} of {len(headers)} in the FIFO holds {INVALID}, which is no sample: one "
            "of the sensors is off, slower, or not settled"
        )
    return rows


def is_saturated(counts: Counts) -> bool:
    """Return whether any count lies at an end of its range."""
    return bool(((counts >= HIGHEST) | (counts <= LOWEST)).any())
