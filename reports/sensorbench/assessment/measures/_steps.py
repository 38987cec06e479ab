"""A step's record of each unit, from a stream or from readings in a row."""

from __future__ import annotations

import numpy as np

from sensorbench.assessment.data import Floats
from sensorbench.assessment.measures._streams import records
from sensorbench.assessment.measuring import Inputs
from sensorbench.assessment.results import Reason

_EVEN = 1.001
_FINER, _MOST = 16, 1_000_000


def step_records(
    inputs: Inputs,
) -> tuple[dict[int, tuple[Floats, Floats, tuple[int, ...]]], dict[int, Reason], float]:
    """Return by unit times and values with their sources, why some have none, and when it stepped.

    Times are in s from the start of the run.
    """
    stepped = _stepped_at(inputs)
    found: dict[int, tuple[Floats, Floats, tuple[int, ...]]] = {}
    if inputs.readouts:
        times = np.array([readout.t for readout in inputs.readouts])
        table = inputs.table()
        sources = (inputs.readouts[0].seq, inputs.readouts[-1].seq)
        for k in range(len(inputs.numbers)):
            if np.isfinite(table[k]).all():
                found[k] = (times, table[k], sources)
        reasons = {
            k: Reason("no_value", {"channel": inputs.channel})
            for k in range(len(inputs.numbers))
            if k not in found
        }
        return found, reasons, stepped
    there, reasons = records(inputs)
    for k, record in there.items():
        count = len(record.samples)
        times = record.end_s - (count - 1 - np.arange(count)) / record.rate_hz
        found[k] = (times, record.samples, record.sources[:1])
    return found, reasons, stepped


def evenly(times: Floats, samples: Floats) -> tuple[Floats, float]:
    """Return samples at even times, with straight lines between those that were read; and the rate.

    Readings in a row are not evenly apart: what else is due at the bench comes between them.
    """
    apart = np.diff(times)
    count = len(times)
    if apart.max(initial=0.0) > _EVEN * apart.min(initial=np.inf):
        count = min(round(_FINER * (times[-1] - times[0]) / np.median(apart)) + 1, _MOST)
        grid = np.linspace(times[0], times[-1], count)
        samples = np.interp(grid, times, samples)
    return samples, (count - 1) / (times[-1] - times[0])


def _stepped_at(inputs: Inputs) -> float:
    """Return when the second value was sent: the first one after the read was opened."""
    steps = inputs.data.schedule.steps
    opened = False
    for event in inputs.data.events("step", "sent"):
        if event.kind == "step":
            if steps[event.data["step"]].phase != inputs.phase:
                opened = False
            elif event.data.get("do") == "read":
                opened = True
        elif opened:
            return event.t
    return float("nan")
