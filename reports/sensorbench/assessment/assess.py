"""assess(data) -> Assessment: every result and verdict of a run, from its evidence alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sensorbench.assessment.data import RunData
from sensorbench.assessment.judging import dropped_reason
from sensorbench.assessment.overstress import overstressed
from sensorbench.assessment.phases import Item
from sensorbench.assessment.reasons import CODES, FOLLOWING
from sensorbench.assessment.results import (
    Assessment,
    Reason,
    Result,
    Series,
    UnitResult,
    unit_verdict,
)
from sensorbench.core.plugins import OURS, load, plugins
from sensorbench.core.verdict import Verdict, overall
from sensorbench.evidence.run import RunReader

KINDS = "sensorbench.assessment.kinds"
RESULTS_FILE = "results.json"
_EARLY = frozenset({"stopped_by_gate", "nothing_answered", "nothing_calibrated"})


def assess(run: RunReader | RunData) -> Assessment:
    """Return what the evidence of a run says. Raises EvidenceError if it can't be read."""
    data = run if isinstance(run, RunData) else RunData.of(run)
    results: list[Result] = []
    series: list[Series] = []
    facts: dict[str, Any] = {}
    rules: dict[str, str] = {}
    skipped = data.skipped
    for phase in data.schedule.phases:
        for item in phase_results(data, phase["name"]):
            if isinstance(item, Result):
                results.append(item)
            else:
                series.append(item)
        module = load(KINDS, phase["kind"])
        if phase["name"] in skipped:
            facts[phase["name"]] = {"skipped_by": skipped[phase["name"]]}
        elif module is not None:
            facts[phase["name"]] = module.facts(data, phase)
            rules[phase["kind"]] = kind_rule(phase["kind"])
    ended = _ended(data)
    by_serial: dict[str, list[Result]] = {}
    for result in results:
        by_serial.setdefault(result.serial, []).append(result)
    beyond = overstressed(data)
    units = tuple(
        _doubted(_unit(data, number, by_serial, ended), beyond) for number in planned_units(data)
    )
    rules |= {result.measure: result.rule for result in results}
    return Assessment(
        run_id=data.run.run_id,
        verdict=overall(unit.verdict for unit in units),
        reasons=(ended,) if ended else (),
        units=units,
        results=tuple(results),
        series=tuple(series),
        facts=facts,
        rules=rules,
    )


def kind_rule(kind: str) -> str:
    """Return a kind's rule with its version, and whose it is where it is not ours."""
    module, plugin = load(KINDS, kind), plugins(KINDS).get(kind)
    version = str(getattr(module, "VERSION", "?"))
    whose = "" if plugin is None or plugin.origin == OURS else f", {plugin.origin}"
    return f"{kind} {version}{whose}"


def phase_results(data: RunData, name: str) -> Iterator[Item]:
    """Return the results of one phase; none where a gate skipped it, or nobody knows its kind."""
    phase = data.schedule.phase(name)
    module = load(KINDS, phase["kind"])
    if module is not None and name not in data.skipped:
        yield from module.results(data, phase)


def planned_units(data: RunData) -> list[int]:
    """Return the units that any phase takes; all where none says which."""
    taken = {n for p in data.schedule.points.values() for n in data.schedule.group(p.units)}
    return sorted(taken) or list(range(len(data.units)))


def _unit(
    data: RunData, number: int, results: Mapping[str, Sequence[Result]], ended: Reason | None
) -> UnitResult:
    unit = data.units[number]
    own = [r for r in results.get(unit.serial, ()) if not _made_good(data, r)]
    verdict, reasons = unit_verdict(own)
    # What could not be done after something else had gone wrong says less than that.
    reasons = tuple(sorted(reasons, key=lambda reason: reason.code in FOLLOWING))
    dropped = dropped_reason(data, unit.serial)
    if dropped:
        reasons = (dropped, *reasons)
        verdict = Verdict.INVALID if verdict is Verdict.PASS else verdict
    if ended and verdict is Verdict.PASS:
        verdict, reasons = Verdict.INVALID, (ended,)
    follows = FOLLOWING | {"not_attached"}
    if (
        ended
        and ended.code in _EARLY
        and verdict is Verdict.INVALID
        and {r.code for r in reasons} <= follows
    ):
        reasons = (ended, *reasons)
    if verdict is Verdict.INVALID and not reasons:
        reasons = (ended or Reason("not_read", {}),)
    socket = data.sockets.get(unit.serial, "")
    return UnitResult(unit.serial, unit.lot, unit.part, socket, verdict, reasons)


def _doubted(unit: UnitResult, beyond: Mapping[str, tuple[Reason, ...]]) -> UnitResult:
    """Return a unit whose values say nothing once it was taken beyond what it is made for."""
    reasons = beyond.get(unit.serial, ())
    if not reasons:
        return unit
    verdict = Verdict.INVALID if unit.verdict is Verdict.PASS else unit.verdict
    return replace(unit, verdict=verdict, reasons=(*reasons, *unit.reasons))


def _made_good(data: RunData, result: Result) -> bool:
    """Return whether a unit had no value for want of the calibration that this run then gave it.

    The result stands as it is; it is no doubt about the unit, whose values are those after it.
    """
    if not result.reasons or {reason.code for reason in result.reasons} != {"not_calibrated"}:
        return False
    read = max(result.sources, default=0)
    return any(
        event.data["unit"] == result.serial
        and event.seq > read
        and event.data["outcome"].get("written") is not None
        and event.data["outcome"]["written"] == event.data["outcome"].get("read_back")
        for event in data.events("outcome")
    )


def _ended(data: RunData) -> Reason | None:
    """Return why the run is not complete, None if it is."""
    last = None
    for event in data.events("run_ended", "resumed"):
        last = event
    if last is None or last.kind == "resumed":
        return Reason("not_ended", {})
    state = last.data["state"]
    if state == "complete":
        return None
    why = last.data.get("reason", {})
    if state == "parked":
        return Reason("parked", {"until": why.get("until", "")})
    if state == "stopped by a gate":
        return Reason(
            "stopped_by_gate",
            {name: why.get(name) for name in ("gate", "share", "required", "why")},
        )
    if why.get("code") in _EARLY:
        return Reason(why["code"], {name: why.get(name) for name in CODES[why["code"]]})
    return Reason("ended_early", {"state": state, "why": why.get("text", "")})
