"""How a controlled quantity moves to its setpoint, and how a body lags behind: closed-form."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Approach:
    """From `start` towards `target`: at `rate` while far away, exponentially with `tau_s` near.

    The change-over is where both have the same slope, so the curve has no corner.
    `rate` is in units per second.
    """

    start: float
    target: float
    rate: float
    tau_s: float

    @property
    def _ramp_s(self) -> float:
        return max(0.0, abs(self.target - self.start) / self.rate - self.tau_s)

    @property
    def _slope(self) -> float:
        return math.copysign(self.rate, self.target - self.start)

    def at(self, elapsed_s: float) -> float:
        """Return the value `elapsed_s` seconds after the start."""
        ramp_s = self._ramp_s
        if elapsed_s <= ramp_s:
            return self.start + self._slope * elapsed_s
        left = self.target - (self.start + self._slope * ramp_s)
        return self.target - left * math.exp(-(elapsed_s - ramp_s) / self.tau_s)

    def lagged(self, elapsed_s: float, start: float, lag_s: float) -> float:
        """Return the value of a first-order body at `start` that follows with `lag_s`.

        Solves lag * y' = u - y for the ramp and for the exponential end; `lag_s` may not equal
        `tau_s`.
        """
        ramp_s = min(elapsed_s, self._ramp_s)
        after_ramp = (
            self.start
            + self._slope * (ramp_s - lag_s)
            + (start - self.start + self._slope * lag_s) * math.exp(-ramp_s / lag_s)
        )
        rest_s = elapsed_s - ramp_s
        if rest_s <= 0:
            return after_ramp
        left = self.target - (self.start + self._slope * ramp_s)
        forced = -left / (1 - lag_s / self.tau_s)
        free = after_ramp - self.target - forced
        return (
            self.target + forced * math.exp(-rest_s / self.tau_s) + free * math.exp(-rest_s / lag_s)
        )


@dataclass(frozen=True, slots=True)
class Swing(Approach):
    """An approach that overshoots: from the change-over on it swings about the target.

    As exp(-u) cos(u), u in `tau_s`, it goes beyond by `OVERSHOOT` of what was left at the
    change-over. A body that lags behind it is not modelled.
    """

    def at(self, elapsed_s: float) -> float:
        ramp_s = self._ramp_s
        if elapsed_s <= ramp_s:
            return self.start + self._slope * elapsed_s
        left = self.target - (self.start + self._slope * ramp_s)
        swings = (elapsed_s - ramp_s) / self.tau_s
        return self.target - left * math.exp(-swings) * math.cos(swings)

    @property
    def overshoot(self) -> float:
        """Return how far beyond the target it goes at most, without its sign."""
        left = self.target - (self.start + self._slope * self._ramp_s)
        return OVERSHOOT * abs(left)


OVERSHOOT = math.exp(-0.75 * math.pi) * math.sqrt(0.5)
"""What `Swing` goes beyond its target, as a share of what was left at the change-over: 6.7 %."""
