"""Lowest overlapping Allan deviation of a stream at rest, and the whole curve (IEEE 952)."""

from __future__ import annotations

import numpy as np

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.noise.allan import allan_deviation
from sensorbench.assessment.measures._streams import records, values_of, why_not
from sensorbench.assessment.measuring import Found, Inputs, series_of
from sensorbench.assessment.records import Floats
from sensorbench.assessment.results import Series

VERSION = "1"
_LEAST = 9


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the minimum of each unit's curve, and the curves."""
    there, reasons = records(inputs)
    lowest: dict[int, float] = {}
    curves: dict[int, tuple[Floats, Floats]] = {}
    for k, record in there.items():
        try:
            found = allan_deviation(record.samples, 1.0 / record.rate_hz)
        except AnalysisError:
            reasons[k] = why_not(inputs, record.samples, _LEAST)
            continue
        curves[k] = (found.factors / record.rate_hz, found.deviation)
        lowest[k] = float(np.nanmin(found.deviation))
    if not curves:
        return [Found(values_of(inputs, {}), reasons=reasons)], []
    sources = {k: record.sources[:1] for k, record in there.items()}
    first = next(iter(curves.values()))[0]
    table = np.full((len(inputs.numbers), len(first)), np.nan)
    for k, (taus, deviation) in curves.items():
        count = min(len(taus), len(first))
        table[k, :count] = deviation[:count]
    series = series_of(
        inputs, table, list(first), "tau_s", "s", [{} for _ in first],
        [seq for own in sources.values() for seq in own], logarithmic=True,
    )  # fmt: skip
    found_all = Found(values_of(inputs, lowest), reasons=reasons, sources=sources)
    return [found_all], [series]
