"""Simulated Keysight 34461A: it measures the signal it is connected to.

Source: QCoDeS, sims/Keysight_34465A.yaml and Keysight_344xxA_submodules.py; accuracy: Agilent
34401A service guide (same class); the rest recalled from the Truevolt operating guide.
Not modelled: capacitance, ratio, thermistors, scales but dB and dBm, statistics and limits,
formats, files; they are refused and noted.
"""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.instruments.keysight_34461a.twin_frequency import COUNTED, As34401a
from sensorbench.instruments.keysight_34461a.twin_functions import (
    OVERRANGE,
    Function,
    platinum_c,
)
from sensorbench.instruments.keysight_34461a.twin_sense import (
    RANGED,
    for_each,
    options_of,
)
from sensorbench.instruments.keysight_34461a.twin_trigger import Trigger
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Limit, Maybe, Number, nr3
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

_OVERLOAD = 9.9e37
_TEST_A = 1e-3  # what continuity and diode test drive
_TEMPERATURE_OPTIONS = (
    Maybe(Choice("FRTD", "RTD", "THERmistor", "FTHermistor", "DEFault")),
    Maybe(Number()),
    Maybe(Number()),
    Maybe(Number()),
)


class SimulatedMultimeter(Trigger):
    """A meter in a simulated world: volts of a signal, ohms of `resistance_ohm`, `current_a`.

    Nothing connected reads 0 V, 0 A and infinitely many ohms; 2-wire ohms have `leads_ohm` more;
    temperature is that of a platinum resistor of `resistance_ohm`. What the world has does not
    alternate: AC, frequency and period read 0. A reading takes its integration time on the clock;
    INIT and *TRG start them and do not wait, ABOR ends them. READ?, FETC?, *OPC? and *WAI wait and
    occupy the line until their readings are there: what is sent meanwhile, ABOR too, is heard
    after them. What waits for a trigger that does not come is not answered, nor are more than a
    million readings. A reading that ended unwatched has what the signal was when the world next
    changed, or when the meter was next spoken to. The unit's own errors lie inside the one-year
    accuracy.
    """

    sessions = 2  # recalled
    FAULTS: ClassVar[tuple[str, ...]] = ("overload", "identity", "silent")

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        resistance_ohm: float = math.inf,
        leads_ohm: float = 0.2,
        current_a: float = 0.0,
    ) -> None:
        self.resistance_ohm, self.leads_ohm, self.current_a = resistance_ohm, leads_ohm, current_a
        self._volts: Signal = lambda: 0.0
        self._noise = world.stream(serial, "noise")
        super().__init__(
            world,
            serial,
            fault=partial(world.fault_of, serial),
            beyond=world.beyond_of(serial),
        )

    def sense(self, member: str, signal: Signal) -> None:
        """Connect the leads to what `voltage` measures. Raises KeyError for another member."""
        if member != "voltage":
            raise KeyError(f"it has no meter {member!r}")
        self._volts = signal

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message, with the readings that have ended by now."""
        if self._left:
            self._collect()
        return super().handle(line)

    # -- readings --------------------------------------------------------------------------

    def _input(self, name: str) -> float:
        if name == "VOLT":
            return components(self._volts())[0]
        if name == "CURR":
            return self.current_a
        if name in {"VOLT:AC", "CURR:AC", *COUNTED}:
            return 0.0
        two_wires = name in {"RES", "CONT", "DIOD"} or (name == "TEMP" and self._wires == 2)
        ohms = self.resistance_ohm + (self.leads_ohm if two_wires else 0.0)
        return ohms * _TEST_A if name == "DIOD" else ohms

    def _error(self, name: str, value: float, range_: float, ended_s: float) -> float:
        """Return this unit's error: up to 0.8 of what the accuracy allows, and noise."""
        of_reading, of_range = self._functions[name].ranges[range_]
        gain = 1.6 * self._world.stream(self.serial, name, "gain").uniform() - 0.8
        zero = 1.6 * self._world.stream(self.serial, name, f"{range_:g}").uniform() - 0.8
        noise = self._noise.normal(round(ended_s * 1e6))
        cycles = self._functions[name].integrated_s(self.LINE_HZ) * self.LINE_HZ
        noise_share = 1e-7 * math.sqrt(10.0 / cycles)
        percent = gain * of_reading * value + zero * of_range * range_
        return percent / 100 + noise_share * range_ * noise

    def _take_reading(self, ended_s: float) -> float:
        name, function = self._function, self._selected
        if name in COUNTED:
            return self._told_as(function, 0.0)
        value = self._input(name)
        if self._world.fault_of(self.serial, ended_s) == "overload":
            value = math.inf
        range_ = function.range_for(value)
        overload = abs(value) > OVERRANGE * range_
        reading = math.nan if overload else value + self._error(name, value, range_, ended_s)
        if name == "TEMP":
            reading = self._degrees(platinum_c(reading, self._at_zero_ohm))
        elif name.endswith(":AC"):
            reading = abs(reading)
        self._flag(function, math.isnan(reading))
        if math.isnan(reading):
            return math.copysign(_OVERLOAD, value)
        return self._told_as(function, reading)

    def _told_as(self, function: Function, reading: float) -> float:
        """Return a reading less its null, and in the scale that is on."""
        if function.nulled:
            if function.null_value is None:
                function.null_value = reading
            reading -= function.null_value
        is_volts = function.overload_bit == self._functions["VOLT"].overload_bit
        return self._in_scale(reading) if self._scaled and is_volts else reading

    def press_null(self) -> None:
        """Press Null at the front panel: the next reading is taken off all that follow."""
        self._selected.nulled, self._selected.null_value = True, None

    def _flag(self, function: Function, overload: bool) -> None:
        register, bits = self.status.questionable, {f.overload_bit for f in self._all()}
        others = register.condition & ~sum(bits)
        register.update(others | (function.overload_bit if overload else 0))

    def _all(self) -> list[Function]:
        return list(self._functions.values())

    def _degrees(self, temperature_c: float) -> float:
        if self._temperature_unit == "F":
            return temperature_c * 1.8 + 32.0
        return temperature_c + (273.15 if self._temperature_unit == "K" else 0.0)

    # -- CONFigure and MEASure -------------------------------------------------------------

    def _choose(self, name: str) -> Function:
        """Take a function, with the settings that CONFigure gives."""
        self._reset_triggers()
        self._memory.clear()
        self._take_function(name)
        self._unscale()
        self._selected.reset()
        return self._selected

    @scpi(":CONFigure:DC", *options_of("VOLT"), bound=("VOLT",))
    @scpi(":CONFigure:AC", *options_of("VOLT:AC"), bound=("VOLT:AC",))
    @for_each(":CONFigure:{}", RANGED, options_of)
    def _configure(
        self, name: str, range_: float | Limit | None, resolution: float | Limit | None
    ) -> None:
        function = self._functions[name]
        fixed = None if range_ is None or range_ is Limit.DEF else function.range_holding(range_)
        nplc = function.nplc_for(resolution, fixed or function.default_range)
        self._choose(name).fix(fixed)
        function.integrate(nplc)

    @scpi(":MEASure:DC?", *options_of("VOLT"), bound=("VOLT",))
    @scpi(":MEASure:AC?", *options_of("VOLT:AC"), bound=("VOLT:AC",))
    @for_each(":MEASure:{}?", RANGED, options_of)
    def _measure_now(
        self, name: str, range_: float | Limit | None, resolution: float | Limit | None
    ) -> str | None:
        self._configure(name, range_, resolution)
        return self._read()

    @scpi(":CONFigure:TEMPerature", *_TEMPERATURE_OPTIONS)
    def _configure_temperature(self, probe: str | None, *_: float | Limit | None) -> None:
        self._set_probe(probe or "FRTD")
        self._choose("TEMP")

    @scpi(":MEASure:TEMPerature?", *_TEMPERATURE_OPTIONS)
    def _measure_temperature(self, probe: str | None, *_: float | Limit | None) -> str | None:
        self._configure_temperature(probe)
        return self._read()

    @scpi(":CONFigure:CONTinuity", bound=("CONT",))
    @scpi(":CONFigure:DIODe", bound=("DIOD",))
    def _configure_test(self, name: str) -> None:
        self._choose(name)

    @scpi(":MEASure:CONTinuity?", bound=("CONT",))
    @scpi(":MEASure:DIODe?", bound=("DIOD",))
    def _measure_test(self, name: str) -> str | None:
        self._choose(name)
        return self._read()

    @scpi(":CONFigure?")
    def _configuration(self) -> str:
        function = self._selected
        if self._function in COUNTED:
            raise self.not_modelled(f"CONF? of {self._function}", -221)
        return f'"{self._function} {nr3(function.range_now)},{nr3(function.resolution)}"'


class SimKeysight34461a(SimulatedMultimeter, As34401a):
    """A 34461A in a simulated world, which takes a 34401A's commands, too."""

    IDENTITY = "Keysight Technologies,34461A,{serial},A.03.03-02.40-03.03-00.52-01-01"
    SIBLING = ("34461A", "34465A")
