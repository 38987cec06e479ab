"""The progress display: bar, per cent, time left, when it ends; then what is being done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import typer

from sensorbench.app.screen import Apart
from sensorbench.core.units import show_duration
from sensorbench.run.progress import Progress, Silent, Status

if TYPE_CHECKING:
    from rich.live import Live

_LINE_EVERY_S = 10.0
_REDRAW_EVERY_S = 0.1
_TELLS_AFTER_S = 1.0
_LEAST_TITLE, _BAR, _NARROW_BAR = 8, 20, 10


@contextmanager
def display(title: str, quiet: bool = False, real_time: bool = True) -> Iterator[Progress]:
    """Show a run on the terminal; a line now and then where there is none; nothing if quiet.

    Where time is not real, the time left is told by how fast it went so far.
    """
    if quiet:
        yield Silent()
        return
    with ExitStack() as stack:
        shown: Progress
        if sys.stderr.isatty():
            shown = stack.enter_context(_screen(title, _Left(real_time)))
        else:
            shown = _Lines(title, _Left(real_time))
        if real_time:
            apart = Apart(shown)
            stack.callback(apart.close)
            shown = apart
        yield shown


class _Left:
    """How much is done, and how many seconds of the person's own time are left."""

    def __init__(self, real_time: bool) -> None:
        self._real_time = real_time
        self._begun = time.monotonic()
        self._total_s = 0.0

    def of(self, left_s: float) -> tuple[float, float | None]:
        """Return the share that is done, and the real seconds left; None while nobody knows."""
        left_s = max(0.0, left_s)
        self._total_s = max(self._total_s, left_s)
        done = 1 - left_s / self._total_s if self._total_s else 0.0
        if self._real_time:
            return done, left_s
        passed_s = time.monotonic() - self._begun
        if passed_s < _TELLS_AFTER_S or not done:
            return done, None
        return done, passed_s * (1 - done) / done


def when(left_s: float | None, now: datetime) -> str:
    """Return the time left and the local time at which it is over, with the day if not today.

    >>> when(5400.0, datetime(2026, 3, 6, 18, 0))
    '1 h 30 min left, ends 19:30'
    >>> when(86400.0, datetime(2026, 3, 6, 18, 0))
    '1 d left, ends Sat 7 Mar 18:00'
    """
    if left_s is None:
        return ""
    end = now + timedelta(seconds=left_s)
    day = "" if end.date() == now.date() else f"{end:%a} {end.day} {end:%b} "
    return f"{show_duration(float(round(left_s)))} left, ends {day}{end:%H:%M}"


def head(title: str, done: float, told: str, width: int) -> str:
    """Return the first line, never wider than `width`: the title gives way, then the bar.

    >>> head("Calibration over pressure and temperature", 0.5, "9 min left, ends 18:09", 60)
    'Calibrati… ██████████░░░░░░░░░░  50 % 9 min left, ends 18:09'
    """
    bar = _BAR
    room = width - len(told) - bar - len("  100 % ")
    if room < _LEAST_TITLE:
        room, bar = room + bar - _NARROW_BAR, _NARROW_BAR
    shown = fitted(title, room) if room >= _LEAST_TITLE else ""
    full = round(done * bar)
    line = f"{'█' * full}{'░' * (bar - full)} {done * 100:3.0f} % {told}".rstrip()
    return f"{shown} {line}" if shown else fitted(line, width)


def fitted(text: str, width: int) -> str:
    """Return a text that takes no more than `width` columns; … for what is left out."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - Chinese titles take two each

    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 1)) + "…"


def _doing(status: Status) -> str:
    values = ", ".join(f"{name} {value}" for name, value in status.values.items())
    told = f"{status.doing}; {values}" if values else status.doing
    # First, as a narrow screen cuts off what comes last.
    alarm = f"ALARM: {', '.join(status.alarms)}" if status.alarms else ""
    return "; ".join(filter(None, (status.notice, alarm, told)))


class _Lines:
    def __init__(self, title: str, left: _Left) -> None:
        self._title = title
        self._left = left
        self._next = time.monotonic() + _LINE_EVERY_S
        self._first: tuple[object, ...] = ((), "")

    def show(self, status: Status) -> None:
        done, left_s = self._left.of(status.left_s)
        first = (status.alarms, status.notice)
        if time.monotonic() >= self._next or first != self._first:
            self._first = first
            self._next = time.monotonic() + _LINE_EVERY_S
            told = when(left_s, datetime.now().astimezone())
            parts = [f"{done * 100:.0f} %", told, _doing(status)]
            typer.echo(f"{self._title}: {'; '.join(filter(None, parts))}", err=True)


class _Screen:
    def __init__(self, title: str, left: _Left, live: Live) -> None:
        self._title = title
        self._left = left
        self._live = live
        self._drawn = 0.0
        self._notice = ""

    def show(self, status: Status) -> None:
        from rich.text import Text  # noqa: PLC0415 - only on a terminal

        done, left_s = self._left.of(status.left_s)
        now = time.monotonic()
        if now - self._drawn < _REDRAW_EVERY_S and status.notice == self._notice:
            return
        self._drawn, self._notice = now, status.notice
        # The last column stays free: some terminals go on to the next line there.
        width = self._live.console.width - 1
        first = head(self._title, done, when(left_s, datetime.now().astimezone()), width)
        self._live.update(Text(f"{first}\n{fitted(_doing(status), width)}", no_wrap=True))


@contextmanager
def _screen(title: str, left: _Left) -> Iterator[Progress]:
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.live import Live  # noqa: PLC0415

    with Live(console=Console(stderr=True, highlight=False), transient=True) as live:
        yield _Screen(title, left, live)
