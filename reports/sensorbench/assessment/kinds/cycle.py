"""cycle: parameters before, between and after, drift, and the cycles that were really done.

A cycle is done when each of its steps was reached and kept for its dwell; its soaks say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import (
    Item,
    Why,
    asked,
    key_of,
    merge,
    missing,
    parameters,
    windows,
)
from sensorbench.assessment.results import Reason
from sensorbench.profiles.schedule import Settle

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Judge every parameter, its drift, the monitor, and whether the cycles were done."""
    yield from missing(data, phase)
    readouts = data.of_phase(phase["name"])
    missed, _ = windows(data, readouts)
    yield from parameters(
        data, phase, readouts, merge(_short(data, phase), missed), x=("cycles", "1")
    )
    yield from asked(data, phase, data.monitored(phase["name"]))


def cycles_done(data: RunData, phase: Mapping[str, Any]) -> list[tuple[float, bool]]:
    """Return the soaks of all cycles: when each ended, and whether it was reached and kept."""
    steps = data.schedule.steps
    found: list[tuple[float, bool]] = []
    cycling = False
    for event in data.events("step", "soak"):
        if event.kind == "step":
            number = event.data["step"]
            step = steps[number]
            own = step.phase == phase["name"] and step.restart is not None
            cycling = own and isinstance(step.action, Settle) and _is_cycle(phase, step.action)
        elif cycling:
            found.append((event.t, bool(event.data["settled"])))
    return found


def _is_cycle(phase: Mapping[str, Any], action: Settle) -> bool:
    return action.for_s in phase["data"]["dwells_s"]


def _short(data: RunData, phase: Mapping[str, Any]) -> dict[str, Why]:
    per_cycle = len(phase["data"]["dwells_s"])
    soaks = cycles_done(data, phase)
    found: dict[str, Why] = {}
    for readout in data.of_phase(phase["name"]):
        asked_for = int(readout.point.labels.get("cycles", 0))
        before = [good for t, good in soaks if t <= readout.t]
        done = sum(before) // per_cycle
        if done < asked_for:
            reason = Reason("cycles_missing", {"done": done, "asked": asked_for})
            found[key_of(readout)] = dict.fromkeys(data.serials, (reason,))
    return found


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cycles done against those asked for, and the windows."""
    _, told = windows(data, data.of_phase(phase["name"]))
    soaks = cycles_done(data, phase)
    return {
        "cycles_asked": int(phase["data"]["cycles"]),
        "cycles_done": sum(good for _, good in soaks) // len(phase["data"]["dwells_s"]),
        "windows": told,
        "monitored": len(data.monitored(phase["name"])),
    }
