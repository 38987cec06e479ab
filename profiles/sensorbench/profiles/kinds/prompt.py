"""prompt: a person is asked to do or to look at something."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from sensorbench.core.documents import Duration
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.schedule import Action, Do

PURPOSE = None


class Phase(model.Phase):
    """`text` in one language or several; with `park` the bench is given back while it waits.

    With `touch` the units are touched: what is not within its `handle` is let go before. Without
    an answer within `longest` the run ends, unless it is parked.
    """

    text: str | dict[str, str]
    answers: tuple[str, ...] = ()
    park: bool = False
    touch: bool = False
    longest: Duration | None = Field(default=None, ge=60.0)


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Ask, and wait for the answer."""
    text = {"en": phase.text} if isinstance(phase.text, str) else dict(phase.text)
    c.tell(phase, [], text=text, answers=list(phase.answers))
    if phase.touch:
        yield from c.let_touch()
    if phase.park:
        yield from c.release()
        yield Do("park", {"until": "person", "text": text, "phase": phase.name})
        return
    longest = {"longest_s": phase.longest} if phase.longest is not None else {}
    yield Do("ask", {"text": text, "answers": list(phase.answers), "phase": phase.name, **longest})
