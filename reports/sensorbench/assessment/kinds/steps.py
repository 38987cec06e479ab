"""steps: parameters before and after values that were raised one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import Item, asked, missing, parameters

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Judge every parameter before and after, its drift, and what was read between."""
    yield from missing(data, phase)
    readouts = [r for r in data.of_phase(phase["name"]) if "parameters" in r.point.labels]
    yield from parameters(data, phase, readouts, x=("step", "1"))
    yield from asked(data, phase, data.monitored(phase["name"]))


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return how often it was raised, and which values were not reached."""
    own = {p.id for p in data.schedule.points.values() if p.phase == phase["name"]}
    readings = [r for r in data.all_readouts if r.point.id in own]
    return {
        "times": int(phase["data"]["times"]),
        "not_reached": [
            dict(reason.values) for readout in readings for reason in readout.unsettled
        ],
    }
