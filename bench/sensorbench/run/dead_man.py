"""Pulses for dead-man relays: turned while the run decides, and by nothing else.

The rules:
- A pulse says that this program lives, that its loop keeps what it promised, and that safety looks:
  without any of them none is sent, and the relay drops. No timer of the relay board sends one.
- A thread of its own: an instrument elsewhere that does not answer drops no relay.
- It ends before the bench is made safe, whose own turn at the relay nothing may cross: what is not
  safe by the time the relay drops is cut.
- The first turn is made before anything is set: a run whose relay can't be pulsed does not begin.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from sensorbench.core.clock import Clock, RealClock
from sensorbench.core.errors import BenchError
from sensorbench.instruments.members import Switch
from sensorbench.station.again import Again
from sensorbench.station.pulsing import DeadMan, dead_men

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner

_ENDS_S = 1.0
_MISSED = 2


class Pulses:
    """Turns the contacts of dead-man relays. `lost` is told once which can't be turned, and why."""

    def __init__(
        self,
        relays: list[tuple[DeadMan, Switch]],
        clock: Clock,
        is_alive: Callable[[], bool],
        lost: Callable[[str], None],
    ) -> None:
        self._relays, self._clock = relays, clock
        self._is_alive, self._lost = is_alive, lost
        self._stop = threading.Event()
        self._turning = threading.Lock()

    def start(self, again: Again) -> None:
        """Turn every contact once, and from now on. Raises the BenchError of the first turn.

        In virtual time, which nobody waits in, it stays at the first turn.
        """
        for relay, contact in self._relays:
            again(contact.close, str(relay.output))
        if not isinstance(self._clock, RealClock):
            return
        for relay, contact in self._relays:
            work = partial(self._run, relay, contact)
            threading.Thread(target=work, name=f"dead man {relay.name}", daemon=True).start()

    def stop(self) -> None:
        """Send no more pulses, once the turn that is under way is over or takes too long."""
        self._stop.set()
        if self._turning.acquire(timeout=_ENDS_S):
            self._turning.release()

    def _run(self, relay: DeadMan, contact: Switch) -> None:
        is_closed, missed = True, 0
        speed = self._clock.speed if isinstance(self._clock, RealClock) else 1.0
        while not self._stop.wait(relay.period_s / speed):
            if not self._is_alive():
                continue
            with self._turning:
                if self._stop.is_set():
                    return
                try:
                    (contact.open if is_closed else contact.close)()
                    is_closed, missed = not is_closed, 0
                except BenchError as error:
                    missed += 1
                    if missed == _MISSED:
                        self._lost(f"{relay.output} of the dead-man relay {relay.name}: {error}")


def pulses_of(run: Runner) -> Pulses:
    """Return the pulses of a run's station; without a relay none are sent."""
    station = run.station
    return Pulses(
        [(one, station.switch_of(one.output)) for one in dead_men(station.file)],
        run.clock,
        lambda: run.guard.pulse.is_kept() and run.watch.is_looking(),
        lambda text: run.watch.stop_for(f"no pulse reaches {text}", "no_pulse"),
    )
