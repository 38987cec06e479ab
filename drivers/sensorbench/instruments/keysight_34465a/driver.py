"""Keysight 34465A digital multimeter: what the 34461A is, more accurate, with an aperture in s.

Source: QCoDeS, Keysight_344xxA_submodules.py (integrations with the digitizer, which firmware 3 has
always; aperture; counts before the trigger); accuracy and resolution recalled from the data sheet:
check them before they enter a budget. Beside the rules of the 34461A:
- An aperture that somebody set is in the place of NPLC, up to 2 s: it is asked for with each
  reading. `nplc` in station.toml ends it.
- A count of readings before the trigger has to be less than the count of samples: where it stands
  in the way (-221, recalled), it is put to 0.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.core.errors import InstrumentError, ProtocolError
from sensorbench.instruments.keysight_34461a.driver import Keysight34461a, dc_volts
from sensorbench.instruments.specification import Specification, Within
from sensorbench.protocols.scpi import parse_flag, parse_number, send

_SETTINGS_CONFLICT = -221
_LONGEST_APERTURE_S = 2.0


class Keysight34465a(Keysight34461a):
    """Digital multimeter. It autoranges unless somebody fixed a range at the front panel.

    `nplc` is over how many power line cycles it integrates (0.02, 0.06, 0.2, 1, 10, 100, and from
    firmware 3 on or with the digitizer option 0.001, 0.002, 0.006); without it what somebody set
    stays. Raises SetpointError for another number.
    """

    MODEL: ClassVar[str] = "34465A"
    INTEGRATIONS_NPLC: ClassVar[tuple[float, ...]] = (
        0.001, 0.002, 0.006, 0.02, 0.06, 0.2, 1.0, 10.0, 100.0
    )  # fmt: skip

    # Within a year at 18 to 28 degC, as of the 34461A.
    voltage = dc_volts(
        Specification(
            Within(0.1, 40e-6, 35e-6 * 0.1),
            Within(1.0, 35e-6, 6e-6 * 1.0),
            Within(10.0, 30e-6, 4e-6 * 10.0),
            Within(100.0, 40e-6, 6e-6 * 100.0),
            Within(1000.0, 40e-6, 6e-6 * 1000.0),
        )
    )

    def _choose(self, function: str) -> None:
        try:
            super()._choose(function)
        except InstrumentError as refused:
            if refused.code != _SETTINGS_CONFLICT:
                raise
            send(self._line, "SAMP:COUN:PRET 0")
            super()._choose(function)

    def _integration_s(self, function: str) -> float:
        """Return over how many seconds it integrates, whichever way somebody set that."""
        if not parse_flag(self._line.query(f"{function}:APER:ENAB?"), f"{function}:APER:ENAB?"):
            return super()._integration_s(function)
        command = f"{function}:APER?"
        aperture_s = parse_number(self._line.query(command), command)
        if not 0 < aperture_s <= _LONGEST_APERTURE_S:
            raise ProtocolError(
                f"{self.name}: {command!r} answered {aperture_s:g}, at most "
                f"{_LONGEST_APERTURE_S:g} s can be"
            )
        return aperture_s
