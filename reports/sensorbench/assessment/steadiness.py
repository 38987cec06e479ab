"""Whether a reference stood still while a point was read: one that does not knows nothing."""

from __future__ import annotations

import math

import numpy as np

from sensorbench.assessment.records import Floats

LEAST = 3
"""Readings of a point from which its scatter can be told."""


def scatter(rows: Floats) -> float:
    """Return the standard deviation of a reference's readings of one point, NaN of too few.

    `rows` are of one meter: time, sweep, meter, component, value. Of a vector it is the largest of
    its components.
    """
    found = [
        float(own.std(ddof=1))
        for component in np.unique(rows[:, 3])
        if len(own := rows[rows[:, 3] == component][:, 4]) >= LEAST
    ]
    return max(found, default=math.nan)
