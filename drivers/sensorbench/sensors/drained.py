"""Whether a FIFO may have lost samples between the look at its level and its being read."""

from __future__ import annotations

from collections.abc import Callable

_FASTEST = 1.25
"""A part's own rate in nominal ones; no data sheet allows more."""


def could_fill(level: int, depth: int, rate_hz: float, passed_s: float) -> bool:
    """Return whether a FIFO of `depth` in which `level` samples were can be full `passed_s` later.

    >>> could_fill(16, 32, 100.0, 0.02), could_fill(16, 32, 100.0, 0.2)
    (False, True)
    """
    return level > 0 and level + _FASTEST * rate_hz * passed_s >= depth


def filled_meanwhile(
    level: int, depth: int, rate_hz: float, passed_s: float, read_level: Callable[[], int]
) -> bool:
    """Return whether a FIFO of `depth` may have been full when its `level` samples were read.

    Its own flag does not tell: it goes as samples are read. What is left afterwards does, and
    `read_level` is asked for it only where the `passed_s` since the level was read were enough to
    fill it. A host that stalls after the reading may be told of a loss that was none.

    >>> filled_meanwhile(16, 32, 100.0, 5.0, lambda: 16)
    True
    >>> filled_meanwhile(16, 32, 100.0, 5.0, lambda: 2)
    False
    """
    return could_fill(level, depth, rate_hz, passed_s) and level + read_level() >= depth
