"""A step's record of each unit, from a stream or from readings in a row."""

from __future__ import annotations

import math

import numpy as np

from sensorbench.assessment.judging import no_value
from sensorbench.assessment.measures._streams import records
from sensorbench.assessment.measuring import Inputs
from sensorbench.assessment.records import Floats
from sensorbench.assessment.results import Reason

SETTLED = 0.75
"""From which share of what follows a step the value is its final one."""
NEEDED = 8
_STANDS_OUT = 3.0
_LATE = 2
_EVEN = 1.001
_FINER, _MOST = 16, 1_000_000


def step_records(
    inputs: Inputs,
) -> tuple[dict[int, tuple[Floats, Floats, tuple[int, ...]]], dict[int, Reason], float]:
    """Return by unit times and values with their sources, why some have none, and when it stepped.

    Times are in s from the start of the run. Only records from before the step to well after it
    that show it are returned.
    """
    there, reasons, stepped = _records(inputs)
    found = {}
    for k, record in there.items():
        why = _why_not(inputs, record[0], record[1], stepped)
        if why is None:
            found[k] = record
        else:
            reasons[k] = why
    return found, reasons, stepped


def _why_not(inputs: Inputs, times: Floats, samples: Floats, stepped: float) -> Reason | None:
    before = times < stepped
    late = times >= stepped + SETTLED * (times[-1] - stepped) if len(times) else before
    if not math.isfinite(stepped):
        return Reason("no_step", {"channel": inputs.channel})
    if not before.any() or late.sum() < _LATE:
        return Reason("too_few", {"needed": NEEDED, "there": len(samples)})
    if not np.isfinite(samples).all():
        return Reason("not_finite", {"channel": inputs.channel})
    step = samples[late].mean() - samples[before].mean()
    if not abs(step) > _STANDS_OUT * math.hypot(samples[late].std(), samples[before].std()):
        return Reason("no_step", {"channel": inputs.channel})
    return None


def _records(
    inputs: Inputs,
) -> tuple[dict[int, tuple[Floats, Floats, tuple[int, ...]]], dict[int, Reason], float]:
    found: dict[int, tuple[Floats, Floats, tuple[int, ...]]] = {}
    if inputs.readouts:
        stepped = _stepped_at(inputs, inputs.readouts[0].point.id)
        times = np.array([readout.t for readout in inputs.readouts])
        table = inputs.table()
        sources = (inputs.readouts[0].seq, inputs.readouts[-1].seq)
        for k in range(len(inputs.numbers)):
            if np.isfinite(table[k]).all():
                found[k] = (times, table[k], sources)
        reasons = {
            k: no_value(inputs, serial) for k, serial in enumerate(inputs.serials) if k not in found
        }
        return found, reasons, stepped
    there, reasons = records(inputs)
    moments = {p: _stepped_at(inputs, p) for p in {record.point for record in there.values()}}
    stepped = min(moments.values(), default=float("nan"))
    for k, record in there.items():
        count = len(record.samples)
        times = record.end_s - (count - 1 - np.arange(count)) / record.rate_hz
        # Batches have their steps one after the other: each counts from its own.
        times += stepped - moments[record.point]
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


def _stepped_at(inputs: Inputs, point: str) -> float:
    """Return when the second value was sent: the first one after the point's read was opened."""
    opened = False
    for event in inputs.data.events("step", "sent"):
        if event.kind == "step":
            if event.data.get("do") == "read":
                opened = event.data.get("point") == point
        elif opened:
            return event.t
    return float("nan")
