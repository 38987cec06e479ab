"""The person at the bench: asked, never assumed. In CI an answering double stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

LONGEST_S = 7 * 24 * 3600.0
"""How long an answer is waited for where nobody says otherwise, s: over a long weekend."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something to be done or told, in the languages it was written in (`en`, `zh` …).

    `answers` are the words allowed; none means that any text will do, an empty one too. `what` is
    for programs: the kind of question and its values. `within_s` is how long an answer is waited
    for, s of real time: nobody waits for ever.
    """

    text: Mapping[str, str]
    answers: tuple[str, ...] = ()
    what: Mapping[str, str] = field(default_factory=dict)
    within_s: float = LONGEST_S


class Operator(Protocol):
    """Whoever answers questions."""

    def ask(self, question: Question) -> str:
        """Return the answer. Raises OperatorAbsent where nobody is there to give one in time."""
        ...


class OperatorAbsent(RuntimeError):
    """Nobody is there: the program has no terminal, or a question's time is over."""


@dataclass(slots=True)
class AnsweringDouble:
    """Answers like a careful person: the first allowed word, and remembers what it was asked.

    `answers` gives words by the question's kind (`what["kind"]`), used in order. For twins and
    tests only: what it answered is on record as simulated.
    """

    answers: dict[str, list[str]] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> str:
        self.asked.append(question)
        waiting = self.answers.get(question.what.get("kind", ""), [])
        if waiting:
            return waiting.pop(0)
        return question.answers[0] if question.answers else ""
