"""Pictures of a phase's values: a line a unit, limits drawn, what failed on top and named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensorbench.assessment.results import Series
from sensorbench.core.verdict import Verdict
from sensorbench.reports import fonts
from sensorbench.reports.canvas import canvas, limit_line
from sensorbench.reports.model import Figure
from sensorbench.reports.names import SET, Names
from sensorbench.reports.reasons import limits_text
from sensorbench.reports.text import clean
from sensorbench.reports.traces import decimate
from sensorbench.reports.values import Floats, Style, plain, scaled, style_of
from sensorbench.reports.words import Words

_FAILED = (("#d55e00", "o"), ("#cc79a7", "s"), ("#e69f00", "^"), ("#009e73", "D"))
_OTHERS: Mapping[Verdict | None, dict[str, Any]] = {
    None: {"color": "#8a8a8a", "linewidth": 0.6, "alpha": 0.7},
    Verdict.PASS: {"color": "#8a8a8a", "linewidth": 0.6, "alpha": 0.7},
    Verdict.INVALID: {"color": "#5c5c5c", "linewidth": 0.8, "linestyle": (0, (1, 1.5))},
}
Verdicts = Mapping[str, Verdict | None]
_MOST_LABELLED = 6
_PANELS_A_ROW = 3
_MOST_PANELS = 9
_LEAST_SPAN = 1e-3
_MOST_LINES = 60
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
_DIRECTION = "direction"
_HOURS = {"served_s"}


@dataclass(frozen=True)
class _Picture:
    """What is drawn: a series, its units' verdicts, and how its axes are written."""

    series: Series
    known: Mapping[str, Floats]
    verdicts: Verdicts
    y: Style
    x: Style
    title: str
    x_title: str
    names: Names

    @property
    def words(self) -> Words:
        return self.names.words


def series_figure(
    series: Series, verdicts: Verdicts, names: Names, simulated: bool
) -> Figure | None:
    """Plot every unit's values over x, a panel for each set of labels.

    None without values, and where no panel has more than one x: a table says that better.

    Units that failed stand out and are named; the others are thin grey lines.
    """
    values = {serial: np.array(found, dtype=float) for serial, found in series.values.items()}
    known = {serial: found for serial, found in values.items() if np.isfinite(found).any()}
    if not known:
        return None
    picture = _picture(series, known, verdicts, names)
    panels = _panels(picture)
    if not any(len(set(np.array(series.x)[chosen])) > 1 for chosen in panels.values()):
        return None
    columns = min(_PANELS_A_ROW, len(panels))
    rows = math.ceil(len(panels) / columns)
    with canvas(0.75 + 1.75 * rows + (0.6 if rows == 1 and columns == 1 else 0.0), simulated) as (
        figure,
        written,
    ):
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for place, (axes, (label, chosen)) in enumerate(
            zip(grid.flat, panels.items(), strict=False)
        ):
            axes.set_title(fonts.printable(label))
            _draw(axes, picture, chosen)
            _limits(axes, picture, named=place == 0)
        _not_too_close(grid[0, 0])
        for axes in grid[:, 0]:
            axes.set_ylabel(fonts.printable(_axis(picture.words, _y_title(picture), picture.y)))
        for place, axes in enumerate(grid.flat):
            if place + columns >= len(panels):  # nothing is below
                axes.set_xlabel(fonts.printable(_axis(picture.words, picture.x_title, picture.x)))
                axes.tick_params(labelbottom=True)
            axes.set_visible(place < len(panels))
        _legend(figure, picture)
    caption = picture.words.text(
        "figure.series", title=picture.title, over=picture.x_title, limits=_limits_words(picture)
    )
    if (dropped := len(_labels(series)) - len(panels)) > 0:
        caption += f" {picture.words.text('figure.more_panels', n=dropped)}"
    return Figure(caption, _alt(picture), written[0])


def _picture(
    series: Series,
    known: Mapping[str, Floats],
    verdicts: Verdicts,
    names: Names,
) -> _Picture:
    everything = np.concatenate(list(known.values()))
    sizes = [float(np.nanmax(np.abs(everything))), series.low, series.high]
    x_title, shown = _x(series, names)
    return _Picture(
        series,
        known,
        verdicts,
        style_of(series.unit, sizes),
        style_of(series.x_unit, [max(map(abs, series.x), default=0.0)], (), shown),
        names.curve_title(series),
        x_title,
        names,
    )


