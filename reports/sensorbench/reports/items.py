"""Results of a phase by item: one measure of one channel or parameter, over units and points."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sensorbench.assessment.results import Result
from sensorbench.core.verdict import Verdict
from sensorbench.reports.model import Cell
from sensorbench.reports.names import SET, Names, differing
from sensorbench.reports.reasons import limits_text
from sensorbench.reports.values import Style, style_of
from sensorbench.reports.words import Words

DIRECTION = "direction"
VALUE = "value"
"""The measure that is a reading itself, and so has the unit that people like for it."""


@dataclass(frozen=True)
class Item:
    """All results of one measure in a phase. `told` are the addresses that tell points apart."""

    title: str
    part: str
    results: tuple[Result, ...]
    style: Style
    told: tuple[str, ...]
    names: Names

    @property
    def places(self) -> dict[str, list[Result]]:
        """Return the results by where they were found, in order."""
        found: dict[str, list[Result]] = {}
        for result in self.results:
            found.setdefault(self.at(result), []).append(result)
        return found

    @property
    def is_repeated(self) -> bool:
        """Return whether a unit has more than one result: at several points or readouts."""
        return len({r.serial for r in self.results}) < len(self.results)

    def at(self, result: Result) -> str:
        """Return where a result was found; of what is not known only what it was to be of."""
        at = result.at
        if not math.isfinite(result.value):
            at = {key: value for key, value in at.items() if key not in (SET, DIRECTION)}
        return self.names.at(at, self.told)

    def value(self, result: Result) -> str:
        """Return a result's value with its uncertainty and unit."""
        if not math.isfinite(result.value):
            return self.names.words.text("not_known")
        if self.is_yes_or_no:
            return self.names.words.text(f"{self._outcome}.{'yes' if result.value else 'no'}")
        text = self.style.number(result.value, result.low, result.high)
        if result.uncertainty is not None and math.isfinite(result.uncertainty):
            text += f" ± {two_digits(result.uncertainty, self.style)}"
        return f"{text} {self.style.name}".rstrip()

    @property
    def _outcome(self) -> str:
        return f"outcome.{self.results[0].measure}"

    @property
    def is_yes_or_no(self) -> bool:
        """Return whether the value says that something holds, or not."""
        return self.names.words.has(f"{self._outcome}.yes")

    def limits(self, result: Result) -> str:
        """Return a result's limits."""
        no_more_than_a_count = result.unit == "1" and result.low == 0.0 and result.high is None
        if self.is_yes_or_no or no_more_than_a_count:
            return ""
        return limits_text(self.names, result.low, result.high, result.unit, self.style.shown)


def items_of(results: Iterable[Result], names: Names) -> list[Item]:
    """Return the results by item, in the order they come."""
    found: dict[tuple[str, str, str, str, bool], list[Result]] = {}
    parts = {u.serial: u.part for u in names.schedule.units} if names.schedule else {}
    for result in results:
        part = parts.get(result.serial, "")
        key = (part, result.measure, result.channel, result.parameter, result.is_drift)
        found.setdefault(key, []).append(result)
    several = len({key[0] for key in found}) > 1
    everywhere = differing(r.at for rows in found.values() for r in rows)
    return [_item(rows, part, names, several, everywhere) for (part, *_), rows in found.items()]


def _item(
    results: Sequence[Result], part: str, names: Names, several: bool, everywhere: Sequence[str]
) -> Item:
    first = results[0]
    # A parameter's title says what is applied for it; a measure's place is where its value came.
    told = differing(r.at for r in results) if first.parameter else everywhere
    title = names.title(first, part)
    if several:
        title = names.words.text("of_part", what=title, part=part)
    return Item(title, part, tuple(results), style_for(results, names, part),
                tuple(told), names)  # fmt: skip


def style_for(results: Sequence[Result], names: Names, part: str = "") -> Style:
    """Return how the values of one measure are written: by their limits, else by their size."""
    first = results[0]
    limits = [limit for r in results for limit in (r.low, r.high)]
    known = limits if any(limits) else [r.value for r in results]
    shown = ""
    if first.measure == VALUE:
        channels = names.part(part).get("channels", ())
        where = next((c.get("address", "") for c in channels if c["name"] == first.channel), "")
        shown = names.liked(where) if where and names.unit(where) == first.unit else ""
    whole = all(r.value.is_integer() for r in results if math.isfinite(r.value))
    uncertainties = [r.uncertainty for r in results]
    return style_of(first.unit, known, uncertainties, shown, whole and not any(uncertainties))


def two_digits(uncertainty: float, style: Style) -> str:
    """Return an uncertainty as its column is written, never as zero."""
    return style.number(uncertainty, 0.0)


def margin(result: Result) -> float:
    """Return how far inside its limits a result is; negative outside, infinite without limits."""
    low = -math.inf if result.low is None else result.low
    high = math.inf if result.high is None else result.high
    return min(result.value - low, high - result.value)


def worst(results: Iterable[Result]) -> Result | None:
    """Return the known result nearest to a limit, or outside; without limits the largest."""
    known = [result for result in results if math.isfinite(result.value)]
    if not known:
        return None
    if all(math.isinf(margin(result)) for result in known):
        return max(known, key=lambda result: abs(result.value))
    return min(known, key=margin)


def judged(verdict: Verdict | None, words: Words) -> Cell:
    """Return a verdict as a cell."""
    if verdict is None:
        return Cell(words.text("not_judged"))
    return Cell(words.text(f"verdict.{verdict.value}"), verdict=verdict, is_word=True)
