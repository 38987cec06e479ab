"""From what a measure found to results: limits, verdicts, reasons, uncertainty, drift."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sensorbench.assessment.computing import computed
from sensorbench.assessment.data import RunData
from sensorbench.assessment.measuring import Found, Inputs, rule_of
from sensorbench.assessment.records import Floats, Readout
from sensorbench.assessment.results import Reason, Result, Series, Term
from sensorbench.core.verdict import Limits, Verdict

COVERAGE = 2.0


def measured(
    inputs: Inputs, condition: str = "", at: Mapping[str, Any] | None = None,
    extra: Mapping[str, tuple[Reason, ...]] | None = None,
) -> Iterator[Result | Series]:  # fmt: skip
    """Compute a measure and judge it; `extra` gives by serial why a condition was not kept."""
    found, series = computed(inputs)
    for one in found:
        yield from results_of(inputs, one, condition, at or {}, extra or {})
    yield from series


def results_of(
    inputs: Inputs,
    found: Found,
    condition: str,
    at: Mapping[str, Any],
    extra: Mapping[str, tuple[Reason, ...]],
) -> Iterator[Result]:
    """Return one result a unit."""
    low, high = limits_of(inputs.ask, condition)
    for k, serial in enumerate(inputs.serials):
        readouts = found.readouts
        if found.worst is not None and len(readouts):
            readouts = [readouts[found.worst[k]]]
        reasons = (*unknown(inputs.data, found.readouts, serial), *extra.get(serial, ()))
        if k in found.reasons:
            reasons = (*reasons, found.reasons[k])
        where = {**at, **found.at, **_where(readouts, found.worst is not None)}
        budget = _budget(found, k)
        value = float(found.values[k])
        sources = found.sources.get(k) or tuple(readout.seq for readout in readouts)
        yield judged(
            inputs, serial, value, budget, low, high, reasons, where, sources,
        )  # fmt: skip


def _where(readouts: Sequence[Readout], of_one: bool) -> dict[str, Any]:
    """Return where the reading was that a worst value comes from."""
    if not of_one or len(readouts) != 1:
        return {}
    point = readouts[0].point
    plain = {
        w: list(v) if isinstance(v, tuple) else v
        for w, v in point.conditions.items()
        if isinstance(v, float | tuple)
    }
    direction = point.labels.get("direction")
    return {"set": plain, **({"direction": direction} if direction else {})}


def judged(
    inputs: Inputs,
    serial: str,
    value: float,
    budget: tuple[Term, ...],
    low: float | None,
    high: float | None,
    reasons: Sequence[Reason],
    at: Mapping[str, Any],
    sources: tuple[int, ...],
    drift: bool = False,
) -> Result:
    """Judge a value by simple acceptance; what is not known, or under doubt, is INVALID."""
    ask = inputs.ask
    asked = low is not None or high is not None
    known = not reasons and math.isfinite(value)
    why = list(dict.fromkeys(reasons))
    if not known and not why:
        why = [no_value(inputs, serial)]
    limits = Limits(-math.inf if low is None else low, math.inf if high is None else high)
    verdict: Verdict | None = limits.judge(value if known else math.nan)
    if not asked and known:
        verdict = None
    if verdict is Verdict.FAIL:
        why = [
            Reason(
                "outside",
                {
                    "measure": str(ask["measure"]), "parameter": str(ask.get("parameter", "")),
                    "channel": str(ask["channel"]), "value": value, "low": low, "high": high,
                    "unit": str(ask["unit"]), "drift": drift, "at": dict(at),
                },
            )
        ]  # fmt: skip
    expanded = COVERAGE * math.sqrt(sum(term.standard**2 for term in budget)) if budget else None
    unit = inputs.data.units[inputs.data.number_of[serial]]
    return Result(
        serial=serial,
        lot=unit.lot,
        phase=inputs.phase,
        measure=str(ask["measure"]),
        rule=rule_of(str(ask["measure"])),
        value=value if known else math.nan,
        unit=str(ask["unit"]),
        verdict=verdict,
        channel=str(ask["channel"]),
        parameter=str(ask.get("parameter", "")),
        low=low,
        high=high,
        decision="simple" if asked else "",
        uncertainty=expanded if known else None,
        budget=budget if known else (),
        reasons=tuple(why) if verdict is not None and verdict is not Verdict.PASS else (),
        at=dict(at),
        is_drift=drift,
        sources=sources,
    )


def no_value(inputs: Inputs, serial: str) -> Reason:
    """Return why a unit that answered gave no value: it may only have to be calibrated first.

    So it is where the part computes the channel from raw counts by coefficients of its own, and
    wherever the value is not there the counts are. Where its own value is there wherever it was
    read, what it is compared with is not.
    """
    data, channel = inputs.data, inputs.channel
    if not channel:
        return Reason("no_value", {"channel": channel})
    for readout in inputs.readouts:
        told = readout.partly.get(serial, {}).get(channel)
        if told is not None:
            return told
    number = data.serials.index(serial)
    if _lacks_reference(inputs, number):
        return Reason("no_reference", {"address": inputs.address.partition(".")[0]})
    part = data.schedule.parts[data.units[number].part]
    form = next((f for f in part.get("formats", ()) if f["quantity"] == inputs.address), None)
    blank = [
        readout.values
        for readout in inputs.readouts
        if channel in readout.values and not math.isfinite(readout.values[channel][number])
    ]
    counted = form is not None and all(
        name in values and math.isfinite(values[name][number])
        for values in blank
        for name in form["inputs"]
    )
    return Reason("not_calibrated" if blank and counted else "no_value", {"channel": channel})


def _lacks_reference(inputs: Inputs, number: int) -> bool:
    """Return whether it is only the reference that gave nothing at a reading."""
    if not inputs.ask.get("compares"):
        return False
    own = [readout.values.get(inputs.channel) for readout in inputs.readouts]
    there = all(values is not None and math.isfinite(values[number]) for values in own)
    return there and not np.isfinite(inputs.references()).all()


def limits_of(ask: Mapping[str, Any], condition: str) -> tuple[float | None, float | None]:
    """Return the limits at a condition; "" holds for every one."""
    limits = ask.get("limits", {})
    low, high = limits.get(condition) or limits.get("") or (None, None)
    return low, high


def _budget(found: Found, k: int) -> tuple[Term, ...]:
    terms = []
    for source, standard in found.budget.items():
        value = float(standard[k]) if isinstance(standard, np.ndarray) else float(standard)
        if math.isfinite(value):
            shape = "rectangular" if source == "place" else "normal"
            terms.append(Term(source, value, shape))
    return tuple(terms)


def dropped_reason(data: RunData, serial: str) -> Reason | None:
    """Return why a unit was left out of the run, None where it was not."""
    gate = data.dropped.get(serial)
    if gate is None:
        return None
    return Reason("dropped", {"gate": gate}) if gate else Reason("left_out", {})


def unknown(data: RunData, readouts: Sequence[Readout], serial: str) -> tuple[Reason, ...]:
    """Return why a unit's values at readings are not known, () where they are."""
    dropped = dropped_reason(data, serial)
    reasons: list[Reason] = []
    for readout in readouts:
        if not data.reads(readout.point, data.number_of[serial]):
            continue
        if serial in readout.problems:
            reasons.append(readout.problems[serial])
        reasons += readout.unsettled
        reasons += data.expired(readout)
    if dropped and not reasons and not readouts:
        reasons.append(dropped)
    return tuple(dict.fromkeys(reasons))


