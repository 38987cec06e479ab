"""The simulated 2450's readings: one now, many into a buffer, filtered.

Source: the reference manual 2450-901-01, pages 6-43 to 6-45 (filter); that *TRG is taken where
nothing waits for it, and FORMat, recalled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sensorbench.instruments.keithley_2450.twin_settings import SENSED, Settings, each, number
from sensorbench.instruments.simulated_buffer import (
    READING,
    BufferName,
    Kept,
    asked_for,
    buffer_and_elements,
)
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Limit, Maybe, Number
from sensorbench.world.world import World

_READ = buffer_and_elements("READing", "SOURce", "RELative")
_MOST_AWAITED = 100_000
_OVERFLOW = 9.9e37


class Readings(Settings):
    """READ?, MEASure?, FETCh? and TRACe:DATA?; `_measure` says what a unit reads once."""

    _world: World

    def shown(self, value: float) -> str:
        """Return a number as the unit writes it."""
        return number(value)

    def _measure(self, name: str) -> float:
        """Return a reading of a function, which takes its time."""
        raise NotImplementedError

    def _sourced(self) -> float:
        """Return what stands beside a reading as its source value."""
        raise NotImplementedError

    def _filtered(self, name: str) -> float:
        """Return a reading as its filter makes it."""
        if not self._filters[name]:
            return self._measure(name)
        if self._moving[name]:
            last = [*self._filled[name], self._measure(name)][-self._filter_count[name] :]
            self._filled[name] = last
        else:
            last = [self._measure(name) for _ in range(self._filter_count[name])]
        over = next((value for value in last if abs(value) >= _OVERFLOW), None)
        return math.fsum(last) / len(last) if over is None else over

    def _shown(self, kept: Kept, buffer: str | None, elements: Sequence[str | None]) -> str:
        first = self._buffer(buffer).readings[0]
        values = {READING: kept.reading, "SOUR": kept.sourced, "REL": kept.at_s - first.at_s}
        return ",".join(number(values[element]) for element in asked_for(elements))

    @each(":MEASure:{}?", SENSED, lambda _: _READ)
    def _measure_now(self, name: str, buffer: str | None, *elements: str | None) -> str:
        self._sensed = name
        return self._read(buffer, *elements)

    @scpi(":MEASure?", *_READ)
    @scpi(":READ?", *_READ)
    def _read(self, buffer: str | None, *elements: str | None) -> str:
        """Take as many readings as COUNt says and return the last."""
        name = self._sensed
        repeats = self._filter_count[name] if self._filters[name] and not self._moving[name] else 1
        if self._count * repeats > _MOST_AWAITED:
            raise self.not_modelled(f"READ? of {self._count} readings", -221)
        for _ in range(self._count):
            reading = self._filtered(name)
            kept = Kept(reading, self._world.clock.now(), self._sourced())
            self._buffer(buffer).add(kept)
        return self._shown(self._last(buffer), buffer, elements)

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
        return ",".join(self._shown(one, buffer, elements) for one in kept)

    @scpi(":FORMat[:DATA]", Choice("ASCii", beyond=("REAL", "SRE", "SREAL")))
    def _set_format(self, _: str) -> None:
        """It is always so here."""

    @scpi(":FORMat[:DATA]?")
    def _get_format(self) -> str:
        return "ASC"

    @scpi(":TRACe:TRIGger", Maybe(BufferName()))
    def _read_into(self, buffer: str | None) -> None:
        self._read(buffer)

    @scpi("*TRG")
    def _trigger(self) -> None:
        """Nothing here waits for it."""

    @scpi(":ABORt")
    def _abort(self) -> None:
        """Nothing runs that could be aborted: READ? is answered when its readings are there."""
