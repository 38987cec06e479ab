"""What waits in memory reaches the disk in time, also while the run's own thread is busy.

The rules:
- In real time a thread of its own looks every 2 s: the run's thread may read units for minutes.
- It makes the log row that is overdue, writes rows that wait, and brings to the disk what has
  waited for long. So a run that dies loses no more than a log period and some seconds of its log;
  what counts more is on the disk when it is acknowledged, and waits for nothing here.
- It looks whether the run's files are where they were: not at the end, when all is lost.
- What fails is raised where the run waits. A disk that stalls holds up this thread alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from sensorbench.core.clock import Clock, RealClock
from sensorbench.evidence.run import RunWriter

LOOK_S = 2.0
WAITS_S = 20.0
"""How long what is not acknowledged waits in memory at most, s."""


class Keeper:
    """Keeps a run's evidence on the disk, in real time. `write` hands over what waits elsewhere.

    `write` is told how long rows may have waited, s, and returns whether there is something new.
    """

    def __init__(self, clock: Clock, evidence: RunWriter, write: Callable[[float], bool]) -> None:
        self._evidence, self._write = evidence, write
        self._speed = clock.speed if isinstance(clock, RealClock) else 1.0
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def halt(self) -> None:
        """Look no more, and wait for nobody."""
        self._stop.set()

    def join(self, within_s: float) -> None:
        """Wait until the last look is over, and no longer than a disk may take."""
        if self._thread.is_alive():
            self._thread.join(within_s)

    def check(self) -> None:
        """Raise what went wrong at a look."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while self._error is None and not self._stop.wait(max(LOOK_S / self._speed, 0.05)):
            try:
                if self._write(WAITS_S) or self._evidence.waited_s() >= WAITS_S:
                    self._evidence.commit()
                else:
                    self._evidence.look()
            except Exception as error:
                if not self._stop.is_set():  # else the run ends, and says so itself
                    self._error = error
