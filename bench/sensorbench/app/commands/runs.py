"""runs: what was run, as it was stored; `verify` is there to doubt it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import print_json, print_table, run_ids
from sensorbench.app.waiting import CUT_OFF, say_waits
from sensorbench.core.errors import InputError
from sensorbench.core.folders import leads_nowhere, lost_link
from sensorbench.evidence.glance import glance
from sensorbench.station.wishes import running

GOES_ON = "nothing: it goes on just now"
_RESULTS = "derived/results.json"


def list_runs(root: Path, as_json: bool) -> None:
    """Print the runs of a workspace, oldest first. Raises InputError where there is none."""
    evidence = root / "evidence"
    if not os.path.lexists(evidence) and not (root / "station.toml").is_file():
        text = (
            "is no workspace: it has neither station.toml nor evidence/. Go there, or give -w DIR"
        )
        raise InputError.one(str(root.resolve()), "", text)
    now = ""  # asked only where a run may go on just now
    rows = []
    for name in run_ids(evidence):
        row = _summary(evidence / name)
        if row["state"] == "" and row["run_id"] == name:
            now = now or running(root)
            row["waits_for"] = GOES_ON if now == name else CUT_OFF
        rows.append(row)
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


def _summary(path: Path) -> dict[str, Any]:
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
        "waits_for": say_waits(found.waits) if found.waits is not None else "",
    }
