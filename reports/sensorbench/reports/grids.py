"""Results of a calibration: coefficients, and the errors at the points of verification."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sensorbench.assessment.calibration import UNITS, errors
from sensorbench.assessment.readings import Readout, RunData
from sensorbench.assessment.results import Result
from sensorbench.core.units import Dimension, convert
from sensorbench.core.verdict import Verdict
from sensorbench.profiles.model import Calibrate, Grid
from sensorbench.reports.model import Block, Cell, Column, Facts, Table, Text
from sensorbench.reports.plots import series_figure
from sensorbench.reports.runs import Run, verdict_of
from sensorbench.reports.text import (
    as_set,
    clean,
    entries,
    kilopascals,
    limits,
    number,
    plural,
    quantity,
    unit_name,
)

MOST_DETAILED = 8
"""So many units of a run that are not PASS get a table of all their readings."""
NOT_REACHED = "No results: the run did not come that far."


def calibration_blocks(run: Run, phase: Calibrate) -> Iterator[Block]:
    """Say what was written to the units and read back."""
    found = [result for own in run.results(phase.fit, "coefficients").values() for result in own]
    if not found:
        yield Text("No coefficients were written: the run did not come that far.")
        return
    same = [result for result in found if result.verdict is Verdict.PASS]
    words = sorted({round(result.value) for result in same})
    yield Facts(
        (
            ("Written, and read back equal", Cell(f"{len(same)} of {plural(len(found), 'unit')}")),
            ("Coefficients of each unit", Cell(" or ".join(map(str, words)) or "none")),
            ("Fitted to", Cell(clean(found[0].at))),
            *_conditions(run, phase),
            ("Journal", Cell(entries(seq for result in found for seq in result.sources))),
        )
    )
    if others := [result for result in found if result.verdict is not Verdict.PASS]:
        yield Table(
            "Units whose coefficients were not written and read back",
            (Column("Unit"), Column("Why", grow=True), Column("Verdict")),
            tuple(
                (Cell(clean(r.serial)), Cell(clean(r.reason)), judged(r.verdict)) for r in others
            ),
        )


def _conditions(run: Run, phase: Calibrate) -> Iterator[tuple[str, Cell]]:
    for event in run.events("calibration"):
        if event.data["fit"] != phase.fit:
            continue
        for name, condition in event.data.get("condition", {}).items():
            if known := [value for value in condition if value is not None]:
                text = f"{max(known):.1f}, the largest of all units (1 is ideal)"
                yield f"Condition number of the {clean(name)} fit", Cell(text)


def grid_blocks(run: Run, data: RunData, grid: Grid) -> Iterator[Block]:
    """Tables and plots of a verification grid."""
    results = run.results(grid.name, "total_error_band", "hysteresis")
    if not results or run.assessment is None:
        yield Text(NOT_REACHED)
        return
    readouts = data.of_phase(grid.name)
    for series in run.assessment.series:
        if series.name == f"{grid.name}_pressure":
            labels = tuple(as_set(readout.asked["temperature_c"], "degC") for readout in readouts)
            named = replace(series, labels=labels)
            figure = series_figure(named, run.unit_verdicts, run.is_simulated)
            if figure is not None:
                yield figure
    yield _statistics(readouts)
    yield _table(data, readouts, results)
    yield from _details(run, data, readouts, results)


def _table(
    data: RunData, readouts: Sequence[Readout], results: Mapping[str, Sequence[Result]]
) -> Table:
    """Return one row a unit: total error band, hysteresis, verdict."""
    span = data.part.part.pressure
    places = {readout.seq: readout for readout in readouts}
    kinds = next(iter(results.values()))
    columns = [Column("Unit")]
    for kind in kinds:
        columns.append(Column(clean(kind.title), unit_name(kind.unit), "right"))
        if kind.name == "total_error_band":
            columns += [
                Column("Of full scale", "%", "right"), Column("Worst at"),
                Column("Journal"),
            ]  # fmt: skip
    rows = []
    for serial, found in results.items():
        row = [Cell(clean(serial))]
        for result in found:
            row.append(value_cell(result))
            if result.name == "total_error_band":
                share = result.value / (span.high - span.low) if span else math.nan
                known = math.isfinite(share)
                row += [
                    Cell(f"{convert(share, Dimension.RATIO, '%'):.3f}" if known else ""),
                    Cell(_point(places[result.sources[0]]) if known else ""),
                    Cell(entries(result.sources) if known else ""),
                ]
        rows.append((*row, judged(verdict_of(found))))
    asked = [
        f"{clean(kind.title)}: {limits(kind.low, kind.high, kind.unit)}, {kind.rule}"
        if kind.rule
        else f"{clean(kind.title)}: no limit"
        for kind in kinds
    ]
    note = " ".join(
        f"{clean(kind.title)} of every unit: journal {every}."
        for kind in kinds
        if len(kind.sources) > 1 and (every := ", ".join(f"#{seq}" for seq in kind.sources))
    )
    caption = f"Result of each unit. {'; '.join(asked)}"
    return Table(caption, (*columns, Column("Verdict")), tuple(rows), note)


def _point(readout: Readout) -> str:
    asked = readout.asked
    where = f"{kilopascals(asked['pressure_pa'])}, {as_set(asked['temperature_c'], 'degC')}"
    return f"{where}, {asked['direction']}" if asked["direction"] else where


def value_cell(result: Result) -> Cell:
    """Return a result's value; one that failed says so."""
    failed = result.verdict is Verdict.FAIL
    text = number(result.value, result.unit)
    return Cell(text, "FAIL", Verdict.FAIL) if failed else Cell(text)


