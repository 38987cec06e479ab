"""test: the part's parameters at conditions, with drift from an earlier phase where asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import Item, attached_results, missing, parameters

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Judge every parameter at every condition."""
    yield from missing(data, phase)
    yield from attached_results(data, phase)
    earlier = str(phase["data"].get("drift_from", ""))
    first = data.of_phase(earlier) if earlier else None
    yield from parameters(data, phase, data.of_phase(phase["name"]), first=first)


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many points were read."""
    return {"readouts": len(data.of_phase(phase["name"]))}
