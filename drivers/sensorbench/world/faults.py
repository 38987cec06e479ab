"""What is wrong with a device, from when to when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensorbench.world.world import World


BROWN_OUT = "brown_out"
"""The kind of fault in which a part has no supply, whatever the others have."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a device from `at_s` on, to `until_s`; both on the world's clock."""

    kind: str
    at_s: float = -math.inf
    until_s: float = math.inf

    def is_there(self, now: float) -> bool:
        """Return whether it is there at `now`."""
        return self.at_s <= now < self.until_s


def kind_at(faults: Iterable[Fault], now: float) -> str:
    """Return the kind of the first of `faults` that is there at `now`, "" for none."""
    return next((fault.kind for fault in faults if fault.is_there(now)), "")


def changes_between(
    faults: Iterable[Fault], after_s: float, until_s: float
) -> list[tuple[float, str]]:
    """Return each time after `after_s`, up to `until_s`, at which a fault comes or goes.

    With the kind that is there from then on.

    >>> changes_between([Fault("stuck", 10.0, 20.0), Fault("open", 15.0)], 0.0, 30.0)
    [(10.0, 'stuck'), (15.0, 'stuck'), (20.0, 'open')]
    """
    known = list(faults)
    times = {time for fault in known for time in (fault.at_s, fault.until_s)}
    return [(time, kind_at(known, time)) for time in sorted(times) if after_s < time <= until_s]


class Suffering:
    """Lets a twin meet its faults in order, each at its own time, whenever it is looked at.

    `suffer` is called with the kind that comes, "" where one goes; meanwhile `now_s` is that time.
    """

    def __init__(self, world: World, device: str, suffer: Callable[[str], None]) -> None:
        self.kind = ""
        self._world, self._device, self._suffer = world, device, suffer
        self._looked_s = world.clock.now()
        self._then_s: float | None = None

    @property
    def now_s(self) -> float:
        """Return the time at which the twin is: now, or while it catches up, earlier."""
        return self._world.now() if self._then_s is None else self._then_s

    def catch_up(self) -> None:
        """Meet what came and went since the last look, and what is there now."""
        now_s = self._world.now()
        for at_s, kind in self._world.fault_changes(self._device, self._looked_s):
            self._meet(at_s, kind)
        self._looked_s = max(self._looked_s, now_s)
        self._meet(now_s, self._world.fault_of(self._device))

    def _meet(self, at_s: float, kind: str) -> None:
        if kind == self.kind:
            return
        self.kind, self._then_s = kind, at_s
        try:
            self._suffer(kind)
        finally:
            self._then_s = None
