"""How a number is followed back to what was read, and whether that is untouched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sensorbench.reports.model import Block, Cell, Column, Facts, Heading, Section, Table, Text
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, plural

_HOW = (
    "A number after # is an entry of the run's journal: the line of journal.jsonl, in the folder "
    'of that run, that has this "seq". The line of a readout says what was asked, which unit did '
    "not answer and why, and where in samples/ the raw readings of units and references are, with "
    "their SHA-256. Each line carries the digest of the line before it; the seal covers every file "
    "of the run."
)
_CHECK = (
    "To check the evidence, and to compute every result again from the raw readings: "
    "sensorbench verify FOLDER. To see one journal entry, here 42: "
    "grep '\"seq\":42,' FOLDER/journal.jsonl"
)


def traceability(runs: Sequence[Run]) -> Section:
    """Return how to trace a number, and each run's seal and verification."""
    blocks: list[Block] = [Text(_HOW), Text(_CHECK)]
    for run in runs:
        blocks += [Heading(f"Run {run.number}: {run.title}, {run.subject}"), *_run(run)]
    return Section("traceability", "Traceability", tuple(blocks))


def _run(run: Run) -> Iterator[Block]:
    findings = run.verification.findings
    results = len(run.assessment.results) if run.assessment else 0
    whole = f"whole: every digest matches, {plural(results, 'result')} recomputed and equal"
    events = run.events()
    software = run.manifest("software") or {}
    yield Facts(
        (
            ("Run", Cell(run.run_id)),
            ("Evidence folder", Cell(clean(run.root.name))),
            ("Seal (SHA-256)", Cell(run.seal or "NONE: the run was never sealed")),
            ("Last journal line (SHA-256)", Cell(events[-1].hash if events else "none")),
            ("Journal", Cell(plural(len(events), "entry"))),
            ("Measured with", Cell(clean(", ".join(f"{k} {v}" for k, v in software.items())))),
            ("Verified for this report", Cell(
                plural(len(findings), "finding") if findings else whole)),
        ),
        mono=True,
    )  # fmt: skip
    if findings:
        yield Table(
            f"Findings of the verification of run {run.number}",
            (Column("Kind"), Column("File"), Column("What is wrong", grow=True)),
            tuple(
                (Cell(f.level.value), Cell(clean(f.file)), Cell(clean(f.text))) for f in findings
            ),
        )
