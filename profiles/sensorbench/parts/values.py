"""Values as people write them, for a quantity and a part: to canonical numbers, waves and off.

A value is one of: a quantity with its unit ("85 degC"); a word of the part's range ("max"); a share
of the way from min to max ("25 %"); a multiple of full scale, counted from what the port is
relative to ("5 FS"); a vector in the part's axes ({ x = "1 g", y = "0 g", z = "0 g" }, "+z 1 g", or
a word of the quantity, "+z up"); a wave ({ low = "min", high = "max", period = "2 s" }); "off".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from sensorbench.core.document_words import Place
from sensorbench.core.quantity import Address, AddressError, Quantity, Value, address
from sensorbench.core.spelling import plain
from sensorbench.core.units import Dimension, UnitError, parse

Shape = Literal["square", "sine"]
SHAPES: tuple[Shape, ...] = ("square", "sine")
_WAVE_KEYS = {"low", "high", "period", "shape"}
_SHARE = re.compile(r"[+-]?\d+(?:\.\d+)?\s*%")
_MULTIPLE = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*FS")
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_ALONG = re.compile(r"([+-])([a-z])\s+(.+)")


class ValueProblem(ValueError):
    """A value that can't be read; the text says what is allowed."""


class RangeProblem(ValueProblem):
    """A value in a part's own terms that the part does not define: its range must say it."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Between `low` (None: off) and `high` with `period_s`, starting at `high`."""

    low: float | None
    high: float
    period_s: float
    shape: Shape = "square"


Target = Value | Wave | None
"""What an address is set to; None is off."""
Targets = dict[str, Target]
AMBIENT, VACUUM = "ambient", "vacuum"
"""What a gauge part counts from, and the port of the bench that tells it."""


@dataclass(frozen=True, slots=True)
class Range:
    """A part's range of a quantity at a port: values by word, `min` and `max` among them.

    `limit` is the compliance limit beside it; `relative_to` what a pressure is measured from.
    """

    words: Mapping[str, Value] = field(default_factory=dict)
    limit: float | None = None
    relative_to: str = "vacuum"

    def word(self, name: str) -> Value | None:
        """Return the value of a word, None where the part does not define it."""
        return self.words.get(name)

    @property
    def span(self) -> tuple[float, float] | None:
        """Return min and max, None unless both are there and plain numbers."""
        low, high = self.words.get("min"), self.words.get("max")
        if isinstance(low, float) and isinstance(high, float):
            return low, high
        return None


