"""What a run tells whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Status:
    """What the run is doing, how long it still takes, and the last values by name (with unit).

    `alarms` is what stands and does not stop the run, in words: a meter that is lost, a limit that
    is exceeded.
    """

    step: int
    steps: int
    doing: str
    left_s: float
    values: dict[str, str]
    alarms: tuple[str, ...] = ()


class Progress(Protocol):
    """Receives the status after every step and every log entry. Must return at once."""

    def show(self, status: Status) -> None: ...


class Silent:
    """Shows nothing."""

    def show(self, status: Status) -> None:
        """Drop the status."""
