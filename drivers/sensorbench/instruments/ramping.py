"""A ramp of the set point as a driver remembers it, for controllers that don't tell where it ends.

They show where the set point is by now: that is compared with where it must be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_LATE_S = 20.0
"""So far two clocks, and an exchange that took its time, may be apart."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """A ramp of the set point, from `start_c` at `since_s` to `end_c`."""

    start_c: float
    end_c: float
    k_per_s: float
    since_s: float

    def holds(self, nominal_c: float, now_s: float, near_k: float) -> bool:
        """Return whether a nominal value, known to `near_k`, is one of this ramp's by now."""
        moved = self.k_per_s * (now_s - self.since_s)
        span = abs(self.end_c - self.start_c)
        here = self.start_c + math.copysign(min(moved, span), self.end_c - self.start_c)
        return abs(nominal_c - here) <= self.k_per_s * _LATE_S + near_k
