"""What came out: results with limits, verdicts, reasons, and the journal entries they rest on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sensorbench.core.verdict import Verdict, overall


@dataclass(frozen=True, slots=True)
class Result:
    """One number about one unit, in `unit`; `value` is NaN where it is not known.

    `verdict` is None for a number that nothing was asked of. `sources` are the journal entries
    that the value was computed from; `at` says where in the profile it holds.
    """

    serial: str
    name: str
    title: str
    value: float
    unit: str
    verdict: Verdict | None
    low: float | None = None
    high: float | None = None
    rule: str = ""
    reason: str = ""
    phase: str = ""
    at: str = ""
    hours: float | None = None
    condition: str | None = None
    sources: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitResult:
    """One unit: its verdict, and the reasons where that is not PASS."""

    serial: str
    socket: str
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """Points behind a result, for plots and tables: one line a unit.

    `x` has one value a point; `values` maps a serial to its values at these points (NaN where not
    known). `labels` name the points' groups, such as the temperature or the test condition.
    """

    name: str
    title: str
    x_title: str
    x_unit: str
    unit: str
    x: tuple[float, ...]
    labels: tuple[str, ...]
    values: Mapping[str, tuple[float, ...]]
    sources: tuple[int, ...]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything computed from one run's evidence."""

    run_id: str
    verdict: Verdict
    reasons: tuple[str, ...]
    units: tuple[UnitResult, ...]
    results: tuple[Result, ...]
    series: tuple[Series, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def of(self, serial: str) -> tuple[Result, ...]:
        """Return the results of one unit, in order."""
        return tuple(result for result in self.results if result.serial == serial)


def unit_result(serial: str, socket: str, results: tuple[Result, ...]) -> UnitResult:
    """Return the unit's verdict over all its results that were asked for."""
    judged = [result for result in results if result.verdict is not None]
    reasons = (result.reason for result in judged if result.verdict is not Verdict.PASS)
    verdict = overall(result.verdict for result in judged if result.verdict is not None)
    return UnitResult(serial, socket, verdict, tuple(dict.fromkeys(reasons)))


def as_json(assessment: Assessment) -> dict[str, Any]:
    """Return the assessment as JSON values: NaN is null, verdicts are their names."""
    return {
        "run_id": assessment.run_id,
        "verdict": assessment.verdict.value,
        "reasons": list(assessment.reasons),
        "units": [_plain(unit) for unit in assessment.units],
        "results": [_plain(result) for result in assessment.results],
        "series": [_plain(series) for series in assessment.series],
        "facts": _value(assessment.facts),
    }


def _plain(item: Result | UnitResult | Series) -> dict[str, Any]:
    return {name: _value(getattr(item, name)) for name in item.__slots__}


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Verdict):
        return value.value
    if isinstance(value, tuple | list):
        return [_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _value(item) for key, item in value.items()}
    return value
