"""What happened on the way: said for each thing that is looked at, "none" where nothing did."""

from __future__ import annotations

from collections.abc import Mapping

from sensorbench.core.errors import BenchError
from sensorbench.reports.looks import (
    Finding,
    Look,
    all_told,
    end,
    facts,
    interrupted,
    kinds,
    named_tables,
    retries,
    safe,
    soaks,
    unread,
)
from sensorbench.reports.model import Cell, Column, Table, Text
from sensorbench.reports.names import Names
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, entries
from sensorbench.reports.words import Words

_USUAL = {
    "instrument", "twins", "stream", "meters", "needs", "step", "done", "sent", "released", "log",
    "readout", "monitor", "stream_opened", "stream_data", "stream_closed", "hold", "intent",
    "outcome", "unit", "created", "results",
}  # fmt: skip
"""What every run has, and stands elsewhere in the report or only in the journal."""


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
                Cell(entries(found)),
            )
        )
    columns = ("looked_at", "found", "journal")
    return Table(
        words.text("events.caption", n=run.number),
        tuple(Column(words.text(f"column.{name}"), grow=name == "found") for name in columns),
        tuple(rows),
    )


def _others(run: Run, names: Names) -> Finding:
    """Say what the journal has besides: nothing is left out of the report."""
    kinds = run.reader.journal.log.kinds if run.reader else ()
    rest = [kind for kind in kinds if kind not in _USUAL | _TOLD]
    others = run.events(*rest) if rest else ()
    verbs = [e for e in run.events("fact") if e.data.get("verb") not in _TOLD_VERBS]
    return all_told([*others, *verbs] if verbs else others, names)


ALARMS = (
    "trip", "alarm", "limit", "meter_lost", "meter_back", "disagree", "set_off", "set_on",
    "set_value", "set_limit", "set_otherwise",
)  # fmt: skip
"""What went beyond or was lost on the way, whether it stopped the run or not."""
_TOLD_VERBS = {"park", "gate", "ask", "null", "load", "unload", "write"}
_TOLD = {
    *ALARMS, "run_ended", "resumed", "time_jumped", "soak", "retry", "recovered", "armed",
    "left_over", "safe_state", "fact", "attached", "dropped", "parked",
}  # fmt: skip
_LOOKS: Mapping[str, Look] = {
    "end": end,
    "interrupted": interrupted,
    "alarms": kinds(*ALARMS),
    "soaks": soaks,
    "unread": unread,
    "retries": retries,
    "parked": facts("park"),
    "gates": facts("gate"),
    "asked": facts("ask"),
    "nulled": facts("null"),
    "attached": kinds("attached"),
    "armed": named_tables("armed"),
    "left_over": named_tables("left_over"),
    "safe": safe,
    "others": _others,
}
