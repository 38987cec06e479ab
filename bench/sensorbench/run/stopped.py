"""A run that a gate ended early: nothing failed, it was not worth going on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class StoppedByGate(Exception):
    """The gate's requirement did not hold; `fact` says what was found."""

    def __init__(self, fact: Mapping[str, Any]) -> None:
        share, needed = fact["share"], fact["required"]
        super().__init__(
            f"{fact['gate']}: {fact['why'] or f'{share:.0%} of the units, {needed:.0%} needed'}"
        )
        self.fact = dict(fact)
