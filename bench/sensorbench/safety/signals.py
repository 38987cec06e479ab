"""Signals: the first that would end the program unwinds it to the safe state, undisturbed.

The rules:
- The first signal raises Stopped where the program is. Later ones raise nothing: a terminal that
  closes at shutdown sends two, and a person presses Ctrl-C again; what unwinds must reach its end.
- Inside `unstoppable` nothing is raised. A signal that came there is raised at its end.
- So Stopped is raised once at most, and whoever has caught it is not interrupted any more, but
  inside `stoppable_again`: a controlled end is cut short by any second signal.
"""

from __future__ import annotations

import atexit
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any

_STOPPING = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK")
    if hasattr(signal, name)
]


class Stopped(KeyboardInterrupt):
    """A signal asked the program to end; `number` is which.

    `at_once` says that no time is left for a controlled end: whoever sent it does not wait.
    """

    def __init__(self, number: int, at_once: bool = False) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number
        self.at_once = at_once or number != signal.SIGINT


class _Handler:
    """What is done when a signal comes."""

    def __init__(self) -> None:
        self.sections = 0
        self.noted = 0
        self.is_raised = False
        self.is_urgent = False
        self.again = 0

    def came(self, number: int, _frame: FrameType | None) -> None:
        if self.is_raised:
            self.again = self.again or number
            return
        if self.sections:
            self.noted = self.noted or number
            return
        self.is_raised = True
        raise Stopped(number, self.is_urgent)

    def due(self) -> None:
        """Raise what came inside the sections that are over."""
        if self.noted and not self.sections and not self.is_raised:
            self.is_raised = True
            raise Stopped(self.noted, self.is_urgent)


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into Stopped, so that `finally` is reached."""
    with _handled(_Handler().came):
        yield


@contextmanager
def unstoppable() -> Iterator[None]:
    """Hold signals off: while the bench is made safe, and until evidence is sealed."""
    handler = _installed()
    if handler is None:  # nobody turns signals into Stopped here
        handler = _Handler()
        with _handled(handler.came):
            handler.sections += 1
            yield
            handler.sections -= 1
        handler.due()
        return
    handler.sections += 1
    try:
        yield
    finally:
        handler.sections -= 1
    handler.due()


@contextmanager
def stoppable_again() -> Iterator[None]:
    """Let the next signal raise Stopped within the block, although one was raised before.

    One that came since then is raised at once.
    """
    handler = _installed()
    if handler is None:
        yield
        return
    was_raised, handler.is_raised = handler.is_raised, False
    try:
        if handler.again:
            raise Stopped(handler.again, True)
        yield
    finally:
        handler.is_raised = was_raised or handler.is_raised


@cache
def ignored_at_exit() -> None:
    """Let no signal end a program that is ending: its exit code says what became of the bench."""

    def ignore() -> None:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)


def urgent() -> None:
    """Raise Stopped in the main thread, from any other, with no time for a controlled end."""
    handler = _installed()
    if handler is not None:
        handler.is_urgent = True
    signal.raise_signal(signal.SIGINT)  # it alone wakes a main thread that sleeps on Windows


def _installed() -> _Handler | None:
    owner: Any = getattr(signal.getsignal(signal.SIGINT), "__self__", None)
    return owner if isinstance(owner, _Handler) else None


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    before = [(number, signal.signal(number, handler)) for number in _STOPPING]
    try:
        yield
    finally:
        for number, old in before:
            signal.signal(number, old)
