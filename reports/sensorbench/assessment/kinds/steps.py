"""steps: parameters before and after values that were raised one by one."""

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
    missing,
    parameters,
    tested,
    untested,
)
from sensorbench.assessment.records import Readout
from sensorbench.assessment.results import Reason
from sensorbench.profiles.schedule import Point

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Judge every parameter before and after, its drift, and what was read between."""
    yield from missing(data, phase)
    readouts = [r for r in data.of_phase(phase["name"]) if "parameters" in r.point.labels]
    why = _not_reached(data, phase)
    yield from parameters(data, phase, readouts, why, x=("step", "1"))
    yield from attached_results(data, phase, why)
    yield from untested(data, phase, why)
    between = data.monitored(phase["name"])
    if not tested(data, phase):  # then what was read at the steps is all that is known
        between += [r for r in data.of_phase(phase["name"]) if r not in readouts]
    yield from asked(data, phase, between)


def _not_reached(data: RunData, phase: Mapping[str, Any]) -> dict[str, Why]:
    """Return by the readout after the steps why they were not what was asked for."""
    found: dict[str, dict[str, tuple[Reason, ...]]] = {}
    after = {p.units: p for p in tested(data, phase) if p.labels.get("step")}
    for readout in _raised(data, phase):
        if readout.unsettled:
            group = readout.point.units
            end = Point("", phase["name"], {}, {"step": math.inf}, {}, group)
            table = found.setdefault(key_of_point(after.get(group, end)), {})
            for number in data.schedule.group(group):
                serial = data.serials[number]
                reasons = (*table.get(serial, ()), *readout.unsettled)
                table[serial] = tuple(dict.fromkeys(reasons))
    return dict(found)


def _raised(data: RunData, phase: Mapping[str, Any]) -> list[Readout]:
    """Return what was read while values were raised, of single readings and of the monitor."""
    own = {p.id for p in data.schedule.points.values() if p.phase == phase["name"]}
    single = [r for r in data.all_readouts if r.point.id in own]
    found = [r for r in single if "parameters" not in r.point.labels]
    return [*found, *data.monitored(phase["name"])]


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return how often it was raised, and which values were not reached."""
    reasons = [reason for readout in _raised(data, phase) for reason in readout.unsettled]
    return {
        "times": int(phase["data"]["times"]),
        "not_reached": [dict(reason.values) for reason in dict.fromkeys(reasons)],
    }
