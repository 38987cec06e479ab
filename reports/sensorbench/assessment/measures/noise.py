"""Standard deviation of the samples of a point; the largest of each unit is its result.

Single readings of one point, as a record makes them, are its samples.
"""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measuring import Found, Inputs
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the largest spread."""
    if not inputs.readouts:
        return [], []
    if all(readout.sweeps == 1 for readout in inputs.readouts):
        return _of_single_readings(inputs)
    if all(readout.sweeps < 2 for readout in inputs.readouts):
        readings = inputs.table()
        values = readings.std(axis=1, ddof=1) if readings.shape[1] > 1 else readings[:, 0] * np.nan
        return [Found(np.asarray(values), list(inputs.readouts))], []
    table = np.stack([inputs.spread(readout) for readout in inputs.readouts], axis=1)
    known = np.where(np.isfinite(table), table, -1.0)
    worst = [int(k) for k in np.argmax(known, axis=1)]
    values = np.where(np.isfinite(table).all(axis=1), table[np.arange(len(table)), worst], np.nan)
    return [Found(values, list(inputs.readouts), worst=worst)], []


def _of_single_readings(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    readouts = list(inputs.readouts)
    table = inputs.table()
    points: dict[str, list[int]] = {}
    for k, readout in enumerate(readouts):
        points.setdefault(readout.point.id, []).append(k)
    if any(len(own) < 2 for own in points.values()):
        return [Found(np.full(len(table), np.nan), readouts)], []
    spreads = [table[:, own].std(axis=1, ddof=1) for own in points.values()]
    return [Found(np.asarray(np.max(spreads, axis=0)), readouts)], []
