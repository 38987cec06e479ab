"""What kinds share when they turn a phase's readings into results."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sensorbench.assessment.computing import computed
from sensorbench.assessment.data import RunData
from sensorbench.assessment.judging import (
    drift_results,
    judged,
    measured,
    results_of,
    unknown,
)
from sensorbench.assessment.measuring import Found, Inputs, series_of
from sensorbench.assessment.records import Readout
from sensorbench.assessment.results import Reason, Result, Series
from sensorbench.core.verdict import Verdict
from sensorbench.profiles.schedule import Point

Item = Result | Series
Why = Mapping[str, tuple[Reason, ...]]
WORDS = {"pass": 1.0, "fail": 0.0}
"""What another laboratory says of a unit, and the value that it stands for."""


def numbers_of(data: RunData, part: str, readouts: Sequence[Readout]) -> list[int]:
    """Return the units of a part that readings were planned for; all where there are none."""
    planned = {n for readout in readouts for n in data.schedule.group(readout.point.units)}
    chosen = planned or set(range(len(data.units)))
    return [n for n, unit in enumerate(data.units) if unit.part == part and n in chosen]


def by_group(readouts: Sequence[Readout]) -> list[list[Readout]]:
    """Return readings batch by batch: units of different batches were read at different times."""
    found: dict[str, list[Readout]] = {}
    for readout in readouts:
        found.setdefault(readout.point.units, []).append(readout)
    return list(found.values()) or [[]]


def asked(
    data: RunData,
    phase: Mapping[str, Any],
    readouts: Sequence[Readout],
    points: Sequence[str] = (),
    why: Why | None = None,
) -> Iterator[Item]:
    """Compute every measure that a phase asks for, over its readings."""
    judged_parts = {ask["part"] for ask in phase.get("asks", ()) if ask.get("limits")}
    yield from _readings(data, phase, readouts, set(data.schedule.parts) - judged_parts, points)
    for own in by_group(readouts):
        for ask in phase.get("asks", ()):
            numbers = numbers_of(data, ask["part"], own)
            inputs = Inputs(data, phase["name"], ask, own, numbers, points)
            yield from measured(inputs, extra=why)


def _readings(
    data: RunData, phase: Mapping[str, Any], readouts: Sequence[Readout], parts: Container[str],
    points: Sequence[str] = (), at: Mapping[str, Any] | None = None, extra: Why | None = None,
) -> Iterator[Result]:  # fmt: skip
    """Of parts of which nothing has a limit it was asked that each of their readings came."""
    ask = {"measure": "readings", "part": "", "channel": "", "unit": "1"}
    streams = {point: data.streams(point) for point in points}
    for number, unit in enumerate(data.units):
        if unit.part not in parts:
            continue
        own = [r for r in readouts if data.reads(r.point, number)]
        flowing = [s[unit.serial] for s in streams.values() if unit.serial in s]
        planned = [p for p in points if data.reads(data.schedule.points[p], number)]
        if not own and not flowing and not planned:
            continue
        inputs = Inputs(data, phase["name"], ask, own, [number])
        why = [*unknown(data, own, unit.serial), *(extra or {}).get(unit.serial, ())]
        why += [data.stream_problems(p)[unit.serial] for p in points
                if unit.serial in data.stream_problems(p)]  # fmt: skip
        why += [Reason("samples_lost", {"point": p}) for p, s in streams.items()
                if unit.serial in s and s[unit.serial].overflow]  # fmt: skip
        count = len(own) + sum(stream.count for stream in flowing)
        why += [] if count else [Reason("not_read", {})]
        sources = [r.seq for r in own] + [seq for s in flowing for seq in s.sources[:1]]
        value = float(count) if not why else float("nan")
        yield judged(inputs, unit.serial, value, (), 1.0, None, why, dict(at or {}), tuple(sources))


def missing(data: RunData, phase: Mapping[str, Any]) -> Iterator[Result]:
    """A reading that was planned and is not there is not known, whatever the others say."""
    absent, planned, first = data.missing(phase["name"])
    if not absent:
        return
    why = Reason("readouts_missing", {"missing": absent, "planned": planned, "first": first})
    yield from whole(data, phase, "readouts", why, float(planned - absent))


def whole(
    data: RunData, phase: Mapping[str, Any], measure: str, why: Reason, value: float,
    numbers: Sequence[int] | None = None,
) -> Iterator[Result]:  # fmt: skip
    """Return one INVALID result a unit, for what holds for a whole phase."""
    ask = {"measure": measure, "part": "", "channel": "", "unit": "1"}
    chosen = range(len(data.units)) if numbers is None else numbers
    inputs = Inputs(data, phase["name"], ask, (), list(chosen))
    for number in chosen:
        serial = data.serials[number]
        yield judged(inputs, serial, value, (), 0.0, None, (why,), {}, ())


# -- what somebody else found ------------------------------------------------------------------


def attached_results(
    data: RunData, phase: Mapping[str, Any], why: Mapping[str, Why] | None = None
) -> Iterator[Result]:
    """Return each unit's result of another laboratory or tester, at every point of a phase.

    Without one it is not known. `why` gives by readout key and serial what was not kept here.
    """
    for point in data.schedule.points.values():
        if point.phase == phase["name"] and "attach" in point.labels:
            yield from _attached(data, phase, point, (why or {}).get(key_of_point(point), {}))


def _attached(
    data: RunData, phase: Mapping[str, Any], point: Point, extra: Why
) -> Iterator[Result]:
    ask = {"measure": "external", "part": "", "channel": "", "unit": "1"}
    numbers = list(data.schedule.group(point.units))
    inputs = Inputs(data, phase["name"], ask, (), numbers)
    at = {k: v for k, v in point.labels.items() if k in {"served_s", "cycles", "step"}}
    event = data.attached.get(point.id)
    each = any("each unit" in word for word in point.labels["attach"])
    for number in numbers:
        serial = data.serials[number]
        reasons: list[Reason] = []
        value = math.nan
        if event is None:
            reasons.append(Reason("not_attached", {"point": point.id}))
        else:
            word = str(event.data.get("units", {}).get(serial, "" if each else "pass")).lower()
            value = WORDS.get(word, math.nan)
            if math.isnan(value):
                reasons.append(Reason("outside_laboratory", {"result": word}))
        sources = (event.seq,) if event is not None else ()
        reasons += extra.get(serial, ())
        result = judged(inputs, serial, value, (), 1.0, None, reasons, at, sources)
        if result.verdict is Verdict.FAIL:  # in their words, not as a number
            said = Reason("outside_laboratory", {"result": "fail"})
            result = replace(result, reasons=(said,))
        yield result


def tested(data: RunData, phase: Mapping[str, Any]) -> list[Point]:
    """Return the points of a phase at which units were tested, here or elsewhere."""
    points = data.schedule.points.values()
    own = [p for p in points if p.phase == phase["name"] and "attach" in p.labels]
    return [r.point for r in data.of_phase(phase["name"]) if "condition" in r.point.labels] + own


def untested(data: RunData, phase: Mapping[str, Any], why: Mapping[str, Why]) -> Iterator[Result]:
    """What was not kept is not known, where no test says so either."""
    said = {key_of_point(point) for point in tested(data, phase)}
    ask = {"measure": "readouts", "part": "", "channel": "", "unit": "1"}
    inputs = Inputs(data, phase["name"], ask, (), list(range(len(data.units))))
    for key, table in why.items():
        if key not in said:
            for serial, reasons in table.items():
                yield judged(inputs, serial, math.nan, (), 0.0, None, reasons, {}, ())


# -- parameters at conditions ------------------------------------------------------------------


def parameters(
    data: RunData,
    phase: Mapping[str, Any],
    readouts: Sequence[Readout],
    why: Mapping[str, Why] | None = None,
    first: Sequence[Readout] | None = None,
    x: tuple[str, str] | None = None,
) -> Iterator[Item]:
    """Judge every parameter at every condition and readout, and its drift.

    `why` gives by readout key and serial what was not kept; `first` are the readings that drift is
    counted from, else the phase's own earliest. `x` is the label, and its unit, over which drift is
    shown.
    """
    for own in by_group(readouts):
        earlier = first if first is not None else own
        for name, part in data.schedule.parts.items():
            asks = part["parameters"]
            for ask in asks:
                yield from _parameter(data, phase, name, ask, own, earlier, why or {}, x)
            if not any(ask.get("limits") or ask.get("drift") is not None for ask in asks):
                yield from _only_read(data, phase, name, own, why or {})


def _only_read(
    data: RunData, phase: Mapping[str, Any], part: str, readouts: Sequence[Readout],
    why: Mapping[str, Why],
) -> Iterator[Result]:  # fmt: skip
    """Return whether the units of a part without limits were read, at each readout's conditions."""
    asked_for = {ask["parameter"] for ask in data.schedule.parts[part]["parameters"]}
    mine = [r for r in readouts if asked_for & set(r.point.labels.get("parameters", ()))]
    for at in {repr(_labels(r)): _labels(r) for r in mine}.values():
        here = [r for r in mine if _labels(r) == at]
        extra = why.get(key_of(here[0]), {})
        yield from _readings(data, phase, here, {part}, at=at, extra=extra)


