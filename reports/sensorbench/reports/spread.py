"""What a lot looks like as a whole: spread at each point, and the largest uncertainty in parts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean, stdev

from sensorbench.assessment.results import Result
from sensorbench.reports.items import Item, items_of, two_digits
from sensorbench.reports.model import Block, Cell, Column, Table
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, entries
from sensorbench.reports.values import style_of
from sensorbench.reports.words import Words

_MOST_ROWS = 120
_NUMBERS = 4
NONE = "–"
Row = tuple[Cell, ...]


def spread_table(phase: str, run: Run, words: Words) -> Iterator[Block]:
    """Return how all units are spread at each point; of one unit its values there.

    Nothing where no unit has several results: then the table of results says it all.
    """
    items = [item for item in items_of(run.results(phase), run.names(words)) if item.is_repeated]
    if not items:
        return
    # Of one unit lowest, mean and highest would say the same thing three times.
    alone = len({result.serial for item in items for result in item.results}) == 1
    rows = [row for item in items for row in _rows(item, alone)]
    if not rows:
        return
    note = words.text("spread.more", n=len(rows) - _MOST_ROWS) if len(rows) > _MOST_ROWS else ""
    numbers = ("value",) if alone else ("units", "lowest", "mean", "highest", "deviation")
    columns = (
        Column(words.text("column.result"), grow=True),
        Column(words.text("column.at")),
        *(Column(words.text(f"column.{name}"), align="right") for name in numbers),
        Column(words.text("column.limits")),
        Column(words.text("column.journal")),
    )
    caption = words.text("spread.one" if alone else "spread.caption")
    yield Table(caption, columns, tuple(rows[:_MOST_ROWS]), note)


def _rows(item: Item, alone: bool) -> Iterator[Row]:
    for at, results in item.places.items():
        values = [r.value for r in results if math.isfinite(r.value)]
        if not values:
            continue
        if alone:
            yield from (_one(item, at, result) for result in results if math.isfinite(result.value))
            continue
        four = [min(values), fmean(values), max(values)]
        four += [stdev(values)] if len(values) > 1 else []
        shown = [item.style.quantity(value) for value in four]
        yield (
            Cell(item.title),
            Cell(at),
            Cell(str(len(values))),
            *(Cell(text) for text in shown),
            *(Cell(NONE) for _ in range(len(shown), _NUMBERS)),
            Cell(item.limits(results[0])),
            Cell(entries(seq for result in results for seq in result.sources)),
        )


def _one(item: Item, at: str, result: Result) -> Row:
    return (
        Cell(item.title),
        Cell(at),
        Cell(item.value(result)),
        Cell(item.limits(result)),
        Cell(entries(result.sources)),
    )


def budgets(phase: str, run: Run, words: Words) -> Iterator[Block]:
    """Return for each measure the uncertainty budget of the result with the largest uncertainty."""
    rows: list[Row] = []
    for item in items_of(run.results(phase), run.names(words)):
        known = [r for r in item.results if r.budget and r.uncertainty is not None]
        if known:
            rows.append(_budget(item, max(known, key=lambda r: r.uncertainty or 0.0), words))
    if not rows:
        return
    yield Table(
        words.text("budget.caption"),
        (
            Column(words.text("column.result"), grow=True),
            Column(words.text("column.unit")),
            Column(words.text("column.standard"), grow=True),
            Column(words.text("budget.expanded"), align="right"),
        ),
        tuple(rows),
        words.text("budget.note"),
    )


def _budget(item: Item, result: Result, words: Words) -> Row:
    """Return each part of an uncertainty as a standard uncertainty, and the whole."""
    assert result.uncertainty is not None  # noqa: S101 - the caller chose it
    parts = []
    for term in sorted(result.budget, key=lambda term: -term.standard):
        style = style_of(result.unit, [term.standard], [term.standard], item.style.shown)
        name = clean(words.name("term", term.source))
        part = words.text("named", name=name, value=style.quantity(term.standard, 0.0))
        shape = clean(words.name("distribution", term.distribution))
        parts.append(words.text("bracketed", text=part, more=shape))
    return (
        Cell(item.title),
        Cell(clean(result.serial)),
        Cell(words.sentence(parts)),
        Cell(f"{two_digits(result.uncertainty, item.style)} {item.style.name}".rstrip()),
    )
