"""Windows of a stress: until when it is read out, and until when it must go on.

Both count from the end of the stress, as its method says. A readout elsewhere counts when it was
measured, as whoever attached it said; where nobody said, when it was attached. What is late is not
known: neither that readout, nor what comes after a stress that went on too late.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import Why, key_of_point
from sensorbench.assessment.results import Reason
from sensorbench.profiles.schedule import Point


def windows(data: RunData, phase: Mapping[str, Any]) -> tuple[dict[str, Why], list[dict[str, Any]]]:
    """Return by readout why its window was missed, and what was found of every window."""
    found: dict[str, dict[str, tuple[Reason, ...]]] = {}
    told = []
    read = [*_read(data, phase)]
    for point, t in read:
        begins = point.labels.get("window_from")
        if begins is None:
            continue
        began = data.done_at(int(begins) - 1) if int(begins) else 0.0
        within, back = point.labels.get("window_s"), point.labels.get("back_s")
        row: dict[str, Any] = {"readout": point.id}
        if within is not None:
            row |= {"took_s": _since(t, began), "within_s": within}
            if not row["took_s"] <= within:
                reason = Reason("window_missed", {"took_s": row["took_s"], "within_s": within})
                _add(found, data, point, reason)
        went_on = _went_on(data, phase, point, t)
        if back is not None and went_on is not None:
            row |= {"back_took_s": _since(went_on, began), "back_s": back}
            if not row["back_took_s"] <= back:
                reason = Reason("back_late", {"took_s": row["back_took_s"], "within_s": back})
                for later, other in read:
                    if other > went_on and later.units == point.units:
                        _add(found, data, later, reason)
        if len(row) > 1:
            told.append(row)
    return dict(found), told


def _since(t: float, began: float | None) -> float:
    return t - began if began is not None else math.nan


def _add(
    found: dict[str, dict[str, tuple[Reason, ...]]], data: RunData, point: Point, reason: Reason
) -> None:
    own = found.setdefault(key_of_point(point), {})
    for number in data.schedule.group(point.units):
        there = own.get(data.serials[number], ())
        if reason not in there:
            own[data.serials[number]] = (*there, reason)


def _read(data: RunData, phase: Mapping[str, Any]) -> Iterator[tuple[Point, float]]:
    """Yield the points of a phase with the time at which each was read, here or elsewhere."""
    for readout in data.of_phase(phase["name"]):
        yield readout.point, readout.t
    for point in data.schedule.points.values():
        event = data.attached.get(point.id)
        if point.phase == phase["name"] and event is not None:
            measured = event.data.get("measured")
            late = (_moment(measured) - _moment(event.time)).total_seconds() if measured else 0.0
            yield point, event.t + late


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _went_on(data: RunData, phase: Mapping[str, Any], point: Point, t: float) -> float | None:
    """Return when a batch was under stress again after a time, None if it was not."""
    soaks = set(phase["data"].get("soaks", {}).get(point.units, ()))
    for event in data.events("hold", "step"):
        if event.kind == "hold":
            began = float(event.data["start_s"])
            if event.data["phase"] == phase["name"] and began >= t:
                return began
        elif event.data["step"] in soaks and event.t >= t:
            return event.t
    return None
