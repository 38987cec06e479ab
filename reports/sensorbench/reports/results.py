"""The table of a phase's results: what failed first, then what is not known, then what passed.

The rules:
- A row that failed is one value of one unit. What is not known for the same reason is one row.
- Units that passed are one row an item, with the worst of them; few are listed one by one.
- Every row names the journal entries that its number rests on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sensorbench.assessment.results import Result
from sensorbench.core.verdict import Verdict
from sensorbench.reports.items import Item, items_of, judged, margin, worst
from sensorbench.reports.model import Block, Cell, Column, Table, Text
from sensorbench.reports.names import constant
from sensorbench.reports.reasons import reasons_text
from sensorbench.reports.runs import Run, verdict_of
from sensorbench.reports.text import clean, entries, serials
from sensorbench.reports.words import Words

MOST_DETAILED = 4
"""So many units of a phase that failed get a table of all their results."""
_MOST_FAILED = 60
_MOST_LISTED = 24
_MOST_ROWS = 40
_MOST_TITLES = 3
_MOST_RANGES = 3
Row = tuple[Cell, ...]


def result_table(phase: str, run: Run, words: Words) -> Iterator[Block]:
    """Return the table of a phase's results; nothing where there are none."""
    names = run.names(words)
    results = run.results(phase)
    items = items_of(results, names)
    if not items:
        return
    failed = [row for item in items for row in _failed(item, words)]
    rows = [*failed[:_MOST_FAILED], *_unknown(items, run, words)]
    rows += [row for item in items for row in _passed(item, run, words)]
    notes = [words.text("results.note")]
    if len(failed) > _MOST_FAILED:
        notes.insert(0, words.text("results.more_failed", n=len(failed) - _MOST_FAILED))
    if same := constant(result.at for result in results if math.isfinite(result.value)):
        told = [words.text("named", name=names.address(w), value=names.value(w, v))
                for w, v in same.items()]  # fmt: skip
        notes.append(words.text("results.everywhere", values=words.listed(told)))
    yield Table(words.text("results.caption"), _columns(words), tuple(rows), " ".join(notes))


def _columns(words: Words, unit: bool = True) -> tuple[Column, ...]:
    columns = (
        Column(words.text("column.unit"), grow=True),
        Column(words.text("column.result"), grow=True),
        Column(words.text("column.at"), grow=True),
        Column(words.text("column.value"), "k = 2", "right"),
        Column(words.text("column.limits")),
        Column(words.text("column.verdict")),
        Column(words.text("column.journal")),
    )
    return columns if unit else columns[1:]


def _row(item: Item, result: Result, words: Words, reasons: bool = False) -> Row:
    """Return the cells of one result but its unit."""
    why = reasons_text(item.names, result.reasons, result) if reasons else ""
    failed = result.verdict if result.verdict is Verdict.FAIL else None
    return (
        Cell(item.title, why),
        Cell(item.at(result)),
        Cell(item.value(result), verdict=failed),
        Cell(item.limits(result)),
        judged(result.verdict, words),
        Cell(entries(result.sources)),
    )


def _failed(item: Item, words: Words) -> Iterator[Row]:
    for result in item.results:
        if result.verdict is Verdict.FAIL:
            told = any(reason.code != "outside" for reason in result.reasons)
            yield (Cell(clean(result.serial)), *_row(item, result, words, told))


def _unknown(items: Sequence[Item], run: Run, words: Words) -> Iterator[Row]:
    """Return what is not known: a row for each reason and what it concerns."""
    found: dict[str, dict[str, list[tuple[Item, Result]]]] = {}
    for item in items:
        for result in item.results:
            if result.verdict is Verdict.INVALID:
                why = reasons_text(item.names, result.reasons, result) or words.text("no_reason")
                found.setdefault(why, {}).setdefault(result.serial, []).append((item, result))
    for why, units in found.items():
        groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for serial, own in units.items():
            key = tuple((_title(item, result, words), item.at(result)) for item, result in own)
            groups.setdefault(key, []).append(serial)
        for key, alike in groups.items():
            yield _unknown_row(key, why, alike, [units[serial] for serial in alike], run, words)


def _title(item: Item, result: Result, words: Words) -> str:
    """Return what is not known: of a whole phase that, which its reason is about."""
    key = f"whole.{result.reasons[0].code}" if result.reasons else ""
    is_whole = not result.channel and not result.parameter
    return words.text(key) if is_whole and words.has(key) else item.title


