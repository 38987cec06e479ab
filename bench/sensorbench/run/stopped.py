"""A run that was ended early: nothing failed, it was not worth going on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class Stopped(Exception):
    """`state` says what ended the run, `fact` what was found."""

    state: ClassVar[str]

    def __init__(self, text: str, fact: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.fact = dict(fact)


class StoppedByGate(Stopped):
    """The gate's requirement did not hold."""

    state = "stopped by a gate"

    def __init__(self, fact: Mapping[str, Any]) -> None:
        share, needed = fact["share"], fact["required"]
        why = fact["why"] or f"{share:.0%} of the units, {needed:.0%} needed"
        super().__init__(f"{fact['gate']}: {why}", fact)


class NothingToRead(Stopped):
    """No unit that is still to be read answers, or none gives a value."""

    state = "stopped as nothing answered"

    def __init__(self, fact: Mapping[str, Any]) -> None:
        silent = "answers" if fact["code"] == "nothing_answered" else "is calibrated"
        super().__init__(f"none of {fact['units']} units that are still to be read {silent}", fact)
