"""part.toml and lot.toml: what a part is, which parameters it has, which units are tested."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sensorbench.core.channel import Channel
from sensorbench.core.document_rest import WITHOUT_RULES
from sensorbench.core.document_words import Place, several
from sensorbench.core.documents import Document, Word
from sensorbench.core.quantity import AddressError, Quantity, Value, address
from sensorbench.core.units import UnitError, parse
from sensorbench.parts.values import Range, RangeProblem, ValueProblem, flatten, read

GRADES = (0, 1, 2, 3)
_NOT_WORDS = {"limit", "relative_to"}


def problem(text: str) -> PydanticCustomError:
    """Return the error of a validator that says `text`."""
    return PydanticCustomError("value_error", "{what}", {"what": text})


class PartData(Document):
    """The [part] table. `driver` is one of `sensorbench devices`."""

    name: str = Field(min_length=1)
    driver: str
    title: str | dict[str, str] = ""
    grade: Literal[0, 1, 2, 3] | None = None


class Parameter(Document):
    """One parameter of the part: a measure of a channel at a stimulus, and its limits.

    `set` is what must be applied beside the condition; `limits` are by condition; `drift` is the
    largest change against the first readout, as agreed with the customer. Values are read once the
    part's ranges are known (`profiles.context`).
    """

    name: Word
    title: str | dict[str, str] = ""
    measure: str
    channel: str = ""
    set: dict[str, Any] = Field(default_factory=dict)
    limits: dict[str, Any] = Field(default_factory=dict)
    drift: Any = None

    @field_validator("set")
    @classmethod
    def _addresses(cls, table: dict[str, Any]) -> dict[str, Any]:
        return by_address(table)


class CalibrationData(Document):
    """The [calibration] table: which model is fitted; what the part stores says the rest."""

    model: Literal["polynomial"] = "polynomial"


def by_address(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of values by address; a validator's error for names that are no quantity."""
    found = flatten(table)
    if found.problems:
        raise several(found.problems)
    return found.values


def check_addresses(table: Mapping[str, Any]) -> None:
    """Raise a validator's error where a key of `table` is no address."""
    _check_addresses({(name,): name for name in table})


def check_each_address(names: Sequence[str]) -> None:
    """Raise a validator's error where a name in a list is no address."""
    _check_addresses({(k,): name for k, name in enumerate(names)})


def _check_addresses(names: Mapping[Place, str]) -> None:
    rows: list[tuple[Place, str]] = []
    for place, name in names.items():
        try:
            address(name)
        except AddressError as error:
            rows.append((place, str(error)))
    if rows:
        raise several(rows)


