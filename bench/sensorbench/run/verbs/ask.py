"""ask: a person is asked, and the answer is on record; the bench stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensorbench.core.operator import LONGEST_S, Question
from sensorbench.profiles.schedule import Step

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner


def plan(run: Runner, _step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer."""
    question = Question(
        arguments["text"], tuple(arguments.get("answers", ())), {"kind": "prompt"},
        float(arguments.get("longest_s", LONGEST_S)),
    )  # fmt: skip
    return {"phase": arguments.get("phase", ""), "answer": run.station.operator.ask(question)}
