"""What a run tells whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sensorbench.profiles.schedule import Do, Hold, Read, Release, Set, Settle, Step


@dataclass(frozen=True, slots=True)
class Status:
    """What the run is doing, how long it still takes, and the last values by name (with unit).

    `alarms` is what stands and does not stop the run, in words: a meter that is lost, a limit that
    is exceeded. `notice` is what the person at the bench must know now, and can do.
    """

    step: int
    steps: int
    doing: str
    left_s: float
    values: dict[str, str]
    alarms: tuple[str, ...] = ()
    notice: str = ""


class Progress(Protocol):
    """Receives the status after every step and every log entry. Must return at once."""

    def show(self, status: Status) -> None: ...


class Silent:
    """Shows nothing."""

    def show(self, status: Status) -> None:
        """Drop the status."""


def describe(step: Step) -> str:
    """Return what a step does, in words."""
    match step.action:
        case Set() as action:
            return f"{step.phase}: {action.address} to its next value"
        case Settle() as action:
            names = ", ".join(band.address for band in action.bands)
            return f"{step.phase}: wait for {names}"
        case Release() as action:
            return f"{step.phase}: release {action.what}"
        case Read() as action:
            return f"read {action.point}"
        case Hold() as action:
            return f"{step.phase}: hold from {action.done_s / 3600:g} h"
        case Do() as action:
            return f"{step.phase}: {action.verb}"
