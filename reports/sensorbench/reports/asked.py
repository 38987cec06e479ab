"""What was asked of a run, read off its schedule: units, places, references, and each phase.

What a phase does is told by its steps, so that any kind of test is told in the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sensorbench.profiles.schedule import Do, Hold, Read, Schedule, Set, Settle
from sensorbench.reports.facts import label, there, told
from sensorbench.reports.model import Block, Cell, Column, Facts, Heading, Notice, Table
from sensorbench.reports.names import Names
from sensorbench.reports.places import places_table
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, serials
from sensorbench.reports.values import plain
from sensorbench.reports.words import Words

Row = tuple[str, Cell]


def asked_blocks(run: Run, schedule: Schedule, words: Words) -> Iterator[Block]:
    """Return what was asked: what is away from a standard first."""
    names = run.names(words)
    for name, choice in schedule.choices.items():
        if not choice.get("standard", True):
            because = clean(choice.get("because") or words.text("no_reason"))
            yield Notice(
                words.text("asked.away", name=clean(name), option=clean(choice.get("option")),
                           because=because)
            )  # fmt: skip
    yield Heading(words.text("asked.heading"))
    rows = [*_profile(schedule, words), *_choices(schedule, words), *_units(run, names),
            *_rules(run, words)]  # fmt: skip
    yield Facts(tuple(rows))
    yield _phases(schedule, names)
    yield from places_table(run, schedule, words)


def _profile(schedule: Schedule, words: Words) -> Iterator[Row]:
    profile = schedule.profile
    title = clean(words.said(profile.get("title", "")))
    yield words.text("asked.profile"), Cell(f"{clean(profile.get('id', ''))}: {title}")
    yield words.text("asked.source"), Cell(clean(words.said(profile.get("source", ""))))


def _choices(schedule: Schedule, words: Words) -> Iterator[Row]:
    for name, choice in schedule.choices.items():
        by = words.text(f"asked.by_{choice.get('by', 'agreement')}")
        text = words.text("bracketed", text=clean(choice.get("option")), more=by)
        if not choice.get("standard", True):
            text += f", {words.text('asked.not_standard')}"
        if choice.get("because"):
            text += f": {clean(choice['because'])}"
        yield words.text("asked.choice", name=clean(name)), Cell(text)


def _units(run: Run, names: Names) -> Iterator[Row]:
    words = names.words
    for (part, lot), own in run.lots.items():
        row = names.part(part)
        title = clean(words.said(row.get("title") or part))
        grade = row.get("grade")
        told_grade = f", {words.text('asked.grade', grade=grade)}" if grade is not None else ""
        yield words.text("asked.part"), Cell(f"{title}{told_grade}", _ranges(row, names))
        count = words.text("count.unit", n=len(own))
        text = words.text("asked.units", count=count, lot=clean(lot))
        yield words.text("asked.lot"), Cell(text, serials(own, run.serials, words))


def _ranges(part: Mapping[str, Any], names: Names) -> str:
    """Return what the part is made for, as part.toml says."""
    found = []
    for where, span in part.get("ranges", {}).items():
        low, high = (span.get("words", {}).get(word) for word in ("min", "max"))
        if isinstance(low, int | float) and isinstance(high, int | float):
            text = names.words.text(
                "range", low=names.value(where, low), high=names.value(where, high)
            )
            found.append(names.words.text("named", name=names.address(where), value=text))
    return names.words.listed(found)


def _rules(run: Run, words: Words) -> Iterator[Row]:
    results = run.assessment.results if run.assessment else ()
    rules = dict.fromkeys(result.decision for result in results if result.decision)
    text = words.sentence([clean(words.name("decision", rule)) for rule in rules])
    yield words.text("asked.decision"), Cell(text or words.text("not_judged"))


def _phases(schedule: Schedule, names: Names) -> Table:
    words = names.words
    rows = []
    for number, phase in enumerate(schedule.phases, 1):
        said = [*_steps(schedule, str(phase["name"]), names), *_data(phase, names)]
        rows.append(
            (
                Cell(str(number)),
                Cell(names.phase(phase["name"]), words.name("kind", str(phase["kind"]))),
                Cell(words.sentence(said)),
            )
        )
    return Table(
        words.text("asked.phases"),
        (Column("", align="right"), Column(words.text("column.phase")),
         Column(words.text("column.what"), grow=True)),
        tuple(rows),
    )  # fmt: skip


# -- a phase's steps in words ------------------------------------------------------------------


def _steps(schedule: Schedule, phase: str, names: Names) -> Iterator[str]:
    """Say what is set, when it counts as reached, what is held and what is read."""
    own = [(step, step.action) for step in schedule.steps if step.phase == phase]
    yield from _sets([action for _, action in own if isinstance(action, Set)], names)
    yield from _soaks([action for _, action in own if isinstance(action, Settle)], names)
    yield from _holds([action for _, action in own if isinstance(action, Hold)], names)
    yield from _reads([action for _, action in own if isinstance(action, Read)], schedule, names)
    verbs = dict.fromkeys(action.verb for _, action in own if isinstance(action, Do))
    if verbs:
        told_verbs = names.words.listed([names.words.name("verb", verb) for verb in verbs])
        yield names.words.text("asked.verbs", verbs=told_verbs)


def _sets(actions: Sequence[Set], names: Names) -> Iterator[str]:
    values: dict[str, list[Any]] = {}
    more: dict[str, list[str]] = {}
    for action in actions:
        known = values.setdefault(action.address, [])
        if action.target not in known:
            known.append(action.target)
        if action.rate is not None:
            unit = str(names.row(action.address).get("difference") or names.unit(action.address))
            rate = plain(action.rate * 60, unit)
            more.setdefault(action.address, []).append(names.words.text("asked.rate", rate=rate))
    for where, found in values.items():
        told_values = names.values(where, found)
        text = names.words.text("named", name=names.address(where), value=told_values)
        yield names.words.listed([text, *dict.fromkeys(more.get(where, ()))])


def _soaks(actions: Sequence[Settle], names: Names) -> Iterator[str]:
    """Say once within what each address counts as reached, and for how long it must stay there."""
    bands: dict[tuple[str, float], None] = {}
    times: dict[float, None] = {}
    for action in actions:
        own = [band for band in action.bands if band.target is not None]
        bands |= {(band.address, band.within): None for band in own}
        times |= {action.for_s: None} if own else {}
    if bands:
        told = [
            names.words.text("named", name=names.address(w), value=f"±{names.difference(w, x)}")
            for w, x in bands
        ]
        kept = names.words.listed([names.duration(time) for time in sorted(times)])
        yield names.words.text("asked.soak", bands=names.words.listed(told), times=kept)


def _holds(actions: Sequence[Hold], names: Names) -> Iterator[str]:
    total = sum(action.credit_s for action in actions)
    if not total:
        return
    bands = {(b.address, b.within) for a in actions for b in a.bands if b.target is not None}
    held = [
        names.words.text("named", name=names.address(w), value=f"±{names.difference(w, within)}")
        for w, within in sorted(bands)
    ]
    time = names.hours(total) if total >= 3600 else names.duration(total)
    text = names.words.text("asked.hold", time=time)
    yield (
        names.words.text("asked.held", hold=text, bands=names.words.listed(held)) if held else text
    )


def _reads(actions: Sequence[Read], schedule: Schedule, names: Names) -> Iterator[str]:
    words = names.words
    points = [action for action in actions if not action.is_open]
    if points:
        count = words.text("count.point", n=len({action.point for action in points}))
        samples = sorted({action.samples for action in points})
        each = words.listed([str(number) for number in samples])
        yield words.text("asked.points", points=count, samples=each)
    for every in sorted({action.every_s for action in actions if action.every_s}):
        yield words.text("asked.every", every=names.duration(every))
    if any(action.stream for action in actions):
        yield words.text("asked.stream")
    settings = {
        f"{clean(name)} {value:g}" if isinstance(value, int | float) else f"{name} {value}"
        for action in actions
        for own in schedule.points[action.point].settings.values()
        for name, value in dict(own).items()
    }
    if settings:
        yield words.text("asked.settings", settings=words.listed(sorted(map(clean, settings))))


def _data(phase: Mapping[str, Any], names: Names) -> Iterator[str]:
    """Say what the kind itself put on record, by name."""
    for key, value in dict(phase.get("data") or {}).items():
        if there(value) and value is not False:
            told_data = told(names, key, value, phase["data"])
            yield names.words.text("named", name=label(names.words, key), value=told_data)
