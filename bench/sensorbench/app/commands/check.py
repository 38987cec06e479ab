"""check: all files of a workspace, or a profile on a lot; nothing is touched."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.core.documents import merge_problems
from sensorbench.core.errors import InputError
from sensorbench.core.units import show_duration
from sensorbench.profiles.schedule import Readout
from sensorbench.station.preflight import (
    check_due,
    check_faults,
    check_lot,
    check_station,
    preflight,
)
from sensorbench.station.workspace import Workspace, load_job


def check_workspace(root: Path, profile: str | None, lot: str | None, as_json: bool) -> None:
    """Print that all is well, with the plan of a run if one was named. Raises InputError."""
    try:
        plan = _check(Workspace(root), profile, lot)
    except InputError as error:
        if as_json:
            print_json(
                {"ok": False, "problems": [
                    {"file": p.file, "key": p.key, "text": p.text} for p in error.problems]}
            )  # fmt: skip
        raise
    if as_json:
        print_json({"ok": True, **plan})
        return
    typer.echo("all files are in order")
    for key, value in plan.items():
        typer.echo(f"  {key}: {value}")


def _check(workspace: Workspace, profile: str | None, lot: str | None) -> dict[str, object]:
    if profile is None and lot is None:
        _check_all(workspace)
        return {}
    if profile is None or lot is None:
        raise InputError.one("check", "", "write both a PROFILE and --lot LOT, or neither")
    job = load_job(workspace, profile, lot)
    start = datetime.now(UTC)
    schedule = preflight(job, start)
    return {
        "profile": job.profile.id,
        "units": len(job.lot.unit),
        "readouts": len(schedule.actions(Readout)),
        "takes": show_duration(schedule.duration_s),
        "needs": ", ".join(schedule.roles),
    }


def _check_all(workspace: Workspace) -> None:
    problems = merge_problems([workspace.check_files])
    try:
        station = workspace.load_station()
    except InputError:
        raise InputError(problems) from None
    problems += check_station(station) + check_due(station, datetime.now(UTC).date())
    lots = []
    for name in sorted(path.stem for path in (workspace.root / "lots").glob("*.toml")):
        try:
            lots.append(workspace.load_lot(name))
            problems += check_lot(station, lots[-1], workspace.load_part(lots[-1].lot.part))
        except InputError:
            continue  # listed above
    problems += check_faults(station, lots)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
