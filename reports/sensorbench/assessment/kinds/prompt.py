"""prompt: what a person was asked, and answered; it judges no unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import Item

VERSION = "1"


def results(_data: RunData, _phase: Mapping[str, Any]) -> Iterator[Item]:
    """Return nothing: the answer is a fact."""
    return iter(())


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return question and answer."""
    answers = [
        event.data["fact"].get("answer")
        for event in data.events("fact")
        if event.data["verb"] == "ask" and event.data["fact"].get("phase") == phase["name"]
    ]
    return {"text": phase["data"]["text"], "answers": answers}
