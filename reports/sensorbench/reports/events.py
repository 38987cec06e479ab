"""What happened on the way: said for each thing that is looked at, "none" where nothing did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sensorbench.core.errors import BenchError
from sensorbench.evidence.journal import Event
from sensorbench.reports.facts import there
from sensorbench.reports.model import Cell, Column, Table, Text
from sensorbench.reports.names import Names
from sensorbench.reports.reasons import told_value
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, entries
from sensorbench.reports.words import Words

_USUAL = {
    "instrument", "stream", "meters", "needs", "step", "done", "sent", "released", "log", "readout",
    "monitor", "stream_opened", "stream_data", "stream_closed", "hold", "intent", "outcome", "unit",
    "created", "results",
}  # fmt: skip
"""What every run has, and stands elsewhere in the report or only in the journal."""
_MOST_LISTED = 10
Finding = tuple[str, Sequence[Event]]
Look = Callable[[Run, Names], Finding]


def events_table(run: Run, words: Words) -> Table | Text:
    """Return a table of everything that was looked at in a run's journal."""
    if not run.events():
        return Text(words.text("events.no_journal", run=run.run_id))
    names = run.names(words)
    rows = []
    for key, look in _LOOKS.items():
        try:
            text, found = look(run, names)
        except (BenchError, KeyError, ValueError, TypeError, AttributeError) as error:
            text, found = words.text("events.unreadable", error=clean(error)), ()
        rows.append(
            (
                Cell(words.text(f"look.{key}")),
                Cell(clean(text)),
                Cell(entries(event.seq for event in found)),
            )
        )
    columns = ("looked_at", "found", "journal")
    return Table(
        words.text("events.caption", n=run.number),
        tuple(Column(words.text(f"column.{name}"), grow=name == "found") for name in columns),
        tuple(rows),
    )


def sentence(event: Event, names: Names) -> str:
    """Return what an event says, with when it was."""
    when = names.words.text("events.when", time=names.duration(event.t))
    data = {k: v for k, v in event.data.items() if k != "frames" and there(v)}
    told = {name: told_value(names, name, value, data) for name, value in data.items()}
    code = data.get("code")
    if code is not None and names.words.has(f"trip.{code}"):
        values = dict(data.get("values") or {})
        inner = {name: told_value(names, name, value, values) for name, value in values.items()}
        text = names.words.text(f"trip.{code}", **inner)
    elif names.words.has(f"event.{event.kind}"):
        text = names.words.text(f"event.{event.kind}", **told)
    else:
        pairs = [f"{names.words.name('fact', key)} {value}" for key, value in told.items()]
        text = f"{event.kind}: {names.words.listed(pairs)}" if pairs else event.kind
    return f"{text} ({when})"


def _told(events: Iterable[Event], names: Names) -> Finding:
    """Return the events in sentences, equal ones counted once."""
    found = list(events)
    if not found:
        return names.words.text("none"), ()
    return names.words.sentence(_listed([sentence(event, names) for event in found], names)), found


def _listed(items: Sequence[str], names: Names) -> list[str]:
    shown = list(items[:_MOST_LISTED])
    if len(items) > _MOST_LISTED:
        shown.append(names.words.text("events.more", n=len(items) - _MOST_LISTED))
    return shown


def _kinds(*kinds: str) -> Look:
    return lambda run, names: _told(run.events(*kinds), names)


def _facts(*verbs: str) -> Look:
    """Return a look at what verbs found, each told by its own fields."""

    def look(run: Run, names: Names) -> Finding:
        events = [e for e in run.events("fact") if e.data.get("verb") in verbs]
        if not events:
            return names.words.text("none"), ()
        told = []
        for event in events:
            verb, fact = str(event.data["verb"]), dict(event.data.get("fact") or {})
            when = names.words.text("events.when", time=names.duration(event.t))
            told.append(f"{fact_sentence(verb, fact, names)} ({when})")
        return names.words.sentence(_listed(told, names)), events

    return look


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
    return f"{names.words.name('verb', verb)}: {names.words.listed(pairs)}"


# -- looks that count --------------------------------------------------------------------------


def _end(run: Run, names: Names) -> Finding:
    events = run.events("run_ended")
    if not events:
        return names.words.text("events.no_end"), ()
    state, why = str(events[-1].data.get("state", "")), _reason(events[-1])
    text = names.words.name("state", state)
    return (names.words.text("named", name=text, value=clean(why)) if why else text), events[-1:]


def _reason(event: Event) -> str:
    """Return why a run ended, as far as it was put into words."""
    reason = event.data.get("reason", "")
    return str(reason.get("text", "")) if isinstance(reason, Mapping) else str(reason)


