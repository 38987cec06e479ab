"""SENT (SAE J2716) as a sensor sends it: values in, times of falling edges out, for twins.

It shares nothing with the receiver (`protocols.sent`): both are read from the sources. Sources:
enp6s0/sent-decoder (MIT; sync, nibbles, CRC-4), V. Oth's decoder of libsigrokdecode (bits and CRC-6
of the slow messages), for facts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_SHORTEST_PAUSE, _LONGEST_PAUSE = 12, 768


def edges(
    status: npt.ArrayLike,
    data: npt.ArrayLike,
    tick_s: npt.ArrayLike,
    *,
    legacy_crc: bool = False,
    frame_ticks: int | None = None,
    start_s: float = 0.0,
) -> npt.NDArray[np.float64]:
    """Return the times of the falling edges of n frames, s; the last one ends the last frame.

    `status` (n,) and `data` (n, k) are nibbles, `tick_s` one tick or that of each frame (n,). With
    `frame_ticks` a pause makes every frame as long. Raises ValueError for what can't be sent.
    """
    first = np.asarray(status, np.int64).reshape(-1, 1)
    values = np.asarray(data, np.int64)
    if values.ndim != 2 or len(values) != len(first):
        raise ValueError(f"{len(first)} frames of data are wanted, not shape {values.shape}")
    if ((values < 0) | (values > 15)).any() or ((first < 0) | (first > 15)).any():
        raise ValueError("a nibble is 0 to 15")
    check = np.array([[_check(row, legacy_crc)] for row in _distinct(values)])
    check = check[_distinct_index(values)] if len(values) else np.empty((0, 1), np.int64)
    ticks = np.hstack([np.full_like(first, 56), 12 + first, 12 + values, 12 + check])
    if frame_ticks is not None:
        pauses = frame_ticks - ticks.sum(axis=1, keepdims=True)
        if len(pauses) and not _SHORTEST_PAUSE <= pauses.min() <= pauses.max() <= _LONGEST_PAUSE:
            raise ValueError(
                f"{frame_ticks} ticks a frame leave pauses of {pauses.min()} to {pauses.max()}, "
                f"allowed are {_SHORTEST_PAUSE} to {_LONGEST_PAUSE}"
            )
        ticks = np.hstack([ticks, pauses])
    lengths = ticks * np.broadcast_to(np.asarray(tick_s, float), (len(ticks),))[:, None]
    return np.concatenate([[start_s], start_s + np.cumsum(lengths)])


def short_bits(identifier: int, value: int, *, legacy_crc: bool = False) -> npt.NDArray[np.int64]:
    """Return what a short message adds to the status of 16 frames. Raises ValueError."""
    if not (0 <= identifier < 16 and 0 <= value < 256):
        raise ValueError("a short message has an identifier of 4 bits and 8 bits of data")
    nibbles = [identifier, value // 16, value % 16]
    word = f"{identifier:04b}{value:08b}{_check(nibbles, legacy_crc):04b}"
    return np.array([4 * (bit == "1") + 8 * (k == 0) for k, bit in enumerate(word)])


def enhanced_bits(identifier: int, value: int, *, wide: bool = False) -> npt.NDArray[np.int64]:
    """Return what an enhanced message adds to the status of 18 frames.

    An identifier of 8 bits and 12 of data, or `wide` 4 and 16. Raises ValueError.
    """
    id_bits, data_bits = (4, 16) if wide else (8, 12)
    if not (0 <= identifier < 1 << id_bits and 0 <= value < 1 << data_bits):
        raise ValueError(f"it has an identifier of {id_bits} bits and {data_bits} bits of data")
    upper = f"{identifier:04b}" if wide else f"{identifier >> 4:04b}"
    lower = f"{value >> 12:04b}" if wide else f"{identifier & 0xF:04b}"
    bit3 = f"0{int(wide)}{upper}0{lower}0"
    bit2 = f"{value & 0xFFF:012b}"
    crossed = "".join(two + three for two, three in zip(bit2, bit3, strict=True))
    # Seed, message and six zeros, divided by x6 + x4 + x3 + 1.
    check = _divided(int(f"{0x15:06b}{crossed}000000", 2), 0b1011001, 6)
    low = f"{check:06b}{bit2}"
    high = "111111" + bit3
    return np.array([4 * int(two) + 8 * int(three) for two, three in zip(low, high, strict=True)])


def _distinct(rows: npt.NDArray[np.int64]) -> list[list[int]]:
    found: list[list[int]] = np.unique(rows, axis=0).tolist()
    return found


def _distinct_index(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.asarray(np.unique(rows, axis=0, return_inverse=True)[1]).reshape(-1)


def _check(nibbles: Sequence[int], legacy: bool) -> int:
    """Return the check nibble: seed 5, data and (not legacy) a zero, by x4 + x3 + x2 + 1."""
    word = 5
    for nibble in nibbles:
        word = word << 4 | int(nibble)
    return _divided(word if legacy else word << 4, 0b11101, 4)


def _divided(word: int, polynomial: int, width: int) -> int:
    """Return the remainder of a polynomial division over GF(2)."""
    while word >> width:
        word ^= polynomial << (word.bit_length() - width - 1)
    return word
