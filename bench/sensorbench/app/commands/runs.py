"""runs: what was run, as it was stored; `verify` is there to doubt it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import print_json, print_table, run_ids
from sensorbench.app.commands.seal import OVER
from sensorbench.app.waiting import say_waits
from sensorbench.core.errors import BenchError, InputError
from sensorbench.core.folders import leads_nowhere, lost_link
from sensorbench.evidence.glance import DAMAGED, Glance, glance
from sensorbench.station.wishes import running

_RESULTS = "derived/results.json"


def list_runs(root: Path, as_json: bool) -> None:
    """Print the runs of a workspace, oldest first. Raises InputError where there is none."""
    evidence = root / "evidence"
    if not os.path.lexists(evidence) and not (root / "station.toml").is_file():
        text = (
            "is no workspace: it has neither station.toml nor evidence/. Go there, or give -w DIR"
        )
        raise InputError.one(str(root.resolve()), "", text)
    names = run_ids(evidence)
    rows = [_summary(root, evidence / name) for name in names]
    if as_json:
        print_json(rows)
    elif not rows:
        typer.echo(f"no runs in {evidence}")
    else:
        print_table(
            ("run", "profile", "lot", "units", "verdict", "waits for"),
            [
                (r["run"], r["profile"], r["lot"], str(r["units"]), r["verdict"], r["waits_for"])
                for r in rows
            ],
        )
    for row in rows:
        if target := leads_nowhere(evidence / row["run"]):
            typer.echo(f"{row['run']} {lost_link(target)}", err=True)


def _summary(root: Path, path: Path) -> dict[str, Any]:
    found = glance(path, _RESULTS)
    get = found.manifest.get
    lots = get("lots")
    return {
        "run": path.name,
        "run_id": get("run_id", path.name),
        "profile": get("profile", "?"),
        "lot": ", ".join(map(str, lots)) if isinstance(lots, list) else "?",
        "units": get("units", 0),
        "started": get("started", ""),
        "state": "broken link" if leads_nowhere(path) else found.state,
        "verdict": found.verdict,
        "waits_for": _waits(root, path, found),
    }


def _waits(root: Path, path: Path, found: Glance) -> str:
    """Return what a run waits for that is not over, or what to do with it; "" for others."""
    if found.waits is not None:
        if found.waits.get("point") in found.attached:
            return f"a person: evidence of {found.waits['point']} is there, `resume RUN` goes on"
        return say_waits(found.waits)
    if not found.manifest or found.state == DAMAGED or (path / "seal.json").exists():
        return ""
    if found.state in OVER:
        return f"its seal: it was {found.state}, `seal RUN` closes it"
    if not found.state and _is_under_way(root, path.name):
        return "its end: it is under way"
    return f"a person: it was {found.state or 'cut off'}, `resume RUN` goes on"


def _is_under_way(root: Path, name: str) -> bool:
    """Return whether a run goes on just now, as far as this machine can tell."""
    with suppress(BenchError, OSError):
        return running(root) == name
    return False
