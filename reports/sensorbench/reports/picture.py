"""What a picture of a series shows: units and verdicts, panels, how its axes are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensorbench.assessment.results import Series
from sensorbench.core.verdict import Verdict
from sensorbench.reports.names import SET, Names
from sensorbench.reports.text import clean
from sensorbench.reports.values import Floats, Style, scaled, style_of
from sensorbench.reports.words import Words

Verdicts = Mapping[str, Verdict | None]
MOST_PANELS = 9
_DIRECTION = "direction"
_HOURS = {"served_s"}


@dataclass(frozen=True)
class Picture:
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
        """Return the words of the report's language."""
        return self.names.words

    @property
    def own(self) -> dict[str, Verdict | None]:
        """Return the verdict of each unit that is drawn, None where it was not judged."""
        return {serial: self.verdicts.get(serial) for serial in self.known}

    @property
    def y_title(self) -> str:
        """Return what the y axis is called."""
        if self.series.is_drift:
            return self.words.text("measure.drift")
        return self.names.curve(self.series.measure)

    def scaled(self, serial: str, chosen: Floats) -> Floats:
        """Return a unit's values at the points `chosen` by number, as they are drawn."""
        return scaled(self.known[serial][chosen], self.y.unit, self.y.shown)


def picture_of(
    series: Series,
    known: Mapping[str, Floats],
    verdicts: Verdicts,
    names: Names,
) -> Picture:
    """Return the picture of a series whose values are `known` by serial."""
    everything = np.concatenate(list(known.values()))
    sizes = [float(np.nanmax(np.abs(everything))), series.low, series.high]
    x_title, shown = _x(series, names)
    return Picture(
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


def panels_of(picture: Picture) -> dict[str, Floats]:
    """Return by label the numbers of the points of each panel; of too many the largest values."""
    found: dict[str, list[int]] = {}
    for number, label in enumerate(_labels_of_points(picture.series, picture.names)):
        found.setdefault(label, []).append(number)
    panels = {label: np.array(numbers) for label, numbers in found.items()}
    if len(panels) <= MOST_PANELS:
        return panels
    sizes = np.nanmax(np.abs(np.stack([_filled(v) for v in picture.known.values()])), axis=0)
    order = sorted(panels, key=lambda label: -float(sizes[panels[label]].max()))
    kept = set(order[:MOST_PANELS])
    return {label: numbers for label, numbers in panels.items() if label in kept}


def _filled(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, 0.0)


def labels_of(series: Series) -> set[str]:
    """Return the labels of all panels that there could be, each once."""
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
