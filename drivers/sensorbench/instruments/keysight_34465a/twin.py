"""Simulated Keysight 34465A: a 34461A with more integrations, an aperture and a sample timer.

Source: QCoDeS, Keysight_344xxA_submodules.py (headers, NPLC, resolution, aperture, largest counts);
Keysight's quick command reference of the Truevolt meters (what only this model has); accuracy, the
memory of 50 000 readings and the 1 Gohm range recalled. Its firmware is 3: the digitizer is there.
Not modelled beside what the 34461A's twin does not: thermocouples, samples before the trigger,
triggers by level, DIGitize; they are refused and noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sensorbench.instruments.keysight_34461a.twin import SimKeysight34461a
from sensorbench.instruments.keysight_34461a.twin_functions import OHMS
from sensorbench.instruments.keysight_34461a.twin_sense import END, for_each
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import (
    Choice,
    Flag,
    Limit,
    Maybe,
    Number,
    bounded,
    nr3,
)

_APERTURES = ("VOLT", "CURR", "RES", "FRES", "TEMP")
_SHORTEST_S, _LONGEST_S, _RESET_S = 20e-6, 2.0, 0.2
_MOST_LEVEL_V = 1000.0
_PROBES = Choice(
    "FRTD", "RTD", "THERmistor", "FTHermistor", "DEFault", beyond=("TC", "TCO", "TCOUPLE")
)
_TYPES = Choice(
    "FRTD", "RTD", "THERmistor", "FTHermistor", beyond=("TC", "TCO", "TCOUPLE")
)  # fmt: skip
_TEMPERATURE_OPTIONS = (Maybe(_PROBES), Maybe(Number()), Maybe(Number()), Maybe(Number()))


class SimKeysight34465a(SimKeysight34461a):
    """A 34465A in a simulated world: all that the 34461A's twin says, and what it has beside.

    With SAMPle:SOURce TIMer a sample begins each SAMPle:TIMer, at the soonest when the one before
    has ended.
    """

    IDENTITY = "Keysight Technologies,34465A,{serial},A.03.03-02.40-03.03-00.52-04-01"
    SIBLING = ("34465A", "34470A")
    MEMORY: ClassVar[int] = 50_000
    MOST_COUNT: ClassVar[float] = 1e9
    RESOLUTIONS: ClassVar[Mapping[float, float]] = {
        0.001: 30e-6, 0.002: 15e-6, 0.006: 6e-6, 0.02: 3e-6, 0.06: 1.5e-6, 0.2: 0.7e-6,
        1.0: 0.3e-6, 10.0: 0.1e-6, 100.0: 0.03e-6,
    }  # fmt: skip
    DC_VOLTS: ClassVar[Mapping[float, tuple[float, float]]] = {
        0.1: (0.0040, 0.0035),
        1.0: (0.0035, 0.0006),
        10.0: (0.0030, 0.0004),
        100.0: (0.0040, 0.0006),
        1000.0: (0.0040, 0.0006),
    }
    OHMS: ClassVar[Mapping[float, tuple[float, float]]] = {**OHMS, 1e9: (6.0, 0.010)}

    def _reset_triggers(self) -> None:
        super()._reset_triggers()
        self._sample_source, self._level_v = "IMM", 0.0

    def _period_s(self, lasts_s: float) -> float:
        return max(lasts_s, self._sample_timer_s) if self._sample_source == "TIM" else lasts_s

    # -- aperture --------------------------------------------------------------------------

    @for_each("[:SENSe]:{}:APERture", _APERTURES, lambda _: (Number("S"),))
    def _set_aperture(self, name: str, seconds: float | Limit) -> None:
        self._functions[name].aperture_s = bounded(seconds, _SHORTEST_S, _LONGEST_S, _RESET_S)

    @for_each("[:SENSe]:{}:APERture?", _APERTURES, lambda _: (END,))
    def _get_aperture(self, name: str, end: str | None) -> str:
        if end:
            return self._ended(end, _SHORTEST_S, _LONGEST_S, _RESET_S)
        return nr3(self._functions[name].integrated_s(self.LINE_HZ))

    @for_each("[:SENSe]:{}:APERture:ENABled", _APERTURES, lambda _: (Flag(),))
    def _enable_aperture(self, name: str, on: bool) -> None:
        function = self._functions[name]
        function.aperture_s = function.integrated_s(self.LINE_HZ) if on else None

    @for_each("[:SENSe]:{}:APERture:ENABled?", _APERTURES, lambda _: ())
    def _aperture_enabled(self, name: str) -> str:
        return str(int(self._functions[name].aperture_s is not None))

    # -- triggers and samples --------------------------------------------------------------

    @scpi(
        ":TRIGger:SOURce",
        Choice("IMMediate", "BUS", "EXTernal", beyond=("INT", "INTERNAL")),
    )
    def _set_source(self, source: str) -> None:
        super()._set_source(source)

    @scpi(":TRIGger:LEVel", Number("V"))
    def _set_level(self, volts: float | Limit) -> None:
        self._level_v = bounded(volts, -_MOST_LEVEL_V, _MOST_LEVEL_V, 0.0)

    @scpi(":TRIGger:LEVel?", END)
    def _get_level(self, end: str | None) -> str:
        return self._ended(end, -_MOST_LEVEL_V, _MOST_LEVEL_V, 0.0) if end else nr3(self._level_v)

    @scpi(":SAMPle:SOURce", Choice("IMMediate", "TIMer"))
    def _set_sample_source(self, source: str) -> None:
        self._sample_source = source

    @scpi(":SAMPle:SOURce?")
    def _get_sample_source(self) -> str:
        return self._sample_source

    @scpi(":SAMPle:COUNt:PRETrigger", Number())
    def _set_before(self, count: float | Limit) -> None:
        wanted = round(bounded(count, 0, self.MEMORY - 1, 0))
        if wanted:
            raise self.not_modelled(f"SAMP:COUN:PRET {wanted}")

    @scpi(":SAMPle:COUNt:PRETrigger?", END)
    def _get_before(self, end: str | None) -> str:
        return f"{self.MEMORY - 1 if end == 'MAX' else 0:+d}"

    @scpi(":SYSTem:LICense:CATalog?")
    def _licenses(self) -> str:
        return '"DIG"'

    # -- thermocouples, which this model takes ---------------------------------------------

    @scpi(":CONFigure:TEMPerature", *_TEMPERATURE_OPTIONS)
    def _configure_temperature(self, probe: str | None, *options: Any) -> None:
        super()._configure_temperature(probe, *options)

    @scpi(":MEASure:TEMPerature?", *_TEMPERATURE_OPTIONS)
    def _measure_temperature(self, probe: str | None, *options: Any) -> str | None:
        return super()._measure_temperature(probe, *options)

    @scpi("[:SENSe]:TEMPerature:TRANsducer:TYPE", _TYPES)
    def _set_transducer(self, probe: str) -> None:
        super()._set_transducer(probe)
