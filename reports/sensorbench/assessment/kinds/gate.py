"""gate: what was decided, and why; it judges no unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import Item

VERSION = "1"


def results(_data: RunData, _phase: Mapping[str, Any]) -> Iterator[Item]:
    """Return nothing: its decision is a fact."""
    return iter(())


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return the decision."""
    for event in data.events("fact"):
        if event.data["verb"] == "gate" and event.data["fact"].get("gate") == phase["name"]:
            return {"gate": dict(event.data["fact"])}
    return {"gate": None}
