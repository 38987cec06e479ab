"""stress: the hours that were credited, how well the bench held, then the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.reports.facts import asked_facts, fact_blocks
from sensorbench.reports.held import held_figures
from sensorbench.reports.model import Block
from sensorbench.reports.phases import result_blocks
from sensorbench.reports.runs import Run
from sensorbench.reports.words import Words


def blocks(phase: Mapping[str, Any], run: Run, words: Words) -> Iterator[Block]:
    """Return what was served before what came of it."""
    name = str(phase["name"])
    yield from fact_blocks(asked_facts(name, run), run, words)
    yield from held_figures(name, run, words)
    yield from result_blocks(phase, run, words)
