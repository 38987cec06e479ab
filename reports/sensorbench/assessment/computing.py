"""A measure computed over readings: it gives a result or a reason, whatever it comes upon."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measuring import Found, Inputs, measure_module
from sensorbench.assessment.results import Reason, Series


def computed(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return what the ask's measure finds; nothing where it is not installed.

    A measure that raises, or gives another number of values than there are units, costs its own
    results alone: each unit's reason says what went wrong. One that gives nothing of what was read
    is not known.
    """
    name = str(inputs.ask["measure"])
    module = measure_module(name)
    if module is None:
        return [], []
    count = len(inputs.numbers)
    try:
        found, series = module.compute(inputs)
        for one in found:
            if np.shape(one.values) != (count,):
                text = f"{np.shape(one.values)} values for {count} units"
                return [_failed(inputs, f"ValueError: {text}")], []
    except Exception as error:  # whoever wrote it: the run has been made, and is to be sealed
        return [_failed(inputs, f"{type(error).__name__}: {error}")], []
    if not found and (inputs.readouts or inputs.points):
        found = [Found(np.full(count, np.nan), list(inputs.readouts))]
    return found, series


def _failed(inputs: Inputs, error: str) -> Found:
    reason = Reason("measure_failed", {"measure": str(inputs.ask["measure"]), "error": error})
    count = len(inputs.numbers)
    readouts = list(inputs.readouts)
    return Found(np.full(count, np.nan), readouts, reasons=dict.fromkeys(range(count), reason))
