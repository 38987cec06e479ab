"""run: a profile on a lot, with progress; virtual time where everything is simulated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.commands.guard import is_guarded
from sensorbench.app.deadlines import check_person
from sensorbench.app.display import display
from sensorbench.app.failure import NOT_SAFE, PARKED
from sensorbench.app.machine import kept_awake
from sensorbench.app.waiting import say_waits
from sensorbench.app.words import say_reason, title_of
from sensorbench.assessment.results import as_json
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.documents import merge_problems
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.folders import toml_files
from sensorbench.core.operator import Operator
from sensorbench.core.verdict import Verdict
from sensorbench.parts.model import Lot, Part
from sensorbench.profiles.library import load_profile
from sensorbench.run.execute import Outcome, execute
from sensorbench.safety.guarding import Guard, Unguarded, WatchdogGuard
from sensorbench.station.lives import gone, lives_in
from sensorbench.station.locks import held, run_key
from sensorbench.station.model import StationFile
from sensorbench.station.preflight import preflight
from sensorbench.station.simulation import is_simulated
from sensorbench.station.station import Station, open_station
from sensorbench.station.storage import doubts, room
from sensorbench.station.workspace import SIMULATED_UNTIL, Workspace, load_job
from sensorbench.station.world_record import is_here, world_alive
from sensorbench.station.world_use import in_world
from sensorbench.station.worlds import end_world, meet_again, meet_anew

NOBODY = (
    "nobody starts the watchdog again if it is killed: set up `sensorbench guard` as a service "
    "(docs/safety.md)"
)
_MOST_SERIALS = 8


def run_profile(
    root: Path,
    profile: str,
    lots: Sequence[str],
    choose: Sequence[str],
    because: str,
    at: str,
    real_time: bool,
    json: bool,
    *,
    attended: bool = False,
) -> int:
    """Run and print what came out; return the exit code. Raises InputError, BenchError."""
    workspace = Workspace(root)
    if not lots:
        names = sorted(path.stem for path in toml_files(workspace.root / "lots"))
        text = f"say which units: --lot LOT; there are: {', '.join(names) or 'none yet'}"
        problems = merge_problems([lambda: load_profile(profile, workspace.root)])
        raise InputError([*problems, Problem("run", "--lot", text)])
    job = load_job(workspace, profile, lots, choices_of(choose, because), at, attended)
    schedule = preflight(job, datetime.now().astimezone())
    room(workspace.evidence, schedule)
    if not is_simulated(job.station):
        check_person(schedule)
        for text in doubts(workspace.evidence):
            typer.echo(text, err=True)
    start = virtual_start(workspace, schedule.duration_s)
    with (
        guarded(workspace, job.station, None if real_time else start) as guard,
        opened(workspace, job.station, guard.clock, job.lots, anew=True) as station,
        display(title_of(job.profile.title), json, isinstance(guard.clock, RealClock)) as progress,
    ):
        guard.opened(station.numbers)
        outcome = execute(workspace, job, station, progress, schedule, guard=guard)
    if json:
        print_json(outcome_json(outcome))
    else:
        print_outcome(outcome)
    return exit_code(outcome)


def choices_of(choose: Sequence[str], because: str) -> dict[str, tuple[str, str]]:
    """Return choices of the command line, NAME=OPTION. Raises InputError."""
    found = {}
    for text in choose:
        name, equals, option = text.partition("=")
        if not (name and equals and option):
            raise InputError.one("run", "--choose", f"write NAME=OPTION, not {text!r}")
        found[name] = (option, because)
    return found


def virtual_start(workspace: Workspace, planned_s: float) -> datetime:
    """Return when simulated work begins: so that it ends by now, but after what was before it."""
    return after_all(workspace, datetime.now(UTC) - timedelta(seconds=1.1 * planned_s))


def after_all(workspace: Workspace, early: datetime) -> datetime:
    """Return when simulated work goes on: not before what its units went through has ended."""
    ended = workspace.load_memory().get(SIMULATED_UNTIL)
    return max(early, datetime.fromisoformat(ended)) if ended else early


@contextmanager
def guarded(workspace: Workspace, file: StationFile, virtual: datetime | None) -> Iterator[Guard]:
    """Return who stands by a run and the run's time: virtual from `virtual` where all is simulated.

    Raises Barred where an earlier run left the bench as no run may find it.
    """
    if is_simulated(file):
        yield Unguarded(VirtualClock(virtual) if virtual is not None else RealClock())
        return
    guard = WatchdogGuard(file, workspace.root)
    if not is_guarded():
        typer.echo(NOBODY, err=True)
    try:
        yield guard
    finally:
        guard.close()


@contextmanager
def opened(
    workspace: Workspace,
    file: StationFile,
    clock: Clock,
    lots: Sequence[tuple[Lot, Part]],
    wire: bool = False,
    operator: Operator | None = None,
    anew: bool = False,
    life: str = "",
) -> Iterator[Station]:
    """Open a station, and keep what its simulated parts remember beyond the program.

    In virtual time the simulated world is a process of its own, which outlives a program that is
    killed: `clock` goes on from there. With `anew` a new run begins, which takes a fresh world
    where the one that is there was made of other files; with `life` a run goes on that was killed,
    in its own world or not at all.
    """
    purpose = f"sensorbench in {workspace.root.resolve().name}"
    with held([run_key(workspace.root)], purpose), _awake(file, clock):
        if isinstance(clock, VirtualClock) and not is_here():
            met = (
                meet_anew(
                    workspace.root, file, lots, clock, lambda text: typer.echo(text, err=True)
                )
                if anew
                else meet_again(workspace.root, file, lots, clock, life=life)
            )
            with in_world(met, file, clock, lots, operator, purpose) as station:
                yield station
            return
        if is_simulated(file) and world_alive(workspace.root):
            typer.echo(
                "the simulated bench that a killed program left ends here, as this one does not "
                "go on in its time; what its units went through is kept",
                err=True,
            )
            end_world(workspace.root)
        memory = workspace.load_memory()
        if life and life not in lives_in(memory):
            raise gone(life)
        try:
            with open_station(file, clock, lots, memory, wire, operator, purpose) as station:
                yield station
        except BaseException as error:
            try:
                _remember(workspace, memory, clock)
            except OSError as failed:  # what ended the work is what must be told, with its code
                why = failed.strerror or failed
                error.add_note(f"what simulated parts remember is not kept: {why}")
            raise
        _remember(workspace, memory, clock)


def _remember(workspace: Workspace, memory: dict[str, str], clock: Clock) -> None:
    if isinstance(clock, VirtualClock):
        memory[SIMULATED_UNTIL] = clock.utc().isoformat()
    if memory:
        workspace.save_memory(memory)


@contextmanager
def _awake(file: StationFile, clock: Clock) -> Iterator[None]:
    """Keep the machine awake while a real bench is driven, and say where it may fall asleep."""
    if is_simulated(file) or isinstance(clock, VirtualClock):
        yield
        return
    with kept_awake(f"sensorbench drives {file.station.name}") as problem:
        if problem:
            typer.echo(f"this machine may fall asleep meanwhile: {problem}", err=True)
        yield


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Return what came out for programs: the results, where they are, and what is still to do."""
    return {
        **as_json(outcome.assessment),
        "evidence": str(outcome.root),
        "parked": dict(outcome.parked) if outcome.parked is not None else None,
        "unsafe": list(outcome.unsafe),
        "notes": list(outcome.notes),
    }


