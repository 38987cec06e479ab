"""Plots as SVG with their words: the same evidence gives the same bytes."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from sensorbench.analysis.calibration import Floats
from sensorbench.assessment.results import Series
from sensorbench.core.units import Dimension, convert
from sensorbench.core.verdict import Verdict
from sensorbench.reports import fonts
from sensorbench.reports.model import BANNER, BANNER_ZH, Figure
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

# Okabe and Ito's palette, which colour-blind readers can tell apart; shapes differ as well.
_FAILED = (("#d55e00", "o"), ("#cc79a7", "s"), ("#e69f00", "^"), ("#009e73", "D"))
_PASSED, _LIMIT, _MARK = "#8a8a8a", "#0072b2", "#b3261e"
_WIDTH_IN = 6.7
_MOST_LABELLED = 6
_MOST_POINTS = 700
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": list(fonts.FAMILIES),
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.unicode_minus": False,
    "axes.grid": True,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "text.parse_math": False,
}


@cache
def _register_fonts() -> None:
    from matplotlib import font_manager  # noqa: PLC0415 - heavy

    for path in fonts.files():
        font_manager.fontManager.addfont(path)


@contextmanager
def _figure(height_in: float, simulated: bool) -> Iterator[tuple[Any, list[str]]]:
    """Give an empty figure; its SVG is in the list when the block ends."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415 - heavy

    _register_fonts()
    written: list[str] = []
    with mpl.rc_context({**_STYLE, "svg.hashsalt": "sensorbench"}):
        figure = Canvas(figsize=(_WIDTH_IN, height_in), layout="constrained")
        if simulated:
            figure.suptitle(f"{BANNER}  {BANNER_ZH}", fontsize=8, color=_MARK)
        yield figure, written
        file = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=nothing)
    svg = file.getvalue()
    # Inlined in one page, ids of groups would be there twice; nothing refers to them.
    written.append(re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :]))


