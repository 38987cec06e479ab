"""TOML that people write, validated: every problem at once, with file, key and what is allowed."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from sensorbench.core.errors import InputError, Problem
from sensorbench.core.units import Dimension, UnitError, parse


class Document(BaseModel):
    """Base of everything read from TOML: immutable, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")


M = TypeVar("M", bound=Document)


def quantity_parser(dimension: Dimension) -> Callable[[object], float]:
    """Return a validator that reads "85 degC" to a canonical float."""

    def read(value: object) -> float:
        if not isinstance(value, str):
            example = f'"{value} {dimension.canonical}"' if isinstance(value, int | float) else ""
            hint = f", for example {example}" if example else ""
            raise PydanticCustomError(
                "quantity", "{what}", {"what": f"write a {dimension.name} with its unit{hint}"}
            )
        try:
            return parse(value, dimension)
        except UnitError as error:
            raise PydanticCustomError("quantity", "{what}", {"what": str(error)}) from None

    return read


Temperature = Annotated[
    float, BeforeValidator(quantity_parser(Dimension.TEMPERATURE)), Field(ge=-273.15)
]
TemperatureDifference = Annotated[
    float, BeforeValidator(quantity_parser(Dimension.TEMPERATURE_DIFFERENCE))
]
TemperatureRate = Annotated[float, BeforeValidator(quantity_parser(Dimension.TEMPERATURE_RATE))]
Pressure = Annotated[float, BeforeValidator(quantity_parser(Dimension.PRESSURE))]
PressureRate = Annotated[float, BeforeValidator(quantity_parser(Dimension.PRESSURE_RATE))]
Duration = Annotated[float, BeforeValidator(quantity_parser(Dimension.TIME))]
Voltage = Annotated[float, BeforeValidator(quantity_parser(Dimension.VOLTAGE))]
Current = Annotated[float, BeforeValidator(quantity_parser(Dimension.CURRENT))]
Frequency = Annotated[float, BeforeValidator(quantity_parser(Dimension.FREQUENCY))]
Ratio = Annotated[float, BeforeValidator(quantity_parser(Dimension.RATIO))]


def load(
    path: Path,
    model: type[M],
    label: str | None = None,
    read_more: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> M:
    """Return the document in the file `path`. Raises InputError with every problem in it.

    `read_more` may complete what was read, with a table from another file.
    """
    label = label or path.name
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError.one(str(path), "", f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError.one(label, "", f"is not UTF-8 text: {error}") from None
    return loads(text, model, label, read_more)


def loads(
    text: str,
    model: type[M],
    label: str,
    read_more: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> M:
    """Return the document in `text`; `label` names it in messages. Raises InputError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError.one(label, "", f"is not valid TOML: {error}") from None
    return validate(read_more(data) if read_more else data, model, label)


def validate(data: object, model: type[M], label: str) -> M:
    """Return the document that `data` holds; `label` names it in messages. Raises InputError."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError([_problem(label, model, item) for item in error.errors()]) from None


def merge_problems(attempts: Sequence[Callable[[], object]]) -> list[Problem]:
    """Call each of `attempts` and return the problems of all InputErrors they raise."""
    problems: list[Problem] = []
    for attempt in attempts:
        try:
            attempt()
        except InputError as error:
            problems += error.problems
    return problems


def _problem(label: str, model: type[BaseModel], item: ErrorDetails) -> Problem:
    location = [part for part in item["loc"] if not _is_tag(part)]
    key = ""
    for part in location:
        key += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return Problem(label, key, _text(model, location, item))


def _is_tag(part: int | str) -> bool:
    """Tell pydantic's own names of union members from the user's keys."""
    return isinstance(part, str) and (part.startswith("function-") or part in {"float", "list"})


def _text(model: type[BaseModel], location: list[int | str], item: ErrorDetails) -> str:
    kind, value = item["type"], item["input"]
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        allowed = _allowed_keys(model, location[:-1])
        close = difflib.get_close_matches(str(location[-1]), allowed, 1)
        guess = f"; did you mean {close[0]}?" if close else ""
        return f"unknown key{guess} Allowed: {', '.join(allowed)}" if guess else (
            f"unknown key; allowed: {', '.join(allowed)}"
        )  # fmt: skip
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        context = item.get("ctx", {})
        expected = context.get("expected") or context.get("expected_tags")
        return (
            f"{value!r} is not allowed; allowed: {expected}"
            if kind != "union_tag_invalid"
            else (f"{context.get('tag')!r} is not allowed; allowed: {expected}")
        )
    message = item["msg"].removeprefix("Value error, ")
    return message if kind in {"quantity", "value_error"} else f"{message}, got {value!r}"


def _allowed_keys(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """Return the keys of the table at `location`, following the model's types as far as they go."""
    found: Any = model
    for part in location:
        models = _models(found)
        if isinstance(part, int):
            continue
        tagged = [m for m in models if _tag(m) == part]
        if tagged:
            found = tagged[0]
            continue
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        if not fields:
            continue
        found = fields[0].annotation
    return sorted({_name(m, key) for m in _models(found) for key in m.model_fields})


def _name(model: type[BaseModel], key: str) -> str:
    return model.model_fields[key].alias or key


def _tag(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    values = get_args(field.annotation) if field else ()
    return str(values[0]) if values else None


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]
