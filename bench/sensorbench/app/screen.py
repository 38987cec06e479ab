"""A screen that goes away, or is held, ends no run and changes no exit code.

The rules:
- Who reads a pipe may end before the program does, and a terminal may be gone: what is written
  then goes nowhere. The evidence has it, and the exit code says the worst.
- A terminal may be held (Ctrl-S): progress is shown by a thread of its own; nothing waits for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from sensorbench.safety.behind import Behind

if TYPE_CHECKING:
    from sensorbench.run.progress import Progress, Status

SHOWN_S = 1.0


class Apart:
    """Shows behind the run's back."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._behind = Behind("progress")

    def show(self, status: Status) -> None:
        """Have the status shown, or not: what waits is enough."""
        self._behind.do(lambda: self._shown.show(status))

    def close(self) -> None:
        """Wait until all of it is shown, and not for long."""
        self._behind.wait(SHOWN_S)


class _Kept:
    """A stream that takes what nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_where_closed() -> None:
    """Give a program that was started without a screen (`>&-`) one that shows nothing."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


@contextmanager
def kept() -> Iterator[None]:
    """Let nothing that is written to the screen fail within the block.

    What waits in a stream that broke goes nowhere: Python would write it once more at its end.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Kept(stream)) for stream in before)
    try:
        yield
    finally:
        for name, stream in zip(("stdout", "stderr"), before, strict=True):
            try:
                stream.flush()
            except (OSError, ValueError):
                _into_nowhere(stream)
            setattr(sys, name, stream)


def _into_nowhere(stream: TextIO) -> None:
    """Lead what waits in a broken stream to nowhere."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
