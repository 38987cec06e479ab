"""The leads of sockets' own meters: through a switch to the meter, in the lab and in the world.

A meter that sockets share reads one at a time: its socket's switch is closed for the reading, and
open after it. In the simulated world a meter feels what is joined to it then: nothing where all
switches are open, several where a contact is welded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sensorbench.core.quantity import Value, components
from sensorbench.instruments.members import Meter, Switch
from sensorbench.station.refs import Ref
from sensorbench.world.twins import Signal

IsClosed = Callable[[], bool]


def selected(meter: Meter, switch: Switch) -> Meter:
    """Return a meter that is joined to its socket only while it reads."""

    def read() -> Value:
        try:
            switch.close()
            return meter.read()
        finally:
            switch.open()

    return Meter(meter.name, meter.quantity, read)


@dataclass(slots=True)
class Leads:
    """What is wired to one simulated meter, by socket: its signal, and whether it is joined."""

    adds_up: bool
    _wired: dict[str, tuple[Signal, IsClosed]] = field(default_factory=dict)

    def wire(self, socket: str, signal: Signal, is_closed: IsClosed) -> None:
        """Wire a socket to the meter, instead of what it had before."""
        self._wired[socket] = signal, is_closed

    def cut(self, socket: str) -> None:
        """Leave a socket's end of the wire open."""
        self._wired.pop(socket, None)

    def felt(self) -> float:
        """Return what the meter feels now: currents add up, outputs that are joined meet midway."""
        found = [components(signal())[0] for signal, closed in self._wired.values() if closed()]
        if not found:
            return 0.0
        return sum(found) if self.adds_up else sum(found) / len(found)


def measures_current(ref: Ref) -> bool:
    """Return whether a meter measures a current: it then feels what all that is joined draws."""
    quantity = getattr(ref.declared, "quantity", None)
    return quantity is not None and quantity.dimension.canonical == "A"
