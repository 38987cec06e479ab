"""grid: measures over the points of its axes; without measures its readings are only kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import Item, asked, missing

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Return the results of every measure that was asked for."""
    yield from missing(data, phase)
    yield from asked(data, phase, data.of_phase(phase["name"]))


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many points were read."""
    return {"readouts": len(data.of_phase(phase["name"]))}
