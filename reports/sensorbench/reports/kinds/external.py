"""external: what was attached, by whom, and the digest of each file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sensorbench.evidence.journal import Event
from sensorbench.reports.facts import fact_blocks
from sensorbench.reports.model import Block, Heading, Text
from sensorbench.reports.phases import result_blocks
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, moment
from sensorbench.reports.words import Words

_ELSEWHERE = ("point", "frames", "units")
"""The units' results are in the table of results."""


def blocks(phase: Mapping[str, Any], run: Run, words: Words) -> Iterator[Block]:
    """Return what was attached to each point of the phase, then its results."""
    found = list(attached(str(phase["name"]), run))
    for event in found:
        yield Heading(words.text("external.attached", point=clean(event.data.get("point", "")),
                                 seq=event.seq))  # fmt: skip
        data = {key: value for key, value in event.data.items() if key not in _ELSEWHERE}
        when = moment(datetime.fromisoformat(event.time), UTC)
        data = {"attach": data.pop("asked", ()), "when": when, **data}
        yield from fact_blocks(data, run, words)
    if not found:
        yield Text(words.text("external.nothing"))
    yield from fact_blocks(run.facts(str(phase["name"])), run, words, ("attached",))
    yield from result_blocks(phase, run, words)


def attached(phase: str, run: Run) -> Iterator[Event]:
    """Return the entries with which evidence was attached to points of a phase."""
    points = run.schedule.points if run.schedule else {}
    for event in run.events("attached"):
        point = points.get(str(event.data.get("point", "")))
        if point is not None and point.phase == phase:
            yield event
