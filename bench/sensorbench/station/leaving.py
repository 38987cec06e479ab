"""A part that may leave: its twin on a bus, as long as it is there."""

from __future__ import annotations

from sensorbench.core.errors import NotAcknowledged
from sensorbench.links.i2c import HearsGeneralCall, I2cTarget, PullsAlert
from sensorbench.world.world import Place

ABSENT = "absent"


class Leaving:
    """A part's twin on its bus: while its fault is "absent" nobody answers there."""

    def __init__(self, twin: I2cTarget, place: Place) -> None:
        self.twin, self._place = twin, place

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
