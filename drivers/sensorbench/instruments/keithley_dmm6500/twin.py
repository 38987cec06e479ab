"""Simulated Keithley DMM6500: it measures the signal it is connected to.

Source: PyMeasure, keithleyDMM6500.py, and its tests (*LANG, six decimals); QCoDeS,
Keithley_6500.py; what its modules name; how READ? fills the buffer recalled from the reference
manual. Not modelled: readings of temperature, frequency, period and ratio, which can be set up;
digitizing, scanner cards, trigger models, binary formats, the other three languages; they are
refused and noted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.instruments.keithley_dmm6500.twin_functions import Function
from sensorbench.instruments.keithley_dmm6500.twin_settings import ALL, each
from sensorbench.instruments.keithley_dmm6500.twin_unit import Unit
from sensorbench.instruments.simulated_buffer import (
    READING,
    Kept,
    asked_for,
    buffer_and_elements,
)
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Limit, Number
from sensorbench.world.twins import Signal
from sensorbench.world.world import World

_OVERFLOW = 9.9e37
_READ = buffer_and_elements("READing", "RELative")
_MOST_AWAITED = 100_000
_IN_ANY_LANGUAGE = (b"*IDN?", b"*LANG")


class SimKeithleyDmm6500(Unit):
    """A DMM6500 in a simulated world: volts of a signal, ohms of `resistance_ohm`, `current_a`.

    Nothing connected reads 0 V, 0 A and infinitely many ohms; 2-wire ohms have `leads_ohm` more.
    What the world has does not alternate: AC reads 0. A reading takes its integration time on the
    clock, twice with autozero, and a repeating filter as many of them. Where it was told another
    language, that holds after `power_cycle`: it then answers nothing but *IDN? and *LANG?.
    """

    IDENTITY = "KEITHLEY INSTRUMENTS,MODEL DMM6500,{serial},1.7.12b"
    SIBLING = ("DMM6500", "DAQ6510")
    ERROR_FORMAT = '{code},"{text}"'
    FAULTS: ClassVar[tuple[str, ...]] = ("overload", "identity", "language", "silent")

    def __init__(
        self,
        world: World,
        serial: str,
        *,
        resistance_ohm: float = math.inf,
        leads_ohm: float = 0.2,
        current_a: float = 0.0,
        capacitance_f: float = 0.0,
        rear_terminals: bool = False,
    ) -> None:
        super().__init__(
            serial, fault=partial(world.fault_of, serial), beyond=world.beyond_of(serial)
        )
        self.resistance_ohm, self.leads_ohm, self.current_a = resistance_ohm, leads_ohm, current_a
        self.capacitance_f = capacitance_f
        self.rear_terminals = rear_terminals
        self._world, self._beyond = world, world.beyond_of(serial)
        self._volts: Signal = lambda: 0.0
        self._noise = world.stream(serial, "noise")
        self._language = self._next_language = "SCPI"
        self.reset()

    def sense(self, member: str, signal: Signal) -> None:
        """Connect the leads to what `voltage` measures. Raises KeyError for another member."""
        if member != "voltage":
            raise KeyError(f"a DMM6500 has no meter {member!r}")
        self._volts = signal

    def power_cycle(self) -> None:
        """Switch it off and on: settings are those of *RST, its language what was told last."""
        self._language = self._next_language
        self.status.clear()
        self.reset()

    def press_relative(self) -> None:
        """Press REL at the front panel: what is measured now is taken off all that follows."""
        self._acquire(self._function)
        self._selected.relates = True

    @each("[:SENSe]:{}:RELative:ACQuire", ALL)
    def _acquire(self, name: str) -> None:
        function = self._functions[name]
        self._check_readable(function)
        function.relates = False
        function.relative = self._taken(function)

    def handle(self, line: bytes) -> bytes | None:
        """Carry out one message; in another language it knows nothing of what is said."""
        speaks = "TSP" if self.fault() == "language" else self._language
        if speaks == "SCPI" or line.strip().upper().startswith(_IN_ANY_LANGUAGE):
            return super().handle(line)
        self._beyond.note(f"{speaks}: {line.decode('ascii', 'replace')}")
        self.status.push(-285, "TSP Syntax error")
        return None

    # -- readings --------------------------------------------------------------------------

    def _input(self, function: Function) -> float:
        """Return what a function has at its terminals, without this unit's error."""
        if function.is_ac:
            return 0.0
        if function.name == "VOLT:DC":
            return components(self._volts())[0]
        if function.name == "CURR:DC":
            return self.current_a
        if function.name == "CAP":
            return self.capacitance_f
        ohms = self.resistance_ohm + (0.0 if function.name == "FRES" else self.leads_ohm)
        return ohms * function.bias_a if function.name == "DIOD" else ohms

    def _taken(self, function: Function) -> float:
        """Take a reading, which takes its time; inf beyond the range."""
        self._world.let_pass(function.lasts_s)
        value = self._input(function)
        if self.fault() == "overload" or not function.shows(value):
            return math.copysign(math.inf, value)
        of_reading, of_range = function.ranges[function.range_now]
        stream = self._world.stream
        gain = 1.6 * stream(self.serial, function.name, "gain").uniform() - 0.8
        zero = 1.6 * stream(self.serial, function.name, f"{function.range_now:g}").uniform() - 0.8
        noise = self._noise.normal(round(self._world.clock.now() * 1e6))
        error = (gain * of_reading * value + zero * of_range * function.range_now) / 100
        error += 2e-7 / math.sqrt(function.nplc) * function.range_now * noise
        return abs(value + error) if function.is_ac else value + error

    def _reading(self, function: Function) -> float:
        """Return a reading after relative offset, filter and math."""
        count = function.filter_count if function.filters and not function.moving else 1
        taken = [self._taken(function) for _ in range(count)]
        if any(map(math.isinf, taken)):
            return math.copysign(_OVERFLOW, taken[-1])
        reading = math.fsum(taken) / count - (function.relative if function.relates else 0.0)
        reading = function.calculated(function.filtered(reading))
        return math.copysign(min(abs(reading), _OVERFLOW), reading)

    def _check_readable(self, function: Function) -> None:
        if not function.is_readable:
            raise self.not_modelled(f"READ? of {function.name}", -221)

    def _shown(self, kept: Kept, buffer: str | None, elements: Sequence[str | None]) -> str:
        since_s = self._buffer(buffer).readings[0].at_s
        return ",".join(
            self.shown(kept.reading if element == READING else kept.at_s - since_s)
            for element in asked_for(elements)
        )

    @scpi(":READ?", *_READ)
    def _read(self, buffer: str | None, *elements: str | None) -> str:
        """Take as many readings as COUNt says into the buffer and return the last."""
        function = self._selected
        self._check_readable(function)
        repeats = function.filter_count if function.filters and not function.moving else 1
        if self._count * repeats > _MOST_AWAITED:
            raise self.not_modelled(f"READ? of {self._count} readings", -221)
        for _ in range(self._count):
            self._buffer(buffer).add(Kept(self._reading(function), self._world.clock.now()))
        return self._shown(self._last(buffer), buffer, elements)

    @each(":MEASure:{}?", ALL, lambda _: _READ)
    def _measure(self, name: str, buffer: str | None, *elements: str | None) -> str:
        self._function = name
        return self._read(buffer, *elements)

    @scpi(":FETCh?", *_READ)
    def _fetch(self, buffer: str | None, *elements: str | None) -> str:
        return self._shown(self._last(buffer), buffer, elements)

    @scpi(":TRACe:DATA?", Number(), Number(), *_READ)
    def _data(
        self,
        first: float | Limit,
        last: float | Limit,
        buffer: str | None,
        *elements: str | None,
    ) -> str:
        kept = self._between(buffer, first, last)
        return ", ".join(self._shown(one, buffer, elements) for one in kept)

    @scpi(":ABORt")
    def _abort(self) -> None:
        """Nothing runs that could be aborted: READ? is answered when its readings are there."""

    # -- the unit --------------------------------------------------------------------------

    @scpi("*LANG", Choice("SCPI", "TSP", "SCPI2000", "SCPI34401"))
    def _set_language(self, language: str) -> None:
        self._next_language = language

    @scpi("*LANG?")
    def _get_language(self) -> str:
        return "TSP" if self._has == "language" else self._language

    @scpi(":ROUTe:TERMinals?")
    def _terminals(self) -> str:
        return "REAR" if self.rear_terminals else "FRON"
