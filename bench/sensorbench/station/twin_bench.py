"""The simulated side of a station as the rest of the bench sees it, wherever its world is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

from sensorbench.core.operator import Operator
from sensorbench.links.i2c import I2cBus
from sensorbench.links.line import LineTwin


class TwinBench(Protocol):
    """Twins of a station in one world, in this program or in a process of their own.

    Whoever hands a twin something holds `lock`. Times are seconds of the station's clock.
    """

    @property
    def buses(self) -> Mapping[str, I2cBus]:
        """Return the simulated I2C buses by name."""
        ...

    @property
    def lines(self) -> Mapping[str, LineTwin]:
        """Return the twins of instruments on lines, by the instrument's name."""
        ...

    @property
    def instruments(self) -> frozenset[str]:
        """Return the names of the instruments that have a twin of their own."""
        ...

    @property
    def known(self) -> frozenset[str]:
        """Return the serials of the units that any of the bench's lots has."""
        ...

    @property
    def operator(self) -> Operator:
        """Return the person at the simulated bench."""
        ...

    @property
    def lock(self) -> threading.RLock:
        """Return what is held while a twin acts."""
        ...

    def plug(self, serial: str, socket_id: str) -> None:
        """Put a unit of a known lot into a socket; what is there is taken out."""
        ...

    def plug_all(self, sockets: Mapping[str, str]) -> None:
        """Have units where an earlier program left them; socket by serial."""
        ...

    def plug_fixed(self) -> None:
        """Have every unit with a socket of its own there, as a person does before a run."""
        ...

    def unplug(self, serial: str) -> None:
        """Take a unit out of its socket; what it went through is kept for its next place."""
        ...

    def take_in(self, life: str) -> None:
        """Know a run's life, by `life_of`: what its units go through is in this world."""
        ...

    def leave_all(self) -> None:
        """Keep what every unit went through, at the end of a program."""
        ...

    def still_until(self, zone: str, where: str) -> float:
        """Return until when an address stands still and nothing breaks; now, if it moves."""
        ...

    def between_until(self, zone: str, where: str, low: float, high: float) -> float:
        """Return until when an address stays between two values; now, where it may leave them."""
        ...

    def outside_until(self, zone: str, where: str, low: float, high: float) -> float:
        """Return until when an address is not between two values, or now."""
        ...


class LastingBench(TwinBench, Protocol):
    """Twins whose world outlives the program that uses it, until it is ended."""

    def end(self) -> None:
        """Keep what the units went through, and let the world end. Raises BenchError."""
        ...

    def close(self) -> None:
        """Leave the world as it stands, for the next program."""
        ...
