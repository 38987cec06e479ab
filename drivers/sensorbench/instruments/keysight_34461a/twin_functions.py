"""What the simulated 34461A can measure: functions, ranges, accuracy, resolution.

Source: accuracy of DC volts and 4-wire ohms from the Agilent 34401A service guide, gain
verification (same class), that of the others recalled from the Truevolt data sheet; resolution by
NPLC from QCoDeS, Keysight_344xxA_submodules.py; over-range and temperature conversion recalled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from sensorbench.protocols.scpi_parameters import Limit, bounded
from sensorbench.protocols.scpi_status import ScpiError

# NPLC -> resolution as a share of the range
RESOLUTION = {0.02: 1e-4, 0.2: 1e-5, 1.0: 3e-6, 10.0: 1e-6, 100.0: 3e-7}
OVERRANGE = 1.2
_VOLTS_BIT, _AMPERES_BIT, _OHMS_BIT, _TEMPERATURE_BIT = 1, 2, 512, 16


@dataclass(slots=True)
class Function:
    """One measuring function: its ranges with accuracy, its settings.

    `ranges` gives the one-year accuracy of each range as percent of reading and of range;
    `overload_bit` is its bit in the questionable register. `integrates` is whether it has NPLC
    and autozero; what has not takes `seconds`, which its filter or gate sets. `resolutions` are
    shares of the range by NPLC; `aperture_s` is in the place of NPLC where it is set. `range_now`
    is the range that it was last in, `null_value` what is taken off a reading while `nulled`, None
    until a first reading.
    """

    unit: str
    ranges: Mapping[float, tuple[float, float]]
    default_range: float
    overload_bit: int
    integrates: bool = True
    seconds: float = 0.0
    resolutions: Mapping[float, float] = field(default_factory=lambda: RESOLUTION)
    nplc: float = 10.0
    aperture_s: float | None = None
    autozero: bool = True
    nulled: bool = False
    null_value: float | None = 0.0
    fixed_range: float | None = None
    range_now: float = 0.0

    usual_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.usual_s = self.seconds
        self.reset()

    def reset(self) -> None:
        """Take the settings that *RST and CONFigure give."""
        self.nplc, self.aperture_s, self.autozero, self.fixed_range = 10.0, None, True, None
        self.nulled, self.null_value = False, 0.0
        self.range_now, self.seconds = self.default_range, self.usual_s

    @property
    def resolution(self) -> float:
        """Return the resolution in its unit, at the present range and NPLC."""
        return self.resolutions[self.nplc if self.integrates else 10.0] * self.range_now

    def integrate(self, nplc: float) -> None:
        """Integrate over power line cycles: the next number of them that it has."""
        self.nplc = next(known for known in self.resolutions if known >= nplc)
        self.aperture_s = None

    def nplc_for(self, resolution: float | Limit | None, range_: float) -> float:
        """Return the fewest power line cycles that give a resolution.

        Raises ScpiError -222 if none does.
        """
        if resolution is None or resolution is Limit.DEF:
            return 10.0
        if isinstance(resolution, Limit):
            return max(self.resolutions) if resolution is Limit.MIN else min(self.resolutions)
        for nplc, share in self.resolutions.items():
            if share * range_ <= resolution * (1 + 1e-9):
                return nplc
        raise ScpiError(-222)

    def lasts_s(self, line_hz: float) -> float:
        """Return the seconds that one reading takes."""
        if not self.integrates:
            return self.seconds
        return self.integrated_s(line_hz) * (2 if self.autozero else 1)

    def integrated_s(self, line_hz: float) -> float:
        """Return over how many seconds it integrates."""
        return self.nplc / line_hz if self.aperture_s is None else self.aperture_s

    def fix(self, range_: float | None) -> None:
        """Stay in a range, or with None choose it by what is measured."""
        self.fixed_range = range_
        self.range_now = range_ or self.range_now

    def range_holding(self, value: float | Limit) -> float:
        """Return the smallest range that holds a value. Raises ScpiError -222 if none does."""
        expected = bounded(value, 0.0, max(self.ranges), self.default_range)
        return next(range_ for range_ in self.ranges if range_ >= expected)

    def range_for(self, value: float) -> float:
        """Return the range that a value is measured in, the largest for what fits in none."""
        if self.fixed_range is None:
            fits = (range_ for range_ in self.ranges if abs(value) <= OVERRANGE * range_)
            self.range_now = next(fits, max(self.ranges))
        return self.range_now


DC_VOLTS = {
    0.1: (0.0050, 0.0035),
    1.0: (0.0040, 0.0007),
    10.0: (0.0035, 0.0005),
    100.0: (0.0045, 0.0006),
    1000.0: (0.0045, 0.0010),
}
_AC_VOLTS = dict.fromkeys((0.1, 1.0, 10.0, 100.0, 750.0), (0.06, 0.03))
_DC_AMPERES = {
    1e-4: (0.050, 0.025),
    1e-3: (0.050, 0.006),
    1e-2: (0.050, 0.020),
    1e-1: (0.050, 0.005),
    1.0: (0.100, 0.010),
    3.0: (0.200, 0.020),
    10.0: (0.120, 0.010),
}
_AC_AMPERES = dict.fromkeys(_DC_AMPERES, (0.10, 0.04))
OHMS = {
    1e2: (0.010, 0.004),
    1e3: (0.010, 0.001),
    1e4: (0.010, 0.001),
    1e5: (0.010, 0.001),
    1e6: (0.010, 0.001),
    1e7: (0.040, 0.001),
    1e8: (0.800, 0.010),
}
_AC_VOLT_SECONDS, _AC_AMPERE_SECONDS = 0.625, 0.25  # the filter of 20 Hz has settled
_GATE_SECONDS = 0.1


def all_functions(
    resolutions: Mapping[float, float],
    dc_volts: Mapping[float, tuple[float, float]],
    ohms: Mapping[float, tuple[float, float]],
) -> dict[str, Function]:
    """Return the functions by their short names, each with the settings of *RST.

    TEMPerature measures ohms and has no range of its own; CONTinuity and DIODe have one range, and
    those of FREQuency and PERiod are of the voltage.
    """

    def integrating(
        unit: str, ranges: Mapping[float, tuple[float, float]], default: float, bit: int
    ) -> Function:
        return Function(unit, ranges, default, bit, resolutions=resolutions)

    return {
        "VOLT": integrating("V", dc_volts, 10.0, _VOLTS_BIT),
        "VOLT:AC": Function("V", _AC_VOLTS, 10.0, _VOLTS_BIT, False, _AC_VOLT_SECONDS, resolutions),
        "CURR": integrating("A", _DC_AMPERES, 1.0, _AMPERES_BIT),
        "CURR:AC": Function(
            "A", _AC_AMPERES, 1.0, _AMPERES_BIT, False, _AC_AMPERE_SECONDS, resolutions
        ),
        "RES": integrating("OHM", ohms, 1e3, _OHMS_BIT),
        "FRES": integrating("OHM", ohms, 1e3, _OHMS_BIT),
        "TEMP": integrating("OHM", ohms, 1e3, _TEMPERATURE_BIT),
        "FREQ": Function("HZ", _AC_VOLTS, 10.0, 0, False, _GATE_SECONDS),
        "PER": Function("S", _AC_VOLTS, 10.0, 0, False, _GATE_SECONDS),
        "CONT": Function("OHM", {1e3: (0.010, 0.020)}, 1e3, _OHMS_BIT, False, 0.01),
        "DIOD": Function("V", {5.0: (0.010, 0.020)}, 5.0, _VOLTS_BIT, False, 0.01),
    }


def platinum_c(resistance_ohm: float, at_zero_ohm: float) -> float:
    """Return the temperature of a platinum resistor in degC, nan where it can't be one.

    Source: IEC 60751 (0.385 %/K), below 0 degC by Newton's method.

    >>> round(platinum_c(138.5055, 100.0), 3), round(platinum_c(60.2558, 100.0), 3)
    (100.0, -100.0)
    """
    a, b, c = 3.9083e-3, -5.775e-7, -4.183e-12
    ratio = resistance_ohm / at_zero_ohm
    if not 0.18 <= ratio <= 3.91:  # -200 to 850 degC
        return math.nan
    temperature = (-a + math.sqrt(a * a - 4 * b * (1 - ratio))) / (2 * b)
    for _ in range(8 if ratio < 1 else 0):
        t = temperature
        value = 1 + a * t + b * t * t + c * (t - 100) * t**3
        slope = a + 2 * b * t + c * (4 * t**3 - 300 * t * t)
        temperature = t - (value - ratio) / slope
    return temperature
