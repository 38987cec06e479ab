"""What came out: results with limits, verdicts, reasons, and the journal entries they rest on.

Everything here is codes, numbers, units and sources; no prose. Words are for the reports.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from sensorbench.core.verdict import Verdict, overall

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is: a code of `assessment.reasons`, with its values."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.code, repr(sorted(self.values.items()))))


@dataclass(frozen=True, slots=True)
class Term:
    """One line of an uncertainty budget: what it comes from, its standard uncertainty."""

    source: str
    standard: float
    distribution: str = "normal"


@dataclass(frozen=True, slots=True)
class Result:
    """One number about one unit, in canonical `unit`; `value` is NaN where it is not known.

    `verdict` is None for a number that nothing was asked of. `rule` names the rule that computed it
    with its version. `uncertainty` is expanded (k = 2), with its `budget`. `at` holds where it was
    found: labels of the point (condition, served_s, cycles, direction …) and `set`, values by
    address. `is_drift` says that it is the change against an earlier readout. `sources` are the
    journal entries that the value was computed from.
    """

    serial: str
    lot: str
    phase: str
    measure: str
    rule: str
    value: float
    unit: str
    verdict: Verdict | None
    channel: str = ""
    parameter: str = ""
    low: float | None = None
    high: float | None = None
    decision: str = ""
    uncertainty: float | None = None
    budget: tuple[Term, ...] = ()
    reasons: tuple[Reason, ...] = ()
    at: Mapping[str, Any] = field(default_factory=dict)
    is_drift: bool = False
    sources: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str, bool, str]:
        """Return what tells a result of a unit from all its others."""
        return (
            self.phase, self.measure, self.channel, self.parameter, self.is_drift,
            repr(sorted(self.at.items(), key=lambda item: item[0])),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class UnitResult:
    """One unit: its verdict, and the reasons where that is not PASS."""

    serial: str
    lot: str
    part: str
    socket: str
    verdict: Verdict
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """Points behind results, for plots and tables: one line a unit.

    `x_name` is an address, or served_s, cycles, time_s, tau_s, frequency_hz; `x` has one value a
    point, `labels` what tells the points apart. `values` maps a serial to its values at these
    points (NaN where not known). `logarithmic` says that both axes are.
    """

    phase: str
    measure: str
    channel: str
    unit: str
    x_name: str
    x_unit: str
    x: tuple[float, ...]
    labels: tuple[Mapping[str, Any], ...]
    values: Mapping[str, tuple[float, ...]]
    sources: tuple[int, ...]
    parameter: str = ""
    is_drift: bool = False
    low: float | None = None
    high: float | None = None
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that a run's evidence says.

    `reasons` say what holds for the whole run. `facts` are numbers about the run, plain JSON;
    `rules` names each rule with its version and whose it is.
    """

    run_id: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    units: tuple[UnitResult, ...]
    results: tuple[Result, ...]
    series: tuple[Series, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)

    def of(self, serial: str) -> tuple[Result, ...]:
        """Return the results of one unit, in order."""
        return tuple(result for result in self.results if result.serial == serial)


def unit_verdict(results: Sequence[Result]) -> tuple[Verdict, tuple[Reason, ...]]:
    """Return the verdict over all results of a unit that were asked for, and the reasons."""
    judged = [result for result in results if result.verdict is not None]
    verdict = overall(result.verdict for result in judged if result.verdict is not None)
    worst = [r for r in judged if r.verdict is verdict] if verdict is not Verdict.PASS else []
    rest = [r for r in judged if r.verdict is not Verdict.PASS and r not in worst]
    reasons = dict.fromkeys(reason for result in (*worst, *rest) for reason in result.reasons)
    return verdict, tuple(reasons)


def as_json(assessment: Assessment) -> dict[str, Any]:
    """Return the assessment as JSON values: NaN is null, verdicts are their names."""
    found = _value(assessment)
    assert isinstance(found, dict)  # noqa: S101 - a record is a table
    return found


def from_json(data: Mapping[str, Any]) -> Assessment:
    """Return the assessment that `as_json` wrote, by this version or a later one.

    Raises KeyError, TypeError or ValueError where something needed is missing.
    """
    return Assessment(
        run_id=data["run_id"],
        verdict=Verdict(data["verdict"]),
        reasons=_reasons(data),
        units=tuple(
            _made(UnitResult, row, verdict=Verdict(row["verdict"]), reasons=_reasons(row))
            for row in data["units"]
        ),
        results=tuple(_result(row) for row in data["results"]),
        series=tuple(_series(row) for row in data.get("series", ())),
        facts=data.get("facts", {}),
        rules=data.get("rules", {}),
    )


def _result(row: Mapping[str, Any]) -> Result:
    verdict = row.get("verdict")
    value = row.get("value")
    return _made(
        Result,
        row,
        value=math.nan if value is None else float(value),
        verdict=None if verdict is None else Verdict(verdict),
        reasons=_reasons(row),
        budget=tuple(_made(Term, term) for term in row.get("budget", ())),
        sources=tuple(row.get("sources", ())),
    )


def _series(row: Mapping[str, Any]) -> Series:
    return _made(
        Series,
        row,
        x=tuple(map(float, row["x"])),
        labels=tuple(row["labels"]),
        values={
            serial: tuple(math.nan if v is None else float(v) for v in values)
            for serial, values in row["values"].items()
        },
        sources=tuple(row["sources"]),
    )


def _reasons(row: Mapping[str, Any]) -> tuple[Reason, ...]:
    return tuple(_made(Reason, reason) for reason in row.get("reasons", ()))


def _made(kind: type[T], row: Mapping[str, Any], **given: Any) -> T:
    """Make a record of the fields that it knows: a later version may have written more."""
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    return kind(**{**{name: value for name, value in row.items() if name in known}, **given})


def _value(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Verdict):
        return value.value
    if isinstance(value, tuple | list):
        return [_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _value(item) for key, item in value.items()}
    if isinstance(value, Reason | Term | Result | UnitResult | Series | Assessment):
        return {item.name: _value(getattr(value, item.name)) for item in fields(value)}
    return value
