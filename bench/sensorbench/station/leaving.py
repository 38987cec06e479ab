"""A part that may leave, or hold its bus: its twin on a bus or a line, as long as it is there."""

from __future__ import annotations

from sensorbench.core.catalog import Device
from sensorbench.core.errors import NotAcknowledged
from sensorbench.links.i2c import HearsGeneralCall, I2cTarget, PullsAlert
from sensorbench.links.line import LineTwin
from sensorbench.world.faults import BROWN_OUT
from sensorbench.world.world import Place

ABSENT, BUS_HELD = "absent", "bus_held"


def faults_of_any_part(device: Device) -> tuple[str, ...]:
    """Return the faults that a part has by how it is connected, not by its twin."""
    if "i2c" in device.links:
        return ABSENT, BROWN_OUT, BUS_HELD
    return (ABSENT, BROWN_OUT) if "serial" in device.links else (BROWN_OUT,)


def line_name(socket_id: str) -> str:
    """Return what the line of a socket is called among those of instruments, which have no dot."""
    return f"socket.{socket_id}"


def cable_name(cable: str) -> str:
    """Return what a simulated cable is called among the lines of instruments and sockets."""
    return f"cable.{cable}"


class SeatedTwin:
    """The simulated serial line of a socket: a LineTwin for whatever part is in it, or nobody.

    It takes the bytes as they travel, for parts come and go, and each frames its own.
    """

    def __init__(self) -> None:
        self.terminators: tuple[bytes, ...] = ()
        self.reply_terminator = b""
        self._part: tuple[LineTwin, Place] | None = None

    @property
    def serial(self) -> str:
        """Return the serial of the part that is in it, "" without one."""
        return self._part[1].serial if self._part is not None else ""

    def seat(self, twin: LineTwin, place: Place) -> None:
        """Connect a part."""
        self._part = twin, place

    def leave(self) -> None:
        """Have nobody there."""
        self._part = None

    def handle(self, line: bytes) -> bytes | None:
        """Hand on what came, and return what the part answers; None without one."""
        if self._part is None or self._part[1].fault() == ABSENT:
            return None
        return self._part[0].handle(line)


class Leaving:
    """A part's twin on its bus.

    While its fault is "absent" nobody answers there; while it is "bus_held" it holds a line low.
    """

    def __init__(self, twin: I2cTarget, place: Place) -> None:
        self.twin, self._place = twin, place

    def holds_bus(self) -> bool:
        return self._place.fault() == BUS_HELD

    def receive(self, data: bytes) -> None:
        self._there()
        self.twin.receive(data)

    def send(self, length: int) -> bytes:
        self._there()
        return self.twin.send(length)

    def general_call(self, data: bytes) -> None:
        self._there()
        if not isinstance(self.twin, HearsGeneralCall):
            raise NotAcknowledged(f"part {self._place.serial} hears no general call")
        self.twin.general_call(data)

    def alert(self) -> int | None:
        self._there()
        return self.twin.alert() if isinstance(self.twin, PullsAlert) else None

    def alert_answered(self) -> None:
        if isinstance(self.twin, PullsAlert):
            self.twin.alert_answered()

    def _there(self) -> None:
        if self._place.fault() == ABSENT:
            raise NotAcknowledged(f"socket of {self._place.serial} is empty")
