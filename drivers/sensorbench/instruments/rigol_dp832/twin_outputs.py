"""An output of the simulated DP832: what it rounds, and when its protections trip.

Source: as twin.py.
"""

from __future__ import annotations

from collections.abc import Callable

from sensorbench.instruments.simulated_output import Output, Rating
from sensorbench.world.random import Stream

MOST_PROTECTION_A = 3.3


class DpOutput(Output):
    """One output. Each protection has a level, and a switch that is off after *RST."""

    def __init__(
        self,
        rating: Rating,
        step_v: float,
        stream: Callable[[str], Stream],
        changing: Callable[[], None],
    ) -> None:
        self.step_v, self.step_a = step_v, 1e-3
        super().__init__(rating, stream, changing)

    def reset(self) -> None:
        """Take the settings of *RST; trips are cleared."""
        self.trips_on_voltage = False
        self.protection_a = MOST_PROTECTION_A
        super().reset()

    @property
    def trips_above_v(self) -> float:
        """Return the voltage above which it trips, in V: beyond all that it makes while off."""
        return self.protection_v if self.trips_on_voltage else 2 * self.most_v

    def _is_overloaded(self, limiting: bool) -> bool:  # noqa: ARG002 - a level of its own counts
        return min(self.limit_a, self.wanted_a) > self.protection_a

    @property
    def mode_word(self) -> str:
        """Return CV, CC, or UR (unregulated) while it delivers nothing."""
        return ("UR", "CC", "CV")[self.mode]

    def round_v(self, volts: float) -> float:
        """Return a voltage in steps of the converter."""
        return round(volts / self.step_v) * self.step_v

    def round_a(self, amperes: float) -> float:
        """Return a current in steps of the converter."""
        return round(amperes / self.step_a) * self.step_a
