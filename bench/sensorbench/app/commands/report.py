"""report: one document over one or more runs, in one or more formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from sensorbench.app.commands.common import find_run, print_json
from sensorbench.core.errors import InputError
from sensorbench.core.folders import no_folder
from sensorbench.station.workspace import Workspace

FORMATS = ("html", "pdf")


def write_reports(
    root: Path,
    run_ids: Sequence[str],
    formats: str,
    languages: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write the report and print where it is. Raises InputError."""
    workspace = Workspace(root)
    asked = [name.strip().lower() for name in formats.split(",") if name.strip()]
    unknown = [name for name in asked if name not in FORMATS]
    if unknown or not asked:
        raise InputError.one(
            "report", "--format", f"{formats!r} is not allowed; allowed: {', '.join(FORMATS)}"
        )
    runs = [find_run(workspace, name) for name in run_ids]
    spoken = [name.strip().lower() for name in languages.split(",") if name.strip()]
    folder = output or workspace.reports
    if wrong := no_folder(folder):
        raise InputError.one(str(folder), "", wrong)
    written = write(runs, asked, folder, spoken)
    if as_json:
        print_json({name: str(path) for name, path in written.items()})
    else:
        for name, path in written.items():
            typer.echo(f"{name}: {path}")


def write(
    runs: Sequence[Path],
    formats: Sequence[str],
    folder: Path,
    languages: Sequence[str] = ("en",),
) -> dict[str, Path]:
    """Write the report of `runs` into `folder` in each format and language; return where."""
    from sensorbench.reports.report import write_report  # noqa: PLC0415 - plots are heavy

    return write_report(runs, formats, folder, languages=languages)
