"""The runner: carries out a schedule on a station, into evidence. Six kinds of action, nothing
else.

The rules:
- A step is announced, done, and then noted as done with the step that comes next: a verb may jump.
- All waiting is `Services.wait`; safety, log, monitors, streams and waves are served meanwhile.
- Facts (what is loaded where, offsets, what a gate decided) are in the journal before they count.
- Before an act that can't be taken back the plan and the intent are on the disk, after it the
  outcome of each unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from sensorbench.core.catalog import devices
from sensorbench.core.clock import Clock, RealClock
from sensorbench.core.errors import BenchError
from sensorbench.core.plugins import load, plugins
from sensorbench.core.provenance import Provenance
from sensorbench.evidence.run import Column, RunReader, RunWriter
from sensorbench.profiles.needs import needs
from sensorbench.profiles.schedule import (
    Action,
    Do,
    Hold,
    Read,
    Release,
    Schedule,
    Set,
    Settle,
    Step,
    action_json,
)
from sensorbench.run.bench import Bench
from sensorbench.run.dead_man import pulses_of
from sensorbench.run.duts import Duts
from sensorbench.run.failing import Failing
from sensorbench.run.pausing import Pausing
from sensorbench.run.progress import Progress, Status, describe
from sensorbench.run.readings import Readings
from sensorbench.run.reestablishing import reestablish
from sensorbench.run.services import Services
from sensorbench.run.silence import Silence
from sensorbench.run.spots import LOG, LOG_COLUMNS
from sensorbench.run.state import State
from sensorbench.run.timekeeping import Timekeeper
from sensorbench.run.watch import Watch
from sensorbench.safety.guarding import Guard, Unguarded
from sensorbench.safety.limits import arm
from sensorbench.station.person import Terminal
from sensorbench.station.station import Station
from sensorbench.station.wishes import Wishes

VERBS = "sensorbench.run.verbs"
REFERENCES = "references"
REFERENCE_COLUMNS = (
    Column("time", "s"), Column("sweep", "1"), Column("meter", "1"), Column("component", "1"),
    Column("value", ""),
)  # fmt: skip


class Runner:
    """One run. `execute` returns when the schedule is done, or raises what stopped it.

    `state` is what was done before, where a run goes on, `known` what units said of themselves
    then. Verbs are handed the runner itself.
    """

    def __init__(
        self,
        schedule: Schedule,
        station: Station,
        evidence: RunWriter,
        progress: Progress,
        state: State | None = None,
        implied_polls: bool = True,
        resumed_for: frozenset[str] = frozenset(),
        guard: Guard | None = None,
        known: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        wishes: Wishes | None = None,
    ) -> None:
        self.schedule, self.station, self.evidence = schedule, station, evidence
        self.state = state or State()
        self.known = known
        self.clock: Clock = station.clock
        self.services = Services(self.clock)
        self.zones = frozenset(step.zone for step in schedule.steps)
        log_s = float(schedule.profile["log_s"])
        self.guard = guard or Unguarded(self.clock)
        self.watch = Watch(
            station, self.zones, evidence, self.services, log_s, implied_polls, self.state.offsets,
            self.guard.pulse,
        )  # fmt: skip
        self.services.interrupts = self.meanwhile
        self.duts = Duts(station, schedule, self.meanwhile)
        self.failing = Failing(self)
        self.bench = Bench(
            station,
            evidence,
            self.services,
            self.watch,
            self.state,
            self.duts.forget,
            self.failing.insist,
            schedule.zeros(),
        )
        if isinstance(station.operator, Terminal):
            station.operator.meanwhile = self._while_asked
        self.pulses = pulses_of(self)
        self.pausing = Pausing(self, wishes)
        self.silence = Silence(schedule, answered=self.state.next > 0)
        self.readings = Readings(self)
        self._progress = progress
        self._planned_s = schedule.duration_s
        self.resumed_for = resumed_for
        self._number = self.state.next
        self._step_started = 0.0
        self._time = Timekeeper()
        self._is_over = False
        self._notice = ""

    def meanwhile(self) -> None:
        """Say that the run gets on; raise what safety found. Called while real time passes.

        Raises BenchError in a thread that still reads units when the run is over.
        """
        if self._is_over:
            raise BenchError("the run is over")
        self.watch.check()
        self.guard.pulse.beat()
        self.pausing.heed()

    def halt(self) -> None:
        """Ask nothing of units and meters any more, and wait for nobody: the end has begun."""
        self._is_over = True
        self.pausing.close()
        self.pulses.stop()
        self.watch.halt()

    def _while_asked(self) -> None:
        """Go on with all that goes on beside the steps, while a person thinks."""
        self.services.serve()
        self.meanwhile()

    def notify(self, text: str) -> None:
        """Show the person at the bench what is done now, from now on."""
        self._notice = text
        self._report()

    def is_set(self) -> list[tuple[str, str]]:
        """Return zone and address of all that is set, and of what is being set, in that order."""
        found = list(self.state.sets)
        step = self.schedule.steps[min(self._number, len(self.schedule.steps) - 1)]
        if isinstance(step.action, Set) and (step.zone, step.action.address) not in found:
            found.append((step.zone, step.action.address))
        return found

    @property
    def number(self) -> int:
        """Return the number of the step that is done now."""
        return self._number

    @property
    def phase(self) -> Mapping[str, Any]:
        """Return the phase of the step that is done now, as the schedule tells it."""
        steps = self.schedule.steps
        return self.schedule.phase(steps[min(self._number, len(steps) - 1)].phase)

    # -- the whole -----------------------------------------------------------------------------

    def execute(self) -> None:
        """Carry out every step. Raises BenchError where a device failed, SafetyStop, Parked.

        Whatever comes, `close` is to be called after it, once the bench is safe.
        """
        self._introduce()
        self.duts.load(self.state.sockets)
        self.watch.start()
        self.pulses.start(self.failing.once_more)
        # Virtual weeks pass in seconds: whoever watches is told a thousand times at most.
        self.services.every(max(_PROGRESS_S, self._planned_s / 1000), self._report, "progress")
        if isinstance(self.clock, RealClock):
            self.services.every(_AROUND_S, self._look_around, "around")
        reestablish(self)
        number = self.state.next
        while number < len(self.schedule.steps):
            step = self.schedule.steps[number]
            self.pausing.between(number)
            self._number, self._step_started = number, self.clock.now()
            self.evidence.append("step", {"step": number, **action_json(step.action)})
            self.services.serve()
            self.meanwhile()
            self._report()
            jump = self._act(number, step)
            self.watch.check()
            number = self.done(number, step, jump)

    def close(self) -> None:
        """End what goes on beside the steps: streams, safety's polls and the log."""
        try:
            self.readings.close_all()
        finally:
            self.watch.stop()

    def done(self, number: int, step: Step, jump: int | None) -> int:
        """Note a step as done and return the number of the next."""
        following = number + 1 if jump is None else jump
        self.evidence.append("done", {"step": number, "next": following})
        jumps, once = following != number + 1, step.restart is None
        self.state.after(step.action, step.zone, jumps, once)
        self.state.next, self.state.kept_s = following, 0.0
        self.evidence.commit_soon()
        return following

    def _act(self, number: int, step: Step) -> int | None:
        action: Action = step.action
        match action:
            case Set():
                self.readings.forget()
                self.bench.set(step.zone, action)
            case Settle():
                self.bench.settle(step.zone, action)
            case Release():
                if action.what in self.state.reads:
                    self.readings.close(action.what)
                else:
                    self.readings.forget()
                    self.bench.release(step.zone, action.what)
            case Read() if action.is_open:
                self.readings.open(step.zone, action)
            case Read():
                self.readings.read(step.zone, action)
            case Hold():
                self._hold(step.zone, action)
            case Do():
                return self._do(number, step, action)
        return None

    def _look_around(self) -> None:
        """Start a watchdog that is gone again; note a calendar that was set, or a suspend."""
        text = self.guard.look()
        if text:
            self.evidence.append("watchdog", {"text": text})
        jumped = self._time.look()
        if jumped:
            self.evidence.append("time_jumped", jumped)

    # -- holds -----------------------------------------------------------------------------------

    def _hold(self, zone: str, action: Hold) -> None:
        """Wait until the time asked for is credited, or the longest time is over."""
        start, kept_s = self.clock.now(), self.state.kept_s
        end = start + action.longest_s - kept_s
        self.bench.reached.clear()  # within the bands of a hold, which are wider, all may move
        bands = [self.bench.seen(zone, band) for band in action.bands]
        self.watch.begin_hold(zone, bands, kept_s)
        credit, paused_s = kept_s, self.failing.paused_s
        while credit < action.credit_s - 1e-6 and self.clock.now() < end - 1e-9:
            self.services.wait(min(self.clock.now() + action.credit_s - credit, end))
            self.watch.check()
            credit = self.watch.credited() - (self.failing.paused_s - paused_s)
        self.watch.end_hold()
        self.watch.flush()
        self.evidence.append(
            "hold",
            {
                "phase": action.phase, "zone": zone, "from_s": action.done_s,
                "start_s": self.seconds(start), "end_s": self.seconds(self.clock.now()),
                "credit_s": credit - kept_s, "asked_s": action.credit_s,
            },
        )  # fmt: skip
        self.evidence.commit_soon()

    def seconds(self, now: float) -> float:
        """Return a time of the clock in seconds from the start of the run, as evidence has it."""
        return round(now - self.evidence.start_s, 6)

    def phase_began(self, phase: str) -> float:
        """Return when a phase began, in s from the start of the run; now if it does just now."""
        self.evidence.commit()
        for event in RunReader(self.evidence.root).events("step"):
            if self.schedule.steps[event.data["step"]].phase == phase:
                return event.t
        return self.seconds(self.clock.now())

    def is_attached(self, point: str) -> bool:
        """Return whether evidence from elsewhere is there for a point."""
        self.evidence.commit()
        events = RunReader(self.evidence.root).events("attached")
        return any(event.data["point"] == point for event in events)

    # -- verbs -----------------------------------------------------------------------------------

    def _do(self, number: int, step: Step, action: Do) -> int | None:
        """Plan, put the plan on record, do it for each unit with its intent and outcome."""
        module = load(VERBS, action.verb)
        if module is None:
            there = ", ".join(plugins(VERBS))
            raise BenchError(f"{action.verb!r} is no verb this program knows; it has {there}")
        plan: Mapping[str, Any] | None = self.state.facts.get(number)
        if plan is None:
            plan = module.plan(self, step, action.arguments)
            self._follow(plan)
            self.evidence.append("fact", {"step": number, "verb": action.verb, "fact": plan})
            self.evidence.commit()
            self.state.learn(number, action.verb, plan)
        if hasattr(module, "perform"):
            self._perform(number, module, plan)
        if hasattr(module, "after"):
            jump: int | None = module.after(self, step, plan)
            return jump
        return None

    def _follow(self, plan: Mapping[str, Any]) -> None:
        """Before a jump everything is let go: the step jumped to counts on nothing."""
        if isinstance(plan.get("way"), Mapping):
            for zone, where in reversed(list(self.state.sets)):
                self.bench.release(zone, where)

    def _perform(self, number: int, module: Any, plan: Mapping[str, Any]) -> None:
        known = self.state.outcomes.get(number, {})
        units = [unit for unit in module.units(self, plan) if unit not in known]
        begun = self.state.begun.get(number, set()) & set(units)
        for unit in units:
            if unit not in begun:
                self.evidence.append("intent", {"step": number, "unit": unit})
        self.evidence.commit()

        def record(unit: str, outcome: Mapping[str, Any]) -> None:
            self.evidence.append("outcome", {"step": number, "unit": unit, "outcome": outcome})
            self.evidence.commit()
            self.guard.pulse.beat()  # what can't be taken back is not left half done by a trip

        module.perform(self, plan, units, begun, record)

    # -- what is there ---------------------------------------------------------------------------

    def _twins(self) -> dict[str, list[str]]:
        """Return by simulated device who else than its makers proved its twin."""
        models = {
            each.entry.model
            for each in self.station.instruments
            if each.provenance is Provenance.SIMULATED
        }
        if self.station.provenance is Provenance.SIMULATED:
            models |= {part["driver"] for part in self.schedule.parts.values()}
        return {
            name: [witness.who for witness in devices()[name].proved_by] for name in sorted(models)
        }

    def _introduce(self) -> None:
        """Put on record which instruments, meters and streams the run has."""
        # The streams first: a run that fails as it begins has its last row in the log, too.
        streams = {
            f"units-{number}": self.duts.columns(part)
            for number, part in enumerate(self.schedule.parts)
        }
        for name, columns in {**streams, REFERENCES: REFERENCE_COLUMNS, LOG: LOG_COLUMNS}.items():
            if name not in self.evidence.streams:
                self.evidence.declare(name, columns)
        for instrument in self.station.instruments:
            entry = instrument.entry
            due = entry.calibration_due
            self.evidence.append(
                "instrument",
                {
                    "name": instrument.name,
                    "model": entry.model,
                    "identity": asdict(instrument.identity),
                    "serial": instrument.identity.serial or entry.serial,
                    "certificate": entry.certificate,
                    "calibration_due": due.isoformat() if due else None,
                    "provenance": instrument.provenance.value,
                },
            )
        if twins := self._twins():
            self.evidence.append("twins", {"proved_by": twins})
        for mark in self.guard.acknowledged:
            self.evidence.append(
                "acknowledged", {"run": mark.run, "what": mark.said, **mark.acknowledged}
            )
        for name, why in self.station.opened_again.items():
            self.evidence.append("retry", {"what": name, "reason": why, "attempt": 1})
        self.station.opened_again.clear()
        left = self.station.take(self.failing.once_more)
        if left:
            self.evidence.append("left_over", {name: list(texts) for name, texts in left.items()})
        self.evidence.append("meters", {"meters": self.watch.meters()})
        asked = needs(self.schedule)
        touched = {zone: sorted(asked.touches(zone)) for zone in sorted(self.zones)}
        self.evidence.append("needs", {"touches": touched, "verbs": sorted(asked.verbs)})
        self.evidence.append("armed", arm(self.station, self.zones, self.failing.once_more))
        self.evidence.commit()
        self.guard.recorded()

    def _report(self) -> None:
        if self._number >= len(self.schedule.steps):
            return
        step = self.schedule.steps[self._number]
        in_step = min(self.clock.now() - self._step_started, step.duration_s)
        left = self._planned_s - step.start_s - in_step
        values = {
            str(spot.row.where): _shown(spot.value, spot.row.where.quantity.unit)
            for spot in self.watch.spots.values()
        }
        number, count = self._number, len(self.schedule.steps)
        alarms = tuple(self.watch.alarms())
        self._progress.show(
            Status(number, count, describe(step), left, values, alarms, self._notice)
        )


_PROGRESS_S, _AROUND_S = 60.0, 5.0


def _shown(value: Any, unit: str) -> str:
    if value is None:
        return "?"
    parts = value if isinstance(value, tuple) else (value,)
    return f"{' '.join(f'{part:.5g}' for part in parts)} {unit}"
