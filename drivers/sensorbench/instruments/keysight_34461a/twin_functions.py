"""What the simulated 34461A can measure: functions, ranges, accuracy, resolution.

Source: accuracy from the Agilent 34401A service guide, gain verification (same class); resolution
and over-range recalled from the Truevolt operating guide.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensorbench.protocols.scpi_parameters import Limit, bounded
from sensorbench.protocols.scpi_status import ScpiError

# NPLC -> resolution as a share of the range
RESOLUTION = {0.02: 1e-5, 0.2: 1e-6, 1.0: 3e-7, 10.0: 1e-7, 100.0: 3e-8}
OVERRANGE = 1.2


@dataclass(slots=True)
class Function:
    """One measuring function: its ranges with accuracy, its settings.

    `ranges` gives the one-year accuracy of each range as percent of reading and of range;
    `overload_bit` is its bit in the questionable register.
    """

    unit: str
    ranges: dict[float, tuple[float, float]]
    default_range: float
    overload_bit: int
    nplc: float = 10.0
    autozero: bool = True
    fixed_range: float | None = None

    def reset(self) -> None:
        """Take the settings that *RST and CONFigure give."""
        self.nplc, self.autozero, self.fixed_range = 10.0, True, None

    def range_holding(self, value: float | Limit) -> float:
        """Return the smallest range that holds a value. Raises ScpiError -222 if none does."""
        expected = bounded(value, 0.0, max(self.ranges), self.default_range)
        return next(range_ for range_ in self.ranges if range_ >= expected)

    def range_for(self, value: float) -> float:
        """Return the range that a value is measured in, the largest for what fits in none."""
        if self.fixed_range is not None:
            return self.fixed_range
        fits = (range_ for range_ in self.ranges if abs(value) <= OVERRANGE * range_)
        return next(fits, max(self.ranges))


def volts() -> Function:
    """Return DC volts."""
    accuracy = {
        0.1: (0.0050, 0.0035),
        1.0: (0.0040, 0.0007),
        10.0: (0.0035, 0.0005),
        100.0: (0.0045, 0.0006),
        1000.0: (0.0045, 0.0010),
    }
    return Function("V", accuracy, 10.0, overload_bit=1)


def ohms() -> Function:
    """Return 4-wire ohms."""
    accuracy = {
        1e2: (0.010, 0.004),
        1e3: (0.010, 0.001),
        1e4: (0.010, 0.001),
        1e5: (0.010, 0.001),
        1e6: (0.010, 0.001),
        1e7: (0.040, 0.001),
        1e8: (0.800, 0.010),
    }
    return Function("OHM", accuracy, 1e3, overload_bit=512)


def nplc_for(resolution: float | Limit | None, range_: float) -> float:
    """Return the fewest power line cycles that give a resolution.

    Raises ScpiError -222 if none does.
    """
    if resolution is None or resolution is Limit.DEF:
        return 10.0
    if isinstance(resolution, Limit):
        return 100.0 if resolution is Limit.MIN else 0.02
    for nplc, share in RESOLUTION.items():
        if share * range_ <= resolution * (1 + 1e-9):
            return nplc
    raise ScpiError(-222)
