"""The simulated 34970A's channels: lists of them, and what each is set to.

Source: Agilent 34970A user guide, pages 78, 104, 228 (lists, CONFigure); errors, ranges and *RST
values recalled; Seebeck coefficients at 25 degC as every table of thermocouples has them, rounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sensorbench.protocols.scpi_parameters import Limit, bounded
from sensorbench.protocols.scpi_status import ScpiError

SLOT_CHANNELS = 20
_LIST = re.compile(r"\(\s*@\s*(\d+(?::\d+)?(?:\s*,\s*\d+(?::\d+)?)*)?\s*\)")
RANGES_V = {
    0.1: (0.0050, 0.0035),
    1.0: (0.0040, 0.0007),
    10.0: (0.0035, 0.0005),
    100.0: (0.0045, 0.0006),
    300.0: (0.0045, 0.0030),
}
RESOLUTION = {
    0.02: 1e-4, 0.2: 1e-5, 1.0: 3e-6, 2.0: 2.2e-6, 10.0: 1e-6, 20.0: 8e-7, 100.0: 3e-7,
    200.0: 2.2e-7,
}  # fmt: skip
SEEBECK = {
    "B": 1.0, "E": 61.0, "J": 52.0, "K": 41.0, "N": 27.0, "R": 6.0, "S": 6.0, "T": 43.0
}  # fmt: skip
PROBES = {
    "TC": tuple(SEEBECK), "RTD": ("85", "91"), "FRTD": ("85", "91"),
    "THER": ("2252", "5000", "10000"),
}  # fmt: skip
_OVERRANGE, _OVERRANGE_LARGEST = 1.2, 1.0


class ScanList:
    """A list of channels such as (@101:103,205) or, where it may be empty, (@)."""

    def parse(self, token: str) -> tuple[int, ...]:
        """Return its channels, ascending. Raises ScpiError for one that can't be there."""
        match = _LIST.fullmatch(token)
        if not match:
            raise ScpiError(-104)
        found: set[int] = set()
        for part in (match[1] or "").replace(" ", "").split(","):
            if part:
                first, last = (int(end) for end in (part.split(":") * 2)[:2])
                self._check(first, last)
                found |= set(range(first, last + 1))
        return tuple(sorted(found))

    def _check(self, first: int, last: int) -> None:
        if first // 100 not in (1, 2, 3) or first // 100 != last // 100:
            raise ScpiError(111, "Channel list: slot number out of range")
        if not 1 <= first % 100 <= last % 100 <= SLOT_CHANNELS:
            raise ScpiError(112, "Channel list: channel number out of range")


@dataclass(slots=True)
class Channel:
    """What a channel is set to; `probe` is its kind and type, where it measures temperature."""

    number: int
    function: str = "VOLT"
    probe: tuple[str, str] = ("TC", "J")
    nplc: float = 1.0
    fixed_range: float | None = None
    range_now: float = 10.0
    delay_s: float = 0.0
    auto_delay: bool = True
    autozero: bool = True
    scaled: bool = False
    gain: float = 1.0
    offset: float = 0.0
    scale_unit: str = ""
    unit: str = "C"

    def configure(self, function: str) -> None:
        """Take a function with the settings that CONFigure gives."""
        self.function, self.nplc, self.fixed_range, self.range_now = function, 1.0, None, 10.0
        self.delay_s, self.auto_delay, self.autozero, self.scaled = 0.0, True, True, False

    @property
    def lasts_s(self) -> float:
        """Return how long its reading takes at 50 Hz, with its relay."""
        delay_s = 1e-3 if self.auto_delay else self.delay_s
        return 3e-3 + delay_s + self.nplc / 50.0 * (2 if self.autozero else 1)

    @property
    def shown_unit(self) -> str:
        """Return the unit that is told with its reading."""
        if self.scaled and self.scale_unit:
            return self.scale_unit
        return "VDC" if self.function == "VOLT" else self.unit

    def fix(self, value: float | Limit | None) -> None:
        """Stay in the smallest range that holds a value, or choose it by what is measured."""
        if value is None or value is Limit.DEF:
            self.fixed_range = None
            return
        wanted = bounded(value, 0.0, 300.0, 10.0)
        self.fixed_range = self.range_now = next(r for r in RANGES_V if r >= wanted)

    def shows(self, volts: float) -> bool:
        """Return whether its range holds volts, choosing it where that is automatic."""

        def most(range_: float) -> float:
            return range_ * (_OVERRANGE_LARGEST if range_ == max(RANGES_V) else _OVERRANGE)

        if self.fixed_range is None:
            fits = (r for r in RANGES_V if abs(volts) <= most(r))
            self.range_now = next(fits, max(RANGES_V))
        return abs(volts) <= most(self.range_now)
