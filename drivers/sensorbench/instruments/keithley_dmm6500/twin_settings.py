"""The simulated DMM6500's settings by function.

Source: PyMeasure, keithleyDMM6500.py, and QCoDeS, Keithley_6500.py (headers, ranges);
CALCulate Keithley's reference manual of the 2461, which speaks the same language; *RST values
recalled. SENSe may be left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sensorbench.instruments.keithley_dmm6500.twin_functions import (
    LEAST_NPLC,
    LINE_HZ,
    MOST_NPLC,
    Function,
    all_functions,
)
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

_HEADERS = {
    "VOLT:DC": "VOLTage[:DC]",
    "VOLT:AC": "VOLTage:AC",
    "CURR:DC": "CURRent[:DC]",
    "CURR:AC": "CURRent:AC",
    "RES": "RESistance",
    "FRES": "FRESistance",
    "CONT": "CONTinuity",
    "DIOD": "DIODe",
    "CAP": "CAPacitance",
    "TEMP": "TEMPerature",
    "FREQ:VOLT": "FREQuency[:VOLTage]",
    "PER:VOLT": "PERiod[:VOLTage]",
    "VOLT:DC:RAT": "VOLTage[:DC]:RATio",
}
ALL = tuple(_HEADERS)
_RANGED = ("VOLT:DC", "VOLT:AC", "CURR:DC", "CURR:AC", "RES", "FRES", "CAP", "VOLT:DC:RAT")
_INTEGRATING = ("VOLT:DC", "CURR:DC", "RES", "FRES", "DIOD", "TEMP", "VOLT:DC:RAT")
_AC = ("VOLT:AC", "CURR:AC")
_WORDS = {
    "VOLT": "VOLT:DC", "VOLTAGE": "VOLT:DC", "VOLTAGE:DC": "VOLT:DC", "VOLTAGE:AC": "VOLT:AC",
    "CURR": "CURR:DC", "CURRENT": "CURR:DC", "CURRENT:DC": "CURR:DC", "CURRENT:AC": "CURR:AC",
    "CAPACITANCE": "CAP", "TEMPERATURE": "TEMP", "FREQ": "FREQ:VOLT", "FREQUENCY": "FREQ:VOLT",
    "FREQUENCY:VOLTAGE": "FREQ:VOLT", "PER": "PER:VOLT", "PERIOD": "PER:VOLT",
    "PERIOD:VOLTAGE": "PER:VOLT", "VOLT:RAT": "VOLT:DC:RAT", "VOLTAGE:DC:RATIO": "VOLT:DC:RAT",
    "RESISTANCE": "RES", "FRESISTANCE": "FRES", "CONTINUITY": "CONT", "DIODE": "DIOD",
    **{name: name for name in _HEADERS},
}  # fmt: skip
_MOST_FACTOR, _MOST_FILTER = 1e12, 100
_LEAST_APERTURE_S, _MOST_APERTURE_S = LEAST_NPLC / LINE_HZ, MOST_NPLC / LINE_HZ


def each(
    pattern: str,
    names: tuple[str, ...],
    parameters: Callable[[Function], tuple[Parameter, ...]] = lambda _: (),
) -> Callable[[F], F]:
    """Declare a method for several functions, whose name is its first argument.

    `{}` in the pattern is the function's header.
    """
    known = all_functions()

    def mark(method: F) -> F:
        for name in names:
            declared = scpi(pattern.format(_HEADERS[name]), *parameters(known[name]), bound=(name,))
            method = declared(method)
        return method

    return mark


def _flag(_: Function) -> tuple[Parameter, ...]:
    return (Flag(),)


def _number(function: Function) -> tuple[Parameter, ...]:
    return (Number(function.unit),)


def _plain(_: Function) -> tuple[Parameter, ...]:
    return (Number(),)


class Settings(BufferedDevice):
    """All that can be set of a function; `_function` is the name of what is measured."""

    def reset(self) -> None:
        super().reset()
        self._functions = all_functions()
        self._function = "VOLT:DC"

    @property
    def _selected(self) -> Function:
        return self._functions[self._function]

    # -- by function -----------------------------------------------------------------------

    @scpi("[:SENSe]:FUNCtion[:ON]", Text())
    def _set_function(self, text: str) -> None:
        if text.upper() not in _WORDS:
            raise ScpiError(-224)
        self._function = _WORDS[text.upper()]

    @scpi("[:SENSe]:FUNCtion[:ON]?")
    def _get_function(self) -> str:
        return self._function  # without quotes: QCoDeS needs it so, PyMeasure takes either

    @each("[:SENSe]:{}:RANGe[:UPPer]", _RANGED, _number)
    def _set_range(self, name: str, value: float | Limit) -> None:
        function = self._functions[name]
        function.range_now, function.autorange = function.range_of(value), False

    @each("[:SENSe]:{}:RANGe[:UPPer]?", _RANGED)
    def _get_range(self, name: str) -> str:
        return self.shown(self._functions[name].range_now)

    @each("[:SENSe]:{}:RANGe:AUTO", _RANGED, _flag)
    def _set_autorange(self, name: str, on: bool) -> None:
        self._functions[name].autorange = on

    @each("[:SENSe]:{}:RANGe:AUTO?", _RANGED)
    def _get_autorange(self, name: str) -> str:
        return str(int(self._functions[name].autorange))

    @each("[:SENSe]:{}:NPLCycles", _INTEGRATING, _plain)
    def _set_nplc(self, name: str, nplc: float | Limit) -> None:
        self._functions[name].nplc = bounded(nplc, LEAST_NPLC, MOST_NPLC, 1.0)

    @each("[:SENSe]:{}:NPLCycles?", _INTEGRATING)
    def _get_nplc(self, name: str) -> str:
        return self.shown(self._functions[name].nplc)

    @each("[:SENSe]:{}:APERture", _INTEGRATING, lambda _: (Number("S"),))
    def _set_aperture(self, name: str, seconds: float | Limit) -> None:
        wanted_s = bounded(seconds, _LEAST_APERTURE_S, _MOST_APERTURE_S, 1 / LINE_HZ)
        self._functions[name].nplc = wanted_s * LINE_HZ

    @each("[:SENSe]:{}:APERture?", _INTEGRATING)
    def _get_aperture(self, name: str) -> str:
        return self.shown(self._functions[name].nplc / LINE_HZ)

    @each("[:SENSe]:{}:AZERo[:STATe]", _INTEGRATING, _flag)
    def _set_autozero(self, name: str, on: bool) -> None:
        self._functions[name].autozero = on

    @each("[:SENSe]:{}:AZERo[:STATe]?", _INTEGRATING)
    def _get_autozero(self, name: str) -> str:
        return str(int(self._functions[name].autozero))

    @scpi("[:SENSe]:AZERo:ONCE")
    def _zero_once(self) -> None:
        """No unit drifts between two readings here."""

    @each("[:SENSe]:{}:DETector:BANDwidth", _AC, lambda _: (Number("HZ"),))
    def _set_bandwidth(self, name: str, hertz: float | Limit) -> None:
        wanted = bounded(hertz, 3.0, 300.0, 3.0)
        self._functions[name].bandwidth_hz = max(b for b in (3.0, 30.0, 300.0) if b <= wanted)

    @each("[:SENSe]:{}:DETector:BANDwidth?", _AC)
    def _get_bandwidth(self, name: str) -> str:
        return f"{self._functions[name].bandwidth_hz:.0f}"

    @each("[:SENSe]:{}:RELative", ALL, _number)
    def _set_relative(self, name: str, value: float | Limit) -> None:
        most = self._functions[name].most_relative
        self._functions[name].relative = bounded(value, -most, most, 0.0)

    @each("[:SENSe]:{}:RELative?", ALL)
    def _get_relative(self, name: str) -> str:
        return self.shown(self._functions[name].relative)

    @each("[:SENSe]:{}:RELative:STATe", ALL, _flag)
    def _set_relates(self, name: str, on: bool) -> None:
        self._functions[name].relates = on

    @each("[:SENSe]:{}:RELative:STATe?", ALL)
    def _get_relates(self, name: str) -> str:
        return str(int(self._functions[name].relates))

    @each("[:SENSe]:{}:AVERage[:STATe]", _RANGED, _flag)
    def _set_filters(self, name: str, on: bool) -> None:
        self._functions[name].filters = on
        self._functions[name].filled.clear()

    @each("[:SENSe]:{}:AVERage[:STATe]?", _RANGED)
    def _get_filters(self, name: str) -> str:
        return str(int(self._functions[name].filters))

    @each(
        "[:SENSe]:{}:AVERage:TCONtrol",
        _RANGED,
        lambda _: (Choice("REPeat", "MOVing", beyond=("HYBR", "HYBRID")),),
    )
    def _set_filter(self, name: str, kind: str) -> None:
        self._functions[name].moving = kind == "MOV"
        self._functions[name].filled.clear()

    @each("[:SENSe]:{}:AVERage:TCONtrol?", _RANGED)
    def _get_filter(self, name: str) -> str:
        return "MOV" if self._functions[name].moving else "REP"

    @each("[:SENSe]:{}:AVERage:COUNt", _RANGED, _plain)
    def _set_filter_count(self, name: str, count: float | Limit) -> None:
        self._functions[name].filter_count = round(bounded(count, 1, _MOST_FILTER, 10))

    @each("[:SENSe]:{}:AVERage:COUNt?", _RANGED)
    def _get_filter_count(self, name: str) -> str:
        return str(self._functions[name].filter_count)

    @each(":CALCulate<1>:{}:MATH:STATe", ALL, _flag)
    def _set_calculates(self, name: str, _: int, on: bool) -> None:
        self._functions[name].calculates = on

    @each(":CALCulate<1>:{}:MATH:STATe?", ALL)
    def _get_calculates(self, name: str, _: int) -> str:
        return str(int(self._functions[name].calculates))

    @each(":CALCulate<1>:{}:MATH:FORMat", ALL, lambda _: (Choice("MXB", "PERCent", "RECiprocal"),))
    def _set_operation(self, name: str, _: int, operation: str) -> None:
        self._functions[name].operation = operation

    @each(":CALCulate<1>:{}:MATH:FORMat?", ALL)
    def _get_operation(self, name: str, _: int) -> str:
        return self._functions[name].operation

    @each(":CALCulate<1>:{}:MATH:MMFactor", ALL, _plain)
    def _set_factor(self, name: str, _: int, factor: float | Limit) -> None:
        self._functions[name].factor = bounded(factor, -_MOST_FACTOR, _MOST_FACTOR, 1.0)

    @each(":CALCulate<1>:{}:MATH:MBFactor", ALL, _plain)
    def _set_offset(self, name: str, _: int, offset: float | Limit) -> None:
        self._functions[name].offset = bounded(offset, -_MOST_FACTOR, _MOST_FACTOR, 0.0)

    @each(":CALCulate<1>:{}:MATH:PERCent", ALL, _plain)
    def _set_percent(self, name: str, _: int, reference: float | Limit) -> None:
        value = bounded(reference, -_MOST_FACTOR, _MOST_FACTOR, 1.0)
        if value == 0:
            raise ScpiError(-222)
        self._functions[name].percent_of = value

    @each(":DISPlay:{}:DIGits", ALL, _plain)
    def _set_digits(self, name: str, digits: float | Limit) -> None:
        self._functions[name].digits = round(bounded(digits, 3, 6, 6))

    @each(":DISPlay:{}:DIGits?", ALL)
    def _get_digits(self, name: str) -> str:
        return str(self._functions[name].digits)
