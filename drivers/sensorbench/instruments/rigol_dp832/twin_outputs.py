"""An output of the simulated DP832: what it rounds, and when its protections trip.

Source: as twin.py.
"""

from __future__ import annotations

from sensorbench.instruments.simulated_output import Output

MOST_PROTECTION_A = 3.3


class DpOutput(Output):
    """One output. Each protection has a level, and a switch that is off after *RST."""

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
