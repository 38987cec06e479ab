"""The first pages: the verdict, what is wrong, and every unit that is not PASS with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo

from sensorbench.assessment.reasons import FOLLOWING
from sensorbench.assessment.results import Result, UnitResult
from sensorbench.core.verdict import Verdict
from sensorbench.evidence.check import NO_SEAL
from sensorbench.reports.findings import located
from sensorbench.reports.items import judged, margin
from sensorbench.reports.model import Block, Cell, Column, Facts, Table, Text
from sensorbench.reports.names import differing
from sensorbench.reports.reasons import reason_text, reasons_text
from sensorbench.reports.runs import Run
from sensorbench.reports.text import (
    clean,
    count_verdicts,
    entries,
    moment,
    serials,
    shortened,
)
from sensorbench.reports.words import Words

_MOST_FINDINGS = 3
_MOST_ROWS = 80


def warnings(run: Run, words: Words) -> Iterator[str]:
    """Say what is wrong with the evidence of a run, and why it is not complete."""
    name = words.text("run.name", n=run.number, id=run.run_id)
    ended = run.assessment.reasons if run.assessment else ()
    # Why a run has no seal is told by how it ended.
    found = [f for f in run.verification.findings if not ended or f.code != NO_SEAL]
    findings = [shortened(located(words, f)) for f in found[:_MOST_FINDINGS]]
    if len(found) > _MOST_FINDINGS:
        findings.append(words.text("warning.more", n=len(found) - _MOST_FINDINGS))
    if run.is_damaged:
        yield words.text("warning.damaged", run=name, why=" | ".join(findings))
    elif ended or findings:
        told = [reason_text(run.names(words), reason) for reason in ended]
        why = " | ".join(dict.fromkeys([*told, *findings]))
        yield words.text("warning.incomplete", run=name, why=why)


def title_facts(
    runs: Sequence[Run], number: str, verdict: Verdict, words: Words, zone: tzinfo | None
) -> Facts:
    """Return what the document is about, the verdict first."""
    started = min((run.started for run in runs if run.started), default=None)
    ended = max(run.ended for run in runs)
    performed = (
        words.text("range", low=moment(started, zone), high=moment(ended, zone))
        if started
        else words.text("unknown")
    )
    rows = [
        ("verdict", judged(verdict, words)),
        ("number", Cell(number)),
        *(("part_and_lot", Cell(text)) for text in _lots(runs, words)),
        ("station", Cell(_all(runs, _station, words))),
        ("performed", Cell(performed)),
        ("software", Cell(_all(runs, _software, words))),
        ("values_are", Cell(_all(runs, _provenance, words))),
    ]
    return Facts(tuple((words.text(f"title.{key}"), cell) for key, cell in rows))


def _all(runs: Sequence[Run], said: Callable[[Run, Words], str], words: Words) -> str:
    return words.sentence(list(dict.fromkeys(said(run, words) for run in runs)))


def _station(run: Run, words: Words) -> str:
    told = [str(run.manifest(key)) for key in ("station", "location") if run.manifest(key)]
    return clean(", ".join(told) or words.text("unknown"))


def _software(run: Run, words: Words) -> str:
    versions = run.manifest("software") or {}
    return clean(f"sensorbench {versions.get('sensorbench', words.text('unknown'))}")


def _provenance(run: Run, words: Words) -> str:
    if not run.is_simulated:
        return words.text("title.measured")
    seed = run.manifest("seed")
    if seed is None:
        return words.text("title.simulated")
    return words.text("title.simulated_seed", seed=clean(seed))


def _lots(runs: Sequence[Run], words: Words) -> list[str]:
    found = []
    for run in runs:
        for (part, lot), own in run.lots.items():
            title = run.names(words).part(part).get("title") or part
            subject = words.text("part_and_lot", part=clean(words.said(title)), lot=clean(lot))
            count = words.text("count.unit", n=len(own))
            found.append(words.text("list.clause").join([subject, count]))
        if not run.lots:
            found.append(run.subject(words))
    return list(dict.fromkeys(found))


# -- verdicts and reasons ----------------------------------------------------------------------


def summary(runs: Sequence[Run], words: Words) -> Iterator[Block]:
    """Return the verdict of each run, and each unit that is not PASS with its reason."""
    yield Table(
        words.text("summary.runs"),
        (
            Column(words.text("column.run")), Column(words.text("column.verdict")),
            Column(words.text("column.test"), grow=True), Column(words.text("column.part_and_lot")),
            Column(words.text("column.units"), align="right"),
            *(Column(words.text(f"verdict.{v.value}"), align="right") for v in Verdict),
        ),
        tuple(_run_row(run, words) for run in runs),
        words.text("summary.invalid"),
    )  # fmt: skip
    rows = [row for run in runs for row in _not_passed(run, words)]
    if not rows:
        yield Text(words.text("summary.all_passed"))
        return
    note = words.text("summary.more", n=len(rows) - _MOST_ROWS) if len(rows) > _MOST_ROWS else ""
    columns = ("run", "unit", "verdict", "reason", "phase", "journal")
    yield Table(
        words.text("summary.not_passed"),
        tuple(Column(words.text(f"column.{name}"), grow=name == "reason") for name in columns),
        tuple(rows[:_MOST_ROWS]),
        note,
    )


def _run_row(run: Run, words: Words) -> tuple[Cell, ...]:
    units = run.unit_verdicts
    counts = count_verdicts(units.values())
    return (
        Cell(str(run.number)),
        judged(run.verdict, words),
        Cell(run.title(words)),
        Cell(run.subject(words)),
        Cell(str(len(units) or run.manifest("units") or "?")),
        *(Cell(str(counts[verdict]) if units else "?") for verdict in Verdict),
    )


def _not_passed(run: Run, words: Words) -> Iterator[tuple[Cell, ...]]:
    """Return units with the same reasons as one row; a run without results as a whole."""
    if run.assessment is None:
        yield (
            Cell(str(run.number)), Cell(words.text("all")), judged(run.verdict, words),
            Cell(words.text("summary.no_result")), Cell(""), Cell(""),
        )  # fmt: skip
        return
    groups: dict[tuple[Verdict, str, str], list[tuple[str, Result | None]]] = {}
    for verdict in (Verdict.FAIL, Verdict.INVALID):
        for unit in run.assessment.units:
            if unit.verdict is verdict:
                result, why = _why(unit, run, words)
                phase = run.names(words).phase(result.phase) if result else ""
                groups.setdefault((verdict, why, phase), []).append((unit.serial, result))
    for (verdict, why, phase), found in groups.items():
        alike = [serial for serial, _ in found]
        sources = [seq for _, result in found if result for seq in result.sources]
        yield (
            Cell(str(run.number)),
            Cell(serials(alike, run.serials, words),
                 words.text("count.unit", n=len(alike)) if len(alike) > 1 else ""),
            judged(verdict, words),
            Cell(why),
            Cell(phase),
            Cell(entries(sources)),
        )  # fmt: skip


def _why(unit: UnitResult, run: Run, words: Words) -> tuple[Result | None, str]:
    """Return the result that says most about a unit's verdict, and its reason in words."""
    names = run.names(words)
    own = run.results_of(unit.serial)
    same = [r for r in own if r.verdict is unit.verdict and set(r.reasons) & set(unit.reasons)]
    if not same:
        return None, reasons_text(names, unit.reasons[:2]) or words.text("no_reason")
    # The farthest outside by its own limits; of what is not known the first that is a cause.
    if unit.verdict is Verdict.FAIL:
        result = min(same, key=_relative)
    else:
        result = min(same, key=lambda r: all(reason.code in FOLLOWING for reason in r.reasons))
    told = differing(other.at for other in run.results(result.phase))
    why = reasons_text(names, result.reasons[:2], result, told) or words.text("no_reason")
    more = len({reason_text(names, x, r) for r in same for x in r.reasons}) - 1
    if more > 0:
        why = words.text("summary.and_more", why=why, n=more)
    return result, why


def _relative(result: Result) -> float:
    low, high = result.low, result.high
    width = high - low if low is not None and high is not None else abs(high or low or 1.0)
    return margin(result) / (width or 1.0)
