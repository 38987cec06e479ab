"""A run under guard: its mark on the bench, its heart, and the watchdog that listens to it.

The rules:
- The mark is on the disk before anything is sent that energises; it goes when the bench is safe and
  nothing is to be told.
- What a person acknowledged stays until the run that goes on has it on record.
- The watchdog is a process of its own that outlives the run. One that is gone, or was stopped, is
  started again; a mark that somebody takes away ends the run.
- Simulated benches have none of this: what a killed program leaves on there hurts nobody, and
  stands for whoever goes on (station/worlds.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from sensorbench.core.clock import Clock, RealClock
from sensorbench.core.errors import BenchError
from sensorbench.safety import marks
from sensorbench.safety.heart import ALLOWANCE_S, Heart, NoPulse, Pulse, PulsingClock
from sensorbench.safety.watching import end_what_is_not_heard, is_watched
from sensorbench.station.detaching import detached
from sensorbench.station.locks import boot_id
from sensorbench.station.model import StationFile

STATION = "station.toml"
_EVERYBODY = 0o666
_MISSED = 2
"""So many looks may go by without a watchdog that was started."""
_USUAL_S, _TRIES = 5.0, 3
"""How long an exchange takes at most where station.toml says nothing, s; how often it is tried."""


class Guard(Protocol):
    """What stands by a run. `acknowledged` are the marks that a person said to know of."""

    pulse: Pulse
    clock: Clock
    acknowledged: tuple[marks.Mark, ...]

    def begin(self, run: str, root: Path) -> None:
        """Stand by a run from now on. Raises BenchError; `made_safe` is to be called then, too."""
        ...

    def opened(self, numbers: Iterable[str]) -> None:
        """Take note of serial numbers, known once instruments are open. Raises Barred."""
        ...

    def recorded(self) -> None:
        """Take note that the run has on record what was acknowledged."""
        ...

    def look(self) -> str:
        """Return what is wrong with the guard itself, in words, once mended; "" if nothing is."""
        ...

    def made_safe(self, unsafe: Mapping[str, str], tripped: str, ended_early: str) -> None:
        """Take note of how the run left the bench: what is not safe, what stopped it early."""
        ...

    def close(self) -> None:
        """Stand by no longer."""
        ...


class Unguarded:
    """Nobody stands by: what is simulated harms nobody."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.pulse: Pulse = NoPulse()
        self.clock: Clock = clock or RealClock()
        self.acknowledged: tuple[marks.Mark, ...] = ()

    def begin(self, run: str, root: Path) -> None:
        """Do nothing."""

    def opened(self, numbers: Iterable[str]) -> None:
        """Do nothing."""

    def recorded(self) -> None:
        """Do nothing."""

    def look(self) -> str:
        """Return that nothing is wrong."""
        return ""

    def made_safe(self, unsafe: Mapping[str, str], tripped: str, ended_early: str) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class WatchdogGuard:
    """A mark, a heart and a watchdog. Raises Barred where an earlier run left the bench so."""

    _station_text = ""

    def __init__(self, file: StationFile, workspace: Path) -> None:
        self._keys = marks.keys_of(file, workspace)
        self.acknowledged = tuple(marks.refuse(self._keys))
        self._workspace = workspace.resolve()
        with suppress(OSError):
            self._station_text = (self._workspace / STATION).read_text(encoding="utf-8")
        links = [entry.link for entry in file.instrument.values()]
        slowest_s = max([_USUAL_S, *(getattr(link, "timeout", None) or 0.0 for link in links)])
        beside = marks.folder() / f"heart-{os.getpid()}"
        self._heart = Heart("sensorbench", beside, ALLOWANCE_S + _TRIES * slowest_s)
        self.pulse: Pulse = self._heart
        self.clock: Clock = PulsingClock(self._heart)
        self._mark: marks.Mark | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._missed = 0
        self._stack = ExitStack()
        self._stack.callback(self._heart.close)

    def opened(self, numbers: Iterable[str]) -> None:
        keys = tuple(numbers)
        there = {mark.file for mark in self.acknowledged}
        self.acknowledged += tuple(m for m in marks.refuse(keys) if m.file not in there)
        self._keys += keys

    def begin(self, run: str, root: Path) -> None:
        mark = marks.Mark(
            run=run,
            root=str(root.resolve()),
            workspace=str(self._workspace),
            station=str(self._workspace / STATION),
            keys=self._keys,
            pid=os.getpid(),
            boot=boot_id(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            beat=self._heart.place,
            allowance_s=self._heart.allowance_s,
            station_text=self._station_text,
        )
        alive = FileLock(mark.alive_file, timeout=0, mode=_EVERYBODY)
        try:
            alive.acquire()
        except Timeout:
            raise BenchError(f"{run} goes on in another process: let that end first") from None
        self._stack.callback(alive.release)
        self._mark = mark  # from here on it may be on the disk
        marks.write(mark)
        self._heart.beat()
        self._process = start_watchdog(mark)

    def recorded(self) -> None:
        for known in self.acknowledged:
            if self._mark is None or known.file != self._mark.file:  # a run that goes on has one
                marks.remove(known)

    def look(self) -> str:
        if self._process is None or self._mark is None:
            return ""
        if not self._mark.file.exists():
            raise BenchError(
                f"{self._mark.file} was taken away while the run went on: nothing holds others off "
                "this bench any more, and no watchdog makes it safe. Leave the state folder alone"
            )
        if is_watched(self._mark):
            self._missed = 0
            return ""
        code, self._missed = self._process.poll(), self._missed + 1
        if code is None and self._missed < _MISSED:
            return ""  # one that was just started is not there yet
        text = f"had ended (exit code {code})" if code is not None else "was not heard"
        text = end_what_is_not_heard(self._mark) or f"the watchdog {text} and was started again"
        self._process, self._missed = start_watchdog(self._mark), 0
        return text

    def made_safe(self, unsafe: Mapping[str, str], tripped: str, ended_early: str) -> None:
        if self._mark is None:
            return
        if unsafe:
            self._keep(marks.UNSAFE, "", tuple(unsafe.values()))
        elif tripped:
            self._keep(marks.TRIPPED, tripped, ())
            self._heart.ended()
        elif ended_early and self._process is not None:
            self._keep(marks.ENDED, ended_early, ())
            self._heart.ended()
        else:
            marks.remove(self._mark)
            self._mark = None
            self._heart.ended()

    def _keep(self, state: str, text: str, unsafe: tuple[str, ...]) -> None:
        assert self._mark is not None  # noqa: S101 - asked by made_safe
        self._mark = replace(self._mark, state=state, text=text, unsafe=unsafe)
        marks.write(self._mark)

    def close(self) -> None:
        self._stack.close()


def start_watchdog(mark: marks.Mark) -> subprocess.Popen[bytes]:
    """Start the watchdog of a run. Raises BenchError."""
    words = [sys.executable, "-P", "-m", "sensorbench.safety.watchdog", str(mark.file)]
    for leaves_job in (True, False):
        try:
            return subprocess.Popen(  # noqa: S603 - our own program, words of our own
                words,
                cwd=mark.workspace if Path(mark.workspace).is_dir() else mark.file.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **detached(leaves_job=leaves_job),
            )
        except PermissionError:
            continue  # a job that nobody may leave
        except OSError as error:
            raise BenchError(f"the watchdog can't be started: {error.strerror or error}") from None
    raise BenchError("the watchdog can't be started: permission denied")
