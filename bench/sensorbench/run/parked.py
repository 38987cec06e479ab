"""A run that waits: the bench is safe and given back, the process ends, `resume` goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Parked(Exception):
    """The run waits for a date, a person, units or evidence; `until` says for what."""

    def __init__(self, until: Mapping[str, Any]) -> None:
        super().__init__(f"parked until {until.get('until')}")
        self.until = dict(until)
