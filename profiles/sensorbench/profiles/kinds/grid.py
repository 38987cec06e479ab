"""grid: readings at every point of any number of nested axes, each with its path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sensorbench.core.documents import Document
from sensorbench.parts.model import by_address, problem
from sensorbench.parts.values import Targets
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.measuring import Ask
from sensorbench.profiles.schedule import Action

PURPOSE: Purpose = "test"


class Axis(Document):
    """Values of one or more addresses that go together, pair by pair, in the order written.

    `there and back` reads all but the last once more on the way back.
    """

    set: dict[str, Any]
    path: Literal["once", "there and back"] = "once"

    @field_validator("set")
    @classmethod
    def _lists(cls, table: dict[str, Any]) -> dict[str, Any]:
        found = {
            where: list(raw) if isinstance(raw, list | tuple) else [raw]
            for where, raw in by_address(table).items()
        }
        if not found or len({len(values) for values in found.values()}) > 1:
            raise problem("lists of one set go together, pair by pair: give them equal lengths")
        return found


class Phase(model.Phase):
    """Axes from the outermost to the innermost."""

    axes: tuple[Axis, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        own = {where for table in self.set for where in table}
        axes = [(("axes", k, "set"), axis.set) for k, axis in enumerate(self.axes)]
        model.apart([(("set",), own), *axes])
        return self


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Read at every point; what measures need beside the axes is applied at each."""
    place = c.place(PURPOSE)
    if place is None or not c.is_here(place):
        c.problem("a grid is read here, not elsewhere", "at")
        return
    yield from c.be_at(place)
    for where in phase.null:
        yield from c.null(where)
    axes = [_values(axis, c) for axis in phase.axes]
    own = {where for axis in phase.axes for where in axis.set}
    own |= {where for table in phase.set for where in table}
    asks = c.asks(phase.measures, own)
    base = {**c.nominal()}
    tables = [c.targets(table) for table in phase.set]
    c.tell(phase, asks, axes=[list(axis.set) for axis in phase.axes])
    yield from c.go([base, *tables] if tables else [base], only=False)
    fixed = {**base, **{w: t for table in tables for w, t in table.items()}}
    yield from _nested(axes, [axis.path for axis in phase.axes], fixed, {}, asks, own, c)


def _values(axis: Axis, c: Context) -> list[Targets]:
    count = len(next(iter(axis.set.values())))
    return [
        {where: c.value(where, raws[k], "axes") for where, raws in axis.set.items()}
        for k in range(count)
    ]


def _nested(
    axes: Sequence[list[Targets]],
    paths: Sequence[str],
    reached: Targets,
    labels: dict[str, Any],
    asks: Sequence[Ask],
    own: set[str],
    c: Context,
) -> Iterator[Action]:
    if not axes:
        yield from _read(reached, labels, asks, own, c)
        return
    values, *inner = axes
    legs = [(value, "up") for value in values]
    if paths[0] == "there and back":
        # The far end is the turn: it is read once, on the way there.
        legs += [(value, "down") for value in reversed(values[:-1])]
    for value, direction in legs:
        yield from c.go([{**reached, **value}], only=False)
        more = {"direction": direction} if paths[0] != "once" else {}
        yield from _nested(inner, paths[1:], {**reached, **value}, labels | more, asks, own, c)


def _read(
    reached: Targets, labels: dict[str, Any], asks: Sequence[Ask], own: set[str], c: Context
) -> Iterator[Action]:
    for stimulus in c.stimuli(asks, own):
        yield from c.go([{**reached, **stimulus}], only=False)
        c.check_measurable(reached, "axes")
        name = c.name_of({**{w: t for w, t in reached.items() if w in own}, **stimulus})
        direction = str(labels.get("direction", ""))
        point = c.point("/".join(part for part in (name, direction) if part), labels)
        yield c.read(point)
