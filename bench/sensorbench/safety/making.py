"""Making a bench safe: by ranks, all of a rank at once, each tried again until its deadline.

The rules:
- A rank is what must be off before the next: loads before air and cooling stop. Whoever does not
  answer delays the next rank by its deadline at most, and is tried on in the background.
- One lost reply is no failure: it is tried again after a pause. What refuses is asked again, too.
- A machine that gives no thread any more has them made safe one after the other.
- Nothing else is asked of anybody first: no stream is closed, no record written, nobody waited for.
- What is not safe in the end is returned in words, and how often who was asked again; nothing is
  raised. What vents is safety/venting.py's matter.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sensorbench.core.clock import Clock, RealClock
from sensorbench.core.device import Source
from sensorbench.core.errors import LinkClosed, LinkTimeout
from sensorbench.safety.venting import SafeDrive
from sensorbench.station.station import OpenInstrument, Station

DEADLINE_S = 5.0
"""So long an instrument may delay the next rank, s of real time."""
LAST_S = 10.0
"""So long after the last rank those that did not answer are tried, s of real time."""
TRIES = 3
_PAUSE_S = 0.2


@dataclass(slots=True)
class _Attempt:
    """One instrument on its way to its safe state."""

    name: str
    work: Callable[[], str]
    note: str = ""
    problem: str = "it did not answer"
    is_mute: bool = True
    tries: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    give_up: threading.Event = field(default_factory=threading.Event)

    def once(self) -> bool:
        """Try, and return whether it is safe."""
        self.tries += 1
        try:
            self.note = self.work()
        except Exception as error:
            text = str(error).removeprefix(f"{self.name}: ")
            self.problem = text or type(error).__name__
            self.is_mute = isinstance(error, LinkTimeout | LinkClosed)
            return False
        self.problem = ""
        return True

    def until_done(self) -> None:
        """Try until it is safe, or nobody waits any more."""
        refused = 0
        while not self.once():
            refused += not self.is_mute
            # One that answers, and says no as often, means it.
            if refused >= TRIES or self.give_up.wait(_PAUSE_S):
                break
        self.done.set()

    def by_turns(self) -> None:
        """Try a few times, while the others wait."""
        for _ in range(TRIES):
            if self.once():
                break
        self.done.set()

    @property
    def told(self) -> str:
        return not_safe(self.name, self.problem)


def not_safe(name: str, why: str) -> str:
    """Return what the person at the bench must read last."""
    why = why.removeprefix(f"{name}: ").rstrip(".")
    return f"NOT SAFE: {name}: {why}{'' if why.endswith('?') else '.'} Make it safe by hand."


@dataclass(frozen=True, slots=True)
class MadeSafe:
    """By name, in words, what could not be made safe; how often which was asked again.

    `notes` is what a person is to know of what is safe, by name.
    """

    problems: Mapping[str, str]
    retries: Mapping[str, int]
    notes: Mapping[str, str] = field(default_factory=dict)


def make_safe(station: Station, never_set: Collection[str] = ()) -> MadeSafe:
    """Drive every source to its safe state; `never_set` are those that this program set never."""
    ranks = {
        rank: [
            _Attempt(name, SafeDrive(station, name, source, name not in never_set))
            for name, source in sources
        ]
        for rank, sources in ranked(station).items()
    }
    if isinstance(station.clock, RealClock):
        _in_real_time(list(ranks.values()))
    else:
        _in_virtual_time(list(ranks.values()), station.clock)
    every = [one for attempts in ranks.values() for one in attempts]
    return MadeSafe(
        {one.name: one.told for one in every if one.problem},
        {one.name: one.tries - 1 for one in every if one.tries > 1},
        {one.name: f"{one.name}: {one.note}" for one in every if one.note and not one.problem},
    )


def longest_s(station: Station) -> float:
    """Return how long making safe may take in real time, s."""
    return len(ranked(station)) * DEADLINE_S + LAST_S


def ranked(station: Station) -> Mapping[int, Sequence[tuple[str, Source]]]:
    """Return the instruments that have a safe state, by rank, lowest first."""
    found: dict[int, list[tuple[str, Source]]] = {}
    for instrument in station.instruments:
        if isinstance(instrument.driver, Source):
            found.setdefault(_rank(station, instrument), []).append(
                (instrument.name, instrument.driver)
            )
    return dict(sorted(found.items()))


def _rank(station: Station, instrument: OpenInstrument) -> int:
    rows = station.bindings.rows.values()
    acting = (r for r in rows if r.acts is not None and r.acts.instrument == instrument.name)
    return min((row.rank for row in acting), default=0)


def _in_virtual_time(ranks: Sequence[Sequence[_Attempt]], clock: Clock) -> None:
    def branch(one: _Attempt) -> Callable[[], None]:
        def work() -> None:
            for _ in range(TRIES):
                if one.once():
                    return
                clock.sleep(_PAUSE_S)

        return work

    for attempts in ranks:
        clock.gather([branch(one) for one in attempts])


def _in_real_time(ranks: Sequence[Sequence[_Attempt]]) -> None:
    for attempts in ranks:
        for one in attempts:
            name = f"make {one.name} safe"
            try:
                threading.Thread(target=one.until_done, name=name, daemon=True).start()
            except RuntimeError:  # the machine gives no thread any more: one after the other
                one.by_turns()
        _await(attempts, DEADLINE_S)
    every = [one for attempts in ranks for one in attempts]
    _await(every, LAST_S)
    for one in every:
        one.give_up.set()


def _await(attempts: Sequence[_Attempt], deadline_s: float) -> None:
    end = time.monotonic() + deadline_s
    for one in attempts:
        one.done.wait(max(0.0, end - time.monotonic()))
