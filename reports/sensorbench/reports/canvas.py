"""What all plots share: size, fonts, colours, the mark of simulation, and SVG of the same bytes."""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sensorbench.reports import fonts
from sensorbench.reports.model import BANNER, BANNER_ZH

LIMIT = "#0072b2"
"""Colour of limits; this and the others are of Okabe and Ito's palette, for every kind of eye."""
LINES = ("#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5c5c5c")
"""Colours of meters."""
_MARK = "#b3261e"
_WIDTH_IN = 6.7
_MOST_SHARE = 1.05
_PAD = 0.6  # around and between what is drawn, in sizes of the font
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": list(fonts.FAMILIES),
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.unicode_minus": False,
    "axes.formatter.useoffset": False,
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


def _lay_out(figure: Any) -> None:
    """Lay the figure out, its legend below all else; nothing is measured twice for that.

    What stands along an axis that is shorter is wrapped: beyond the picture it would be cut.
    """
    legend_pt = sum(legend.get_window_extent().height for legend in figure.legends)
    above_legend = (0.0, legend_pt / figure.bbox.height, 1.0, 1.0)
    figure.tight_layout(rect=above_legend, pad=_PAD)
    long = [axes for axes in figure.axes if _share(axes) > _MOST_SHARE]
    for axes in long:
        axes.set_ylabel(wrapped(axes.get_ylabel(), math.ceil(_share(axes))))
    if long:
        figure.tight_layout(rect=above_legend, pad=_PAD)


def _share(axes: Any) -> float:
    """Return how long the label of the y axis is, in lengths of the axis."""
    return float(axes.yaxis.label.get_window_extent().height / axes.get_window_extent().height)


def wrapped(text: str, lines: int) -> str:
    """Return text in at most so many lines; what has no blanks, as Chinese, breaks anywhere.

    >>> wrapped("supply voltage (V)", 2)
    'supply\\nvoltage (V)'
    """
    words = " ".join(text.replace("（", " （").split())
    longest = max((len(word) for word in words.split() if word.isascii()), default=1)
    for width in range(max(math.ceil(len(words) / lines), longest), len(words)):
        found = textwrap.wrap(words, width)
        if len(found) <= lines:
            return "\n".join(found).replace(" （", "（")
    return text


@contextmanager
def canvas(height_in: float, simulated: bool) -> Iterator[tuple[Any, list[str]]]:
    """Give an empty figure as wide as a page; its SVG is in the list when the block ends."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - heavy
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415 - heavy

    _register_fonts()
    written: list[str] = []
    with mpl.rc_context({**_STYLE, "svg.hashsalt": "sensorbench"}):
        figure = Canvas(figsize=(_WIDTH_IN, height_in))
        if simulated:
            figure.suptitle(f"{BANNER}  {BANNER_ZH}", fontsize=8, color=_MARK)
        yield figure, written
        _lay_out(figure)
        file = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        # Not `savefig`: it would draw everything once more, for a layout that is there.
        drawn: Any = FigureCanvasSVG(figure)
        drawn.print_svg(file, metadata=nothing)
    svg = file.getvalue()
    # Inlined in one page, ids of groups would be there twice; nothing refers to them.
    written.append(re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :]))


def limit_line(axes: Any, limit: float, name: str, above: bool) -> None:
    """Draw a limit; its name stands above or below it, unless it is ""."""
    axes.axhline(limit, color=LIMIT, linewidth=1.0, linestyle=(0, (4, 2)))
    if name:
        axes.annotate(
            name,
            (0.02, limit),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2 if above else -2),
            textcoords="offset points",
            va="bottom" if above else "top",
            color=LIMIT,
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
