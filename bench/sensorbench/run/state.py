"""What a run has done so far: a fold over the steps that are done and the facts it learnt.

It is never "the schedule up to n": a gate may have jumped, a cycle may have been repeated. The same
fold over the journal of a parked run gives the state in which it goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sensorbench.evidence.journal import Event
from sensorbench.profiles.schedule import Action, Read, Release, Schedule, Set


@dataclass(slots=True)
class State:
    """What must hold before the next step.

    `sets` are the actions that hold, by zone and address, in the order they came; `reads` the open
    reads by point, with their zone; `facts` what verbs learnt, by step; `sockets` where units are
    loaded; `dropped` units that are left out, with the gate that did it, "" for none.
    """

    sets: dict[tuple[str, str], Set] = field(default_factory=dict)
    reads: dict[str, tuple[str, Read]] = field(default_factory=dict)
    facts: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    sockets: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    offsets: dict[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)
    next: int = 0

    def after(self, action: Action, zone: str) -> None:
        """Take a step as done."""
        match action:
            case Set():
                self.sets.pop((zone, action.address), None)
                self.sets[zone, action.address] = action
            case Release():
                if self.reads.pop(action.what, None) is None:
                    self.sets.pop((zone, action.what), None)
            case Read() if action.is_open:
                self.reads[action.point] = (zone, action)
            case _:
                pass

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


REPLAYED = ("done", "fact", "unit_dropped")
"""The kinds of events that the state follows from; others change nothing."""


def replay(schedule: Schedule, events: Iterable[Event]) -> State:
    """Return the state that a journal says, with the step that comes next."""
    state = State()
    for event in events:
        data = event.data
        if event.kind == "done":
            step = schedule.steps[data["step"]]
            state.after(step.action, step.zone)
            state.next = data["next"]
        elif event.kind == "fact":
            state.learn(data["step"], data["verb"], data["fact"])
        elif event.kind == "unit_dropped":
            state.dropped[data["serial"]] = ""
    return state
