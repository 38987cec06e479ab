"""gate: looks at what the evidence says of a phase so far, and decides how the run goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.gates import judge_gate
from sensorbench.core.operator import Question
from sensorbench.profiles.schedule import Do, Step
from sensorbench.run.stopped import StoppedByGate

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner


def plan(run: Runner, _step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was found and which way it is."""
    run.evidence.commit()
    found = judge_gate(RunData.read(run.evidence.root), arguments)
    way = arguments["then"] if found["holds"] else arguments["otherwise"]
    if way == "ask":
        share = f"{found['share']:.0%}"
        answer = run.station.operator.ask(
            Question(
                {
                    "en": f"{arguments['of']}: {share} of the units are good. Go on or stop?",
                    "zh": f"{arguments['of']}：{share} 的样品合格。继续还是停止？",
                },
                ("go on", "stop"),
                {"kind": "gate", "gate": str(arguments["phase"])},
            )
        )
        way = answer
    dropped = found["units_not"] if way == "drop units" else []
    return {
        "gate": arguments["phase"], "of": arguments["of"], "require": arguments["require"],
        "required": arguments["share"], "share": found["share"], "holds": found["holds"],
        "why": found["why"], "way": way, "dropped": dropped,
    }  # fmt: skip


def after(run: Runner, _step: Step, fact: Mapping[str, Any]) -> int | None:
    """Go on, stop, or return the step to go on with."""
    way = fact["way"]
    if way == "stop":
        raise StoppedByGate(fact)
    if isinstance(way, Mapping):
        return _first_step(run, way["skip_to"])
    return None


def _first_step(run: Runner, phase: str) -> int:
    """Return where a later phase begins, with the units where they are now."""
    for number, step in enumerate(run.schedule.steps):
        if step.phase == phase and not (
            isinstance(step.action, Do) and step.action.verb in {"load", "unload"}
        ):
            return number
    return len(run.schedule.steps)
