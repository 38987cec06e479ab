"""Difference of the errors at equal values, come to from below and from above."""

from __future__ import annotations

import numpy as np

from sensorbench.analysis.fit.parameters import hysteresis
from sensorbench.assessment.measuring import Found, Inputs
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the largest difference of a pair."""
    ups: dict[str, int] = {}
    downs: dict[str, int] = {}
    for number, readout in enumerate(inputs.readouts):
        key = repr(sorted(readout.point.conditions.items(), key=lambda item: item[0]))
        direction = readout.point.labels.get("direction")
        if direction == "up":
            ups[key] = number
        elif direction == "down":
            downs[key] = number
    pairs = [(ups[key], downs[key]) for key in ups if key in downs]
    if not pairs:
        return [], []
    errors = inputs.table() - inputs.references()
    first, second = np.array(pairs).T
    values = hysteresis(errors[:, first], errors[:, second]).value
    used = [inputs.readouts[k] for pair in pairs for k in pair]
    return [Found(np.asarray(values), used)], []
