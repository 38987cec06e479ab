"""Accuracy specifications: how far a reading may be off, by value and time since calibration.

A data sheet's limits of error are those of a rectangular distribution (JCGM 100:2008, 4.3.7): their
standard uncertainty is the limit over the square root of 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

YEAR_D = 365.0


@dataclass(frozen=True, slots=True)
class Within:
    """The limit of error of readings up to `up_to` of either sign, `days` after a calibration.

    It is `of_reading`, a share, of the reading, and `beside` in the canonical unit: a data sheet's
    share of the range, times that range.
    """

    up_to: float
    of_reading: float
    beside: float
    days: float = YEAR_D

    def limit(self, value: float) -> float:
        """Return the limit of error of a reading."""
        return self.of_reading * abs(value) + self.beside


class Specification:
    """The rows of a data sheet's table; what lies beyond them is not specified."""

    def __init__(self, *rows: Within) -> None:
        self.rows: Sequence[Within] = sorted(rows, key=lambda row: (row.days, row.up_to))

    def limit(self, value: float, days: float = 0.0) -> float | None:
        """Return the limit of error of a reading so long after calibration, None beyond the table.

        >>> volts = Specification(Within(1.0, 40e-6, 7e-6), Within(10.0, 35e-6, 50e-6))
        >>> round(volts.limit(5.0) * 1e6), volts.limit(5.0, days=400.0)
        (225, None)
        """
        for row in self.rows:
            if days <= row.days and abs(value) <= row.up_to * (1 + 1e-9):
                return row.limit(value)
        return None

    def expanded(self, low: float, high: float, days: float) -> float | None:
        """Return the expanded uncertainty (k = 2) of the worst reading between two, None beyond.

        Limits jump up where a range ends, so that the worst is at an end of one.
        """
        ends = {low, high}
        ends |= {s * row.up_to for row in self.rows for s in (-1, 1) if low < s * row.up_to < high}
        found = [self.limit(value, days) for value in ends]
        known = [limit for limit in found if limit is not None]
        return 2.0 * max(known) / math.sqrt(3.0) if len(known) == len(found) else None

    def told(self, unit: str) -> str:
        """Return the table in words.

        >>> Specification(Within(10.0, 35e-6, 50e-6)).told("V")
        '0.0035 % of reading + 5e-05 V up to 10 V for 365 d'
        """
        return "; ".join(
            f"{100 * row.of_reading:g} % of reading + {row.beside:g} {unit} up to {row.up_to:g} "
            f"{unit} for {row.days:g} d"
            for row in self.rows
        )