def print_outcome(outcome: Outcome) -> None:
    """Print the verdict, the units that did not pass, and where the evidence is."""
    assessment = outcome.assessment
    if outcome.parked is not None:
        waits = say_waits(outcome.parked)
        typer.echo(f"parked: waits for {waits}\nevidence: {outcome.root}")
        return
    passed = sum(unit.verdict is Verdict.PASS for unit in assessment.units)
    typer.echo(f"{assessment.verdict.value}: {passed} of {len(assessment.units)} units passed")
    for reason in assessment.reasons:
        typer.echo(f"  {say_reason(reason)}")
    groups: dict[tuple[str, str], list[str]] = {}
    for unit in sorted(assessment.units, key=lambda u: u.verdict is not Verdict.FAIL):
        if unit.verdict is Verdict.PASS:
            continue
        more = f" (and {len(unit.reasons) - 1} more)" if len(unit.reasons) > 1 else ""
        said = say_reason(unit.reasons[0]) if unit.reasons else "no reason recorded"
        groups.setdefault((unit.verdict.value, said + more), []).append(unit.serial)
    for (verdict, why), serials in groups.items():
        shown = ", ".join(serials[:_MOST_SERIALS])
        rest = len(serials) - _MOST_SERIALS
        shown += f" and {rest} more units" if rest > 0 else ""
        typer.echo(f"  {shown}: {verdict}: {why}")
    typer.echo(f"evidence: {outcome.root}")


def exit_code(*outcomes: Outcome) -> int:
    """Return 0 if every unit of every run passed, 9 above all if something is not safe."""
    for outcome in outcomes:
        for text in (*outcome.notes, *outcome.unsafe):
            typer.echo(text, err=True)
    if any(outcome.unsafe for outcome in outcomes):
        return NOT_SAFE
    if any(outcome.parked is not None for outcome in outcomes):
        return PARKED
    return 0 if all(o.assessment.verdict is Verdict.PASS for o in outcomes) else 1
