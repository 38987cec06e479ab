"""prompt: what a person was asked, and the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.reports.done import facts_of
from sensorbench.reports.facts import label
from sensorbench.reports.model import Block, Cell, Facts, Text
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean
from sensorbench.reports.words import Words


def blocks(phase: Mapping[str, Any], run: Run, words: Words) -> Iterator[Block]:
    """Return the question in the report's language, and each answer with its journal entry."""
    asked = clean(words.said(dict(phase.get("data") or {}).get("text", "")))
    rows = [(label(words, "text"), Cell(asked))]
    name = str(phase["name"])
    for event, fact in [*facts_of(run, name, "ask"), *facts_of(run, name, "park")]:
        answer = fact.get("answer")
        shown = clean(answer) if answer else words.text("prompt.confirmed")
        rows.append((label(words, "answer"), Cell(shown, f"#{event.seq}")))
    yield Facts(tuple(rows))
    if len(rows) == 1:
        yield Text(words.text("phase.not_reached"))
