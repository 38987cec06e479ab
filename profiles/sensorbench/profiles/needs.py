"""What a schedule takes, said once: preflight, the runner and the due check read the same answer.

It is read off the schedule itself, so that what a run touches and what it is said to need can't
differ: kinds and measures say it by what they plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sensorbench.profiles.schedule import Do, Read, Schedule, Set, Settle

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Needs:
    """By zone: addresses that are set, and those whose reference is compared with.

    `settles` are addresses that are waited for, `units` the numbers of units read in a zone,
    `streams` what each part's own stream costs, `verbs` what is done, `attach` what must come.
    """

    sets: Mapping[str, frozenset[str]]
    settles: Mapping[str, frozenset[str]]
    compares: Mapping[str, frozenset[str]]
    units: Mapping[str, frozenset[int]]
    streams: tuple[tuple[str, str, Mapping[str, Any]], ...]
    verbs: frozenset[str]
    attach: tuple[str, ...]

    def touches(self, zone: str) -> frozenset[str]:
        """Return every address of a zone that the run sets, waits for or compares with."""
        none: frozenset[str] = frozenset()
        parts = (self.sets, self.settles, self.compares)
        return frozenset[str]().union(*(part.get(zone, none) for part in parts))


def needs(schedule: Schedule) -> Needs:
    """Return what a schedule takes."""
    sets: dict[str, set[str]] = {}
    settles: dict[str, set[str]] = {}
    compares: dict[str, set[str]] = {}
    units: dict[str, set[int]] = {}
    streams: list[tuple[str, str, Mapping[str, Any]]] = []
    attach: list[str] = []
    for step in schedule.steps:
        action = step.action
        match action:
            case Set():
                sets.setdefault(step.zone, set()).add(action.address)
            case Settle():
                for band in action.bands:
                    settles.setdefault(step.zone, set()).add(band.address)
            case Read():
                point = schedule.points[action.point]
                group = schedule.group(point.units)
                units.setdefault(step.zone, set()).update(group)
                compares.setdefault(step.zone, set()).update(compared(schedule, action.point))
                if action.stream:
                    told = schedule.phase(step.phase).get("streams", {})
                    streams.append((step.zone, point.units, told))
            case Do(verb="null"):
                sets.setdefault(step.zone, set()).add(action.arguments["address"])
                compares.setdefault(step.zone, set()).add(action.arguments["address"])
            case Do(verb="park") if action.arguments.get("until") == "attach":
                attach.append(action.arguments["point"])
            case Do(verb="write"):
                compares.setdefault(step.zone, set()).update(_fitted(schedule))
            case _:
                pass
    verbs = {step.action.verb for step in schedule.steps if isinstance(step.action, Do)}
    return Needs(
        _frozen(sets), _frozen(settles), _frozen(compares), _frozen(units), tuple(streams),
        frozenset(verbs), tuple(attach),
    )  # fmt: skip


def _frozen(table: dict[str, set[T]]) -> dict[str, frozenset[T]]:
    return {key: frozenset(found) for key, found in table.items()}


def compared(schedule: Schedule, point_id: str) -> set[str]:
    """Return whose reference the measures of a point are compared with."""
    point = schedule.points[point_id]
    group = schedule.group(point.units)
    parts = {schedule.units[number].part for number in group}
    asked: list[Mapping[str, Any]] = list(schedule.phase(point.phase).get("asks", ()))
    names = point.labels.get("parameters", ())
    for part in parts:
        own = schedule.parts[part]["parameters"]
        asked += [ask for ask in own if ask["parameter"] in names]
    return {
        schedule.whole(ask["compares"])
        for ask in asked
        if ask.get("compares") and ask["part"] in parts
    }


def _fitted(schedule: Schedule) -> set[str]:
    return {form["quantity"] for part in schedule.parts.values() for form in part["formats"]}
