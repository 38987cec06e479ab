"""When a twin's conversions begin and end: the same numbers whoever asks, and how often.

Times are counted from the first conversion and never added up, so that a twin that was looked at a
thousand times is where one is that was not looked at.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_TOLERANCE_S, _TOLERANCE = 1e-9, 1e-14


def reached(now_s: float, due_s: float) -> bool:
    """Return whether it is `due_s` by now: a caller that waited exactly long enough has.

    A nanosecond of tolerance, and after weeks on the clock what sums of its floats lose.
    """
    return due_s <= now_s + _TOLERANCE_S + now_s * _TOLERANCE


class Conversions:
    """One conversion from `began_s` on, or one each `period_s`; each lasts `lasts_s`.

    `taken` is how many of them were latched. Without arguments there are none.
    """

    __slots__ = ("began_s", "lasts_s", "period_s", "taken")

    def __init__(
        self, began_s: float = math.inf, lasts_s: float = 0.0, period_s: float = math.inf
    ) -> None:
        self.began_s, self.lasts_s, self.period_s = began_s, lasts_s, period_s
        self.taken = 0

    @property
    def go_on(self) -> bool:
        """Return whether there is another conversion to come, or running."""
        return self.start_s(self.taken) < math.inf

    def start_s(self, number: int) -> float:
        """Return when conversion `number` starts, the first being 0; inf where there is none."""
        return self.began_s + number * self.period_s if number else self.began_s

    def end_s(self, number: int) -> float:
        """Return when conversion `number` ends."""
        return self.start_s(number) + self.lasts_s

    def ends_s(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return when conversions end that follow one another, shape (n,)."""
        return np.asarray(self.began_s + numbers * self.period_s + self.lasts_s, np.float64)

    def due(self, now_s: float) -> int:
        """Return how many ended by `now_s` and were not taken."""
        if not reached(now_s, self.end_s(self.taken)):
            return 0
        if self.period_s == math.inf:
            return 1
        since_s = now_s + _TOLERANCE_S + now_s * _TOLERANCE - self.end_s(0)
        return max(1, int(since_s // self.period_s) + 1 - self.taken)

    def due_before(self, at_s: float) -> int:
        """Return how many of those that were not taken ended before `at_s`."""
        ahead = max(0, math.ceil((at_s - self.end_s(0)) / self.period_s) - self.taken)
        while ahead and self.end_s(self.taken + ahead - 1) >= at_s:
            ahead -= 1
        return ahead

    def take(self, count: int = 1) -> float:
        """Take `count` of them and return when the last of these ended."""
        self.taken += count
        return self.end_s(self.taken - 1)

    def runs(self, now_s: float) -> bool:
        """Return whether one runs at `now_s`; what has ended by then was taken."""
        return reached(now_s, self.start_s(self.taken))
