"""write_report: one document over one or more runs, in the formats asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from sensorbench.core.errors import InputError
from sensorbench.reports.build import build
from sensorbench.reports.html import render_html
from sensorbench.reports.model import Report
from sensorbench.reports.pdf import render_pdf
from sensorbench.reports.runs import load

RENDERERS: Mapping[str, Callable[[Report], bytes]] = {"html": render_html, "pdf": render_pdf}


def write_report(
    runs: Sequence[Path], formats: Sequence[str], folder: Path, zone: tzinfo | None = None
) -> dict[str, Path]:
    """Write the report on `runs` into `folder`, and return the file of each format.

    Damaged and incomplete runs are reported as such. Local times are in `zone`, None is this
    machine's. Nothing is written unless every format could be. Raises InputError for no run or an
    unknown format, OSError where `folder` can't be written.
    """
    unknown = [name for name in formats if name not in RENDERERS]
    if unknown or not formats:
        text = f"{', '.join(unknown) or 'none'} is not a format; allowed: {', '.join(RENDERERS)}"
        raise InputError.one("report", "formats", text)
    if not runs:
        raise InputError.one("report", "runs", "name at least one run")
    report = build(load(runs), zone)
    contents = {name: RENDERERS[name](report) for name in formats}
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _write(folder / f"{report.stem}.{name}", data) for name, data in contents.items()}


def _write(path: Path, data: bytes) -> Path:
    """Replace the file as a whole: a reader sees the old one or the new one, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path
