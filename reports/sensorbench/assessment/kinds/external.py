"""external: what somebody else found, as it was attached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.judging import judged
from sensorbench.assessment.measuring import Inputs
from sensorbench.assessment.phases import Item
from sensorbench.assessment.results import Reason
from sensorbench.core.verdict import Verdict

VERSION = "1"
_WORDS = {"pass": 1.0, "fail": 0.0}


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Return each unit's result of the other laboratory; without one it is not known."""
    ask = {"measure": "external", "part": "", "channel": "", "unit": "1"}
    inputs = Inputs(data, phase["name"], ask, (), list(range(len(data.units))))
    event = data.attached.get(phase["name"])
    each = bool(phase["data"].get("each_unit"))
    for unit in data.units:
        why: list[Reason] = []
        value = math.nan
        if event is None:
            why.append(Reason("not_attached", {"point": phase["name"]}))
        else:
            word = str(event.data.get("units", {}).get(unit.serial, "" if each else "pass")).lower()
            value = _WORDS.get(word, math.nan)
            if math.isnan(value):
                why.append(Reason("outside_laboratory", {"result": word}))
        sources = (event.seq,) if event is not None else ()
        result = judged(inputs, unit.serial, value, (), 1.0, None, why, {}, sources)
        if result.verdict is Verdict.FAIL:  # in their words, not as a number
            said = Reason("outside_laboratory", {"result": "fail"})
            result = replace(result, reasons=(said,))
        yield result


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was attached, with the digests of the files."""
    event = data.attached.get(phase["name"])
    return {"attached": dict(event.data) if event is not None else None}
