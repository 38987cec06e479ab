"""Waiting for ports, however many files are open: select() can't watch a descriptor above 1023."""

from __future__ import annotations

import selectors
from collections.abc import Sequence
from typing import Protocol

# poll() knows no limit, and takes no descriptor of its own. Windows has only select(), which there
# counts sockets, and takes any number.
_Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


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
    with _Selector() as selector:
        for port in to_read:
            selector.register(port, selectors.EVENT_READ)
        for port in to_write:
            selector.register(port, selectors.EVENT_WRITE)
        return [key.fileobj for key, _ in selector.select(timeout_s)]