def key_of(readout: Readout) -> str:
    """Return which readout of a phase a reading belongs to: before, 168 h, 500 cycles …"""
    return key_of_point(readout.point)


def key_of_point(point: Point) -> str:
    """Return which readout of a phase a point belongs to, whether it was read here or elsewhere."""
    return repr([point.labels.get(name) for name in ("served_s", "cycles", "step")])


def _parameter(
    data: RunData,
    phase: Mapping[str, Any],
    part: str,
    ask: Mapping[str, Any],
    readouts: Sequence[Readout],
    earlier: Sequence[Readout],
    why: Mapping[str, Why],
    x: tuple[str, str] | None,
) -> Iterator[Item]:
    mine = [r for r in readouts if ask["parameter"] in r.point.labels.get("parameters", ())]
    numbers = numbers_of(data, part, mine or readouts)
    drifts: list[tuple[Mapping[str, Any], Found]] = []
    for condition in dict.fromkeys(r.point.labels["condition"] for r in mine):
        here = [r for r in mine if r.point.labels["condition"] == condition]
        base = _first_found(data, phase, ask, earlier, condition, numbers)
        for key in dict.fromkeys(map(key_of, here)):
            group = [r for r in here if key_of(r) == key]
            inputs = Inputs(data, phase["name"], ask, group, numbers)
            at = _labels(group[0])
            found_all, _ = computed(inputs)
            for found in found_all:
                yield from results_of(inputs, found, condition, at, why.get(key, {}))
                both = base is not None and base.readouts and found.readouts
                if both and base is not None and group[0].seq != base.readouts[0].seq:
                    extra = why.get(key, {})
                    if ask.get("drift") is not None:
                        yield from drift_results(inputs, base, found, condition, at, extra)
                    drifts.append((at, _change(base, found)))
    if drifts and x is not None:
        yield _drift_series(data, phase, ask, numbers, drifts, x)


