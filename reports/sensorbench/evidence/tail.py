"""Where a journal's whole lines end: what follows was being written when program or power went.

A power cut leaves a part of the last line, or NULs for sectors that never reached the disk, with
later ones behind them. So NULs in the last `AT_ONCE` bytes, which JSON has none of, from where a
line or a sector begins to where a sector or the file ends, were never acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable

AT_ONCE = 1 << 20
"""Bytes that are written at most before the disk is waited for: no power cut tears more of it."""
_SECTOR = 512
"""What a disk writes whole or not at all, bytes; blocks of file systems are multiples of it."""
_BLOCK = 1 << 16


def whole(read: Callable[[int, int], bytes], size: int) -> int:
    """Return how many bytes of a journal are whole lines. `read` gives bytes by place and length.

    >>> text = b"one line" + b"\\n" + b"half a li"
    >>> whole(lambda at, length: text[at : at + length], len(text))
    9
    """
    base = max(0, size - AT_ONCE)
    base -= base % _SECTOR
    data = read(base, size - base)
    end = len(data)
    at = data.find(b"\0")
    while at >= 0:
        after = at
        while after < len(data) and not data[after]:
            after += 1
        begins = (base + at) % _SECTOR == 0 or data[at - 1] == ord("\n")
        if begins and (after == len(data) or (base + after) % _SECTOR == 0):
            end = at
            break
        at = data.find(b"\0", after)
    found = data.rfind(b"\n", 0, end) + 1
    if found or not base:
        return base + found
    while base:  # a line that is longer than all of it
        step = min(_BLOCK, base)
        base -= step
        found = read(base, step).rfind(b"\n") + 1
        if found:
            return base + found
    return 0
