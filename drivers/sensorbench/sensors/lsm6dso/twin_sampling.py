"""How a simulated LSM6DSO samples: its oscillator, and one of its sensors on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.lsm6dso.twin_fifo import DEPTH, Bytes, tagged
from sensorbench.sensors.simulated import screened
from sensorbench.sensors.simulated_triad import Floats, Ticks, Triad, rounded
from sensorbench.world.fields import Times
from sensorbench.world.world import Place

_FASTEST_HZ = 6667.0
_FINE = 0.0015  # a digit of INTERNAL_FREQ_FINE
_NOW_S = 1e-9  # a caller that waited exactly long enough has waited enough
_ODR_SIGMA = 0.02


class Oscillator:
    """The unit's own: ticks at the fastest rate, a few percent off, counted from the beginning."""

    def __init__(self, place: Place) -> None:
        error = screened(place, "oscillator", _ODR_SIGMA)
        self.fine = round(error / _FINE)
        self.hz = _FASTEST_HZ * (1.0 + error)
        self.speed = 1.0 + error
        self._phase = place.stream("unit phase").uniform()

    def tick(self, now_s: float) -> int:
        """Return the number of the last tick."""
        return int((now_s + _NOW_S) * self.hz - self._phase)

    def times(self, ticks: Ticks) -> Floats:
        """Return when ticks are, in s."""
        return np.asarray((ticks + self._phase) / self.hz, np.float64)


@dataclass(slots=True)
class Half:
    """One of the two sensors: its samples go to `output` and raise the bit `ready`."""

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
    self_test: int = 0

    def counts(self, ticks: Ticks) -> npt.NDArray[np.int16]:
        """Return the samples that were the newest at these ticks, shape (n, 3)."""
        numbers = ticks // self.ticks
        times = self.oscillator.times(numbers * self.ticks)
        values = self.triad.sample(
            self.true(times), times, numbers,
            rate_hz=self.oscillator.hz / self.ticks, since_s=self.since_s, self_test=self.self_test,
        )  # fmt: skip
        return rounded(values, self.digit)

    def has_new(self, tick: int) -> bool:
        """Return whether a sample came between the one latched and `tick`."""
        return bool(self.ticks) and tick // self.ticks > self.latched // self.ticks


Batched = list[tuple[Half, int]]
"""Sensors that go to the FIFO, and the ticks between their words."""


def words_between(batched: Batched, first: int, last: int, most: int | None) -> tuple[Bytes, int]:
    """Return the FIFO words of the ticks after `first` up to `last`, and how many were left out.

    Those of which nothing would be left in a full FIFO are not computed; `most` is how many
    instants there is room for where a full FIFO stops, None where it goes on.
    """
    step = min(ticks for _, ticks in batched)
    low, high = first // step + 1, last // step
    if most is not None:
        high = min(high, low + most)
    kept = max(low, high - DEPTH + 1)
    instants = np.arange(kept, high + 1)
    words, order = [], []
    for rank, (half, ticks) in enumerate(batched):
        due = instants[instants % (ticks // step) == 0]
        if len(due):
            words.append(tagged(half.name, due, half.counts(due * step)))
            order.append(2 * due + rank)
    if not words:
        return np.empty((0, 7), np.uint8), 0
    sequence = np.argsort(np.concatenate(order), kind="stable")
    return np.concatenate(words)[sequence], max(0, kept - low)
