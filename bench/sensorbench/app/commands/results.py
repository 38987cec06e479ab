"""show: what came out of a run."""

from __future__ import annotations

from pathlib import Path

import typer

from sensorbench.app.commands.common import find_run, print_json, print_table
from sensorbench.app.words import say_alarms, say_reason, title_of
from sensorbench.assessment.results import Assessment, Result
from sensorbench.assessment.results import as_json as assessment_json
from sensorbench.assessment.verify import verify
from sensorbench.core.errors import EvidenceError
from sensorbench.core.provenance import Provenance
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.run import RunReader
from sensorbench.safety.record import in_words, record_of
from sensorbench.station.workspace import Workspace

_MOST_ALARMS = 8


def show_run(root: Path, name: str, as_json: bool) -> int:
    """Print a run's units and results, only as good as its evidence; return 1 unless all passed.

    Raises InputError for a run that is not there, EvidenceError for one that can't be read.
    """
    path = find_run(Workspace(root), name)
    run, verified = RunReader(path), verify(path, afresh=False)
    findings = [str(finding) for finding in verified.findings]
    if verified.assessment is None:
        raise EvidenceError("\n".join([f"{path.name}: {verified.verdict.value}", *findings]))
    if as_json:
        print_json(
            {
                "manifest": run.manifest,
                **assessment_json(verified.assessment),
                "verdict": verified.verdict.value,
                "provenance": run.provenance.value,
                "findings": findings,
            }
        )
    else:
        acted = in_words(record_of(root, path.name))
        _print(run, verified.assessment, verified.verdict, [*findings, *acted])
    return 0 if verified.verdict is Verdict.PASS else 1


def _alarms(run: RunReader) -> list[str]:
    """Return what was lost, exceeded or changed on the way, the first of many."""
    told, more = say_alarms(run, _MOST_ALARMS)
    return [*told, f"and {more} more, see the report"] if more else told


def _print(run: RunReader, found: Assessment, verdict: Verdict, findings: list[str]) -> None:
    if run.provenance is Provenance.SIMULATED:
        typer.echo("SIMULATED - NOT A MEASUREMENT")
    typer.echo(f"{run.run_id}: {verdict.value}")
    get = run.manifest.get
    parts, lots = ", ".join(get("parts", "?")), ", ".join(get("lots", "?"))
    typer.echo(f"{title_of(get('title', '?'))}; part {parts}, lot {lots}")
    for line in (*findings, *map(say_reason, found.reasons), *_alarms(run)):
        typer.echo(line)
    rows = []
    for unit in found.units:
        own = [r for r in found.of(unit.serial) if r.verdict is not None]
        margin = [_margin(r) for r in own if r.verdict is not Verdict.INVALID]
        tightest = min(margin, default=None)
        rows.append(
            (
                unit.serial,
                unit.socket,
                unit.verdict.value,
                f"{len(own)}",
                tightest[1] if tightest else "",
                say_reason(unit.reasons[0]) if unit.reasons else "",
            )
        )
    print_table(("unit", "socket", "verdict", "results", "nearest to its limit", "reason"), rows)


def _margin(result: Result) -> tuple[float, str]:
    """Return how much of the limit is left, 0 at the limit and 1 in the middle, and in words."""
    name = result.parameter or f"{result.measure} {result.channel}".strip()
    low = -result.high if result.low is None and result.high is not None else result.low
    if result.high is None or low is None:
        return 1.0, f"{name} {_with_unit(result.value, result.unit)}"
    left = min(result.value - low, result.high - result.value) / ((result.high - low) / 2)
    return left, f"{name} {result.value:.4g} of {_with_unit(result.high, result.unit)}"


def _with_unit(value: float, unit: str) -> str:
    """Return a value with its unit; a count has none, and is whole.

    >>> _with_unit(0.5, "K"), _with_unit(30301.0, "1"), _with_unit(0.25, "1")
    ('0.5 K', '30301', '0.25')
    """
    if unit != "1":
        return f"{value:.4g} {unit}"
    return f"{value:.0f}" if value.is_integer() else f"{value:.4g}"
