"""Time from 10 % to 90 % of a step, as the part follows it (IEEE 181-2011)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sensorbench.analysis.errors import AnalysisError
from sensorbench.analysis.noise.bandwidth import step_response
from sensorbench.assessment.measures._steps import NEEDED, SETTLED, evenly, step_records
from sensorbench.assessment.measures._streams import values_of
from sensorbench.assessment.measuring import Found, Inputs, series_of
from sensorbench.assessment.records import Floats
from sensorbench.assessment.results import Reason, Series

VERSION = "1"
_SHOWN = 400
Records = Mapping[int, tuple[Floats, Floats, tuple[int, ...]]]


def compute(inputs: Inputs) -> tuple[list[Found], list[Series]]:
    """Return the rise time of each unit, and the records themselves."""
    there, reasons, stepped = step_records(inputs)
    values: dict[int, float] = {}
    for k, (times, samples, _) in there.items():
        at = stepped - times[0]
        settled = at + SETTLED * (times[-1] - times[0] - at)
        try:
            found = step_response(*evenly(times, samples), at, settled)
        except AnalysisError:
            reasons[k] = Reason("too_few", {"needed": NEEDED, "there": len(samples)})
            continue
        if not np.isfinite(found.rise_time_s):
            reasons[k] = Reason("no_step", {"channel": inputs.channel})
        values[k] = float(found.rise_time_s)
    sources = {k: own for k, (_, _, own) in there.items()}
    result = Found(values_of(inputs, values), reasons=reasons, sources=sources)
    return [result], _records(inputs, there, stepped)


def _records(inputs: Inputs, there: Records, stepped: float) -> list[Series]:
    if not there:
        return []
    first = next(iter(there.values()))[0]
    chosen = np.unique(np.linspace(0, len(first) - 1, _SHOWN).astype(int))
    table = np.full((len(inputs.numbers), len(chosen)), np.nan)
    for k, (times, samples, _) in there.items():
        table[k] = np.interp(first[chosen], times, samples)
    row = inputs.data.schedule.quantities.get(inputs.address.partition(".")[0], {})
    return [
        series_of(
            inputs, table, list(first[chosen] - stepped), "time_s", "s",
            [{} for _ in chosen], [own[2][0] for own in there.values()], str(row.get("unit", "")),
        )
    ]  # fmt: skip
