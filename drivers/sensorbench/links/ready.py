"""Waiting for ports, however many files are open: select() can't watch a descriptor above 1023."""

from __future__ import annotations

import math
import select
from collections.abc import Sequence
from typing import Protocol


class HasFileno(Protocol):
    """A socket, or anything else with a descriptor."""

    def fileno(self) -> int: ...


Port = HasFileno | int


def ready(
    to_read: Sequence[Port], to_write: Sequence[Port] = (), timeout_s: float | None = None
) -> list[Port]:
    """Return which ports can be read or written, [] after `timeout_s`; None waits for ever.

    One whose peer is gone can be read: that tells. Raises ValueError for a closed one.
    """
    # poll() knows no limit, and takes no descriptor of its own. Windows has only select(), which
    # there counts sockets, and takes any number. The selectors module costs three times as much.
    if not hasattr(select, "poll"):
        found = select.select(to_read, to_write, [], timeout_s)
        return [*found[0], *found[1]]
    poll, ports = select.poll(), {}
    for port in (*to_read, *to_write):
        ports[_descriptor(port)] = port
    for port in to_read:
        poll.register(port, select.POLLIN)
    for port in to_write:
        both = select.POLLIN if port in to_read else 0
        poll.register(port, select.POLLOUT | both)
    wait_ms = None if timeout_s is None else max(0, math.ceil(timeout_s * 1000))
    return [ports[descriptor] for descriptor, _ in poll.poll(wait_ms)]


def _descriptor(port: Port) -> int:
    found = port if isinstance(port, int) else port.fileno()
    if found < 0:
        raise ValueError(f"{port!r} is closed")
    return found
