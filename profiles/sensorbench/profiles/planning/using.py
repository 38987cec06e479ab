"""Using: what a phase says is done by its kind, or refused; never passed over in silence."""

from __future__ import annotations

from collections.abc import Sequence

from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.model import Phase
from sensorbench.profiles.planning.pointing import Pointing
from sensorbench.profiles.schedule import Action, Do, Read, Set, Settle


def check_all_is_used(
    c: Pointing, phase: Phase, purpose: Purpose | None, actions: Sequence[Action]
) -> None:
    """Check the keys that all kinds have against what this one did; `purpose` is where it is done.

    Any of them may mean nothing to a kind: a prompt sets nothing, a stress nulls nothing.
    """
    kind = phase.kind
    if phase.measures and not c.used_measures:
        c.problem(
            f"a {kind} measures nothing by itself: parameters of part.toml are tested by "
            "`test`, or name measures in `monitor` where it has one", "measures",
        )  # fmt: skip
    if phase.monitor is not None and not c.used_monitor:
        c.problem(f"a {kind} has no monitor: name its measures in `measures`", "monitor")
    if phase.null and not any(isinstance(a, Do) and a.verb == "null" for a in actions):
        c.problem(f"`{kind}` brings nothing to zero; a grid or a record does", "null")
    if phase.at and purpose is None:
        c.problem(f"`{kind}` is done at no place of the bench: leave it out", "at")
    if purpose is not None and any(isinstance(a, Do) and "attach" in a.arguments for a in actions):
        return  # on this bench it is done elsewhere: on another one all of it is used
    if phase.settings and not any(isinstance(action, Read) for action in actions):
        c.problem(f"`{kind}` reads no unit, and settings are for reading: leave it out", "settings")
    if any(isinstance(action, Set | Settle) for action in actions):
        return
    for key, said in (
        ("set", any(phase.set)), ("soak", phase.soak), ("rate", phase.rate), ("limit", phase.limit),
    ):  # fmt: skip
        if said:
            c.problem(f"`{kind}` sets nothing and waits for nothing: leave it out", key)
