"""Error where zero is: at the lower end of the range, or of a line over symmetric stimuli."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measures._line import line
from sensorbench.assessment.measuring import Found, Inputs, reference_budget
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the offset for each set of other conditions."""
    found = []
    for at, group in inputs.groups():
        x = group.stimuli()
        if not np.isfinite(x).any():  # no reference was read: nobody knows where zero is
            unknown = np.full(len(group.numbers), np.nan)
            found.append(Found(unknown, list(group.readouts), {}, at))
            continue
        lowest, highest = np.nanmin(x), np.nanmax(x)
        budget = reference_budget(group, group.readouts[0])
        if lowest < 0 < highest:
            _, intercept, _ = line(x, group.table())
            found.append(Found(intercept, list(group.readouts), budget, at))
        else:
            k = int(np.nanargmin(np.abs(x - lowest)))
            readout = group.readouts[k]
            found.append(Found(group.values(readout) - x[k], [readout], budget, at))
    return found, []
