"""The alert of a simulated SHT3x: every periodic measurement against limits with a hysteresis.

Source: Sensirion, "Alert Mode of SHT3x- and STS3x-DIS" version 3.1, as summed up in
janhavelka/SHT3x-main docs/SHT3x_driver_extraction.md; that a flag once cleared comes back only
with a measurement beyond a set limit is a reading of ours.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.int64]

# After a reset (note, table of default limits): 80 %RH 60 degC, 79 58, 22 -9, 20 -10.
_DEFAULTS = {"high set": 0xCD33, "high clear": 0xC92D, "low clear": 0x3869, "low set": 0x3466}


class Alert:
    """Limits by name, as packed words; whether one was exceeded, and which quantity still is."""

    def __init__(self) -> None:
        self.limits = dict(_DEFAULTS)
        self.pending = True  # after a reset (data sheet table 18)
        self.humidity = self.temperature = False

    def clear(self) -> None:
        """Forget what was exceeded."""
        self.pending = self.humidity = self.temperature = False

    def track(self, temperature: Words, humidity: Words) -> None:
        """Hold measurements, words in the order they were taken, against the limits."""
        self.humidity = self._follow(self.humidity, humidity, 0xFE00, 0)
        self.temperature = self._follow(self.temperature, temperature, 0x01FF, 7)

    def _follow(self, was: bool, words: Words, mask: int, shift: int) -> bool:
        high_set, high_clear, low_clear, low_set = (
            (self.limits[name] & mask) << shift
            for name in ("high set", "high clear", "low clear", "low set")
        )
        if low_set > high_set:
            return False  # how its user switches it off
        exceeded = np.flatnonzero((words > high_set) | (words < low_set))
        cleared = np.flatnonzero((words <= high_clear) & (words >= low_clear))
        if len(exceeded):
            self.pending = True
        last_exceeded = int(exceeded[-1]) if len(exceeded) else -1
        last_cleared = int(cleared[-1]) if len(cleared) else -1
        return was if last_exceeded == last_cleared == -1 else last_exceeded >= last_cleared
