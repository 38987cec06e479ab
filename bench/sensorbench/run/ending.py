"""How a run ends: the bench is made safe, then what goes on is closed, then it is put on record.

The rules:
- A controlled end (run/controlled.py) comes before all else, where there is one.
- One section that no signal interrupts, entered once, whatever ended the run: from making safe to
  the seal. A signal that comes just before it is what ended the run.
- What safety found is what ended the run, whatever else did at the same moment: a trip is told and
  kept as one, and nobody goes on unasked.
- Instruments come first, with nothing asked of a part, a disk or a thread before them.
- What could not be made safe, and what could not be put on record, is told in any case: neither
  hides the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sensorbench.assessment.assess import RESULTS_FILE, assess
from sensorbench.assessment.results import Assessment, as_json
from sensorbench.core.errors import BenchError, EvidenceError, kind_of
from sensorbench.evidence.run import RunReader
from sensorbench.profiles.schedule import Set
from sensorbench.run.controlled import asks_for_it, come_to_the_end
from sensorbench.run.parked import Parked
from sensorbench.run.runner import Runner
from sensorbench.run.stopped import Stopped
from sensorbench.safety import signals
from sensorbench.safety.limits import SafetyStop
from sensorbench.safety.making import MadeSafe, longest_s, make_safe
from sensorbench.safety.signals import unstoppable

RECORD_S = 120.0
"""What putting the end on record may take, s: by then the bench is safe."""


class MachineFailed(BenchError):
    """The disk failed, or another part of this machine: no run goes on without its evidence."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that ended or is parked: its evidence, what came out, what could not be made safe.

    `notes` is what else a person is to know of the bench.
    """

    root: Path
    assessment: Assessment
    unsafe: tuple[str, ...] = ()
    parked: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Ending:
    """What ended a run, and what became of it. `is_begun` says that the section was entered."""

    runner: Runner
    error: BaseException | None = None
    is_begun: bool = False
    unsafe: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def to_its_end(runner: Runner) -> Outcome:
    """Carry out a run under its guard and end it in order.

    Raises what stopped it, with notes: what is not safe, what is not on record, where the evidence
    is. A signal that came during the end is raised after it.
    """
    ending = _Ending(runner)
    try:
        runner.guard.begin(runner.evidence.root.name, runner.evidence.root)
        runner.execute()
    except BaseException as error:
        ending.error = error
    try:
        _wind_down(ending)
        return _end(ending)
    except signals.Stopped as late:
        if not ending.is_begun:  # it came before the section: no other will
            ending.error = late
            return _end(ending)
        if late is not ending.error:
            late.add_note(f"the run had ended before; its evidence: {runner.evidence.root}")
        raise


def _wind_down(ending: _Ending) -> None:
    """Come to a controlled end, where what ended the run leaves time for one."""
    error = ending.error
    if error is None or not asks_for_it(error):
        return
    try:
        with signals.stoppable_again():
            come_to_the_end(ending.runner, error)
    except BaseException as worse:
        error.add_note(f"the controlled end was cut short: {str(worse) or type(worse).__name__}")
        if isinstance(worse, SafetyStop):
            worse.add_note(f"it came to a controlled end before: {error}")
            ending.error = worse
    if isinstance(ending.error, Parked | signals.Stopped):
        ending.error = ending.runner.pausing.aborted or ending.error


def _end(ending: _Ending) -> Outcome:
    runner, error = ending.runner, ending.error
    with unstoppable():
        ending.is_begun = True
        runner.halt()
        ending.error = error = _worst(error, runner.watch.tripped)
        runner.guard.pulse.ending(longest_s(runner.station))
        made = make_safe(runner.station, _never_set(runner))
        ending.unsafe = list(made.problems.values())
        ending.notes = list(made.notes.values())
        runner.guard.pulse.ending(RECORD_S)
        state, reason = _state(error)
        failed = _recorded(runner, made, state, reason, error)
        if error is not None and not isinstance(error, Parked | Stopped):
            raise _told(error, ending, failed)
        if failed is not None:
            raise _told(failed, ending, None)
        try:
            return _outcome(ending)
        except Exception as late:
            raise _told(late, ending, None) from None


def _never_set(runner: Runner) -> frozenset[str]:
    """Return the instruments that no step of the run sets anything with."""
    asked = {
        (step.zone, step.action.address)
        for step in runner.schedule.steps
        if isinstance(step.action, Set)
    }
    rows = runner.station.bindings.rows
    acting = {row.acts.instrument for where, row in rows.items() if row.acts and where in asked}
    return frozenset(one.name for one in runner.station.instruments) - acting


def _worst(error: BaseException | None, trip: SafetyStop | None) -> BaseException | None:
    """Return what ended the run: a trip that nobody had seen yet comes before all else."""
    if trip is None or isinstance(error, SafetyStop):
        return error
    if error is not None:
        trip.add_note(f"at the same moment: {str(error) or type(error).__name__}")
    return trip


def _outcome(ending: _Ending) -> Outcome:
    """Assess what is there, and seal it unless it goes on."""
    evidence = ending.runner.evidence
    found = Outcome(
        evidence.root, assess(RunReader(evidence.root)), tuple(ending.unsafe),
        notes=tuple(ending.notes),
    )  # fmt: skip
    if isinstance(ending.error, Parked):
        return replace(found, parked=ending.error.until)
    evidence.write_derived(RESULTS_FILE, as_json(found.assessment))
    evidence.seal()
    return found


def _recorded(
    runner: Runner,
    made: MadeSafe,
    state: str,
    reason: Mapping[str, Any],
    ended_by: BaseException | None,
) -> Exception | None:
    """Close what goes on and put the end on record; return what failed of that."""
    evidence = runner.evidence
    failed: Exception | None = None
    try:
        text = "" if ended_by is None or isinstance(ended_by, Parked) else str(ended_by) or state
        tripped = isinstance(ended_by, SafetyStop)
        runner.guard.made_safe(made.problems, text if tripped else "", "" if tripped else text)
    except Exception as error:
        failed = error
    try:
        runner.close()
    except Exception as error:  # the record of the end matters more than the last log row
        failed = failed or error
    try:
        problems = list(made.problems.values())
        evidence.append(
            "safe_state",
            {"problems": problems, "retries": dict(made.retries), "notes": dict(made.notes)},
        )
        evidence.append("run_ended", {"state": state, "reason": dict(reason)})
        evidence.commit()
    except Exception as error:
        failed = failed or error
    return failed


def _state(error: BaseException | None) -> tuple[str, Mapping[str, Any]]:
    """Return how a run ended, and why, as the journal keeps it."""
    match error:
        case None:
            return "complete", {}
        case Parked():
            return "parked", error.until
        case Stopped():
            return error.state, {**error.fact, "text": str(error)}
        case SafetyStop():
            return "stopped by safety", {"text": str(error), "code": error.code, **error.values}
    text = str(error) or "stopped by the operator"
    state = "failed" if isinstance(error, Exception) else "interrupted"
    return state, {"text": text, "error": kind_of(error)}


def _told(error: BaseException, ending: _Ending, failed: Exception | None) -> BaseException:
    """Return the error with what the person at the bench must know."""
    raised, root = error, ending.runner.evidence.root
    if isinstance(error, OSError):
        why = error.strerror or str(error)
        raised = MachineFailed(f"{error.filename or root}: {why}; so the run was ended")
        raised.__cause__ = error
    if failed is not None and failed is not error:
        kind = "" if isinstance(failed, OSError | EvidenceError | BenchError) else "a fault: "
        text = (failed.strerror if isinstance(failed, OSError) else "") or str(failed)
        raised.add_note(f"how the run ended is not on record: {kind}{text}")
    if not ending.unsafe:
        raised.add_note("the bench is in its safe state")
    raised.add_note(f"evidence so far: {root}")
    for text in [*ending.notes, *ending.unsafe]:  # the last that is read
        raised.add_note(text)
    return raised