@dataclass(frozen=True, slots=True)
class Flat:
    """A table of values by address, the keys that each is written with, and what is wrong."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    problems: list[tuple[Place, str]] = field(default_factory=list)


def flatten(table: Mapping[str, Any]) -> Flat:
    """Return a table of values by address: `pressure = { front = … }` is "pressure.front".

    A name that is no quantity is a problem, and so is an address that is there twice.
    """
    found = Flat()
    _flatten(table, (), found)
    return found


def _flatten(table: Mapping[str, Any], known: Place, found: Flat) -> None:
    for key, value in table.items():
        place = (*known, key)
        try:
            here = address(".".join(map(str, place)))
        except AddressError as error:
            found.problems.append((place, str(error)))
            continue
        name = str(here)
        if isinstance(value, Mapping) and not _is_value(value, here.quantity):
            _flatten(value, place, found)
        elif name in found.values:
            found.problems.append((place, f"{name} is there twice"))
        else:
            found.values[name], found.places[name] = value, place


def _is_value(table: Mapping[str, Any], quantity: Quantity) -> bool:
    keys = set(table)
    return bool(keys & _WAVE_KEYS) or (bool(keys) and keys <= set(quantity.axes))


def resolve(raw: object, where: Address, span: Range | None) -> Target:
    """Return what `raw` means at `where` for a part with the range `span` there.

    Raises ValueProblem.
    """
    raw = plain(raw) if isinstance(raw, str) else raw
    if raw == "off":
        return None
    if isinstance(raw, Mapping) and "high" in raw:
        return _wave(raw, where, span)
    return read(raw, where, span)


def read(raw: object, where: Address, span: Range | None) -> Value:
    """Return a value that is neither a wave nor off. Raises ValueProblem."""
    quantity = where.quantity
    raw = plain(raw) if isinstance(raw, str) else raw
    if isinstance(raw, Mapping):
        missing = [axis for axis in quantity.axes if axis not in raw]
        if not quantity.axes or missing or len(raw) != len(quantity.axes):
            raise ValueProblem(
                f"{where}: {', '.join(raw) or 'an empty table'} can't be read; it is written "
                f"{how_written(quantity)}"
            )
        return _all([partial(_number, raw[axis], where, span) for axis in quantity.axes])
    if isinstance(raw, str) and raw in quantity.words:
        return quantity.words[raw]
    if isinstance(raw, str) and (match := _ALONG.fullmatch(raw)) and match[2] in quantity.axes:
        size = _number(match[3], where, span) * (-1.0 if match[1] == "-" else 1.0)
        return tuple(size if axis == match[2] else 0.0 for axis in quantity.axes)
    if isinstance(raw, str) and span and raw in span.words:
        return span.words[raw]
    return _number(raw, where, span)


def how_written(quantity: Quantity) -> str:
    """Return how people write a value of a quantity, in words."""
    if not quantity.axes:
        return f"as one value in {quantity.unit}"
    axes = ", ".join(f"{axis} = …" for axis in quantity.axes)
    words = f', or as a word: "{next(iter(quantity.words))}" and the like' if quantity.words else ""
    meaning = f" ({quantity.meaning})" if quantity.meaning else ""
    return f"{{ {axes} }}, all of its axes{words}{meaning}"


def _number(raw: object, where: Address, span: Range | None) -> float:
    quantity = where.quantity
    raw = plain(raw) if isinstance(raw, str) else raw
    words = ", ".join(span.words) if span else ""
    if not isinstance(raw, str):
        example = f'"{raw} {quantity.unit}"' if isinstance(raw, int | float) else '"…"'
        raise ValueProblem(f"{where}: write a {quantity.name} with its unit, for example {example}")
    ends = span.span if span else None
    if _SHARE.fullmatch(raw) or (match := _MULTIPLE.fullmatch(raw)):
        if ends is None:
            raise RangeProblem(f"{where} = {raw!r} needs min and max in [range.{where}]")
        low, high = ends
        if _SHARE.fullmatch(raw):
            return low + (high - low) * parse(raw, Dimension.RATIO)
        assert match  # noqa: S101 - one of the two matched
        return float(match[1]) * (high - low)
    try:
        value = parse(raw, quantity.dimension)
    except UnitError as error:
        hint = f", or a word: {words}" if words else ""
        more = f", or {', '.join(quantity.words)}" if quantity.words else ""
        if where.port and quantity.axes and not where.axis:
            more += f". A vector without ports is written {how_written(quantity)}"
        if not _WORD.fullmatch(raw):
            raise ValueProblem(f"{where}: {error}{hint}{more}") from None
        lacks = f"; [range.{where}] has no {raw!r}"
        raise RangeProblem(f"{where}: {error}{hint}{more}{lacks}") from None
    if not quantity.least <= value <= quantity.most:
        raise ValueProblem(
            f"{where} = {raw!r}: there is no {quantity.name} below {quantity.least:g} or above "
            f"{quantity.most:g} {quantity.unit}"
        )
    return value


def _wave(raw: Mapping[str, Any], where: Address, span: Range | None) -> Wave:
    wrong: list[str] = []
    if set(raw) - _WAVE_KEYS or not {"low", "high", "period"} <= set(raw):
        wrong.append(f"{where}: a wave has low, high, period and, if not square, shape")
    shape = raw.get("shape", "square")
    if shape not in SHAPES:
        wrong.append(f"{where}: shape {shape!r} is not allowed; allowed: {', '.join(SHAPES)}")
    period_s = 1.0
    if "period" in raw:
        try:
            period_s = parse(str(raw["period"]), Dimension.TIME)
        except UnitError as error:
            wrong.append(f"{where}: period: {error}")
    ends: dict[str, float | None] = {}
    for word in ("low", "high"):
        if word not in raw or (word == "low" and raw[word] == "off"):
            continue
        try:
            ends[word] = _end(raw[word], where, span)
        except ValueProblem as error:
            wrong += [text for text in str(error).split("; ") if text not in wrong]
    low, high = ends.get("low"), ends.get("high")
    if period_s <= 0 or (low is not None and high is not None and low >= high):
        wrong.append(f"{where}: a wave needs a period above 0 and low below high")
    if wrong or high is None:
        raise ValueProblem("; ".join(wrong))
    return Wave(low, high, period_s, shape)


def _end(raw: object, where: Address, span: Range | None) -> float:
    if not isinstance(raw, str | int | float):
        raise ValueProblem(f"{where}: a wave goes between two plain values")
    value = read(raw, where, span)
    if isinstance(value, tuple):
        raise ValueProblem(f"{where}: the ends of a wave are plain numbers")
    return value


def _all(attempts: Sequence[Callable[[], float]]) -> tuple[float, ...]:
    """Return what each attempt gives. Raises ValueProblem with what is wrong with all of them."""
    found: list[float] = []
    wrong: list[str] = []
    for attempt in attempts:
        try:
            found.append(attempt())
        except ValueProblem as error:
            wrong.append(str(error))
    if wrong:
        raise ValueProblem("; ".join(dict.fromkeys(wrong)))
    return tuple(found)


def read_difference(raw: object, dimension: Dimension, full_scale: float | None) -> float:
    """Return an error or a limit: a quantity, or a share of full scale ("0.1 %", "0.001 FS").

    Raises ValueProblem.
    """
    text = plain(raw) if isinstance(raw, str) else ""
    match = _MULTIPLE.fullmatch(text)
    share = float(match[1]) if match else None
    if share is None and _SHARE.fullmatch(text) and dimension is not Dimension.RATIO:
        share = parse(text, Dimension.RATIO)
    if share is not None:
        if full_scale is None:
            raise RangeProblem(f"{text!r} needs the part's range: its min and max")
        return share * full_scale
    if dimension is Dimension.RATIO and isinstance(raw, int | float) and not isinstance(raw, bool):
        return float(raw)
    try:
        return parse(text or repr(raw), dimension)
    except UnitError as error:
        raise ValueProblem(str(error)) from None


def read_address(text: str) -> Address:
    """Return an address. Raises ValueProblem in words."""
    try:
        return address(text)
    except AddressError as error:
        raise ValueProblem(str(error)) from None
