"""Fields that no instrument drives: what a shaker, a gas chamber or a recording does in a place.

The rules:
- Each is a function of time in closed form, so that a sample at a time is the same, to the last
  bit, whoever asks and in whatever blocks.
- `lag_s` is the first-order time constant of the place: lag * y' = u - y is solved exactly. What
  goes on for ever, a sine, vibration or a repeated recording, is settled from the start.
- One that moves never claims to be still, nor to stay within less than it reaches.
- Values are canonical, shape (n,) or (n, axes); times are the clock's, in s, and `since` is the
  time from which a field counts its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import Value, components
from sensorbench.world.fields import Field, Times
from sensorbench.world.place import STANDARD_GRAVITY
from sensorbench.world.random import stream

Numbers = npt.NDArray[np.float64]

SETTLED = 1e-6
"""The share of its span within which a place that lags counts as still."""
LINES = 512
"""How many sines make up random vibration: the sum is normal to 1 part in 500 (kurtosis)."""
_AT_ONCE = 2048


class _Closed(ABC):
    """What fields have in common that `sample` says all of."""

    @abstractmethod
    def sample(self, times: Times) -> Numbers: ...

    def at(self, now: float) -> Value:
        found = self.sample(np.array([now]))[0]
        return tuple(map(float, found)) if np.ndim(found) else float(found)

    def felt(self, now: float) -> Value:
        return self.at(now)


class Pieces(_Closed):
    """Straight pieces between points, or steps at them, behind the lag of the place.

    `times` rise, in s from `since`; `values` has a row for each. A place has `begins` before the
    first point, its value if None, and holds the last one; with `repeats` it plays from the first
    point to the last again and again. Steps don't repeat.
    """

    def __init__(
        self,
        times: Times,
        values: Numbers,
        *,
        since: float,
        steps: bool = False,
        repeats: bool = False,
        lag_s: float = 0.0,
        begins: Value | None = None,
    ) -> None:
        self._times = np.asarray(times, float)
        table = np.asarray(values, float)
        self._is_vector = table.ndim > 1
        self._values = table if self._is_vector else table[:, np.newaxis]
        self._since, self._lag_s = since, lag_s
        lasts = np.diff(self._times)
        self._slopes = np.zeros_like(self._values)
        if not steps:
            self._slopes[:-1] = np.diff(self._values, axis=0) / lasts[:, np.newaxis]
        self._period_s = float(self._times[-1] - self._times[0]) if repeats else 0.0
        self._begins = self._values[0] if begins is None else np.array(components(begins))
        self._reached = self._reach(lasts)

    def _reach(self, lasts: Times) -> Numbers:
        """Return what the place has at each point, shape (points, axes)."""
        if not self._lag_s:
            return self._values
        kept = np.exp(-lasts / self._lag_s)[:, np.newaxis]
        first, slopes = self._values[:-1], self._slopes[:-1]
        # Along a piece the place goes to the line that runs `lag` behind: y' = kept * y + gained.
        gained = first + slopes * (lasts[:, np.newaxis] - self._lag_s)
        gained -= kept * (first - slopes * self._lag_s)
        here = self._begins
        if self._period_s:
            once = np.zeros_like(here)
            for share, more in zip(kept, gained, strict=True):
                once = share * once + more
            here = once / -math.expm1(-self._period_s / self._lag_s)
        found = [here]
        for share, more in zip(kept, gained, strict=True):
            here = share * here + more
            found.append(here)
        return np.array(found)

    def sample(self, times: Times) -> Numbers:
        own = np.asarray(times, float) - self._since
        if self._period_s:
            own = self._times[0] + np.mod(own - self._times[0], self._period_s)
        last = len(self._times) - (2 if self._period_s else 1)
        piece = np.minimum(np.searchsorted(self._times, own, side="right") - 1, last)
        k = np.maximum(piece, 0)
        passed = np.maximum(own - self._times[k], 0.0)[:, np.newaxis]
        if self._lag_s:
            behind = self._values[k] - self._slopes[k] * self._lag_s
            found = behind + self._slopes[k] * passed
            found += (self._reached[k] - behind) * np.exp(-passed / self._lag_s)
        else:
            found = self._values[k] + self._slopes[k] * passed
        found = np.where((piece < 0)[:, np.newaxis], self._begins, found)
        return found if self._is_vector else found[:, 0]

    def rising(self, now: float) -> bool:
        here, soon = components(self.at(now)), components(self.at(now + (self._lag_s or 1.0) / 1e3))
        return sum(soon) >= sum(here)

    def still_from(self, now: float) -> float:
        if self._period_s:
            return math.inf
        after_s = -self._lag_s * math.log(SETTLED)
        return max(now, self._since + float(self._times[-1]) + after_s)

    def bounds(self, now: float) -> tuple[float, float]:
        if self._is_vector:
            return -math.inf, math.inf
        k = int(np.searchsorted(self._times, now - self._since, side="right")) - 1
        ahead = self._values[0 if self._period_s else max(0, k) :, 0]
        here = components(self.at(now))[0]
        return min(here, float(ahead.min())), max(here, float(ahead.max()))

    def reaches(self, now: float, low: float, high: float) -> float:
        least, most = self.bounds(now)
        return math.inf if most < low or least > high else now


class Sines(_Closed):
    """Sines about `offset`, all along `direction`, behind the lag of the place.

    `amplitudes`, `frequencies_hz` and `phases_rad` have shape (lines,). `direction` is a unit
    vector in the part's axes, None for a quantity that is one number.
    """

    def __init__(
        self,
        amplitudes: Numbers,
        frequencies_hz: Numbers,
        phases_rad: Numbers,
        *,
        since: float,
        offset: Value = 0.0,
        direction: tuple[float, ...] | None = None,
        lag_s: float = 0.0,
    ) -> None:
        turns = 2 * np.pi * np.asarray(frequencies_hz, float)
        self._amplitudes = np.asarray(amplitudes, float) / np.hypot(1.0, turns * lag_s)
        self._phases = np.asarray(phases_rad, float) - np.arctan(turns * lag_s)
        self._turns, self._since = turns, since
        self._direction = None if direction is None else np.array(direction)
        self._offset = np.array(components(offset))

    def _moved(self, times: Times) -> Numbers:
        own = np.asarray(times, float) - self._since
        found = np.empty(len(own))
        for first in range(0, len(own), _AT_ONCE):  # a table of all at once would be large
            block = own[first : first + _AT_ONCE, np.newaxis]
            # Row by row: the order of the sum is the same in whatever blocks it is asked for.
            lines = self._amplitudes * np.sin(block * self._turns + self._phases)
            found[first : first + _AT_ONCE] = lines.sum(axis=1)
        return found

    def sample(self, times: Times) -> Numbers:
        moved = self._moved(times)
        if self._direction is None:
            return np.asarray(moved + self._offset[0])
        return np.asarray(self._offset + moved[:, np.newaxis] * self._direction)

    def rising(self, now: float) -> bool:
        angles = (now - self._since) * self._turns + self._phases
        return float(np.sum(self._amplitudes * self._turns * np.cos(angles))) >= 0

    def still_from(self, now: float) -> float:  # noqa: ARG002 - it always moves
        return math.inf

    def bounds(self, now: float) -> tuple[float, float]:  # noqa: ARG002
        if self._direction is not None:
            return -math.inf, math.inf
        most = float(np.abs(self._amplitudes).sum())
        return float(self._offset[0]) - most, float(self._offset[0]) + most

    def reaches(self, now: float, low: float, high: float) -> float:
        least, most = self.bounds(now)
        return math.inf if most < low or least > high else now


def vibration(
    psd: float, low_hz: float, high_hz: float, key: tuple[str | int, ...]
) -> tuple[Numbers, Numbers, Numbers]:
    """Return amplitudes, frequencies in Hz and phases of the sines of random vibration.

    `psd` is one-sided, in canonical units squared per Hz, flat from `low_hz` to `high_hz`; each
    line has its share of the band's power, at a frequency and phase by chance of `key` (Shinozuka
    and Deodatis 1991, spectral representation), so that the sum does not repeat.
    """
    width_hz = (high_hz - low_hz) / LINES
    chance = stream(*key)
    shares = np.array([chance.uniform(2 * k) for k in range(LINES)])
    phases = np.array([2 * np.pi * chance.uniform(2 * k + 1) for k in range(LINES)])
    amplitudes = np.full(LINES, math.sqrt(2 * psd * width_hz))
    return amplitudes, low_hz + width_hz * (np.arange(LINES) + shares), phases


class Turning(_Closed):
    """Which way is up for a part that turns evenly about an axis of its own from `since` on.

    `up` is a unit vector in the part's axes at `since`, `axis` one too; `rate_dps` is in deg/s,
    right-handed. Up stays where it is in the room, so in the part it turns the other way.
    """

    def __init__(
        self, up: tuple[float, ...], axis: tuple[float, ...], rate_dps: float, since: float
    ) -> None:
        start, about = np.array(up), np.array(axis)
        self._along = about * float(start @ about)
        self._across, self._aside = start - self._along, np.cross(about, start)
        self._turn, self._since = math.radians(rate_dps), since

    def sample(self, times: Times) -> Numbers:
        passed = np.maximum(np.asarray(times, float) - self._since, 0.0)
        angles = passed[:, np.newaxis] * -self._turn
        turned = self._across * np.cos(angles) + self._aside * np.sin(angles)
        return np.asarray(self._along + turned)

    def rising(self, now: float) -> bool:  # noqa: ARG002 - a direction has no up and down
        return True

    def still_from(self, now: float) -> float:
        return math.inf if self._turn and self._across.any() else now


class OnGravity(_Closed):
    """Specific force of a part that is shaken where it stands: gravity, and the shaking."""

    def __init__(self, shaking: Field, up: Callable[[], Field]) -> None:
        self._shaking, self._up = shaking, up

    def sample(self, times: Times) -> Numbers:
        return self._up().sample(times) * STANDARD_GRAVITY + self._shaking.sample(times)

    def rising(self, now: float) -> bool:
        return self._shaking.rising(now)

    def still_from(self, now: float) -> float:
        return max(self._shaking.still_from(now), self._up().still_from(now))
