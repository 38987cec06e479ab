"""Readings as pictures: in the terminal, or as a PNG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sensorbench.app.tables import show

WIDTH, HEIGHT = 64, 12
_MARKS = "*o+x#@%&"


@dataclass(slots=True)
class Line:
    """One channel of one part over time; `name` tells the part."""

    channel: str
    unit: str
    name: str
    times_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def text_plot(lines: Sequence[Line], width: int = WIDTH, height: int = HEIGHT) -> Iterator[str]:
    """Yield a picture of each channel, with all parts in it; values that are not known are gaps."""
    for (channel, unit), own in _by_channel(lines).items():
        low, high = _span([v for line in own for v in line.values])
        start, end = _span([t for line in own for t in line.times_s], least=0.0)
        grid = [[" "] * width for _ in range(height)]
        for number, line in enumerate(own):
            for time_s, value in zip(line.times_s, line.values, strict=True):
                if not math.isfinite(value):
                    continue
                column = round((time_s - start) / ((end - start) or 1.0) * (width - 1))
                row = round((high - value) / (high - low) * (height - 1))
                grid[row][column] = _MARKS[number % len(_MARKS)]
        labels = {0: show(high), height - 1: show(low)}
        edge = max(map(len, labels.values()))
        yield f"{channel} in {unit}"
        for row, cells in enumerate(grid):
            yield f"{labels.get(row, ''):>{edge}} |{''.join(cells).rstrip()}"
        yield f"{'':>{edge}} +{'-' * width}"
        ends = f"{start:.4g} s", f"{end:.4g} s"
        yield f"{'':>{edge}}  {ends[0]}{ends[1]:>{width - len(ends[0])}}"
        for number, line in enumerate(own):
            yield f"{'':>{edge}}  {_MARKS[number % len(_MARKS)]} {line.name}"
        yield ""


def save_plot(path: Path, lines: Sequence[Line], simulated: bool) -> None:
    """Write a PNG with a panel for each channel; one that is simulated says so across it."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy

    mpl.use("Agg")
    from matplotlib.figure import Figure  # noqa: PLC0415 - heavy

    groups = _by_channel(lines)
    figure = Figure(figsize=(8, 2.6 * max(1, len(groups))), layout="constrained")
    panels = figure.subplots(max(1, len(groups)), 1, sharex=True, squeeze=False)[:, 0]
    for axes, ((channel, unit), own) in zip(panels, groups.items(), strict=False):
        for line in own:
            axes.plot(line.times_s, line.values, marker=".", label=line.name)
        axes.set_ylabel(f"{channel} in {unit}")
        axes.ticklabel_format(useOffset=False)
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="best", fontsize="small")
    panels[-1].set_xlabel("time in s")
    if simulated:
        figure.suptitle("SIMULATED - NOT A MEASUREMENT", color="#b00020")
    figure.savefig(path, dpi=120)


def _by_channel(lines: Sequence[Line]) -> dict[tuple[str, str], list[Line]]:
    found: dict[tuple[str, str], list[Line]] = {}
    for line in filter(_is_known, lines):
        found.setdefault((line.channel, line.unit), []).append(line)
    return found


def _is_known(line: Line) -> bool:
    return any(map(math.isfinite, line.values))


def _span(values: Sequence[float], least: float = 1e-12) -> tuple[float, float]:
    """Return lowest and highest, apart also where all are alike."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if high - low > least * max(abs(low), abs(high)):
        return low, high
    half = max(abs(low), 1.0) * 1e-3 if least else 0.0
    return low - half, high + half
