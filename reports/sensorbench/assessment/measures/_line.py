"""Straight lines through readings, one a unit: what several measures share."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measuring import Inputs
from sensorbench.assessment.records import Floats


def line(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Return slope and intercept of each row of `y`, shape (D,), and residuals, shape (D, N).

    Least squares; NaN for a row with a missing value, or where `x` does not vary.
    """
    if x.size < 2 or not np.ptp(x) > 0:
        nothing = np.full(len(y), np.nan)
        return nothing, nothing, np.full(y.shape, np.nan)
    centred = x - x.mean()
    slope = y @ centred / (centred @ centred)
    intercept = y.mean(axis=1) - slope * x.mean()
    return slope, intercept, y - (slope[:, None] * x + intercept[:, None])


def slope_spread(inputs: Inputs, x: Floats) -> Floats:
    """Return the standard uncertainty of a slope from the repeatability of the readings."""
    spread = np.stack(
        [inputs.spread(r) / np.sqrt(max(r.sweeps, 1)) for r in inputs.readouts], axis=1
    )
    if x.size < 2 or not np.ptp(x) > 0:
        return np.full(len(inputs.numbers), np.nan)
    centred = x - x.mean()
    weight = centred / (centred @ centred)
    return np.asarray(np.sqrt(((spread * weight) ** 2).sum(axis=1)))
