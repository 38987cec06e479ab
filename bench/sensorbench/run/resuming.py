"""Where a run goes on that was parked, stopped, or cut off by a death: read, nothing is touched.

The rules:
- Whatever ended it, a run goes on until it is complete, or was ended for good: by a gate, or as
  nothing answered.
- Hours count as far as the log reaches: of the time after its last row nobody knows anything.
- A step that is not to be repeated unasked is asked for, also where only what it had set would be
  set again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sensorbench.assessment.credit import served
from sensorbench.assessment.data import RunData
from sensorbench.core.errors import EvidenceError, InputError
from sensorbench.core.operator import Operator, Question
from sensorbench.evidence.check import changed_question
from sensorbench.profiles.schedule import Hold, Step
from sensorbench.run.progress import describe
from sensorbench.run.state import KINDS, Cut, State, cut_of, replay
from sensorbench.station.lives import life_of

KILLED = ""
"""How a run ended that has no word of its end."""
REPEAT = "repeat"
_GOES_ON = {KILLED, "parked", "failed", "interrupted", "stopped by safety"}


@dataclass(frozen=True, slots=True)
class Found:
    """What is there of a run that goes on.

    `ended` is how it ended, `last_t` and `last_utc` when its last event came, in s from its start
    and by the calendar. `part` is the hold that was cut off, as its own record tells it. `known` is
    what instruments and units said of themselves, by name and by serial.
    """

    data: RunData
    state: State
    cut: Cut
    ended: str
    last_t: float
    last_utc: datetime
    part: Mapping[str, Any] | None
    instruments: Mapping[str, Mapping[str, Any]]
    known: Mapping[str, Mapping[str, Any]]

    @property
    def life(self) -> str:
        """Return the run's last life."""
        return life_of(self.data.run.root.name, len(self.data.events("resumed")))

    @property
    def next_life(self) -> str:
        """Return the life that begins as it goes on."""
        return life_of(self.data.run.root.name, len(self.data.events("resumed")) + 1)

    @property
    def step(self) -> Step | None:
        """Return the step that it goes on with, None where all are done."""
        steps = self.data.schedule.steps
        return steps[self.cut.at] if self.cut.at < len(steps) else None

    @property
    def asks(self) -> bool:
        """Return whether a person decides: the units may feel again what they felt once."""
        steps = self.data.schedule.steps
        if self.cut.begun and steps[self.cut.next].restart is None:
            return True
        return bool(self.state.once)


def find(data: RunData) -> Found:
    """Return what is there of a run.

    Raises InputError where it does not go on, EvidenceError where what it is asked, or what it did,
    is not what was written.
    """
    ended = _ended(data)
    name = data.run.root.name
    if data.run.is_sealed:
        raise InputError.one("resume", name, "is sealed: it is complete, nothing is added to it")
    if ended not in _GOES_ON:
        text = f"was {ended}: that is its end; `sensorbench seal {name}` closes it for good"
        raise InputError.one("resume", name, text)
    if name != data.run.run_id:
        text = (
            f"holds the run {data.run.run_id}: a copy of a run does not go on. If it is the run "
            "itself, give its folder that name"
        )
        raise InputError.one("resume", name, text)
    changed = changed_question(data.run)
    if changed:
        raise EvidenceError(
            f"{name} is damaged: {changed}. Nothing was touched. Put it back as it was to go on; "
            "`verify` says more"
        )
    events = list(data.events(*KINDS))
    cut = cut_of(data.schedule, events)
    state = replay(data.schedule, events)
    part = _part(data, cut, state)
    if part is not None:
        state.kept_s += float(part["credit_s"])
    last = data.run.last_event
    last_t, last_utc = (0.0, data.run.manifest["started"]) if last is None else (last.t, last.time)
    return Found(
        data, state, cut, ended, last_t, datetime.fromisoformat(last_utc), part,
        {str(e.data["name"]): e.data["identity"] for e in data.events("instrument")},
        {str(e.data["serial"]): e.data["identity"] for e in data.events("unit")},
    )  # fmt: skip


def _ended(data: RunData) -> str:
    last = None
    for event in data.events("run_ended", "resumed"):
        last = event
    return KILLED if last is None or last.kind == "resumed" else str(last.data.get("state"))


def _part(data: RunData, cut: Cut, state: State) -> Mapping[str, Any] | None:
    """Return the hold that was cut off as far as the log says that it was served."""
    if not cut.begun or cut.at != cut.next:
        return None
    step = data.schedule.steps[cut.next]
    if not isinstance(step.action, Hold):
        return None
    start = next(event.t for event in data.events("step") if event.seq == cut.since)
    logged = data.events("log")
    said = [logged[-1]] if logged and logged[-1].seq > cut.since else []
    ends = [log.extent.last_s for log in data.log.values() if log.extent.count] if said else []
    end = max([start, *ends])
    credit_s = float(said[-1].data.get("credit_s") or 0.0) - state.kept_s if said else 0.0
    counted = served(data, step.zone, step.action.bands, start, end)
    return {
        "phase": step.action.phase, "zone": step.zone, "from_s": step.action.done_s,
        "start_s": start, "end_s": end, "credit_s": max(0.0, min(counted, credit_s)),
        "asked_s": step.action.credit_s, "cut": True,
    }  # fmt: skip


def ask_for_what_is_not_repeated(found: Found, operator: Operator) -> None:
    """Let a person decide where units would feel again what they felt. Raises InputError."""
    step = found.step
    if step is None or not found.asks:
        return
    sets = ", ".join(f"{where} {found.state.sets[zone, where].target}" for zone, where in
                     sorted(found.state.once))  # fmt: skip
    what = describe(found.data.schedule.steps[found.cut.next])
    held = {"en": f" ({sets} is set again)", "zh": f"（将再次设置 {sets}）"} if sets else {}
    answer = operator.ask(
        Question(
            {
                "en": f"The run was cut off at: {what}. The units may feel it once more"
                f"{held.get('en', '')}. Repeat it?",
                "zh": f"运行在此处中断：{what}。样品可能再次承受该步骤{held.get('zh', '')}。"
                "是否重复？",
            },
            (REPEAT, "leave it"),
            {"kind": "resume", "phase": step.phase},
        )
    )
    if answer != REPEAT:
        name = found.data.run.root.name
        text = "stays as it is: nothing was set. `sensorbench abort` ends it, `resume` asks again"
        raise InputError.one("resume", name, text)
