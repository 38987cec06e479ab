"""demo: calibrate, stress and check the demonstration bench, and write its report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.commands.report import write
from sensorbench.app.commands.run import (
    exit_code,
    opened,
    outcome_json,
    print_outcome,
    virtual_start,
)
from sensorbench.app.demo import COMPANIONS, write_demo
from sensorbench.app.display import display
from sensorbench.app.words import title_of
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.units import show_duration
from sensorbench.run.execute import Outcome, execute
from sensorbench.station.preflight import preflight
from sensorbench.station.workspace import Workspace, load_job
from sensorbench.station.worlds import end_world

WIRE_SPEED = 600.0
FULL: Sequence[tuple[str, str]] = (
    ("calibration/pressure_temperature", "sbp1"),
    ("aec_q100/b1_htol", "sbp1"),
    *(("check/pressure", part) for part in COMPANIONS),
)
SHORT: Sequence[tuple[str, str]] = (("profiles/short_calibration.toml", "sbp1"),)


def run_demo(
    root: Path, seed: int, units: int, wire: bool, short: bool, faults: bool, json: bool
) -> int:
    """Run the demonstration and return the exit code. Raises InputError, BenchError."""
    started = time.monotonic()
    end_world(root)  # of a demonstration that was killed: this one begins with fresh units
    write_demo(root, seed, datetime.now(UTC).date(), units, faults)
    workspace = Workspace(root)
    jobs = [load_job(workspace, profile, [lot]) for profile, lot in (SHORT if short else FULL)]
    plans = [preflight(job, datetime.now().astimezone()) for job in jobs]
    planned_s = sum(plan.duration_s for plan in plans)
    clock: Clock = RealClock(WIRE_SPEED)
    if not wire:
        clock = VirtualClock(virtual_start(workspace, planned_s))
    lots = {lot.lot.id: (lot, part) for job in jobs for lot, part in job.lots}
    outcomes: list[Outcome] = []
    with opened(workspace, jobs[0].station, clock, list(lots.values()), wire, anew=True) as station:
        for job, plan in zip(jobs, plans, strict=True):
            if not json:
                parts = ", ".join(plan.parts)
                typer.echo(
                    f"{title_of(job.profile.title)}: {len(plan.units)} {parts}, "
                    f"{show_duration(plan.duration_s)} of simulated time"
                )
            with display(title_of(job.profile.title), json, real_time=False) as progress:
                outcomes.append(execute(workspace, job, station, progress, plan))
            if not json:
                print_outcome(outcomes[-1])
    if not json:
        typer.echo("writing the report ...")
    report = write([outcome.root for outcome in outcomes], ("html", "pdf"), workspace.reports)
    if json:
        print_json(
            {
                "workspace": str(root),
                "runs": [outcome_json(outcome) for outcome in outcomes],
                "report": {name: str(path) for name, path in report.items()},
            }
        )
    else:
        typer.echo(f"report: {report['html']}\n        {report['pdf']}")
        typer.echo(f"took {show_duration(time.monotonic() - started)}. All values are SIMULATED.")
        typer.echo(f"next: sensorbench verify {workspace.evidence}")
    return exit_code(*outcomes)
