"""The simulated 2450's settings that drive nothing by themselves: ranges, delays, counts.

Source: QCoDeS, Keithley_2450.py and sims/Keithley_2450.yaml, PyMeasure, keithley2450.py (headers,
`"CURR:DC"` as SENSe:FUNCtion? answers it); ranges and *RST values recalled from the 2450 reference
manual, where SENSe may be left out and SOURce may not. AVERage and OUTPut:SMODe: its
pages 6-31 and 6-43 to 6-45 (2450-901-01).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sensorbench.instruments.simulated_buffer import BufferedDevice
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Flag,
    Limit,
    Number,
    Parameter,
    Text,
    bounded,
)
from sensorbench.protocols.scpi_status import ScpiError

F = TypeVar("F", bound=Callable[..., "str | None"])

SENSED = {"VOLT": "VOLTage[:DC]", "CURR": "CURRent[:DC]", "RES": "RESistance"}
SOURCED = {"VOLT": "VOLTage", "CURR": "CURRent"}
_UNITS = {"VOLT": "V", "CURR": "A", "RES": "OHM"}
_FUNCTIONS = {
    "VOLT": "VOLT", "VOLTAGE": "VOLT", "CURR": "CURR", "CURRENT": "CURR", "RES": "RES",
    "RESISTANCE": "RES",
}  # fmt: skip
_ANSWERED = {"VOLT": "VOLT:DC", "CURR": "CURR:DC", "RES": "RES"}
_RANGES = {
    "VOLT": (0.02, 0.2, 2.0, 20.0, 200.0),
    "CURR": tuple(10.0**power for power in range(-8, 1)),
    "RES": (20.0, *(2.0 * 10.0**power for power in range(2, 9))),
}
_OVERRANGE = 1.05
_MOST_COUNT, _LONGEST_DELAY_S, _MOST_FILTER = 300_000, 10_000.0, 100
LINE_HZ = 50.0


def number(value: float) -> str:
    """Return a number as the 2450 does.

    >>> number(0.1)
    '1.000000E-01'
    """
    return f"{value:.6E}"


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


def sense(
    header: str, parameters: Callable[[str], tuple[Parameter, ...]] = lambda _: ()
) -> Callable[[F], F]:
    """Declare a method for each function that is measured."""
    return each("[:SENSe]:{}" + header, SENSED, parameters)


def source(
    header: str, parameters: Callable[[str], tuple[Parameter, ...]] = lambda _: ()
) -> Callable[[F], F]:
    """Declare a method for each function that is sourced."""
    return each(":SOURce:{}" + header, SOURCED, parameters)


def _flag(_: str) -> tuple[Parameter, ...]:
    return (Flag(),)


def _number(name: str) -> tuple[Parameter, ...]:
    return (Number(_UNITS[name]),)


def _plain(_: str) -> tuple[Parameter, ...]:
    return (Number(),)


def _seconds(_: str) -> tuple[Parameter, ...]:
    return (Number("S"),)


def _range(name: str, value: float | Limit) -> float:
    """Return the smallest range that holds a value. Raises ScpiError -222 where none does."""
    ranges = _RANGES[name]
    wanted = abs(bounded(value, -_OVERRANGE * ranges[-1], _OVERRANGE * ranges[-1], ranges[-1]))
    return next((found for found in ranges if wanted <= found), ranges[-1])


class Settings(BufferedDevice):
    """What can be set beside the source. A value beyond a fixed range overflows."""

    _level: dict[str, float]  # what is sourced, by function

    def reset(self) -> None:
        super().reset()
        self._sensed = "CURR"
        self._nplc = dict.fromkeys(SENSED, 1.0)
        self._range = {name: ranges[0] for name, ranges in _RANGES.items()}
        self._autorange = dict.fromkeys(SENSED, True)
        self._autozero = dict.fromkeys(SENSED, True)
        self._remote_sense = dict.fromkeys(SENSED, False)
        self._filters = dict.fromkeys(SENSED, False)
        self._moving = dict.fromkeys(SENSED, False)
        self._filter_count = dict.fromkeys(SENSED, 10)
        self._filled: dict[str, list[float]] = {name: [] for name in SENSED}
        self._off_states = dict.fromkeys(SOURCED, "NORM")
        self._count = 1
        self._source_range = {name: _RANGES[name][0] for name in SOURCED}
        self._source_autorange = dict.fromkeys(SOURCED, True)
        self._delay_s = dict.fromkeys(SOURCED, 0.0)
        self._auto_delay = dict.fromkeys(SOURCED, True)
        self._read_back = dict.fromkeys(SOURCED, True)
        self._terminals = "FRON"

    def _measured_in(self, name: str, value: float) -> bool:
        """Return whether a range holds a value, choosing it where that is automatic."""
        if self._autorange[name]:
            self._range[name] = _range(name, min(abs(value), _RANGES[name][-1]))
        return abs(value) <= _OVERRANGE * self._range[name]

    def _check_level(self, name: str, level: float) -> None:
        """Raise ScpiError -222 for a level beyond a fixed source range; else follow it."""
        if self._source_autorange[name]:
            self._source_range[name] = _range(name, level)
        elif abs(level) > _OVERRANGE * self._source_range[name]:
            raise ScpiError(-222)

    # -- what is measured ------------------------------------------------------------------

    @scpi("[:SENSe]:FUNCtion[:ON]", Text())
    def _set_sensed(self, text: str) -> None:
        function = _FUNCTIONS.get(text.upper().removesuffix(":DC"))
        if function is None:
            raise ScpiError(-224)
        self._sensed = function

    @scpi("[:SENSe]:FUNCtion[:ON]?")
    def _get_sensed(self) -> str:
        return f'"{_ANSWERED[self._sensed]}"'

    @sense(":NPLCycles", _plain)
    def _set_nplc(self, name: str, nplc: float | Limit) -> None:
        self._nplc[name] = bounded(nplc, 0.01, 10.0, 1.0)

    @sense(":NPLCycles?")
    def _get_nplc(self, name: str) -> str:
        return number(self._nplc[name])

    @sense(":RANGe[:UPPer]", _number)
    def _set_range(self, name: str, value: float | Limit) -> None:
        self._range[name], self._autorange[name] = _range(name, value), False

    @sense(":RANGe[:UPPer]?")
    def _get_range(self, name: str) -> str:
        return number(self._range[name])

    @sense(":RANGe:AUTO", _flag)
    def _set_autorange(self, name: str, on: bool) -> None:
        self._autorange[name] = on

    @sense(":RANGe:AUTO?")
    def _get_autorange(self, name: str) -> str:
        return str(int(self._autorange[name]))

    @sense(":RSENse", _flag)
    def _set_remote_sense(self, name: str, on: bool) -> None:
        self._remote_sense[name] = on

    @sense(":RSENse?")
    def _get_remote_sense(self, name: str) -> str:
        return str(int(self._remote_sense[name]))

    @sense(":AZERo[:STATe]", _flag)
    def _set_autozero(self, name: str, on: bool) -> None:
        self._autozero[name] = on

    @sense(":AZERo[:STATe]?")
    def _get_autozero(self, name: str) -> str:
        return str(int(self._autozero[name]))

    @scpi("[:SENSe]:AZERo:ONCE")
    def _zero_once(self) -> None:
        """No unit drifts between two readings here."""

    @sense(":AVERage[:STATe]", _flag)
    def _set_filters(self, name: str, on: bool) -> None:
        self._filters[name] = on
        self._filled[name].clear()

    @sense(":AVERage[:STATe]?")
    def _get_filters(self, name: str) -> str:
        return str(int(self._filters[name]))

    @sense(":AVERage:TCONtrol", lambda _: (Choice("REPeat", "MOVing"),))
    def _set_filter(self, name: str, kind: str) -> None:
        self._moving[name] = kind == "MOV"
        self._filled[name].clear()

    @sense(":AVERage:TCONtrol?")
    def _get_filter(self, name: str) -> str:
        return "MOV" if self._moving[name] else "REP"

    @sense(":AVERage:COUNt", _plain)
    def _set_filter_count(self, name: str, count: float | Limit) -> None:
        self._filter_count[name] = round(bounded(count, 1, _MOST_FILTER, 10))

    @sense(":AVERage:COUNt?")
    def _get_filter_count(self, name: str) -> str:
        return str(self._filter_count[name])

    @scpi("[:SENSe]:COUNt", Number())
    def _set_count(self, count: float | Limit) -> None:
        self._count = round(bounded(count, 1, _MOST_COUNT, 1))

    @scpi("[:SENSe]:COUNt?")
    def _get_count(self) -> str:
        return str(self._count)

    # -- what is sourced -------------------------------------------------------------------

    @source(":RANGe", _number)
    def _set_source_range(self, name: str, value: float | Limit) -> None:
        found = _range(name, value)
        if abs(self._level[name]) > _OVERRANGE * found:
            raise ScpiError(-221)
        self._source_range[name], self._source_autorange[name] = found, False

    @source(":RANGe?")
    def _get_source_range(self, name: str) -> str:
        return number(self._source_range[name])

    @source(":RANGe:AUTO", _flag)
    def _set_source_autorange(self, name: str, on: bool) -> None:
        self._source_autorange[name] = on
        self._check_level(name, self._level[name])

    @source(":RANGe:AUTO?")
    def _get_source_autorange(self, name: str) -> str:
        return str(int(self._source_autorange[name]))

    @source(":DELay", _seconds)
    def _set_delay(self, name: str, seconds: float | Limit) -> None:
        self._delay_s[name] = bounded(seconds, 0.0, _LONGEST_DELAY_S, 0.0)
        self._auto_delay[name] = False

    @source(":DELay?")
    def _get_delay(self, name: str) -> str:
        return number(self._delay_s[name])

    @source(":DELay:AUTO", _flag)
    def _set_auto_delay(self, name: str, on: bool) -> None:
        self._auto_delay[name] = on

    @source(":DELay:AUTO?")
    def _get_auto_delay(self, name: str) -> str:
        return str(int(self._auto_delay[name]))

    @source(":READ:BACK", _flag)
    def _set_read_back(self, name: str, on: bool) -> None:
        self._read_back[name] = on

    @source(":READ:BACK?")
    def _get_read_back(self, name: str) -> str:
        return str(int(self._read_back[name]))

    @each(
        ":OUTPut:{}:SMODe",
        SOURCED,
        lambda _: (Choice("NORMal", "ZERO", "HIMPedance", "GUARd"),),
    )
    def _set_off_state(self, name: str, state: str) -> None:
        self._off_states[name] = state

    @each(":OUTPut:{}:SMODe?", SOURCED)
    def _get_off_state(self, name: str) -> str:
        return self._off_states[name]

    # -- the unit --------------------------------------------------------------------------

    @scpi(":ROUTe:TERMinals", Choice("FRONt", "REAR"))
    def _set_terminals(self, terminals: str) -> None:
        self._terminals = terminals

    @scpi(":ROUTe:TERMinals?")
    def _get_terminals(self) -> str:
        return self._terminals

    @scpi(":SYSTem:LFRequency?")
    def _line_frequency(self) -> str:
        return f"{LINE_HZ:.0f}"

    @scpi(":SYSTem:BEEPer[:IMMediate]", Number("HZ"), Number("S"))
    def _beep(self, *_: float | Limit) -> None:
        """Nobody hears it."""

    @scpi(":SYSTem:CLEar")
    def _clear_errors(self) -> None:
        while self.status.pop()[0]:
            pass
