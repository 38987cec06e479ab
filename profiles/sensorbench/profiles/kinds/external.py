"""external: done by somebody else; the run is parked until the evidence of it is attached."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.schedule import Action

PURPOSE = None


class Phase(model.Phase):
    """`attach` names what must come: words such as laboratory, date, report."""

    attach: tuple[str, ...] = Field(min_length=1)


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Give the units away, and wait for what was found."""
    each = any("each unit" in word for word in phase.attach)
    c.tell(phase, [], attach=list(phase.attach), each_unit=each)
    yield from c.unload()
    yield from c.attached(phase.name, phase.attach)
