"""An output of a simulated supply: its regulator, its protections, the rail it feeds.

What each maker does otherwise (when it trips, what a reset sets) a twin says in a subclass.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sensorbench.core.quantity import components
from sensorbench.world.fields import Constant, Driven
from sensorbench.world.random import Stream
from sensorbench.world.twins import Signal


@dataclass(frozen=True, slots=True)
class Rating:
    """What can be set of an output: volts and amperes, and the limit that a reset gives it.

    What is set is rounded to the steps; 0 where they are too small to be seen.
    """

    most_volts: float
    most_amperes: float
    most_protection_volts: float
    least_amperes: float
    reset_amperes: float
    step_volts: float = 0.0
    step_amperes: float = 0.0


class Rail(Driven):
    """The voltage of an output, and what it drives into a resistor that something else models."""

    def __init__(self, output: Output) -> None:
        super().__init__(Constant(0.0))
        self._output = output

    def amperes_into(self, ohms: float) -> float:
        """Return the current into `ohms` now: up to the limit; 0 while off or tripped."""
        if not self._output.delivers:
            return 0.0
        return min(self._output.limit_a, self._output.regulated_v / ohms)

    def loaded_by(self, ohms: float) -> None:
        """Hang a resistor on the output, beside what else draws from it."""
        self._output.load_ohm = ohms
        self._output.regulate()


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set of an output, saved and recalled."""

    setpoint_v: float
    limit_a: float
    protection_v: float
    trips_on_current: bool
    on: bool


class Output:
    """One output: its settings, its small errors, the rail it feeds and what draws from it."""

    def __init__(
        self, rating: Rating, stream: Callable[[str], Stream], changing: Callable[[], None]
    ) -> None:
        self.rail = Rail(self)
        self.draws: Signal = lambda: 0.0
        self.told: Callable[[], None] = lambda: None
        self._told_mode = 0
        self.load_ohm = math.inf
        self._changing = changing
        self._rating = rating
        self.least_a = rating.least_amperes
        self.step_v, self.step_a = rating.step_volts, rating.step_amperes
        self.join()
        self._gain = 1.0 + 1e-4 * stream("gain").normal()
        self._offset_v = 1e-3 * stream("offset").normal()
        self._read_gain = 1.0 + 1e-4 * stream("read gain").normal()
        self._read_offset_v = 1e-3 * stream("read offset").normal()
        self._read_offset_a = 1e-4 * stream("current offset").normal()
        self._noise = stream("noise")
        self.reset()

    def join(self, in_series: int = 1, in_parallel: int = 1) -> None:
        """Take the ratings of several such outputs that are joined."""
        rating = self._rating
        self.default_a = in_parallel * rating.reset_amperes
        self.most_v = in_series * rating.most_volts
        self.most_a = in_parallel * rating.most_amperes
        self.most_protection_v = in_series * rating.most_protection_volts

    def round_v(self, volts: float) -> float:
        """Return a voltage in steps of the converter."""
        return _in_steps(volts, self.step_v)

    def round_a(self, amperes: float) -> float:
        """Return a current in steps of the converter."""
        return _in_steps(amperes, self.step_a)

    def reset(self) -> None:
        """Take the settings of *RST; trips are cleared."""
        self.voltage_tripped = self.current_tripped = False
        self.settings = Settings(0.0, self.default_a, self.most_protection_v, False, False)

    @property
    def settings(self) -> Settings:
        """Everything that can be set."""
        return Settings(
            self.setpoint_v, self.limit_a, self.protection_v, self.trips_on_current, self.on
        )

    @settings.setter
    def settings(self, new: Settings) -> None:
        self.setpoint_v, self.limit_a = new.setpoint_v, new.limit_a
        self.protection_v, self.trips_on_current = new.protection_v, new.trips_on_current
        self.on = new.on
        self.regulate()

    @property
    def mode(self) -> int:
        """Return 0 while it delivers nothing, 1 at constant current, 2 at constant voltage."""
        if not self.delivers:
            return 0
        return 1 if self.voltage_v < self.regulated_v - 1e-6 else 2

    @property
    def tripped(self) -> bool:
        """Return whether a protection holds it off."""
        return self.voltage_tripped or self.current_tripped

    @property
    def delivers(self) -> bool:
        """Return whether it is on, and not tripped."""
        return self.on and not self.tripped

    @property
    def voltage_v(self) -> float:
        """Return what is at its terminals, in V."""
        return components(self.rail.at(0.0))[0]

    @property
    def current_a(self) -> float:
        """Return what flows: what the load wants, no more than the limit."""
        return min(self.limit_a, self.wanted_a) if self.voltage_v else 0.0

    @property
    def wanted_a(self) -> float:
        """Return what the load would draw at the voltage that is there."""
        return components(self.draws())[0] + self.voltage_v / self.load_ohm

    @property
    def regulated_v(self) -> float:
        """Return the voltage that it makes without a load."""
        return max(0.0, self.setpoint_v * self._gain + self._offset_v)

    def regulate(self) -> None:
        """Bring the rail to where the settings and its load put it, and trip where they must.

        `told` hears of a new state: one that has gone again when somebody looks is an event, too.
        """
        voltage_v = self.regulated_v
        limited_v = self._limited_v(voltage_v)
        if self.delivers and limited_v > self.trips_above_v:
            self.voltage_tripped, limited_v = True, 0.0
        if self._put(limited_v):
            # The load of a rail that has just come up is known only now.
            limited_v = self._limited_v(voltage_v)
        if self.delivers and self.trips_on_current and self._is_overloaded(limited_v < voltage_v):
            self.current_tripped, limited_v = True, 0.0
        self._put(limited_v)
        if self.mode != self._told_mode:
            self._told_mode = self.mode
            self.told()

    @property
    def trips_above_v(self) -> float:
        """Return the voltage above which it trips, in V."""
        return self.protection_v

    def _is_overloaded(self, limiting: bool) -> bool:
        """Return whether it is overloaded: here, whenever its limit acts."""
        return limiting

    def _limited_v(self, voltage_v: float) -> float:
        """Return the rail's voltage: at constant current the load is taken as a resistor."""
        if not self.delivers:
            return 0.0
        wanted_a = self.wanted_a
        if wanted_a <= 0 or not self.voltage_v:
            return voltage_v
        return min(voltage_v, self.limit_a * self.voltage_v / wanted_a)

    def _put(self, voltage_v: float) -> bool:
        """Bring the rail there, and return whether it was elsewhere."""
        if abs(voltage_v - self.voltage_v) <= 1e-9:
            return False
        self._changing()
        self.rail.field = Constant(voltage_v)
        return True

    def read_voltage_v(self, counter: int) -> float:
        """Return a reading of the voltage, in V; noise is by `counter`."""
        noise_v = 1e-4 * self._noise.normal(counter)
        return self.voltage_v * self._read_gain + self._read_offset_v + noise_v

    def read_current_a(self, counter: int) -> float:
        """Return a reading of the current, in A; noise is by `counter`."""
        noise_a = 1e-5 * self._noise.normal(-1 - counter)
        return self.current_a * self._read_gain + self._read_offset_a + noise_a


def _in_steps(value: float, step: float) -> float:
    return round(value / step) * step if step else value
