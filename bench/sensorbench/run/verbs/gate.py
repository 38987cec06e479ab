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
    """Return where a later phase begins: with the units where they are now, if that is right.

    Where the phase begins by taking out what is loaded now, or by loading while nothing is, that
    is done; else its units are there already.
    """
    numbers = [n for n, step in enumerate(run.schedule.steps) if step.phase == phase]
    moves = {n: found for n in numbers if (found := _moves(run, n)) is not None}
    if moves and moves[min(moves)] == _loaded(run):
        return numbers[0]
    return next((n for n in numbers if n not in moves), len(run.schedule.steps))


def _moves(run: Runner, number: int) -> set[str] | None:
    """Return which units a step finds loaded if it loads or unloads, None if it does neither."""
    action = run.schedule.steps[number].action
    if not isinstance(action, Do) or action.verb not in {"load", "unload"}:
        return None
    if action.verb == "load":
        return set()
    return _serials(run, str(action.arguments.get("units", "")))


def _loaded(run: Runner) -> set[str]:
    return set(run.state.sockets)


def _serials(run: Runner, group: str) -> set[str]:
    return {run.schedule.units[n].serial for n in run.schedule.group(group)} - set(
        run.state.dropped
    )
