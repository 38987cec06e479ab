"""test: the part's parameters at conditions."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from sensorbench.parts.model import Part
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.schedule import Action, Point

PURPOSE: Purpose = "test"
ELSEWHERE = True
"""Whether others can do it: a tester's report is attached then."""
_MOST = 8


class Phase(model.Phase):
    """`conditions` in the order given; `drift_from` names the phase that drift is counted from."""

    conditions: tuple[str, ...] = Field(min_length=1)
    drift_from: str = ""


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Test at each condition."""
    if any(phase.set):
        c.problem(
            "a test is at the part's conditions: write a [condition] in part.toml for other values",
            "set",
        )
    if phase.drift_from and phase.drift_from not in c.told:
        there = ", ".join(c.told) or "none"
        c.problem(
            f"no earlier phase is named {phase.drift_from!r}; there are: {there}", "drift_from"
        )
    c.tell(phase, [], conditions=list(phase.conditions), drift_from=phase.drift_from)
    yield from c.readout(phase.conditions, "", {})
    if phase.drift_from in c.told:
        _check_drift(phase, c)


def _check_drift(phase: Phase, c: Context) -> None:
    """Where a drift was agreed, the earlier phase must have tested the same, of the same units."""
    for point in [
        p for p in c.points.values() if p.phase == phase.name and "attach" not in p.labels
    ]:
        for part in c.parts:
            limited = [p.name for p in part.parameter if p.drift is not None]
            for name in limited:
                if name in point.labels["parameters"]:
                    _check_base(phase, c, point, part, name)


def _check_base(phase: Phase, c: Context, point: Point, part: Part, name: str) -> None:
    condition = point.labels["condition"]
    bases = [
        earlier
        for earlier in c.points.values()
        if earlier.phase == phase.drift_from
        and earlier.labels.get("condition") == condition
        and name in earlier.labels.get("parameters", ())
    ]
    if not bases:
        c.problem(
            f"{name} has a drift limit, and {phase.drift_from!r} does not test it at {condition}",
            "drift_from",
        )
        return
    known = {number for base in bases for number in c.numbers(base.units)}
    wanted = [n for n in c.numbers(point.units) if c.units[n].part == part.part.name]
    others = [c.units[n].serial for n in wanted if n not in known]
    if others:
        shown = ", ".join(others[:_MOST]) + (
            f" and {len(others) - _MOST} more" * (len(others) > _MOST)
        )
        c.problem(
            f"{name} has a drift limit, and {phase.drift_from!r} does not test {shown}",
            "drift_from",
        )
