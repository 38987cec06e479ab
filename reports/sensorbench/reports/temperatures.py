"""The temperature that was asked for and the one that was reached, from the bench's log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensorbench.analysis.calibration import Floats
from sensorbench.assessment.readings import LOG_COLUMNS, RunData
from sensorbench.core.errors import BenchError
from sensorbench.profiles.model import Stress
from sensorbench.reports.canvas import canvas, limit_line
from sensorbench.reports.model import Figure
from sensorbench.reports.runs import Run

_MOST_POINTS = 700
_STYLES: Sequence[dict[str, Any]] = (
    {"color": "#000000", "linestyle": (0, (4, 2)), "linewidth": 0.9, "drawstyle": "steps-post"},
    {"color": "#0072b2", "linewidth": 0.9},
    {"color": "#d55e00", "linewidth": 0.9},
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


@dataclass(frozen=True, slots=True)
class Held:
    """One dwell of a stress: air less setpoint, in K, over the run's hours, and its limits."""

    hours: Floats
    deviation_k: Floats
    within_k: float


def temperature_figure(
    hours: Floats, curves: Mapping[str, Floats], held: Sequence[Held], simulated: bool
) -> Figure | None:
    """Plot temperatures in degC over the hours of the run, and how well each stress was held.

    `curves` has the temperature asked for first. Returns None where nothing was logged.
    """
    curves = {name: found for name, found in curves.items() if np.isfinite(found).any()}
    held = [dwell for dwell in held if np.isfinite(dwell.deviation_k).any()]
    if len(hours) < 2 or not curves:
        return None
    with canvas(3.6 if held else 2.3, simulated) as (figure, written):
        ratios = [1.5, 1] if held else [1]
        panels = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
        top, last = panels[0, 0], panels[-1, 0]
        for (name, found), style in zip(curves.items(), _STYLES, strict=False):
            top.plot(*decimate(hours, found), label=name, **style)
        top.set_ylabel("Temperature (°C)")
        if held:
            _plot_held(last, held)
        last.set_xlabel("Time from the start of the run (h)")
        last.set_xlim(0, float(hours[-1]))
        figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    words = [f"Temperature over {hours[-1]:.4g} h."]
    words += [
        f"{name.capitalize()}: {_range(found, '.4g', '°C')}." for name, found in curves.items()
    ]
    for dwell in held:
        words.append(
            f"Stress from {dwell.hours[0]:.4g} h to {dwell.hours[-1]:.4g} h: air less setpoint "
            f"{_range(dwell.deviation_k, '+.2g', 'K')}; limits ±{dwell.within_k:g} K."
        )
    return Figure("Temperature reached against the one asked for", " ".join(words), written[0])


def _plot_held(axes: Any, held: Sequence[Held]) -> None:
    for dwell in held:
        axes.plot(*decimate(dwell.hours, dwell.deviation_k), color="#0072b2", linewidth=0.7)
    for within_k in sorted({dwell.within_k for dwell in held}):
        limit_line(axes, within_k, f"limit {within_k:+g} K", above=False)
        limit_line(axes, -within_k, f"limit {-within_k:+g} K", above=True)
    axes.set_ylabel("Air less setpoint\nduring stress (K)")


def _range(values: Floats, form: str, unit: str) -> str:
    return f"{np.nanmin(values):{form}} {unit} to {np.nanmax(values):{form}} {unit}"


def temperatures(run: Run, data: RunData) -> Figure | None:
    """Return the plot of a run's log, None where it can't be read or has no temperatures."""
    logged = run.events("log")
    try:
        log = data.log
    except BenchError:
        return None
    if not len(log):
        return None
    column = {name: log[:, i] for i, (name, _) in enumerate(LOG_COLUMNS)}
    time_s = column["time"]
    hours = (time_s - time_s[0] + logged[0].t) / 3600
    within_k = {p.name: p.within for p in data.profile.phase if isinstance(p, Stress)}
    held = []
    for event in run.events("dwell"):
        inside = (time_s >= event.data["start_s"]) & (time_s <= event.data["end_s"])
        deviation_k = (column["chamber"] - column["setpoint"])[inside]
        held.append(Held(hours[inside], deviation_k, within_k[event.data["phase"]]))
    curves = {
        "asked for": column["setpoint"],
        "chamber air": column["chamber"],
        "reference beside the units": column["temperature"],
    }
    return temperature_figure(hours, curves, held, run.is_simulated)
