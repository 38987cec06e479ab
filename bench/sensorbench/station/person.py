"""The person at the terminal."""

from __future__ import annotations

import sys

from sensorbench.core.operator import OperatorAbsent, Question


class Terminal:
    """Asks on the terminal, in the language of `language` where the question has it."""

    def __init__(self, language: str = "en") -> None:
        self._language = language

    def ask(self, question: Question) -> str:
        """Return the answer. Raises OperatorAbsent without a terminal."""
        if not sys.stdin.isatty():
            raise OperatorAbsent(
                f"nobody is there to answer: {self._text(question)} Run this in a terminal."
            )
        allowed = f" [{'/'.join(question.answers)}]" if question.answers else ""
        while True:
            sys.stderr.write(f"\n{self._text(question)}{allowed} ")
            sys.stderr.flush()
            answer = sys.stdin.readline()
            if not answer:
                raise OperatorAbsent("the terminal was closed while a question was open")
            answer = answer.strip()
            if not question.answers or answer in question.answers:
                return answer

    def _text(self, question: Question) -> str:
        text = question.text
        return text.get(self._language) or text.get("en") or next(iter(text.values()), "")
