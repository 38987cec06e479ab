"""A control loop of the simulated F4T, and its profiles: what is set, and where that is by now.

Sources: F4T user's guide, chapter 2 (steps of profiles) and chapter 5 (ramp action, profile end
action "hold"); TestEquity F4T manual, p. 46 (codes). Estimates: that terminating a profile holds
where it was, that ramping at startup is from the measured value when a loop is switched on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

AUTO, MANUAL, OFF = 10, 54, 62
ON_SETPOINT, ON_STARTUP, ON_BOTH = 85, 88, 13
_SECONDS = {57: 60.0, 39: 3600.0}  # a minute, an hour


@dataclass(slots=True)
class Loop:
    """What is set of a loop, in degC or %RH, and a ramp of its set point where one began."""

    set_point: float
    lowest: float
    highest: float
    mode: int = OFF
    ramp_action: int = OFF
    ramp_scale: int = 57
    ramp_rate: float = 1.0
    _ramp: tuple[float, float, float] | None = None  # from, since, units a second

    def rate(self, now: float) -> float | None:
        """Return how fast its set point moves, in units a second; None where it stands or jumps."""
        if self._ramp is None or self.closed(now) == self.set_point:
            return None
        return self._ramp[2]

    def closed(self, now: float) -> float:
        """Return the set point that it controls to at `now`."""
        if self._ramp is None:
            return self.set_point
        start, since, rate = self._ramp
        return _towards(start, self.set_point, rate * (now - since))

    def aim(self, set_point: float, now: float) -> None:
        """Take another set point; it is reached by a ramp where ramping is set so."""
        here, is_other = self.closed(now), set_point != self.set_point
        ramps = self.ramp_action in (ON_SETPOINT, ON_BOTH) and self.mode == AUTO and is_other
        self.set_point = set_point
        self._ramp = (here, now, self._per_second()) if ramps and self.ramp_rate > 0 else None

    def switch(self, mode: int, measured: float, now: float) -> None:
        """Take another control mode."""
        starts = mode == AUTO and self.mode != AUTO
        self.mode = mode
        if starts:
            ramps = self.ramp_action in (ON_STARTUP, ON_BOTH) and self.ramp_rate > 0
            self._ramp = (measured, now, self._per_second()) if ramps else None

    def hold(self, at: float) -> None:
        """Control to where a profile left off."""
        self._ramp = None
        self.set_point = at

    def _per_second(self) -> float:
        return self.ramp_rate / _SECONDS[self.ramp_scale]


@dataclass(frozen=True, slots=True)
class Step:
    """Move the temperature to `target_c` at `rate_k_per_s`, then soak for `soak_s`."""

    target_c: float
    rate_k_per_s: float
    soak_s: float


@dataclass(frozen=True, slots=True)
class Course:
    """Where the set point of a profile goes from its start on: one move a step."""

    moves: tuple[tuple[float, float, float, float], ...]  # after s, from, to, K/s
    ends_s: float

    @classmethod
    def of(cls, steps: Sequence[Step], start_c: float) -> Course:
        """Return the course of steps from a temperature on."""
        moves, after_s = [], 0.0
        for step in steps:
            moves.append((after_s, start_c, step.target_c, step.rate_k_per_s))
            after_s += abs(step.target_c - start_c) / step.rate_k_per_s + step.soak_s
            start_c = step.target_c
        return cls(tuple(moves), after_s)

    def step(self, elapsed_s: float) -> int:
        """Return which step it is at, from 0."""
        return max(k for k, move in enumerate(self.moves) if move[0] <= elapsed_s or k == 0)

    def set_point(self, elapsed_s: float) -> float:
        """Return the momentary set point."""
        after_s, start_c, target_c, rate = self.moves[self.step(elapsed_s)]
        return _towards(start_c, target_c, rate * (elapsed_s - after_s))

    def to_come(self, elapsed_s: float, now: float) -> list[tuple[float, float, float]]:
        """Return the moves from `elapsed_s` on, which is now: when, where to, how fast."""
        return [
            (max(now, now + after_s - elapsed_s), target_c, rate)
            for after_s, _, target_c, rate in self.moves[self.step(elapsed_s) :]
        ]


def _towards(start: float, target: float, by: float) -> float:
    if abs(target - start) <= by:
        return target
    return start + math.copysign(max(0.0, by), target - start)
