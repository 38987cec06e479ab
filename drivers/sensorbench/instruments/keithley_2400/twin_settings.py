"""The simulated 2400's settings that drive nothing by themselves.

Source: PyMeasure, keithley2400.py (headers, ends), QCoDeS, Keithley_2400.py, and a public summary
of the user's manual 2400S-900-01 (ranges, filter; *OPT? table 16-1); values after *RST recalled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sensorbench.protocols.scpi_device import ScpiStatusDevice, scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Flag,
    Limit,
    Maybe,
    Number,
    Parameter,
    bounded,
)
from sensorbench.protocols.scpi_status import ScpiError

F = TypeVar("F", bound=Callable[..., "str | None"])

SENSED = {"VOLT": "VOLTage[:DC]", "CURR": "CURRent[:DC]", "RES": "RESistance"}
SOURCED = {"VOLT": "VOLTage", "CURR": "CURRent"}
_UNITS = {"VOLT": "V", "CURR": "A", "RES": "OHM"}
_RANGES = {
    "VOLT": (0.2, 2.0, 20.0, 200.0),
    "CURR": tuple(10.0**power for power in range(-6, 1)),
    "RES": tuple(2.0 * 10.0**power for power in range(1, 9)),
}
_OVERRANGE = 1.055
_LONGEST_DELAY_S, _SUPPLY_HZ = 999.9999, 50.0


def shown(value: float) -> str:
    """Return a number as the 2400 does.

    >>> shown(0.1)
    '+1.000000E-01'
    """
    return f"{value:+.6E}"


def each(
    pattern: str,
    functions: dict[str, str],
    parameters: Callable[[str], tuple[Parameter, ...]] = lambda _: (),
) -> Callable[[F], F]:
    """Declare a method for each function, whose name is its first argument; `{}` is its header."""

    def mark(function: F) -> F:
        for name, header in functions.items():
            function = scpi(pattern.format(header), *parameters(name), bound=(name,))(function)
        return function

    return mark


def of_unit(name: str) -> tuple[Parameter, ...]:
    """Return one number in a function's unit."""
    return (Number(_UNITS[name]),)


class AutoZero:
    """ON, OFF or ONCE, which leaves it off."""

    def parse(self, token: str) -> bool:
        """Return whether it is on from then on."""
        return token.upper() != "ONCE" and Flag().parse(token)


def range_of(name: str, value: float | Limit) -> float:
    """Return the smallest range that holds a value. Raises ScpiError -222 where none does."""
    ranges = _RANGES[name]
    most = _OVERRANGE * ranges[-1]
    wanted = abs(bounded(value, -most, most, ranges[-1]))
    return next((found for found in ranges if wanted <= _OVERRANGE * found), ranges[-1])


