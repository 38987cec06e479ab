"""What an axis reads of a stimulus along another, as a share of it; the largest of each unit."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measuring import Found, Inputs
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Fit the reading to all axes of the reference, and return the largest foreign share."""
    whole, _, own = inputs.address.rpartition(".")
    axes = list(inputs.data.schedule.quantities[whole.partition(".")[0]]["axes"])
    stimuli = np.array(
        [
            [inputs.data.reference(readout, f"{whole}.{axis}") for axis in axes]
            for readout in inputs.readouts
        ]
    ).reshape(-1, len(axes))
    design = np.column_stack([stimuli, np.ones(len(stimuli))])
    values = np.full(len(inputs.numbers), np.nan)
    known = len(stimuli) > len(axes) and np.isfinite(stimuli).all()
    if known and np.linalg.matrix_rank(design) == len(axes) + 1:
        table = inputs.table()
        whole_rows = np.isfinite(table).all(axis=1)
        solved = np.linalg.lstsq(design, table[whole_rows].T, rcond=None)[0].T
        k = axes.index(own)
        others = [n for n in range(len(axes)) if n != k]
        with np.errstate(divide="ignore", invalid="ignore"):  # an axis that does not answer
            shares = solved[:, others] / solved[:, [k]]
        largest = np.argmax(np.abs(shares), axis=1)
        values[whole_rows] = shares[np.arange(len(shares)), largest]
    return [Found(values, list(inputs.readouts))], []
