"""park: the run waits for a date, a person, units or evidence, without the bench.

At a simulated bench in virtual time what can be waited for comes at once: a date is reached by
letting the clock pass, units walk by themselves. Evidence from elsewhere is never made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensorbench.core.clock import VirtualClock
from sensorbench.profiles.schedule import Step
from sensorbench.run.parked import Parked

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner


def plan(run: Runner, step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is waited for, with the moment of a date."""
    fact = {**arguments, "parked_s": run.seconds(run.clock.now()), "phase": step.phase}
    if arguments["until"] == "time":
        begun = run.phase_began(step.phase)
        fact["due_s"] = begun + float(arguments["after_s"])
    return fact


def after(run: Runner, _step: Step, fact: Mapping[str, Any]) -> None:
    """Go on if it is there, else raise Parked."""
    until = fact["until"]
    if until == "attach" and run.is_attached(fact["point"]):
        return
    if until == "time" and run.seconds(run.clock.now()) >= fact["due_s"] - 1e-6:
        return
    if isinstance(run.clock, VirtualClock) and until != "attach":
        if until == "time":
            # The bench was given back: nothing is polled or logged meanwhile.
            run.watch.flush()
            run.clock.sleep(run.evidence.start_s + fact["due_s"] - run.clock.now())
            run.watch.changed()
        return
    if until in run.resumed_for:
        run.resumed_for -= {until}  # it was said of this wait, not of those to come
        return
    raise Parked(fact)
