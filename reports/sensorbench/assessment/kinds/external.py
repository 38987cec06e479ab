"""external: what somebody else found, as it was attached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import Item, attached_results

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Return each unit's result of the other laboratory; without one it is not known."""
    yield from attached_results(data, phase)


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was attached, with the digests of the files."""
    event = data.attached.get(phase["name"])
    return {"attached": dict(event.data) if event is not None else None}
