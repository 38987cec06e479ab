"""attach: evidence from elsewhere, into a parked run, copied with its digest and put on record."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import typer

from sensorbench.app.commands.common import find_run, print_json, quoted
from sensorbench.app.waiting import waits_for
from sensorbench.assessment.data import RunData
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.documents import text_of
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.provenance import Provenance
from sensorbench.evidence.run import RunWriter
from sensorbench.parts.model import slug
from sensorbench.profiles.schedule import Do
from sensorbench.run.state import REPLAYED, replay
from sensorbench.station.workspace import Workspace

_UNIT, _RESULT = "serial", "result"
_RESULTS = ("pass", "fail", "invalid")


def attach_files(
    root: Path,
    run: str,
    point: str,
    files: Sequence[Path],
    say: Sequence[str],
    measured: str = "",
    clock: Clock | None = None,
    as_json: bool = False,
) -> None:
    """Attach files to a point. Raises InputError with everything that is wrong, nothing written.

    A CSV with the columns serial and result holds each unit's result; `say` gives words that are
    asked for, NAME=TEXT. `measured` is when it was measured, an ISO 8601 time; without a zone it is
    the bench's own.
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
    problems += _not_due(data, point)
    contents: dict[str, bytes] = {}
    units: dict[str, str] = {}
    for file in files:
        if file.name in contents:
            text = "is there twice: each file is kept by its name, give them different ones"
            problems.append(Problem("attach", file.name, text))
            continue
        try:
            contents[file.name] = file.read_bytes()
        except OSError as error:
            problems.append(Problem(str(file), "", f"can't be read: {error.strerror}"))
            continue
        if file.suffix.lower() == ".csv":
            found = _results(file.name, contents[file.name], data.serials, problems)
            for serial in [s for s in found if units.get(s, found[s]) != found[s]]:
                text = f"says {found[serial]} of {serial}, another file says {units[serial]}"
                problems.append(Problem(file.name, "", text))
            units |= found
    asked = list(wanted.labels["attach"])
    if any("each unit" in word for word in asked):
        group = [data.serials[n] for n in data.schedule.group(wanted.units)]
        lacking = [serial for serial in group if serial not in units]
        if lacking:
            text = f"no result for {', '.join(lacking[:8])}: give a CSV with serial,result"
            problems.append(Problem("attach", point, text))
    simulated = data.run.provenance is Provenance.SIMULATED
    if clock is None:
        # Simulated work has a calendar of its own: it goes on where it was parked.
        parked = datetime.fromisoformat(data.run.journal.events[-1].time)
        clock = VirtualClock(parked) if simulated else RealClock()
    when = _moment(measured, data, clock.utc(), problems)
    if problems:
        raise InputError(problems)
    with RunWriter.reopen(path, clock) as evidence:
        folder = slug(point)
        kept = [evidence.attach(folder, name, content) for name, content in contents.items()]
        evidence.append(
            "attached",
            {
                "point": point,
                "asked": asked,
                "files": kept,
                "said": words,
                "units": units,
                **({"measured": when} if when else {}),
            },
        )
        evidence.commit()
    if as_json:
        print_json({"run": path.name, "point": point, "files": kept, "units": units})
        return
    count = "1 file" if len(kept) == 1 else f"{len(kept)} files"
    typer.echo(f"attached {count} to {point}; go on with: sensorbench resume {quoted(path.name)}")


def _moment(text: str, data: RunData, now: datetime, problems: list[Problem]) -> str:
    """Return a time in UTC as ISO 8601; "" where none is said, or it can't be."""
    if not text:
        return ""
    offset = timedelta(seconds=float(data.run.manifest.get("utc_offset_s", 0.0)))
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        problems.append(
            Problem(
                "attach",
                "--measured",
                f"{text!r} is no time: write date and time in figures, such as "
                f"{now.astimezone(timezone(offset)):%Y-%m-%dT%H:%M}, or leave it out for now",
            )
        )
        return ""
    moment = found if found.tzinfo else found.replace(tzinfo=timezone(offset))
    began = datetime.fromisoformat(str(data.run.manifest["started"]))
    if not began <= moment <= now:
        problems.append(
            Problem(
                "attach", "--measured",
                f"{text} is not between the run's start, {began.isoformat()}, and now, "
                f"{now.isoformat(timespec='seconds')}",
            )
        )  # fmt: skip
        return ""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _not_due(data: RunData, point: str) -> list[Problem]:
    """Return why a point can't be filled now: nobody can have found what is still to come."""
    waits = waits_for(data.events("run_ended", "resumed"))
    if waits is None:
        return [Problem("attach", data.run.run_id, "is not parked: it waits for nothing")]
    comes_next = replay(data.schedule, data.events(*REPLAYED)).next
    for number, step in enumerate(data.schedule.steps):
        action = step.action
        own = isinstance(action, Do) and action.arguments.get("point") == point
        if own and number > comes_next:
            there = waits.get("point", "")
            wanted = f"the run waits for {there}" if there else "the run has not come to it yet"
            return [Problem("attach", point, f"is not due: {wanted}, this is done later")]
    return []


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
        reader = csv.DictReader(io.StringIO(text_of(content, name), newline=""))
        rows = [(reader.line_num, row) for row in reader]
    except InputError as error:
        problems += error.problems
        return {}
    except csv.Error as error:
        problems.append(Problem(name, "", f"is no CSV table: {error}"))
        return {}
    if not rows or not {_UNIT, _RESULT} <= set(rows[0][1]):
        return {}  # another table: kept as it is
    found: dict[str, str] = {}
    for number, row in rows:
        serial, result = (row[_UNIT] or "").strip(), (row[_RESULT] or "").strip().lower()
        if serial not in serials:
            problems.append(Problem(name, f"line {number}", f"{serial!r} is no unit of this run"))
        elif serial in found:
            problems.append(Problem(name, f"line {number}", f"{serial} is there twice"))
        if result not in _RESULTS:
            allowed = ", ".join(_RESULTS)
            problems.append(
                Problem(name, f"line {number}", f"result {result!r} is none of {allowed}")
            )
        found[serial] = result
    return found
