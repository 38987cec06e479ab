"""From a job to a sealed run: preflight, open, run, make safe, assess, seal."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sensorbench.assessment.assess import RESULTS_FILE, assess
from sensorbench.assessment.results import Assessment, as_json
from sensorbench.core.clock import Clock, VirtualClock
from sensorbench.core.provenance import Provenance
from sensorbench.evidence.run import RunReader, RunWriter
from sensorbench.profiles.schedule import Schedule
from sensorbench.run.progress import Progress, Silent
from sensorbench.run.runner import Runner
from sensorbench.safety.interlocks import SafetyStop
from sensorbench.safety.signals import unstoppable
from sensorbench.station.preflight import preflight
from sensorbench.station.station import Station
from sensorbench.station.workspace import Job, Workspace

VIRTUAL_COMMIT_S = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that ended: where its evidence is, what came out, and what could not be made safe."""

    root: Path
    assessment: Assessment
    unsafe: tuple[str, ...] = ()


def execute(
    workspace: Workspace,
    job: Job,
    station: Station,
    progress: Progress | None = None,
    schedule: Schedule | None = None,
) -> Outcome:
    """Run a job on an open station and return its outcome.

    Whatever ends the run, the station is driven to its safe state and the journal says so. An
    interrupted run is not sealed. Raises InputError before anything is touched, and the BenchError
    or KeyboardInterrupt that stopped the run; its notes say what could not be made safe.
    """
    clock = station.clock
    schedule = schedule or preflight(job, clock.utc())
    root = workspace.evidence / run_id(job, station.provenance, clock, workspace.evidence)
    interval_s = VIRTUAL_COMMIT_S if isinstance(clock, VirtualClock) else 0.0
    with RunWriter(root, clock, _manifest(job, station), job.inputs, interval_s) as evidence:
        try:
            Runner(job, schedule, station, evidence, progress or Silent()).execute()
        except BaseException as error:
            unsafe = _end(evidence, station, _state(error), _reason(error))
            for note in unsafe or ["the bench is in its safe state"]:
                error.add_note(note)
            error.add_note(f"evidence so far: {root}")
            raise
        unsafe = _end(evidence, station, "complete", "")
        assessment = assess(RunReader(root))
        evidence.write_derived(RESULTS_FILE, as_json(assessment))
        evidence.seal()
    return Outcome(root, assessment, tuple(unsafe))


def _end(evidence: RunWriter, station: Station, state: str, reason: str) -> list[str]:
    """Make the bench safe and put that on record; return what could not be made safe."""
    with unstoppable():
        problems = station.make_safe()
        evidence.append("safe_state", {"problems": problems})
        evidence.append("run_ended", {"state": state, "reason": reason})
        evidence.commit()
    return problems


def _state(error: BaseException) -> str:
    if isinstance(error, SafetyStop):
        return "stopped by safety"
    return "failed" if isinstance(error, Exception) else "interrupted"


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, Exception) else "stopped by the operator"


def _manifest(job: Job, station: Station) -> dict[str, Any]:
    return {
        "profile": job.profile.id,
        "title": job.profile.title,
        "part": job.part.part.name,
        "lot": job.lot.lot.id,
        "units": len(job.lot.unit),
        "station": job.station.station.name,
        "location": job.station.station.location,
        "provenance": station.provenance.value,
        "seed": job.station.simulation.seed
        if job.station.simulation and station.provenance is Provenance.SIMULATED
        else None,
        "started": station.clock.utc().isoformat(timespec="seconds"),
        "software": {
            "sensorbench": version("sensorbench"),
            "python": platform.python_version(),
            "platform": sys.platform,
        },
    }


def run_id(job: Job, provenance: Provenance, clock: Clock, folder: Path) -> str:
    """Return a new run's id: SIM- if simulated, the start in UTC, and the profile's name."""
    mark = "SIM-" if provenance is Provenance.SIMULATED else ""
    name = job.profile.id.rpartition("/")[2].replace("_", "-")
    base = f"{mark}{clock.utc():%Y%m%d-%H%M%S}-{job.lot.lot.id}-{name}"
    candidate, number = base, 1
    while (folder / candidate).exists():
        number += 1
        candidate = f"{base}-{number}"
    return candidate
