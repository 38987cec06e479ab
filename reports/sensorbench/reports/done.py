"""What verbs of a phase found, from the journal: facts, intents and outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.evidence.journal import Event
from sensorbench.reports.runs import Run


def facts_of(run: Run, phase: str, verb: str) -> Iterator[tuple[Event, Mapping[str, Any]]]:
    """Return the facts that a verb of a phase put on record, each with its journal entry."""
    steps = run.schedule.steps if run.schedule else ()
    for event in run.events("fact"):
        number = event.data.get("step")
        inside = isinstance(number, int) and number < len(steps) and steps[number].phase == phase
        if inside and event.data.get("verb") == verb:
            yield event, dict(event.data.get("fact") or {})


def outcomes_of(run: Run, step: int) -> dict[str, tuple[Event, Mapping[str, Any]]]:
    """Return by unit what came of a step that can't be taken back."""
    return {
        str(event.data.get("unit")): (event, dict(event.data.get("outcome") or {}))
        for event in run.events("outcome")
        if event.data.get("step") == step
    }
