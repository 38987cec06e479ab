"""stress: a set of addresses held for hours that are credited, with readouts between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from sensorbench.core.document_words import Place, several
from sensorbench.core.documents import Duration
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.schedule import Action, Do, Hold

PURPOSE: Purpose = "stress"
_USUAL_LONGEST = 1.25


class Phase(model.Phase):
    """`hours` in all, `readouts` between; `test` says what is measured before, between and after.

    An empty `set` holds nothing: its hours are those of the calendar, and the run is parked.
    """

    hours: Duration = Field(gt=0)
    readouts: tuple[Duration, ...] = ()
    test: model.Test = model.Test()
    cool: model.Cool | None = None
    longest: Duration | None = Field(default=None, gt=0)
    start: model.Start = "value"

    @field_validator("readouts")
    @classmethod
    def _rising(cls, readouts: tuple[float, ...]) -> tuple[float, ...]:
        return model.rising(readouts)

    @model_validator(mode="after")
    def _within(self) -> Self:
        rows: list[tuple[Place, str]] = []
        if self.readouts and not 0 < self.readouts[0] <= self.readouts[-1] < self.hours:
            text = "readouts lie between 0 h and the hours; both ends are tested anyway"
            rows.append((("readouts",), text))
        if self.longest is not None and self.longest < self.hours:
            text = "longest is shorter than the hours that are to be served"
            rows.append((("longest",), text))
        if rows:
            raise several(rows, rules=True)
        return self


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Test, then hold from readout to readout, each with its tests."""
    c.tell(
        phase,
        c.monitored(phase, c.place(PURPOSE)),
        hours_s=phase.hours,
        readouts_s=[*phase.readouts, phase.hours],
        test=c.test_plan(phase.test),
        calendar=not any(phase.set),
        goes_on=phase.start == "always",
    )
    yield from c.readout(phase.test.before, "before", {"served_s": 0.0})
    if phase.test.before:
        yield from c.start_gate("before", phase.start)
    done = 0.0
    ends = [*phase.readouts, phase.hours]
    for end in ends:
        yield from _held(phase, c, done, end)
        last = end == phase.hours
        names = phase.test.after if last or phase.test.interim is None else phase.test.interim
        yield from c.readout(names, f"{end / 3600:g} h", {"served_s": end}, phase.test)
        done = end


def _held(phase: Phase, c: Context, done: float, end: float) -> Iterator[Action]:
    if not any(phase.set):
        yield from c.unload()
        until: dict[str, Any] = {"until": "time", "after_s": end, "phase": phase.name}
        yield Do("park", until)
        return
    place = c.place(PURPOSE)
    if place is None or not c.is_here(place):
        c.problem("a stress is done here; one that is done elsewhere is an `external`", "at")
        return
    yield from c.be_at(place)
    tables = [c.targets(table) for table in phase.set]
    yield from c.go([*c.fed(phase, tables), *tables])
    reached = {where: target for table in tables for where, target in table.items()}
    if end == phase.hours or done == 0.0 or phase.monitor:
        yield from c.open_monitor(phase, f"monitor from {done / 3600:g} h", {"served_s": done})
    longest = (phase.longest or _USUAL_LONGEST * phase.hours) * (end - done) / phase.hours
    soaks = sum(c.soak(where).timeout_s for where in reached)
    yield Hold(end - done, c.held(reached), longest + soaks, phase.name, done)
    yield from c.close_monitor()
    yield from c.cooled(phase.cool)
