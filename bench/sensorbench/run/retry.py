"""A reading that did not arrive is begun anew, once, a little later."""

from __future__ import annotations

from collections.abc import Callable

from sensorbench.core.channel import Block
from sensorbench.core.clock import Clock
from sensorbench.core.device import Sensor
from sensorbench.core.errors import BenchError
from sensorbench.station.again import PAUSE_S, once_more

__all__ = ["PAUSE_S", "once_more", "read_once_more"]


def read_once_more(sensor: Sensor, clock: Clock, note: Callable[[BenchError], None]) -> Block:
    """Return the reading that was started; one that did not arrive is begun anew.

    A part gives a conversion away once: only a new one can be read the second time.
    """

    def anew() -> Block:
        clock.sleep(sensor.start())
        return sensor.read()

    return once_more(sensor.read, clock, note, again=anew)
