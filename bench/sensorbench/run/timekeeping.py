"""Whether the machine's time went on as it should: a calendar that was set, a machine that slept.

A run counts in the monotonic clock, which neither moves. Its stamps in UTC are the calendar's, so
that a jump shows in them; what happened is put on record once, with by how much.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

LEAST_S = 1.0
"""What is no jump, s: two clocks that are read one after the other, and slewing by NTP."""


def _slept() -> float:
    """Return how long the machine slept since it was started, s; 0 where it does not say."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()


def _calendar() -> float:
    return time.time() - time.monotonic()


@dataclass(slots=True)
class Timekeeper:
    """Compares clocks at each look with the look before."""

    calendar: Callable[[], float] = _calendar
    slept: Callable[[], float] = _slept
    _was: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._was = self.calendar(), self.slept()

    def look(self) -> dict[str, float]:
        """Return what happened since the last look: `suspended_s`, `calendar_set_by_s`."""
        calendar, slept = now = self.calendar(), self.slept()
        suspended_s = slept - self._was[1]
        set_by_s = calendar - self._was[0] - suspended_s
        self._was = now
        found = {"suspended_s": suspended_s, "calendar_set_by_s": set_by_s}
        return {name: round(by, 3) for name, by in found.items() if abs(by) >= LEAST_S}
