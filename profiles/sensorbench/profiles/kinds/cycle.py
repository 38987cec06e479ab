"""cycle: steps of sets, repeated and counted; what stands in the phase's own `set` goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from sensorbench.core.document_words import several
from sensorbench.core.documents import Document, Duration
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.model import SetTable, as_sets
from sensorbench.profiles.schedule import Action, Settle

PURPOSE: Purpose = "stress"


class CycleStep(Document):
    """Values that are reached together, and how long they are kept once reached."""

    set: tuple[SetTable, ...]
    dwell: Duration = Field(ge=0)

    @field_validator("set", mode="before")
    @classmethod
    def _sets(cls, data: Any) -> Any:
        return as_sets(data)


class Phase(model.Phase):
    """`cycles` of `steps`, with readouts after some of them."""

    steps: tuple[CycleStep, ...] = Field(min_length=1)
    cycles: int = Field(ge=1, le=1_000_000)
    readouts: tuple[int, ...] = ()
    test: model.Test = model.Test()
    cool: model.Cool | None = None
    start: model.Start = "value"

    @field_validator("readouts")
    @classmethod
    def _rising(cls, readouts: tuple[int, ...]) -> tuple[int, ...]:
        model.rising(readouts)
        return readouts

    @model_validator(mode="after")
    def _apart(self) -> Self:
        own = {where for table in self.set for where in table}
        # One step follows the other; what goes on through all of them stands in none.
        steps = [
            (("steps", k, "set"), own & {where for table in step.set for where in table})
            for k, step in enumerate(self.steps)
        ]
        model.apart([(("set",), own), *steps])
        return self

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.readouts and not 0 < self.readouts[0] <= self.readouts[-1] < self.cycles:
            text = "readouts lie between 0 and the cycles; both ends are tested anyway"
            raise several([(("readouts",), text)], rules=True)
        return self


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Test, then cycle from readout to readout; a cycle that was cut short is repeated."""
    c.tell(
        phase,
        c.monitored(phase, c.place(PURPOSE)),
        cycles=phase.cycles,
        readouts=[*phase.readouts, phase.cycles],
        dwells_s=[step.dwell for step in phase.steps],
        test=c.test_plan(phase.test),
        goes_on=phase.start == "always",
    )
    yield from c.readout(phase.test.before, "before", {"cycles": 0})
    if phase.test.before:
        yield from c.start_gate("before", phase.start)
    done = 0
    for end in (*phase.readouts, phase.cycles):
        yield from _cycles(phase, c, done, end)
        last = end == phase.cycles
        names = phase.test.after if last or phase.test.interim is None else phase.test.interim
        yield from c.readout(names, f"{end} cycles", {"cycles": end}, phase.test)
        done = end


def _cycles(phase: Phase, c: Context, done: int, end: int) -> Iterator[Action]:
    place = c.place(PURPOSE)
    if place is None or not c.is_here(place):
        c.problem("cycles are done here; those that are done elsewhere are an `external`", "at")
        return
    yield from c.be_at(place)
    always = {w: t for table in phase.set for w, t in c.targets(table).items()}
    steps = [([c.targets(table) for table in step.set], step.dwell) for step in phase.steps]
    in_steps = {where for tables, _ in steps for table in tables for where in table}
    for table in c.fed(phase, [always, *(t for tables, _ in steps for t in tables)]):
        always = {**table, **always}
    # What goes on must be seen to: a bias that nobody reads is no bias. Only then is a dwell kept.
    kept = {where: target for where, target in always.items() if where not in in_steps}
    yield from c.release([w for w in c.current if w not in in_steps and w not in always])
    if always:
        yield from c.go([always], only=False)
    yield from c.open_monitor(phase, f"monitor from {done}", {"cycles": done}, in_steps)
    for number in range(done, end):
        with c.together():
            for tables, dwell in steps:
                for action in c.go([{**kept, **t} for t in tables], only=False, for_s=dwell):
                    if isinstance(action, Settle):
                        c.mark(phase, "soaks")
                    yield action
        del number
    yield from c.close_monitor()
    yield from c.cooled(phase.cool)
