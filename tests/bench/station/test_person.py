"""The person at the terminal is waited for, but not for ever, and the bench goes on meanwhile."""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Iterator

import pytest

from sensorbench.core.operator import LONGEST_S, OperatorAbsent, Question
from sensorbench.station.person import Terminal


class Keyboard(io.TextIOWrapper):
    """A terminal at which somebody types, or nobody."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The descriptor into which one types."""
    reading, writing = os.pipe()
    monkeypatch.setattr("sys.stdin", Keyboard(os.fdopen(reading, "rb")))
    yield writing
    os.close(writing)


@pytest.mark.usefixtures("typing")
def test_a_question_that_nobody_answers_is_over_in_time() -> None:
    calls = list[float]()
    person = Terminal()
    person.meanwhile = lambda: calls.append(time.monotonic())
    began = time.monotonic()
    with pytest.raises(OperatorAbsent, match=r"nobody answered within 0\.5 s: Ready\?"):
        person.ask(Question({"en": "Ready?"}, within_s=0.5))
    assert time.monotonic() - began < 2.0
    assert calls


def test_an_answer_in_time_is_taken(typing: int) -> None:
    os.write(typing, b"end\n")
    assert Terminal().ask(Question({"en": "Which?"}, ("retry", "end"), within_s=5.0)) == "end"


def test_every_question_has_an_end() -> None:
    assert Question({"en": "?"}).within_s == LONGEST_S


def test_a_terminal_that_is_gone_while_a_question_is_open_ends_it_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that fails, as a terminal without its window does; a pipe would have come to its end."""

    class Gone(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, size: int | None = -1, /) -> str:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("sys.stdin", Gone())
    with pytest.raises(OperatorAbsent, match="the terminal was closed"):
        Terminal().ask(Question({"en": "Ready?"}, within_s=5.0))
