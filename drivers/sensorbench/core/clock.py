"""One owner of time. Everything that waits or stamps goes through a Clock that is handed in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

T = TypeVar("T")
_PIECE_S = 0.2


class Clock(Protocol):
    """Seconds since the clock was made; `utc` places them in the calendar."""

    def now(self) -> float:
        """Return seconds since the clock's start."""
        ...

    def utc(self) -> datetime:
        """Return the calendar time of `now`, with the zone UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        ...

    def gather(self, branches: Sequence[Callable[[], T]]) -> list[T]:
        """Do `branches` at the same time and return their results in order, once all are done.

        The first branch (in order) that raised raises here, after every branch has ended.
        """
        ...

    def aside(self, work: Callable[[], T]) -> T:
        """Do `work` beside what else goes on: the time that it takes passes for nobody else."""
        ...

    def aside_since(self) -> float | None:
        """Return when the work aside that is under way began, None where there is none."""
        ...


class RealClock:
    """Real time, or time that runs `speed` times faster for twins on real ports.

    `now` is monotonic. `utc` is the machine's calendar, also once it was set or the machine slept:
    a board without a clock of its own may start weeks in the past.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, got {speed}")
        self.speed = speed
        self._start_utc = datetime.now(UTC)
        self._start = time.monotonic()

    def now(self) -> float:
        return (time.monotonic() - self._start) * self.speed

    def utc(self) -> datetime:
        if self.speed == 1.0:
            return datetime.now(UTC)
        return self._start_utc + timedelta(seconds=self.now())

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds / self.speed)

    def gather(self, branches: Sequence[Callable[[], T]]) -> list[T]:
        if len(branches) < 2:
            return [branch() for branch in branches]
        futures = [_begun(branch) for branch in branches]
        # In pieces, so that a signal ends it: whoever caught that waits for no branch.
        while wait(futures, _PIECE_S).not_done:
            pass
        return [future.result() for future in futures]

    def aside(self, work: Callable[[], T]) -> T:
        return work()  # it is called in a thread of its own

    def aside_since(self) -> float | None:
        return None


def _begun(branch: Callable[[], T]) -> Future[T]:
    """Do a branch in a thread that nobody waits for when the program ends."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(branch())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name="branch", daemon=True).start()
    return future


class VirtualClock:
    """Time that passes only when somebody sleeps: 1000 h take as long as their arithmetic.

    `gather` runs the branches one after the other, each from the same moment, and ends at the
    latest of their ends, so that work on several buses costs the time of the slowest bus.
    After work aside it is again when that began.
    """

    def __init__(self, start_utc: datetime | None = None) -> None:
        self._start_utc = start_utc or datetime.now(UTC)
        self._now = 0.0
        self._aside_since: float | None = None

    def now(self) -> float:
        return self._now

    def utc(self) -> datetime:
        return self._start_utc + timedelta(seconds=self._now)

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._now += seconds

    def gather(self, branches: Sequence[Callable[[], T]]) -> list[T]:
        start = latest = self._now
        results: list[T] = []
        error: BaseException | None = None
        for branch in branches:
            self._now = start
            try:
                results.append(branch())
            except Exception as raised:
                error = error or raised
            latest = max(latest, self._now)
        self._now = latest
        if error:
            raise error
        return results

    def aside(self, work: Callable[[], T]) -> T:
        start, outer = self._now, self._aside_since
        self._aside_since = start if outer is None else outer
        try:
            return work()
        finally:
            self._now, self._aside_since = start, outer

    def aside_since(self) -> float | None:
        return self._aside_since

    def step(self, now_s: float, aside_since_s: float | None = None) -> None:
        """Be at just this moment, earlier or later: another clock says it, of the same time."""
        self._now, self._aside_since = now_s, aside_since_s

    def take_up(self, start_utc: datetime, now_s: float) -> None:
        """Go on in a time that began `now_s` ago, at `start_utc`; nothing was stamped yet."""
        self._start_utc, self._now = start_utc, now_s
