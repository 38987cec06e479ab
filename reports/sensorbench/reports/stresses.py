"""Results of a stress: was it given, what became of each parameter, and of each unit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from sensorbench.assessment.readings import RunData
from sensorbench.assessment.results import Result
from sensorbench.assessment.stress import stress_hours
from sensorbench.core.verdict import Verdict
from sensorbench.parts.model import Parameter
from sensorbench.profiles.model import Stress
from sensorbench.reports.grids import MOST_DETAILED, NOT_REACHED, judged, more_units, value_cell
from sensorbench.reports.model import Block, Cell, Column, Table, Text
from sensorbench.reports.plots import series_figure
from sensorbench.reports.runs import Run, verdict_of
from sensorbench.reports.text import (
    as_set,
    clean,
    entries,
    limits,
    number,
    quantity,
    unit_name,
)

_PARAMETERS_A_TABLE = 3


def stress_blocks(run: Run, data: RunData, stress: Stress) -> Iterator[Block]:
    """Tables and plots of one stress."""
    yield _given(run, data, stress)
    results = run.results(stress.name)
    if not results or run.assessment is None:
        yield Text(NOT_REACHED)
        return
    parameters = data.part.parameter
    for parameter in parameters:
        for series in run.assessment.series:
            if series.name == f"{stress.name}_{parameter.name}_drift":
                labels = tuple(f"{name}, {tested_at(data, name)}" for name in series.labels)
                named = replace(series, labels=labels)
                figure = series_figure(named, run.unit_verdicts, run.is_simulated)
                if figure is not None:
                    yield figure
        yield _spread(data, parameter, [r for own in results.values() for r in own])
    for start in range(0, len(parameters), _PARAMETERS_A_TABLE):
        yield _worst(parameters[start : start + _PARAMETERS_A_TABLE], results)
    yield from _details(run, results)


def _given(run: Run, data: RunData, stress: Stress) -> Table:
    """Return the stress given before each readout, against what was asked for."""
    served_h = stress_hours(data, stress)
    seqs = {
        float(event.data["to_h"]): event.seq
        for event in run.events("dwell")
        if event.data["phase"] == stress.name
    }
    rows = []
    for readout_s in stress.readouts:
        hours = readout_s / 3600
        given = served_h.get(hours)
        rows.append(
            (
                Cell(f"{hours:g} h"),
                Cell("not given" if given is None else quantity(given, "h")),
                Cell(f"#{seqs[hours]}" if hours in seqs else ""),
            )
        )
    return Table(
        "Stress really given before each readout: the time at temperature and bias, from the log",
        (
            Column("Asked for", align="right"), Column("Given", align="right"),
            Column("Journal"),
        ),
        tuple(rows),
    )  # fmt: skip


def margin(result: Result) -> float:
    """Return how far inside its limits a result is; negative outside, infinite without limits."""
    low = -math.inf if result.low is None else result.low
    high = math.inf if result.high is None else result.high
    return min(result.value - low, high - result.value)


def _worst(parameters: Sequence[Parameter], results: dict[str, list[Result]]) -> Table:
    """Return one row a unit: of each parameter and its drift the value nearest to a limit."""
    names = [
        name
        for parameter in parameters
        for name in (parameter.name, f"{parameter.name}_drift")
        if any(result.name == name for own in results.values() for result in own)
    ]
    titles = {result.name: result for own in results.values() for result in own}
    rows = []
    for serial, own in results.items():
        cells = []
        for name in names:
            known = [r for r in own if r.name == name and math.isfinite(r.value)]
            cells.append(_where(min(known, key=margin)) if known else Cell("not known"))
        rows.append((Cell(clean(serial)), *cells, judged(verdict_of(own))))
    columns = (
        Column(clean(titles[name].title.replace(", drift against 0 h", ", drift")),
               unit_name(titles[name].unit), "right")
        for name in names
    )  # fmt: skip
    return Table(
        "Worst value of each unit over all readouts, where it came, and its journal entries",
        (Column("Unit"), *columns, Column("Verdict")),
        tuple(rows),
        "Worst is what is nearest to a limit, or farthest outside. Drift rests on the entry named "
        "and on that of 0 h at the same test temperature, which the tables above name.",
    )


def _where(result: Result) -> Cell:
    cell = value_cell(result)
    note = f"{result.hours:g} h {result.condition} #{result.sources[-1]}"
    return Cell(cell.text, f"{cell.note} {note}".strip(), cell.verdict)


def _spread(data: RunData, parameter: Parameter, every: Sequence[Result]) -> Table:
    """Return lowest, mean and highest of the lot at each readout of one parameter."""
    unit = parameter.dimension.canonical
    cells: dict[tuple[str, float], list[Result]] = {}
    drifts: dict[tuple[str, float], list[Result]] = {}
    for result in every:
        if result.condition is None or result.hours is None or not math.isfinite(result.value):
            continue
        key = (result.condition, result.hours)
        if result.name == parameter.name:
            cells.setdefault(key, []).append(result)
        elif result.name == f"{parameter.name}_drift":
            drifts.setdefault(key, []).append(result)
    rows = [
        (
            Cell(f"{clean(condition)}, {tested_at(data, condition)}"),
            Cell(f"{hours:g} h"),
            Cell(str(len(found))),
            *_three([result.value for result in found], unit),
            *_three([result.value for result in drifts.get((condition, hours), ())], unit),
            Cell(entries(seq for result in found for seq in result.sources)),
        )
        for (condition, hours), found in cells.items()
    ]
    allowed = ", ".join(
        f"{condition} {limits(found.low, found.high, unit)}"
        for condition, found in parameter.limits.items()
    )
    drift = parameter.drift_limit
    return Table(
        f"{clean(parameter.title)}: spread over all units that were read. Limits: {allowed}; "
        f"drift against 0 h {'no limit' if drift is None else limits(-drift, drift, unit)}",
        (
            Column("Tested at"),
            Column("After", align="right"),
            Column("Units", align="right"),
            *(Column(title, unit_name(unit), "right") for title in ("Lowest", "Mean", "Highest")),
            *(
                Column(f"{title} drift", unit_name(unit), "right")
                for title in ("Lowest", "Mean", "Highest")
            ),
            Column("Journal"),
        ),
        tuple(rows),
        "Drift rests on its own journal entry and on that of 0 h in the same test temperature.",
    )


def tested_at(data: RunData, condition: str) -> str:
    """Return the temperature of a test condition."""
    return as_set(getattr(data.part.test_temperatures, condition), "degC")


def _three(values: Sequence[float], unit: str) -> tuple[Cell, Cell, Cell]:
    if not values:
        return Cell(""), Cell(""), Cell("")
    lowest, mean, highest = min(values), fmean(values), max(values)
    return Cell(number(lowest, unit)), Cell(number(mean, unit)), Cell(number(highest, unit))


def _details(run: Run, results: dict[str, list[Result]]) -> Iterator[Block]:
    """Tables of all results of units that are not PASS, as far as any is known."""
    units = [
        serial
        for serial, own in results.items()
        if verdict_of(own) is not Verdict.PASS and any(math.isfinite(r.value) for r in own)
    ]
    for serial in units[:MOST_DETAILED]:
        yield _readouts(serial, results[serial])
    if len(units) > MOST_DETAILED:
        yield Text(more_units(run, len(units) - MOST_DETAILED))


def _readouts(serial: str, own: Sequence[Result]) -> Table:
    """Return all results of a unit: a row a parameter and test temperature, a column a readout."""
    hours = sorted({result.hours for result in own if result.hours is not None})
    titles = list(dict.fromkeys(result.title for result in own))
    rows: dict[tuple[str, str], dict[float, Result]] = {}
    for result in own:
        if result.hours is not None:
            key = (result.title, result.condition or "")
            rows.setdefault(key, {})[result.hours] = result
    ordered = sorted(rows.items(), key=lambda row: titles.index(row[0][0]))
    return Table(
        f"All results of {clean(serial)}, with journal entries",
        (
            Column("Parameter"),
            Column("Tested at"),
            *(Column(f"{value:g} h", align="right") for value in hours),
        ),
        tuple(
            (
                Cell(clean(title)),
                Cell(clean(condition)),
                *(_result(found[value]) if value in found else Cell("") for value in hours),
            )
            for (title, condition), found in ordered
        ),
    )


def _result(result: Result) -> Cell:
    verdict = result.verdict if result.verdict in (Verdict.FAIL, Verdict.INVALID) else None
    word = f"{verdict.value} " if verdict else ""
    note = f"{word}{entries(result.sources)}"
    return Cell(quantity(result.value, result.unit), note, verdict)
