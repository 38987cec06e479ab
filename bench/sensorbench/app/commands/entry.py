"""show --entry: one entry of a run's journal, with its raw readings as a table or CSV.

Samples hold units and meters by number; people are shown who they are.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import find_run, print_json, print_table
from sensorbench.assessment.data import SCHEDULE
from sensorbench.core.errors import EvidenceError, InputError
from sensorbench.core.provenance import Provenance
from sensorbench.evidence.journal import Event
from sensorbench.evidence.run import Column, RunReader
from sensorbench.station.workspace import Workspace

_FRAMES = "frames"
Names = Mapping[str, Sequence[str]]
"""What the numbers in a column stand for, by the column's name."""


def show_entry(root: Path, name: str, number: int, as_csv: bool, as_json: bool) -> None:
    """Print an entry by the number that reports name (#749), with what it has in samples.

    Raises InputError for an entry that is not there, EvidenceError for samples that are damaged.
    """
    run = RunReader(find_run(Workspace(root), name))
    event = _find(run, number)
    readings = {
        stream: (run.columns(stream), run.values(event, stream).tolist())
        for stream in run.streams_of(event)
    }
    simulated = run.provenance is Provenance.SIMULATED
    names = _names(run, event)
    if as_json:
        told = {
            stream: {
                "columns": [{"name": c.name, "unit": c.unit} for c in columns],
                "rows": [[None if math.isnan(v) else v for v in row] for row in rows],
            }
            for stream, (columns, rows) in readings.items()
        }
        provenance = run.provenance.value
        head = {**_plain(event), "provenance": provenance, "names": names}
        print_json({**head, "readings": told})
        return
    if simulated:
        typer.echo("SIMULATED - NOT A MEASUREMENT", err=as_csv)
    if as_csv:
        if not readings:
            text = f"has no readings, it is of the kind {event.kind}; readouts and log rows have"
            raise InputError.one("show", f"--entry {number}", text)
        typer.echo("\n".join(_csv(*found, names) for found in readings.values()), nl=False)
        return
    typer.echo(f"entry #{event.seq}: {event.kind}, {event.t:.3f} s after the start, {event.time}")
    for key, value in event.data.items():
        if key != _FRAMES:
            typer.echo(f"  {key}: {_words(value)}")
    for stream, (columns, rows) in readings.items():
        typer.echo(f"{stream}: {len(rows)} {'row' if len(rows) == 1 else 'rows'}")
        print_table(_heads(columns, names), _cells(columns, rows, names, _shown))


def _find(run: RunReader, number: int) -> Event:
    event = run.journal.log.numbered(number)
    if event is not None:
        return event
    events = run.journal.events
    there = f"entries are 0 to {events[-1].seq}" if events else "the journal is empty"
    raise InputError.one("show", f"--entry {number}", f"is not there: {there}")


def _plain(event: Event) -> dict[str, Any]:
    data = {key: value for key, value in event.data.items() if key != _FRAMES}
    return {"seq": event.seq, "t": event.t, "time": event.time, "kind": event.kind, "data": data}


def _names(run: RunReader, event: Event) -> Names:
    """Return who the numbers of an entry are: units by serial, meters by name and unit.

    A program that goes on with a run tells its own meters: those before the entry count. What the
    evidence does not tell stays a number.
    """
    told = [e for e in run.events("meters") if e.seq < event.seq]
    try:
        units = [str(u["serial"]) for u in json.loads(run.input_text(SCHEDULE))["units"]]
        meters = [f"{m['name']} ({m['unit']})" for m in told[-1].data["meters"]] if told else []
    except (EvidenceError, ValueError, LookupError, TypeError):
        return {}
    return {"unit": units, "meter": meters}


def _csv(columns: tuple[Column, ...], rows: list[list[float]], names: Names) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_heads(columns, names))
    writer.writerows(_cells(columns, rows, names, _number))
    return text.getvalue()


def _heads(columns: Sequence[Column], names: Names) -> list[str]:
    return [c.name if not c.unit or names.get(c.name) else f"{c.name} ({c.unit})" for c in columns]


def _cells(
    columns: Sequence[Column],
    rows: Sequence[Sequence[float]],
    names: Names,
    show: Callable[[float], str],
) -> list[list[str]]:
    who = [names.get(column.name, ()) for column in columns]
    return [
        [_named(value, known) or show(value) for value, known in zip(row, who, strict=True)]
        for row in rows
    ]


def _named(value: float, names: Sequence[str]) -> str:
    return names[int(value)] if value.is_integer() and 0 <= value < len(names) else ""


def _number(value: float) -> str:
    """Return a value with all its digits; "" where it is not known."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _shown(value: float) -> str:
    """Return a value to be read: without what binary numbers add in the sixteenth digit."""
    return _number(value) if math.isnan(value) or value.is_integer() else f"{value:.12g}"


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(item)}".strip() for key, item in value.items()) or "-"
    if isinstance(value, list):
        apart = "; " if any(isinstance(item, dict | list) for item in value) else ", "
        return apart.join(map(_words, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _shown(value) or "-"
    return "-" if value is None or value == "" else str(value)
