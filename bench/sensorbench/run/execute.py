"""From a job to a sealed run: preflight, open, run, make safe, assess, seal; and going on.

Whatever ends a run, the station is driven to its safe state and the journal says so. A run that is
parked, failed or was interrupted is not sealed.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

from sensorbench.assessment.data import SCHEDULE, RunData
from sensorbench.core.clock import Clock, VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.provenance import Provenance
from sensorbench.evidence.canonical import canonical
from sensorbench.evidence.run import RunWriter
from sensorbench.parts.model import slug
from sensorbench.profiles.schedule import Schedule
from sensorbench.run.ending import Outcome, to_its_end
from sensorbench.run.progress import Progress, Silent
from sensorbench.run.resuming import ask_for_what_is_not_repeated, find
from sensorbench.run.runner import Runner
from sensorbench.run.timekeeping import LEAST_S
from sensorbench.safety.guarding import Guard
from sensorbench.station.foreseeing import foreseen
from sensorbench.station.lives import life_of
from sensorbench.station.preflight import preflight
from sensorbench.station.resuming import check_going_on, check_instruments
from sensorbench.station.station import Station
from sensorbench.station.wishes import Wishes
from sensorbench.station.workspace import Job, Workspace

__all__ = ["Outcome", "execute", "resume", "run_id"]

VIRTUAL_COMMIT_S = 0.25


def execute(
    workspace: Workspace,
    job: Job,
    station: Station,
    progress: Progress | None = None,
    schedule: Schedule | None = None,
    implied_polls: bool = True,
    guard: Guard | None = None,
) -> Outcome:
    """Run a job on an open station and return its outcome; `guard` stands by.

    Raises InputError before anything is touched, and the BenchError or KeyboardInterrupt that
    stopped the run; its notes say what could not be made safe.
    """
    clock = station.clock
    schedule = schedule or preflight(job, clock.utc().astimezone())
    _foresee(schedule, station)
    root = workspace.evidence / run_id(job, station.provenance, clock, workspace.evidence)
    inputs = {**job.inputs, SCHEDULE: canonical(schedule.as_json())}
    manifest = _manifest(job, schedule, station)
    if station.bench is not None:
        station.bench.take_in(life_of(root.name, 0))
    with RunWriter(root, clock, manifest, inputs, _interval(clock)) as evidence:
        runner = Runner(
            schedule, station, evidence, progress or Silent(),
            implied_polls=implied_polls, guard=guard, wishes=Wishes(workspace.root, root.name),
        )  # fmt: skip
        return to_its_end(runner)


def resume(
    root: Path,
    station: Station,
    progress: Progress | None = None,
    reached: frozenset[str] = frozenset(),
    guard: Guard | None = None,
    replaced: frozenset[str] = frozenset(),
) -> Outcome:
    """Go on with a run that was parked, stopped or cut off, on an open station.

    `reached` says what was waited for and is there, `replaced` which instruments are others now.
    Raises InputError where the run is over or the station is another one than it was planned on,
    with nothing written; EvidenceError for a damaged run, and what `execute` raises.
    """
    found = find(RunData.read(root))
    schedule, state = found.data.schedule, found.state
    today = station.clock.utc().astimezone().date()
    units = station.bench.known if station.bench is not None else None
    check_going_on(station.file, schedule, state.next, state.sockets, today, units)
    others = check_instruments(found.instruments, station, replaced)
    _foresee(replace(schedule, steps=schedule.steps[state.next :]), station)
    ask_for_what_is_not_repeated(found, station.operator)
    if station.bench is not None:
        station.bench.take_in(found.next_life)
        station.bench.plug_all(state.sockets)
    with RunWriter.reopen(root, station.clock, _interval(station.clock)) as evidence:
        if found.part is not None:
            evidence.append("hold", found.part)
        evidence.append(
            "resumed",
            {
                "next": state.next, "cut": found.cut.next, "begun": found.cut.begun,
                "ended": found.ended, "reached": sorted(reached), "replaced": others,
                "gap_s": evidence.seconds_since(found.last_t), "id": uuid4().hex,
                "sensorbench": version("sensorbench"),
            },
        )  # fmt: skip
        set_by_s = (station.clock.utc() - found.last_utc).total_seconds()
        if set_by_s <= -LEAST_S:  # how long nobody was there is not known
            evidence.append("time_jumped", {"calendar_set_by_s": round(set_by_s, 3)})
        evidence.commit()
        runner = Runner(
            schedule, station, evidence, progress or Silent(), state,
            resumed_for=reached, guard=guard, known=found.known,
            wishes=Wishes(root.parent.parent, root.name),
        )  # fmt: skip
        return to_its_end(runner)


def _foresee(schedule: Schedule, station: Station) -> None:
    """Ask open instruments for what they would refuse. Raises InputError."""
    problems = foreseen(schedule, station.acting)
    if problems:
        raise InputError(problems)


def _interval(clock: Clock) -> float:
    return VIRTUAL_COMMIT_S if isinstance(clock, VirtualClock) else 0.0


def _manifest(job: Job, schedule: Schedule, station: Station) -> dict[str, Any]:
    simulated = station.provenance is Provenance.SIMULATED
    setup = job.station.simulation
    utc = station.clock.utc()
    offset = utc.astimezone().utcoffset()
    return {
        "profile": job.profile.id,
        "title": job.profile.title,
        "parts": list(schedule.parts),
        "lots": list(dict.fromkeys(unit.lot for unit in schedule.units)),
        "units": len(schedule.units),
        "station": job.station.station.name,
        "location": job.station.station.location,
        "provenance": station.provenance.value,
        "seed": setup.seed if setup and simulated else None,
        "started": utc.isoformat(timespec="seconds"),
        "utc_offset_s": offset.total_seconds() if offset else 0.0,
        "software": {
            "sensorbench": version("sensorbench"),
            "python": platform.python_version(),
            "platform": sys.platform,
        },
    }


def run_id(job: Job, provenance: Provenance, clock: Clock, folder: Path) -> str:
    """Return a new run's id: SIM- if simulated, the start in UTC, the lots and the profile."""
    mark = "SIM-" if provenance is Provenance.SIMULATED else ""
    name = job.profile.id.rpartition("/")[2].replace("_", "-")
    lots = "+".join(slug(lot.lot.id) for lot, _ in job.lots[:3])
    base = f"{mark}{clock.utc():%Y%m%d-%H%M%S}-{lots}-{name}"
    candidate, number = base, 1
    while (folder / candidate).exists():
        number += 1
        candidate = f"{base}-{number}"
    return candidate