def judged(verdict: Verdict | None) -> Cell:
    """Return a verdict as a cell."""
    return Cell(verdict.value, verdict=verdict) if verdict else Cell("not judged")


def _statistics(readouts: Sequence[Readout]) -> Table:
    """Return the spread of the lot's errors at each temperature of the grid."""
    rows = []
    for name, unit in UNITS.items():
        every = errors(list(readouts), name)
        for asked_c in dict.fromkeys(readout.asked["temperature_c"] for readout in readouts):
            here = [i for i, r in enumerate(readouts) if r.asked["temperature_c"] == asked_c]
            found = every[:, here]
            known = found[np.isfinite(found)]
            if not len(known):
                continue
            spread = (float(known.min()), float(known.mean()), float(known.max()))
            rows.append(
                (
                    Cell(f"{name.capitalize()} error"),
                    Cell(as_set(asked_c, "degC")),
                    Cell(str(int(np.isfinite(found).any(axis=1).sum()))),
                    *(Cell(quantity(value, unit)) for value in spread),
                    Cell(entries(readouts[i].seq for i in here)),
                )
            )
    numbers = ("At", "Units", "Lowest", "Mean", "Highest")
    return Table(
        "Spread over all units that were read, at all pressures, up and down",
        (
            Column("Quantity"),
            *(Column(title, align="right") for title in numbers),
            Column("Journal"),
        ),
        tuple(rows),
    )


def _details(
    run: Run, data: RunData, readouts: Sequence[Readout], results: Mapping[str, Sequence[Result]]
) -> Iterator[Block]:
    """Tables of all readings of units that are not PASS, as far as there are any."""
    every = errors(list(readouts), "pressure")
    units = [
        number
        for number, serial in enumerate(data.serials)
        if verdict_of(results.get(serial, ())) is not Verdict.PASS
        and np.isfinite(every[number]).any()
    ]
    for number_ in units[:MOST_DETAILED]:
        yield _readings(data.serials[number_], readouts, every[number_])
    if len(units) > MOST_DETAILED:
        yield Text(more_units(run, len(units) - MOST_DETAILED))


def more_units(run: Run, count: int) -> str:
    """Say where the readings of units are that no table here has."""
    return (
        f"The readings of {plural(count, 'more unit')} that are not PASS are in "
        f"{run.run_id}/derived/results.json."
    )


def _readings(
    serial: str, readouts: Sequence[Readout], found: np.typing.NDArray[np.float64]
) -> Table:
    """Return one unit's pressure errors: a row a pressure and direction, a column a temperature."""
    asked_c = list(dict.fromkeys(readout.asked["temperature_c"] for readout in readouts))
    rows: dict[tuple[float, str], dict[float, Cell]] = {}
    for readout, error in zip(readouts, found, strict=True):
        asked = readout.asked
        key = (asked["pressure_pa"], asked["direction"] or "")
        cell = Cell(number(float(error), "Pa"), f"#{readout.seq}")
        rows.setdefault(key, {})[asked["temperature_c"]] = cell
    return Table(
        f"Pressure error of {clean(serial)} at every point, in Pa, with its journal entry",
        (
            Column("Pressure", align="right"),
            Column("Direction"),
            *(Column(f"At {as_set(value, 'degC')}", "Pa", "right") for value in asked_c),
        ),
        tuple(
            (
                Cell(kilopascals(pressure_pa)),
                Cell(direction),
                *(cells.get(value, Cell("")) for value in asked_c),
            )
            for (pressure_pa, direction), cells in rows.items()
        ),
    )
