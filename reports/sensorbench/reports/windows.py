"""Windows from the end of a stress to its readouts: the longest of each readout, of many points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sensorbench.reports.names import Names

_OF_A_POINT = {"condition", "parameters", "direction"}


def windows(rows: Sequence[Mapping[str, Any]], names: Names) -> list[dict[str, Any]]:
    """Return one row a readout: the last of its points counts, as all must be inside."""
    found: dict[str, dict[str, Any]] = {}
    points = names.schedule.points if names.schedule else {}
    for row in rows:
        point = points.get(str(row.get("readout", "")))
        labels = {k: v for k, v in point.labels.items() if k not in _OF_A_POINT} if point else {}
        title = names.at(labels) or str(row.get("readout", ""))
        own = found.setdefault(title, {**row, "readout": title, "readings": 0})
        own["readings"] += 1
        took = [value for value in (own.get("took_s"), row.get("took_s")) if value is not None]
        own["took_s"] = max(took, default=None)
    return list(found.values())
