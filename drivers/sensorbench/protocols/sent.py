"""SENT (SAE J2716), received: edge times in, frames and slow messages out, a capture at once.

A frame is the times between falling edges: 56 ticks of synchronisation, which measure the tick,
then a status nibble, data nibbles and a CRC nibble of 12 + value ticks each; a pause of 12 to 768
ticks may follow. A tick may be 20 % off its nominal. Bits 2 and 3 of the status carry slow
messages, a bit of each a frame. Whatever is damaged is a fault with its time, and never a value.

Sources: enp6s0/sent-decoder crc4.py (MIT; CRC-4 with its examples), V. Oth's decoder of
libsigrokdecode (order of bits and CRC-6 of the slow messages, a shift of 1/64 between frames,
pauses to 768 ticks), for facts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Crc = Literal["recommended", "legacy"]
Why = Literal["nibble", "clock", "crc", "edges", "slow crc"]
"""A nibble that is none; a tick unlike the frames around; a wrong CRC; edges that are no frame."""

SYNC_TICKS, LEAST_TICKS, MOST_DATA = 56, 12, 6
PAUSE_TICKS = (12, 768)
TOLERANCE, SHIFT = 0.20, 1 / 32  # of the nominal tick; of the median of the frames around
_AROUND = 9
CRC4_SEED, CRC6_SEED = 0x5, 0x15
SHORT_FRAMES, ENHANCED_FRAMES = 16, 18


def _remainders(width: int, polynomial: int) -> Integers:
    """Return what `width` more zeros make of each remainder, shape (2**width,)."""
    rest = np.arange(1 << width)
    for _ in range(width):
        carries = rest >> (width - 1) & 1
        rest = (rest << 1 & (1 << width) - 1) ^ carries * (polynomial & (1 << width) - 1)
    return rest.astype(np.int64)


_CRC4, _CRC6 = _remainders(4, 0x1D), _remainders(6, 0x59)


def crc4(nibbles: npt.ArrayLike, method: Crc = "recommended") -> Integers:
    """Return the CRC of data nibbles, shape (n, k) to (n,).

    The recommended method goes on over a nibble of 0, the legacy one does not.

    >>> crc4([[5, 3, 14, 5, 3, 14]]).tolist(), crc4([[5, 3, 14, 5, 3, 14]], "legacy").tolist()
    ([15], [12])
    """
    rows = np.asarray(nibbles, np.int64)
    rest = np.full(len(rows), CRC4_SEED, np.int64)
    for column in rows.T:
        rest = _CRC4[rest] ^ column
    return _CRC4[rest] if method == "recommended" else rest


@dataclass(frozen=True, slots=True)
class Faults:
    """What was no frame or message: when it began, s, and why; shapes (n,)."""

    times_s: Floats = field(default_factory=lambda: np.empty(0))
    why: tuple[Why, ...] = ()

    def __len__(self) -> int:
        return len(self.why)


@dataclass(frozen=True, slots=True)
class Frames:
    """Whole frames in order, n of them with k data nibbles.

    `times_s` is when each began, `ticks_s` its tick, both (n,); `status` (n,), `data` (n, k).
    `runs` (n,) is the same number for frames that follow each other without a fault between.
    """

    times_s: Floats
    ticks_s: Floats
    status: Integers
    data: Integers
    runs: Integers
    faults: Faults

    def __len__(self) -> int:
        return len(self.times_s)


def decode(
    edges_s: npt.ArrayLike,
    tick_s: float,
    data_nibbles: int,
    crc: Crc = "recommended",
    *,
    pause: bool = False,
) -> Frames:
    """Return the frames between falling edges at ascending times, shape (n,).

    `tick_s` is the nominal tick; with `pause` the sender pauses after every frame. A frame counts
    if the next one begins where it must, so that a lost edge costs the frame before it, too. What
    the capture cut off at either end is no fault. Raises ValueError for times that do not ascend,
    and what no SENT has.
    """
    edges = np.asarray(edges_s, np.float64)
    if not 1 <= data_nibbles <= MOST_DATA:
        raise ValueError(f"a frame has 1 to {MOST_DATA} data nibbles, not {data_nibbles}")
    if not 0 < tick_s < np.inf:
        raise ValueError(f"a tick is above 0 s, not {tick_s:g}")
    periods = np.diff(edges)
    if edges.ndim != 1 or not np.all(periods > 0) or not np.isfinite(edges).all():
        raise ValueError("edge times are one row, finite, each later than the one before")
    nominal = SYNC_TICKS * tick_s
    as_long = (periods >= nominal * (1 - TOLERANCE)) & (periods <= nominal * (1 + TOLERANCE))
    is_sync = as_long.copy()
    if pause:  # what is followed by a sync is a pause of that length
        is_sync[:-1] &= ~as_long[1:]
    length = data_nibbles + 3
    starts = np.flatnonzero(is_sync)
    starts = starts[starts + length <= len(periods)]
    ticks_s = periods[starts] / SYNC_TICKS
    if not len(starts):
        return _frames(edges, starts, ticks_s, np.empty((0, length - 1), np.int64), Faults())
    inside = np.lib.stride_tricks.sliding_window_view(periods, length)[starts, 1:]
    nibbles = np.rint(inside / ticks_s[:, None]).astype(np.int64) - LEAST_TICKS
    why = np.zeros(len(starts), np.int64)  # 0 is a frame
    why[~_goes_on(periods, as_long, starts + length, ticks_s, pause)] = 4
    why[crc4(nibbles[:, 1:-1] & 0xF, crc) != nibbles[:, -1]] = 3
    why[np.abs(ticks_s / _usual(ticks_s) - 1) > SHIFT] = 2
    why[((nibbles < 0) | (nibbles > 0xF)).any(axis=1)] = 1
    good = why == 0
    faults = _faults(edges, starts, why, length + pause)
    return _frames(edges, starts[good], ticks_s[good], nibbles[good], faults)


def _goes_on(
    periods: Floats,
    as_long: npt.NDArray[np.bool_],
    ends: Integers,
    ticks_s: Floats,
    pause: bool,
) -> npt.NDArray[np.bool_]:
    """Return whether what follows each frame can: the next one, or the end of the capture."""
    beyond = np.append(as_long, [True, True])  # what the capture cut off may be right
    if not pause:
        return np.asarray(beyond[ends])
    low, high = PAUSE_TICKS
    pauses = np.append(periods, np.nan)[ends] / ticks_s
    can_be = np.isnan(pauses) | ((pauses > low - 0.5) & (pauses < high + 0.5))
    return np.asarray(can_be & beyond[ends + 1])


def _usual(ticks_s: Floats) -> Floats:
    """Return the median tick of the frames around each, shape (n,)."""
    half = _AROUND // 2
    if len(ticks_s) < 3:
        return ticks_s
    padded = np.pad(ticks_s, half, mode="reflect" if len(ticks_s) > half else "edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, _AROUND), axis=1))


_WHY: tuple[Why, ...] = ("edges", "nibble", "clock", "crc", "edges")


def _faults(edges: Floats, starts: Integers, why: Integers, whole: int) -> Faults:
    """Return what is wrong, in order of time: bad frames, and edges between good ones.

    `whole` is how many edges a frame has with its pause.
    """
    good, bad = starts[why == 0], np.flatnonzero(why)
    ends = good[:-1] + whole
    # Bad frames tell of most of these places themselves.
    told = np.searchsorted(starts[bad], good[1:]) > np.searchsorted(starts[bad], good[:-1])
    odd = ends[(good[1:] != ends) & ~told]
    times = np.concatenate([edges[starts[bad]], edges[odd]])
    kinds = np.concatenate([why[bad], np.zeros(len(odd), np.int64)])
    order = np.argsort(times, kind="stable")
    return Faults(times[order], tuple(_WHY[kind] for kind in kinds[order]))


def _frames(
    edges: Floats, starts: Integers, ticks_s: Floats, nibbles: Integers, faults: Faults
) -> Frames:
    times_s = edges[starts]
    runs = np.searchsorted(faults.times_s, times_s).astype(np.int64)
    return Frames(times_s, ticks_s, nibbles[:, 0], nibbles[:, 1:-1], runs, faults)


# -- slow messages -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Messages:
    """Slow messages in order: when each began, s, its identifier, data and bits of data; (n,)."""

    times_s: Floats
    ids: Integers
    data: Integers
    bits: Integers
    faults: Faults


def short_messages(frames: Frames, crc: Crc = "recommended") -> Messages:
    """Return the short serial messages: 16 frames with 4 bits of identifier and 8 of data."""
    windows3, windows2, first = _windows(frames, SHORT_FRAMES)
    begins = (windows3[:, 0] == 1) & ~windows3[:, 1:].any(axis=1)
    bits, first = windows2[begins], first[begins]
    nibbles = _number(bits.reshape(len(bits), 4, 4))
    good = crc4(nibbles[:, :3], crc) == nibbles[:, 3]
    data = nibbles[:, 1] << 4 | nibbles[:, 2]
    return _messages(frames, first, good, nibbles[:, 0], data, np.full(len(first), 8))


def enhanced_messages(frames: Frames) -> Messages:
    """Return the enhanced serial messages of 18 frames.

    They have 8 bits of identifier and 12 of data, or where their configuration bit says so 4 and
    16; the CRC-6 is over the bits of both of frames 7 to 18.
    """
    windows3, windows2, first = _windows(frames, ENHANCED_FRAMES)
    fixed = windows3[:, :6].all(axis=1) & ~windows3[:, [6, 12, 17]].any(axis=1)
    bit3, bit2, first = windows3[fixed], windows2[fixed], first[fixed]
    both = np.stack([bit2[:, 6:], bit3[:, 6:]], axis=2).reshape(len(first), 4, 6)
    rest = np.full(len(first), CRC6_SEED, np.int64)
    for column in _number(both).T:
        rest = _CRC6[rest] ^ column
    good = _CRC6[rest] == _number(bit2[:, :6])
    low, upper, lower = _number(bit2[:, 6:]), _number(bit3[:, 8:12]), _number(bit3[:, 13:17])
    is_long = bit3[:, 7] == 1
    ids = np.where(is_long, upper, upper << 4 | lower)
    data = np.where(is_long, lower << 12 | low, low)
    return _messages(frames, first, good, ids, data, np.where(is_long, 16, 12))


def _windows(frames: Frames, count: int) -> tuple[Integers, Integers, Integers]:
    """Return bits 3 and 2 of each `count` frames that follow each other, and the first's number."""
    if len(frames) < count:
        nothing = np.empty((0, count), np.int64)
        return nothing, nothing, np.empty(0, np.int64)
    view = np.lib.stride_tricks.sliding_window_view
    first = np.flatnonzero(frames.runs[: 1 - count] == frames.runs[count - 1 :])
    bit3, bit2 = (view(frames.status >> shift & 1, count)[first] for shift in (3, 2))
    return bit3, bit2, first


def _number(bits: Integers) -> Integers:
    """Return the number that the last axis is, most significant bit first."""
    weights = 1 << np.arange(bits.shape[-1] - 1, -1, -1)
    return np.asarray(bits @ weights, np.int64)


def _messages(
    frames: Frames,
    first: Integers,
    good: npt.NDArray[np.bool_],
    ids: Integers,
    data: Integers,
    bits: Integers,
) -> Messages:
    times_s = frames.times_s[first]
    wrong = times_s[~good]
    why: tuple[Why, ...] = tuple("slow crc" for _ in wrong)
    faults = Faults(wrong, why)
    return Messages(times_s[good], ids[good], data[good], bits[good], faults)
