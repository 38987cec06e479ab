"""How well a bench held what hours were credited for: every meter less the value asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sensorbench.assessment.data import RunData
from sensorbench.assessment.logs import MeterLog
from sensorbench.core.errors import BenchError
from sensorbench.profiles.schedule import Band, Hold
from sensorbench.reports import fonts
from sensorbench.reports.canvas import LINES, canvas, limit_line
from sensorbench.reports.model import Block, Figure
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean
from sensorbench.reports.traces import envelope
from sensorbench.reports.values import Style, plain, scaled, style_of
from sensorbench.reports.words import Words

_HOUR_S = 3600.0


def held_figures(phase: str, run: Run, words: Words) -> Iterator[Block]:
    """Return a picture of each address that was held, None of what no meter read."""
    if run.data is None:
        return
    try:
        log = run.data.log
    except (BenchError, ValueError, IndexError):
        return  # the environment says that the log can't be read
    for zone, band in _bands(run.data, phase):
        inside = _inside(run.data, phase, zone, band, log)
        if inside:
            yield _figure(zone, band, inside, run, words)


def _bands(data: RunData, phase: str) -> list[tuple[str, Band]]:
    """Return the bands of scalar values in which a phase's hours were credited, each once."""
    found: dict[tuple[str, str], Band] = {}
    for step in data.schedule.steps:
        if step.phase == phase and isinstance(step.action, Hold):
            for band in step.action.bands:
                if isinstance(band.target, int | float):
                    found.setdefault((step.zone, band.address), band)
    return [(zone, band) for (zone, _), band in found.items()]


def _inside(
    data: RunData, phase: str, zone: str, band: Band, log: dict[str, MeterLog]
) -> dict[str, list[MeterLog]]:
    """Return by meter its log during each hold of the phase, less the value asked for."""
    assert isinstance(band.target, int | float)  # noqa: S101 - the caller chose such bands
    found: dict[str, list[MeterLog]] = {}
    for name, whole in log.items():
        if (whole.zone, whole.address) != (zone, band.address):
            continue
        for hold in data.holds:
            if hold.get("phase") != phase or hold.get("zone") != zone:
                continue
            # A row tells of the time since the row before: the first one speaks of before the hold.
            target = float(band.target) + data.ambient(zone, band.address)
            start_s, end_s = float(hold["start_s"]) - 1e-3, float(hold["end_s"]) + 1e-3
            inside = whole.during(start_s, end_s, target)
            if inside.extent.is_known:
                found.setdefault(name, []).append(inside)
    return found


def _figure(
    zone: str, band: Band, inside: dict[str, list[MeterLog]], run: Run, words: Words
) -> Figure:
    names = run.names(words)
    unit = str(names.row(band.address).get("difference") or names.unit(band.address))
    style = style_of(unit, [band.within])
    title = words.text("held.title", what=names.address(band.address, zone))
    with canvas(1.8, run.is_simulated) as (figure, written):
        axes = figure.subplots(1, 1)
        for number, (name, traces) in enumerate(inside.items()):
            color = LINES[number % len(LINES)]
            for place, log in enumerate(traces):
                _draw(axes, log, style, color, clean(name) if place == 0 else None)
        within = float(scaled(np.array([band.within]), unit, style.shown)[0])
        told = plain(band.within, unit, style.shown)
        limit_line(axes, within, fonts.printable(words.text("held.limit", value=f"+{told}")), False)
        limit_line(axes, -within, fonts.printable(words.text("held.limit", value=f"-{told}")), True)
        axis = words.text("axis", title=words.text("held.axis"), unit=style.name)
        axes.set_ylabel(fonts.printable(axis))
        axes.set_xlabel(words.text("environment.time", unit="h"))
        figure.legend(loc="lower center", ncols=4)
    lowest = min(log.extent.low for own in inside.values() for log in own)
    highest = max(log.extent.high for own in inside.values() for log in own)
    alt = words.text(
        "held.alt", title=title, low=style.quantity(lowest), high=style.quantity(highest),
        within=told,
    )  # fmt: skip
    target = names.value(band.address, band.target)
    caption = words.text("held.caption", title=title, target=target, within=told)
    return Figure(caption, alt, written[0])


def _draw(axes: Any, log: MeterLog, style: Style, color: str, name: str | None) -> None:
    time, low, high, mean = envelope(log)
    low, high, mean = (scaled(values, style.unit, style.shown) for values in (low, high, mean))
    axes.fill_between(time / _HOUR_S, low, high, step="pre", color=color, alpha=0.25, linewidth=0)
    label = fonts.printable(name) if name else None
    axes.plot(time / _HOUR_S, mean, drawstyle="steps-pre", color=color, linewidth=0.9, label=label)
