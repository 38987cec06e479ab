"""What the simulated DMM6500 can measure: functions, ranges, accuracy, times.

Source: accuracy of ohms Keithley's data sheet, that of 10 V Keithley's calibration manual (25 ppm
of reading and 5 ppm of range), other volts, amperes and AC recalled; over-range of AC amperes the
data sheet; times of AC by detector bandwidth recalled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sensorbench.protocols.scpi_parameters import Limit, bounded

LINE_HZ = 50.0
LEAST_NPLC, MOST_NPLC = 0.0005, 12.0
_OVERRANGE, _OVERRANGE_LARGEST = 1.2, 1.01
_AC_SECONDS = {3.0: 1.6, 30.0: 0.25, 300.0: 0.03}
Accuracies = Mapping[float, tuple[float, float]]


@dataclass(slots=True)
class Function:
    """One measuring function, with its settings.

    `ranges` gives the one-year accuracy of each range as percent of reading and of range,
    `overranged` whether its largest range can be exceeded by a fifth, as the others. `relative` is
    taken off a reading where `relates`, which then goes through filter and math. What is not
    `is_readable` can be set up and not measured here. `gate_s` and the threshold are those of
    frequency and period, `bias_a` is what the diode test drives.
    """

    name: str
    unit: str
    ranges: Accuracies
    integrates: bool = True
    overranged: bool = False
    autorange: bool = True
    range_now: float = 0.0
    nplc: float = 1.0
    autozero: bool = True
    bandwidth_hz: float = 3.0
    digits: int = 6
    relates: bool = False
    relative: float = 0.0
    filters: bool = False
    moving: bool = False
    filter_count: int = 10
    filled: list[float] = field(default_factory=list)
    calculates: bool = False
    operation: str = "PERC"
    factor: float = 1.0
    offset: float = 0.0
    percent_of: float = 1.0
    is_readable: bool = True
    most_relative: float = 0.0
    gate_s: float = 0.2
    threshold_v: float = 750.0
    threshold_automatic: bool = True
    bias_a: float = 1e-3

    def __post_init__(self) -> None:
        self.range_now = max(self.ranges)
        self.most_relative = self.most_relative or _OVERRANGE * max(self.ranges)

    @property
    def is_ac(self) -> bool:
        """Return whether it measures what alternates."""
        return self.name.endswith(":AC")

    @property
    def lasts_s(self) -> float:
        """Return the seconds that one reading takes, without the filter."""
        if self.is_ac:
            return _AC_SECONDS[self.bandwidth_hz]
        if not self.integrates:
            return 0.01
        return self.nplc / LINE_HZ * (2 if self.autozero else 1)

    def _holds(self, range_: float) -> float:
        """Return the largest value that a range still shows."""
        is_largest = range_ == max(self.ranges) and not self.overranged
        return range_ * (_OVERRANGE_LARGEST if is_largest else _OVERRANGE)

    def range_of(self, value: float | Limit) -> float:
        """Return the smallest range that holds a value. Raises ScpiError -222 if none does."""
        most = max(self.ranges)
        wanted = abs(bounded(value, -_OVERRANGE * most, _OVERRANGE * most, most))
        return next((range_ for range_ in sorted(self.ranges) if wanted <= range_), most)

    def shows(self, value: float) -> bool:
        """Return whether its range holds a value, choosing it where that is automatic."""
        if self.autorange:
            fits = (range_ for range_ in sorted(self.ranges) if abs(value) <= self._holds(range_))
            self.range_now = next(fits, max(self.ranges))
        return abs(value) <= self._holds(self.range_now)

    def filtered(self, reading: float) -> float:
        """Return the mean of the last readings where a moving filter is on."""
        if not (self.filters and self.moving):
            return reading
        self.filled = [*self.filled, reading][-self.filter_count :]
        return math.fsum(self.filled) / len(self.filled)

    def calculated(self, reading: float) -> float:
        """Return what the math that is on makes of a reading."""
        if not self.calculates:
            return reading
        if self.operation == "MXB":
            return self.factor * reading + self.offset
        if self.operation == "REC":
            return 1.0 / reading if reading else math.inf
        return 100.0 * (reading - self.percent_of) / self.percent_of


_DC_VOLTS = {
    0.1: (0.0030, 0.0035),
    1.0: (0.0025, 0.0006),
    10.0: (0.0025, 0.0005),
    100.0: (0.0040, 0.0006),
    1000.0: (0.0040, 0.0006),
}
_OHMS = {
    1e1: (0.0085, 0.0020),
    1e2: (0.0085, 0.0020),
    1e3: (0.0075, 0.0006),
    1e4: (0.0075, 0.0006),
    1e5: (0.0075, 0.0010),
    1e6: (0.0100, 0.0006),
    1e7: (0.0400, 0.0010),
    1e8: (0.2000, 0.0030),
}
_DC_AMPERES = dict.fromkeys((1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 3.0), (0.05, 0.01))
_FARADS = dict.fromkeys((1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3), (0.4, 0.1))
_NO_RANGE = {1.0: (0.0, 0.0)}
_AC_AMPERES = {1e-4: (0.10, 0.07)} | dict.fromkeys((1e-3, 1e-2, 1e-1, 1.0, 3.0), (0.10, 0.04))


def all_functions() -> dict[str, Function]:
    """Return the functions by their names, each with the settings of *RST."""
    return {
        function.name: function
        for function in (
            Function("VOLT:DC", "V", _DC_VOLTS),
            Function("VOLT:AC", "V", dict.fromkeys((0.1, 1.0, 10.0, 100.0, 750.0), (0.06, 0.03))),
            Function("CURR:DC", "A", _DC_AMPERES),
            Function("CURR:AC", "A", _AC_AMPERES),
            Function("RES", "OHM", _OHMS, overranged=True),
            Function("FRES", "OHM", {1.0: (0.0085, 0.0200), **_OHMS}, overranged=True),
            Function("CONT", "OHM", {1e3: (0.010, 0.010)}, integrates=False, overranged=True),
            Function("DIOD", "V", {10.0: (0.010, 0.010)}),
            Function("CAP", "F", _FARADS, integrates=False, overranged=True),
            Function("TEMP", "", {850.0: (0.0, 0.0)}, is_readable=False, most_relative=3310.0),
            Function("FREQ:VOLT", "HZ", _NO_RANGE, False, is_readable=False, most_relative=1e6),
            Function("PER:VOLT", "S", _NO_RANGE, False, is_readable=False, most_relative=1.0),
            Function("VOLT:DC:RAT", "", dict(_DC_VOLTS), is_readable=False),
        )
    }
