"""What measured, and what was measured: instruments with their calibration, units as identified."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sensorbench.evidence.journal import Event
from sensorbench.reports.model import Cell, Column, Section, Table
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean


def equipment(runs: Sequence[Run]) -> Section:
    """Return the instruments of all runs, each once, and the units as they were identified."""
    return Section("equipment", "Equipment and units", (_instruments(runs), *_units(runs)))


def _same(
    runs: Sequence[Run], kind: str
) -> list[tuple[Mapping[str, Any], list[tuple[Run, Event]]]]:
    """Return entries of that kind which say the same, each with the runs that have it."""
    found: dict[str, list[tuple[Run, Event]]] = {}
    for run in runs:
        for event in run.events(kind):
            key = json.dumps([run.subject if kind == "unit" else "", event.data], sort_keys=True)
            found.setdefault(key, []).append((run, event))
    return [(places[0][1].data, places) for places in found.values()]


def _places(places: Sequence[tuple[Run, Event]]) -> Cell:
    """Return where in the journals something is, and of which runs."""
    runs: dict[int, list[int]] = {}
    for run, event in places:
        runs.setdefault(event.seq, []).append(run.number)
    return Cell(
        "; ".join(
            f"#{seq} in run{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
            for seq, numbers in runs.items()
        )
    )


def _identity(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return maker and model, and the firmware, as the device said."""
    identity = data.get("identity") or {}
    name = f"{identity.get('manufacturer', '')} {identity.get('model', '')}".strip()
    firmware = identity.get("firmware", "")
    return clean(name), f"firmware {clean(firmware)}" if firmware else ""


def _instruments(runs: Sequence[Run]) -> Table:
    rows = []
    for data, places in _same(runs, "instrument"):
        name, firmware = _identity(data)
        due = data["calibration_due"]
        rows.append(
            (
                Cell(clean(data["name"]), clean(data["role"]).replace("_", " ")),
                Cell(name, firmware),
                Cell(clean(data["serial"] or "none"), clean(data["provenance"])),
                Cell(clean(data["certificate"] or "none"), clean(f"due {due}" if due else "")),
                _validity(data, max(run.last_day for run, _ in places)),
                _places(places),
            )
        )
    columns = (
        Column("Instrument"), Column("Model", grow=True), Column("Serial, provenance"),
        Column("Calibration"), Column("On the last day of use"), Column("Journal", grow=True),
    )  # fmt: skip
    return Table(
        "Instruments: serial as the device says, or where it can't, the station file",
        columns,
        tuple(rows),
        "Values of the units are compared with instruments marked as reference.",
    )


def _validity(data: Mapping[str, Any], last_day: date) -> Cell:
    role = "reference" if data["is_reference"] else "not a reference"
    if not data["calibration_due"]:
        return Cell("NOT CALIBRATED" if data["is_reference"] else "not calibrated", role)
    if date.fromisoformat(data["calibration_due"]) < last_day:
        return Cell("EXPIRED", f"{role}, {last_day}")
    return Cell("valid", f"{role}, {last_day}")


def _units(runs: Sequence[Run]) -> tuple[Table, ...]:
    """Return a table a lot: serial, socket and what the part itself said."""
    tables: dict[str, list[tuple[Cell, ...]]] = {}
    for data, places in _same(runs, "unit"):
        name, firmware = _identity(data)
        own = (data.get("identity") or {}).get("serial", "")
        said = f"serial {clean(own)} read" if own else "no serial in the part"
        identified = Cell(", ".join(filter(None, (name, firmware, said))))
        if data.get("problem"):
            identified = Cell(clean(data["problem"]))
        tables.setdefault(places[0][0].subject, []).append(
            (Cell(clean(data["serial"])), Cell(clean(data["socket"])), identified, _places(places))
        )
    columns = (Column("Unit"), Column("Socket"), Column("What the part said"), Column("Journal"))
    return tuple(
        Table(f"Units of {subject}, as identified on the bench", columns, tuple(rows))
        for subject, rows in tables.items()
    )
