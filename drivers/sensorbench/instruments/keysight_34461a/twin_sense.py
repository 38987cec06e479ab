"""The simulated 34461A's SENSe subsystem: which function, and the settings of each.

Source: QCoDeS, Keysight_344xxA_submodules.py and sims/Keysight_34465A.yaml; TEMPerature recalled
from the Truevolt operating guide, as is NULL, whose headers public clients have (VOLT:DC:NULL:STAT,
:VAL, :VAL:AUTO). Not modelled: thermistors, ratio, capacitance; they are refused and noted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from sensorbench.instruments.keysight_34461a.twin_functions import (
    DC_VOLTS,
    OHMS,
    RESOLUTION,
    Function,
    all_functions,
)
from sensorbench.instruments.keysight_34461a.twin_scale import Scale
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
    nr3,
)
from sensorbench.protocols.scpi_status import ScpiError

F = TypeVar("F", bound=Callable[..., "str | None"])

END = Maybe(Choice("MINimum", "MAXimum", "DEFault"))
_HEADERS = {
    "VOLT": "VOLTage[:DC]",
    "VOLT:AC": "VOLTage:AC",
    "CURR": "CURRent[:DC]",
    "CURR:AC": "CURRent:AC",
    "RES": "RESistance",
    "FRES": "FRESistance",
    "TEMP": "TEMPerature",
}
_UNITS = {"VOLT": "V", "VOLT:AC": "V", "CURR": "A", "CURR:AC": "A", "RES": "OHM", "FRES": "OHM"}
RANGED = tuple(_UNITS)
_INTEGRATING = ("VOLT", "CURR", "RES", "FRES", "TEMP")
_ZEROED = ("VOLT", "CURR", "RES", "TEMP")
_NULLED = ("VOLT", "VOLT:AC", "CURR", "CURR:AC", "RES", "FRES", "TEMP")
_RESOLVED = ("VOLT", "CURR", "RES", "FRES")
_NAMES = {
    **{name: name for name in (*_HEADERS, "CONT", "DIOD", "FREQ", "PER")},
    "VOLT:DC": "VOLT", "VOLTAGE": "VOLT", "VOLTAGE:DC": "VOLT", "VOLTAGE:AC": "VOLT:AC",
    "CURR:DC": "CURR", "CURRENT": "CURR", "CURRENT:DC": "CURR", "CURRENT:AC": "CURR:AC",
    "RESISTANCE": "RES", "FRESISTANCE": "FRES", "TEMPERATURE": "TEMP", "CONTINUITY": "CONT",
    "DIODE": "DIOD", "FREQUENCY": "FREQ", "PERIOD": "PER",
}  # fmt: skip
_OTHERS = ("CAP", "CAPACITANCE", "VOLT:DC:RAT", "VOLT:RAT")


class _RangeParameter:
    """A number in the function's unit, or AUTO, which is the default."""

    def __init__(self, unit: str) -> None:
        self._number = Number(unit)

    def parse(self, token: str) -> float | Limit:
        """Return the number or the limit named."""
        return Limit.DEF if token.upper() == "AUTO" else self._number.parse(token)


class FlagOrOnce:
    """ON, OFF, a number, or ONCE, which is None."""

    def parse(self, token: str) -> bool | None:
        """Return the flag."""
        return None if token.upper() == "ONCE" else Flag().parse(token)


def options_of(name: str) -> tuple[Parameter, ...]:
    """Return the parameters of CONFigure and MEASure for a function with ranges."""
    return Maybe(_RangeParameter(_UNITS[name])), Maybe(Number(_UNITS[name]))


def for_each(
    pattern: str, names: tuple[str, ...], parameters: Callable[[str], tuple[Parameter, ...]]
) -> Callable[[F], F]:
    """Declare a method for several functions, whose name is its first argument.

    `{}` in the pattern is the function's header.
    """

    def mark(function: F) -> F:
        for name in names:
            declared = scpi(pattern.format(_HEADERS[name]), *parameters(name), bound=(name,))
            function = declared(function)
        return function

    return mark


def _nothing(_: str) -> tuple[Parameter, ...]:
    return ()


def _end(_: str) -> tuple[Parameter, ...]:
    return (END,)


def _number(name: str) -> tuple[Parameter, ...]:
    return (Number(_UNITS.get(name, "")),)


