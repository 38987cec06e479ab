"""steps: one value after the other, raised until the end: burst, proof, over-voltage.

A step that was cut off is not repeated by itself: the part has felt it, a person decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, field_validator

from sensorbench.core.documents import Duration
from sensorbench.parts.model import problem
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.schedule import Action

PURPOSE: Purpose = "stress"


class Phase(model.Phase):
    """Lists in `set` are the values in order; what is no list stays through all of them."""

    dwell: Duration = Field(ge=0)
    times: int = Field(default=1, ge=1, le=10_000)
    test: model.Test = model.Test()
    start: model.Start = "value"

    @field_validator("set", mode="before")
    @classmethod
    def _sets(cls, data: Any) -> Any:
        table = model.as_one_set(data, lambda _where, _raw: "")
        lengths = {len(raw) for raw in table.values() if isinstance(raw, list | tuple)}
        if len(lengths) != 1:
            raise problem("one list of values, or several of equal length, are raised step by step")
        return (table,)


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Test, raise, test."""
    (table,) = phase.set
    stays = {w: raw for w, raw in table.items() if not isinstance(raw, list | tuple)}
    raised = {w: list(raw) for w, raw in table.items() if isinstance(raw, list | tuple)}
    count = len(next(iter(raised.values())))
    c.tell(
        phase,
        c.monitored(phase, c.place(PURPOSE)),
        dwell_s=phase.dwell,
        times=phase.times,
        raised=list(raised),
        goes_on=True,  # it may well destroy them all
        test=c.test_plan(phase.test),
    )
    yield from c.readout(phase.test.before, "before", {"step": 0})
    if phase.test.before:
        yield from c.start_gate("before", phase.start)
    place = c.place(PURPOSE)
    if place is None or not c.is_here(place):
        c.problem("steps are done here, not elsewhere", "at")
        return
    yield from c.be_at(place)
    base = {**c.nominal(), **c.targets(stays)}
    # What stays must be seen to at every step: only then is it the one that was asked for.
    kept = {w: t for w, t in base.items() if w not in raised}
    yield from c.go([kept])
    yield from c.open_monitor(phase, "monitor", {}, raised)
    with c.never_repeated():
        for time in range(1, phase.times + 1):
            for k in range(count):
                values = {w: c.value(w, raws[k]) for w, raws in raised.items()}
                if phase.monitor or not (phase.test.before or phase.test.after):
                    c.check_measurable(values, "set")  # what is read meanwhile is judged
                yield from c.go([{**kept, **values}], only=False, for_s=phase.dwell)
                if not phase.monitor and any(t is not None for t in values.values()):
                    label = {"step": k + 1, "time": time}
                    yield c.read(c.point(f"step {k + 1}" + _again(time, phase.times), label))
    yield from c.close_monitor()
    yield from c.release()
    yield from c.readout(phase.test.after, "after", {"step": count}, phase.test)


def _again(time: int, times: int) -> str:
    return f", time {time}" if times > 1 else ""
