"""What commands share: finding runs, printing JSON and tables."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import typer

from sensorbench.core.errors import InputError
from sensorbench.core.folders import no_folder

if TYPE_CHECKING:
    from sensorbench.station.workspace import Workspace

_MOST = 8


def quoted(word: object) -> str:
    """Return a word of a command as it can be pasted into a shell."""
    text = str(word)
    if os.name == "nt":
        return f'"{text}"' if " " in text else text
    return shlex.quote(text)


def print_json(value: Any) -> None:
    """Print a value for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their heads, for people."""
    if not sys.stdout.isatty():
        _print_plain([heads, *rows])
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, head in enumerate(heads):
        # The first column is what people copy into the next command.
        table.add_column(head, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False, markup=False).print(table)


def _print_plain(rows: Sequence[Sequence[str]]) -> None:
    """Print a table into a pipe: lines are not folded, so that grep finds what it looks for."""
    sizes = [[_width(cell) for cell in row] for row in rows]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    lines = [
        "  ".join(cell + " " * (widths[n] - size[n]) for n, cell in enumerate(row)).rstrip()
        for row, size in zip(rows, sizes, strict=True)
    ]
    typer.echo("\n".join(lines))


def _width(text: str) -> int:
    """Return how many columns a text takes; a Chinese character takes two."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def find_run(workspace: Workspace, run: str) -> Path:
    """Return a run's folder by id, unique beginning, or path. Raises InputError."""
    for path in (Path(run), workspace.evidence / run):
        if (path / "run.json").is_file() or (path / "journal.jsonl").is_file():
            return path
        if target := leads_nowhere(path):
            text = f"is a link to {target}, which is not there: is its disk there?"
            raise InputError.one("run", run, text)
    ids = run_ids(workspace.evidence)
    matches = [name for name in ids if name.startswith(run)]
    if len(matches) == 1:
        return find_run(workspace, matches[0])
    which = f"matches {_some(matches)}" if matches else "is not there"
    known = f"; there are: {_some(ids)}" if ids else f"; {workspace.evidence} has no runs"
    raise InputError.one("run", run, which + ("" if matches else known))


def leads_nowhere(path: Path) -> str:
    """Return what a link leads to where that is not there, "" for all else."""
    try:
        return os.readlink(path) if path.is_symlink() and not os.path.exists(path) else ""
    except OSError:
        return ""


def _some(ids: Sequence[str]) -> str:
    """Return the last of many runs: it is most likely one of them."""
    rest = len(ids) - _MOST
    return ", ".join(ids[-_MOST:]) + (f" and {rest} more (`sensorbench runs`)" if rest > 0 else "")


def run_ids(evidence: Path) -> list[str]:
    """Return the ids of all runs in a workspace's folder of evidence, oldest first.

    Raises InputError where it is no folder.
    """
    wrong = no_folder(evidence)
    if wrong:
        raise InputError.one(str(evidence), "", wrong)
    if not evidence.is_dir():
        return []
    # One without its run.json is damaged, not gone: it is listed, and said to be.
    found = [(begun, path.name) for path in evidence.iterdir() if (begun := _begun(path))]
    return [name for _, name in sorted(found)]


def _begun(path: Path) -> int:
    """Return when a run was begun, in ns, by its first file; 0 where it is no run.

    A link that leads nowhere was to a run: it is listed, and said to be what it is.
    """
    if leads_nowhere(path):
        return path.lstat().st_mtime_ns
    for name in ("run.json", "journal.jsonl"):
        with suppress(OSError):
            return (path / name).stat().st_mtime_ns
    return 0
