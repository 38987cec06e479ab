"""build(runs) -> Report: the whole document, from evidence alone, a part for each language.

Of two languages each is a part that is complete in itself, one after the other in one document with
one number and one signature: nobody reads past the other's words, nothing is said only once, and
what they say can be compared. The first language governs, and the document says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from sensorbench.core.verdict import Verdict, overall
from sensorbench.parts.model import slug
from sensorbench.reports.asked import asked_blocks
from sensorbench.reports.environment import environment
from sensorbench.reports.equipment import equipment
from sensorbench.reports.model import (
    Block,
    Cell,
    Column,
    Notice,
    Part,
    Report,
    Section,
    Table,
    Text,
)
from sensorbench.reports.phases import phase_blocks
from sensorbench.reports.runs import Run
from sensorbench.reports.summary import summary, title_facts, warnings
from sensorbench.reports.trace import traceability
from sensorbench.reports.words import Words

_LABELS = ("contents", "page", "page_of", "page_end", "end", "none")
_SIGNERS = ("prepared", "reviewed", "authorised")


def build(
    runs: Sequence[Run], zone: tzinfo | None = None, languages: Sequence[str] = ("en",)
) -> Report:
    """Return the report on `runs`; local times are in `zone`, None is this machine's.

    The same evidence, zone and languages give the same report.
    """
    simulated = any(run.is_simulated for run in runs)
    ended = max(run.ended for run in runs)
    mark = "SIM-" if simulated else ""
    number = f"{mark}R{ended:%Y%m%d}-{_digest(runs)}"
    stem = slug(runs[0].run_id) if len(runs) == 1 else number  # its folder may have another name
    verdict = overall(run.verdict for run in runs)
    spoken = [Words(language) for language in languages]
    return Report(
        number=number,
        stem=f"report-{stem if stem.startswith(mark) else mark + stem}",
        is_simulated=simulated,
        verdict=verdict,
        ended=ended,
        parts=tuple(
            _part(runs, number, verdict, words, spoken, zone, simulated) for words in spoken
        ),
    )


def _part(
    runs: Sequence[Run],
    number: str,
    verdict: Verdict,
    words: Words,
    spoken: Sequence[Words],
    zone: tzinfo | None,
    simulated: bool,
) -> Part:
    before = "" if words is spoken[0] else f"{words.language}-"
    last = words is spoken[-1]
    sections = [
        Section(f"{before}summary", words.text("summary.title"), tuple(summary(runs, words))),
        *(_chapter(run, len(runs) == 1, words, before) for run in runs),
        environment(runs, words, f"{before}environment"),
        equipment(runs, words, f"{before}equipment", zone),
        traceability(runs, words, f"{before}traceability"),
    ]
    if last:
        sections.append(_sign_off(simulated, spoken, f"{before}sign-off"))
    return Part(
        language=words.language,
        title=words.text("title.demonstration" if simulated else "title.test"),
        subject=words.sentence(list(dict.fromkeys(run.subject(words) for run in runs))),
        labels={name: words.text(f"label_of.{name}") for name in _LABELS},
        head=(
            *(Notice(text) for run in runs for text in warnings(run, words)),
            title_facts(runs, number, verdict, words, zone),
            Text(words.text("title.scope")),
            *_governing(words, spoken),
        ),
        sections=tuple(sections),
    )


def _governing(words: Words, spoken: Sequence[Words]) -> Iterator[Block]:
    if len(spoken) > 1:
        name = words.text(f"language.{spoken[0].language}")
        yield Text(words.text("title.governing", language=name))


def _chapter(run: Run, is_alone: bool, words: Words, before: str) -> Section:
    """Return what one run was asked and what came out.

    In a report on several runs, what is wrong with the evidence stands here once more.
    """
    again = () if is_alone else tuple(Notice(text) for text in warnings(run, words))
    title = words.text(
        "run.heading", n=run.number, title=run.title(words), subject=run.subject(words)
    )
    return Section(f"{before}{run.anchor}", title, (*again, *_blocks(run, words)))


def _blocks(run: Run, words: Words) -> Iterator[Block]:
    schedule = run.schedule
    if schedule is None:
        yield Text(words.text("run.unreadable"))
        return
    yield from asked_blocks(run, schedule, words)
    if run.assessment is None:
        yield Text(words.text("run.no_result"))
        return
    for phase in schedule.phases:
        yield from phase_blocks(phase, run, words)


def _sign_off(simulated: bool, spoken: Sequence[Words], anchor: str) -> Section:
    """Return where the document is signed, once, in every language of it."""

    def said(key: str) -> str:
        return " / ".join(dict.fromkeys(words.text(f"sign.{key}") for words in spoken))

    if simulated:
        return Section(anchor, said("title"), (Text(said("simulated")),))
    empty = Cell("")
    table = Table(
        said("caption"),
        (Column(""), Column(said("name"), grow=True), Column(said("date")),
         Column(said("signature"), grow=True)),
        tuple((Cell(said(role)), empty, empty, empty) for role in _SIGNERS),
    )  # fmt: skip
    return Section(anchor, said("title"), (table,))


def _digest(runs: Sequence[Run]) -> str:
    """Return what tells this evidence from any other: a changed run gives another number."""
    lines = []
    for run in runs:
        events = run.events()
        lines.append(f"{run.run_id} {run.seal} {events[-1].hash if events else ''}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]
