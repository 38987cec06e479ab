"""A stress with readouts: parameters against limits, drift against 0 h, and the stress itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sensorbench.analysis.calibration import Floats
from sensorbench.analysis.drift import deltas
from sensorbench.assessment.calibration import errors
from sensorbench.assessment.readings import LOG_COLUMNS, Readout, RunData
from sensorbench.assessment.results import Result, Series
from sensorbench.core.units import show
from sensorbench.core.verdict import Limits, Verdict
from sensorbench.parts.model import Condition, Parameter
from sensorbench.profiles.model import Stress

_BIAS_TOLERANCE = 0.01
_TIME_TOLERANCE = 1e-3
_LOG_GAP = 3.0  # times the log's interval


@dataclass(frozen=True, slots=True)
class _Test:
    """All readouts of one parameter at one test temperature, in hours' order."""

    parameter: Parameter
    condition: Condition
    readouts: list[Readout]
    values: Floats


def stress_results(data: RunData, stress: Stress) -> Iterator[Result]:
    """Judge every parameter at every readout, its drift, and whether the stress was given."""
    served_h = stress_hours(data, stress)
    for test in _tests(data, stress):
        drift = deltas(test.values)
        for column, readout in enumerate(test.readouts):
            hours = float(readout.asked["hours"])
            short = _short(served_h, hours)
            for number, serial in enumerate(data.serials):
                reason = data.absent.get(serial) or _reason(readout, serial) or short
                at = f"{hours:g} h, {test.condition} ({readout.asked['temperature_c']:.4g} degC)"
                value = test.values[number, column]
                limits = test.parameter.limits[test.condition]
                yield _result(test, serial, value, limits, reason, at, [readout])
                if test.parameter.drift_limit is not None and column:
                    first = test.readouts[0]
                    reason = reason or _reason(first, serial)
                    limits = Limits(-test.parameter.drift_limit, test.parameter.drift_limit)
                    value = drift[number, column]
                    yield _result(test, serial, value, limits, reason, at, [first, readout])


def stress_hours(data: RunData, stress: Stress) -> dict[float, float]:
    """Return the hours of stress that were really given before each readout, by its hours.

    An interval of the log counts when temperature and bias were right at both of its ends, and no
    entry is missing between them: what was not recorded was not given.
    """
    target_c = stress.temperature.of(data.part.part.grade)
    supply = data.part.part.supply
    bias_v = supply.max if stress.bias == "max" else supply.nominal
    columns = {name: i for i, (name, _) in enumerate(LOG_COLUMNS)}
    log = data.log
    good = np.abs(log[:, columns["chamber"]] - target_c) <= stress.within
    good &= log[:, columns["supply"]] >= bias_v * (1 - _BIAS_TOLERANCE)
    served: dict[float, float] = {0.0: 0.0}
    total_h = 0.0
    for event in data.run.events("dwell"):
        if event.data["phase"] != stress.name:
            continue
        start_s, end_s = event.data["start_s"], event.data["end_s"]
        inside = (log[:, 0] >= start_s - 1e-3) & (log[:, 0] <= end_s + 1e-3)
        times, ok = log[inside, 0], good[inside]
        if len(times) > 1:
            lasted = np.diff(times)
            counts = ok[1:] & ok[:-1] & (lasted <= _LOG_GAP * data.profile.log_interval)
            total_h += float(np.sum(lasted * counts)) / 3600
        served[float(event.data["to_h"])] = total_h
    return served


def _short(served_h: dict[float, float], hours: float) -> str:
    given = served_h.get(hours)
    if given is None:
        return f"no record of {hours:g} h of stress"
    if given < hours * (1 - _TIME_TOLERANCE):
        return (
            f"only {given:.4g} h of the {hours:g} h of stress are on record at temperature and bias"
        )
    return ""


def _tests(data: RunData, stress: Stress) -> Iterator[_Test]:
    readouts = data.of_phase(stress.name)
    for parameter in data.part.parameter:
        for condition in stress.test_order:
            found = [
                readout
                for readout in readouts
                if readout.asked["condition"] == condition
                and readout.asked["pressure_pa"] == parameter.at_pressure
            ]
            if found:
                values = errors(found, parameter.quantity)
                yield _Test(parameter, condition, found, values)


def _reason(readout: Readout, serial: str) -> str:
    return readout.problems.get(serial, "") or "; ".join(readout.unsettled)


def _result(
    test: _Test, serial: str, value: float, limits: Limits, unknown: str, at: str,
    readouts: list[Readout],
) -> Result:  # fmt: skip
    """Judge a value of one readout, or the drift between two."""
    parameter = test.parameter
    drift = len(readouts) > 1
    unit = parameter.dimension.canonical
    title = f"{parameter.title}, drift against 0 h" if drift else parameter.title
    known = not unknown and bool(np.isfinite(value))
    verdict = limits.judge(value if known else np.nan)
    reason = unknown
    if known and verdict is Verdict.FAIL:
        dimension = parameter.dimension
        reason = (
            f"{title} {show(value, dimension, digits=4)} is outside "
            f"{show(limits.low, dimension, digits=4)} to "
            f"{show(limits.high, dimension, digits=4)} ({at})"
        )
    return Result(
        serial=serial,
        name=f"{parameter.name}_drift" if drift else parameter.name,
        title=title,
        value=float(value) if known else np.nan,
        unit=unit,
        verdict=verdict,
        low=limits.low,
        high=limits.high,
        rule=limits.rule,
        reason=reason or ("" if known else "no value"),
        phase=readouts[-1].phase,
        at=at,
        hours=float(readouts[-1].asked["hours"]),
        condition=test.condition,
        sources=tuple(readout.seq for readout in readouts),
    )


def drift_series(data: RunData, stress: Stress) -> Iterator[Series]:
    """Drift of every parameter over the hours of stress, for plots."""
    for parameter in data.part.parameter:
        tests = [t for t in _tests(data, stress) if t.parameter.name == parameter.name]
        if not tests:
            continue
        drift = np.concatenate([deltas(test.values) for test in tests], axis=1)
        hours = [float(r.asked["hours"]) for test in tests for r in test.readouts]
        limit = parameter.drift_limit
        yield Series(
            name=f"{stress.name}_{parameter.name}_drift",
            title=f"{parameter.title}, drift against 0 h",
            x_title="Stress",
            x_unit="h",
            unit=parameter.dimension.canonical,
            x=tuple(hours),
            labels=tuple(test.condition for test in tests for _ in test.readouts),
            values={s: tuple(map(float, drift[i])) for i, s in enumerate(data.serials)},
            sources=tuple(r.seq for test in tests for r in test.readouts),
            low=None if limit is None else -limit,
            high=limit,
        )
