"""How a number is followed back to what was read, and whether that is untouched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sensorbench.reports.findings import finding_text
from sensorbench.reports.model import Block, Cell, Column, Facts, Heading, Section, Table, Text
from sensorbench.reports.reasons import original
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean
from sensorbench.reports.words import Words


def traceability(runs: Sequence[Run], words: Words, anchor: str) -> Section:
    """Return how to trace a number, and each run's seal and verification."""
    blocks: list[Block] = [Text(words.text("trace.how")), Text(words.text("trace.check"))]
    for run in runs:
        heading = words.text(
            "run.heading", n=run.number, title=run.title(words), subject=run.subject(words)
        )
        blocks += [Heading(heading), *_run(run, words)]
    return Section(anchor, words.text("trace.title"), tuple(blocks))


def _rules(run: Run, rules: Mapping[str, str], words: Words) -> list[str]:
    """Return each rule with its version: in words, and as results name it where that differs."""
    kinds = {phase["kind"] for phase in run.schedule.phases} if run.schedule else set()
    found: dict[str, None] = {}
    for name, rule in rules.items():
        said = words.name("kind" if name in kinds else "measure", name)
        found[rule if said == name else f"{said} ({rule})"] = None
    return list(found)


def _run(run: Run, words: Words) -> Iterator[Block]:
    findings = run.verification.findings
    results = len(run.assessment.results) if run.assessment else 0
    events = run.events()
    software = run.manifest("software") or {}
    rules = run.assessment.rules if run.assessment else {}
    verified = (
        words.text("trace.findings", n=len(findings))
        if findings
        else words.text("trace.whole", results=words.text("count.result", n=results))
    )
    rows = (
        ("run", run.run_id),
        ("folder", clean(run.root.name)),
        ("seal", run.seal or words.text("trace.no_seal")),
        ("last_line", events[-1].hash if events else words.text("none")),
        ("journal", words.text("count.entry", n=len(events))),
        ("software", clean(words.listed([f"{k} {v}" for k, v in software.items()]))),
        ("rules", clean(words.listed(_rules(run, rules, words)))),
        ("changed", original(words, "; ".join(run.verification.changed))),
        ("verified", verified),
    )
    told = tuple((words.text(f"trace.{key}"), Cell(text)) for key, text in rows if text)
    yield Facts(told, mono=True)
    if findings:
        yield Table(
            words.text("trace.findings_of", n=run.number),
            (Column(words.text("column.kind")), Column(words.text("column.file")),
             Column(words.text("column.wrong"), grow=True)),
            tuple(
                (Cell(words.name("level", f.level.value)), Cell(clean(f.file)),
                 Cell(finding_text(words, f)))
                for f in findings
            ),
        )  # fmt: skip