def _unknown_row(
    key: Sequence[tuple[str, str]],
    why: str,
    alike: Sequence[str],
    results: Sequence[Sequence[tuple[Item, Result]]],
    run: Run,
    words: Words,
) -> Row:
    titles = list(dict.fromkeys(title for title, _ in key))
    places = list(dict.fromkeys(at for _, at in key if at))
    told = words.listed(titles) if len(titles) <= _MOST_TITLES else words.text(
        "count.result", n=len(titles)
    )  # fmt: skip
    at = words.listed(places) if len(places) <= 2 else words.text("count.place", n=len(places))
    limits = {item.limits(result) for own in results for item, result in own}
    sources = [seq for own in results for _, result in own for seq in result.sources]
    return (
        _units(alike, run, words),
        Cell(told, why),
        Cell(at),
        Cell(words.text("not_known")),
        Cell(limits.pop() if len(limits) == 1 else ""),
        judged(Verdict.INVALID, words),
        Cell(entries(sources)),
    )


def _units(alike: Sequence[str], run: Run, words: Words) -> Cell:
    """Return one serial, or how many units with the first of them."""
    told = serials(alike, run.serials, words, _MOST_RANGES)
    return Cell(words.text("count.unit", n=len(alike)), told) if len(alike) > 1 else Cell(told)


def _passed(item: Item, run: Run, words: Words) -> Iterator[Row]:
    """Return the units of an item that passed, or that nothing was asked of."""
    units: dict[str, list[Result]] = {}
    for result in item.results:
        units.setdefault(result.serial, []).append(result)
    for verdict in (Verdict.PASS, None):
        alike = {s: own for s, own in units.items() if verdict_of(own) is verdict}
        own = [r for found in alike.values() for r in found if r.verdict is verdict]
        few = len(own) <= _MOST_LISTED and len(alike) <= _MOST_LISTED // 2
        if few and not item.is_repeated:
            yield from _listed(item, own, run, words)
            continue
        groups: dict[str, list[Result]] = {}
        for result in own:
            groups.setdefault(item.limits(result), []).append(result)
        for group in groups.values():
            yield _collapsed(item, group, run, words)


def _listed(item: Item, results: Sequence[Result], run: Run, words: Words) -> Iterator[Row]:
    """Return results one by one; what differs in the unit only is one row."""
    rows: dict[Row, list[str]] = {}
    for result in results:
        rows.setdefault(_row(item, result, words), []).append(result.serial)
    for row, alike in rows.items():
        yield (_units(alike, run, words), *row)


def _collapsed(item: Item, results: Sequence[Result], run: Run, words: Words) -> Row:
    """Return one row for many units: the worst of them, and from where to where they lie."""
    serial_set = list(dict.fromkeys(result.serial for result in results))
    found = worst(results)
    units = _units(serial_set, run, words)
    if found is None:
        return (units, Cell(item.title), Cell(""), Cell(words.text("not_known")),
                Cell(item.limits(results[0])), judged(results[0].verdict, words),
                Cell(entries(s for r in results for s in r.sources)))  # fmt: skip
    known = [r.value for r in results if math.isfinite(r.value)]
    low, high = (item.style.number(value) for value in (min(known), max(known)))
    differ = low != high and not item.is_yes_or_no
    spread = words.text("range", low=low, high=high) if differ else ""
    inside = margin(found)
    of = ""
    if differ and len(serial_set) > 1:  # without a limit none is worse than another
        key = "largest_of" if math.isinf(inside) else "worst_of"
        of = words.text(key, serial=clean(found.serial))
    left = ""
    if not math.isinf(inside) and differ:
        left = words.text("margin", value=item.style.quantity(inside, 0.0))
    return (
        units,
        Cell(item.title),
        Cell(item.at(found), of),
        Cell(item.value(found), words.text("all_from_to", range=spread) if spread else ""),
        Cell(item.limits(found), left),
        judged(found.verdict, words),
        Cell(entries(found.sources)),
    )


def details(phase: str, run: Run, words: Words) -> Iterator[Block]:
    """Tables of all results of units that failed: what else is known of them."""
    names = run.names(words)
    items = items_of(run.results(phase), names)
    units: dict[str, list[tuple[Item, Result]]] = {}
    for item in items:
        for result in item.results:
            units.setdefault(result.serial, []).append((item, result))
    chosen = [serial for serial, own in units.items() if _deserves(own)]
    for serial in chosen[:MOST_DETAILED]:
        own = units[serial]
        rows = tuple(_row(item, result, words) for item, result in own[:_MOST_ROWS])
        note = ""
        if len(own) > _MOST_ROWS:
            note = words.text("results.more_rows", n=len(own) - _MOST_ROWS)
        caption = words.text("results.of_unit", serial=clean(serial))
        yield Table(caption, _columns(words, unit=False), rows, note)
    if len(chosen) > MOST_DETAILED:
        yield Text(words.text("results.more_units", n=len(chosen) - MOST_DETAILED))


def _deserves(own: Sequence[tuple[Item, Result]]) -> bool:
    """Return whether a unit's results are worth a table of their own: one failed, others not.

    What is not known is told by its reason; a table of it would say nothing.
    """
    results = [result for _, result in own]
    failed = [result for result in results if result.verdict is Verdict.FAIL]
    return bool(failed) and len(failed) < len(results)
