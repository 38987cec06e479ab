"""part.toml and lot.toml: what a part is, which parameters it has, which units are tested."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sensorbench.core.channel import Channel
from sensorbench.core.document_rest import WITHOUT_RULES
from sensorbench.core.documents import Document, Word
from sensorbench.core.quantity import AddressError, Value, address
from sensorbench.core.units import UnitError, parse
from sensorbench.parts.values import Range, ValueProblem, flatten, read

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

    model: str = "polynomial"


def by_address(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of values by address; a validator's error for a name that is no quantity."""
    try:
        return flatten(table)
    except AddressError as error:
        raise problem(str(error)) from None


class Part(Document):
    """A part.toml.

    `range` holds by address what the part is made for; `condition` sets of values with a name;
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
        for key, entry in table.items():
            for name, row in _tables(key, entry).items():
                found[name] = row
        for name, row in found.items():
            _range(name, row)  # raises
        return found

    def settings_of(self, name: str) -> dict[str, str | int | float]:
        """Return the settings of that name, "" for none, with those that always hold."""
        return {**self.settings.get("always", {}), **self.settings.get(name, {})}

    @field_validator("condition")
    @classmethod
    def _condition_addresses(cls, table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {name: by_address(values) for name, values in table.items()}

    @model_validator(mode="after")
    def _unique(self, info: ValidationInfo) -> Self:
        if info.context and WITHOUT_RULES in info.context:
            return self
        names = [parameter.name for parameter in self.parameter]
        # A parameter's drift has a result of its own, `NAME.drift`: no other may be called so.
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise problem(f"parameter {', '.join(twice)} is there twice")
        for parameter in self.parameter:
            unknown = [name for name in parameter.limits if name not in self.condition]
            if unknown:
                there = ", ".join(self.condition) or "none"
                raise problem(
                    f"parameter {parameter.name}: limits at {', '.join(unknown)}, "
                    f"but [condition] has {there}"
                )
        return self

    @cached_property
    def ranges(self) -> Mapping[str, Range]:
        """Return the part's range at every address that it has one for."""
        return {name: _range(name, row) for name, row in self.range.items()}

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


def _tables(key: str, entry: Any) -> dict[str, Any]:
    """Return the tables of a quantity by address: one, or one a port."""
    if not isinstance(entry, Mapping):
        raise problem(f"{key}: write a table with min and max")
    ports = {k: v for k, v in entry.items() if isinstance(v, Mapping) and not _is_vector(v)}
    if ports and len(ports) == len(entry):
        return {f"{key}.{port}": dict(row) for port, row in ports.items()}
    return {key: dict(entry)}


def _is_vector(table: Mapping[str, Any]) -> bool:
    return set(table) <= {"x", "y", "z"}


def _range(name: str, row: Mapping[str, Any]) -> Range:
    try:
        where = address(name)
    except AddressError as error:
        raise problem(str(error)) from None
    limit = None
    if "limit" in row:
        if where.quantity.limit is None:
            raise problem(f"{name}.limit: a {where.quantity.name} has no limit beside it")
        try:
            limit = parse(str(row["limit"]), where.quantity.limit)
        except UnitError as error:
            raise problem(f"{name}.limit: {error}") from None
    words: dict[str, Value] = {}
    for word, raw in row.items():
        if word in _NOT_WORDS:
            continue
        try:
            words[word] = read(raw, where, Range(dict(words)))
        except ValueProblem as error:
            raise problem(f"{name}.{word}: {error}") from None
    relative_to = row.get("relative_to", "vacuum")
    if not isinstance(relative_to, str):
        raise problem(f"{name}.relative_to: write vacuum, ambient, or another port")
    found = Range(words, limit, relative_to)
    ends = found.span
    if ends and ends[0] >= ends[1]:
        raise problem(f"{name}: min must be below max")
    nominal = words.get("nominal")
    if ends and isinstance(nominal, float) and not ends[0] <= nominal <= ends[1]:
        raise problem(f"{name}: nominal must lie between min and max")
    return found


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

    @model_validator(mode="after")
    def _unique(self) -> Self:
        problems = []
        for what in ("serial", "socket"):
            values = [value for unit in self.unit if (value := getattr(unit, what))]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                problems.append(f"{what} {', '.join(twice)} is used by two units")
        if problems:
            raise problem("; ".join(problems))
        return self
