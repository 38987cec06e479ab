"""What happened on the way: interruptions, failed soaks, retries; "none" where nothing did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from sensorbench.assessment.readings import LOG_COLUMNS
from sensorbench.core.errors import BenchError
from sensorbench.core.units import Dimension, convert, show_duration
from sensorbench.evidence.journal import Event
from sensorbench.profiles.model import Stress
from sensorbench.reports.model import Cell, Column, Section, Table, Text
from sensorbench.reports.runs import Run
from sensorbench.reports.text import as_set, clean, entries, listed, plural, quantity

_USUAL = {
    "instrument", "stream", "armed", "step", "unit", "log", "soak", "readout", "dut_monitor",
    "calibration", "dwell", "safe_state", "run_ended",
}  # fmt: skip
_SUFFIXES = {"c": "degC", "v": "V", "a": "A", "pa": "Pa"}
_MOST_LISTED = 10
_LOGGED = {
    "chamber": ("chamber air", Dimension.TEMPERATURE, "degC", 1),
    "pressure": ("pressure", Dimension.PRESSURE, "kPa", 2),
    "supply": ("supply", Dimension.VOLTAGE, "V", 3),
    "current": ("current", Dimension.CURRENT, "mA", 2),
}
Finding = tuple[str, list[int]]
"""What was found, and the journal entries that say so."""


def environment(runs: Sequence[Run]) -> Section:
    """Return a table a run of everything that did not go by plan, and of the conditions kept."""
    return Section("environment", "Environment and events", tuple(_table(run) for run in runs))


def _table(run: Run) -> Table | Text:
    if not run.events():
        return Text(f"Run {run.number} ({run.run_id}) has no readable journal.")
    rows = []
    for name, look in _CHECKS:
        try:
            text, seqs = look(run)
        except (BenchError, KeyError, ValueError, TypeError) as error:
            text, seqs = f"can't be read: {error}", []
        rows.append((Cell(name), Cell(clean(text)), Cell(entries(seqs))))
    return Table(
        f"Run {run.number}: {run.title}, {run.subject}",
        (Column("Looked at"), Column("Found", grow=True), Column("Journal")),
        tuple(rows),
    )


def _end(run: Run) -> Finding:
    events = run.events("run_ended")
    if not events:
        return "NOT COMPLETE: the journal stops, nothing says how the run ended", []
    state, why = events[-1].data["state"], events[-1].data.get("reason", "")
    text = f"{state}: {why}" if why else str(state)
    return text, [event.seq for event in events]


def _interruptions(run: Run) -> Finding:
    stopped = [event for event in run.events("run_ended") if event.data["state"] != "complete"]
    told = [f"{event.data['state']}: {event.data.get('reason', '')}" for event in stopped]
    return listed(told, _MOST_LISTED) or "none", _seqs(stopped)


def _others(run: Run) -> Finding:
    """Say what the journal has besides what every run has: nothing is left out of the report."""
    others = [event for event in run.events() if event.kind not in _USUAL]
    counts = Counter(event.kind for event in others)
    told = [f"{plural(count, 'entry')} of kind {kind}" for kind, count in counts.items()]
    return listed(told, _MOST_LISTED) or "none", _seqs(others)


def _soaks(run: Run) -> Finding:
    soaks = run.events("soak")
    failed = [event for event in soaks if not event.data["settled"]]
    if not failed:
        return f"none of {plural(len(soaks), 'soak')} failed", []
    told = [f"{event.data['what']}, given up after {show_duration(event.data['took_s'])}"
            for event in failed]  # fmt: skip
    return f"{len(failed)} of {len(soaks)} FAILED: {listed(told, _MOST_LISTED)}", _seqs(failed)


def _unread(run: Run) -> Finding:
    readouts = run.events("readout")
    missed = [event for event in readouts if event.data.get("problems")]
    counts: Counter[str] = Counter()
    for event in missed:
        counts.update(event.data["problems"].keys())
    if not counts:
        return f"none; all units answered in {plural(len(readouts), 'readout')}", []
    told = [f"{serial} in {count} of {len(readouts)} readouts" for serial, count in counts.items()]
    return listed(told, _MOST_LISTED), _seqs(missed)


def _retries(run: Run) -> Finding:
    found = [event for event in run.events("readout") if event.data.get("retries")]
    counts: Counter[str] = Counter()
    for event in found:
        counts.update(event.data["retries"])
    if not counts:
        return "none", []
    told = [f"{serial} {count}" for serial, count in counts.most_common()]
    total = sum(counts.values())
    return f"{plural(total, 'transfer')} tried again: {listed(told, _MOST_LISTED)}", _seqs(found)


def _monitoring(run: Run) -> Finding:
    sweeps = run.events("dut_monitor")
    if not sweeps:
        return "no stress in this run", []
    missed = [event for event in sweeps if event.data.get("problems")]
    absent = sorted({serial for event in missed for serial in event.data["problems"]})
    if not missed:
        return f"all units answered in each of {plural(len(sweeps), 'sweep')}", _seqs(sweeps)
    return (
        f"in {len(missed)} of {plural(len(sweeps), 'sweep')} units did not answer: "
        f"{listed(absent, _MOST_LISTED)}",
        _seqs(missed),
    )


def _safety(run: Run) -> Finding:
    stops = [e for e in run.events("run_ended") if e.data["state"] == "stopped by safety"]
    return listed([str(event.data.get("reason", "")) for event in stops]) or "none", _seqs(stops)


def _armed(run: Run) -> Finding:
    events = run.events("armed")
    told = [
        f"{' '.join(words)} {as_set(value, _SUFFIXES.get(suffix, suffix))}"
        for event in events
        for name, value in event.data.items()
        for *words, suffix in [name.split("_")]
    ]
    return ", ".join(told) or "none on record", _seqs(events)


def _safe_state(run: Run) -> Finding:
    events = run.events("safe_state")
    if not events:
        return "NOT KNOWN: nothing says that the bench was made safe", []
    problems = [str(problem) for event in events for problem in event.data["problems"]]
    return f"NOT REACHED: {listed(problems)}" if problems else "reached", _seqs(events)


def _stress(run: Run) -> Finding:
    asked = (
        [phase for phase in run.data.profile.phase if isinstance(phase, Stress)] if run.data else []
    )
    if not asked:
        return "no stress in this run", []
    hours = run.assessment.facts["stress_hours"] if run.assessment else {}
    told = [
        f"{phase.name}: {quantity(hours.get(phase.name, 0.0), 'h')} of "
        f"{quantity(phase.duration / 3600, 'h')}"
        for phase in asked
    ]
    return "; ".join(told), _seqs(run.events("dwell"))


def _conditions(run: Run) -> Finding:
    if run.data is None or not len(run.data.log):
        return "no log of the bench", []
    log = run.data.log
    told = []
    for number, (name, _) in enumerate(LOG_COLUMNS):
        values = log[np.isfinite(log[:, number]), number]
        if name in _LOGGED and len(values):
            title, dimension, unit, decimals = _LOGGED[name]
            low, high = (convert(float(v), dimension, unit) for v in (values.min(), values.max()))
            told.append(f"{title} {low:z.{decimals}f} to {high:z.{decimals}f} {unit}")
    gap_s = float(np.diff(log[:, 0]).max()) if len(log) > 1 else 0.0
    told.append(f"{len(log)} entries, longest gap {show_duration(gap_s)}")
    return "; ".join(told), _seqs(run.events("log"))


def _seqs(events: Sequence[Event]) -> list[int]:
    return [event.seq for event in events]


_CHECKS: Sequence[tuple[str, Callable[[Run], Finding]]] = (
    ("End of the run", _end),
    ("Interruptions", _interruptions),
    ("Soaks that failed", _soaks),
    ("Units not read", _unread),
    ("Retries on a bus", _retries),
    ("Units during stress", _monitoring),
    ("Stress given", _stress),
    ("Protections armed", _armed),
    ("Alarms and safety stops", _safety),
    ("Safe state at the end", _safe_state),
    ("Bench log, lowest to highest", _conditions),
    ("Other journal entries", _others),
)
