"""What a person asks of a run while it goes on, and when it is done.

The rules:
- A pause comes when the point is read or the cycle is over, so that nothing is done twice. What is
  held for hours stops at once: what it was credited counts on.
- Then the bench comes to the end that its phase says, is made safe and given back.
- Or it is held as it stands for a time: what was asked for next, or that time, ends it.
- To abort is the end at once: what is there is sealed, and no verdict is made of what is not.
- Nothing that is asked for cuts a controlled end short: parts cool down with their bias on. Who
  aborts then has the run sealed when that is over.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from sensorbench.core.units import show_duration
from sensorbench.profiles.schedule import Do, Hold, Read, Release
from sensorbench.run.parked import Parked
from sensorbench.run.stopped import Stopped
from sensorbench.station.wishes import Wish, Wishes

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner

PAUSED = "paused"
"""What a run waits for that a person paused."""
_LOOK_S = 1.0


class Paused(Parked):
    """A person asked the run to pause."""

    def __init__(self, wish: Wish) -> None:
        super().__init__({"until": PAUSED, "by": wish.by, "because": wish.because})


class Aborted(Stopped):
    """A person ended the run for good."""

    state: ClassVar[str] = "aborted"

    def __init__(self, wish: Wish) -> None:
        why = f": {wish.because}" if wish.because else ""
        super().__init__(f"ended by {wish.by}{why}", {"by": wish.by, "because": wish.because})


class Pausing:
    """Looks for wishes, and acts on them where that is right."""

    def __init__(self, run: Runner, wishes: Wishes | None) -> None:
        self._run, self._wishes = run, wishes
        self._asked: Wish | None = None
        self._is_ending = False
        self.is_holding = False
        self.aborted: Aborted | None = None
        """Who aborted it while it came to its controlled end."""

    def heed(self) -> None:
        """Take what is asked for now. Raises Aborted, and Paused where nothing is cut short."""
        wish = self._wishes.look() if self._wishes is not None else None
        if wish is None:
            return
        run = self._run
        told = {key: value for key, value in asdict(wish).items() if key != "run" and value}
        run.evidence.append("wish", told)
        if self._is_ending:
            self.aborted = Aborted(wish) if wish.kind == "abort" else self.aborted
            return
        if wish.kind == "abort":
            raise Aborted(wish)
        self._asked = None if wish.kind == "go on" else wish
        if wish.kind == "pause" and (self.is_holding or self._is_in_a_hold()):
            raise Paused(wish)
        run.notify("" if self._asked is None else _told(self._asked))

    def ends(self) -> None:
        """Go on looking, and cut nothing short: the controlled end has begun."""
        self._is_ending = True

    def between(self, number: int) -> None:
        """Pause before a step, where that was asked for and the step begins something."""
        run, wish = self._run, self._asked
        if wish is None or not is_between(run, number):
            return
        if wish.kind == "pause":
            raise Paused(wish)
        end = run.clock.now() + wish.longest_s
        self.is_holding = True
        try:
            while self._asked is wish and run.clock.now() < end:
                run.services.wait(min(run.clock.now() + _LOOK_S, end))
                run.meanwhile()
        finally:
            self.is_holding = False
        if self._asked is wish:
            raise Paused(wish)

    def _is_in_a_hold(self) -> bool:
        step = self._run.schedule.steps[self._run.number]
        return isinstance(step.action, Hold) and step.restart == self._run.number

    def close(self) -> None:
        """Look no more."""
        if self._wishes is not None:
            self._wishes.close()


def is_between(run: Runner, number: int) -> bool:
    """Return whether nothing is cut short before a step: a point is read, a cycle is over."""
    steps = run.schedule.steps
    if steps[number].restart != number:
        return False
    begins = number + 1 < len(steps) and steps[number + 1].restart == number
    before = steps[number - 1].action if number else None
    return begins or before is None or isinstance(before, Read | Hold | Do | Release)


def _told(wish: Wish) -> str:
    why = f", asked for by {wish.by}"
    if wish.kind == "pause":
        return f"PAUSES when this point or cycle is over{why}"
    return f"HOLDS the bench after this point or cycle for {show_duration(wish.longest_s)}{why}"