class Part(Document):
    """A part.toml.

    `range` holds by address what the part is made for; `condition` sets of values with a name, in
    the words of its ranges;
    `settings` named settings of the driver, those called `always` beneath each of them; `accuracy`
    by channel the limits of measures.
    """

    part: PartData
    range: dict[str, Any] = Field(default_factory=dict)
    condition: dict[str, dict[str, Any]] = Field(default_factory=dict)
    settings: dict[str, dict[str, str | int | float]] = Field(default_factory=dict)
    accuracy: dict[str, dict[str, Any]] = Field(default_factory=dict)
    calibration: CalibrationData | None = None
    parameter: tuple[Parameter, ...] = ()

    @property
    def label(self) -> str:
        """Return how problems name it: by its file, where it has one."""
        return self.written_in or f"part {self.part.name}"

    @field_validator("range")
    @classmethod
    def _range_addresses(cls, table: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        problems: list[tuple[Place, str]] = []
        for key, entry in table.items():
            if not isinstance(entry, Mapping):
                problems.append(((key,), "write a table with min and max"))
                continue
            for place, row in _tables(key, entry).items():
                name = ".".join(place)
                if name in found:
                    problems.append((place, f"{name} is there twice"))
                found[name] = row
                problems += [((*place, *inner), text) for inner, text in _range(name, row)[1]]
        if problems:
            raise several(problems)
        return found

    def settings_of(self, name: str) -> dict[str, str | int | float]:
        """Return the settings of that name, "" for none, with those that always hold."""
        return {**self.settings.get("always", {}), **self.settings.get(name, {})}

    @field_validator("condition")
    @classmethod
    def _condition_addresses(cls, table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        flat = {name: flatten(values) for name, values in table.items()}
        rows = [((n, *place), text) for n, one in flat.items() for place, text in one.problems]
        if rows:
            raise several(rows)
        return {name: one.values for name, one in flat.items()}

    @model_validator(mode="after")
    def _unique(self, info: ValidationInfo) -> Self:
        if info.context and WITHOUT_RULES in info.context:
            return self
        names = [parameter.name for parameter in self.parameter]
        # A parameter's drift has a result of its own, `NAME.drift`: no other may be called so.
        rows = _twice(names, "parameter", "name", "parameter {} is there twice")
        there = ", ".join(self.condition) or "none"
        rows += [
            (("parameter", k, "limits", name), f"[condition] has no {name}, but {there}")
            for k, parameter in enumerate(self.parameter)
            for name in parameter.limits
            if name not in self.condition
        ]
        if rows:
            raise several(rows, rules=True)
        return self

    @cached_property
    def ranges(self) -> Mapping[str, Range]:
        """Return the part's range at every address that it has one for."""
        return {name: _range(name, row)[0] for name, row in self.range.items()}

    def range_of(self, where: str) -> Range | None:
        """Return the range at an address; an axis has that of its vector."""
        found = self.ranges.get(where)
        return found or self.ranges.get(address(where).whole)

    def full_scale(self, channel: Channel) -> float | None:
        """Return the span of what a channel senses, None where the part gives none."""
        if channel.quantity is None:
            return None
        found = self.range_of(channel.address)
        ends = found.span if found else None
        return ends[1] - ends[0] if ends else None


def _twice(names: Sequence[str], table: str, key: str, text: str) -> list[tuple[Place, str]]:
    """Return what is wrong with a list of tables where names, "" for none, are not unique."""
    return [
        ((table, k, key), text.format(name))
        for k, name in enumerate(names)
        if name and name in names[:k]
    ]


def _tables(key: str, entry: Mapping[str, Any]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """Return the tables of a quantity by the keys of their address: one, or one a port."""
    ports = {k: v for k, v in entry.items() if isinstance(v, Mapping) and not _is_vector(v)}
    if ports and len(ports) == len(entry):
        return {(key, port): dict(row) for port, row in ports.items()}
    return {(key,): dict(entry)}


def _is_vector(table: Mapping[str, Any]) -> bool:
    return bool(table) and set(table) <= {"x", "y", "z"}


def _range(name: str, row: Mapping[str, Any]) -> tuple[Range, list[tuple[Place, str]]]:
    """Return a part's range at an address, and what is wrong with its table."""
    try:
        where = address(name)
    except AddressError as error:
        return Range(), [((), str(error))]
    problems: list[tuple[Place, str]] = []
    limit, wrong = _limit(where.quantity, row["limit"]) if "limit" in row else (None, "")
    if wrong:
        problems.append((("limit",), wrong))
    words: dict[str, Value] = {}
    for word, raw in row.items():
        if word in _NOT_WORDS:
            continue
        try:
            words[word] = read(raw, where, Range(dict(words)))
        except RangeProblem as error:
            # A share of ends that are wrong themselves is told by them.
            share = str(raw).rstrip().endswith(("%", "FS"))
            if not (share and {"min", "max"} & {place[0] for place, _ in problems}):
                problems.append(((word,), str(error)))
        except ValueProblem as error:
            problems.append(((word,), str(error)))
    relative_to = row.get("relative_to", "vacuum")
    if not isinstance(relative_to, str):
        problems.append((("relative_to",), "write vacuum, ambient, or another port"))
    found = Range(words, limit, str(relative_to))
    ends, nominal = found.span, words.get("nominal")
    if ends and ends[0] >= ends[1]:
        problems.append(((), "min must be below max"))
    elif ends and isinstance(nominal, float) and not ends[0] <= nominal <= ends[1]:
        problems.append((("nominal",), "nominal must lie between min and max"))
    return found, problems


def _limit(quantity: Quantity, raw: object) -> tuple[float | None, str]:
    """Return the limit beside a quantity, and what is wrong with it."""
    if quantity.limit is None:
        return None, f"a {quantity.name} has no limit beside it"
    try:
        limit = parse(str(raw), quantity.limit)
    except UnitError as error:
        return None, str(error)
    if limit <= 0:
        return None, f"must be above 0, not {raw}: it is what the part may draw at most"
    return limit, ""


class Unit(Document):
    """One DUT of the lot. `socket` only where it is fixed; `group` where units differ in use."""

    serial: str = Field(min_length=1, max_length=40)
    socket: str = ""
    group: str = ""

    @field_validator("serial")
    @classmethod
    def _printable(cls, text: str) -> str:
        return printable(text, "a serial number")


class LotData(Document):
    """The [lot] table; `part` is the part file's name beside the lot file."""

    id: str = Field(min_length=1, max_length=60)
    part: str
    description: str = ""

    @field_validator("id")
    @classmethod
    def _printable(cls, text: str) -> str:
        return printable(text, "a lot's id")


def printable(text: str, what: str) -> str:
    """Return a name that people write as they like, without spaces around and hidden characters."""
    if text != text.strip() or any(unicodedata.category(c)[0] == "C" for c in text):
        raise problem(f"{what} has no spaces at its ends and no control characters")
    return text


def slug(text: str) -> str:
    """Return a name as part of a folder's name: letters and digits of any script stay.

    >>> slug("LOT 24/0817"), slug("批次1")
    ('LOT-24-0817', '批次1')
    """
    kept = "".join(c if c.isalnum() or c in "._-" else "-" for c in text)
    return "-".join(part for part in kept.split("-") if part) or "lot"


class Lot(Document):
    """A lot.toml."""

    lot: LotData
    unit: tuple[Unit, ...] = Field(min_length=1)

    @property
    def label(self) -> str:
        """Return how problems name it: by its file, where it has one."""
        return self.written_in or f"lot {self.lot.id}"

    def _used_twice(self, key: str) -> list[tuple[Place, str]]:
        names = [getattr(unit, key) for unit in self.unit]
        return _twice(names, "unit", key, f"{key} {{}} is used by two units")

    @model_validator(mode="after")
    def _unique(self) -> Self:
        rows = [*self._used_twice("serial"), *self._used_twice("socket")]
        if rows:
            raise several(rows, rules=True)
        return self