def _interrupted(run: Run, names: Names) -> Finding:
    ended = [e for e in run.events("run_ended") if e.data.get("state") != "complete"]
    more = run.events("resumed", "resume", "suspended", "clock_jump", "interrupted")
    told, found = _told(sorted([*ended, *more], key=lambda e: e.seq), names)
    return told, found


def _soaks(run: Run, names: Names) -> Finding:
    soaks = run.events("soak")
    failed = [event for event in soaks if not event.data.get("settled", True)]
    if not failed:
        return names.words.text("events.soaks_fine", n=len(soaks)), ()
    told = [
        names.words.text(
            "events.soak",
            what=names.words.listed([names.address(w) for w in event.data.get("addresses", ())]),
            time=names.duration(event.data.get("took_s", 0.0)),
        )
        for event in failed
    ]
    text = names.words.text("events.soaks_failed", n=len(failed), of=len(soaks))
    return f"{text}: {names.words.sentence(_listed(told, names))}", failed


def _unread(run: Run, names: Names) -> Finding:
    """Say which units did not answer, in how many readings, and why the first time."""
    readings = run.events("readout", "monitor", "stream_opened", "stream_closed")
    missed = [event for event in readings if event.data.get("problems")]
    counts: Counter[str] = Counter()
    first: dict[str, Mapping[str, Any]] = {}
    for event in missed:
        for serial, problem in event.data["problems"].items():
            counts[serial] += 1
            first.setdefault(serial, problem if isinstance(problem, Mapping) else {})
    if not counts:
        return names.words.text("events.all_answered", n=len(readings)), ()
    told = [
        names.words.text(
            "events.unread",
            serial=clean(serial),
            n=count,
            why=clean(first[serial].get("detail") or first[serial].get("error", "")),
        )
        for serial, count in counts.items()
    ]
    return names.words.sentence(_listed(told, names)), missed


def _retries(run: Run, names: Names) -> Finding:
    """Count what was tried again, at units and at instruments."""
    counts: Counter[str] = Counter()
    found = []
    for event in run.events("readout", "monitor"):
        if event.data.get("retries"):
            counts.update(event.data["retries"])
            found.append(event)
    for event in run.events("retry"):
        counts[str(event.data.get("what", ""))] += 1
        found.append(event)
    if not counts:
        return names.words.text("none"), ()
    told = [f"{clean(name)} {count}" for name, count in counts.most_common()]
    total = names.words.text("events.retries", n=sum(counts.values()))
    return f"{total}: {names.words.listed(told, _MOST_LISTED)}", found


def _named_tables(kind: str) -> Look:
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
                        f"{names.words.name('fact', key)} {told_value(names, key, v, others)}"
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
        return names.words.sentence(_listed(unique, names)), events

    return look


def _safe(run: Run, names: Names) -> Finding:
    events = run.events("safe_state")
    if not events:
        return names.words.text("events.safe_unknown"), ()
    problems = [clean(p) for event in events for p in event.data.get("problems", ())]
    if problems:
        told = names.words.listed(problems)
        return names.words.text("events.not_safe", problems=told), events
    return names.words.text("events.safe"), events


def _others(run: Run, names: Names) -> Finding:
    """Say what the journal has besides: nothing is left out of the report."""
    others = [event for event in run.events() if event.kind not in _USUAL | _TOLD]
    verbs = [e for e in run.events("fact") if e.data.get("verb") not in _TOLD_VERBS]
    return _told([*others, *verbs], names)


_ALARMS = ("trip", "alarm", "meter_lost", "meter_back", "disagree")
_TOLD_VERBS = {"park", "gate", "ask", "null", "load", "unload", "write"}
_TOLD = {
    *_ALARMS, "run_ended", "resumed", "resume", "suspended", "clock_jump", "interrupted", "soak",
    "retry", "armed", "left_over", "safe_state", "fact", "attached", "dropped", "parked",
}  # fmt: skip
_LOOKS: Mapping[str, Look] = {
    "end": _end,
    "interrupted": _interrupted,
    "alarms": _kinds(*_ALARMS),
    "soaks": _soaks,
    "unread": _unread,
    "retries": _retries,
    "parked": _facts("park"),
    "gates": _facts("gate"),
    "asked": _facts("ask"),
    "nulled": _facts("null"),
    "attached": _kinds("attached"),
    "armed": _named_tables("armed"),
    "left_over": _named_tables("left_over"),
    "safe": _safe,
    "others": _others,
}
