"""run: a profile on a lot, with progress; virtual time where everything is simulated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.display import display
from sensorbench.app.failure import DEVICE_FAILED
from sensorbench.assessment.results import as_json
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.verdict import Verdict
from sensorbench.parts.model import Lot, Part
from sensorbench.run.execute import Outcome, execute
from sensorbench.station.model import I2cLink, StationFile
from sensorbench.station.preflight import check_faults, preflight
from sensorbench.station.station import Station, open_station
from sensorbench.station.workspace import Workspace, load_job

_ENDED = "simulated until"


def run_profile(root: Path, profile: str, lot: str, real_time: bool, json: bool) -> int:
    """Run and print what came out; return the exit code. Raises InputError, BenchError."""
    workspace = Workspace(root)
    job = load_job(workspace, profile, lot)
    problems = check_faults(job.station, [lot for lot, _ in workspace.load_lots()])
    if problems:
        raise InputError(problems)
    schedule = preflight(job, datetime.now(UTC))
    clock: Clock = RealClock()
    if is_simulated(job.station) and not real_time:
        clock = VirtualClock(virtual_start(workspace, schedule.duration_s))
    with (
        opened(workspace, job.station, clock, [(job.lot, job.part)]) as station,
        display(job.profile.title, quiet=json) as progress,
    ):
        outcome = execute(workspace, job, station, progress, schedule)
    if json:
        print_json(as_json(outcome.assessment))
    else:
        print_outcome(outcome)
    return exit_code(outcome)


def virtual_start(workspace: Workspace, planned_s: float) -> datetime:
    """Return when simulated work begins: so that it ends by now, but after what was before it."""
    early = datetime.now(UTC) - timedelta(seconds=1.1 * planned_s)
    ended = workspace.load_memory().get(_ENDED)
    return max(early, datetime.fromisoformat(ended)) if ended else early


@contextmanager
def opened(
    workspace: Workspace,
    file: StationFile,
    clock: Clock,
    lots: list[tuple[Lot, Part]],
    wire: bool = False,
) -> Iterator[Station]:
    """Open a station, and keep what its simulated parts remember beyond the program."""
    memory = workspace.load_memory()
    try:
        with open_station(file, clock, lots, memory, wire) as station:
            yield station
    finally:
        if isinstance(clock, VirtualClock):
            memory[_ENDED] = clock.utc().isoformat()
        if memory:
            workspace.save_memory(memory)


def is_simulated(file: StationFile) -> bool:
    """Return whether nothing of the station is real, so that time need not be either."""
    links = [entry.link for entry in file.instrument.values()]
    return all(bus.kind == "simulated" for bus in file.bus.values()) and all(
        isinstance(link, I2cLink) or link.kind == "simulated" for link in links
    )


def print_outcome(outcome: Outcome) -> None:
    """Print the verdict, the units that did not pass, and where the evidence is."""
    assessment = outcome.assessment
    passed = sum(unit.verdict is Verdict.PASS for unit in assessment.units)
    typer.echo(f"{assessment.verdict.value}: {passed} of {len(assessment.units)} units passed")
    for unit in assessment.units:
        if unit.verdict is not Verdict.PASS:
            more = f" (and {len(unit.reasons) - 1} more)" if len(unit.reasons) > 1 else ""
            reason = unit.reasons[0] if unit.reasons else "no reason recorded"
            typer.echo(f"  {unit.serial} in {unit.socket}: {unit.verdict.value}: {reason}{more}")
    typer.echo(f"evidence: {outcome.root}")


def exit_code(*outcomes: Outcome) -> int:
    """Return 0 if every unit of every run passed, 3 if a device could not be made safe, else 1."""
    for outcome in outcomes:
        for problem in outcome.unsafe:
            typer.echo(problem, err=True)
    if any(outcome.unsafe for outcome in outcomes):
        return DEVICE_FAILED
    return 0 if all(o.assessment.verdict is Verdict.PASS for o in outcomes) else 1
