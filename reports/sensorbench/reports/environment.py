"""What the bench did: at every place what was asked for and what each meter read; and events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sensorbench.assessment.data import RunData
from sensorbench.assessment.logs import MeterLog
from sensorbench.core.errors import BenchError
from sensorbench.reports import fonts
from sensorbench.reports.canvas import LINES, canvas, limit_line
from sensorbench.reports.events import events_table
from sensorbench.reports.lines import not_too_close
from sensorbench.reports.model import Block, Figure, Heading, Section, Text
from sensorbench.reports.names import Names
from sensorbench.reports.places import bench_limits, benches
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean
from sensorbench.reports.traces import envelope, steps, thinned
from sensorbench.reports.values import Style, scaled, style_of
from sensorbench.reports.words import Words

_TIMES = (("s", 1.0, 300.0), ("min", 60.0, 5 * 3600.0), ("h", 3600.0, math.inf))
_NAME = 0.22
_ASKED: dict[str, Any] = {"color": "#000000", "linestyle": (0, (4, 2)), "linewidth": 0.9}


def environment(runs: Sequence[Run], words: Words, anchor: str) -> Section:
    """Return for each run a picture of every place, and a table of what happened."""
    blocks: list[Block] = []
    for run in runs:
        if len(runs) > 1:
            blocks.append(Heading(words.text("run.heading", n=run.number, title=run.title(words),
                                             subject=run.subject(words))))  # fmt: skip
        blocks.append(events_table(run, words))
        blocks += place_figures(run, words)
    return Section(anchor, words.text("environment.title"), tuple(blocks))


def place_figures(run: Run, words: Words) -> Iterator[Block]:
    """Return a picture of each place of a run: what was asked, and every meter's envelope."""
    if run.data is None:
        return
    try:
        log = run.data.log
    except (BenchError, ValueError, IndexError):
        yield Text(words.text("environment.unreadable"))
        return
    names = run.names(words)
    drawn = 0
    acted = {address for _, _, address, _ in run.data.sets}
    for zone, where, bench in benches(run.data.schedule):
        traces = {n: t for n, t in log.items() if (t.zone, t.address) == (zone, where)}
        if where not in acted:
            yield from _watched(names, where, traces)
            drawn += 1
            continue
        figure = place_figure(run.data, zone, where, bench, traces, names, run.is_simulated)
        if figure is not None:
            drawn += 1
            yield figure
    if not drawn:
        yield Text(words.text("environment.no_log"))


def _watched(names: Names, where: str, traces: Mapping[str, MeterLog]) -> Iterator[Block]:
    """Say in a line what was only watched: a picture of it would show nothing that was asked."""
    known = [log.extent for log in traces.values() if log.extent.is_known]
    if known:
        low, high = min(extent.low for extent in known), max(extent.high for extent in known)
        style = style_of(names.unit(where), [low, high], (), names.liked(where))
        told = names.words.text("range", low=style.number(low), high=style.quantity(high))
        if style.number(low) == style.number(high):
            told = style.quantity(high)
        name = names.address(where)
        yield Text(names.words.text("environment.watched", name=name, values=told))


