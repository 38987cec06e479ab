"""How much a reference scattered while a point was read: beyond its U it knows nothing."""

from __future__ import annotations

import math

import numpy as np

from sensorbench.assessment.records import Floats

LEAST = 3
"""Readings of a point from which its scatter can be told."""
_QUANTILE, _OF_ESTIMATE = 4.0, 1.2
_OF_NORMAL = 0.954  # the median of a difference of two normal values, in standard deviations


def scatter(rows: Floats) -> float:
    """Return the standard deviation of a reference's readings of one point, NaN of too few.

    From the median step from one reading to the next: a place that still comes nearer, or a single
    jump, is no scatter. `rows` are of one meter: time, sweep, meter, component, value. Of a vector
    it is the largest of its components.

    >>> steady = [[t, t, 0, 0, value] for t, value in enumerate([59.0, 59.9, 60.0, 60.0, 60.0])]
    >>> scatter(np.array(steady, dtype=float)) < 0.06
    True
    """
    found = [
        float(np.median(np.abs(np.diff(own)))) / _OF_NORMAL
        for component in np.unique(rows[:, 3])
        if len(own := rows[rows[:, 3] == component][:, 4]) >= LEAST
    ]
    return max(found, default=math.nan)


def most_scatter(u: float, rows: Floats) -> float:
    """Return what readings of a reference that knows to `u` scatter at most, but one time in 1e4.

    The estimate from the median step of n readings has itself a standard deviation of some
    1.2 / sqrt(n - 1) of its value. `rows` as `scatter` has them.

    >>> round(most_scatter(0.1, np.zeros((17, 5))), 3)
    0.22
    """
    count = max(2, int((rows[:, 3] == rows[0, 3]).sum()))
    return u * (1.0 + _QUANTILE * _OF_ESTIMATE / math.sqrt(count - 1))
