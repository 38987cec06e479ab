"""A sensor as an instrument: its channels as meters, so that any part may be a reference."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from sensorbench.core.channel import Channel
from sensorbench.core.clock import Clock
from sensorbench.core.device import Sensor
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import Value
from sensorbench.instruments.members import Meter

_Moment = tuple[bool, float]
"""Whether it is aside, and when: there a reading is of the moment at which that began."""


def vectors(channels: Sequence[Channel]) -> dict[str, tuple[Channel, ...]]:
    """Return by name the vectors of which every axis is sensed: its channels, in the axes' order.

    A vector is called as its quantity, with its port where it has one.
    """
    found: dict[str, tuple[Channel, ...]] = {}
    names = {channel.name for channel in channels}
    for channel in channels:
        if channel.quantity is None or not channel.axis:
            continue
        name = "_".join(filter(None, (channel.quantity.name, channel.port)))
        own = {
            other.axis: other
            for other in channels
            if (other.quantity, other.port) == (channel.quantity, channel.port)
        }
        axes = channel.quantity.axes
        if name not in names and all(axis in own for axis in axes):
            found[name] = tuple(own[axis] for axis in axes)
    return found


class SensorMeters:
    """Each channel that senses a quantity is a meter: `thermometer.temperature`.

    So is a vector of which it senses every axis: `probe.magnetic_field` reads three components.
    Readings at the same moment share one conversion. The part is prepared when a run takes it, or
    at the first reading, not when it is opened. It does one thing at a time: a reading waits for
    the one before, as safety reads besides the run. In virtual time, where safety reads aside, that
    wait costs nobody anything: a run is the same whichever of safety's readings are made.
    """

    def __init__(
        self, name: str, sensor: Sensor, clock: Clock, settings: Mapping[str, Any]
    ) -> None:
        self.name = name
        self._sensor = sensor
        self._clock = clock
        self._settings = dict(settings)
        self._prepared = False
        self._lock = threading.RLock()
        self._last: tuple[_Moment, Mapping[str, float]] | None = None
        self._free_s = -math.inf
        self._channels = {c.name: c for c in sensor.CHANNELS if c.quantity is not None}
        self._vectors = vectors(sensor.CHANNELS)

    def identify(self) -> Identity:
        """Read who is there; changes nothing."""
        return self._sensor.identify()

    def take(self) -> tuple[str, ...]:
        """Prepare the part for its readings; a sensor keeps no errors of an earlier program."""
        self._sensor.prepare(**self._settings)
        self._prepared = True
        return ()

    def __getattr__(self, name: str) -> Meter:
        channel = self.__dict__.get("_channels", {}).get(name)
        if channel is not None:
            return Meter(f"{self.name}.{name}", channel.quantity, lambda: self._read()[name])
        axes = self.__dict__.get("_vectors", {}).get(name)
        if axes is None:
            raise AttributeError(name)
        return Meter(f"{self.name}.{name}", axes[0].quantity, lambda: self._read_vector(axes))

    def _read_vector(self, axes: Sequence[Channel]) -> Value:
        found = self._read()
        return tuple(found[channel.name] for channel in axes)

    def _read(self) -> Mapping[str, float]:
        with self._lock:  # safety reads from a thread of its own
            if self._last is None or self._last[0] != self._moment():
                values = self._in_turn()
                self._last = self._moment(), values
            return self._last[1]

    def _moment(self) -> _Moment:
        since_s = self._clock.aside_since()
        return since_s is not None, self._clock.now() if since_s is None else since_s

    def _in_turn(self) -> Mapping[str, float]:
        """Convert, once the part is through with what a reading aside began."""
        clock = self._clock
        start_s = clock.now()
        busy_s = max(0.0, self._free_s - start_s)

        def convert() -> Mapping[str, float]:
            clock.sleep(busy_s)
            try:
                return self._convert()
            finally:
                self._free_s = clock.now()

        if not busy_s:
            return convert()
        try:
            return clock.aside(convert)
        finally:
            clock.sleep(self._free_s - busy_s - start_s)

    def _convert(self) -> Mapping[str, float]:
        if not self._prepared:
            self.take()
        self._clock.sleep(self._sensor.start())
        row = self._sensor.read().values[0]
        names = (channel.name for channel in self._sensor.CHANNELS)
        return dict(zip(names, map(float, row), strict=True))
