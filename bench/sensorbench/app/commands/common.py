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
from sensorbench.core.folders import leads_nowhere, lost_link, no_folder

if TYPE_CHECKING:
    from sensorbench.station.workspace import Workspace

_MOST = 8


def quoted(word: object) -> str:
    """Return a word of a command as it can be pasted into a shell.

    A path that begins like an option is written as a path.
    """
    text = str(word)
    text = f"./{text}" if isinstance(word, Path) and text.startswith("-") else text
    if os.name == "nt":
        return f'"{text}"' if " " in text else text
    return shlex.quote(text)


def print_json(value: Any) -> None:
    """Print a value for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their heads, for people.

    A terminal that is too narrow folds cells between words, never inside one and never the first
    column, which is what people copy into the next command. Where that is not enough, the first
    cell of a row stands on a line of its own, and the others beneath it.
    """
    table = [tuple(heads), *map(tuple, rows)]
    if not sys.stdout.isatty():
        # Into a pipe lines are not folded, so that grep finds what it looks for.
        typer.echo("\n".join(_aligned(table)))
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.table import Table  # noqa: PLC0415

    console = Console(highlight=False, markup=False)
    widths = _widths(table, console.width)
    if widths is None:
        _print_apart(table)
        return
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for head, width in zip(heads, widths, strict=True):
        shown.add_column(head, overflow="fold", width=width)
    for row in table[1:]:
        shown.add_row(*row)
    console.print(shown)


_GAP = 2
_FOLDS_AT = 8


def _widths(table: Sequence[Sequence[str]], terminal: int) -> list[int] | None:
    """Return how wide each column may be without breaking a word, None where they can't be."""
    columns = list(zip(*table, strict=True))
    whole = [max(map(_width, column)) for column in columns]
    least = [max(map(_longest_word, column)) for column in columns]
    least[0] = whole[0]
    room = terminal - _GAP * (len(columns) - 1) - sum(least)
    if room < 0:
        return None
    wants = [most - few for most, few in zip(whole, least, strict=True)]
    share = min(1.0, room / max(1, sum(wants)))
    return [few + int(want * share) for few, want in zip(least, wants, strict=True)]


def _longest_word(text: str) -> int:
    """Return the width below which a cell's words would be broken; Chinese breaks anywhere."""
    words = text.split() or [""]
    return max(_width(w) if w.isascii() else min(_width(w), _FOLDS_AT) for w in words)


def _print_apart(table: Sequence[Sequence[str]]) -> None:
    """Print the first cell of each row on a line of its own, and the others beneath it."""
    others = _aligned([row[1:] for row in table])
    for number, (row, rest) in enumerate(zip(table, others, strict=True)):
        for line in filter(None, (row[0], f"  {rest}".rstrip())):
            typer.secho(line, bold=number == 0)


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table whose columns stand beneath each other."""
    sizes = [[_width(cell) for cell in row] for row in table]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    return [
        "  ".join(cell + " " * (widths[n] - size[n]) for n, cell in enumerate(row)).rstrip()
        for row, size in zip(table, sizes, strict=True)
    ]


def _width(text: str) -> int:
    """Return how many columns a text takes; a Chinese character takes two."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def find_run(workspace: Workspace, run: str) -> Path:
    """Return a run's folder by id, unique beginning, or path. Raises InputError."""
    for path in (Path(run), workspace.evidence / run):
        # A file of a run means that run; others are no run.
        folder = path.parent if path.is_file() else path
        if (folder / "run.json").is_file() or (folder / "journal.jsonl").is_file():
            return folder
        if folder is not path:
            raise InputError.one("run", run, "is a file, no run: a run is a folder of evidence")
        if target := leads_nowhere(path):
            raise InputError.one("run", run, lost_link(target))
    ids = run_ids(workspace.evidence)
    matches = [name for name in ids if name.startswith(run)]
    if len(matches) == 1:
        return find_run(workspace, matches[0])
    which = f"matches {_some(matches)}" if matches else "is not there"
    known = f"; there are: {_some(ids)}" if ids else f"; {workspace.evidence} has no runs"
    raise InputError.one("run", run, which + ("" if matches else known))


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
