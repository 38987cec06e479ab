"""The simulated 2450's linear sweeps of voltage, and its user delays.

Source: the reference manual 2450-901-01, page 6-81 (parameters, their defaults), that of the 2470,
page 12-89 (a measurement at each point, delays add up, the buffer); QCoDeS, Keithley_2450.py
(INITiate, then *WAI; USER1 to USER5). Recalled: that a sweep switches the output on and at its end
off. Not modelled: current, steps, lists, logarithmic and dual sweeps, endless ones, trigger models;
they are refused and noted.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensorbench.instruments.keithley_2450.twin_buffer import Readings
from sensorbench.instruments.keithley_2450.twin_settings import SENSED, SOURCED, each, number
from sensorbench.instruments.simulated_buffer import BufferName, Kept
from sensorbench.protocols.scpi_device import scpi
from sensorbench.protocols.scpi_parameters import Choice, Flag, Limit, Maybe, Number, bounded

_MOST_V, _MOST_POINTS, _MOST_READINGS, _MOST_RUNS = 210.0, 1_000_000, 100_000, 268_435_455
_AUTO_DELAY, _LONGEST_DELAY_S = -1.0, 10_000.0
_SOURCE, _SENSE = "SOUR", "SENS"


@dataclass(frozen=True, slots=True)
class _Sweep:
    """A linear sweep of voltage."""

    start_v: float
    stop_v: float
    points: int
    delay_s: float
    runs: int
    aborts: bool
    buffer: str | None

    def levels(self) -> list[float]:
        """Return the voltage of each point."""
        step_v = (self.stop_v - self.start_v) / (self.points - 1)
        return [self.start_v + at * step_v for at in range(self.points - 1)] + [self.stop_v]


class Sweeps(Readings):
    """SOURce:SWEep, INITiate and DELay:USER."""

    @property
    def _is_limiting(self) -> bool:
        """Return whether the limit acts."""
        raise NotImplementedError

    def reset(self) -> None:
        super().reset()
        self._swept: _Sweep | None = None
        self._user_delays_s: dict[tuple[str, str, int], float] = {}

    def _set_voltage(self, voltage: float | Limit) -> None:
        """Set the level, as SOURce:VOLTage does."""
        raise NotImplementedError

    def _set_source(self, function: str) -> None:
        """Take a source function, as SOURce:FUNCtion does."""
        raise NotImplementedError

    def _switch(self, on: bool) -> None:
        """Switch the output, as OUTPut does."""
        raise NotImplementedError

    @scpi(
        ":SOURce:SWEep:VOLTage:LINear",
        Number("V"), Number("V"), Number(), Maybe(Number("S")), Maybe(Number()),
        Maybe(Choice("AUTO", "BEST", "FIXed")), Maybe(Flag()), Maybe(Flag()), Maybe(BufferName()),
    )  # fmt: skip
    def _set_sweep(
        self,
        start: float | Limit,
        stop: float | Limit,
        points: float | Limit,
        delay: float | Limit | None,
        runs: float | Limit | None,
        _range: str | None,
        aborts: bool | None,
        is_dual: bool | None,
        buffer: str | None,
    ) -> None:
        count = 1 if runs is None else round(bounded(runs, 0, _MOST_RUNS, 1))
        number_of = round(bounded(points, 2, _MOST_POINTS, 2))
        if is_dual or not 1 <= count * number_of <= _MOST_READINGS:
            raise self.not_modelled(f"a sweep of {number_of} points, {count} times, dual {is_dual}")
        waits = _AUTO_DELAY if delay is None else delay
        waits_s = bounded(waits, _AUTO_DELAY, _LONGEST_DELAY_S, _AUTO_DELAY)
        self._buffer(buffer)
        self._swept = _Sweep(
            bounded(start, -_MOST_V, _MOST_V, 0.0),
            bounded(stop, -_MOST_V, _MOST_V, 0.0),
            number_of,
            max(0.0, waits_s),
            count,
            aborts is not False,
            buffer,
        )

    @scpi(":INITiate[:IMMediate]")
    def _initiate(self) -> None:
        """Run what was set up; it is over when the next message is heard."""
        if self._swept is None:
            raise self.not_modelled("INIT without a sweep", -221)
        self._set_source("VOLT")
        self._set_voltage(self._swept.start_v)
        self._switch(True)
        try:
            self._run(self._swept)
        finally:
            self._switch(False)

    def _run(self, sweep: _Sweep) -> None:
        buffer = self._buffer(sweep.buffer)
        for level_v in sweep.levels() * sweep.runs:
            self._set_voltage(level_v)
            self._world.let_pass(sweep.delay_s + self._delay_s["VOLT"])
            reading = self._filtered(self._sensed)
            buffer.add(Kept(reading, self._world.clock.now(), self._sourced()))
            if sweep.aborts and self._is_limiting:
                return

    @each("[:SENSe]:{}:DELay:USER<5>", SENSED, lambda _: (Number("S"),))
    def _set_sense_delay(self, name: str, which: int, seconds: float | Limit) -> None:
        self._set_user_delay(_SENSE, name, which, seconds)

    @each(":SOURce:{}:DELay:USER<5>", SOURCED, lambda _: (Number("S"),))
    def _set_source_delay(self, name: str, which: int, seconds: float | Limit) -> None:
        self._set_user_delay(_SOURCE, name, which, seconds)

    def _set_user_delay(self, of: str, name: str, which: int, seconds: float | Limit) -> None:
        self._user_delays_s[of, name, which] = bounded(seconds, 0.0, _LONGEST_DELAY_S, 0.0)

    @each("[:SENSe]:{}:DELay:USER<5>?", SENSED)
    def _get_sense_delay(self, name: str, which: int) -> str:
        return number(self._user_delays_s.get((_SENSE, name, which), 0.0))

    @each(":SOURce:{}:DELay:USER<5>?", SOURCED)
    def _get_source_delay(self, name: str, which: int) -> str:
        return number(self._user_delays_s.get((_SOURCE, name, which), 0.0))
