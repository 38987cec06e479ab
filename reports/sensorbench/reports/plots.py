"""Pictures of a phase's values: a line a unit, limits drawn, what failed on top and named."""

from __future__ import annotations

import math

import numpy as np

from sensorbench.assessment.results import Series
from sensorbench.core.verdict import Verdict
from sensorbench.reports import fonts
from sensorbench.reports.canvas import canvas
from sensorbench.reports.lines import draw, draw_limits, enough_ticks, legend, not_too_close
from sensorbench.reports.model import Figure
from sensorbench.reports.names import Names
from sensorbench.reports.picture import Picture, Verdicts, labels_of, panels_of, picture_of
from sensorbench.reports.reasons import limits_text
from sensorbench.reports.text import clean
from sensorbench.reports.values import Style
from sensorbench.reports.words import Words

_PANELS_A_ROW = 3


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
    picture = picture_of(series, known, verdicts, names)
    panels = panels_of(picture)
    if not any(len(set(np.array(series.x)[chosen])) > 1 for chosen in panels.values()):
        return None
    columns = min(_PANELS_A_ROW, len(panels))
    rows = math.ceil(len(panels) / columns)
    with canvas(0.75 + 1.75 * rows + (0.1 if rows == 1 and columns == 1 else 0.0), simulated) as (
        figure,
        written,
    ):
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for place, (axes, (label, chosen)) in enumerate(
            zip(grid.flat, panels.items(), strict=False)
        ):
            axes.set_title(fonts.printable(label))
            draw(axes, picture, chosen)
            draw_limits(axes, picture, named=place == 0)
        not_too_close(grid[0, 0])
        enough_ticks(grid[0, 0])
        for axes in grid[:, 0]:
            axes.set_ylabel(fonts.printable(_axis(picture.words, picture.y_title, picture.y)))
        for place, axes in enumerate(grid.flat):
            if place + columns >= len(panels):  # nothing is below
                axes.set_xlabel(fonts.printable(_axis(picture.words, picture.x_title, picture.x)))
                axes.tick_params(labelbottom=True)
            axes.set_visible(place < len(panels))
        legend(figure, picture)
    caption = picture.words.text(
        "figure.series", title=picture.title, over=picture.x_title, limits=_limits_words(picture)
    )
    if (dropped := len(labels_of(series)) - len(panels)) > 0:
        caption += f" {picture.words.text('figure.more_panels', n=dropped)}"
    return Figure(caption, _alt(picture), written[0])


def _axis(words: Words, title: str, style: Style) -> str:
    return words.text("axis", title=title, unit=style.name) if style.name else title


# -- in words ----------------------------------------------------------------------------------


def _limits_words(picture: Picture) -> str:
    series = picture.series
    found = limits_text(picture.names, series.low, series.high, series.unit, picture.y.shown)
    none = series.low is None and series.high is None
    return found if none else picture.words.text("figure.limits", limits=found)


def _alt(picture: Picture) -> str:
    every = np.concatenate(list(picture.known.values()))
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    failed = [clean(s) for s, v in picture.own.items() if v is Verdict.FAIL]
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
