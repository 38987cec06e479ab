"""Places of the bench: what acts there, who is believed, how well, and the bench's limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.profiles.schedule import Schedule
from sensorbench.reports.model import Block, Cell, Column, Table
from sensorbench.reports.names import Names
from sensorbench.reports.reasons import limits_text
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, unit_name
from sensorbench.reports.words import Words


def benches(schedule: Schedule) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Return zone, address and what is bound there, for every place of the run."""
    for zone, told in schedule.zones.items():
        for where, bench in told.get("benches", {}).items():
            yield zone, where, bench


def places_table(run: Run, schedule: Schedule, words: Words) -> Iterator[Block]:
    """Return a table of every place: what sets it, the reference with its calibration, meters."""
    names = run.names(words)
    rows = []
    for zone, where, bench in benches(schedule):
        reference = bench.get("reference")
        believed = words.text("places.believes_set") if bench.get("believes_set") else ""
        meters = [clean(m) for m in bench.get("meters", ()) if m != reference]
        rows.append(
            (
                Cell(names.address(where, zone)),
                _acts(where, bench, names),
                Cell(clean(reference or words.text("places.no_reference")), believed),
                Cell(clean(bench.get("certificate") or ""), _due(bench, words)),
                Cell(uncertainty(bench, where, names)),
                Cell(words.listed(meters), _seen_by_one(bench, words)),
                Cell(bench_limits(bench, where, names)),
            )
        )
    if rows:
        columns = ("place", "acts", "reference", "certificate", "uncertainty", "meters", "bench")
        yield Table(
            words.text("places.caption"),
            tuple(Column(words.text(f"column.{name}"), grow=name == "place") for name in columns),
            tuple(rows),
            words.text("places.note"),
        )


def protections_table(run: Run, schedule: Schedule, words: Words) -> Iterator[Block]:
    """Return a table of what makes each setpoint harmless without the program, if any can harm."""
    names = run.names(words)
    rows = []
    for zone, told in schedule.zones.items():
        for where, guards in told.get("protections", {}).items():
            place = names.address(where, zone)
            if not guards:
                rows.append((Cell(place), Cell(words.text("protections.none")), Cell(""), Cell("")))
            rows += [
                (
                    Cell(place if number == 0 else ""),
                    Cell(clean(guard["what"]), clean(guard["name"])),
                    Cell(clean(guard.get("tested") or words.text("protections.never"))),
                    Cell(clean(guard.get("due") or "")),
                )
                for number, guard in enumerate(guards)
            ]
    if rows:
        columns = ("place", "protection", "tested", "test_due")
        yield Table(
            words.text("protections.caption"),
            tuple(
                Column(words.text(f"column.{name}"), grow=name == "protection") for name in columns
            ),
            tuple(rows),
            words.text(f"protections.{'attended' if schedule.attended else 'note'}"),
        )


def _acts(where: str, bench: Mapping[str, Any], names: Names) -> Cell:
    if bench.get("set"):
        return Cell(clean(bench["set"]))
    if bench.get("fixed") is not None:
        return Cell(names.words.text("places.fixed", value=names.value(where, bench["fixed"])))
    return Cell(names.words.text("places.watched"))


def _seen_by_one(bench: Mapping[str, Any], words: Words) -> str:
    """Return that what acts is all that tells what it does, where it is so."""
    acts = str(bench.get("set") or "").partition(".")[0]
    others = [m for m in bench.get("meters", ()) if str(m).partition(".")[0] != acts]
    return words.text("places.one_meter") if acts and not others else ""


def _due(bench: Mapping[str, Any], words: Words) -> str:
    return words.text("equipment.due", due=clean(bench["due"])) if bench.get("due") else ""


def uncertainty(bench: Mapping[str, Any], where: str, names: Names) -> str:
    """Return the expanded uncertainty of a place's reference, as it is stated."""
    if isinstance(bench.get("uncertainty"), int | float):
        shown = names.difference(where, float(bench["uncertainty"]))
        told = bench.get("specification")
        by = {"value": shown, "specification": clean(str(told))}
        return names.words.text("places.by_specification", **by) if told else shown
    number, _, unit = clean(bench.get("stated") or "").partition(" ")
    return f"{number} {unit_name(unit)}".rstrip()


def bench_limits(bench: Mapping[str, Any], where: str, names: Names) -> str:
    """Return the limits that hold whatever a profile asks."""
    low, high = bench.get("low"), bench.get("high")
    return limits_text(names, low, high, names.unit(where), names.shown(where))
