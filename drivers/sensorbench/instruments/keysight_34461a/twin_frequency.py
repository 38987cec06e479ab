"""The simulated 34461A's frequency and period, and the filters of its AC functions.

Source: Truevolt Series Operating and Service Guide, [SENSe:]VOLTage:AC:BANDwidth and
[SENSe:]CURRent:AC:BANDwidth (filters, their settling); 34401A user's guide, 34401-90004, chapter 4
(without an input signal frequency and period read 0); HP34401A of PyMeasure (headers, gate times).
Recalled: that the 34461A has the 34401A's gate times. What the world has does not alternate.
"""

from __future__ import annotations

from sensorbench.instruments.keysight_34461a.twin_functions import Function
from sensorbench.instruments.keysight_34461a.twin_sense import (
    END,
    FlagOrOnce,
    Sense,
    for_each,
)
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Flag, Limit, Maybe, Number, bounded, nr3
from sensorbench.protocols.scpi_status import ScpiError

COUNTED = ("FREQ", "PER")
_AC = ("VOLT:AC", "CURR:AC")
_FILTERS_HZ = (200.0, 20.0, 3.0)
_SETTLING_S = {
    "VOLT:AC": {3.0: 2.5, 20.0: 0.625, 200.0: 0.025},
    "CURR:AC": {3.0: 1.66, 20.0: 0.25, 200.0: 0.025},
}
_GATES_S, _GATE_S = (0.01, 0.1, 1.0), 0.1
_EXPECTED = (Maybe(Number()), Maybe(Number()))


class Frequency(Sense):
    """FREQuency and PERiod, whose ranges are of the voltage, and BANDwidth."""

    def _choose(self, name: str) -> Function:
        """Take a function, with the settings that CONFigure gives."""
        raise NotImplementedError

    def _read(self) -> str | None:
        """Take readings, as READ? does."""
        raise NotImplementedError

    # -- the filters -----------------------------------------------------------------------

    @for_each("[:SENSe]:{}:BANDwidth", _AC, lambda _: (Number("HZ"),))
    def _set_filter(self, name: str, hertz: float | Limit) -> None:
        wanted = bounded(hertz, 3.0, 200.0, 20.0)
        found = next(filter_ for filter_ in _FILTERS_HZ if filter_ <= wanted)
        self._functions[name].seconds = _SETTLING_S[name][found]

    @for_each("[:SENSe]:{}:BANDwidth?", _AC, lambda _: (END,))
    def _get_filter(self, name: str, end: str | None) -> str:
        if end:
            return self._ended(end, 3.0, 200.0, 20.0)
        settles_s = self._functions[name].seconds
        return nr3(next(hz for hz, it_s in _SETTLING_S[name].items() if it_s == settles_s))

    # -- frequency and period --------------------------------------------------------------

    @scpi("[:SENSe]:FREQuency:APERture", Number("S"), bound=("FREQ",))
    @scpi("[:SENSe]:PERiod:APERture", Number("S"), bound=("PER",))
    def _set_gate(self, name: str, seconds: float | Limit) -> None:
        gate_s = bounded(seconds, min(_GATES_S), max(_GATES_S), _GATE_S)
        if gate_s not in _GATES_S:
            raise ScpiError(-224)
        self._functions[name].seconds = gate_s

    @scpi("[:SENSe]:FREQuency:APERture?", END, bound=("FREQ",))
    @scpi("[:SENSe]:PERiod:APERture?", END, bound=("PER",))
    def _get_gate(self, name: str, end: str | None) -> str:
        if end:
            return self._ended(end, min(_GATES_S), max(_GATES_S), _GATE_S)
        return nr3(self._functions[name].seconds)

    @scpi("[:SENSe]:FREQuency:VOLTage:RANGe[:UPPer]", Number("V"), bound=("FREQ",))
    @scpi("[:SENSe]:PERiod:VOLTage:RANGe[:UPPer]", Number("V"), bound=("PER",))
    def _set_counted_range(self, name: str, value: float | Limit) -> None:
        self._set_range(name, value)

    @scpi("[:SENSe]:FREQuency:VOLTage:RANGe[:UPPer]?", END, bound=("FREQ",))
    @scpi("[:SENSe]:PERiod:VOLTage:RANGe[:UPPer]?", END, bound=("PER",))
    def _get_counted_range(self, name: str, end: str | None) -> str:
        return self._get_range(name, end)

    @scpi("[:SENSe]:FREQuency:VOLTage:RANGe:AUTO", Flag(), bound=("FREQ",))
    @scpi("[:SENSe]:PERiod:VOLTage:RANGe:AUTO", Flag(), bound=("PER",))
    def _set_counted_autorange(self, name: str, on: bool) -> None:
        self._set_autorange(name, on)

    @scpi("[:SENSe]:FREQuency:VOLTage:RANGe:AUTO?", bound=("FREQ",))
    @scpi("[:SENSe]:PERiod:VOLTage:RANGe:AUTO?", bound=("PER",))
    def _get_counted_autorange(self, name: str) -> str:
        return self._get_autorange(name)

    @scpi(":CONFigure:FREQuency", *_EXPECTED, bound=("FREQ",))
    @scpi(":CONFigure:PERiod", *_EXPECTED, bound=("PER",))
    def _count(self, name: str, *_: float | Limit | None) -> None:
        self._choose(name)

    @scpi(":MEASure:FREQuency?", *_EXPECTED, bound=("FREQ",))
    @scpi(":MEASure:PERiod?", *_EXPECTED, bound=("PER",))
    def _count_now(self, name: str, *_: float | Limit | None) -> str | None:
        self._count(name)
        return self._read()


class As34401a(Frequency):
    """What a 34401A's programs say and the Truevolt meters still take, for all functions at once.

    Source: HP34401A of PyMeasure; 34401A user's guide, chapter 4. Recalled: that the 34461A takes
    all that a 34401A does.
    """

    @scpi("[:SENSe]:ZERO:AUTO", FlagOrOnce())
    def _set_zero(self, on: bool | None) -> None:
        for function in self._functions.values():
            function.autozero = bool(on)  # ONCE: one zero now, then off

    @scpi("[:SENSe]:ZERO:AUTO?")
    def _get_zero(self) -> str:
        return str(int(self._selected.autozero))

    @scpi("[:SENSe]:DETector:BANDwidth", Number("HZ"))
    def _set_filters(self, hertz: float | Limit) -> None:
        for name in _AC:
            self._set_filter(name, hertz)

    @scpi("[:SENSe]:DETector:BANDwidth?", END)
    def _get_filters(self, end: str | None) -> str:
        return self._get_filter("VOLT:AC", end)

    @scpi(":INPut:IMPedance:AUTO", Flag())
    def _set_input(self, high: bool) -> None:
        self._set_impedance(high)

    @scpi(":INPut:IMPedance:AUTO?")
    def _get_input(self) -> str:
        return self._get_impedance()