def _x(series: Series, names: Names) -> tuple[str, str]:
    """Return what the x axis is called, and the unit that people like for it, "" for any."""
    if names.words.has(f"x.{series.x_name}"):
        return names.words.text(f"x.{series.x_name}"), "h" if series.x_name in _HOURS else ""
    if names.row(series.x_name):
        shown = names.liked(series.x_name)
        return names.address(series.x_name), shown if names.unit(series.x_name) == (
            series.x_unit
        ) else ""
    return clean(series.x_name.replace("_", " ")), ""


def _axis(words: Words, title: str, style: Style) -> str:
    return words.text("axis", title=title, unit=style.name) if style.name else title


def _y_title(picture: _Picture) -> str:
    if picture.series.is_drift:
        return picture.words.text("measure.drift")
    return picture.names.curve(picture.series.measure)


# -- panels and lines --------------------------------------------------------------------------


def _panels(picture: _Picture) -> dict[str, Floats]:
    """Return by label the numbers of the points of each panel; of too many the largest values."""
    found: dict[str, list[int]] = {}
    for number, label in enumerate(_labels_of_points(picture.series, picture.names)):
        found.setdefault(label, []).append(number)
    panels = {label: np.array(numbers) for label, numbers in found.items()}
    if len(panels) <= _MOST_PANELS:
        return panels
    sizes = np.nanmax(np.abs(np.stack([_filled(v) for v in picture.known.values()])), axis=0)
    order = sorted(panels, key=lambda label: -float(sizes[panels[label]].max()))
    kept = set(order[:_MOST_PANELS])
    return {label: numbers for label, numbers in panels.items() if label in kept}


def _filled(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, 0.0)


def _labels(series: Series) -> set[str]:
    return {repr(_panel_label(series, labels)) for labels in series.labels}


def _labels_of_points(series: Series, names: Names) -> list[str]:
    """Return the panel's title of each point."""
    kept = [_panel_label(series, labels) for labels in series.labels]
    varying = {key for labels in kept for key in labels
               if len({repr(other.get(key)) for other in kept}) > 1}  # fmt: skip
    sets = [dict(labels.get(SET) or {}) for labels in kept]
    told = {w for s in sets for w in s if len({repr(other.get(w)) for other in sets}) > 1}
    return [
        names.at({key: value for key, value in labels.items() if key in varying}, told)
        for labels in kept
    ]


