"""What a parked run waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sensorbench.core.units import show_duration

PAUSED = "paused"
"""What a run waits for that a person paused (run/pausing.py): this is read without a bench."""

if TYPE_CHECKING:
    from sensorbench.evidence.journal import Event


def waits_for(events: Iterable[Event]) -> Mapping[str, Any] | None:
    """Return what a parked run waits for, None where it is not parked."""
    last = None
    for event in events:
        last = event
    if last is None or last.kind != "run_ended" or last.data["state"] != "parked":
        return None
    found: Mapping[str, Any] = last.data["reason"]
    return found


def say_waits(until: Mapping[str, Any]) -> str:
    """Return what a parked run waits for, and the command that goes on."""
    kind = until.get("until")
    if kind == "attach":
        words = ", ".join(until.get("attach", ()))
        return f"evidence of {until['point']} ({words}): `attach RUN {until['point']} FILES`"
    if kind == "time":
        return f"its time, {show_duration(float(until.get('due_s', 0.0)))} after its start"
    if kind == "units":
        return f"the units to be at {until.get('at')}: `resume RUN` when they are"
    if kind == PAUSED:
        by, because = until.get("by", ""), until.get("because", "")
        return f"whoever paused it, {by}{f' ({because})' if because else ''}: `resume RUN` goes on"
    return "a person: `resume RUN` when it is done"
