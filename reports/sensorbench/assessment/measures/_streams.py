"""Streams of a measure's channel as arrays, and why some can't be used."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sensorbench.assessment.measuring import Inputs
from sensorbench.assessment.records import Floats
from sensorbench.assessment.results import Reason


@dataclass(frozen=True, slots=True)
class Record:
    """One unit's record of the channel: samples in order, at `rate_hz`, the last one at `end_s`.

    `point` is where it was made.
    """

    samples: Floats
    rate_hz: float
    end_s: float
    sources: tuple[int, ...]
    point: str


def records(inputs: Inputs) -> tuple[dict[int, Record], dict[int, Reason]]:
    """Return the record of each unit by its number in the arrays, or why there is none."""
    found: dict[int, Record] = {}
    reasons: dict[int, Reason] = {}
    for point, streams in inputs.streams().items():
        problems = inputs.data.stream_problems(point)
        for k, serial in enumerate(inputs.serials):
            stream = streams.get(serial)
            if serial in problems:
                reasons[k] = problems[serial]
            elif stream is None or inputs.channel not in stream.channels:
                reasons.setdefault(k, Reason("not_read", {}))
            elif stream.overflow:
                reasons[k] = Reason("samples_lost", {"point": point})
            elif stream.saturated:
                reasons[k] = Reason("saturated", {"point": point})
            elif not math.isfinite(stream.rate_hz):
                reasons[k] = Reason("rate_unknown", {"point": point})
            else:
                samples = stream.channel(inputs.channel)
                end = stream.start_s + stream.seconds
                found[k] = Record(samples, stream.rate_hz, end, tuple(stream.sources[:1]), point)
    return found, {k: why for k, why in reasons.items() if k not in found}


def why_not(inputs: Inputs, samples: Floats, needed: int) -> Reason:
    """Return why samples give no value, where `needed` would."""
    if len(samples) < needed:
        return Reason("too_few", {"needed": needed, "there": len(samples)})
    known = bool(np.isfinite(samples).all())
    return Reason("no_value" if known else "not_finite", {"channel": inputs.channel})


def values_of(inputs: Inputs, found: dict[int, float]) -> Floats:
    """Return one value a unit, NaN where there is none."""
    return np.array([found.get(k, np.nan) for k in range(len(inputs.numbers))])
