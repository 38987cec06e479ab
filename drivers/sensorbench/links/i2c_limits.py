"""What I2C adapters can do, as each declares it: known before anything is opened."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What an adapter can do.

    `longest_write` and `longest_read` are bytes of one message without a stop, the speeds are in
    Hz of the clock. `stretch_s` is how long a part may hold the clock low within a byte.
    """

    longest_write: int
    longest_read: int
    slowest_hz: float = 0.0
    fastest_hz: float = math.inf
    stretch_s: float = math.inf
    address_alone: bool = True
    repeated_start: bool = True

    def refused(self, write: int, read: int) -> str:
        """Return why a transfer of so many bytes can't be done, "" where it can.

        >>> Limits(60, 60).refused(1, 61)
        'reads at most 60 bytes without a stop, not 61'
        """
        if write > self.longest_write:
            return f"writes at most {self.longest_write} bytes without a stop, not {write}"
        if read > self.longest_read:
            return f"reads at most {self.longest_read} bytes without a stop, not {read}"
        if not write and not read and not self.address_alone:
            return "can't send an address alone"
        if write and read and not self.repeated_start:
            return "can't read after a write without a stop"
        return ""

    def speed_refused(self, speed_hz: float) -> str:
        """Return why a clock of `speed_hz` can't be had, "" where it can.

        >>> Limits(60, 60, 47e3, 400e3).speed_refused(1e6)
        'does 47 to 400 kHz, not 1000'
        """
        if self.slowest_hz <= speed_hz <= self.fastest_hz:
            return ""
        return (
            f"does {self.slowest_hz / 1e3:g} to {self.fastest_hz / 1e3:g} kHz, not "
            f"{speed_hz / 1e3:g}"
        )
