"""Siglent SDM3065X digital multimeter: DC volts and 4-wire ohms, 6.5 digits, in Keysight's words.

Sources: public clients (FUNCtion, NPLC 0.005 to 100, ABORt, READ?) and public summaries of
Siglent's remote manual (SYSTem:ERRor?, NULL, CALCulate:SCALe). Accuracy is recalled and rounded up
from the data sheet: look it up before it enters a budget. The rules, beside those of the 34461A:
- Each command goes alone, with its whole header: no source says that it takes several in a line.
- One client at a time; after an unclean end VXI-11 keeps it locked for minutes, so its raw socket
  is used, not the console of port 5024. Nothing is known of a memory that wears or a watchdog.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.instruments.keysight_34461a.driver import Keysight34461a, dc_volts
from sensorbench.instruments.specification import Specification, Within
from sensorbench.protocols.scpi import send


class SiglentSdm3065x(Keysight34461a):
    """Digital multimeter. It autoranges unless somebody fixed a range at the front panel.

    `nplc` is over how many power line cycles it integrates (0.005, 0.05, 0.5, 1, 10, 100); without
    it what somebody set stays. Raises SetpointError for another number.
    """

    MODEL: ClassVar[str] = "SDM3065X"
    INTEGRATIONS_NPLC: ClassVar[tuple[float, ...]] = (0.005, 0.05, 0.5, 1.0, 10.0, 100.0)

    # Within a year at 18 to 28 degC.
    voltage = dc_volts(
        Specification(
            Within(0.2, 50e-6, 40e-6 * 0.2),
            Within(2.0, 40e-6, 10e-6 * 2.0),
            Within(20.0, 40e-6, 10e-6 * 20.0),
            Within(200.0, 55e-6, 10e-6 * 200.0),
            Within(1000.0, 55e-6, 10e-6 * 1000.0),
        )
    )

    def _choose(self, function: str) -> None:
        for command in (
            f'FUNC "{function}"',
            "TRIG:SOUR IMM",
            "TRIG:COUN 1",
            "SAMP:COUN 1",
            f"{function}:NULL:STAT OFF",
        ):
            self._line.write(command)
        send(self._line, "CALC:SCAL:STAT OFF")
