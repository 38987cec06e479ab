"""Change of a rate's reading with the acceleration along its axis, per g."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measures._line import line, slope_spread
from sensorbench.assessment.measuring import Found, Inputs
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the slope of the reading over the upward direction along the axis."""
    whole, _, axis = inputs.address.rpartition(".")
    along = inputs.data.schedule.quantities[whole.partition(".")[0]].get("along", "")
    x = np.array([inputs.data.reference(r, f"{along}.{axis}") for r in inputs.readouts])
    slope, _, _ = line(x, inputs.table())
    budget = {"repeatability": slope_spread(inputs, x)} if len(x) > 1 and np.ptp(x) > 0 else {}
    return [Found(slope, list(inputs.readouts), budget)], []
