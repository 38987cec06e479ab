"""How a simulated part of several sensors samples: its oscillator, and its sensors on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.simulated import screened
from sensorbench.sensors.simulated_triad import Floats, Ticks, Triad, rounded
from sensorbench.world.fields import Times
from sensorbench.world.world import Place

_NOW_S = 1e-9  # a caller that waited exactly long enough has waited enough


class Oscillator:
    """The unit's own: ticks at the part's fastest rate, off by `error`, counted from time 0."""

    def __init__(self, place: Place, nominal_hz: float, sigma: float) -> None:
        self.error = screened(place, "oscillator", sigma)
        self.speed = 1.0 + self.error
        self.hz = nominal_hz * self.speed
        self._phase = place.stream("unit phase").uniform()

    def tick(self, now_s: float) -> int:
        """Return the number of the last tick."""
        return int((now_s + _NOW_S) * self.hz - self._phase)

    def times(self, ticks: Ticks) -> Floats:
        """Return when ticks are, in s."""
        return np.asarray((ticks + self._phase) / self.hz, np.float64)


@dataclass(slots=True)
class Half:
    """One of a part's sensors: its samples go to `output` and raise the bit `ready`."""

    name: str
    oscillator: Oscillator
    triad: Triad
    true: Callable[[Times], Floats]
    output: int
    ready: int
    ticks: int = 0  # between its samples; 0 is off
    since_s: float = 0.0
    latched: int = 0
    digit: float = 1.0
    self_test: float | Floats = 0.0
    bandwidth_hz: float = 0.0  # of its noise; 0 is half of its rate

    def counts(self, ticks: Ticks) -> npt.NDArray[np.int16]:
        """Return the samples that were the newest at these ticks, shape (n, 3)."""
        numbers = ticks // self.ticks
        times = self.oscillator.times(numbers * self.ticks)
        values = self.triad.sample(
            self.true(times), times, numbers,
            rate_hz=2 * self.bandwidth_hz or self.oscillator.hz / self.ticks,
            since_s=self.since_s, self_test=self.self_test,
        )  # fmt: skip
        return rounded(values, self.digit)

    def has_new(self, tick: int) -> bool:
        """Return whether a sample came between the one latched and `tick`."""
        return bool(self.ticks) and tick // self.ticks > self.latched // self.ticks
