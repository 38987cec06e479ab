"""Deadlines for what has none: name look-ups, drivers of the system, libraries of vendors.

The rules:
- Such work is done in a thread that nobody waits for longer than was said, and that no program
  waits for at its end.
- What comes too late goes to `late`, which gives it back; what fails too late is forgotten.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class _Job(Generic[T]):
    """Work that is done once, and what came of it."""

    def __init__(self, work: Callable[[], T], late: Callable[[T], object] | None) -> None:
        self._work, self._late = work, late
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._is_given_up = False
        self._result: list[T] = []
        self._error: BaseException | None = None

    def do(self) -> None:
        """Do the work, unless nobody waits for it any more."""
        if self._over():
            return
        try:
            result = [self._work()]
        except BaseException as error:
            result, self._error = [], error
        with self._lock:
            self._result = result
            self._done.set()
        if result and self._late is not None and self._over():
            with contextlib.suppress(Exception):
                self._late(result[0])

    def _over(self) -> bool:
        """Return whether nobody waits any more."""
        return self._is_given_up

    def wait(self, seconds: float, what: str) -> T:
        """Return what came of it. Raises what the work raised, and TimeoutError."""
        try:
            self._done.wait(seconds)
        finally:  # also where a person interrupts the waiting
            with self._lock:
                self._is_given_up = not self._done.is_set()
        if self._is_given_up:
            raise TimeoutError(f"{what} took longer than {seconds:g} s")
        if self._error is not None:
            raise self._error
        return self._result[0]


def within(
    seconds: float, work: Callable[[], T], what: str, late: Callable[[T], object] | None = None
) -> T:
    """Do `work` and return its result within `seconds` of real time.

    Raises what the work raises, and TimeoutError, with `what` in its text. A result that comes
    later is handed to `late`.
    """
    job = _Job(work, late)
    threading.Thread(target=job.do, name=what, daemon=True).start()
    return job.wait(seconds, what)


class Worker:
    """One thread that does one thing after the other, each within its own deadline.

    While one thing hangs, those after it wait no longer than their deadlines, and are not done.
    The thread begins with the first thing to do.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(
        self, seconds: float, work: Callable[[], T], late: Callable[[T], object] | None = None
    ) -> T:
        """Do `work` and return its result. Raises what it raises, and TimeoutError.

        A result that comes later is handed to `late`.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        job: _Job[T] = _Job(work, late)
        self._jobs.put(job)  # type: ignore[arg-type]
        return job.wait(seconds, self._name)

    def end(self) -> None:
        """Let the thread end once it has done what it does; nobody waits for it."""
        if self._thread is not None:
            self._thread = None
            self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()
