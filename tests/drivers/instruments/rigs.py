"""What rigs of chambers and ovens share: a twin in a world, whose air and faults a test meets."""

from __future__ import annotations

from typing import Any

from sensorbench.core.clock import VirtualClock
from sensorbench.world.world import Fault, World


class Rig:
    """A twin by its serial number, in a world. A test's own rig makes it, and a driver."""

    SERIAL: str
    twin: Any

    def __init__(self, world: World, clock: VirtualClock) -> None:
        self.world, self.clock = world, clock

    def fault(self, kind: str) -> None:
        """Let a fault of the twin begin now."""
        self.world.add_fault(self.SERIAL, Fault(kind, at_s=self.clock.now()))

    def air(self, member: str = "temperature") -> float:
        """Return what the twin makes of its air now."""
        found = self.twin.drives[member].at(self.clock.now())
        assert isinstance(found, float)
        return found
