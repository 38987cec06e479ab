"""The person at the terminal."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable

from sensorbench.core.operator import OperatorAbsent, Question
from sensorbench.core.units import show_duration

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
        """Return the answer. Raises OperatorAbsent without a terminal, or when time is over."""
        if not sys.stdin.isatty():
            raise OperatorAbsent(
                f"nobody is there to answer: {self._text(question)} Run this in a terminal."
            )
        allowed = f" [{'/'.join(question.answers)}]" if question.answers else ""
        end = time.monotonic() + question.within_s
        while True:
            sys.stderr.write(f"\n{self._text(question)}{allowed} ")
            sys.stderr.flush()
            answer = self._line(end)
            if answer is None:
                raise OperatorAbsent(
                    f"nobody answered within {show_duration(question.within_s)}: "
                    f"{self._text(question)}"
                )
            if not answer:
                raise OperatorAbsent("the terminal was closed while a question was open")
            answer = answer.strip()
            if not question.answers or answer in question.answers:
                return answer

    def _line(self, end: float) -> str | None:
        """Return the next line, None where none comes until `end`, s of the monotonic clock.

        It is read in a thread, as no system lets go of a line half read.
        """
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            try:
                lines.put(sys.stdin.readline())
            except (OSError, ValueError):  # a terminal that is gone fails, it has no end
                lines.put("")

        reader = threading.Thread(target=read, name="answer", daemon=True)
        reader.start()
        while True:
            try:
                return lines.get(timeout=_LOOK_S)
            except queue.Empty:
                self.meanwhile()
            if time.monotonic() > end:
                return None

    def _text(self, question: Question) -> str:
        text = question.text
        return text.get(self._language) or text.get("en") or next(iter(text.values()), "")
