"""stress: parameters before, between and after, drift, and the hours that were really served.

Hours are credited from the log: a row in which every meter of every held place stayed inside its
band credits the time since the row before it; a row that is missing credits nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sensorbench.assessment.credit import credited
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
TOLERANCE = 1e-3


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Judge every parameter, its drift, the monitor, and whether the stress was served."""
    yield from missing(data, phase)
    readouts = data.of_phase(phase["name"])
    missed, _ = windows(data, phase)
    why = merge(_short(data, phase), missed)
    yield from parameters(data, phase, readouts, why, x=("served_s", "s"))
    yield from attached_results(data, phase, why)
    yield from untested(data, phase, why)
    yield from asked(data, phase, data.monitored(phase["name"]))


def _short(data: RunData, phase: Mapping[str, Any]) -> dict[str, Why]:
    """Return by readout the reason of hours that are not on record; without any, by its end."""
    found: dict[str, Why] = {}
    points = tested(data, phase)
    for group, served in _served(data, phase).items():
        own = [point for point in points if point.units == group]
        end = Point("", phase["name"], {}, {"served_s": phase["data"]["hours_s"]}, {}, group)
        for point in own or [end]:
            asked_s = float(point.labels.get("served_s", 0.0))
            given = served(asked_s)
            if given >= asked_s * (1 - TOLERANCE):
                continue
            reason = Reason("not_served", {"served_s": given, "asked_s": asked_s})
            serials = [data.serials[n] for n in data.schedule.group(group)]
            key = key_of_point(point)
            found[key] = {**found.get(key, {}), **dict.fromkeys(serials, (reason,))}
    return found


def _served(data: RunData, phase: Mapping[str, Any]) -> dict[str, Callable[[float], float]]:
    """Return by batch a function that gives what was served up to a readout."""
    groups = dict.fromkeys(point.units for point in tested(data, phase))
    found: dict[str, Callable[[float], float]] = {}
    for group in groups or dict.fromkeys(_held(data, phase)) or {"": None}:
        if phase["data"].get("calendar"):
            found[group] = partial(_on_the_shelf, data, phase)
        else:
            found[group] = partial(_before, credited(data, phase["name"], group))
    return found


def _held(data: RunData, phase: Mapping[str, Any]) -> Iterator[str]:
    """Yield the batches that were loaded while the phase was held."""
    loaded = ""
    for event in data.events("hold", "fact"):
        if event.kind == "hold" and event.data["phase"] == phase["name"]:
            yield loaded
        elif event.kind == "fact" and event.data["verb"] == "load":
            loaded = str(event.data["fact"].get("units", ""))


def _before(holds: Sequence[tuple[float, float]], asked_s: float) -> float:
    return sum(credit for begins, credit in holds if begins < asked_s - 1e-6)


def _on_the_shelf(data: RunData, phase: Mapping[str, Any], asked_s: float) -> float:
    return asked_s if _waited(data, phase, asked_s) else 0.0


def _waited(data: RunData, phase: Mapping[str, Any], asked_s: float) -> bool:
    """Return whether the calendar hours of a shelf were over when its readout came."""
    begun = next(
        (
            event.t
            for event in data.events("step")
            if data.schedule.steps[event.data["step"]].phase == phase["name"]
        ),
        None,
    )
    if begun is None or not asked_s:
        return True
    times = [r.t for r in data.of_phase(phase["name"]) if r.point.labels.get("served_s") == asked_s]
    return all(t - begun >= asked_s * (1 - TOLERANCE) for t in times)


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hours served against those asked for, and the windows."""
    _, told = windows(data, phase)
    asked_s = float(phase["data"]["hours_s"])
    return {
        "asked_s": asked_s,
        "served_s": {group: served(asked_s) for group, served in _served(data, phase).items()},
        "windows": told,
        "monitored": len(data.monitored(phase["name"])),
    }
