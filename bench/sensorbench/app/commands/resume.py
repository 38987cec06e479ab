"""resume: go on with a run that was parked, stopped or cut off; what was found is said first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import find_run, print_json
from sensorbench.app.commands.pause import go_on
from sensorbench.app.commands.run import (
    after_all,
    exit_code,
    guarded,
    opened,
    outcome_json,
    print_outcome,
)
from sensorbench.app.deadlines import check_person
from sensorbench.app.display import display
from sensorbench.app.waiting import say_waits, waits_for
from sensorbench.app.words import title_of
from sensorbench.assessment.data import RunData
from sensorbench.core.clock import RealClock
from sensorbench.core.units import show_duration
from sensorbench.profiles.schedule import Hold
from sensorbench.run.execute import resume
from sensorbench.run.progress import describe
from sensorbench.run.resuming import KILLED, Found, find
from sensorbench.station.model import StationFile
from sensorbench.station.simulation import is_simulated
from sensorbench.station.wishes import running
from sensorbench.station.workspace import Workspace

_MOST = 8


def resume_run(
    root: Path, run: str, json: bool, *, replaced: Sequence[str] = (), only_look: bool = False
) -> int:
    """Go on with a run; what it waited for is there, says whoever calls this.

    With `only_look` it is said what would be done, and nothing is opened.
    """
    workspace = Workspace(root)
    path = find_run(workspace, run)
    if not only_look and running(workspace.root) == path.name:
        go_on(workspace, path.name)
        return 0
    data = RunData.read(path)
    found = find(data)
    if only_look:
        if json:
            print_json(found_json(found))
        else:
            for line in say_found(found):
                typer.echo(line)
        return 0
    waits = waits_for(data.events("run_ended", "resumed"))
    # Evidence and dates speak for themselves; a person and units are vouched for by the caller.
    reached = frozenset({str(waits.get("until"))} if waits else ()) - {"attach", "time"}
    station_file = workspace.load_station()
    lots = workspace.load_lots()
    if not is_simulated(station_file):
        check_person(data.schedule)
    title = title_of(data.run.manifest.get("title", run))
    with (
        guarded(workspace, station_file, after_all(workspace, found.last_utc)) as guard,
        opened(
            workspace, station_file, guard.clock, lots, life=_life(station_file, found)
        ) as station,
    ):
        for line in say_found(found):
            typer.echo(line, err=True)
        guard.opened(station.numbers)
        with display(title, json, isinstance(guard.clock, RealClock)) as progress:
            outcome = resume(path, station, progress, reached, guard, frozenset(replaced))
    if json:
        print_json(outcome_json(outcome))
    else:
        print_outcome(outcome)
    return exit_code(outcome)


def _life(file: StationFile, found: Found) -> str:
    """Return the life of a simulated run that was cut off; "" where none is needed to go on.

    Whatever else ended a run kept what its units went through.
    """
    return found.life if is_simulated(file) and found.ended == KILLED else ""


def say_found(found: Found) -> list[str]:
    """Return what was found of a run and what is done now, a line each."""
    name, steps = found.data.run.run_id, found.data.schedule.steps
    waits = waits_for(found.data.events("run_ended", "resumed"))
    how = "was cut off" if found.ended == KILLED else f"was {found.ended}"
    if waits is not None:
        how += f", it waited for {say_waits(waits)}"
    lines = [f"{name} {how}; its last record is of {found.last_utc.astimezone():%Y-%m-%d %H:%M:%S}"]
    if found.cut.next < len(steps):
        word = "in" if found.cut.begun else "before"
        lines.append(f"  {word} step {_step(found, found.cut.next)}")
    if found.state.kept_s:
        step = steps[found.cut.at]
        asked = step.action.credit_s if isinstance(step.action, Hold) else 0.0
        served, of = show_duration(round(found.state.kept_s)), show_duration(asked)
        lines.append(f"  served and on record: {served} of {of}")
    units = [f"{serial} in {where}" for serial, where in found.state.sockets.items()]
    if units:
        rest = f" and {len(units) - _MOST} more" if len(units) > _MOST else ""
        lines.append(f"  loaded: {', '.join(units[:_MOST])}{rest}")
    sets = [f"{where}{f' of {zone}' if zone else ''}" for zone, where in found.state.sets]
    if sets:
        lines.append(f"  set again: {', '.join(sets)}")
    if found.step is None:
        lines.append("  every step is done: it is ended and sealed")
    else:
        lines.append(f"  goes on with step {_step(found, found.cut.at)}")
    if found.asks:
        lines.append("  asks first: the units may feel again what they felt")
    return lines


def _step(found: Found, number: int) -> str:
    steps = found.data.schedule.steps
    return f"{number + 1} of {len(steps)}, {describe(steps[number])}"


def found_json(found: Found) -> dict[str, Any]:
    """Return what was found of a run for programs."""
    steps = found.data.schedule.steps
    return {
        "run": found.data.run.run_id,
        "ended": found.ended or "cut off",
        "last": found.last_utc.isoformat(),
        "steps": len(steps),
        "cut_at": found.cut.next,
        "begun": found.cut.begun,
        "goes_on_with": found.cut.at,
        "does": describe(steps[found.cut.at]) if found.step is not None else "",
        "served_s": found.state.kept_s,
        "loaded": dict(found.state.sockets),
        "set_again": [{"zone": zone, "address": where} for zone, where in found.state.sets],
        "asks": found.asks,
    }
