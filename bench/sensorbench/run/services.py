"""Time of a run: `wait` is the only place where it passes, and services are served meanwhile.

A service is called at its time, late once and never in a burst: one that is late is called once,
and then again at the next time of its own grid. What takes time, such as reading a hundred units,
simply makes the next ones late. One that has to wait, as for an instrument that does not answer,
waits as everybody does: the others are served meanwhile, and it is not called within itself.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

from sensorbench.core.clock import Clock, RealClock

Tick = Callable[[], float | None]
_PIECE_S = 0.5


def _nothing() -> None:
    """Interrupt nothing."""


@dataclass(slots=True)
class _Service:
    due: float
    number: int
    period: float
    tick: Tick
    name: str
    is_over: bool = False

    def after(self, now: float) -> float:
        """Return the next time of its own grid, after `now` where it is late by periods."""
        missed = math.floor((now - self.due) / self.period) if now > self.due else 0
        return self.due + (missed + 1) * self.period

    def __lt__(self, other: _Service) -> bool:
        return (self.due, self.number) < (other.due, other.number)


class Services:
    """All services of a run, and the wait that serves them.

    `interrupts` is called while real time passes, and may raise.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.interrupts: Callable[[], None] = _nothing
        self._heap: list[_Service] = []
        self._called: list[_Service] = []
        self._number = 0

    def every(self, period: float, tick: Tick, name: str, first: float | None = None) -> None:
        """Call `tick` every `period` seconds, first after a period, or at `first`.

        A tick may return the time of its next call, where it knows better.
        """
        self._number += 1
        due = self._clock.now() + period if first is None else first
        heapq.heappush(self._heap, _Service(due, self._number, period, tick, name))

    def once(self, due: float, tick: Callable[[], None], name: str) -> None:
        """Call `tick` once, at `due`."""

        def last() -> float | None:
            self.stop(name)  # first: it may ask for another
            tick()
            return None

        self.every(1.0, last, name, due)

    def stop(self, name: str) -> None:
        """End the services of that name; one that is not there is fine."""
        for called in self._called:
            called.is_over |= called.name == name
        self._heap = [service for service in self._heap if service.name != name]
        heapq.heapify(self._heap)

    def due_now(self, name: str, due: float) -> None:
        """Bring a service's next call forward to `due`, if it is later."""
        for service in self._heap:
            if service.name == name and service.due > due:
                service.due = due
        heapq.heapify(self._heap)

    def wait(self, until: float) -> None:
        """Let time pass to `until`, serving whatever falls due."""
        while self._heap and self._heap[0].due <= until:
            self._sleep(self._heap[0].due)
            self._call(heapq.heappop(self._heap))
        self._sleep(until)

    def _call(self, service: _Service) -> None:
        self._called.append(service)
        again: float | None = None
        try:
            again = service.tick()
        finally:  # whatever it raises: it is still there while a run comes to its end
            self._called.pop()
            if not service.is_over:  # a tick may end itself, or others
                service.due = again if again is not None else service.after(self._clock.now())
                heapq.heappush(self._heap, service)

    def _sleep(self, until: float) -> None:
        """Let time pass; in real time in short pieces, so that what `interrupts` raises ends it."""
        clock = self._clock
        if not isinstance(clock, RealClock):
            clock.sleep(until - clock.now())
            return
        piece = _PIECE_S * clock.speed
        while until - clock.now() > piece:
            clock.sleep(piece)
            self.interrupts()
        clock.sleep(until - clock.now())
        self.interrupts()

    def serve(self) -> None:
        """Serve what is due by now: work that took long may have gone past it."""
        self.wait(self._clock.now())
