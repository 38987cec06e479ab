"""The controlled end: a stress cools down as it says before the bench is made safe.

The rules:
- Only a phase with `cool` has one, and only while something is set: what its own cooling lets go is
  let go, what it keeps stays as it is, and its `until` is waited for. Nothing is switched on.
- It has a longest time, the time-out of that wait: then the bench is made safe all the same.
- Whatever comes meanwhile, a trip, a failure or a second signal, is the safe state at once.
- A limit with `action = "end"` asks for it, the first Ctrl-C, and who pauses or aborts a run. Who
  sends SIGTERM, or closes a terminal, does not wait: that is the safe state at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sensorbench.core.errors import BenchError
from sensorbench.core.quantity import address
from sensorbench.core.units import show_duration
from sensorbench.profiles.schedule import COOL, Release, Schedule, Set, Settle
from sensorbench.run.pausing import Aborted, Paused
from sensorbench.run.runner import Runner
from sensorbench.safety.limits import ControlledEnd
from sensorbench.safety.signals import Stopped

_MORE_S = 60.0
"""What letting go may take beside the wait, s."""


class _TooLong(BenchError):
    """A controlled end was not over within its longest time."""


@dataclass(frozen=True, slots=True)
class Cooling:
    """How a phase cools down in a zone: what is let go, what is set anew, what is waited for."""

    zone: str
    releases: tuple[str, ...]
    sets: tuple[Set, ...]
    waits: tuple[Settle, ...]

    @property
    def longest_s(self) -> float:
        """Return how long it may take in all, s."""
        return sum(wait.timeout_s for wait in self.waits) + _MORE_S

    @property
    def until(self) -> str:
        """Return in words what is waited for."""
        return ", ".join(
            f"{band.address} is {'below' if band.high is not None else 'above'} "
            f"{band.high if band.high is not None else band.low:g} "
            f"{address(band.address).quantity.unit}"
            for wait in self.waits
            for band in wait.bands
        )


def asks_for_it(error: BaseException | None) -> bool:
    """Return whether what ended a run leaves time for a controlled end."""
    if isinstance(error, Stopped):
        return not error.at_once
    return isinstance(error, ControlledEnd | Paused | Aborted)


def cooling_of(schedule: Schedule, number: int) -> Cooling | None:
    """Return how the phase of a step cools down next, None where it says nothing of that."""
    if number >= len(schedule.steps):
        return None
    marked = schedule.phase(schedule.steps[number].phase)["data"].get(COOL, {})
    numbers = sorted(one for batch in marked.values() for one in batch)
    found = next((run for run in _in_a_row(numbers) if run[-1] >= number), [])
    steps = [schedule.steps[one] for one in found]
    settles = [step.action for step in steps if isinstance(step.action, Settle)]
    # What is kept may be sent anew and waited for; only `until` has bands without a target.
    waits = tuple(one for one in settles if all(band.target is None for band in one.bands))
    if not waits:
        return None
    return Cooling(
        steps[0].zone,
        tuple(step.action.what for step in steps if isinstance(step.action, Release)),
        tuple(step.action for step in steps if isinstance(step.action, Set)),
        waits,
    )


def _in_a_row(numbers: Iterable[int]) -> Iterator[list[int]]:
    """Yield numbers in runs without a gap."""
    row: list[int] = []
    for number in numbers:
        if row and number != row[-1] + 1:
            yield row
            row = []
        row.append(number)
    if row:
        yield row


def come_to_the_end(run: Runner, why: BaseException) -> None:
    """Let what goes on cool down as its phase says, where it does; raise what cuts that short."""
    found = cooling_of(run.schedule, run.number)
    here = [] if found is None else [where for zone, where in run.is_set() if zone == found.zone]
    if found is None or not here:
        return
    run.watch.ends()
    run.pausing.ends()
    stays = [where for where in here if where not in found.releases]
    data = {
        "zone": found.zone, "stays": stays, "longest_s": found.longest_s,
        "until": [
            {"address": band.address, "low": band.low, "high": band.high}
            for wait in found.waits
            for band in wait.bands
        ],
    }  # fmt: skip
    run.evidence.append("controlled_end", {"text": str(why), **data})
    began = run.clock.now()
    run.services.once(run.clock.now() + found.longest_s, _too_long, "longest controlled end")
    run.notify(
        f"CONTROLLED END: {', '.join(stays) or 'nothing'} stays set until {found.until}, "
        f"{show_duration(round(found.longest_s))} at most. Ctrl-C again: the safe state at once"
    )
    for where in reversed(here):
        if where in found.releases:
            run.bench.release(found.zone, where)
    for action in found.sets:
        if action.address in here:
            run.bench.set(found.zone, action)
    reached = all(run.bench.settle(found.zone, wait) for wait in found.waits)
    took_s = run.clock.now() - began
    run.evidence.append("cooled" if reached else "not_cooled", {"took_s": took_s})


def _too_long() -> None:
    raise _TooLong("the controlled end took longer than it may")
