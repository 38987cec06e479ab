"""response: a step is made while the units are read, so that the way there is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, field_validator

from sensorbench.core.documents import Duration
from sensorbench.parts.model import problem
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.schedule import Action, Hold, Read, Release

PURPOSE: Purpose = "test"


class Phase(model.Phase):
    """`set` holds [from, to] for each address; read for `duration` after the step."""

    duration: Duration = Field(gt=0)
    every: Duration | None = Field(default=None, gt=0)
    lead: Duration = Field(default=1.0, ge=0)

    @field_validator("set", mode="before")
    @classmethod
    def _sets(cls, data: Any) -> Any:
        table = model.as_one_set(data, _pair)
        if not table:
            raise problem(_WRITE)
        return (table,)


_WRITE = "write [from, to] for each address"


def _pair(where: str, raw: Any) -> str:
    del where
    return "" if isinstance(raw, list | tuple) and len(raw) == 2 else _WRITE


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Reach the first values, open the read, make the step, wait, close."""
    place = c.place(PURPOSE)
    if place is None or not c.is_here(place):
        c.problem("a response is read here, not elsewhere", "at")
        return
    yield from c.be_at(place)
    (table,) = phase.set
    first = {where: c.value(where, raw[0]) for where, raw in table.items()}
    second = {where: c.plain(where, raw[1]) for where, raw in table.items()}
    if phase.every is None:
        c.need_stream(phase.settings)
    asks = c.asks(phase.measures, table)
    c.tell(
        phase, asks, duration_s=phase.duration, lead_s=phase.lead, every_s=phase.every, axes=[],
        step={where: [first[where], second[where]] for where in table},
    )  # fmt: skip
    with c.together():  # where it was cut off the way begins anew, from the first values
        yield from c.go([c.nominal(), first], only=False)
        point = c.point("", {"lead_s": phase.lead})
        yield Read(point.id, every_s=phase.every or 0.0, stream=phase.every is None)
        yield Hold(phase.lead, (), phase.lead, phase.name)
        yield from c.send(dict(second))
        yield Hold(phase.duration, (), phase.duration, phase.name, phase.lead)
        yield Release(point.id)
