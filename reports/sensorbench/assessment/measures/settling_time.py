"""Time from a step until the reading stays within 5 % of the step around its final value."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measures._steps import SETTLED, step_records
from sensorbench.assessment.measures._streams import values_of
from sensorbench.assessment.measuring import Found, Inputs
from sensorbench.assessment.results import Series

VERSION = "1"
_BAND = 0.05


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the settling time of each unit."""
    there, reasons, stepped = step_records(inputs)
    values: dict[int, float] = {}
    for k, (times, samples, _) in there.items():
        after = times >= stepped
        late = times >= stepped + SETTLED * (times[-1] - stepped)
        final, initial = samples[late].mean(), samples[~after].mean()
        outside = after & (np.abs(samples - final) > _BAND * abs(final - initial))
        values[k] = float(times[outside][-1] - stepped) if outside.any() else 0.0
    sources = {k: own for k, (_, _, own) in there.items()}
    return [Found(values_of(inputs, values), reasons=reasons, sources=sources)], []