def _first_found(
    data: RunData,
    phase: Mapping[str, Any],
    ask: Mapping[str, Any],
    earlier: Sequence[Readout],
    condition: str,
    numbers: Sequence[int],
) -> Found | None:
    """Return what each unit's own first readings gave, in whatever batch it was then."""
    mine = [
        r
        for r in earlier
        if ask["parameter"] in r.point.labels.get("parameters", ())
        and r.point.labels["condition"] == condition
    ]
    if not mine:
        return None
    first = key_of(mine[0])
    values = np.full(len(numbers), np.nan)
    readouts: list[Readout] = []
    reasons: dict[int, Reason] = {}
    for group in by_group([r for r in mine if key_of(r) == first]):
        places = [k for k, number in enumerate(numbers) if data.reads(group[0].point, number)]
        own = [numbers[k] for k in places]
        found, _ = computed(Inputs(data, phase["name"], ask, group, own)) if own else ([], [])
        if found:
            values[places] = found[0].values
            readouts += found[0].readouts
            reasons |= {places[k]: why for k, why in found[0].reasons.items()}
    return Found(values, readouts, reasons=reasons) if readouts else None


def _change(base: Found, now: Found) -> Found:
    return Found(now.values - base.values, now.readouts)


def _labels(readout: Readout) -> dict[str, Any]:
    shown = ("condition", "served_s", "cycles", "step")
    return {k: v for k, v in readout.point.labels.items() if k in shown}


def _drift_series(
    data: RunData,
    phase: Mapping[str, Any],
    ask: Mapping[str, Any],
    numbers: Sequence[int],
    drifts: Sequence[tuple[Mapping[str, Any], Found]],
    x: tuple[str, str],
) -> Series:
    inputs = Inputs(data, phase["name"], ask, (), numbers)
    table = np.stack([found.values for _, found in drifts], axis=1)
    series = series_of(
        inputs, table, [float(at.get(x[0], 0.0)) for at, _ in drifts], x[0], x[1],
        [{"condition": at.get("condition", "")} for at, _ in drifts],
        [found.readouts[0].seq for _, found in drifts],
    )  # fmt: skip
    limit = ask.get("drift")
    low = None if limit is None else -limit
    return replace(series, is_drift=True, low=low, high=limit)


def merge(*tables: Mapping[str, Why]) -> dict[str, Why]:
    """Return reasons of several tables together."""
    found: dict[str, dict[str, tuple[Reason, ...]]] = {}
    for table in tables:
        for key, why in table.items():
            own = found.setdefault(key, {})
            for serial, reasons in why.items():
                own[serial] = (*own.get(serial, ()), *reasons)
    return dict(found)