def _panel_label(series: Series, labels: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells a point's panel: all its labels but the direction, and x itself."""
    kept = {k: v for k, v in labels.items() if k not in (_DIRECTION, series.x_name)}
    if SET in kept:
        whole = series.x_name.rpartition(".")[0] or series.x_name
        kept[SET] = {w: v for w, v in dict(kept[SET]).items() if w not in (series.x_name, whole)}
    return kept


def _draw(axes: Any, picture: _Picture, chosen: Floats) -> None:
    """Draw every unit's line; of very many that did not fail, the band that they fill."""
    lines = _lines(picture)
    x = scaled(np.array(picture.series.x, dtype=float)[chosen], picture.x.unit, picture.x.shown)
    if picture.series.logarithmic:
        _logarithmic(axes)
    many = [s for s, verdict in _of(picture).items() if verdict in (Verdict.PASS, None)]
    band = len(many) > _MOST_LINES
    if band:
        _band(axes, x, np.stack([_scaled(picture, serial, chosen) for serial in many]))
    for serial, line in lines.items():
        if band and serial in many:
            continue
        axes.plot(*decimate(x, _scaled(picture, serial, chosen)), **line)


def _logarithmic(axes: Any) -> None:
    """Make both axes logarithmic, with plain numbers beside them."""
    from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: PLC0415 - heavy

    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _band(axes: Any, x: Floats, values: Floats) -> None:
    """Fill from lowest to highest of many units at each x, shape (D, N)."""
    places = np.unique(x)
    inside = [values[:, x == place] for place in places]
    known = [k for k, found in enumerate(inside) if np.isfinite(found).any()]
    if known:
        low = [float(np.nanmin(inside[k])) for k in known]
        high = [float(np.nanmax(inside[k])) for k in known]
        color = _OTHERS[Verdict.PASS]["color"]
        axes.fill_between(places[known], low, high, color=color, alpha=0.5, linewidth=0.6)


def _scaled(picture: _Picture, serial: str, chosen: Floats) -> Floats:
    return scaled(picture.known[serial][chosen], picture.y.unit, picture.y.shown)


def _of(picture: _Picture) -> dict[str, Verdict | None]:
    return {s: picture.verdicts.get(s) for s in picture.known}


def _lines(picture: _Picture) -> dict[str, dict[str, Any]]:
    """Return how each unit is drawn, those that failed last, on top."""
    verdicts = _of(picture)
    failed = [serial for serial, verdict in verdicts.items() if verdict is Verdict.FAIL]
    lines = {s: _OTHERS[verdict] for s, verdict in verdicts.items() if s not in failed}
    if len(verdicts) <= len(_DASHES):  # few enough to be told apart
        for place, serial in enumerate(lines):
            lines[serial] = {**lines[serial], "linestyle": _DASHES[place], "linewidth": 0.9}
    for place, serial in enumerate(failed):
        color, marker = _FAILED[place % len(_FAILED)]
        lines[serial] = {"color": color, "linewidth": 1.2, "marker": marker, "markersize": 3}
    return lines


def _limits(axes: Any, picture: _Picture, named: bool) -> None:
    series, style = picture.series, picture.y
    for limit, above in ((series.low, False), (series.high, True)):
        if limit is not None:
            text = plain(limit, series.unit, style.shown)
            name = picture.words.text("figure.limit", value=text) if named else ""
            there = float(scaled(np.array([limit]), series.unit, style.shown)[0])
            if not series.logarithmic or there > 0:
                limit_line(axes, there, fonts.printable(name), above)
    if series.low is not None and series.high is not None:
        axes.margins(y=0.22)  # room for the limits' names


def _not_too_close(axes: Any) -> None:
    """Widen an axis that would show nothing but the last bits of equal values."""
    low, high = axes.get_ylim()
    size = max(abs(low), abs(high))
    if axes.get_yscale() == "linear" and high - low < _LEAST_SPAN * size:
        axes.set_ylim((low + high) / 2 - _LEAST_SPAN * size, (low + high) / 2 + _LEAST_SPAN * size)


def _legend(figure: Any, picture: _Picture) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy

    words, verdicts = picture.words, _of(picture)
    handles = []
    lines = _lines(picture)
    few = len(verdicts) <= len(_DASHES)
    for serial, verdict in verdicts.items() if few else ():
        if verdict is not Verdict.FAIL:
            told = words.text(f"verdict.{verdict.value}") if verdict else ""
            label = fonts.printable(f"{clean(serial)} {told}".strip())
            handles.append(Line2D([], [], label=label, **lines[serial]))
    for verdict, line in () if few else _OTHERS.items():
        if count := sum(found is verdict for found in verdicts.values()):
            label = words.text("count.unit", n=count)
            if verdict is not None:
                label += f" {words.text(f'verdict.{verdict.value}')}"
            handles.append(Line2D([], [], label=label, **line))
    failed = [serial for serial, verdict in verdicts.items() if verdict is Verdict.FAIL]
    fail = words.text("verdict.FAIL")
    for serial in failed[:_MOST_LABELLED]:
        label = fonts.printable(f"{clean(serial)} {fail}")
        handles.append(Line2D([], [], label=label, **lines[serial]))
    if len(failed) > _MOST_LABELLED:
        more = words.text("figure.more_failed", n=len(failed) - _MOST_LABELLED)
        handles.append(Line2D([], [], linestyle="", label=more))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


# -- in words ----------------------------------------------------------------------------------


def _limits_words(picture: _Picture) -> str:
    series = picture.series
    found = limits_text(picture.names, series.low, series.high, series.unit, picture.y.shown)
    none = series.low is None and series.high is None
    return found if none else picture.words.text("figure.limits", limits=found)


def _alt(picture: _Picture) -> str:
    every = np.concatenate(list(picture.known.values()))
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    failed = [clean(s) for s, v in _of(picture).items() if v is Verdict.FAIL]
    words = picture.words
    told = words.text(
        "figure.alt",
        title=picture.title,
        over=picture.x_title,
        n=len(picture.known),
        low=picture.y.number(low),
        high=picture.y.quantity(high),
        limits=_limits_words(picture),
    )
    if failed:
        told += f" {words.text('figure.alt_failed', units=words.listed(failed))}"
    return told
