"""Signals: any of them that would end the program first makes the bench safe."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stopped(KeyboardInterrupt):
    """A signal asked the program to end; `number` is which."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into Stopped, so that `finally` is reached."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    with _handled(stop):
        yield


@contextmanager
def unstoppable() -> Iterator[None]:
    """Hold signals off while the bench is made safe: a second Ctrl-C must not leave it hot."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def _handled(handler: object) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    before = [(number, signal.signal(number, handler)) for number in _STOPPING]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for number, old in before:
            signal.signal(number, old)
