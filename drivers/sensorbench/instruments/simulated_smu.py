"""The output of a simulated source-measure unit: a voltage both ways, held back by its limits.

What each unit makes of it (its words, its ranges, when it measures) a twin says in a subclass. A
load is taken as a resistor when the limit is reached; sourcing current drives nothing.
"""

from __future__ import annotations

import math

from sensorbench.core.quantity import components
from sensorbench.world.fields import Constant, Driven, Field
from sensorbench.world.twins import Signal
from sensorbench.world.world import World


class SmuRail(Driven):
    """The unit's terminals as a field; a coil on them asks what would flow."""

    def __init__(self, unit: SourceOutput) -> None:
        super().__init__(Constant(0.0))
        self._unit = unit

    def amperes_into(self, ohms: float) -> float:
        """Return the current into a resistance of `ohms` now, at the limit at most."""
        return self._unit.amperes_into(ohms)

    def loaded_by(self, ohms: float) -> None:
        """Say that a resistance hangs on the terminals: the unit's readings then show it."""
        self._unit.sense("current", lambda: components(self.at(0.0))[0] / ohms)


class SourceOutput:
    """Feeds the field `source`; `_source` is the function, `_level` what is set of each."""

    _source: str
    _level: dict[str, float]
    _limit_a: float
    _protection_v: float
    _on: bool

    def wire(self, world: World, serial: str) -> None:
        """Give it a world, its small errors and its rail."""
        self._world = world
        self._draws: Signal = lambda: 0.0
        stream = world.stream
        self._gain = 1.0 + 5e-5 * stream(serial, "gain").normal()
        self._offset_v = 5e-4 * stream(serial, "offset").normal()
        self._read_gain = 1.0 + 4e-5 * stream(serial, "read gain").normal()
        self._read_offset_v = 2e-4 * stream(serial, "read offset").normal()
        self._current_gain = 1.0 + 7e-5 * stream(serial, "current gain").normal()
        self._noise = stream(serial, "noise")
        self._rail = SmuRail(self)
        self.drives: dict[str, Field] = {"source": self._rail}

    def sense(self, member: str, signal: Signal) -> None:
        """Say what the load draws, in A at the present voltage. Raises KeyError for another."""
        if member != "current":
            raise KeyError(f"it has no meter {member!r}")
        self._draws = signal

    def amperes_into(self, ohms: float) -> float:
        """Return the current that the source would drive into a resistor."""
        volts = self._wanted_v()
        if not volts:
            return 0.0
        return math.copysign(min(self._limit_a, abs(volts) / ohms), volts)

    def _wanted_v(self) -> float:
        if not self._on or self._source != "VOLT":
            return 0.0
        volts = self._level["VOLT"] * self._gain + self._offset_v
        return max(-self._protection_v, min(self._protection_v, volts))

    @property
    def _rail_v(self) -> float:
        return components(self._rail.at(0.0))[0]

    @property
    def _is_limiting(self) -> bool:
        return abs(self._rail_v) < abs(self._wanted_v()) - 1e-9

    @property
    def flows_a(self) -> float:
        """Return what flows: what the load wants, no more than the limit."""
        drawn_a = components(self._draws())[0] if self._on and self._rail_v else 0.0
        return math.copysign(min(abs(drawn_a), self._limit_a), drawn_a)

    def _regulate(self) -> None:
        """Bring the rail to where the settings and its load put it."""
        self._put(self._wanted_v())
        # The load of a rail that has just come up is known only now.
        drawn_a = abs(components(self._draws())[0])
        if self._rail_v and drawn_a > self._limit_a:
            self._put(self._rail_v * self._limit_a / drawn_a)

    def _put(self, volts: float) -> None:
        if abs(volts - self._rail_v) > 1e-9:
            self._world.changing()
            self._rail.field = Constant(volts)

    def read_voltage(self, volts: float, noise: float) -> float:
        """Return what it reads of a voltage, in V; `noise` is in its own sizes."""
        return volts * self._read_gain + self._read_offset_v + 1e-5 * noise

    def read_current(self, noise: float) -> float:
        """Return what it reads of the current that flows, in A."""
        return self.flows_a * self._current_gain + 2e-9 * noise
