"""`[on_failure]`: what a run does where a device does not answer, for a profile and by phase.

The rules:
- What did not arrive is tried again, after a pause; only then it is a failure.
- A phase overrides key by key what the profile says.
- The schedule names a policy only where it is not the usual one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import Field

from sensorbench.core.documents import Document, Duration
from sensorbench.profiles.schedule import Action, Read

Then = Literal["end", "ask", "drop"]
KEY = "on_failure"
_KEEP_S = 8 * 3600.0


class Retry(Document):
    """How often something is tried again, and after which pause each time."""

    times: int = Field(default=5, ge=0, le=1000)
    pause: Duration = Field(default=60.0, ge=1.0, le=24 * 3600.0)


class OnFailure(Document):
    """The table. `wait` is how long a person has to answer, with `then = "ask"`."""

    retry: Retry = Retry()
    then: Then = "end"
    wait: Duration = Field(default=_KEEP_S, ge=60.0, le=7 * 24 * 3600.0)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run does where a device does not answer; `wait_s` is a person's time."""

    times: int = 5
    pause_s: float = 60.0
    then: Then = "end"
    wait_s: float = _KEEP_S

    def as_json(self) -> dict[str, Any]:
        """Return the policy as JSON values."""
        return asdict(self)

    @staticmethod
    def of(phase: Mapping[str, Any]) -> Policy:
        """Return the policy of a phase as the schedule tells it."""
        told = phase.get(KEY, {})
        return Policy(**{name: told[name] for name in Policy.__slots__ if name in told})


def policy_of(usual: OnFailure, own: OnFailure | None) -> Policy:
    """Return the policy of a phase: its own keys over the profile's."""
    table = usual if own is None else _over(usual, own)
    return Policy(table.retry.times, table.retry.pause, table.then, table.wait)


def _over(usual: OnFailure, own: OnFailure) -> OnFailure:
    written = {name: getattr(own, name) for name in own.model_fields_set}
    if "retry" in written:
        keys = {name: getattr(own.retry, name) for name in own.retry.model_fields_set}
        written["retry"] = usual.retry.model_copy(update=keys)
    return usual.model_copy(update=written)


def problems_of(
    own: OnFailure, policy: Policy, actions: Iterable[Action], units: int
) -> list[tuple[str, str]]:
    """Return key and text of what can't be in a phase's own table; () where all can."""
    found = []
    if "wait" in own.model_fields_set and policy.then != "ask":
        found.append(("wait", f'is for a person\'s answer, and then is "{policy.then}": {_ASK}'))
    if own.then == "drop" and "then" in own.model_fields_set:
        text = nothing_to_drop(any(isinstance(action, Read) for action in actions), units)
        if text:
            found.append(("then", text))
    return found


_ASK = 'write then = "ask", or leave wait out'


def nothing_to_drop(reads: bool, units: int) -> str:
    """Return why no unit can be left out, "" where one can."""
    if not reads:
        return '"drop" leaves a unit out, and no unit is read here: write "ask" or "end"'
    if units < 2:
        return (
            '"drop" leaves a unit out that does not answer while others do, and this is one unit: '
            'write "ask" or "end"'
        )
    return ""
