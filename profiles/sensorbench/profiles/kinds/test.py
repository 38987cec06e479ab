"""test: the part's parameters at conditions."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.schedule import Action

PURPOSE: Purpose = "test"


class Phase(model.Phase):
    """`conditions` in the order given; `drift_from` names the phase that drift is counted from."""

    conditions: tuple[str, ...] = Field(min_length=1)
    drift_from: str = ""


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Test at each condition."""
    if phase.drift_from and phase.drift_from not in c.told:
        there = ", ".join(c.told) or "none"
        c.problem(
            f"no earlier phase is named {phase.drift_from!r}; there are: {there}", "drift_from"
        )
    c.tell(phase, [], conditions=list(phase.conditions), drift_from=phase.drift_from)
    yield from c.readout(phase.conditions, "", {})
