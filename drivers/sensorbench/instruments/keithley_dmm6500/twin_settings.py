"""The simulated DMM6500's settings, by function and of the whole unit.

Source: PyMeasure, keithleyDMM6500.py, and QCoDeS, Keithley_6500.py (headers, ranges); FORMat,
CALCulate and DISPlay Keithley's reference manual of the 2461, which speaks the same language; *RST
values recalled. SENSe may be left out.
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
    Maybe,
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
}
_ALL = tuple(_HEADERS)
_RANGED = ("VOLT:DC", "VOLT:AC", "CURR:DC", "CURR:AC", "RES", "FRES")
_INTEGRATING = ("VOLT:DC", "CURR:DC", "RES", "FRES", "DIOD")
_AC = ("VOLT:AC", "CURR:AC")
_WORDS = {
    "VOLT": "VOLT:DC", "VOLTAGE": "VOLT:DC", "VOLTAGE:DC": "VOLT:DC", "VOLTAGE:AC": "VOLT:AC",
    "CURR": "CURR:DC", "CURRENT": "CURR:DC", "CURRENT:DC": "CURR:DC", "CURRENT:AC": "CURR:AC",
    "RESISTANCE": "RES", "FRESISTANCE": "FRES", "CONTINUITY": "CONT", "DIODE": "DIOD",
    **{name: name for name in _HEADERS},
}  # fmt: skip
_OTHERS = {
    "TEMP", "TEMPERATURE", "CAP", "CAPACITANCE", "FREQ", "FREQUENCY", "FREQ:VOLT", "PER",
    "PERIOD", "PER:VOLT", "VOLT:DC:RAT", "VOLT:RAT", "NONE",
}  # fmt: skip
_MOST_FACTOR, _MOST_FILTER, _MOST_COUNT = 1e12, 100, 1_000_000
_MOST_PRECISION, _AUTOMATIC = 16, 0
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
    """All that can be set; `_function` is the name of what is measured."""

    def reset(self) -> None:
        super().reset()
        self._functions = all_functions()
        self._function, self._count, self._precision = "VOLT:DC", 1, _AUTOMATIC
        self._screen = "HOME"
        self._texts = {1: "", 2: ""}

    def shown(self, value: float) -> str:
        """Return a number as the unit writes it, with its precision."""
        return f"{value:.{self._precision - 1 if self._precision else 6}E}"

    @property
    def _selected(self) -> Function:
        return self._functions[self._function]

    # -- by function -----------------------------------------------------------------------

    @scpi("[:SENSe]:FUNCtion[:ON]", Text())
    def _set_function(self, text: str) -> None:
        if text.upper() in _OTHERS:
            raise self.not_modelled(f"FUNC {text.upper()}")
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

    @each("[:SENSe]:{}:RELative", _ALL, _number)
    def _set_relative(self, name: str, value: float | Limit) -> None:
        most = 1.2 * max(self._functions[name].ranges)
        self._functions[name].relative = bounded(value, -most, most, 0.0)

    @each("[:SENSe]:{}:RELative?", _ALL)
    def _get_relative(self, name: str) -> str:
        return self.shown(self._functions[name].relative)

    @each("[:SENSe]:{}:RELative:STATe", _ALL, _flag)
    def _set_relates(self, name: str, on: bool) -> None:
        self._functions[name].relates = on

    @each("[:SENSe]:{}:RELative:STATe?", _ALL)
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

    @each(":CALCulate<1>:{}:MATH:STATe", _ALL, _flag)
    def _set_calculates(self, name: str, _: int, on: bool) -> None:
        self._functions[name].calculates = on

    @each(":CALCulate<1>:{}:MATH:STATe?", _ALL)
    def _get_calculates(self, name: str, _: int) -> str:
        return str(int(self._functions[name].calculates))

    @each(":CALCulate<1>:{}:MATH:FORMat", _ALL, lambda _: (Choice("MXB", "PERCent", "RECiprocal"),))
    def _set_operation(self, name: str, _: int, operation: str) -> None:
        self._functions[name].operation = operation

    @each(":CALCulate<1>:{}:MATH:FORMat?", _ALL)
    def _get_operation(self, name: str, _: int) -> str:
        return self._functions[name].operation

    @each(":CALCulate<1>:{}:MATH:MMFactor", _ALL, _plain)
    def _set_factor(self, name: str, _: int, factor: float | Limit) -> None:
        self._functions[name].factor = bounded(factor, -_MOST_FACTOR, _MOST_FACTOR, 1.0)

    @each(":CALCulate<1>:{}:MATH:MBFactor", _ALL, _plain)
    def _set_offset(self, name: str, _: int, offset: float | Limit) -> None:
        self._functions[name].offset = bounded(offset, -_MOST_FACTOR, _MOST_FACTOR, 0.0)

    @each(":CALCulate<1>:{}:MATH:PERCent", _ALL, _plain)
    def _set_percent(self, name: str, _: int, reference: float | Limit) -> None:
        value = bounded(reference, -_MOST_FACTOR, _MOST_FACTOR, 1.0)
        if value == 0:
            raise ScpiError(-222)
        self._functions[name].percent_of = value

    @each(":DISPlay:{}:DIGits", _ALL, _plain)
    def _set_digits(self, name: str, digits: float | Limit) -> None:
        self._functions[name].digits = round(bounded(digits, 3, 6, 6))

    @each(":DISPlay:{}:DIGits?", _ALL)
    def _get_digits(self, name: str) -> str:
        return str(self._functions[name].digits)

    # -- of the whole unit -----------------------------------------------------------------

    @scpi("[:SENSe]:COUNt", Number())
    def _set_count(self, count: float | Limit) -> None:
        self._count = round(bounded(count, 1, _MOST_COUNT, 1))

    @scpi("[:SENSe]:COUNt?")
    def _get_count(self) -> str:
        return str(self._count)

    @scpi(":FORMat[:DATA]", Choice("ASCii", beyond=("REAL", "SRE", "SREAL")))
    def _set_format(self, _: str) -> None:
        """It is always so here."""

    @scpi(":FORMat[:DATA]?")
    def _get_format(self) -> str:
        return "ASC"

    @scpi(":FORMat:ASCii:PRECision", Number())
    def _set_precision(self, digits: float | Limit) -> None:
        self._precision = round(bounded(digits, _AUTOMATIC, _MOST_PRECISION, _AUTOMATIC))

    @scpi(":FORMat:ASCii:PRECision?")
    def _get_precision(self) -> str:
        return str(self._precision)

    @scpi(":DISPlay:CLEar")
    def _clear_display(self) -> None:
        self._texts = {1: "", 2: ""}

    @scpi(":DISPlay:USER<2>:TEXT[:DATA]", Text())
    def _show(self, line: int, text: str) -> None:
        self._texts[line] = text[: 20 if line == 1 else 32]

    @scpi(":DISPlay:SCReen", Choice("HOME", "HOME_LARG", "READ", "HIST", "SWIPE_USER", "PROC"))
    def _set_screen(self, screen: str) -> None:
        self._screen = screen

    @scpi(":SYSTem:LFRequency?")
    def _line_frequency(self) -> str:
        return f"{LINE_HZ:.0f}"

    @scpi(":SYSTem:CLEar")
    def _clear_errors(self) -> None:
        while self.status.pop()[0]:
            pass

    @scpi(":SYSTem:CARD<1>:IDN?")
    def _card(self, _: int) -> str:
        return "Empty Slot"

    @scpi(":SYSTem:BEEPer[:IMMediate]", Number("HZ"), Maybe(Number("S")))
    def _beep(self, *_: float | Limit | None) -> None:
        """Nobody hears it."""
