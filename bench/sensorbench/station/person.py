"""The person at the terminal."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable

from sensorbench.core.operator import OperatorAbsent, Question

_LOOK_S = 0.2


def _nothing() -> None:
    """Do nothing else."""


class Terminal:
    """Asks on the terminal, in the language of `language` where the question has it.

    `meanwhile` is called while the person thinks, and may raise: a bench goes on being watched.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language
        self.meanwhile: Callable[[], None] = _nothing

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
            answer = self._line()
            if not answer:
                raise OperatorAbsent("the terminal was closed while a question was open")
            answer = answer.strip()
            if not question.answers or answer in question.answers:
                return answer

    def _line(self) -> str:
        """Return the next line; read in a thread, as no system lets go of a line half read."""
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(
            target=lambda: lines.put(sys.stdin.readline()), name="answer", daemon=True
        )
        reader.start()
        while True:
            try:
                return lines.get(timeout=_LOOK_S)
            except queue.Empty:
                self.meanwhile()

    def _text(self, question: Question) -> str:
        text = question.text
        return text.get(self._language) or text.get("en") or next(iter(text.values()), "")
