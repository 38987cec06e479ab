"""The progress display: what the run is doing, how long it still takes, the last values."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from sensorbench.core.units import show_duration
from sensorbench.run.progress import Progress, Silent, Status

_LINE_EVERY_S = 10.0
_REDRAW_EVERY_S = 0.1


@contextmanager
def display(title: str, quiet: bool = False) -> Iterator[Progress]:
    """Show a run on the terminal; a line now and then where there is none; nothing if quiet."""
    if quiet:
        yield Silent()
    elif sys.stderr.isatty():
        with _bar(title) as progress:
            yield progress
    else:
        yield _Lines(title)


class _Lines:
    def __init__(self, title: str) -> None:
        self._title = title
        self._next = time.monotonic() + _LINE_EVERY_S

    def show(self, status: Status) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_EVERY_S
            typer.echo(f"{self._title}: {_words(status)}", err=True)


class _Bar:
    def __init__(self, title: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - only on a terminal
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

        self.progress = Progress(
            TextColumn("{task.fields[title]}"),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[words]}"),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._task = self.progress.add_task("", title=title, words="", total=1.0)
        self._total_s = 0.0
        self._drawn = 0.0

    def show(self, status: Status) -> None:
        self._total_s = max(self._total_s, status.left_s)
        now = time.monotonic()
        if now - self._drawn < _REDRAW_EVERY_S:
            return
        self._drawn = now
        done = 1 - status.left_s / self._total_s if self._total_s else 0.0
        self.progress.update(self._task, completed=done, words=_words(status))


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    bar = _Bar(title)
    with bar.progress:
        yield bar


def _words(status: Status) -> str:
    values = ", ".join(f"{name} {value}" for name, value in status.values.items())
    return f"{status.doing}; {show_duration(max(0.0, status.left_s))} left; {values}"