class Sense(Scale):
    """The functions with their settings; `_function` is the name of the one in use.

    What a model of the family has of its own are its resolutions by NPLC, and the accuracy of DC
    volts and ohms by range.
    """

    RESOLUTIONS: ClassVar[Mapping[float, float]] = RESOLUTION
    DC_VOLTS: ClassVar[Mapping[float, tuple[float, float]]] = DC_VOLTS
    OHMS: ClassVar[Mapping[float, tuple[float, float]]] = OHMS

    _function = "VOLT"
    _high_impedance, _temperature_unit, _at_zero_ohm, _wires = False, "C", 100.0, 4

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._functions = self._measurable()

    def _measurable(self) -> dict[str, Function]:
        """Return what it can measure, each with the settings of *RST."""
        return all_functions(self.RESOLUTIONS, self.DC_VOLTS, self.OHMS)

    def reset(self) -> None:
        super().reset()
        self._function = "VOLT"
        self._high_impedance, self._temperature_unit = False, "C"
        self._at_zero_ohm, self._wires = 100.0, 4
        for function in self._functions.values():
            function.reset()

    def _stop(self) -> None:
        """End what runs: a change of function does."""

    @property
    def _selected(self) -> Function:
        return self._functions[self._function]

    def _ended(self, end: str, low: float, high: float, default: float) -> str:
        return nr3({"MIN": low, "MAX": high, "DEF": default}[end])

    @scpi("[:SENSe]:FUNCtion[:ON]", Text())
    def _set_function(self, name: str) -> None:
        if name.upper() in _OTHERS:
            raise self.not_modelled(f"FUNC {name.upper()}")
        if name.upper() not in _NAMES:
            raise ScpiError(-224)
        found = _NAMES[name.upper()]
        if found not in self._functions:
            raise self.not_modelled(f"FUNC {name.upper()}")
        self._stop()
        self._take_function(found)

    def _take_function(self, name: str) -> None:
        if name != self._function:
            self._unscale()
        self._function = name

    @scpi("[:SENSe]:FUNCtion[:ON]?")
    def _get_function(self) -> str:
        return f'"{self._function}"'

    @for_each("[:SENSe]:{}:NPLCycles", _INTEGRATING, lambda _: (Number(),))
    def _set_nplc(self, name: str, nplc: float | Limit) -> None:
        least, most = min(self.RESOLUTIONS), max(self.RESOLUTIONS)
        self._functions[name].integrate(bounded(nplc, least, most, 10.0))

    @for_each("[:SENSe]:{}:NPLCycles?", _INTEGRATING, _end)
    def _get_nplc(self, name: str, end: str | None) -> str:
        if end:
            return self._ended(end, min(self.RESOLUTIONS), max(self.RESOLUTIONS), 10.0)
        return nr3(self._functions[name].nplc)

    @for_each("[:SENSe]:{}:RESolution", _RESOLVED, _number)
    def _set_resolution(self, name: str, resolution: float | Limit) -> None:
        function = self._functions[name]
        function.integrate(function.nplc_for(resolution, function.range_now))

    @for_each("[:SENSe]:{}:RESolution?", _RESOLVED, _end)
    def _get_resolution(self, name: str, end: str | None) -> str:
        function = self._functions[name]
        if end:
            shares, range_ = function.resolutions, function.range_now
            ends = min(shares.values()) * range_, max(shares.values()) * range_
            return self._ended(end, *ends, shares[10.0] * range_)
        return nr3(function.resolution)

    @for_each("[:SENSe]:{}:RANGe[:UPPer]", RANGED, _number)
    def _set_range(self, name: str, value: float | Limit) -> None:
        function = self._functions[name]
        function.fix(function.range_holding(value))

    @for_each("[:SENSe]:{}:RANGe[:UPPer]?", RANGED, _end)
    def _get_range(self, name: str, end: str | None) -> str:
        function = self._functions[name]
        if end:
            ends = min(function.ranges), max(function.ranges)
            return self._ended(end, *ends, function.default_range)
        return nr3(function.range_now)

    @for_each("[:SENSe]:{}:RANGe:AUTO", RANGED, lambda _: (FlagOrOnce(),))
    def _set_autorange(self, name: str, on: bool | None) -> None:
        function = self._functions[name]
        if on is None:
            function.fix(None)
            function.range_for(self._input(name))
        function.fix(None if on else function.range_now)

    @for_each("[:SENSe]:{}:RANGe:AUTO?", RANGED, _nothing)
    def _get_autorange(self, name: str) -> str:
        return str(int(self._functions[name].fixed_range is None))

    def _input(self, name: str) -> float:
        """Return what a function has at its terminals, without this unit's error."""
        raise NotImplementedError

    @for_each("[:SENSe]:{}:ZERO:AUTO", _ZEROED, lambda _: (FlagOrOnce(),))
    def _set_autozero(self, name: str, on: bool | None) -> None:
        self._functions[name].autozero = bool(on)  # ONCE: one zero now, then off

    @for_each("[:SENSe]:{}:ZERO:AUTO?", _ZEROED, _nothing)
    def _get_autozero(self, name: str) -> str:
        return str(int(self._functions[name].autozero))

    # -- NULL ------------------------------------------------------------------------------

    @for_each("[:SENSe]:{}:NULL[:STATe]", _NULLED, lambda _: (Flag(),))
    def _set_null(self, name: str, on: bool) -> None:
        """Take from now on the next reading off all readings; a VALue may follow."""
        function = self._functions[name]
        function.nulled = on
        if on:
            function.null_value = None

    @for_each("[:SENSe]:{}:NULL[:STATe]?", _NULLED, _nothing)
    def _get_null(self, name: str) -> str:
        return str(int(self._functions[name].nulled))

    @for_each("[:SENSe]:{}:NULL:VALue", _NULLED, _number)
    def _set_null_value(self, name: str, value: float | Limit) -> None:
        most = 1.2 * max(self._functions[name].ranges)
        self._functions[name].null_value = bounded(value, -most, most, 0.0)

    @for_each("[:SENSe]:{}:NULL:VALue?", _NULLED, _nothing)
    def _get_null_value(self, name: str) -> str:
        return nr3(self._functions[name].null_value or 0.0)

    @for_each("[:SENSe]:{}:NULL:VALue:AUTO", _NULLED, lambda _: (Flag(),))
    def _set_auto_null(self, name: str, on: bool) -> None:
        function = self._functions[name]
        function.null_value = None if on else function.null_value or 0.0

    @for_each("[:SENSe]:{}:NULL:VALue:AUTO?", _NULLED, _nothing)
    def _get_auto_null(self, name: str) -> str:
        return str(int(self._functions[name].null_value is None))

    @scpi("[:SENSe]:VOLTage[:DC]:IMPedance:AUTO", Flag())
    def _set_impedance(self, high: bool) -> None:
        self._high_impedance = high  # a signal of the world has no source resistance to load

    @scpi("[:SENSe]:VOLTage[:DC]:IMPedance:AUTO?")
    def _get_impedance(self) -> str:
        return str(int(self._high_impedance))

    # -- temperature -----------------------------------------------------------------------

    def _set_probe(self, probe: str) -> None:
        if probe in {"THER", "FTH"}:
            raise self.not_modelled(f"TEMP {probe}")
        self._wires = 2 if probe == "RTD" else 4

    @scpi(
        "[:SENSe]:TEMPerature:TRANsducer:TYPE", Choice("FRTD", "RTD", "THERmistor", "FTHermistor")
    )
    def _set_transducer(self, probe: str) -> None:
        self._set_probe(probe)

    @scpi("[:SENSe]:TEMPerature:TRANsducer:TYPE?")
    def _get_transducer(self) -> str:
        return "FRTD" if self._wires == 4 else "RTD"

    @scpi("[:SENSe]:TEMPerature:TRANsducer:RTD:RESistance[:REFerence]", Number("OHM"))
    @scpi("[:SENSe]:TEMPerature:TRANsducer:FRTD:RESistance[:REFerence]", Number("OHM"))
    def _set_at_zero(self, resistance: float | Limit) -> None:
        self._at_zero_ohm = bounded(resistance, 80.0, 120.0, 100.0)

    @scpi("[:SENSe]:TEMPerature:TRANsducer:RTD:RESistance[:REFerence]?")
    @scpi("[:SENSe]:TEMPerature:TRANsducer:FRTD:RESistance[:REFerence]?")
    def _get_at_zero(self) -> str:
        return nr3(self._at_zero_ohm)

    @scpi(":UNIT:TEMPerature", Choice("C", "F", "K"))
    def _set_temperature_unit(self, unit: str) -> None:
        self._temperature_unit = unit

    @scpi(":UNIT:TEMPerature?")
    def _get_temperature_unit(self) -> str:
        return self._temperature_unit
