"""The heart of a run: by when it will be heard again, in memory that its watchdog reads.

The rules:
- What is written is a promise of the run loop, never a sign of mere life: by when it will have got
  on. A loop that hangs breaks it; a disk that stalls for less than was promised does not.
- The promise is in memory: on Linux in a file without a disk (memfd), which the watchdog opens
  through the run's own process; elsewhere in a mapped file beside the marks.
- Times are those of the monotonic clock, which both processes share. It does not see a calendar
  that is set.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sensorbench.core.clock import RealClock

ALLOWANCE_S = 20.0
"""What a run loop may take between two signs, s, beside the slowest exchange of its bench."""
LONGEST_S = 600.0
"""What one act may take in all, s: a driver that waits in small steps for ever is found then."""
_LAYOUT = struct.Struct("<QddQ")
_MAGIC = 0x5342_4541_5431_0001

RUNNING, ENDING, ENDED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heart says: by when it will be heard (monotonic s), and whether the run ends."""

    due: float
    written: float
    state: int


class Pulse(Protocol):
    """Whoever is told that a run gets on."""

    def beat(self) -> None:
        """Say that the loop got on, and will again within the usual time."""
        ...

    def expect(self, seconds: float) -> None:
        """Say that what begins now may take so long."""
        ...

    def tripped(self) -> None:
        """Say that the bench is to be made safe at once; beats change nothing any more."""
        ...

    def ending(self, seconds: float) -> None:
        """Say that the bench is being made safe, and how long that may take."""
        ...

    def is_kept(self) -> bool:
        """Return whether what was said last is not overdue."""
        ...


class NoPulse:
    """Nobody listens: simulated benches end with the program."""

    def beat(self) -> None:
        """Tell nobody."""

    def expect(self, seconds: float) -> None:
        """Tell nobody."""

    def tripped(self) -> None:
        """Tell nobody."""

    def ending(self, seconds: float) -> None:
        """Tell nobody."""

    def is_kept(self) -> bool:
        """Return that nothing is overdue: nothing was promised."""
        return True


class Heart:
    """The run's side. Called from the run's threads; each write is one small copy in memory."""

    def __init__(self, name: str, beside: Path, allowance_s: float) -> None:
        self.allowance_s = allowance_s
        self._state = RUNNING
        self._since = time.monotonic()
        self._urgent = self._due = math.inf
        if hasattr(os, "memfd_create"):
            self._file: int = os.memfd_create(name)
            self.place = f"/proc/{os.getpid()}/fd/{self._file}"
        else:
            path = beside.with_suffix(".beat")
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            self.place = str(path)
        os.truncate(self._file, mmap.PAGESIZE)
        self._memory = mmap.mmap(self._file, mmap.PAGESIZE)
        self.beat()

    def beat(self) -> None:
        self._since = time.monotonic()
        self._promise(self._since + self.allowance_s)

    def expect(self, seconds: float) -> None:
        now = time.monotonic()
        self._promise(min(now + seconds + self.allowance_s, self._since + LONGEST_S + seconds))

    def tripped(self) -> None:
        self._urgent = min(self._urgent, time.monotonic() + self.allowance_s)
        self._promise(self._urgent)

    def ending(self, seconds: float) -> None:
        self._state, self._urgent = ENDING, math.inf
        self._promise(time.monotonic() + seconds)

    def ended(self) -> None:
        """Say that there is nothing left to guard."""
        self._state = ENDED
        self._promise(math.inf)

    def is_kept(self) -> bool:
        return time.monotonic() <= self._due

    def _promise(self, due: float) -> None:
        self._due = due = min(due, self._urgent)
        _LAYOUT.pack_into(self._memory, 0, _MAGIC, due, time.monotonic(), self._state)

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
        os.close(self._file)
        if not self.place.startswith("/proc/"):
            with suppress(OSError):
                Path(self.place).unlink()


class Listener:
    """The watchdog's side. Raises OSError where there is no heart to be read."""

    def __init__(self, place: str) -> None:
        with Path(place).open("rb") as file:
            self._memory = mmap.mmap(file.fileno(), mmap.PAGESIZE, access=mmap.ACCESS_READ)

    def last(self) -> Beat:
        """Return what was said last. Raises OSError where it makes no sense."""
        for _ in range(100):
            once, again = self._read(), self._read()
            if once == again and once[0] == _MAGIC:  # not in the middle of a write
                return Beat(once[1], once[2], once[3])
        raise OSError(f"the heart makes no sense: {once!r}")

    def _read(self) -> tuple[int, float, float, int]:
        found: tuple[int, float, float, int] = _LAYOUT.unpack_from(self._memory, 0)
        return found

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()


class PulsingClock(RealClock):
    """Real time whose sleeps are announced: drivers wait for conversions, resets and memories."""

    def __init__(self, pulse: Pulse, speed: float = 1.0) -> None:
        super().__init__(speed)
        self._pulse = pulse

    def sleep(self, seconds: float) -> None:
        if seconds > 1.0:
            self._pulse.expect(seconds / self.speed)
        super().sleep(seconds)
