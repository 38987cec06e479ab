"""BMI270 bytes to numbers: output registers and the frames of the FIFO, a burst at a time.

A frame of both sensors is 13 bytes: 0x8C, gyroscope x, y, z, accelerometer x, y, z (16 bits each,
low byte first). Between them may stand a frame that says how many were skipped (0x40), one with the
time (0x44) and one for each change of the settings (0x48).
Source: boschsensortec/BMI270_SensorAPI bmi2_defs.h and bmi2.c.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import ProtocolError

FRAME_BYTES = 13
BOTH, OVER_READ = 0x8C, 0x80
SKIPPED, TIME, CHANGED = 0x40, 0x44, 0x48
_CONTROL_BYTES = {SKIPPED: 2, TIME: 4, CHANGED: 5}
LOWEST, HIGHEST = -32768, 32767
INVALID_TEMPERATURE = -32768
TEMPERATURE_ENDS = (-32767, 32767)

Counts = npt.NDArray[np.int16]


def decode_words(data: bytes) -> tuple[int, ...]:
    """Convert output registers to signed words, low byte first.

    >>> decode_words(bytes.fromhex("0040 6606 0004"))
    (16384, 1638, 1024)
    """
    return tuple(np.frombuffer(data, "<i2").tolist())


def decode_temperature(raw: int) -> float:
    """Convert the temperature word to degC.

    >>> decode_temperature(1024)
    25.0
    """
    return 23.0 + raw / 512.0


def decode_frames(data: bytes) -> tuple[Counts, int]:
    """Return the samples of a burst, shape (n, 6): accelerometer, then gyroscope; and the skipped.

    A frame at the end that is not whole is left out: the part gives it again. Raises ProtocolError
    for a header that is none of those above.

    >>> rows, skipped = decode_frames(bytes.fromhex("40 05 8c 6606 0000 9af9 0040 0000 00c0"))
    >>> rows.tolist(), skipped
    ([[16384, 0, -16384, 1638, 0, -1638]], 5)
    """
    runs: list[Counts] = []
    at = skipped = 0
    while at < len(data) and data[at] != OVER_READ:
        frames = _frames_from(data, at)
        if frames:
            runs.append(_samples(data, at, frames))
            at += FRAME_BYTES * frames
        elif data[at] == BOTH:
            break  # cut off
        elif data[at] in _CONTROL_BYTES:
            if data[at] == SKIPPED and at + 1 < len(data):
                skipped += data[at + 1]
            at += _CONTROL_BYTES[data[at]]
        else:
            raise ProtocolError(
                f"byte {at} of {len(data)} from the FIFO is {data[at]:#04x}, no header of a frame: "
                "bytes were lost or damaged on the way, or somebody else set this part up. Check "
                "pull-ups, cable length and bus clock"
            )
    return np.concatenate(runs) if runs else np.empty((0, 6), np.int16), skipped


def _frames_from(data: bytes, at: int) -> int:
    """Return how many whole frames of both sensors follow one another from `at` on."""
    most = (len(data) - at) // FRAME_BYTES
    headers = np.frombuffer(data, np.uint8)[at : at + most * FRAME_BYTES : FRAME_BYTES]
    others = np.flatnonzero(headers != BOTH)
    return int(others[0]) if len(others) else most


def _samples(data: bytes, at: int, frames: int) -> Counts:
    words = np.ndarray((frames, 6), "<i2", data, at + 1, (FRAME_BYTES, 2))
    return np.concatenate((words[:, 3:], words[:, :3]), axis=1).astype(np.int16)


def without_cross_axis(rows: Counts, factor: int) -> Counts:
    """Return samples whose angular rate x is rid of its share of z: `factor` 512ths, signed.

    Fractions fall towards zero and the ends stay, as in Bosch's bmi2.c.

    >>> without_cross_axis(np.array([[0, 0, 0, 100, 0, -1000]], np.int16), 5).tolist()
    [[0, 0, 0, 109, 0, -1000]]
    """
    found = rows.copy()
    x, z = rows[:, 3].astype(np.int64), rows[:, 5].astype(np.int64)
    share = np.fix(factor * z / 512).astype(np.int64)
    inside = (x > LOWEST) & (x < HIGHEST)  # a saturated axis stays so
    found[:, 3] = np.where(inside, np.clip(x - share, LOWEST, HIGHEST), x).astype(np.int16)
    return found


def is_saturated(counts: Counts) -> bool:
    """Return whether any count lies at an end of its range."""
    return bool(((counts == LOWEST) | (counts == HIGHEST)).any())