def series_figure(
    series: Series, verdicts: Mapping[str, Verdict], simulated: bool
) -> Figure | None:
    """Plot every unit's values over x, a panel a label, with the limits; None without values.

    Units that did not pass stand out and are named; the others are thin grey lines.
    """
    values = {serial: np.array(found) for serial, found in series.values.items()}
    known = {serial: found for serial, found in values.items() if np.isfinite(found).any()}
    if not known:
        return None
    labels = list(dict.fromkeys(series.labels))
    x = np.array(series.x)
    x_title, x_unit = series.x_title, series.x_unit
    if x_unit == "Pa":
        x_unit, x = "kPa", np.array([convert(v, Dimension.PRESSURE, "kPa") for v in series.x])
    columns = min(3, len(labels))
    rows = math.ceil(len(labels) / columns)
    marked = [serial for serial in known if verdicts.get(serial) is not Verdict.PASS]
    with _figure(0.75 + 1.75 * rows, simulated) as (figure, written):
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for place, (axes, label) in enumerate(zip(grid.flat, labels, strict=False)):
            here = np.array([found == label for found in series.labels])
            axes.set_title(clean(label))
            for serial in sorted(known, key=marked.__contains__):
                axes.plot(x[here], known[serial][here], **_line(serial, marked))
            _limit_lines(axes, series, named=place == 0)
        for axes in list(grid.flat)[len(labels) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel(f"{_y_title(series)} ({unit_name(series.unit)})")
        for axes in grid[-1]:
            axes.set_xlabel(f"{x_title} ({x_unit})")
        _legend(figure, known, marked, verdicts)
    title = clean(series.title)
    return Figure(f"{title}; {_limits_words(series)}", _words(series, known, marked), written[0])


def _y_title(series: Series) -> str:
    return "Drift" if series.name.endswith("_drift") else "Error"


def _line(serial: str, marked: Sequence[str]) -> dict[str, Any]:
    if serial not in marked:
        return {"color": _PASSED, "linewidth": 0.6, "alpha": 0.7}
    color, marker = _FAILED[marked.index(serial) % len(_FAILED)]
    return {"color": color, "linewidth": 1.2, "marker": marker, "markersize": 3}


def _limit_lines(axes: Any, series: Series, named: bool) -> None:
    for limit, above in ((series.low, False), (series.high, True)):
        if limit is None:
            continue
        axes.axhline(limit, color=_LIMIT, linewidth=1.0, linestyle=(0, (4, 2)))
        if named:
            axes.annotate(
                f"limit {as_set(limit, series.unit)}",
                (0.02, limit),
                xycoords=("axes fraction", "data"),
                xytext=(0, 2 if above else -2),
                textcoords="offset points",
                va="bottom" if above else "top",
                color=_LIMIT,
                bbox={"facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            )
    if series.low is not None and series.high is not None:
        axes.margins(y=0.22)  # room for the limits' names


def _legend(
    figure: Any, known: Mapping[str, Floats], marked: Sequence[str], verdicts: Mapping[str, Verdict]
) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy

    handles = []
    if passed := len(known) - len(marked):
        handles.append(Line2D([], [], label=plural(passed, "unit") + " PASS", **_line("", ())))
    for serial in marked[:_MOST_LABELLED]:
        verdict = verdicts.get(serial, Verdict.INVALID).value
        label = fonts.printable(f"{clean(serial)} {verdict}")
        handles.append(Line2D([], [], label=label, **_line(serial, marked)))
    if len(marked) > _MOST_LABELLED:
        more = f"and {len(marked) - _MOST_LABELLED} more that are not PASS"
        handles.append(Line2D([], [], linestyle="", label=more))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def _limits_words(series: Series) -> str:
    found = limits(series.low, series.high, series.unit)
    return "no limits" if found == "none" else f"limits {found}"


def _words(series: Series, known: Mapping[str, Floats], marked: Sequence[str]) -> str:
    every = np.concatenate(list(known.values()))
    lowest, highest = float(np.nanmin(every)), float(np.nanmax(every))
    named = f" Not PASS: {listed([clean(s) for s in marked])}." if marked else ""
    return (
        f"{clean(series.title)} over {series.x_title.lower()}, {plural(len(known), 'unit')}. "
        f"Values from {number(lowest, series.unit)} to {quantity(highest, series.unit)}; "
        f"{_limits_words(series)}.{named}"
    )


def decimate(x: Floats, y: Floats, points: int = _MOST_POINTS) -> tuple[Floats, Floats]:
    """Return at most about `points` of the points, with every extreme: lowest and highest a bin.

    NaNs go first. A spike of one sample stays.
    """
    there = np.isfinite(y)
    x, y = x[there], y[there]
    if len(x) <= points:
        return x, y
    kept = [
        np.unique((part[0], part[np.argmin(y[part])], part[np.argmax(y[part])], part[-1]))
        for part in np.array_split(np.arange(len(x)), points // 4)
    ]
    chosen = np.concatenate(kept)
    return x[chosen], y[chosen]


def temperature_figure(
    hours: Floats,
    curves: Mapping[str, Floats],
    deviation: Floats | None,
    within_k: float,
    simulated: bool,
) -> Figure | None:
    """Plot the temperature asked for and those reached, in degC over hours of the run.

    `curves` has "asked for" first. `deviation` is air less setpoint in K while a stress was given,
    NaN elsewhere, with its limits `within_k`; None if there was no stress.
    """
    curves = {name: found for name, found in curves.items() if np.isfinite(found).any()}
    if len(hours) < 2 or not curves:
        return None
    styles = (
        {"color": "#000000", "linestyle": (0, (4, 2)), "linewidth": 0.9, "drawstyle": "steps-post"},
        {"color": "#0072b2", "linewidth": 0.9},
        {"color": "#d55e00", "linewidth": 0.9},
    )
    stressed = deviation is not None and bool(np.isfinite(deviation).any())
    with _figure(3.6 if stressed else 2.3, simulated) as (figure, written):
        ratios = [1.5, 1] if stressed else [1]
        panels = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
        axes = panels[0, 0]
        for (name, found), style in zip(curves.items(), styles, strict=False):
            axes.plot(*decimate(hours, found), label=name, **style)
        axes.set_ylabel("Temperature (°C)")
        if stressed and deviation is not None:
            below = panels[1, 0]
            below.plot(*decimate(hours, deviation), color="#0072b2", linewidth=0.7)
            for limit in (-within_k, within_k):
                below.axhline(limit, color=_LIMIT, linewidth=1.0, linestyle=(0, (4, 2)))
                below.annotate(
                    f"limit {limit:+g} K", (0.01, limit), xycoords=("axes fraction", "data"),
                    xytext=(0, -2 if limit > 0 else 2), textcoords="offset points",
                    va="top" if limit > 0 else "bottom", color=_LIMIT,
                )  # fmt: skip
            below.set_ylabel("Air less setpoint\nduring stress (K)")
        panels[-1, 0].set_xlabel("Time from the start of the run (h)")
        panels[-1, 0].set_xlim(0, float(hours[-1]))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    asked, reached = list(curves.values())[:2] if len(curves) > 1 else [*curves.values()] * 2
    alt = (
        f"Temperature over {hours[-1]:.4g} h. Asked for: {np.nanmin(asked):.4g} °C to "
        f"{np.nanmax(asked):.4g} °C; reached: {np.nanmin(reached):.4g} °C to "
        f"{np.nanmax(reached):.4g} °C."
    )
    if stressed and deviation is not None:
        alt += (
            f" During stress the air was {np.nanmin(deviation):+.2g} K to "
            f"{np.nanmax(deviation):+.2g} K from its setpoint; limits ±{within_k:g} K."
        )
    return Figure("Temperature reached against the one asked for", alt, written[0])
