"""Plots of every unit's values, with limits and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sensorbench.analysis.calibration import Floats
from sensorbench.assessment.results import Series
from sensorbench.core.units import Dimension, convert
from sensorbench.core.verdict import Verdict
from sensorbench.reports import fonts
from sensorbench.reports.canvas import canvas, limit_line
from sensorbench.reports.model import Figure
from sensorbench.reports.text import (
    as_set,
    clean,
    limits,
    listed,
    number,
    plural,
    quantity,
    unit_name,
)

_FAILED = (("#d55e00", "o"), ("#cc79a7", "s"), ("#e69f00", "^"), ("#009e73", "D"))
_OTHERS: Mapping[Verdict, dict[str, Any]] = {
    Verdict.PASS: {"color": "#8a8a8a", "linewidth": 0.6, "alpha": 0.7},
    Verdict.INVALID: {"color": "#5c5c5c", "linewidth": 0.8, "linestyle": (0, (1, 1.5))},
}
_MOST_LABELLED = 6
_PANELS_A_ROW = 3


def series_figure(
    series: Series, verdicts: Mapping[str, Verdict], simulated: bool
) -> Figure | None:
    """Plot every unit's values over x, a panel a label, with the limits; None without values.

    Units that failed stand out and are named; the others are thin grey lines.
    """
    values = {serial: np.array(found) for serial, found in series.values.items()}
    known = {serial: found for serial, found in values.items() if np.isfinite(found).any()}
    if not known:
        return None
    labels = list(dict.fromkeys(series.labels))
    x, x_unit = np.array(series.x), series.x_unit
    if x_unit == "Pa":
        x_unit, x = "kPa", np.array([convert(v, Dimension.PRESSURE, "kPa") for v in series.x])
    columns = min(_PANELS_A_ROW, len(labels))
    rows = math.ceil(len(labels) / columns)
    lines = _lines(list(known), verdicts)
    with canvas(0.75 + 1.75 * rows, simulated) as (figure, written):
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for place, (axes, label) in enumerate(zip(grid.flat, labels, strict=False)):
            here = np.array([found == label for found in series.labels])
            axes.set_title(clean(label))
            for serial, line in lines.items():
                axes.plot(x[here], known[serial][here], **line)
            _limit_lines(axes, series, named=place == 0)
        for axes in grid[:, 0]:
            axes.set_ylabel(f"{_y_title(series)} ({unit_name(series.unit)})")
        for place, axes in enumerate(grid.flat):
            if place + columns >= len(labels):  # nothing is below
                axes.set_xlabel(f"{series.x_title} ({x_unit})")
                axes.tick_params(labelbottom=True)
            axes.set_visible(place < len(labels))
        _legend(figure, lines, verdicts)
    title = clean(series.title)
    words = _words(series, known, verdicts)
    return Figure(f"{title}; {_limits_words(series)}", words, written[0])


def _y_title(series: Series) -> str:
    return "Drift" if series.name.endswith("_drift") else "Error"


def _lines(serials: Sequence[str], verdicts: Mapping[str, Verdict]) -> dict[str, dict[str, Any]]:
    """Return how each unit is drawn, those that failed last, on top."""
    failed = [serial for serial in serials if verdicts.get(serial) is Verdict.FAIL]
    lines = {
        serial: _OTHERS[verdicts.get(serial, Verdict.INVALID)]
        for serial in serials
        if serial not in failed
    }
    for place, serial in enumerate(failed):
        color, marker = _FAILED[place % len(_FAILED)]
        lines[serial] = {"color": color, "linewidth": 1.2, "marker": marker, "markersize": 3}
    return lines


def _limit_lines(axes: Any, series: Series, named: bool) -> None:
    for limit, above in ((series.low, False), (series.high, True)):
        if limit is not None:
            name = f"limit {as_set(limit, series.unit)}" if named else ""
            limit_line(axes, limit, name, above)
    if series.low is not None and series.high is not None:
        axes.margins(y=0.22)  # room for the limits' names


def _legend(
    figure: Any, lines: Mapping[str, dict[str, Any]], verdicts: Mapping[str, Verdict]
) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy

    handles = []
    for verdict, line in _OTHERS.items():
        if count := sum(found is line for found in lines.values()):
            handles.append(Line2D([], [], label=f"{plural(count, 'unit')} {verdict.value}", **line))
    failed = [serial for serial in lines if verdicts.get(serial) is Verdict.FAIL]
    for serial in failed[:_MOST_LABELLED]:
        label = fonts.printable(f"{clean(serial)} FAIL")
        handles.append(Line2D([], [], label=label, **lines[serial]))
    if len(failed) > _MOST_LABELLED:
        more = f"and {len(failed) - _MOST_LABELLED} more FAIL"
        handles.append(Line2D([], [], linestyle="", label=more))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _limits_words(series: Series) -> str:
    found = limits(series.low, series.high, series.unit)
    return "no limits" if found == "none" else f"limits {found}"


def _words(series: Series, known: Mapping[str, Floats], verdicts: Mapping[str, Verdict]) -> str:
    every = np.concatenate(list(known.values()))
    lowest, highest = float(np.nanmin(every)), float(np.nanmax(every))
    failed = [clean(serial) for serial in known if verdicts.get(serial) is Verdict.FAIL]
    named = f" FAIL: {listed(failed)}." if failed else ""
    return (
        f"{clean(series.title)} over {series.x_title.lower()}, {plural(len(known), 'unit')}. "
        f"Values from {number(lowest, series.unit)} to {quantity(highest, series.unit)}; "
        f"{_limits_words(series)}.{named}"
    )
