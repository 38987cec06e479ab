"""Units that were taken beyond what they are made for, though nobody had asked for it.

What a fault of the bench did to a unit stays in it: whatever is read later is under doubt.
The rules:
- Beyond is further than the part's range and everything that the run had asked for there by then,
  by more than the widest band asked for, what the meters may differ by, and 1 % of the range.
- Any meter of the place counts, as it does for safety. What no meter sees nobody knows.
- It counts while something acts there, once the place had been inside: a room is as it is, and so
  is a bench that was left when a run was cut off, until the run that goes on has set it again.
- Less supply than a part is made for harms none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sensorbench.analysis.inputs import Flags
from sensorbench.assessment.data import RunData
from sensorbench.assessment.logs import MeterLog
from sensorbench.assessment.records import Floats
from sensorbench.assessment.results import Reason
from sensorbench.parts.values import Target, Wave
from sensorbench.profiles.schedule import Band, Hold, Settle
from sensorbench.profiles.schedule import target as as_target

_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked at a place: when, up to when it counts, and all that was by then; shape (n,).

    `acts` says where something acts from then on.
    """

    since_s: Floats
    low: Floats
    high: Floats
    acts: Flags


@dataclass(slots=True)
class _Beyond:
    """How far a place went while one thing was asked of it, and whether that was too far."""

    highest: float = -math.inf
    lowest: float = math.inf
    above: bool = False
    below: bool = False

    def take(self, highs: Floats, lows: Floats, above: bool, below: bool) -> None:
        """Take rows that count."""
        self.highest = float(np.fmax.reduce(highs, initial=self.highest))
        self.lowest = float(np.fmin.reduce(lows, initial=self.lowest))
        self.above, self.below = self.above or above, self.below or below


def overstressed(data: RunData) -> Mapping[str, tuple[Reason, ...]]:
    """Return by serial where units went beyond what they are made for and the run asks for."""
    found: dict[str, dict[str, Reason]] = {}
    allowed = _allowed(data)
    for meter, log in data.log.items():
        asked = _asked(data, log)
        if asked is None:
            continue
        slack = allowed.get((log.zone, log.address), 0.0)
        slack += float(data.bench(log.zone, log.address).get("agree") or 0.0)
        for part in data.schedule.parts:
            for turn, reason in _beyond(data, meter, log, part, asked, slack):
                ends_s = asked.since_s[turn + 1] if turn + 1 < len(asked.since_s) else math.inf
                for serial in _there(data, log.zone, float(asked.since_s[turn]), float(ends_s)):
                    if data.units[data.number_of[serial]].part == part:
                        found.setdefault(serial, {}).setdefault(log.address, reason)
    return {serial: tuple(own.values()) for serial, own in found.items()}


def _asked(data: RunData, log: MeterLog) -> _Asked | None:
    """Return what was asked at a meter's place, None where nothing ever acts."""
    sets = list[tuple[float, tuple[float, ...]]]()
    for event in data.events("sent", "released", "resumed"):
        if event.kind == "resumed":
            sets.append((event.t, ()))
        elif (event.data["zone"], event.data["address"]) == (log.zone, log.address):
            asked = as_target(event.data.get("asked")) if event.kind == "sent" else None
            sets.append((event.t, _ends(asked)))
    if not any(ends for _, ends in sets):
        return None
    return _Asked(
        np.array([t for t, _ in sets]),
        np.minimum.accumulate([min(ends, default=math.inf) for _, ends in sets]),
        np.maximum.accumulate([max(ends, default=-math.inf) for _, ends in sets]),
        np.array([bool(ends) for _, ends in sets]),
    )


def _ends(target: Target) -> tuple[float, ...]:
    if isinstance(target, Wave):
        return tuple(end for end in (target.low, target.high) if end is not None)
    return (float(target),) if isinstance(target, int | float) else ()


def _beyond(
    data: RunData, meter: str, log: MeterLog, part: str, asked: _Asked, slack: float
) -> Iterator[tuple[int, Reason]]:
    """Yield, by the number of what was asked last, where a part was taken beyond."""
    words = data.schedule.parts[part]["ranges"].get(log.address, {}).get("words", {})
    least, most = words.get("min"), words.get("max")
    if not isinstance(least, int | float) or not isinstance(most, int | float):
        return
    feeds = bool(data.schedule.quantities[log.address.partition(".")[0]].get("feeds"))
    slack += _SHARE * (most - least)
    lowest, highest = np.minimum(least, asked.low), np.maximum(most, asked.high)
    shift = data.ambient(log.zone, log.address)
    found: dict[int, _Beyond] = {}
    inside = -1  # since when the place had been inside, by the number of what was asked
    for trace in log.pieces():
        turn = np.searchsorted(asked.since_s, trace.time_s, side="left") - 1
        own = (turn >= 0) & asked.acts[turn] & (trace.polls + trace.implied > 0)
        turn, lows, highs = turn[own], trace.low[own] - shift, trace.high[own] - shift
        low, high = lowest[turn], highest[turn]
        is_inside = (lows >= low - slack) & (highs <= high + slack)
        # It counts once the place had been inside since it was asked last.
        since = np.maximum(np.maximum.accumulate(np.where(is_inside, turn, -1)), inside)
        counts = since == turn
        above = counts & (highs > high + slack)
        below = counts & (lows < low - slack) & (not feeds)
        for number in np.unique(turn[counts]):
            here = counts & (turn == number)
            one = found.setdefault(int(number), _Beyond())
            one.take(highs[here], lows[here], bool(above[here].any()), bool(below[here].any()))
        inside = int(since[-1]) if len(since) else inside
    for number, one in sorted(found.items()):
        if one.above or one.below:
            values = {
                "address": log.address, "value": one.highest if one.above else one.lowest,
                "low": float(lowest[number]), "high": float(highest[number]), "meter": meter,
            }  # fmt: skip
            yield number, Reason("overstressed", values)


def _allowed(data: RunData) -> dict[tuple[str, str], float]:
    """Return the widest band that was asked for, by zone and address."""
    found: dict[tuple[str, str], float] = {}
    for step in data.schedule.steps:
        for band in _bands(step.action):
            key = step.zone, band.address
            found[key] = max(found.get(key, 0.0), band.within)
    return found


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