def place_figure(
    data: RunData,
    zone: str,
    where: str,
    bench: Mapping[str, Any],
    traces: Mapping[str, MeterLog],
    names: Names,
    simulated: bool,
) -> Figure | None:
    """Plot one place over the run; None where no meter of it read anything."""
    known = {name: log for name, log in traces.items() if log.extent.is_known}
    if not known:
        return None
    words = names.words
    end_s = max(log.extent.last_s for log in known.values())
    start_s = min(log.extent.first_s for log in known.values())
    unit, size = next((u, s) for u, s, most in _TIMES if end_s - min(start_s, 0.0) <= most)
    sizes = [log.extent.largest for log in known.values()]
    style = style_of(names.unit(where), sizes, (), names.liked(where))
    asked = [(t, v) for t, z, w, v in data.sets if (z, w) == (zone, where)]
    # Asked for over ambient, read against vacuum: drawn as the meters read it.
    ambient = data.ambient(zone, where)
    with canvas(2.1, simulated) as (figure, written):
        axes = figure.subplots(1, 1)
        for number, (name, log) in enumerate(known.items()):
            _meter(axes, log, name, LINES[number % len(LINES)], style, size)
        for number, (x, asked_y) in enumerate(steps(asked, end_s)):
            y = asked_y + ambient
            label = fonts.printable(words.text("environment.asked")) if number == 0 else None
            time, value = thinned(x, scaled(y, style.unit, style.shown))
            axes.plot(time / size, value, label=label, **_ASKED)
        not_too_close(axes)
        _limits(axes, bench, style, words)
        title = names.address(where, zone)
        y_label = words.text("axis", title=title, unit=style.name) if style.name else title
        axes.set_ylabel(fonts.printable(y_label))
        axes.set_xlabel(fonts.printable(words.text("environment.time", unit=unit)))
        axes.set_xlim(min(start_s, 0.0) / size, max(end_s, start_s + 1e-9) / size)
        figure.legend(loc="lower center", ncols=4)
    limits = bench_limits(bench, where, names)
    caption = words.text("environment.figure", what=title, limits=limits)
    if ambient:
        caption = words.sentence([caption, words.text("environment.over_ambient")])
    return Figure(caption, _alt(known, asked, title, style, names, where), written[0])


def _meter(axes: Any, log: MeterLog, name: str, color: str, style: Style, size: float) -> None:
    time, low, high, mean = envelope(log)
    low, high, mean = (scaled(values, style.unit, style.shown) for values in (low, high, mean))
    known = np.isfinite(mean)
    style_of_line = {"marker": "o", "markersize": 3.0} if known.sum() == 1 else {}
    axes.fill_between(time / size, low, high, step="pre", color=color, alpha=0.25, linewidth=0)
    axes.plot(
        time / size, mean, drawstyle="steps-pre", color=color, linewidth=0.9,
        label=fonts.printable(clean(name)), **style_of_line,
    )  # fmt: skip


def _limits(axes: Any, bench: Mapping[str, Any], style: Style, words: Words) -> None:
    """Draw the bench's limits where they do not squeeze what is to be seen; words have them all."""
    low_end, high_end = axes.get_ylim()
    room = high_end - low_end
    drawn = {}
    for key, above in (("low", False), ("high", True)):
        limit = bench.get(key)
        if not isinstance(limit, int | float):
            continue
        there = float(scaled(np.array([limit]), style.unit, style.shown)[0])
        if low_end - room <= there <= high_end + room:
            limit_line(axes, there, fonts.printable(words.text("environment.limit")), above)
            drawn[key] = there
    # Room for their names, beyond them.
    ends = [low_end, high_end, *drawn.values()]
    name = _NAME / (1 - _NAME * len(drawn)) * (max(ends) - min(ends))
    low_end, high_end = min(ends), max(ends)
    axes.set_ylim(
        low_end - name if "low" in drawn else low_end,
        high_end + name if "high" in drawn else high_end,
    )


def _alt(
    traces: Mapping[str, MeterLog],
    asked: Sequence[tuple[float, Any]],
    title: str,
    style: Style,
    names: Names,
    where: str,
) -> str:
    words = names.words
    told = [
        words.text(
            "environment.alt_meter",
            name=clean(name),
            low=style.quantity(log.extent.low),
            high=style.quantity(log.extent.high),
        )
        for name, log in traces.items()
    ]
    values: list[Any] = []
    for _, value in asked:
        if value is not None and value not in values:
            values.append(value)
    if values:
        told.append(words.text("environment.alt_asked", values=names.values(where, values)))
    return words.text("environment.alt", what=title, told=words.sentence(told))