class Settings(ScpiStatusDevice):
    """What can be set beside the source. A value beyond a fixed range overflows."""

    _level: dict[str, float]
    _line_hz, _auto_line = 50.0, True  # *RST leaves them

    def reset(self) -> None:
        self._nplc = 1.0
        self._range = {name: ranges[0] for name, ranges in _RANGES.items()}
        self._autorange = dict.fromkeys(SENSED, True)
        self._source_range = {name: _RANGES[name][0] for name in SOURCED}
        self._source_autorange = dict.fromkeys(SOURCED, True)
        self._autozero, self._remote_sense, self._auto_ohms = True, False, True
        self._filtered, self._filter, self._filter_count = False, "REP", 10
        self._delay_s, self._auto_delay = 0.0, True
        self._terminals, self._off_state, self._displays = "FRON", "NORM", True

    def _measured_in(self, name: str, value: float) -> bool:
        """Return whether a range holds a value, choosing it where that is automatic."""
        if self._autorange[name]:
            self._range[name] = range_of(name, min(abs(value), _RANGES[name][-1]))
        return abs(value) <= _OVERRANGE * self._range[name]

    def _check_level(self, name: str, level: float) -> None:
        """Raise ScpiError -222 for a level beyond a fixed source range; else follow it."""
        if self._source_autorange[name]:
            self._source_range[name] = range_of(name, level)
        elif abs(level) > _OVERRANGE * self._source_range[name]:
            raise ScpiError(-222)

    # -- what is measured ------------------------------------------------------------------

    @each("[:SENSe]:{}:NPLCycles", SENSED, lambda _: (Number(),))
    def _set_nplc(self, _name: str, nplc: float | Limit) -> None:
        self._nplc = bounded(nplc, 0.01, 10.0, 1.0)  # one for all functions

    @each("[:SENSe]:{}:NPLCycles?", SENSED)
    def _get_nplc(self, _name: str) -> str:
        return f"{self._nplc:.2f}"

    @each("[:SENSe]:{}:RANGe[:UPPer]", SENSED, of_unit)
    def _set_range(self, name: str, value: float | Limit) -> None:
        self._range[name], self._autorange[name] = range_of(name, value), False

    @each("[:SENSe]:{}:RANGe[:UPPer]?", SENSED)
    def _get_range(self, name: str) -> str:
        return shown(self._range[name])

    @each("[:SENSe]:{}:RANGe:AUTO", SENSED, lambda _: (Flag(),))
    def _set_autorange(self, name: str, on: bool) -> None:
        self._autorange[name] = on

    @each("[:SENSe]:{}:RANGe:AUTO?", SENSED)
    def _get_autorange(self, name: str) -> str:
        return str(int(self._autorange[name]))

    @scpi("[:SENSe]:RESistance:MODE", Choice("MANual", "AUTO"))
    def _set_ohms(self, mode: str) -> None:
        self._auto_ohms = mode == "AUTO"

    @scpi("[:SENSe]:RESistance:MODE?")
    def _get_ohms(self) -> str:
        return "AUTO" if self._auto_ohms else "MAN"

    @scpi("[:SENSe]:AVERage[:STATe]", Flag())
    def _set_filtered(self, on: bool) -> None:
        self._filtered = on

    @scpi("[:SENSe]:AVERage[:STATe]?")
    def _is_filtered(self) -> str:
        return str(int(self._filtered))

    @scpi("[:SENSe]:AVERage:TCONtrol", Choice("REPeat", "MOVing"))
    def _set_filter(self, kind: str) -> None:
        self._filter = kind

    @scpi("[:SENSe]:AVERage:TCONtrol?")
    def _get_filter(self) -> str:
        return self._filter

    @scpi("[:SENSe]:AVERage:COUNt", Number())
    def _set_filter_count(self, count: float | Limit) -> None:
        self._filter_count = round(bounded(count, 1, 100, 10))

    @scpi("[:SENSe]:AVERage:COUNt?")
    def _get_filter_count(self) -> str:
        return str(self._filter_count)

    # -- what is sourced -------------------------------------------------------------------

    @each(":SOURce:{}:RANGe", SOURCED, of_unit)
    def _set_source_range(self, name: str, value: float | Limit) -> None:
        found = range_of(name, value)
        if abs(self._level[name]) > _OVERRANGE * found:
            raise ScpiError(-221)
        self._source_range[name], self._source_autorange[name] = found, False

    @each(":SOURce:{}:RANGe?", SOURCED)
    def _get_source_range(self, name: str) -> str:
        return shown(self._source_range[name])

    @each(":SOURce:{}:RANGe:AUTO", SOURCED, lambda _: (Flag(),))
    def _set_source_autorange(self, name: str, on: bool) -> None:
        self._source_autorange[name] = on
        self._check_level(name, self._level[name])

    @each(":SOURce:{}:RANGe:AUTO?", SOURCED)
    def _get_source_autorange(self, name: str) -> str:
        return str(int(self._source_autorange[name]))

    @scpi(":SOURce:DELay", Number("S"))
    def _set_delay(self, seconds: float | Limit) -> None:
        self._delay_s, self._auto_delay = bounded(seconds, 0.0, _LONGEST_DELAY_S, 0.0), False

    @scpi(":SOURce:DELay?")
    def _get_delay(self) -> str:
        return f"{self._delay_s:.5f}"

    @scpi(":SOURce:DELay:AUTO", Flag())
    def _set_auto_delay(self, on: bool) -> None:
        self._auto_delay = on

    @scpi(":SOURce:DELay:AUTO?")
    def _get_auto_delay(self) -> str:
        return str(int(self._auto_delay))

    # -- where and how ----------------------------------------------------------------------

    @scpi(":ROUTe:TERMinals?")
    def _get_terminals(self) -> str:
        return self._terminals

    @scpi(":OUTPut:SMODe", Choice("HIMPedance", "NORMal", "ZERO", "GUARd"))
    def _set_off_state(self, state: str) -> None:
        self._off_state = state

    @scpi(":OUTPut:SMODe?")
    def _get_off_state(self) -> str:
        return self._off_state

    @scpi(":SYSTem:RSENse?")
    def _get_remote_sense(self) -> str:
        return str(int(self._remote_sense))

    @scpi(":SYSTem:AZERo[:STATe]", AutoZero())
    def _set_autozero(self, on: bool) -> None:
        self._autozero = on

    @scpi(":SYSTem:AZERo[:STATe]?")
    def _get_autozero(self) -> str:
        return str(int(self._autozero))

    @scpi("*OPT?")
    def _options(self) -> str:
        return "0"

    @scpi(":SYSTem:LFRequency", Number("HZ"))
    def _set_line_frequency(self, hertz: float | Limit) -> None:
        wanted = bounded(hertz, 50.0, 60.0, 60.0)
        if wanted not in {50.0, 60.0}:
            raise ScpiError(-222)
        self._line_hz, self._auto_line = wanted, False

    @scpi(":SYSTem:LFRequency?")
    def _line_frequency(self) -> str:
        return f"{self._line_hz:.0f}"

    @scpi(":SYSTem:LFRequency:AUTO", Flag())
    def _set_auto_line(self, on: bool) -> None:
        self._auto_line = on
        if on:
            self._line_hz = _SUPPLY_HZ

    @scpi(":SYSTem:LFRequency:AUTO?")
    def _is_auto_line(self) -> str:
        return str(int(self._auto_line))

    @scpi(":SYSTem:BEEPer[:IMMediate]", Maybe(Number("HZ")), Maybe(Number("S")))
    def _beep(self, _frequency: float | Limit | None, _seconds: float | Limit | None) -> None:
        """It is heard by nobody."""

    @scpi(":DISPlay:ENABle", Flag())
    def _display(self, on: bool) -> None:
        self._displays = on

    @scpi(":DISPlay:ENABle?")
    def _does_display(self) -> str:
        return str(int(self._displays))

    @scpi(":SYSTem:CLEar")
    def _clear_errors(self) -> None:
        while self.status.pop()[0]:
            pass
