"""What was asked of a run, read off its schedule: units, places, references, and each phase.

What a phase does is told by its steps, so that any kind of test is told in the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sensorbench.profiles.schedule import (
    Action,
    Do,
    Hold,
    Read,
    Release,
    Schedule,
    Set,
    Settle,
)
from sensorbench.reports.facts import label, there, told
from sensorbench.reports.model import Block, Cell, Column, Facts, Heading, Notice, Table
from sensorbench.reports.names import Names
from sensorbench.reports.places import places_table, protections_table
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, serials
from sensorbench.reports.values import plain, roundest
from sensorbench.reports.words import Words

Row = tuple[str, Cell]
_FOR_PROGRAMS = ("soaks", "each_unit")
"""Numbers of steps, and what the list of what is to be attached says already."""
_TESTS = ("before", "interim", "after", "within_s", "from", "back_s")


def asked_blocks(run: Run, schedule: Schedule, words: Words) -> Iterator[Block]:
    """Return what was asked: what is away from a standard first."""
    names = run.names(words)
    for name, choice in schedule.choices.items():
        if not choice.get("standard", True):
            because = clean(choice.get("because") or words.text("no_reason"))
            title = clean(words.name("choice", name))
            yield Notice(
                words.text("asked.away", name=title, option=_option(choice, words), because=because)
            )
    yield Heading(words.text("asked.heading"))
    rows = [*_profile(schedule, words), *_choices(schedule, words), *_units(run, names),
            *_rules(run, words)]  # fmt: skip
    yield Facts(tuple(rows))
    yield _phases(schedule, names)
    yield from places_table(run, schedule, words)
    yield from protections_table(run, schedule, words)


def _profile(schedule: Schedule, words: Words) -> Iterator[Row]:
    profile = schedule.profile
    title = clean(words.said(profile.get("title", "")))
    name = clean(profile.get("id", ""))
    yield words.text("asked.profile"), Cell(words.text("named", name=name, value=title))
    yield words.text("asked.source"), Cell(clean(words.said(profile.get("source", ""))))


def _choices(schedule: Schedule, words: Words) -> Iterator[Row]:
    for name, choice in schedule.choices.items():
        by = words.text(f"asked.by_{choice.get('by', 'agreement')}")
        found = [words.text("bracketed", text=_option(choice, words), more=by)]
        if not choice.get("standard", True):
            found.append(words.text("asked.not_standard"))
        text = words.text("list.clause").join(found)
        if choice.get("because"):
            text = words.text("named", name=text, value=clean(choice["because"]))
        title = clean(words.name("choice", name))
        yield words.text("asked.choice", name=title), Cell(text, _decided(choice, words))


def _option(choice: Mapping[str, Any], words: Words) -> str:
    option = clean(choice.get("option"))
    return words.text("asked.grade", grade=option) if choice.get("by") == "grade" else option


def _decided(choice: Mapping[str, Any], words: Words) -> str:
    """Return the values that a choice gave, as the profile writes them."""
    found = []
    for key, value in dict(choice.get("values") or {}).items():
        name = next((words.text(f"{group}.{key}") for group in ("quantity", "choice")
                     if words.has(f"{group}.{key}")), clean(key.replace("_", " ")))  # fmt: skip
        text = words.listed([clean(v) for v in value]) if isinstance(value, list) else clean(value)
        if there(value):
            found.append(words.text("named", name=name, value=text))
    return words.sentence(found)


def _units(run: Run, names: Names) -> Iterator[Row]:
    words = names.words
    before = ""
    for (part, lot), own in run.lots.items():
        row = names.part(part)
        title = clean(words.said(row.get("title") or part))
        grade = row.get("grade")
        told = [title] if grade is None else [title, words.text("asked.grade", grade=grade)]
        text = words.text("list.clause").join(told)
        if part != before:
            yield words.text("asked.part"), Cell(text, _ranges(row, names))
        before = part
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
    yield from _holds([action for _, action in own], names)
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
    """Say within what each address counts as reached, and how long it must stay there at most."""
    longest: dict[tuple[str, float], float] = {}
    for action in actions:
        for band in action.bands:
            if band.target is not None:
                key = band.address, band.within
                longest[key] = max(longest.get(key, 0.0), action.for_s)
    told = []
    for time in sorted(set(longest.values()), reverse=True):
        bands = [
            names.words.text("named", name=names.address(w), value=f"±{names.difference(w, x)}")
            for (w, x), own in longest.items()
            if own == time
        ]
        told.append(
            names.words.text("asked.kept", bands=names.words.listed(bands),
                             time=names.duration(time))
        )  # fmt: skip
    if told:
        yield names.words.text("asked.soak", bands=names.words.text("list.clause").join(told))


def _holds(actions: Sequence[Action], names: Names) -> Iterator[str]:
    """Say what must be served, at which values within which bands, and what was off then."""
    served: dict[str, float] = {}
    held: dict[tuple[str, float], list[Any]] = {}
    off: dict[str, bool] = {}
    free: dict[str, None] = {}
    for action in actions:
        if isinstance(action, Set):
            off[action.address] = False
        elif isinstance(action, Release):
            off |= {where: True for where in off if where == action.what}
        elif isinstance(action, Hold):
            # Each batch serves it by itself, in several parts between readouts.
            own = served.get(action.phase, 0.0)
            begun = action.done_s if action.phase else own
            served[action.phase] = max(own, begun + action.credit_s)
            free |= {where: None for where, is_off in off.items() if is_off}
            for band in action.bands:
                known = held.setdefault((band.address, band.within), [])
                if band.target is not None and band.target not in known:
                    known.append(band.target)
    total = sum(served.values())
    if not total:
        return
    time = names.hours(total) if total >= 3600 else names.duration(total)
    text = names.words.text("asked.hold", time=time)
    bands = [
        names.words.text("named", name=names.address(where),
                         value=f"{names.values(where, known)} ±{names.difference(where, within)}")
        for (where, within), known in held.items()
        if known
    ]  # fmt: skip
    if bands:
        text = names.words.text("asked.held", hold=text, bands=names.words.listed(bands))
    yield text
    if free:
        yield names.words.text("asked.free", what=names.words.listed([*map(names.address, free)]))


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
    yield from _settings(actions, schedule, names)


def _settings(actions: Sequence[Read], schedule: Schedule, names: Names) -> Iterator[str]:
    """Say how parts were set up while they were read; whose that is where there are several."""
    found: dict[str, set[str]] = {}
    for action in actions:
        for part, own in schedule.points[action.point].settings.items():
            said = {_setting(names, part, name, value) for name, value in dict(own).items()}
            found.setdefault(part, set()).update(said)
    code = "asked.settings_of" if len(schedule.parts) > 1 else "asked.settings"
    for part, said in found.items():
        if said:
            listed = names.words.listed(sorted(said))
            yield names.words.text(code, part=clean(part), settings=listed)


def _setting(names: Names, part: str, name: str, value: object) -> str:
    """Return a setting of a part with its unit, where the run has that on record."""
    unit = str(names.part(part).get("settings", {}).get(name, "1"))
    if isinstance(value, int | float):
        value = plain(float(value), unit, roundest(unit, float(value)))
    title = clean(names.words.name("setting", name))
    return names.words.text("named", name=title, value=clean(value))


def _data(phase: Mapping[str, Any], names: Names) -> Iterator[str]:
    """Say what the kind itself put on record, by name; not what is for programs."""
    data = dict(phase.get("data") or {})
    for key, value in data.items():
        if key not in _FOR_PROGRAMS and there(value) and value is not False:
            words = names.words
            name = words.text(f"data.{key}") if words.has(f"data.{key}") else label(words, key)
            is_test = key == "test" and isinstance(value, Mapping)
            text = told(names, key, _tests(value) if is_test else value, data)
            yield words.text("named", name=name, value=text)


def _tests(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is tested when, in the order of time; a window is counted where there is one."""
    dated = there(asked.get("within_s")) or there(asked.get("back_s"))
    order = dict.fromkeys([*_TESTS, *asked])
    return {k: asked[k] for k in order if there(asked.get(k)) and (dated or k != "from")}
