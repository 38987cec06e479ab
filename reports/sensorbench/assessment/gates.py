"""What a gate looks at: the units of an earlier phase, by the evidence so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sensorbench.assessment.assess import phase_results
from sensorbench.assessment.data import RunData
from sensorbench.assessment.phases import WORDS
from sensorbench.assessment.records import Readout
from sensorbench.assessment.results import Result
from sensorbench.core.verdict import Verdict
from sensorbench.profiles.schedule import Point


def judge_gate(data: RunData, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether a gate's requirement holds, for which share of the units, and why not.

    `require` is value (something finite was read), pass (no result is FAIL or INVALID) or
    calibrated (everything that was read is finite, or what was written was read back). With
    `readout` only that readout of the phase counts; `calibrated` names parts of which every unit
    that answered must be calibrated.
    """
    there = [*data.of_phase(asked["of"]), *data.monitored(asked["of"])]
    readouts = [r for r in there if _is_of(r.point, asked.get("readout"))]
    points = [r.point for r in readouts]
    points += [p for p in _attached(data, asked) if p.id in data.attached]
    planned = sorted({n for point in points for n in data.schedule.group(point.units)})
    planned = planned or list(range(len(data.units)))
    good = _good(data, asked, readouts, planned)
    share = sum(good.values()) / len(good) if good else 0.0
    required = float(asked["share"])
    holds = share >= required if required > 0 else any(good.values())
    why = "" if holds else _words(asked["require"])
    blank = _not_calibrated(data, asked.get("calibrated", ()), readouts, planned)
    if blank:
        holds, why = False, f"not calibrated: {', '.join(blank[:8])}"
    return {
        "holds": holds,
        "share": share,
        "why": why,
        "units_not": [data.serials[n] for n, ok in good.items() if not ok],
    }


def _attached(data: RunData, asked: Mapping[str, Any]) -> list[Point]:
    """Return the points of the phase, or of one readout of it, that are tested elsewhere."""
    own = [p for p in data.schedule.points.values() if p.phase == asked["of"]]
    return [p for p in own if "attach" in p.labels and _is_of(p, asked.get("readout"))]


def _is_of(point: Point, name: str | None) -> bool:
    return name is None or point.id.startswith(f"{point.phase}/{name}")


def _good(
    data: RunData, asked: Mapping[str, Any], readouts: Sequence[Readout], planned: Sequence[int]
) -> dict[int, bool]:
    every = asked["require"] == "calibrated"
    written = every and not any(p.phase == asked["of"] for p in data.schedule.points.values())
    if asked["require"] == "pass" or written:  # what was written is answered by what was read back
        found = phase_results(data, asked["of"])
        # Of one readout: what is still to come, in the same phase, rests on no entry yet.
        whole = asked.get("readout") is None
        results = [i for i in found if isinstance(i, Result) and (whole or i.sources)]
        bad = {r.serial for r in results if r.verdict in (Verdict.FAIL, Verdict.INVALID)}
        there = {r.serial for r in results}
        return {n: data.serials[n] in there - bad for n in planned}
    # A stress starts on what is measured; to a profile's own gate a unit that answers has a value.
    answers = not every and asked.get("readout") is None
    elsewhere = set() if every else {*_told(data, asked), *_streamed(data, asked)}
    return {
        n: _has_value(data, readouts, n, every, answers) or data.serials[n] in elsewhere
        for n in planned
    }


def _streamed(data: RunData, asked: Mapping[str, Any]) -> Iterator[str]:
    """Yield the units whose own stream brought samples in the phase."""
    for point in data.schedule.points.values():
        if point.phase == asked["of"] and _is_of(point, asked.get("readout")):
            streams = data.streams(point.id)
            yield from (serial for serial, stream in streams.items() if stream.count)


def _told(data: RunData, asked: Mapping[str, Any]) -> dict[str, str]:
    """Return what another laboratory said of units, pass or fail, by serial."""
    found: dict[str, str] = {}
    for point in _attached(data, asked):
        event = data.attached.get(point.id)
        said = event.data.get("units", {}) if event is not None else {}
        found |= {serial: word for serial, word in said.items() if word in WORDS}
    return found


def _has_value(
    data: RunData, readouts: Sequence[Readout], number: int, every: bool, answers: bool = False
) -> bool:
    known = []
    for readout in readouts:
        if data.reads(readout.point, number):
            judged = list(readout.values) if answers else _judged_channels(data, readout, number)
            known += [bool(np.isfinite(readout.values[c][number])) for c in judged]
    return bool(known) and (all(known) if every else any(known))


def _judged_channels(data: RunData, readout: Readout, number: int) -> list[str]:
    """Return the channels that something is measured of at a reading; else all that sense."""
    part = data.schedule.parts[data.units[number].part]
    names = readout.point.labels.get("parameters", ())
    asks = [ask for ask in part["parameters"] if ask["parameter"] in names]
    asks += [
        ask
        for ask in data.schedule.phase(readout.point.phase).get("asks", ())
        if ask["part"] == part["name"]
    ]
    judged = dict.fromkeys(ask["channel"] for ask in asks)
    sensing = [row["name"] for row in part["channels"] if row["address"]]
    return [name for name in (judged or sensing) if name in readout.values] or list(readout.values)


def _not_calibrated(
    data: RunData, parts: Sequence[str], readouts: Sequence[Readout], planned: Sequence[int]
) -> list[str]:
    """Return units that answer, but whose compensated values are not there."""
    found = []
    for number in planned:
        serial = data.serials[number]
        if data.units[number].part not in parts:
            continue
        answered = any(serial not in r.problems and data.reads(r.point, number) for r in readouts)
        if answered and not _has_value(data, readouts, number, every=True):
            silent = all(serial in r.problems for r in readouts if data.reads(r.point, number))
            if not silent and not _has_value(data, readouts, number, every=False):
                found.append(serial)
    return found


def _words(require: str) -> str:
    return {"value": "no unit has a value", "pass": "not enough units pass"}.get(require, require)
