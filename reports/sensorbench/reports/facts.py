"""Facts about a phase: what is there is shown, by its name, whatever it is.

A number whose name ends in `_s` is a duration; a list of tables is a table; all else is a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sensorbench.profiles.schedule import Read
from sensorbench.reports.model import Block, Cell, Column, Facts, Table
from sensorbench.reports.names import Names
from sensorbench.reports.reasons import told_value
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, entries, serials
from sensorbench.reports.windows import windows
from sensorbench.reports.words import Words

_MOST_ROWS = 60
_SOURCES = ("seq", "source", "sources")
_WINDOWS = "windows"
_READINGS = ("monitored", "readings")
_UNIT, _COUNTED = "unit", 12


def fact_blocks(
    facts: Mapping[str, Any], run: Run, words: Words, without: Iterable[str] = ()
) -> Iterator[Block]:
    """Show facts, but those named in `without`: single ones as lines, lists of tables as tables."""
    names = run.names(words)
    left = set(without)
    facts = {key: as_rows(value) for key, value in facts.items()}
    single = {k: v for k, v in facts.items() if k not in left and not _is_table(v) and there(v)}
    if single:
        yield Facts(
            tuple((label(words, key), Cell(told(names, key, value, facts)))
                  for key, value in single.items())
        )  # fmt: skip
    for key, value in facts.items():
        if key not in left and _is_table(value):
            rows = windows(value, names) if key == _WINDOWS else value
            yield fact_table(key, rows, names, run.serials)


def asked_facts(phase: str, run: Run) -> dict[str, Any]:
    """Return the facts of a phase without the count of readings where none were asked for."""
    steps = run.schedule.steps if run.schedule else ()
    watches = any(
        step.phase == phase and isinstance(step.action, Read) and step.action.every_s
        for step in steps
    )
    facts = run.facts(phase)
    return {k: v for k, v in facts.items() if v or k not in _READINGS or watches}


def there(value: Any) -> bool:
    """Return whether there is anything to show."""
    return value is not None and value not in ("", [], {}, ())


def as_rows(value: Any) -> Any:
    """Return tables by name as a list of tables that name their unit; all else as it is."""
    if isinstance(value, Mapping) and value and all(isinstance(v, Mapping) for v in value.values()):
        return [{"unit": name, **row} for name, row in value.items()]
    return value


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(row, Mapping) for row in value)
    )


def label(words: Words, key: str) -> str:
    """Return what a fact is called."""
    return clean(words.name("fact", key))


def told(names: Names, key: str, value: Any, others: Mapping[str, Any]) -> str:
    """Return a fact's value in words."""
    if key in _SOURCES:
        numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return entries(int(number) for number in numbers)
    return told_value(names, key, value, others)


def fact_table(
    key: str, rows: Sequence[Mapping[str, Any]], names: Names, lot: Sequence[str] = ()
) -> Table:
    """Return a list of tables as a table: a column for each key that any row has.

    Of many units those that are alike but for numbers are one row, the fewest first; `lot` has the
    serials in their order.
    """
    words = names.words
    if len(rows) > _COUNTED and all(_UNIT in row for row in rows):
        rows = _alike(rows, names, lot)
    keys = list(dict.fromkeys(name for row in rows for name, value in row.items() if there(value)))
    keys.sort(key=lambda name: name in _SOURCES)
    numeric = {
        name for name in keys if all(_is_number(row.get(name)) for row in rows if name in row)
    }
    note = words.text("facts.more", n=len(rows) - _MOST_ROWS) if len(rows) > _MOST_ROWS else ""
    return Table(
        label(words, key),
        tuple(
            Column(label(words, name), "", "right" if name in numeric else "left",
                   name not in numeric and name not in _SOURCES)
            for name in keys
        ),
        tuple(
            tuple(_cell(row[name], name, row, names) if name in row else Cell("") for name in keys)
            for row in rows[:_MOST_ROWS]
        ),
        note,
    )  # fmt: skip


def _cell(value: Any, name: str, row: Mapping[str, Any], names: Names) -> Cell:
    if isinstance(value, Cell):
        return value
    if isinstance(value, _Range):
        low, high = (told(names, name, end, row) for end in (value.low, value.high))
        return Cell(low if low == high else names.words.text("range", low=low, high=high))
    return Cell(told(names, name, value, row))


def _is_number(value: Any) -> bool:
    return isinstance(value, _Range) or (
        isinstance(value, int | float | None) and not isinstance(value, bool)
    )


@dataclass(frozen=True, slots=True)
class _Range:
    """From where to where a number goes over units that are alike in all else."""

    low: float
    high: float


def _alike(
    rows: Sequence[Mapping[str, Any]], names: Names, lot: Sequence[str]
) -> list[Mapping[str, Any]]:
    """Return one row for units whose rows differ in numbers only, the fewest units first."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        same = {k: v for k, v in row.items() if k != _UNIT and not _is_number(v)}
        groups.setdefault(repr(sorted(same.items())), []).append(row)
    return [_together(own, names, lot) for own in sorted(groups.values(), key=len)]


def _together(
    rows: Sequence[Mapping[str, Any]], names: Names, lot: Sequence[str]
) -> Mapping[str, Any]:
    if len(rows) == 1:
        return rows[0]
    words = names.words
    own = [str(row[_UNIT]) for row in rows]
    found: dict[str, Any] = {
        _UNIT: Cell(words.text("count.unit", n=len(own)), serials(own, lot or own, words))
    }
    for name in dict.fromkeys(key for row in rows for key in row if key != _UNIT):
        known = [row[name] for row in rows if row.get(name) is not None]
        if known and all(map(_is_number, known)):
            found[name] = _Range(min(known), max(known))
        elif known:
            found[name] = known[0]
    return found
