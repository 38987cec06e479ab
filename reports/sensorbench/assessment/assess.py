"""assess(run) -> Assessment: every result and verdict of a run, from its evidence alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sensorbench.assessment.calibration import fit_results, grid_results, residual_series
from sensorbench.assessment.readings import RunData
from sensorbench.assessment.results import Assessment, Result, Series, unit_result
from sensorbench.assessment.stress import drift_series, stress_hours, stress_results
from sensorbench.core.verdict import Verdict, overall
from sensorbench.evidence.run import RunReader
from sensorbench.profiles.model import Calibrate, Grid, Stress

RESULTS_FILE = "results.json"


def assess(run: RunReader) -> Assessment:
    """Return what the evidence of `run` says. Raises EvidenceError if it can't be read."""
    data = RunData(run)
    results = tuple(_with_equipment(data, result) for result in _results(data))
    ended = _ended(run)
    units = []
    for unit in data.lot.unit:
        own = tuple(result for result in results if result.serial == unit.serial)
        found = unit_result(unit.serial, unit.socket, own)
        if ended and found.verdict is Verdict.PASS:
            found = replace(found, verdict=Verdict.INVALID, reasons=(ended,))
        elif not own:
            found = replace(found, reasons=(ended or "no result for this unit",))
        units.append(found)
    return Assessment(
        run_id=run.run_id,
        verdict=overall(unit.verdict for unit in units),
        reasons=(ended,) if ended else (),
        units=tuple(units),
        results=results,
        series=tuple(_series(data)),
        facts=_facts(data),
    )


def _ended(run: RunReader) -> str:
    """Return why the run is not complete, or ""."""
    for event in run.events("run_ended"):
        state, why = event.data["state"], event.data.get("reason", "")
        return "" if state == "complete" else f"the run was {state}{': ' if why else ''}{why}"
    return "the run did not end: its journal stops"


def _results(data: RunData) -> Iterator[Result]:
    yield from _missing(data)
    for phase in data.profile.phase:
        if isinstance(phase, Calibrate):
            yield from fit_results(data, phase)
        elif isinstance(phase, Stress):
            yield from stress_results(data, phase)
        elif phase.purpose == "verify":
            yield from grid_results(data, phase)


def _missing(data: RunData) -> Iterator[Result]:
    """A readout that was planned and is not there is not known, whatever the others say."""
    for phase, (absent, planned, first) in data.missing.items():
        where = [f"{first.temperature_c:g} degC"]
        where += [f"{first.pressure_pa / 1e3:g} kPa"] if first.pressure_pa is not None else []
        where += [f"{first.hours:g} h, {first.condition}"] if first.condition else []
        reason = (
            f"{absent} of {planned} planned readouts of {phase} are not there, "
            f"the first at {', '.join(where)}"
        )
        for serial in data.serials:
            yield Result(
                serial=serial,
                name="planned_readouts",
                title="Planned readouts",
                value=float("nan"),
                unit="readouts",
                verdict=Verdict.INVALID,
                reason=reason,
                phase=phase,
            )


def _series(data: RunData) -> Iterator[Series]:
    for phase in data.profile.phase:
        if isinstance(phase, Stress):
            yield from drift_series(data, phase)
        elif isinstance(phase, Grid) and phase.purpose == "verify":
            yield from residual_series(data, phase)


def _with_equipment(data: RunData, result: Result) -> Result:
    """Return the result, INVALID if a reference's calibration ran out before it was read."""
    if not result.sources or result.verdict in (None, Verdict.INVALID):
        return result
    read_on = max(data.days[seq] for seq in result.sources)
    for name, due in data.references_due:
        if read_on > due:
            why = f"the calibration of {name} ended on {due}, before this reading"
            return replace(result, verdict=Verdict.INVALID, reason=why)
    return result


def _facts(data: RunData) -> dict[str, Any]:
    hours = {
        phase.name: max(stress_hours(data, phase).values())
        for phase in data.profile.phase
        if isinstance(phase, Stress)
    }
    unsettled = sorted({text for readout in data.readouts for text in readout.unsettled})
    return {
        "readouts": len(data.readouts),
        "stress_hours": hours,
        "unsettled": unsettled,
        "absent": dict(data.absent),
    }
