"""What measured, and what was measured: instruments with their calibration, units, sockets."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import date, tzinfo
from typing import Any

from sensorbench.evidence.journal import Event
from sensorbench.reports.model import Block, Cell, Column, Section, Table
from sensorbench.reports.places import benches, uncertainty
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, entries, serials
from sensorbench.reports.words import Words

_MOST_UNITS = 120
_ONE_LANE = 12
_LANES = 3


def equipment(
    runs: Sequence[Run], words: Words, anchor: str, zone: tzinfo | None = None
) -> Section:
    """Return the instruments of all runs, each once, and where the units were.

    Whether a calibration was valid is said for the last day of use, on the calendar of `zone`.
    """
    blocks: list[Block] = [_instruments(runs, words, zone)]
    blocks += [table for run in runs for table in _units(run, words)]
    return Section(anchor, words.text("equipment.title"), tuple(blocks))


def _same(runs: Sequence[Run]) -> list[tuple[Mapping[str, Any], list[tuple[Run, Event]]]]:
    """Return instruments that say the same of themselves, each with the entries that do."""
    found: dict[str, list[tuple[Run, Event]]] = {}
    for run in runs:
        for event in run.events("instrument"):
            found.setdefault(json.dumps(event.data, sort_keys=True), []).append((run, event))
    return [(places[0][1].data, places) for places in found.values()]


def _places(places: Sequence[tuple[Run, Event]], several: bool, words: Words) -> Cell:
    """Return where in the journals something is, and of which run where there are several."""
    runs: dict[int, list[int]] = {}
    for run, event in places:
        runs.setdefault(event.seq, []).append(run.number)
    if not several:
        return Cell(entries(runs))
    told = [
        words.text("equipment.in_runs", entry=f"#{seq}", runs=words.listed([*map(str, numbers)]))
        for seq, numbers in runs.items()
    ]
    return Cell(words.sentence(told))


def _instruments(runs: Sequence[Run], words: Words, zone: tzinfo | None) -> Table:
    rows = []
    for data, places in _same(runs):
        identity = data.get("identity") or {}
        name = f"{identity.get('manufacturer', '')} {identity.get('model', '')}".strip()
        firmware = clean(identity.get("firmware", ""))
        provenance = words.name("provenance", str(data.get("provenance", "")))
        due = data.get("calibration_due")
        last_day = max(run.last_day(zone) for run, _ in places)
        used = _used_for(str(data["name"]), [run for run, _ in places], words)
        rows.append(
            (
                Cell(clean(data["name"]), clean(data.get("model", ""))),
                Cell(clean(name), words.text("equipment.firmware", text=firmware)
                     if firmware else ""),
                Cell(clean(data.get("serial") or words.text("none")), provenance),
                Cell(clean(data.get("certificate") or words.text("none")),
                     words.text("equipment.due", due=clean(due)) if due else ""),
                _validity(data, bool(used), last_day, words),
                Cell(words.sentence([text for text, _ in used]) or words.text("equipment.no_use"),
                     words.sentence([u for _, u in used if u])),
                _places(places, len(runs) > 1, words),
            )
        )  # fmt: skip
    columns = (
        Column(words.text("column.instrument")), Column(words.text("column.model"), grow=True),
        Column(words.text("column.serial")), Column(words.text("column.certificate")),
        Column(words.text("column.validity")), Column(words.text("column.reference_for")),
        Column(words.text("column.journal")),
    )  # fmt: skip
    caption = words.text("equipment.caption")
    note, twins = words.text("equipment.note") if rows else "", _twins(runs, words)
    if note and twins:
        note = words.text("equipment.note_and_twins", note=note, twins=twins)
    return Table(caption, columns, tuple(rows), note or twins)


def _twins(runs: Sequence[Run], words: Words) -> str:
    """Return who else than their makers proved the twins that stood for devices, "" of none."""
    by_twin: dict[str, list[str]] = {}
    for run in runs:
        for event in run.events("twins"):
            by_twin |= {str(k): [*map(str, v)] for k, v in event.data["proved_by"].items()}
    told = [
        words.text("equipment.proved", twin=clean(twin), who=words.listed([*map(clean, who)]))
        for twin, who in by_twin.items()
        if who
    ]
    alone = words.listed([clean(twin) for twin, who in by_twin.items() if not who])
    told += [words.text("equipment.not_proved", twins=alone)] if alone else []
    return words.text("equipment.twins", told=words.sentence(told)) if told else ""


def _used_for(instrument: str, runs: Sequence[Run], words: Words) -> list[tuple[str, str]]:
    """Return where an instrument is the reference, with its stated uncertainty there."""
    found: dict[tuple[str, str], None] = {}
    for run in runs:
        names = run.names(words)
        for zone, where, bench in benches(run.schedule) if run.schedule else ():
            if str(bench.get("reference") or "").partition(".")[0] == instrument:
                stated = uncertainty(bench, where, names)
                told = words.text("equipment.uncertainty", value=stated) if stated else ""
                found[names.address(where, zone), told] = None
    return list(found)


def _validity(data: Mapping[str, Any], is_reference: bool, last_day: date, words: Words) -> Cell:
    due = data.get("calibration_due")
    if not due:
        key = "reference_not_calibrated" if is_reference else "not_calibrated"
        return Cell(words.text(f"equipment.{key}"))
    expired = date.fromisoformat(str(due)) < last_day
    return Cell(words.text(f"equipment.{'expired' if expired else 'valid'}"), str(last_day))


def _units(run: Run, words: Words) -> list[Table]:
    """Return a table a lot: where each unit was loaded, and what the part itself said.

    Who was never loaded or never answered comes first. Many units stand side by side; of very many
    those that were loaded together are one row, and the entry names the socket of each.
    """
    sockets: dict[str, list[str]] = {}
    seqs: dict[str, int] = {}
    for event in run.events("fact"):
        if event.data.get("verb") == "load":
            for serial, socket in dict(event.data["fact"].get("sockets", {})).items():
                known = sockets.setdefault(serial, [])
                if socket not in known:
                    known.append(socket)
                seqs.setdefault(serial, event.seq)
    identified = {str(e.data.get("serial")): e for e in run.events("unit")}
    absent = run.data.absent if run.data else {}
    tables = []
    for (part, lot), units in run.lots.items():
        own = sorted(units, key=lambda serial: serial in sockets and serial not in absent)
        names = ("unit", "socket", "identified", "journal")
        columns = tuple(Column(words.text(f"column.{name}")) for name in names)
        subject = words.text("part_and_lot", part=clean(part), lot=clean(lot))
        caption = words.text("equipment.units", n=run.number, subject=subject)
        if len(own) > _MOST_UNITS:
            rows = _together(own, sockets, seqs, absent, run, words)
            tables.append(Table(caption, columns, rows))
            continue
        models = {_model(identified[serial]) for serial in own if serial in identified}
        doubted = any((e.data.get("identity") or {}).get("or_models") for e in identified.values())
        same = models.pop() if len(models) == 1 and len(own) > 1 and not doubted else ""
        rows = tuple(
            (
                Cell(clean(serial)),
                Cell(words.listed([clean(s) for s in sockets.get(serial, ())])),
                Cell(_said(serial, identified.get(serial), same, words)
                     or words.text(f"equipment.{_how(serial, sockets, absent)}")),
                Cell(entries([seqs[serial]] if serial in seqs else ())),
            )
            for serial in own
        )  # fmt: skip
        note = words.text("equipment.all_said", what=same) if same else ""
        tables.append(_in_lanes(Table(caption, columns, rows, note)))
    return tables


def _together(
    own: Sequence[str],
    sockets: Mapping[str, Sequence[str]],
    seqs: Mapping[str, int],
    absent: Container[str],
    run: Run,
    words: Words,
) -> tuple[tuple[Cell, ...], ...]:
    """Return a row for units that were loaded at the same entry and answered alike."""
    groups: dict[tuple[str, int], list[str]] = {}
    for serial in own:
        key = _how(serial, sockets, absent), seqs.get(serial, -1)
        groups.setdefault(key, []).append(serial)
    rows = []
    for (how, seq), alike in groups.items():
        used = list(dict.fromkeys(clean(s) for serial in alike for s in sockets.get(serial, ())))
        span = words.text("range", low=used[0], high=used[-1]) if len(used) > 2 else (
            words.listed(used)
        )  # fmt: skip
        rows.append(
            (
                Cell(serials(alike, run.serials, words), words.text("count.unit", n=len(alike))),
                Cell(span),
                Cell(words.text(f"equipment.{how}")),
                Cell(entries([seq] if seq >= 0 else ())),
            )
        )
    return tuple(rows)


def _in_lanes(table: Table) -> Table:
    """Return a long table of few columns with its rows side by side, to be read downwards."""
    if len(table.rows) <= _ONE_LANE:
        return table
    length = -(-len(table.rows) // _LANES)
    empty = tuple(Cell("") for _ in table.columns)
    lanes = [table.rows[k * length : (k + 1) * length] for k in range(_LANES)]
    rows = tuple(
        tuple(cell for lane in lanes for cell in (lane[k] if k < len(lane) else empty))
        for k in range(length)
    )
    return replace(table, columns=table.columns * _LANES, rows=rows)


def _how(serial: str, loaded: Container[str], absent: Container[str]) -> str:
    if serial not in loaded:
        return "never_loaded"
    return "absent" if serial in absent else "answered"


def _model(event: Event) -> str:
    """Return what model a part said it is, "" where that is not on record."""
    identity = event.data.get("identity") or {}
    return clean(f"{identity.get('manufacturer', '')} {identity.get('model', '')}").strip()


def _said(serial: str, event: Event | None, same: str, words: Words) -> str:
    """Return what the part said of itself, "" where it is not on record.

    `same` is the model that all of the table said: the table's note has it.
    """
    identity = (event.data.get("identity") if event else None) or {}
    if event is None or not identity:
        return ""
    model = _model(event)
    told = [model] if model != same else []
    if identity.get("serial"):
        found = str(identity["serial"])
        key = "same_serial" if found == serial else "said_serial"
        told.append(words.text(f"equipment.{key}", serial=clean(found)))
    if identity.get("or_models"):
        models = words.listed([clean(model) for model in identity["or_models"]])
        told.append(words.text("equipment.said_or", models=models))
    return words.listed([text for text in told if text])
