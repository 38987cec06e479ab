"""record: readings at rest over a time: every so often, or as the part's own stream."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from sensorbench.core.documents import Duration
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.schedule import Action, Hold, Read, Release

PURPOSE: Purpose = "test"


class Phase(model.Phase):
    """For `duration` by the clock; without `every` it is the part's stream."""

    duration: Duration = Field(gt=0)
    every: Duration | None = Field(default=None, gt=0)


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Open a read, wait, close it."""
    place = c.place(PURPOSE)
    if place is None or not c.is_here(place):
        c.problem("a record is read here, not elsewhere", "at")
        return
    yield from c.be_at(place)
    for where in phase.null:
        yield from c.null(where)
    tables = [c.targets(table) for table in phase.set]
    own = {where for table in tables for where in table}
    if phase.every is None:
        c.need_stream(phase.settings)
    asks = c.asks(phase.measures, own)
    c.tell(phase, asks, duration_s=phase.duration, every_s=phase.every, axes=[])
    yield from c.go([c.nominal(), *tables] if tables else [c.nominal()], only=False)
    point = c.point("", {"duration_s": phase.duration})
    with c.together():  # one with a gap would be two
        yield Read(point.id, every_s=phase.every or 0.0, stream=phase.every is None)
        yield Hold(phase.duration, (), phase.duration, phase.name)
        yield Release(point.id)
