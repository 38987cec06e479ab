"""What a run has done so far: a fold over the steps that are done and the facts it learnt.

The rules:
- It is never "the schedule up to n": a gate may have jumped, a cycle may have been repeated.
- The same fold over a journal gives the state in which a run goes on. That is the state that held
  at the `restart` of the step that was cut off, also where the cut lies between two steps of a
  cycle: what was done after it is forgotten, what was learnt after it is not.
- A hold that is entered again keeps what it has; all other steps begin anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sensorbench.evidence.journal import Event
from sensorbench.profiles.schedule import Action, Hold, Read, Release, Schedule, Set, Settle

Key = tuple[str, str]
"""Zone and address."""
KINDS = ("step", "done", "resumed", "fact", "unit_dropped", "intent", "outcome", "hold")
"""The events that a state is made of."""
INTERRUPTED = "interrupted"
"""In an outcome: it was cut off, nobody knows how far it came."""


@dataclass(frozen=True, slots=True)
class Soaks:
    """How a value was waited for since it was set: by itself or with others, and last of all."""

    first: Settle
    last: Settle


@dataclass(slots=True)
class State:
    """What must hold before the next step.

    `sets` are the actions that hold, by zone and address, in the order they came, `soaks` how each
    was waited for, `once` those that nobody repeats unasked; `reads` the open reads by point, with
    their zone; `facts` what verbs learnt, by step; `begun` and `outcomes` the units at which
    something was done that can't be taken back, by step; `sockets` where units are loaded;
    `dropped` units that are left out, with the gate that did it, "" for none; `kept_s` what the
    hold that comes next was credited before.
    """

    sets: dict[Key, Set] = field(default_factory=dict)
    soaks: dict[Key, Soaks] = field(default_factory=dict)
    once: set[Key] = field(default_factory=set)
    reads: dict[str, tuple[str, Read]] = field(default_factory=dict)
    facts: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    begun: dict[int, set[str]] = field(default_factory=dict)
    outcomes: dict[int, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    sockets: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    offsets: dict[Key, tuple[float, ...]] = field(default_factory=dict)
    kept_s: float = 0.0
    next: int = 0

    def after(self, action: Action, zone: str, jumps: bool = False, once: bool = False) -> None:
        """Take a step as done; `once` says that it is not to be repeated unasked."""
        match action:
            case Set():
                key = (zone, action.address)
                self._let_go(key)
                self.sets[key] = action
                if once:
                    self.once.add(key)
            case Settle():
                for band in action.bands:
                    key = (zone, band.address)
                    if key in self.sets:
                        first = self.soaks[key].first if key in self.soaks else action
                        self.soaks[key] = Soaks(first, action)
            case Release():
                if self.reads.pop(action.what, None) is None:
                    self._let_go((zone, action.what))
            case Read() if action.is_open:
                self.reads[action.point] = (zone, action)
            case _ if jumps:  # before a jump everything is let go
                for key in list(self.sets):
                    self._let_go(key)
            case _:
                pass

    def _let_go(self, key: Key) -> None:
        self.sets.pop(key, None)
        self.soaks.pop(key, None)
        self.once.discard(key)

    def learn(self, number: int, verb: str, fact: Mapping[str, Any]) -> None:
        """Take what a verb found as known."""
        self.facts[number] = fact
        if verb == "load":
            self.sockets |= fact.get("sockets", {})
        elif verb == "unload":
            for serial in fact.get("serials", ()):
                self.sockets.pop(serial, None)
        elif verb == "gate":
            self.dropped |= dict.fromkeys(fact.get("dropped", ()), fact.get("gate", ""))
        elif verb == "null":
            key = (fact.get("zone", ""), fact["address"])
            self.offsets[key] = tuple(fact["offset"])


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a run was cut off: `next` is the step that was not done, `begun` whether it had begun.

    `at` is the step where it goes on; `since` the number of the event that began the step.
    """

    next: int
    at: int
    begun: bool
    since: int


def cut_of(schedule: Schedule, events: Iterable[Event]) -> Cut:
    """Return where a journal ends."""
    return _walk(schedule, events)[0]


def replay(schedule: Schedule, events: Iterable[Event]) -> State:
    """Return the state in which a run goes on, with the step that comes next.

    Of `events` only those of `KINDS` count. What a hold that was cut off gave since its last record
    of a hold is run/resuming.py's matter.
    """
    there = list(events)
    cut, done = _walk(schedule, there)
    state = State(next=cut.at)
    for number, following in done:
        if number < cut.at:
            step = schedule.steps[number]
            state.after(step.action, step.zone, following != number + 1, step.restart is None)
    for event in there:
        _take(state, event)
    is_there = cut.at == cut.next and cut.at < len(schedule.steps)
    if is_there and isinstance(schedule.steps[cut.at].action, Hold):
        state.kept_s = sum(_parts(there, cut.at))
    return state


def _walk(schedule: Schedule, events: Iterable[Event]) -> tuple[Cut, list[tuple[int, int]]]:
    """Return where it was cut, and the steps that are done with what followed each, in order."""
    following, begun, since = 0, False, -1
    done: list[tuple[int, int]] = []
    for event in events:
        if event.kind == "step":
            begun, since = True, event.seq
        elif event.kind == "done":
            following, begun = event.data["next"], False
            done.append((event.data["step"], following))
        elif event.kind == "resumed":
            following, begun = event.data["next"], False
            while done and done[-1][0] >= following:
                done.pop()
    at = following
    if following < len(schedule.steps):
        restart = schedule.steps[following].restart
        at = following if restart is None else restart
    return Cut(following, at, begun, since), done


def _take(state: State, event: Event) -> None:
    """Take what was learnt, which no cut makes unknown again."""
    data = event.data
    if event.kind == "fact":
        state.learn(data["step"], data["verb"], data["fact"])
    elif event.kind == "unit_dropped":
        state.dropped[data["serial"]] = ""
    elif event.kind == "intent":
        state.begun.setdefault(data["step"], set()).add(data["unit"])
    elif event.kind == "outcome" and not data["outcome"].get(INTERRUPTED):
        state.outcomes.setdefault(data["step"], {})[data["unit"]] = data["outcome"]


def _parts(events: Iterable[Event], step: int) -> Iterator[float]:
    """Yield what the parts of a hold were credited that is not done yet."""
    found: list[float] = []
    own = -1
    for event in events:
        if event.kind == "step":
            if event.data["step"] != own:
                found.clear()
            own = event.data["step"]
        elif event.kind == "done":
            found.clear()
            own = -1
        elif event.kind == "hold" and own == step:
            found.append(float(event.data["credit_s"]))
    yield from found
