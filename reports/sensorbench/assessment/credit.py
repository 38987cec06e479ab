"""Hours of stress that were really given, from the log alone."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sensorbench.assessment.data import RunData
from sensorbench.assessment.records import Floats, Trace
from sensorbench.core.quantity import components
from sensorbench.profiles.schedule import GAP, Band, Hold

_SLACK = 1e-9


def credited(data: RunData, phase: str, group: str = "") -> list[tuple[float, float]]:
    """Return for each hold of a phase what was to be served before it, and what it credits, in s.

    Of a hold that was re-entered each part credits its own.
    """
    steps = data.schedule.steps
    found: list[tuple[float, float]] = []
    loaded = ""
    step = None
    for event in data.events("step", "hold", "fact"):
        if event.kind == "fact":
            if event.data["verb"] == "load":
                loaded = event.data["fact"].get("units", "")
        elif event.kind == "step":
            step = steps[event.data["step"]]
        elif event.data["phase"] == phase and loaded == group and step is not None:
            action = step.action
            if isinstance(action, Hold):
                start, end = float(event.data["start_s"]), float(event.data["end_s"])
                counted = served(data, step.zone, action.bands, start, end)
                # A poll that was missing, and meters that disagreed, leave no mark in an envelope.
                credit = min(counted, float(event.data["credit_s"]))
                found.append((action.done_s, credit))
    return found


def served(data: RunData, zone: str, bands: tuple[Band, ...], start: float, end: float) -> float:
    """Return how much of the time from `start` to `end` was served with every band held, in s."""
    if not bands:
        return end - start
    longest = GAP * float(data.schedule.profile["log_s"])
    # Rows are made of all meters at once; a program that went on may have made two at one instant.
    times: Floats | None = None
    good: npt.NDArray[np.bool_] | None = None
    for band in bands:
        traces = [t for t in data.log.values() if t.zone == zone and t.address == band.address]
        if not traces:
            return 0.0
        shift = data.ambient(zone, band.address)
        for k, trace in enumerate(traces):
            inside = (trace.time_s >= start - 1e-3) & (trace.time_s <= end + 1e-3)
            there, own = trace.time_s[inside], _inside(trace, band, k, shift)[inside]
            if times is None or good is None:
                times = np.unique(there)
                good = np.ones(len(times), dtype=bool)
            good &= np.isin(times, there) & ~np.isin(times, there[~own])
    assert times is not None and good is not None  # noqa: S101, PT018 - there is a band
    lasted = np.diff(times)
    # A row speaks of the time since the row before it.
    counts = good[1:] & (lasted <= longest)
    return float(np.sum(lasted * counts))


def _inside(trace: Trace, band: Band, k: int, shift: float) -> npt.NDArray[np.bool_]:
    """Return for each row whether the whole envelope is inside; an empty row is not."""
    low, high = -math.inf, math.inf
    if band.target is not None:
        parts = components(band.target)
        centre = parts[k % len(parts)] if len(parts) > 1 else parts[0]
        low, high = centre - band.within - _SLACK, centre + band.within + _SLACK
    if band.low is not None:
        low = max(low, band.low)
    if band.high is not None:
        high = min(high, band.high)
    low, high = low + shift, high + shift
    there = trace.polls + trace.implied > 0
    with np.errstate(invalid="ignore"):
        return np.asarray(there & (trace.low >= low) & (trace.high <= high))
