"""calibrate: what was written to each part against what was read back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.judging import judged
from sensorbench.assessment.measuring import Inputs
from sensorbench.assessment.phases import Item
from sensorbench.assessment.results import Reason

VERSION = "1"


def results(data: RunData, phase: Mapping[str, Any]) -> Iterator[Item]:
    """Judge every unit: the words read back must be those that were written."""
    plan, outcomes, sources = written(data, phase["name"])
    ask = {"measure": "coefficients", "part": "", "channel": "", "unit": "words"}
    inputs = Inputs(data, phase["name"], ask, (), list(range(len(data.units))))
    for unit in data.units:
        outcome = outcomes.get(unit.serial)
        why: list[Reason] = []
        value = math.nan
        low = None
        if outcome is None:
            why.append(_why_not(plan, unit.serial))
        elif outcome.get("problem"):
            why.append(Reason("not_written", {"detail": outcome["problem"]}))
        else:
            same = outcome["written"] == outcome["read_back"]
            value, low = float(same), 1.0
        result = judged(
            inputs, unit.serial, value, (), low, None, why, {"fit": phase["data"]["fit"]},
            tuple(seq for seq in (sources.get(unit.serial),) if seq is not None),
        )  # fmt: skip
        yield result


def _why_not(plan: Mapping[str, Any], serial: str) -> Reason:
    row = dict(plan.get("problems", {}).get(serial, {}))
    code = str(row.pop("code", "not_written"))
    if code == "not_written":
        row = {"detail": ""}
    return Reason(code, row)


def written(
    data: RunData, phase: str
) -> tuple[Mapping[str, Any], dict[str, Mapping[str, Any]], dict[str, int]]:
    """Return the plan of a calibration, the outcome of each unit, and where it is recorded."""
    plan: Mapping[str, Any] = {}
    step = None
    outcomes: dict[str, Mapping[str, Any]] = {}
    sources: dict[str, int] = {}
    for event in data.events("fact", "outcome"):
        if event.kind == "fact":
            if event.data["verb"] == "write" and event.data["fact"].get("phase") == phase:
                plan, step = event.data["fact"], event.data["step"]
        elif event.data["step"] == step:
            outcomes[event.data["unit"]] = event.data["outcome"]
            sources[event.data["unit"]] = event.seq
    return plan, outcomes, sources


def facts(data: RunData, phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was written, and how well the fits were conditioned."""
    plan, outcomes, _ = written(data, phase["name"])
    return {
        "fit": phase["data"]["fit"],
        "locked": [serial for serial, o in outcomes.items() if o.get("locked")],
        "written": {serial: o.get("written") for serial, o in outcomes.items()},
        "condition": dict(plan.get("condition", {})),
    }