def drift_results(
    inputs: Inputs, first: Found, now: Found, condition: str, at: Mapping[str, Any],
    extra: Mapping[str, tuple[Reason, ...]],
) -> Iterator[Result]:  # fmt: skip
    """Return the change of each unit against an earlier reading, by its serial number."""
    limit = inputs.ask.get("drift")
    change: Floats = now.values - first.values
    for k, serial in enumerate(inputs.serials):
        readouts = [*first.readouts, *now.readouts]
        reasons = (*unknown(inputs.data, readouts, serial), *extra.get(serial, ()))
        reasons += tuple(found.reasons[k] for found in (first, now) if k in found.reasons)
        terms = tuple(
            Term(source, math.sqrt(2) * value)
            for source in ("repeatability",)
            if (value := _one(now.budget.get(source), k)) is not None
        )
        low, high = (None, None) if limit is None else (-limit, limit)
        yield judged(
            inputs, serial, float(change[k]), terms, low, high, reasons,
            {**at, **({"condition": condition} if condition else {})},
            tuple(readout.seq for readout in readouts), drift=True,
        )  # fmt: skip


def _one(standard: Floats | float | None, k: int) -> float | None:
    if standard is None:
        return None
    value = float(standard[k]) if isinstance(standard, np.ndarray) else float(standard)
    return value if math.isfinite(value) else None
