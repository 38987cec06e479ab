"""record: measures of readings or of a stream at rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import Item, asked

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Return the results of every measure that was asked for."""
    points = [p.id for p in data.schedule.points.values() if p.phase == phase["name"]]
    yield from asked(data, phase, data.monitored(phase["name"]), points)


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many samples there are, at which rate, and what was lost."""
    readouts = data.monitored(phase["name"])
    told: dict[str, Any] = {"readings": len(readouts)}
    if len(readouts) > 1:
        told["kept_every_s"] = float(np.median(np.diff([readout.t for readout in readouts])))
    for point in (p.id for p in data.schedule.points.values() if p.phase == phase["name"]):
        for serial, stream in data.streams(point).items():
            told.setdefault("streams", {})[serial] = {
                "samples": stream.count, "rate_hz": stream.rate_hz,
                "overflow": stream.overflow,
            }  # fmt: skip
            if stream.lost:
                told["streams"][serial]["lost"] = stream.lost
    return told
