"""write_report: one document over one or more runs, in the formats asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path

from sensorbench.core.errors import InputError
from sensorbench.evidence.files import write_over
from sensorbench.reports.build import build
from sensorbench.reports.html import render_html
from sensorbench.reports.model import Report
from sensorbench.reports.pdf import render_pdf
from sensorbench.reports.runs import load
from sensorbench.reports.words import languages as known_languages

RENDERERS: Mapping[str, Callable[[Report], bytes]] = {"html": render_html, "pdf": render_pdf}


def write_report(
    runs: Sequence[Path],
    formats: Sequence[str],
    folder: Path,
    zone: tzinfo | None = None,
    languages: Sequence[str] = ("en",),
) -> dict[str, Path]:
    """Write the report on `runs` into `folder`, and return the file of each format.

    Several languages are parts of one document, in the order given. Damaged and incomplete runs are
    reported as such. Local times are in `zone`, None is this machine's. Nothing is written unless
    every format could be. Raises InputError for no run, an unknown format or language, OSError
    where `folder` can't be written.
    """
    _among("formats", formats, tuple(RENDERERS), "a format")
    _among("languages", languages, known_languages(), "a language")
    if not runs:
        raise InputError.one("report", "runs", "name at least one run")
    report = build(load(runs), zone, tuple(dict.fromkeys(languages)))
    contents = {name: RENDERERS[name](report) for name in formats}
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _write(folder / f"{report.stem}.{name}", data) for name, data in contents.items()}


def _among(key: str, asked: Sequence[str], there: Sequence[str], what: str) -> None:
    unknown = [name for name in asked if name not in there]
    if unknown or not asked:
        text = f"{', '.join(unknown) or 'none'} is not {what}; allowed: {', '.join(there)}"
        raise InputError.one("report", key, text)


def _write(path: Path, data: bytes) -> Path:
    write_over(path, data)
    return path
