"""prompt: a person is asked to do or to look at something."""

from __future__ import annotations

from collections.abc import Iterator

from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.schedule import Action, Do

PURPOSE = None


class Phase(model.Phase):
    """`text` in one language or several; with `park` the bench is given back while it waits.

    With `touch` the units are touched: what is not within its `handle` is let go before.
    """

    text: str | dict[str, str]
    answers: tuple[str, ...] = ()
    park: bool = False
    touch: bool = False


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
    yield Do("ask", {"text": text, "answers": list(phase.answers), "phase": phase.name})
