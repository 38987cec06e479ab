"""Looks at a run's journal: what an event says, what many of them come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from sensorbench.assessment.results import Reason
from sensorbench.evidence.journal import Event
from sensorbench.reports.facts import there
from sensorbench.reports.names import Names
from sensorbench.reports.reasons import coded, ended_text, original, reason_text, told_value
from sensorbench.reports.runs import Run, seqs_of
from sensorbench.reports.text import clean

_MOST_LISTED = 10
_ENDED = "run_ended"
Finding = tuple[str, Iterable[int]]
"""What was found in words, and the numbers of the events that say so."""
Look = Callable[[Run, Names], Finding]


def sentence(event: Event, names: Names) -> str:
    """Return what an event says, with when it was."""
    when = names.words.text("events.when", time=names.moment(event.t))
    return names.words.text("bracketed", text=_what(event, names), more=when)


def _what(event: Event, names: Names) -> str:
    data = {k: v for k, v in event.data.items() if k != "frames" and there(v)}
    code = data.get("code")
    if code is not None and names.words.has(f"trip.{code}"):
        return coded(names, f"trip.{code}", dict(data.get("values") or {}))
    if event.kind == _ENDED:
        state, why = names.words.name("state", str(data.get("state", ""))), why_ended(event, names)
        return names.words.text("named", name=state, value=why) if why else state
    if event.kind == "time_jumped":
        return _jumped(data, names)
    told = {name: told_value(names, name, value, data) for name, value in data.items()}
    if event.kind == "attached":  # the chapter of the phase has the digests
        files = [clean(dict(file).get("file", "")) for file in data.get("files", ())]
        told["files"] = names.words.listed(files)
    if names.words.has(f"event.{event.kind}"):
        return names.words.text(f"event.{event.kind}", **told)
    pairs = [f"{names.words.name('fact', key)} {value}" for key, value in told.items()]
    if not pairs:
        return event.kind
    return names.words.text("named", name=event.kind, value=names.words.listed(pairs))


def _jumped(data: Mapping[str, Any], names: Names) -> str:
    """Return by how much the calendar was set, with its sign, and how long the machine slept."""
    told = []
    for name, by in data.items():
        sign = "-" if by < 0 else "+" if name == "calendar_set_by_s" else ""
        told.append(names.words.text(f"event.{name}", by=f"{sign}{names.duration(abs(by))}"))
    return names.words.listed(told)


def why_ended(event: Event, names: Names) -> str:
    """Return why a run ended, "" where nothing is said."""
    reason = event.data.get("reason") or {}
    return ended_text(names, reason if isinstance(reason, Mapping) else {"text": reason})


def all_told(events: Sequence[Event], names: Names) -> Finding:
    """Return the first of the events in sentences, and how many more there are."""
    if not events:
        return names.words.text("none"), ()
    told = [sentence(event, names) for event in events[:_MOST_LISTED]]
    return names.words.sentence(_and_more(told, len(events), names)), seqs_of(events)


def _listed(items: Sequence[str], names: Names) -> list[str]:
    return _and_more(list(items[:_MOST_LISTED]), len(items), names)


def _and_more(shown: list[str], count: int, names: Names) -> list[str]:
    more = count - len(shown)
    return [*shown, names.words.text("events.more", n=more)] if more else shown


def kinds(*kinds: str) -> Look:
    """Return a look at events of those kinds, each told."""
    return lambda run, names: all_told(run.events(*kinds), names)


def facts(*verbs: str) -> Look:
    """Return a look at what verbs found, each told by its own fields."""

    def look(run: Run, names: Names) -> Finding:
        times: dict[str, list[float]] = {}
        found: list[int] = []
        for event in run.events("fact"):
            if event.data.get("verb") not in verbs:
                continue
            found.append(event.seq)
            verb, fact = str(event.data["verb"]), dict(event.data.get("fact") or {})
            times.setdefault(fact_sentence(verb, fact, names), []).append(event.t)
        if not found:
            return names.words.text("none"), ()
        told = [
            names.words.text("bracketed", text=text, more=_when(own, names))
            for text, own in times.items()
        ]
        return names.words.sentence(_listed(told, names)), found

    return look


def _when(times: Sequence[float], names: Names) -> str:
    """Return when something was, or how often and when first."""
    when = names.words.text("events.when", time=names.moment(times[0]))
    if len(times) == 1:
        return when
    return names.words.text("events.often", n=len(times), when=when)


def fact_sentence(verb: str, fact: Mapping[str, Any], names: Names) -> str:
    """Return what a verb found or was told."""
    known = {k: v for k, v in fact.items() if there(v)}
    told = {name: told_value(names, name, value, known) for name, value in known.items()}
    key = f"did.{verb}"
    if verb == "park" and names.words.has(f"did.park_{fact.get('until')}"):
        key = f"did.park_{fact.get('until')}"
    if names.words.has(key):
        return names.words.text(key, **told)
    pairs = [f"{names.words.name('fact', name)} {value}" for name, value in told.items()]
    name = names.words.name("verb", verb)
    return names.words.text("named", name=name, value=names.words.listed(pairs))


def end(run: Run, names: Names) -> Finding:
    """Say how the run ended."""
    events = run.events(_ENDED)
    if not events:
        return names.words.text("events.no_end"), ()
    return _what(events[-1], names), [events[-1].seq]


def interrupted(run: Run, names: Names) -> Finding:
    """Say where it was cut off, parked or taken up again."""
    ended = [e for e in run.events("run_ended") if e.data.get("state") != "complete"]
    more = run.events("resumed", "time_jumped")
    text, found = all_told(sorted([*ended, *more], key=lambda e: e.seq), names)
    return text, found


def soaks(run: Run, names: Names) -> Finding:
    """Say which values were not reached in time."""
    soaks = run.events("soak")
    if not soaks:
        return names.words.text("none"), ()
    failed: list[int] = []
    kinds: Counter[tuple[tuple[str, ...], str]] = Counter()
    for event in soaks:
        if not event.data.get("settled", True):
            failed.append(event.seq)
            took = names.duration(event.data.get("took_s", 0.0))
            kinds[tuple(event.data.get("addresses", ())), took] += 1
    if not failed:
        return names.words.text("events.soaks_fine", n=len(soaks)), ()
    told = [
        names.words.text(
            "events.soak",
            what=names.words.listed([names.address(where) for where in addresses]),
            time=time,
            n=number,
        )
        for (addresses, time), number in kinds.items()
    ]
    text = names.words.text("events.soaks_failed", n=len(failed), of=len(soaks))
    what = names.words.sentence(_listed(told, names))
    return names.words.text("named", name=text, value=what), failed


def unread(run: Run, names: Names) -> Finding:
    """Say which units did not answer, in how many readings, and why the first time."""
    readings = run.events("readout", "monitor", "stream_opened", "stream_closed")
    missed: list[int] = []
    counts: Counter[str] = Counter()
    first: dict[str, Mapping[str, Any]] = {}
    for event in readings:
        partly = event.data.get("partly") or {}
        problems = {serial: next(iter(rows.values())) for serial, rows in partly.items()}
        problems |= event.data.get("problems") or {}
        if problems:
            missed.append(event.seq)
        for serial, problem in problems.items():
            counts[serial] += 1
            first.setdefault(serial, problem if isinstance(problem, Mapping) else {})
    if not counts:
        key = "all_answered" if readings else "none_read"
        return names.words.text(f"events.{key}", n=len(readings)), ()
    told = [
        names.words.text(
            "events.unread",
            serial=clean(serial),
            n=count,
            why=reason_text(names, Reason("device", first[serial])),
        )
        for serial, count in counts.items()
    ]
    return names.words.sentence(_listed(told, names)), missed


def retries(run: Run, names: Names) -> Finding:
    """Count what was tried again, at units and at instruments; tell what only pauses absorbed."""
    counts, found = run.retried
    if not counts:
        return names.words.text("none"), ()
    told = [names.words.text("bracketed", text=clean(name), more=count)
            for name, count in Counter(counts).most_common()]  # fmt: skip
    total = names.words.text("events.retries", n=sum(counts.values()))
    what = names.words.listed(told, _MOST_LISTED)
    text = names.words.text("named", name=total, value=what)
    waited = run.events("recovered")
    if not waited:
        return text, found
    told = [sentence(event, names) for event in waited[:_MOST_LISTED]]
    absorbed = _and_more(told, len(waited), names)
    return names.words.sentence([text, *absorbed]), chain(found, seqs_of(waited))


def named_tables(kind: str) -> Look:
    """Return a look at an event that holds a table by name, such as protections."""

    def look(run: Run, names: Names) -> Finding:
        events = [event for event in run.events(kind) if event.data]
        told = []
        for event in events:
            for name, value in event.data.items():
                zone, _, where = name.rpartition(":")
                known = names.row(where)
                others = {"address": where} if known else {}
                if isinstance(value, Mapping):
                    pairs = [
                        f"{_called(names, kind, key)} {told_value(names, key, v, others)}"
                        for key, v in value.items()
                        if v is not None
                    ]
                    text = names.words.listed(pairs)
                else:
                    text = told_value(names, "text", value, {})
                title = names.address(where, zone) if known else clean(name)
                told.append(names.words.text("named", name=title, value=text))
        unique = list(dict.fromkeys(told))
        if not unique:
            return names.words.text("none"), ()
        return names.words.sentence(_listed(unique, names)), seqs_of(events)

    return look


def _called(names: Names, kind: str, key: str) -> str:
    """Return what a value of an event is called: by its kind, else as everywhere."""
    group = kind if names.words.has(f"{kind}.{key}") else "fact"
    return names.words.name(group, key)


def safe(run: Run, names: Names) -> Finding:
    """Say whether the bench was in its safe state at the end."""
    events = run.events("safe_state")
    if not events:
        return names.words.text("events.safe_unknown"), ()
    problems = [
        original(names.words, p) for event in events for p in event.data.get("problems", ())
    ]
    if problems:
        told = names.words.listed(problems)
        return names.words.text("events.not_safe", problems=told), seqs_of(events)
    notes = [
        original(names.words, note)
        for event in events
        for note in event.data.get("notes", {}).values()
    ]
    return names.words.sentence([names.words.text("events.safe"), *notes]), seqs_of(events)
