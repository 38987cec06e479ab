"""cycle: parameters before, between and after, drift, and the cycles that were really done.

A cycle is done when each of its steps was reached and kept for its dwell; its soaks say so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import (
    Item,
    Why,
    asked,
    attached_results,
    key_of_point,
    merge,
    missing,
    parameters,
    tested,
    untested,
)
from sensorbench.assessment.results import Reason
from sensorbench.assessment.windows import windows
from sensorbench.profiles.schedule import Point

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Judge every parameter, its drift, the monitor, and whether the cycles were done."""
    yield from missing(data, phase)
    readouts = data.of_phase(phase["name"])
    missed, _ = windows(data, phase)
    why = merge(_short(data, phase), missed)
    yield from parameters(data, phase, readouts, why, x=("cycles", "1"))
    yield from attached_results(data, phase, why)
    yield from untested(data, phase, why)
    yield from asked(data, phase, data.monitored(phase["name"]))


def cycles_done(data: RunData, phase: Mapping[str, Any], group: str) -> list[tuple[float, bool]]:
    """Return the soaks of a batch's cycles: when each ended, and whether it was kept.

    Of a cycle that was cut short and repeated only what was done last counts.
    """
    soaks = set(phase["data"].get("soaks", {}).get(group, ()))
    found: dict[int, tuple[float, bool]] = {}
    step = -1
    for event in data.events("step", "soak", "resumed"):
        if event.kind == "step":
            step = event.data["step"]
        elif event.kind == "resumed":
            step = -1  # what is waited for until the next step brings the bench back
        elif step in soaks:
            found[step] = (event.t, bool(event.data["settled"]))
    return sorted(found.values())


def _done(data: RunData, phase: Mapping[str, Any], group: str, until: float) -> int:
    """Return how many whole cycles a batch had by a time."""
    soaks = phase["data"].get("soaks", {}).get(group, ())
    per_cycle = max(1, len(soaks) // int(phase["data"]["cycles"]))
    return sum(good for t, good in cycles_done(data, phase, group) if t <= until) // per_cycle


def _short(data: RunData, phase: Mapping[str, Any]) -> dict[str, Why]:
    """Return by readout the reason of cycles that were not done; without any, by their end."""
    found: dict[str, dict[str, tuple[Reason, ...]]] = {}
    times = {readout.point.id: readout.t for readout in data.of_phase(phase["name"])}
    points = tested(data, phase)
    for group in phase["data"].get("soaks", {}):
        own = [point for point in points if point.units == group]
        end = Point("", phase["name"], {}, {"cycles": phase["data"]["cycles"]}, {}, group)
        for point in own or [end]:
            asked_for = int(point.labels.get("cycles", 0))
            done = _done(data, phase, group, times.get(point.id, math.inf))
            if done < asked_for:
                reason = Reason("cycles_missing", {"done": done, "asked": asked_for})
                serials = [data.serials[n] for n in data.schedule.group(group)]
                table = found.setdefault(key_of_point(point), {})
                table.update(dict.fromkeys(serials, (reason,)))
    return dict(found)


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cycles done against those asked for, and the windows."""
    _, told = windows(data, phase)
    groups = phase["data"].get("soaks", {})
    return {
        "cycles_asked": int(phase["data"]["cycles"]),
        "cycles_done": min((_done(data, phase, g, math.inf) for g in groups), default=0),
        "windows": told,
        "monitored": len(data.monitored(phase["name"])),
    }
