"""Once more, a little later: what a disturbance on a cable, or a busy part, may need."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sensorbench.core.channel import Block
from sensorbench.core.clock import Clock
from sensorbench.core.device import Sensor
from sensorbench.core.errors import BenchError, TransportError

T = TypeVar("T")
PAUSE_S = 0.1
"""Longer than a burst of fast transients (15 ms, IEC 61000-4-4) and than any part starts."""


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


def read_once_more(sensor: Sensor, clock: Clock, note: Callable[[BenchError], None]) -> Block:
    """Return the reading that was started; one that did not arrive is begun anew.

    A part gives a conversion away once: only a new one can be read the second time.
    """

    def anew() -> Block:
        clock.sleep(sensor.start())
        return sensor.read()

    return once_more(sensor.read, clock, note, again=anew)
