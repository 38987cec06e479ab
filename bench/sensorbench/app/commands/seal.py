"""seal: close a run whose program went between its end and its seal; nothing else can be sealed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from sensorbench.app.commands.common import find_run, print_json
from sensorbench.assessment.assess import RESULTS_FILE, assess
from sensorbench.assessment.results import Assessment
from sensorbench.assessment.results import as_json as results_as_json
from sensorbench.assessment.verify import verify
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.provenance import Provenance
from sensorbench.evidence.check import Level, changed_question
from sensorbench.evidence.run import RunReader, RunWriter
from sensorbench.station.locks import held, run_key
from sensorbench.station.workspace import Workspace

OVER = {"complete", "stopped by a gate", "stopped as nothing answered", "aborted"}
"""How a run ends for good."""


def seal_run(root: Path, name: str, as_json: bool) -> None:
    """Seal a run that was complete. Raises InputError where there is nothing to seal, Held."""
    workspace = Workspace(root)
    path = find_run(workspace, name)
    with held([run_key(workspace.root)], f"seal {path.name}"):
        run = RunReader(path)
        why = _why_not(run)
        found = verify(path)
        damage = [str(f) for f in found.findings if f.level is Level.DAMAGE]
        if why or damage or found.assessment is None:
            raise InputError.one("seal", path.name, why or f"is damaged: {damage[0]}")
        with RunWriter.reopen(path, _clock(run)) as evidence:
            verdict = seal_open(path, evidence, found.assessment)
    if as_json:
        print_json({"run": path.name, "verdict": verdict})
    else:
        typer.echo(f"{path.name} is sealed: {verdict}")


def seal_open(path: Path, evidence: RunWriter, found: Assessment | None = None) -> str:
    """Store a run's results where they are not there yet, seal it, and return its verdict."""
    assessment = found or assess(RunReader(path))
    if not (path / "derived" / RESULTS_FILE).exists():
        evidence.write_derived(RESULTS_FILE, results_as_json(assessment))
    evidence.seal()
    return assessment.verdict.value


def _why_not(run: RunReader) -> str:
    if run.is_sealed:
        return "is sealed already"
    if changed := changed_question(run):
        return f"is damaged: {changed}"
    end = next((event for event in reversed(run.events()) if event.kind != "attached"), None)
    state = end.data.get("state") if end is not None and end.kind == "run_ended" else None
    if state is None:
        return "did not end: `resume` goes on with it, `abort` ends it for good and seals it"
    if state not in OVER:
        return f"was {state}: it can go on, `resume`; `abort` ends it for good and seals it"
    return ""


def _clock(run: RunReader) -> Clock:
    """Return the clock of the seal's date: simulated work has a calendar of its own."""
    if run.provenance is not Provenance.SIMULATED:
        return RealClock()
    return VirtualClock(datetime.fromisoformat(run.journal.events[-1].time))
