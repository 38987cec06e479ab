"""run: a profile on a lot, with progress; virtual time where everything is simulated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.display import display
from sensorbench.assessment.results import Assessment, as_json
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.verdict import Verdict
from sensorbench.parts.model import Lot, Part
from sensorbench.run.execute import Outcome, execute
from sensorbench.station.model import I2cLink, StationFile
from sensorbench.station.preflight import preflight
from sensorbench.station.station import Station, open_station
from sensorbench.station.workspace import Workspace, load_job


def run_profile(root: Path, profile: str, lot: str, real_time: bool, json: bool) -> int:
    """Run and print what came out; return the exit code. Raises InputError, BenchError."""
    workspace = Workspace(root)
    job = load_job(workspace, profile, lot)
    virtual = is_simulated(job.station) and not real_time
    clock: Clock = VirtualClock() if virtual else RealClock()
    schedule = preflight(job, clock.utc())
    with (
        opened(workspace, job.station, clock, [(job.lot, job.part)]) as station,
        display(job.profile.title, quiet=json) as progress,
    ):
        outcome = execute(workspace, job, station, progress, schedule)
    if json:
        print_json(as_json(outcome.assessment))
    else:
        print_outcome(outcome)
    return exit_code(outcome.assessment)


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


def exit_code(*assessments: Assessment) -> int:
    """Return 0 if every unit of every run passed, else 1."""
    return 0 if all(found.verdict is Verdict.PASS for found in assessments) else 1
