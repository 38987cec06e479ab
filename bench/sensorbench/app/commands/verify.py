"""verify: digests, chain, and every result recomputed; where the values come from is said first."""

from __future__ import annotations

from pathlib import Path

import typer

from sensorbench.app.commands.common import find_run, print_json, run_ids
from sensorbench.assessment.verify import Verification, verify
from sensorbench.core.errors import InputError
from sensorbench.station.workspace import Workspace

_MOST = 20


def verify_runs(root: Path, names: list[str], as_json: bool) -> int:
    """Verify runs and print what was found; return 0 only if nothing is wrong with any."""
    paths = [path for name in names for path in _paths(Workspace(root), name)]
    found = [verify(path) for path in paths]
    if as_json:
        print_json([_plain(item) for item in found])
    else:
        for item in found:
            _print(item)
    return 0 if all(item.is_whole for item in found) else 1


def _paths(workspace: Workspace, name: str) -> list[Path]:
    """Return the runs that `name` means: one, or all that are in a folder."""
    folder = Path(name)
    if folder.is_dir() and not (folder / "run.json").exists():
        # Those that lack their run.json, or are links that lead nowhere, are damaged, not gone.
        evidence = folder / "evidence"
        there = evidence if evidence.is_dir() else folder
        found = [there / run for run in sorted(run_ids(there))]
        if found and not (folder / "journal.jsonl").exists():
            return found
        if not (folder / "journal.jsonl").exists():
            raise InputError.one("verify", name, "holds no run")
        return [folder]
    return [find_run(workspace, name)]


def _print(item: Verification) -> None:
    typer.echo(f"{item.run_id}: values are {item.provenance.upper()}")
    for finding in item.findings[:_MOST]:
        typer.echo(f"  {finding}")
    if len(item.findings) > _MOST:
        rest = len(item.findings) - _MOST
        typer.echo(f"  and {rest} more findings; --json lists all of them")
    for text in (*item.changed, *item.notes):
        typer.echo(f"  note: {text}")
    if item.is_whole and item.assessment is not None:
        count = len(item.assessment.results)
        typer.echo(
            f"  whole: every digest matches, {count} results recomputed, "
            f"verdict {item.assessment.verdict.value}"
        )


def _plain(item: Verification) -> dict[str, object]:
    return {
        "run": item.run_id,
        "provenance": item.provenance,
        "whole": item.is_whole,
        "changed": list(item.changed),
        "notes": list(item.notes),
        "findings": [
            {"level": f.level.value, "file": f.file, "text": f.text} for f in item.findings
        ],
        "verdict": item.assessment.verdict.value if item.assessment else None,
        "results": len(item.assessment.results) if item.assessment else 0,
    }
