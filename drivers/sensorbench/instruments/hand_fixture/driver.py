"""A fixture that a person turns: the person is asked, and what they confirm is what holds.

- Nothing is assumed: until the first turn was confirmed, and after one that was not, the
  orientation is not known.
- An orientation is the upward direction in the parts' axes, of length 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sensorbench.core.clock import Clock
from sensorbench.core.errors import (
    InstrumentError,
    NotYetKnown,
    ProtocolError,
    SetpointError,
)
from sensorbench.core.operator import Operator, Question
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import ORIENTATION, Value, components
from sensorbench.instruments.members import setpoint

DONE, NOT_DONE = "done", "stop"
_LENGTH = 1e-3  # how far the length may be from 1: of numbers that people write
_SAME_FACE = 1e-6


class HandFixture:
    """A fixture for orientations; `operator` turns it."""

    # A person who uses the fixture's stops places it within 0.5 degrees.
    orientation = setpoint["HandFixture"](
        ORIENTATION, rated=(-1.0, 1.0), vector=True, asks=True, accuracy=0.01, untold=True
    )

    def __init__(self, operator: Operator, clock: Clock, *, name: str = "fixture") -> None:  # noqa: ARG002
        self.name = name
        self._operator = operator
        self._confirmed: tuple[float, ...] | None = None
        self._was_asked = False

    def identify(self) -> Identity:
        """Return what it is; a fixture tells nothing of itself, and nobody is asked."""
        return Identity("", "hand fixture")

    @orientation.go
    def _(self, target: Value, rate: float | None, limit: float | None) -> Value:  # noqa: ARG002
        """Ask for the turn and return once it is confirmed.

        Raises SetpointError for what is no direction, InstrumentError if it could not be done.
        """
        up = components(target)
        if len(up) != len(ORIENTATION.axes) or abs(math.hypot(*up) - 1.0) > _LENGTH:
            raise SetpointError(
                f"{self.name}: orientation {target} is no direction of length 1 in x, y, z; "
                "nobody was asked"
            )
        self._confirmed, self._was_asked = None, True
        answer = self._operator.ask(question(self.name, up))
        if answer != DONE:
            raise InstrumentError(
                f"turn {self.name}", answer, "it was not turned, so its orientation is not known"
            )
        self._confirmed = up
        return up

    @orientation.read
    def _(self) -> Value:
        """Return what was confirmed. Raises NotYetKnown before the first turn.

        Raises ProtocolError after one that was not confirmed.
        """
        if self._confirmed is None:
            text = f"{self.name}: nobody has confirmed an orientation; set one, and answer the "
            raise (ProtocolError if self._was_asked else NotYetKnown)(f"{text}question")
        return self._confirmed

    @orientation.release
    def _(self) -> None:
        """Do nothing: a fixture stays as it lies."""


def question(name: str, up: tuple[float, ...]) -> Question:
    """Return what the person is asked."""
    face = next((word for word, there in ORIENTATION.words.items() if _is_near(there, up)), "")
    if face:
        axis = face.removesuffix(" up")
        text = {
            "en": f"Turn the parts in {name} so that their {axis} axis points up.",
            "zh": f"请转动 {name} 中的零件，使其 {axis} 轴朝上。",
        }
    else:
        shown = ", ".join(f"{part:.3f}" for part in up)
        text = {
            "en": f"Turn the parts in {name} so that up is ({shown}) in their x, y, z axes.",
            "zh": f"请转动 {name} 中的零件，使朝上的方向在其 x、y、z 轴中为 ({shown})。",
        }
    what = {"kind": "turn", "to": face or " ".join(f"{part:.9g}" for part in up), "name": name}
    return Question(_with_hint(text), (DONE, NOT_DONE), what)


def _with_hint(text: Mapping[str, str]) -> dict[str, str]:
    hints = {
        "en": f"Answer {DONE} once it rests there, {NOT_DONE} if it can't be done.",
        "zh": f"放稳后回答 {DONE}；无法完成时回答 {NOT_DONE}。",
    }
    return {language: f"{words} {hints[language]}" for language, words in text.items()}


def _is_near(there: Value, up: tuple[float, ...]) -> bool:
    pairs = zip(components(there), up, strict=True)
    return all(abs(a - b) <= _SAME_FACE for a, b in pairs)
