"""calibrate: the words that were fitted, written to each unit, and read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sensorbench.reports.done import facts_of, outcomes_of
from sensorbench.reports.facts import fact_blocks
from sensorbench.reports.model import Block, Cell, Column, Facts, Table, Text
from sensorbench.reports.phases import result_blocks
from sensorbench.reports.runs import Run
from sensorbench.reports.text import clean, entries
from sensorbench.reports.words import Words

_MOST_UNITS = 40
_TOLD = ("fit", "locked", "written", "words", "condition")


def blocks(phase: Mapping[str, Any], run: Run, words: Words) -> Iterator[Block]:
    """Return how many units were written and read back equal, and every unit's words."""
    name = str(phase["name"])
    found = False
    for event, fact in facts_of(run, name, "write"):
        found = True
        outcomes = outcomes_of(run, int(event.data["step"]))
        equal = [o for _, o in outcomes.values() if _is_equal(o)]
        locked = sum(bool(outcome.get("locked")) for _, outcome in outcomes.values())
        rows = [
            ("written", words.text("calibrate.equal", n=len(equal), of=len(run.serials))),
            ("fit", run.names(words).phase(str(fact.get("fit", "")))),
            (
                "locked",
                words.text("count.unit", n=locked) if fact.get("lock") else words.text("no"),
            ),
            *_conditions(fact, words),
            ("journal", entries([event.seq, *(e.seq for e, _ in outcomes.values())])),
        ]
        yield Facts(tuple((words.text(f"calibrate.{key}"), Cell(text)) for key, text in rows))
        yield from _words_of_units(fact, outcomes, run, words)
    if not found:
        yield Text(words.text("phase.not_reached"))
    yield from fact_blocks(run.facts(name), run, words, _TOLD)
    yield from result_blocks(phase, run, words)


def _is_equal(outcome: Mapping[str, Any]) -> bool:
    return bool(outcome.get("written")) and outcome.get("written") == outcome.get("read_back")


def _conditions(fact: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    """Say how well the points determined the fit: the largest condition number of all units."""
    for quantity, numbers in dict(fact.get("condition") or {}).items():
        known = [n for n in _flat(numbers) if n is not None]
        if known:
            name = clean(words.name("quantity", str(quantity)))
            yield "condition", words.text("calibrate.largest", name=name, value=f"{max(known):.1f}")


def _flat(numbers: Any) -> Sequence[float | None]:
    if isinstance(numbers, Mapping):
        return list(numbers.values())
    return numbers if isinstance(numbers, list) else [numbers]


def _words_of_units(
    fact: Mapping[str, Any], outcomes: Mapping[str, Any], run: Run, words: Words
) -> Iterator[Block]:
    planned = dict(fact.get("words") or {})
    rows = []
    for serial in [serial for serial in run.serials if serial in planned][:_MOST_UNITS]:
        event, outcome = outcomes.get(serial, (None, {}))
        state = "equal" if _is_equal(outcome) else "differs" if outcome else "not_written"
        problem = clean(outcome.get("problem", ""))
        told = ", ".join(map(str, planned[serial]))
        rows.append(
            (
                Cell(clean(serial)),
                Cell(told, problem),
                Cell(words.text(f"calibrate.{state}_word")),
                Cell(f"#{event.seq}" if event else ""),
            )
        )
    if rows:
        more = len(planned) - len(rows)
        yield Table(
            words.text("calibrate.words"),
            (Column(words.text("column.unit")), Column(words.text("column.words"), grow=True),
             Column(words.text("column.read_back")), Column(words.text("column.journal"))),
            tuple(rows),
            words.text("calibrate.more", n=more) if more > 0 else "",
        )  # fmt: skip
