"""Hours of stress that were really given, from the log alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sensorbench.assessment.data import RunData
from sensorbench.assessment.logs import MeterLog, joined
from sensorbench.assessment.records import Floats, Trace
from sensorbench.core.quantity import components
from sensorbench.profiles.schedule import GAP, Band, Hold

_SLACK = 1e-9


def credited(data: RunData, phase: str, group: str = "") -> list[tuple[float, float]]:
    """Return for each hold of a phase what was to be served before it, and what it credits, in s.

    Of a hold that was re-entered each part credits its own.
    """
    if (phase, group) not in data.credits:
        data.credits[phase, group] = _credited(data, phase, group)
    return data.credits[phase, group]


def _credited(data: RunData, phase: str, group: str) -> list[tuple[float, float]]:
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
    held = []
    for band in bands:
        logs = [g for g in data.log.values() if g.zone == zone and g.address == band.address]
        if not logs:
            return 0.0
        shift = data.ambient(zone, band.address)
        held += [(log, band, k, shift) for k, log in enumerate(logs)]
    total, before = 0.0, math.nan
    for low, high in _windows(held[0][0], start - 1e-3, end + 1e-3):
        times, good = _rows(held, low, high)
        # A row speaks of the time since the row before it.
        lasted = np.diff(times, prepend=before)
        total += float(np.sum(lasted[good & (lasted <= longest)]))
        before = float(times[-1])
    return total


def _windows(log: MeterLog, start: float, end: float) -> Iterator[tuple[float, float]]:
    """Yield times, both ends included, that divide a log into parts that fit into memory."""
    edges = dict.fromkeys(float(piece.time_s[0]) for piece in log.between(start, end))
    for first, after in pairwise([*edges, math.inf]):
        yield first, min(math.nextafter(after, -math.inf), end)


def _rows(
    held: Sequence[tuple[MeterLog, Band, int, float]], start: float, end: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the times of rows, and whether every band was held at each.

    Rows are made of all meters at once; a program that went on may have made two at one instant.
    """
    times: Floats | None = None
    good = np.empty(0, dtype=bool)
    for log, band, k, shift in held:
        pieces = list(log.between(start, end))
        if not pieces:
            there, own = np.empty(0), np.empty(0, dtype=bool)
        else:
            trace = joined(pieces)
            there, own = trace.time_s, _inside(trace, band, k, shift)
        if times is None:
            times = np.unique(there)
            good = np.ones(len(times), dtype=bool)
        good &= np.isin(times, there) & ~np.isin(times, there[~own])
    assert times is not None  # noqa: S101 - there is a band
    return times, good


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
