"""attach: evidence from elsewhere, into a parked run, copied with its digest and put on record."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import typer

from sensorbench.app.commands.common import find_run
from sensorbench.assessment.data import RunData
from sensorbench.core.clock import RealClock, VirtualClock
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.provenance import Provenance
from sensorbench.evidence.run import RunWriter
from sensorbench.parts.model import slug
from sensorbench.station.workspace import Workspace

_UNIT, _RESULT = "serial", "result"
_RESULTS = ("pass", "fail", "invalid")


def attach_files(
    root: Path, run: str, point: str, files: Sequence[Path], say: Sequence[str]
) -> None:
    """Attach files to a point. Raises InputError with everything that is wrong, nothing written.

    A CSV with the columns serial and result holds each unit's result; `say` gives words that are
    asked for, NAME=TEXT.
    """
    path = find_run(Workspace(root), run)
    data = RunData.read(path)
    wanted = data.schedule.points.get(point)
    open_points = [p.id for p in data.schedule.points.values() if "attach" in p.labels]
    if wanted is None or "attach" not in wanted.labels:
        there = ", ".join(open_points) or "none"
        raise InputError.one(
            "attach", point, f"nothing is to be attached there; there are: {there}"
        )
    words, problems = _words(say)
    contents: dict[str, bytes] = {}
    units: dict[str, str] = {}
    for file in files:
        try:
            contents[file.name] = file.read_bytes()
        except OSError as error:
            problems.append(Problem(str(file), "", f"can't be read: {error.strerror}"))
            continue
        if file.suffix.lower() == ".csv":
            units |= _results(file.name, contents[file.name], data.serials, problems)
    asked = list(wanted.labels["attach"])
    if any("each unit" in word for word in asked):
        group = [data.serials[n] for n in data.schedule.group(wanted.units)]
        lacking = [serial for serial in group if serial not in units]
        if lacking:
            text = f"no result for {', '.join(lacking[:8])}: give a CSV with serial,result"
            problems.append(Problem("attach", point, text))
    if problems:
        raise InputError(problems)
    simulated = data.run.provenance is Provenance.SIMULATED
    clock = VirtualClock() if simulated else RealClock()
    with RunWriter.reopen(path, clock) as evidence:
        folder = slug(point)
        kept = [evidence.attach(folder, name, content) for name, content in contents.items()]
        evidence.append(
            "attached",
            {"point": point, "asked": asked, "files": kept, "said": words, "units": units},
        )
        evidence.commit()
    typer.echo(f"attached {len(kept)} files to {point}; go on with: sensorbench resume {path.name}")


def _words(say: Sequence[str]) -> tuple[dict[str, str], list[Problem]]:
    words: dict[str, str] = {}
    problems = []
    for text in say:
        name, equals, value = text.partition("=")
        if not equals:
            problems.append(Problem("attach", "--say", f"write NAME=TEXT, not {text!r}"))
        words[name] = value
    return words, problems


def _results(
    name: str, content: bytes, serials: Sequence[str], problems: list[Problem]
) -> dict[str, str]:
    """Return the results of a CSV by serial; what is wrong is added to `problems`."""
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        problems.append(Problem(name, "", f"is no CSV table in UTF-8: {error}"))
        return {}
    if not rows or not {_UNIT, _RESULT} <= set(rows[0]):
        return {}  # another table: kept as it is
    found: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        serial, result = (row[_UNIT] or "").strip(), (row[_RESULT] or "").strip().lower()
        if serial not in serials:
            problems.append(Problem(name, f"line {number}", f"{serial!r} is no unit of this run"))
        elif serial in found:
            problems.append(Problem(name, f"line {number}", f"{serial} is there twice"))
        elif result not in _RESULTS:
            allowed = ", ".join(_RESULTS)
            problems.append(
                Problem(name, f"line {number}", f"result {result!r} is none of {allowed}")
            )
        found[serial] = result
    return found
