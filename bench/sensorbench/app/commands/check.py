"""check: all files of a workspace, or a profile on lots; nothing is touched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.commands.run import choices_of
from sensorbench.app.deadlines import waits
from sensorbench.app.failure import is_workspace, say_workspace
from sensorbench.core.documents import merge_problems
from sensorbench.core.errors import BenchError, InputError
from sensorbench.core.folders import toml_files
from sensorbench.core.plugins import broken
from sensorbench.core.units import show_duration
from sensorbench.profiles.needs import Needs, needs
from sensorbench.profiles.part_checks import check_part
from sensorbench.profiles.planning.reading import show_value
from sensorbench.safety import marks
from sensorbench.safety.limits import stops_beyond
from sensorbench.station.alarm_check import check_alarm
from sensorbench.station.binding import Binding, bind
from sensorbench.station.layout import layout_of
from sensorbench.station.machine import check_machine
from sensorbench.station.model import StationFile
from sensorbench.station.preflight import (
    check_due,
    check_faults,
    check_lot,
    check_station,
    preflight,
)
from sensorbench.station.protections import guards_of, unguarded
from sensorbench.station.simulation import is_simulated
from sensorbench.station.storage import doubts, room
from sensorbench.station.workspace import Workspace, any_meter, load_job

_ROWS = (
    "waits_at_most",
    "one_meter_only",
    "protected_by",
    "not_protected",
    "evidence",
)  # sentences, one a line


def check_workspace(
    root: Path,
    profile: str | None,
    lots: Sequence[str],
    choose: Sequence[str],
    because: str,
    at: str,
    as_json: bool,
    *,
    attended: bool = False,
) -> None:
    """Print that all is well, with the plan of a run if one was named. Raises InputError."""
    choices = choices_of(choose, because)
    plan = _check(Workspace(root), profile, lots, choices, at, attended)
    left_out = [str(problem) for problem in broken()]
    barred = _barred(Workspace(root))
    if as_json:
        print_json({"ok": True, **plan, "left_out": left_out, "barred": barred})
        return
    typer.echo("all files are in order")
    for key, value in plan.items():
        if key == "takes_s":
            typer.echo(f"  takes: {show_duration(float(str(value)))}")
        elif isinstance(value, list) and key in _ROWS:
            typer.echo(f"  {key.replace('_', ' ')}:")
            for row in value:
                typer.echo(f"    {row}")
        elif isinstance(value, list):
            typer.echo(f"  {key.replace('_', ' ')}: {', '.join(value) or 'nothing'}")
        else:
            typer.echo(f"  {key}: {value}")
    for text in left_out:
        typer.echo(f"  left out: {text}")
    for text in barred:
        typer.echo(f"  no run now: {text}")


def _barred(workspace: Workspace) -> list[str]:
    """Return how runs left this bench that nobody has acknowledged."""
    station = workspace.load_station()
    if is_simulated(station):
        return []
    try:
        found = marks.on(marks.keys_of(station, workspace.root))
    except BenchError as error:
        return [str(error)]
    return [mark.said for mark in found if not mark.acknowledged]


def _check(
    workspace: Workspace,
    profile: str | None,
    lots: Sequence[str],
    choices: dict[str, tuple[str, str]],
    at: str,
    attended: bool,
) -> dict[str, object]:
    if profile is None and not lots:
        return _protected(_check_all(workspace))
    if profile is not None and is_workspace(Path(profile)):
        raise InputError.one(
            "check", profile, f"is a workspace, no profile: {say_workspace(profile)}"
        )
    if profile is None or not lots:
        raise InputError.one("check", "", "write both a PROFILE and --lot LOT, or neither")
    job = load_job(workspace, profile, lots, choices, at, attended)
    schedule = preflight(job, datetime.now().astimezone())
    asked = needs(schedule)
    return {
        "profile": job.profile.id,
        "units": len(schedule.units),
        "steps": len(schedule.steps),
        "readings": len({read.point for _, read, _ in schedule.reads()}),
        "takes_s": schedule.duration_s,
        "sets": _addresses(asked.sets),
        "compares_with": _addresses(asked.compares),
        "stops_beyond": _stops(job.station, asked),
        "waits_at_most": waits(schedule),
        **_seen_by_one(job.station, asked),
        **({"waits_for": list(asked.attach)} if asked.attach else {}),
        **_protected(job.station),
        "evidence": [room(workspace.evidence, schedule), *doubts(workspace.evidence)],
    }


def _seen_by_one(station: StationFile, asked: Needs) -> dict[str, object]:
    """Return what is set and read by one and the same instrument: who else would see its fault?"""
    rows = bind(station).rows
    found = [
        f"{where}{f' at {zone}' if zone else ''}: only {row.acts.instrument} tells what it makes; "
        'watch = ["METER"] names another that sees it'
        for zone, addresses in asked.sets.items()
        for where in sorted(addresses)
        if (row := rows.get((zone, where))) is not None
        and row.acts is not None
        and not any(ref.instrument != row.acts.instrument for ref in row.meters)
    ]
    return {"one_meter_only": found} if found else {}


def _protected(station: StationFile) -> dict[str, object]:
    """Return what guards each setpoint that can harm, and what lacks of that today."""
    bindings = bind(station)
    today = datetime.now().astimezone().date()
    lacks = unguarded(station, bindings, today, today)
    found = [
        f"{row.where}{f' at {row.zone}' if row.zone else ''}: {guard.what}, tested {guard.tested}"
        for key, guards in guards_of(station, bindings).items()
        for row in [bindings.rows[key]]
        for guard in guards
        if key not in lacks
    ]
    without = dict.fromkeys(f"{p.key}: {p.text}" for rows in lacks.values() for p in rows)
    return {
        **({"protected_by": found} if found else {}),
        **({"not_protected": list(without)} if without else {}),
    }


def _stops(station: StationFile, asked: Needs) -> list[str]:
    """Return where a run stops for safety, of every place with limits in the zones it is in."""
    found = []
    for row in bind(station).rows.values():
        ends = [end for end in stops_beyond(row) if end is not None]
        if ends and row.zone in asked.units:
            shown = " or ".join(show_value(str(row.where), end) for end in ends)
            at = f" at {row.zone}" if row.zone else ""
            found.append(f"{row.where} {shown}{at}{_how(row)}")
    return found


def _how(row: Binding) -> str:
    """Return what a limit does otherwise than to stop a run at once, "" where it does that."""
    after = f" for longer than {show_duration(row.delay_s)}" if row.delay_s else ""
    does = {"stop": "", "end": ", by a controlled end", "note": ", which only is noted"}
    return f"{after}{does[row.action]}"


def _addresses(table: Mapping[str, Collection[str]]) -> list[str]:
    return [
        f"{where} at {zone}" if zone else where
        for zone, addresses in table.items()
        for where in sorted(addresses)
    ]


def _check_all(workspace: Workspace) -> StationFile:
    """Return the station where nothing is wrong with any file. Raises InputError."""
    problems = merge_problems([workspace.check_files])
    try:
        station = workspace.load_station()
    except InputError:
        problems += [
            p for part in workspace.readable_parts() for p in check_part(part, any_meter())
        ]
        raise InputError(list(dict.fromkeys(problems))) from None
    extras = [extra for zone in layout_of(station).zones.values() for extra in zone.extras]
    problems += [p for part in workspace.readable_parts() for p in check_part(part, extras)]
    problems += (
        check_station(station)
        + check_machine(station)
        + check_alarm(station)
        + check_due(station, datetime.now().astimezone().date())
    )
    lots = []
    for name in sorted(path.stem for path in toml_files(workspace.root / "lots")):
        try:
            lot = workspace.load_lot(name)
            lots.append((lot, workspace.load_part(lot.lot.part)))
            problems += check_lot(station, *lots[-1])
        except InputError:
            continue  # listed above
    problems += check_faults(station, lots)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return station
