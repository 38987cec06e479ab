"""runs and show: what was run, and what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import find_run, print_json, print_table, run_ids
from sensorbench.assessment.assess import assess
from sensorbench.assessment.results import as_json as assessment_json
from sensorbench.core.errors import EvidenceError
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.run import RunReader
from sensorbench.station.workspace import Workspace


def list_runs(root: Path, as_json: bool) -> None:
    """Print the runs of a workspace, oldest first."""
    workspace = Workspace(root)
    rows = [_summary(workspace.evidence / name) for name in run_ids(workspace)]
    if as_json:
        print_json(rows)
    elif not rows:
        typer.echo(f"no runs in {workspace.evidence}")
    else:
        print_table(
            ("run", "profile", "lot", "units", "verdict"),
            [(r["run"], r["profile"], r["lot"], str(r["units"]), r["verdict"]) for r in rows],
        )


def _summary(path: Path) -> dict[str, Any]:
    try:
        run = RunReader(path)
        verdict = assess(run).verdict.value
    except EvidenceError:
        return {"run": path.name, "profile": "?", "lot": "?", "units": 0, "verdict": "INVALID"}
    manifest = run.manifest
    return {
        "run": run.run_id,
        "profile": manifest["profile"],
        "lot": manifest["lot"],
        "units": manifest["units"],
        "verdict": verdict,
    }


def show_run(root: Path, name: str, as_json: bool) -> int:
    """Print a run's units and results; return 1 unless all passed. Raises InputError."""
    run = RunReader(find_run(Workspace(root), name))
    found = assess(run)
    if as_json:
        print_json({"manifest": run.manifest, **assessment_json(found)})
    else:
        _print(run, found)
    return 0 if found.verdict is Verdict.PASS else 1


def _print(run: RunReader, found: Any) -> None:
    manifest = run.manifest
    if run.provenance.value == "simulated":
        typer.echo("SIMULATED - NOT A MEASUREMENT")
    typer.echo(f"{run.run_id}: {found.verdict.value}")
    typer.echo(f"{manifest['title']}; part {manifest['part']}, lot {manifest['lot']}")
    for reason in found.reasons:
        typer.echo(reason)
    rows = []
    for unit in found.units:
        own = [r for r in found.of(unit.serial) if r.verdict is not None]
        margin = [_margin(r) for r in own if r.verdict is not Verdict.INVALID]
        tightest = min(margin, default=None)
        rows.append(
            (
                unit.serial,
                unit.socket,
                unit.verdict.value,
                f"{len(own)}",
                tightest[1] if tightest else "",
                unit.reasons[0] if unit.reasons else "",
            )
        )
    print_table(("unit", "socket", "verdict", "results", "nearest to its limit", "reason"), rows)


def _margin(result: Any) -> tuple[float, str]:
    """Return how much of the limit is left, 0 at the limit and 1 in the middle, and in words."""
    low = -result.high if result.low is None and result.high is not None else result.low
    if result.high is None or low is None:
        return 1.0, f"{result.title} {result.value:.4g} {result.unit}"
    left = min(result.value - low, result.high - result.value) / ((result.high - low) / 2)
    return left, f"{result.title} {result.value:.4g} of {result.high:.4g} {result.unit}"
