"""Change of the reading over the change of the reference, for each set of other conditions."""

from __future__ import annotations

from sensorbench.assessment.measures._line import line, slope_spread
from sensorbench.assessment.measuring import Found, Inputs
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the slope of the best straight line."""
    found = []
    for at, group in inputs.groups(varying_only=True):
        x = group.stimuli()
        slope, _, _ = line(x, group.table())
        budget = {"repeatability": slope_spread(group, x)} if len(x) > 1 else {}
        found.append(Found(slope, list(group.readouts), budget, at))
    return found, []
