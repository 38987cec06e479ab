"""Units that were taken beyond what they are made for, though nobody had asked for it.

What a fault of the bench did to a unit stays in it: whatever is read later is under doubt.
The rules:
- Beyond is further than the part's range and everything that the run had asked for there by then,
  by more than the widest band asked for, what the meters may differ by, and 1 % of the range.
- Any meter of the place counts, as it does for safety. What no meter sees nobody knows.
- It counts while something acts there, once the place had been inside: a room is as it is.
- Less supply than a part is made for harms none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sensorbench.assessment.data import RunData
from sensorbench.assessment.records import Trace
from sensorbench.assessment.results import Reason
from sensorbench.parts.values import Target, Wave
from sensorbench.profiles.schedule import Band, Hold, Settle

_SHARE = 0.01
Span = tuple[float, float]


def overstressed(data: RunData) -> Mapping[str, tuple[Reason, ...]]:
    """Return by serial where units went beyond what they are made for and the run asks for."""
    found: dict[str, dict[str, Reason]] = {}
    for meter, trace in data.log.items():
        for start_s, end_s, asked in _acting(data, trace):
            for serial in _there(data, trace.zone, start_s, end_s):
                reason = _beyond(data, meter, trace, serial, (start_s, end_s), asked)
                if reason is not None:
                    found.setdefault(serial, {}).setdefault(trace.address, reason)
    return {serial: tuple(own.values()) for serial, own in found.items()}


def _acting(data: RunData, trace: Trace) -> Iterator[tuple[float, float, Span]]:
    """Yield from when to when something acts at a meter's place, with what was asked by then."""
    low, high, began = math.inf, -math.inf, math.nan
    for t, zone, where, target in data.sets:
        if (zone, where) != (trace.zone, trace.address):
            continue
        if not math.isnan(began):
            yield began, t, (low, high)
        ends = _ends(target)
        began = t if ends else math.nan
        low, high = min((low, *ends)), max((high, *ends))
    if not math.isnan(began):
        yield began, math.inf, (low, high)


def _ends(target: Target) -> tuple[float, ...]:
    if isinstance(target, Wave):
        return tuple(end for end in (target.low, target.high) if end is not None)
    return (float(target),) if isinstance(target, int | float) else ()


def _beyond(
    data: RunData, meter: str, trace: Trace, serial: str, when: Span, asked: Span
) -> Reason | None:
    unit = data.units[data.number_of[serial]]
    words = data.schedule.parts[unit.part]["ranges"].get(trace.address, {}).get("words", {})
    least, most = words.get("min"), words.get("max")
    if not isinstance(least, int | float) or not isinstance(most, int | float):
        return None
    low, high = min(least, asked[0]), max(most, asked[1])
    slack = _allowed(data, trace.zone, trace.address) + _SHARE * (most - least)
    shift = data.ambient(trace.zone, trace.address)
    feeds = bool(data.schedule.quantities[trace.address.partition(".")[0]].get("feeds"))
    own = (trace.time_s > when[0]) & (trace.time_s <= when[1]) & (trace.polls + trace.implied > 0)
    lows, highs = trace.low[own] - shift, trace.high[own] - shift
    inside = np.flatnonzero((lows >= low - slack) & (highs <= high + slack))
    if not len(inside):
        return None
    lows, highs = lows[inside[0] :], highs[inside[0] :]
    value = float(highs.max())
    if value <= high + slack:
        value = float(lows.min())
        if feeds or value >= low - slack:
            return None
    return Reason(
        "overstressed",
        {"address": trace.address, "value": value, "low": low, "high": high, "meter": meter},
    )


def _allowed(data: RunData, zone: str, where: str) -> float:
    bands = (b for step in data.schedule.steps if step.zone == zone for b in _bands(step.action))
    within = max((band.within for band in bands if band.address == where), default=0.0)
    return within + float(data.bench(zone, where).get("agree") or 0.0)


def _bands(action: Any) -> tuple[Band, ...]:
    return action.bands if isinstance(action, Settle | Hold) else ()


def _there(data: RunData, zone: str, start_s: float, end_s: float) -> list[str]:
    """Return the units that were in a zone between two times."""
    where: dict[str, str] = {}
    found: dict[str, None] = {}
    for event in data.events("fact"):
        if event.t > end_s:
            break
        fact = event.data["fact"]
        if event.data["verb"] == "load":
            where |= dict.fromkeys(fact.get("sockets", ()), fact.get("zone", ""))
        elif event.data["verb"] == "unload":
            where = {s: z for s, z in where.items() if s not in fact.get("serials", ())}
        if event.t > start_s:
            found |= dict.fromkeys(s for s, z in where.items() if z == zone)
        else:
            found = dict.fromkeys(s for s, z in where.items() if z == zone)
    return [serial for serial in found if serial in data.number_of]
