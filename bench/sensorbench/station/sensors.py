"""A sensor as an instrument: its channels as meters, so that any part may be a reference."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from sensorbench.core.clock import Clock
from sensorbench.core.device import Sensor
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import Value
from sensorbench.instruments.members import Meter


class SensorMeters:
    """Each channel that senses a quantity is a meter: `thermometer.temperature`.

    Readings at the same moment share one conversion. The part is prepared when a run takes it, or
    at the first reading, not when it is opened.
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
        self._last: tuple[float, dict[str, float]] | None = None
        self._channels = {c.name: c for c in sensor.CHANNELS if c.quantity is not None}

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
        if channel is None:
            raise AttributeError(name)
        return Meter(f"{self.name}.{name}", channel.quantity, lambda: self._read(name))

    def _read(self, name: str) -> Value:
        with self._lock:  # safety reads from a thread of its own
            now = self._clock.now()
            if self._last is None or self._last[0] != now:
                self._last = self._convert()
            return self._last[1][name]

    def _convert(self) -> tuple[float, dict[str, float]]:
        if not self._prepared:
            self.take()
        self._clock.sleep(self._sensor.start())
        row = self._sensor.read().values[0]
        names = (channel.name for channel in self._sensor.CHANNELS)
        values = dict(zip(names, map(float, row), strict=True))
        return self._clock.now(), values
