"""Work that nothing waits for: done in order by a thread of its own, as a disk may stall.

The rules:
- Whoever hands work over goes on at once. Where too much waits it is refused, and the caller told.
- At the end it is waited for, and no longer than a deadline: what is not done then is left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Full, Queue

MOST = 256


class Behind:
    """Does what it is handed, in order. What the work raises is dropped: it says so by itself."""

    def __init__(self, name: str) -> None:
        self._waiting: Queue[Callable[[], object]] = Queue(MOST)
        self._idle = threading.Condition()
        self._open = 0
        # A daemon: a disk that never answers must not keep the program.
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def do(self, work: Callable[[], object]) -> bool:
        """Hand work over, and return whether it was taken."""
        with self._idle:
            try:
                self._waiting.put_nowait(work)
            except Full:
                return False
            self._open += 1
        return True

    def wait(self, within_s: float) -> bool:
        """Return whether all that was handed over is done within so many seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._open, within_s)

    def _run(self) -> None:
        while True:
            work = self._waiting.get()
            with suppress(Exception):
                work()
            with self._idle:
                self._open -= 1
                self._idle.notify_all()
