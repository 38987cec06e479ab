"""Reading less reference at every point; the worst of each unit is its result."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.measuring import (
    Found,
    Inputs,
    labels_of,
    reference_budget,
    series_of,
    varying_addresses,
)
from sensorbench.assessment.results import Series

VERSION = "1"


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the error that is furthest from zero, and the errors over the reference."""
    readouts = list(inputs.readouts)
    if not readouts:
        return [], []
    errors = inputs.table() - inputs.references()
    known = np.where(np.isfinite(errors), np.abs(errors), -1.0)
    # Where any reading is missing the worst is not known.
    worst = [int(k) for k in np.argmax(known, axis=1)]
    rows = np.arange(len(errors))
    values = np.where(np.isfinite(errors).all(axis=1), errors[rows, worst], np.nan)
    budgets = [reference_budget(inputs, readout) for readout in readouts]
    budget = {
        source: np.array([_at(budgets[worst[k]].get(source), k) for k in range(len(errors))])
        for source in dict.fromkeys(s for one in budgets for s in one)
    }
    found = Found(values, readouts, budget, worst=worst)
    varying = varying_addresses(readouts) - {inputs.address}
    series = series_of(
        inputs, errors, list(inputs.references()), inputs.address, _unit(inputs),
        [labels_of(readout, varying) for readout in readouts],
        [readout.seq for readout in readouts],
    )  # fmt: skip
    return [found], [series]


def _at(standard: object, k: int) -> float:
    if standard is None:
        return float("nan")
    return float(standard[k]) if isinstance(standard, np.ndarray) else float(standard)  # type: ignore[arg-type]


def _unit(inputs: Inputs) -> str:
    row = inputs.data.schedule.quantities.get(inputs.address.partition(".")[0], {})
    return str(row.get("unit", ""))
