"""Long records as short ones that look the same: every extreme stays, gaps stay gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sensorbench.assessment.logs import MeterLog
from sensorbench.parts.values import Wave
from sensorbench.reports.values import Floats

MOST_POINTS = 700
_GAP = 8.0  # times the usual distance of two rows: the bench was away


def decimate(x: Floats, y: Floats, points: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """Return at most about `points` of the points, with every extreme: lowest and highest a bin.

    NaNs go first. A spike of one sample stays.
    """
    there = np.isfinite(y)
    x, y = x[there], y[there]
    if len(x) <= points:
        return x, y
    kept = [
        np.unique((part[0], part[np.argmin(y[part])], part[np.argmax(y[part])], part[-1]))
        for part in np.array_split(np.arange(len(x)), points // 4)
    ]
    chosen = np.concatenate(kept)
    return x[chosen], y[chosen]


def envelope(
    log: MeterLog, points: int = MOST_POINTS // 2
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return time, lowest, highest and mean of a meter's log in at most `points` rows and gaps.

    A row tells of the time since the row before it, so it is drawn as a step. Rows without a
    reading, and the times while the bench was away, are NaN: a gap in the picture.
    """
    extent = log.extent
    if not extent.count:
        return np.empty(0), np.empty(0), np.empty(0), np.empty(0)
    rows: list[tuple[float, float, float, float]] = []
    usual, before = extent.usual_s, extent.first_s
    for part in log.bins(points):
        known = np.isfinite(part.mean)
        time = float(part.time_s[-1])
        inside = np.diff(part.time_s, prepend=before)
        if usual and float(inside.max()) > _GAP * usual:
            # The row after a gap tells of the time just before itself, as every row does.
            after = float(part.time_s[int(np.argmax(inside))]) - usual
            rows.append((max(before, after), np.nan, np.nan, np.nan))
        if not known.any():
            rows.append((time, np.nan, np.nan, np.nan))
        else:
            weights = np.maximum(part.polls + part.implied, 0.0)[known]
            share = weights if weights.sum() else np.ones(len(weights))
            mean = float(np.average(part.mean[known], weights=share))
            rows.append((time, float(part.low[known].min()), float(part.high[known].max()), mean))
        before = time
    time_s, low, high, mean_ = np.array(rows).T
    return time_s, low, high, mean_


def steps(sets: Sequence[tuple[float, Any]], end_s: float) -> list[tuple[Floats, Floats]]:
    """Return what was asked for over time as lines with corners, one a component.

    `sets` are times and values; None is off, a gap. A wave is two lines, at its ends.
    """
    tuples = [(time, _components(value)) for time, value in sets]
    width = max((len(parts) for _, parts in tuples), default=0)
    lines = []
    for component in range(width):
        x: list[float] = []
        y: list[float] = []
        value = np.nan
        for time, parts in tuples:
            x += [time, time]
            before, value = value, parts[component] if component < len(parts) else _last(parts)
            y += [before, value]
        x.append(max(end_s, x[-1]))
        y.append(value)
        lines.append((np.array(x), np.array(y, dtype=float)))
    return lines


def _last(parts: Sequence[float]) -> float:
    return parts[-1] if parts else np.nan


def _components(value: Any) -> tuple[float, ...]:
    if value is None:
        return ()
    if isinstance(value, Wave):
        return (np.nan if value.low is None else value.low, value.high)
    if isinstance(value, tuple | list):
        return tuple(float(part) for part in value)
    return (float(value),)


def thinned(x: Floats, y: Floats, points: int = MOST_POINTS) -> tuple[Floats, Floats]:
    """Return a line with corners as `decimate` does, with its gaps where it is short enough."""
    return (x, y) if len(x) <= points else decimate(x, y, points)
