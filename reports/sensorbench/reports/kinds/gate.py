"""gate: what was looked at, what was found, and how the run went on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.reports.done import facts_of
from sensorbench.reports.facts import label, there, told
from sensorbench.reports.model import Block, Cell, Facts, Text
from sensorbench.reports.runs import Run
from sensorbench.reports.text import serials
from sensorbench.reports.words import Words

_ORDER = ("of", "require", "required", "share", "holds", "why", "way")


def blocks(phase: Mapping[str, Any], run: Run, words: Words) -> Iterator[Block]:
    """Return each decision of the gate with its journal entry."""
    names = run.names(words)
    found = False
    for event, fact in facts_of(run, str(phase["name"]), "gate"):
        found = True
        rows = [
            (label(words, key), Cell(told(names, key, fact[key], fact)))
            for key in _ORDER
            if there(fact.get(key))
        ]
        dropped = fact.get("dropped") or ()
        if dropped:
            count = words.text("count.unit", n=len(dropped))
            rows.append(
                (label(words, "dropped"), Cell(serials(dropped, run.serials, words), count))
            )
        rows.append((words.text("column.journal"), Cell(f"#{event.seq}")))
        yield Facts(tuple(rows))
    if not found:
        yield Text(words.text("phase.not_reached"))
