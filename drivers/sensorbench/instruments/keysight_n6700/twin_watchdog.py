"""The simulated N6700's I/O watchdog, and a rail that falls by it while nobody looks.

Source: euriqabackend, devices/keysight_psu/n6700b.py (all outputs off when no traffic comes for the
delay; another client: 1 to 3600 s). 60 s after *RST recalled, as is that only what is spoken
counts, no key of the panel.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import Value
from sensorbench.instruments.simulated_output import Output, Rail
from sensorbench.world.fields import Times

RESET_S = 60.0


class Watchdog:
    """Counts since it was last spoken to, while it is on. Times are the world's, s."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._fed_s = 0.0
        self.reset()

    def reset(self) -> None:
        """Take the settings of *RST: off."""
        self.on, self.delay_s = False, RESET_S

    def arm(self, on: bool) -> None:
        """Switch it on, from when on it counts, or off."""
        self.on, self._fed_s = on, self._now() if on else 0.0

    def feed(self) -> None:
        """Begin to count anew."""
        if self.on:
            self._fed_s = self._now()

    @property
    def bites_at_s(self) -> float:
        """Return when it trips if nobody speaks until then."""
        return self._fed_s + self.delay_s if self.on else math.inf

    @property
    def bites(self) -> bool:
        """Return whether nobody spoke for too long."""
        return self._now() >= self.bites_at_s


class WatchedRail(Rail):
    """A rail that is down from when its watchdog trips on, whether or not somebody looks."""

    def __init__(self, output: Output, watchdog: Watchdog) -> None:
        super().__init__(output)
        self._watchdog = watchdog

    def amperes_into(self, ohms: float) -> float:
        return 0.0 if self._watchdog.bites else super().amperes_into(ohms)

    def at(self, now: float) -> Value:
        return 0.0 if now >= self._watchdog.bites_at_s else super().at(now)

    def felt(self, now: float) -> Value:
        return self.at(now)

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        return np.where(times >= self._watchdog.bites_at_s, 0.0, super().sample(times))

    def still_from(self, now: float) -> float:
        """Return when it falls if nobody speaks until then."""
        bites_s = self._watchdog.bites_at_s
        falls = bites_s < math.inf and super().at(now) != 0.0
        return max(now, bites_s) if falls else super().still_from(now)

    def sure_until(self, now: float) -> float:
        """Return when somebody should speak at the latest: half of its delay before it falls."""
        return max(now, self._watchdog.bites_at_s - self._watchdog.delay_s / 2)
