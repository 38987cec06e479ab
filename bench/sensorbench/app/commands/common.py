"""What commands share: finding runs, printing JSON and tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from sensorbench.core.errors import InputError
from sensorbench.station.workspace import Workspace


def print_json(value: Any) -> None:
    """Print a value for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their heads, for people."""
    from rich.console import Console  # noqa: PLC0415 - only commands that print a table need it
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, head in enumerate(heads):
        # The first column is what people copy into the next command.
        table.add_column(head, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    # Into a pipe lines are not folded, so that grep finds what it looks for.
    width = None if sys.stdout.isatty() else 200
    Console(highlight=False, markup=False, width=width).print(table)


def find_run(workspace: Workspace, run: str) -> Path:
    """Return a run's folder by id, unique beginning, or path. Raises InputError."""
    for path in (Path(run), workspace.evidence / run):
        if (path / "run.json").is_file() or (path / "journal.jsonl").is_file():
            return path
    ids = run_ids(workspace)
    matches = [name for name in ids if name.startswith(run)]
    if len(matches) == 1:
        return workspace.evidence / matches[0]
    which = f"matches {', '.join(matches)}" if matches else "is not there"
    known = f"; there are: {', '.join(ids)}" if ids else f"; {workspace.evidence} has no runs"
    raise InputError.one("run", run, which + ("" if matches else known))


def run_ids(workspace: Workspace) -> list[str]:
    """Return the ids of all runs of a workspace, oldest first."""
    if not workspace.evidence.is_dir():
        return []
    # One without its run.json is damaged, not gone: it is listed, and said to be.
    found = [(begun, path.name) for path in workspace.evidence.iterdir() if (begun := _begun(path))]
    return [name for _, name in sorted(found)]


def _begun(path: Path) -> int:
    """Return when a run was begun, in ns, by its first file; 0 where it is no run."""
    files = [path / name for name in ("run.json", "journal.jsonl")]
    return next((file.stat().st_mtime_ns for file in files if file.is_file()), 0)
