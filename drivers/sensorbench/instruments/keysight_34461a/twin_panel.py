"""The simulated 34461A's front panel and options: what does not touch a reading.

Source: QCoDeS, Keysight_344xxA_submodules.py (DISPlay, *OPT?, SYSTem:LFRequency?);
ROUTe:TERMinals?, SYSTem:BEEPer, :LOCal, :REMote and :RWLock recalled from the Truevolt operating
guide.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.protocols.scpi_device import ScpiStatusDevice, scpi
from sensorbench.protocols.scpi_parameters import Flag, Text

_LONGEST_TEXT = 40


class Panel(ScpiStatusDevice):
    """Display, beeper, the Front/Rear button. `rear_terminals` is where that button stands.

    `control` is who may press keys: "local" anybody, "remote" who presses Local first, "locked"
    nobody.
    """

    LINE_HZ: ClassVar[float] = 50.0
    rear_terminals = False
    beeps = 0
    control = "local"

    _display_on, _shown, _beeper_on = True, "", True

    def reset(self) -> None:
        self._display_on, self._shown = True, ""

    @scpi("*OPT?")
    def _options(self) -> str:
        return "0"

    @scpi(":SYSTem:LFRequency?")
    def _line_frequency(self) -> str:
        return f"{self.LINE_HZ:.0f}"

    @scpi(":ROUTe:TERMinals?")
    def _terminals(self) -> str:
        return "REAR" if self.rear_terminals else "FRON"

    @scpi(":DISPlay[:STATe]", Flag())
    def _set_display(self, on: bool) -> None:
        self._display_on = on

    @scpi(":DISPlay[:STATe]?")
    def _get_display(self) -> str:
        return str(int(self._display_on))

    @scpi(":DISPlay:TEXT[:DATA]", Text())
    def _show(self, text: str) -> None:
        self._shown = text[:_LONGEST_TEXT]

    @scpi(":DISPlay:TEXT[:DATA]?")
    def _get_shown(self) -> str:
        return '"{}"'.format(self._shown.replace('"', '""'))

    @scpi(":DISPlay:TEXT:CLEar")
    def _clear_shown(self) -> None:
        self._shown = ""

    @scpi(":SYSTem:REMote", bound=("remote",))
    @scpi(":SYSTem:RWLock", bound=("locked",))
    @scpi(":SYSTem:LOCal", bound=("local",))
    def _set_control(self, control: str) -> None:
        self.control = control

    @scpi(":SYSTem:BEEPer[:IMMediate]")
    def _beep(self) -> None:
        self.beeps += 1

    @scpi(":SYSTem:BEEPer:STATe", Flag())
    def _set_beeper(self, on: bool) -> None:
        self._beeper_on = on

    @scpi(":SYSTem:BEEPer:STATe?")
    def _get_beeper(self) -> str:
        return str(int(self._beeper_on))
