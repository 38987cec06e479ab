"""gate: looks at an earlier phase, unit by unit, and decides how the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from sensorbench.core.documents import Document, Ratio
from sensorbench.parts.model import problem
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.planning.gating import unanswerable
from sensorbench.profiles.schedule import Action, Do

PURPOSE = None


class Skip(Document):
    """Go on with a later phase."""

    skip_to: str


Way = Literal["go on", "stop", "ask", "drop units"] | Skip


class Require(Document):
    """The share of units that must have a value, pass, or be calibrated; one of them."""

    value: Ratio | None = Field(default=None, gt=0, le=1)
    passed: Ratio | None = Field(default=None, alias="pass", gt=0, le=1)
    calibrated: Ratio | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(x is not None for x in (self.value, self.passed, self.calibrated)) != 1:
            raise problem("require one of value, pass, calibrated, with a share such as 90 %")
        return self


class Phase(model.Phase):
    """`of` names the phase that is looked at."""

    of: str
    require: Require
    then: Way = "go on"
    otherwise: Way = "stop"


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Look, and go on, stop, ask, drop units or skip forward."""
    if phase.of not in c.told:
        there = ", ".join(c.told) or "none"
        c.problem(f"no earlier phase is named {phase.of!r}; there are: {there}", "of")
        return
    what = phase.require.model_dump(by_alias=True, exclude_none=True)
    word, share = next(iter(what.items()))
    why = unanswerable(c, phase.of, word)
    if why:
        c.problem(why, "require")
    ways = {"then": phase.then, "otherwise": phase.otherwise}
    said = {
        key: {"skip_to": c.later(way.skip_to, key)} if isinstance(way, Skip) else way
        for key, way in ways.items()
    }
    c.tell(phase, [], of=phase.of, require=word, share=share, **said)
    yield Do(
        "gate",
        {"phase": phase.name, "of": phase.of, "require": word, "share": share, **said},
    )
