"""How long each phase of a plan can take at most, and what it does where a device is silent."""

from __future__ import annotations

import sys

from sensorbench.core.errors import InputError
from sensorbench.core.operator import LONGEST_S
from sensorbench.core.units import show_duration
from sensorbench.profiles.failing import KEY, Policy
from sensorbench.profiles.schedule import Do, Hold, Schedule, Settle

_ASKS = {"ask", "load", "unload"}


def waits(schedule: Schedule) -> list[str]:
    """Return by phase, in words, the longest times of its soaks, holds, questions and retries."""
    found = []
    for phase in schedule.phases:
        name = str(phase["name"])
        steps = [step for step in schedule.steps if step.phase == name]
        told = []
        soak_s = max((s.action.timeout_s for s in steps if isinstance(s.action, Settle)), default=0)
        if soak_s:
            told.append(f"{show_duration(soak_s)} for a soak")
        holds_s = sum(s.action.longest_s for s in steps if isinstance(s.action, Hold))
        if holds_s:
            told.append(f"{show_duration(holds_s)} for its hours")
        answers_s = [
            float(s.action.arguments.get("longest_s", LONGEST_S))
            for s in steps
            if isinstance(s.action, Do) and s.action.verb in _ASKS
        ]
        if answers_s:
            told.append(f"{show_duration(max(answers_s))} for an answer")
        told.append(_silent(Policy.of(phase)))
        found.append(f"{name}: {', '.join(told)}")
    return found


def _silent(policy: Policy) -> str:
    pause = f"{policy.times} x {show_duration(policy.pause_s)} for a device that is silent"
    if policy.then == "ask":
        return f"{pause}, then {show_duration(policy.wait_s)} for a person"
    if policy.then == "drop":
        return f"{pause}; a unit that is silent by itself is left out"
    return pause


def check_person(schedule: Schedule) -> None:
    """Raise InputError where a policy asks a person and there is no terminal to ask at."""
    asks = [phase["name"] for phase in schedule.phases if Policy.of(phase).then == "ask"]
    if asks and not sys.stdin.isatty():
        raise InputError.one(
            "profile", f"{KEY}.then",
            f'{asks[0]}: "ask" needs a terminal to ask at, and this program has none; start it in '
            'one (tmux, screen), or write "end"',
        )  # fmt: skip
