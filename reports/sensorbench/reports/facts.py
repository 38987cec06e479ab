"""Facts about a phase: what is there is shown, by its name, whatever it is.

A number whose name ends in `_s` is a duration; a list of tables is a table; all else is a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sensorbench.reports.model import Block, Cell, Column, Facts, Table
from sensorbench.reports.names import Names
from sensorbench.reports.reasons import told_value
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, entries
from sensorbench.reports.windows import windows
from sensorbench.reports.words import Words

_MOST_ROWS = 60
_SOURCES = ("seq", "source", "sources")
_WINDOWS = "windows"


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
            yield fact_table(key, windows(value, names) if key == _WINDOWS else value, names)


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


def fact_table(key: str, rows: Sequence[Mapping[str, Any]], names: Names) -> Table:
    """Return a list of tables as a table: a column for each key that any row has."""
    words = names.words
    keys = list(dict.fromkeys(name for row in rows for name, value in row.items() if there(value)))
    keys.sort(key=lambda name: name in _SOURCES)
    numeric = {
        name for name in keys if all(isinstance(row.get(name), int | float | None) for row in rows)
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
            tuple(Cell(told(names, name, row[name], row) if name in row else "") for name in keys)
            for row in rows[:_MOST_ROWS]
        ),
        note,
    )  # fmt: skip
