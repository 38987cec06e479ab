"""show --entry: one entry of a run's journal, with its raw readings as a table or CSV."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import typer

from sensorbench.app.commands.common import find_run, print_json, print_table
from sensorbench.core.errors import InputError
from sensorbench.core.provenance import Provenance
from sensorbench.evidence.journal import Event
from sensorbench.evidence.run import Column, RunReader
from sensorbench.station.workspace import Workspace

_FRAMES = "frames"


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
    if as_json:
        print_json({**_plain(event), "provenance": run.provenance.value, "readings": {
            stream: {
                "columns": [{"name": c.name, "unit": c.unit} for c in columns],
                "rows": [[None if math.isnan(v) else v for v in row] for row in rows],
            }
            for stream, (columns, rows) in readings.items()
        }})  # fmt: skip
        return
    if simulated:
        typer.echo("SIMULATED - NOT A MEASUREMENT", err=as_csv)
    if as_csv:
        if not readings:
            text = f"has no readings, it is of the kind {event.kind}; readouts and log rows have"
            raise InputError.one("show", f"--entry {number}", text)
        typer.echo("\n".join(_csv(*found) for found in readings.values()), nl=False)
        return
    typer.echo(f"entry #{event.seq}: {event.kind}, {event.t:.3f} s after the start, {event.time}")
    for key, value in event.data.items():
        if key != _FRAMES:
            typer.echo(f"  {key}: {_words(value)}")
    for stream, (columns, rows) in readings.items():
        typer.echo(f"{stream}: {len(rows)} {'row' if len(rows) == 1 else 'rows'}")
        print_table([_head(c) for c in columns], [[_shown(v) for v in row] for row in rows])


def _find(run: RunReader, number: int) -> Event:
    events = run.journal.events
    for event in events:
        if event.seq == number:
            return event
    there = f"entries are 0 to {events[-1].seq}" if events else "the journal is empty"
    raise InputError.one("show", f"--entry {number}", f"is not there: {there}")


def _plain(event: Event) -> dict[str, Any]:
    data = {key: value for key, value in event.data.items() if key != _FRAMES}
    return {"seq": event.seq, "t": event.t, "time": event.time, "kind": event.kind, "data": data}


def _csv(columns: tuple[Column, ...], rows: list[list[float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_head(column) for column in columns])
    writer.writerows([_number(value) for value in row] for row in rows)
    return text.getvalue()


def _head(column: Column) -> str:
    return f"{column.name} ({column.unit})" if column.unit else column.name


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
