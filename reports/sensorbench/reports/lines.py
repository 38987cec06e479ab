"""Lines of a picture: units that failed stand out, of very many others the band that they fill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensorbench.core.verdict import Verdict
from sensorbench.reports import fonts
from sensorbench.reports.canvas import limit_line
from sensorbench.reports.picture import Picture
from sensorbench.reports.text import clean
from sensorbench.reports.traces import decimate
from sensorbench.reports.values import Floats, plain, scaled

_FAILED = (("#d55e00", "o"), ("#cc79a7", "s"), ("#e69f00", "^"), ("#009e73", "D"))
_OTHERS: Mapping[Verdict | None, dict[str, Any]] = {
    None: {"color": "#8a8a8a", "linewidth": 0.6, "alpha": 0.7},
    Verdict.PASS: {"color": "#8a8a8a", "linewidth": 0.6, "alpha": 0.7},
    Verdict.INVALID: {"color": "#5c5c5c", "linewidth": 0.8, "linestyle": (0, (1, 1.5))},
}
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)))
_MOST_LABELLED = 6
_MOST_LINES = 60
_LEAST_SPAN = 1e-3
_NONE, _FEW = 5.0, 100.0


def draw(axes: Any, picture: Picture, chosen: Floats) -> None:
    """Draw every unit's line; of very many that did not fail, the band that they fill."""
    lines = _lines(picture)
    x = scaled(np.array(picture.series.x, dtype=float)[chosen], picture.x.unit, picture.x.shown)
    if picture.series.logarithmic:
        _logarithmic(axes)
    many = [s for s, verdict in picture.own.items() if verdict in (Verdict.PASS, None)]
    band = len(many) > _MOST_LINES
    if band:
        _band(axes, x, np.stack([picture.scaled(serial, chosen) for serial in many]))
    for serial, line in lines.items():
        if band and serial in many:
            continue
        axes.plot(*decimate(x, picture.scaled(serial, chosen)), **line)


def _logarithmic(axes: Any) -> None:
    """Make both axes logarithmic, with plain numbers beside them."""
    from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: PLC0415 - heavy

    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def enough_ticks(axes: Any) -> None:
    """Name values between the powers of ten, where a logarithmic axis has few of those."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator  # noqa: PLC0415 - heavy

    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        if axis.get_scale() != "log" or high >= _FEW * low:
            continue
        if high < _NONE * low:
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
            axis.set_minor_locator(NullLocator())
        else:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))


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


def _lines(picture: Picture) -> dict[str, dict[str, Any]]:
    """Return how each unit is drawn, those that failed last, on top."""
    verdicts = picture.own
    failed = [serial for serial, verdict in verdicts.items() if verdict is Verdict.FAIL]
    lines = {s: _OTHERS[verdict] for s, verdict in verdicts.items() if s not in failed}
    if len(verdicts) <= len(_DASHES):  # few enough to be told apart
        for place, serial in enumerate(lines):
            lines[serial] = {**lines[serial], "linestyle": _DASHES[place], "linewidth": 0.9}
    for place, serial in enumerate(failed):
        color, marker = _FAILED[place % len(_FAILED)]
        lines[serial] = {"color": color, "linewidth": 1.2, "marker": marker, "markersize": 3}
    return lines


def draw_limits(axes: Any, picture: Picture, named: bool) -> None:
    """Draw the series' limits, with their values where `named`."""
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


def not_too_close(axes: Any) -> None:
    """Widen an axis that would show nothing but the last bits of equal values."""
    low, high = axes.get_ylim()
    size = max(abs(low), abs(high))
    if axes.get_yscale() == "linear" and high - low < _LEAST_SPAN * size:
        axes.set_ylim((low + high) / 2 - _LEAST_SPAN * size, (low + high) / 2 + _LEAST_SPAN * size)


def legend(figure: Any, picture: Picture) -> None:
    """Name the units that failed, and few others; of many say how many they are."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - heavy

    words, verdicts = picture.words, picture.own
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
            filled = verdict is not Verdict.INVALID and count > _MOST_LINES
            style = {"color": line["color"], "linewidth": 6, "alpha": 0.5} if filled else line
            handles.append(Line2D([], [], label=label, **style))
    failed = [serial for serial, verdict in verdicts.items() if verdict is Verdict.FAIL]
    fail = words.text("verdict.FAIL")
    for serial in failed[:_MOST_LABELLED]:
        label = fonts.printable(f"{clean(serial)} {fail}")
        handles.append(Line2D([], [], label=label, **lines[serial]))
    if len(failed) > _MOST_LABELLED:
        more = words.text("figure.more_failed", n=len(failed) - _MOST_LABELLED)
        handles.append(Line2D([], [], linestyle="", label=more))
    figure.legend(handles=handles, loc="lower center", ncols=4)
