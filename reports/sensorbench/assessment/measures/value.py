"""The reading itself at every point."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measuring import Found, Inputs, labels_of, series_of, varying_addresses
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the mean at each point."""
    readouts = list(inputs.readouts)
    if not readouts:
        return [], []
    varying = varying_addresses(readouts)
    found = [
        Found(
            inputs.values(readout),
            [readout],
            {"repeatability": inputs.spread(readout) / np.sqrt(readout.sweeps)},
            labels_of(readout, varying),
        )
        for readout in readouts
    ]
    series = series_of(
        inputs, inputs.table(), list(range(1, len(readouts) + 1)), "point", "",
        [labels_of(readout, varying) for readout in readouts],
        [readout.seq for readout in readouts],
    )  # fmt: skip
    return found, [series]
