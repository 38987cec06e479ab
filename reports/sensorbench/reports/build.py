"""build(runs) -> Report: the whole document, from evidence alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo

from sensorbench.core.verdict import Verdict, overall
from sensorbench.reports.chapters import chapter, warnings
from sensorbench.reports.equipment import equipment
from sensorbench.reports.events import environment
from sensorbench.reports.grids import judged
from sensorbench.reports.model import (
    Block,
    Cell,
    Column,
    Facts,
    Notice,
    Report,
    Section,
    Table,
    Text,
)
from sensorbench.reports.runs import Run
from sensorbench.reports.text import (
    clean,
    count_verdicts,
    moment,
    plural,
    serials,
)
from sensorbench.reports.trace import traceability

_SCOPE = (
    "The results relate only to the units named. A test that bears the name of a standard was done "
    "per the source stated with it. Whether the number of lots and units satisfies a qualification "
    "plan is not judged here. This is no certificate: AEC certifies no part; its supplier declares "
    "it qualified. Not to be reproduced except in full."
)


def build(runs: Sequence[Run], zone: tzinfo | None = None) -> Report:
    """Return the report on `runs`; local times are in `zone`, None is this machine's.

    The same evidence and zone give the same report.
    """
    simulated = any(run.is_simulated for run in runs)
    ended = max(run.ended for run in runs)
    mark = "SIM-" if simulated else ""
    report_number = f"{mark}R{ended:%Y%m%d}-{_digest(runs)}"
    stem = runs[0].root.name if len(runs) == 1 else report_number
    verdict = overall(run.verdict for run in runs)
    return Report(
        number=report_number,
        stem=f"report-{stem if stem.startswith(mark) else mark + stem}",
        title="Demonstration report" if simulated else "Test report",
        subject="; ".join(dict.fromkeys(run.subject for run in runs)),
        is_simulated=simulated,
        verdict=verdict,
        ended=ended,
        head=(
            *(Notice(text) for run in runs for text in warnings(run)),
            _title_facts(runs, report_number, verdict, zone),
            Text(_SCOPE),
        ),
        sections=(
            Section("summary", "Summary", tuple(_summary(runs))),
            *(chapter(run, len(runs) == 1) for run in runs),
            equipment(runs),
            environment(runs),
            traceability(runs),
            Section("sign-off", "Sign-off", (_sign_off(simulated),)),
        ),
    )


def _digest(runs: Sequence[Run]) -> str:
    """Return what tells this evidence from any other: a changed run gives another number."""
    lines = []
    for run in runs:
        events = run.events()
        lines.append(f"{run.run_id} {run.seal} {events[-1].hash if events else ''}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


def _title_facts(
    runs: Sequence[Run], report_number: str, verdict: Verdict, zone: tzinfo | None
) -> Facts:
    started = min((run.started for run in runs if run.started), default=None)
    ended = max(run.ended for run in runs)
    performed = f"{moment(started, zone)} to {moment(ended, zone)}" if started else "not known"
    return Facts(
        (
            ("Report number", Cell(report_number)),
            ("Overall verdict", judged(verdict)),
            *(("Part and lot", Cell(text)) for text in _lots(runs)),
            ("Station", Cell(_all(runs, _station))),
            ("Performed", Cell(performed)),
            ("Software", Cell(_all(runs, _software))),
            ("Values are", Cell(_all(runs, _provenance))),
        )
    )


def _all(runs: Sequence[Run], said: Callable[[Run], str]) -> str:
    return "; ".join(dict.fromkeys(said(run) for run in runs))


def _station(run: Run) -> str:
    name, location = run.manifest("station"), run.manifest("location")
    return clean(f"{name}, {location}" if location else name or "not known")


def _software(run: Run) -> str:
    versions = run.manifest("software") or {}
    return clean(f"sensorbench {versions.get('sensorbench', 'of unknown version')}")


def _provenance(run: Run) -> str:
    if not run.is_simulated:
        return "measured on hardware"
    seed = run.manifest("seed")
    return "SIMULATED" if seed is None else f"SIMULATED, seed {clean(seed)}"


def _sign_off(simulated: bool) -> Block:
    if simulated:
        return Text("Simulated values are not signed off.")
    empty = Cell("")
    return Table(
        "Nobody has signed this report unless a signature stands here",
        (Column(""), Column("Name", grow=True), Column("Date"), Column("Signature", grow=True)),
        tuple((Cell(role), empty, empty, empty) for role in ("Prepared", "Reviewed", "Authorised")),
    )


def _lots(runs: Sequence[Run]) -> list[str]:
    found = []
    for run in runs:
        text = run.subject
        if run.data:
            part, lot = run.data.part.part, run.data.lot
            text = f"{part.title or part.name}, lot {lot.lot.id}, {plural(len(lot.unit), 'unit')}"
            text += f": {lot.lot.description}" if lot.lot.description else ""
        found.append(clean(text))
    return list(dict.fromkeys(found))


def _summary(runs: Sequence[Run]) -> Iterator[Block]:
    yield Table(
        "Verdict of each run",
        (
            Column("Run"), Column("Verdict"), Column("Test", grow=True), Column("Part and lot"),
            Column("Units", align="right"), Column("PASS", align="right"),
            Column("FAIL", align="right"), Column("INVALID", align="right"),
        ),
        tuple(_run_row(run) for run in runs),
        "INVALID: the value, or a condition it needs, is not known. It is neither PASS nor FAIL.",
    )  # fmt: skip
    rows = [row for run in runs for row in _not_passed(run)]
    if not rows:
        yield Text("Every unit of every run is PASS.")
        return
    yield Table(
        "Units that are not PASS, and why",
        (Column("Run"), Column("Unit"), Column("Reason", grow=True), Column("Verdict")),
        tuple(rows),
    )


def _run_row(run: Run) -> tuple[Cell, ...]:
    units = run.unit_verdicts
    counts = count_verdicts(units.values())
    return (
        Cell(str(run.number)),
        judged(run.verdict),
        Cell(run.title),
        Cell(run.subject),
        Cell(str(len(units) or run.manifest("units") or "?")),
        *(Cell(str(counts[verdict]) if units else "?") for verdict in Verdict),
    )


def _not_passed(run: Run) -> Iterator[tuple[Cell, ...]]:
    """Return units with the same reasons as one row; a run without results as a whole."""
    if run.assessment is None:
        yield (
            Cell(str(run.number)),
            Cell("all"),
            Cell("no result can be computed"),
            judged(run.verdict),
        )
        return
    groups: dict[tuple[Verdict, tuple[str, ...]], list[str]] = {}
    for unit in run.assessment.units:
        if unit.verdict is not Verdict.PASS:
            groups.setdefault((unit.verdict, unit.reasons), []).append(unit.serial)
    lot = [unit.serial for unit in run.assessment.units]
    for (verdict, reasons), found in groups.items():
        more = f" (and {plural(len(reasons) - 1, 'more reason')})" if len(reasons) > 1 else ""
        yield (
            Cell(str(run.number)),
            Cell(serials(found, lot), plural(len(found), "unit") if len(found) > 1 else ""),
            Cell(clean(reasons[0]) + more if reasons else "no reason on record"),
            judged(verdict),
        )
