"""Once more, a little later: what a disturbance on a cable, or a busy device, may need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, TransportError

T = TypeVar("T")
PAUSE_S = 0.1
"""Longer than a burst of fast transients (15 ms, IEC 61000-4-4) and than any part starts."""


class Again(Protocol):
    """Does work at a device, called by its name, again where the bytes did not travel."""

    def __call__(self, work: Callable[[], T], what: str) -> T: ...


def only_once(work: Callable[[], T], what: str) -> T:  # noqa: ARG001 - as Again asks
    """Do the work, whatever comes of it."""
    return work()


def once_more(
    work: Callable[[], T],
    clock: Clock,
    note: Callable[[BenchError], None],
    errors: type[BenchError] = TransportError,
    again: Callable[[], T] | None = None,
) -> T:
    """Do `work`; after one of `errors` note that, wait `PAUSE_S` and do it, or `again`, once more.

    What goes wrong the second time is raised, and not noted.
    """
    try:
        return work()
    except errors as error:
        note(error)
    clock.sleep(PAUSE_S)
    return (again or work)()
