"""What is wrong with a document, in words of the bench and not of the validator."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from sensorbench.core.errors import Problem

_SHAPES = {
    "model_type": "a table", "model_attributes_type": "a table", "dict_type": "a table",
    "mapping_type": "a table", "dataclass_type": "a table",
    "tuple_type": "a list in brackets", "list_type": "a list in brackets",
    "set_type": "a list in brackets", "frozen_set_type": "a list in brackets",
    "string_type": "a text in quotes", "string_unicode": "a text in quotes",
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float":
    "a whole number", "int_parsing_size": "a whole number",
    "float_type": "a number", "float_parsing": "a number", "finite_number": "a finite number",
    "decimal_type": "a number", "decimal_parsing": "a number",
    "bool_type": "true or false", "bool_parsing": "true or false",
    "none_required": "nothing here",
    "date_type": "a date, such as 2026-03-31", "date_parsing": "a date, such as 2026-03-31",
    "date_from_datetime_parsing": "a date, such as 2026-03-31",
    "date_from_datetime_inexact": "a date without a time, such as 2026-03-31",
    "datetime_type": "a date and time", "datetime_parsing": "a date and time",
    "time_type": "a time", "time_parsing": "a time",
}  # fmt: skip
_BOUNDS = {
    "greater_than": ("gt", "must be above"), "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be below"), "less_than_equal": ("le", "must be at most"),
    "multiple_of": ("multiple_of", "must be a multiple of"),
}  # fmt: skip
# Where an item is wrong, a list has no shape, and has one item less.
_OF_ITEMS = {*_SHAPES, "too_short"}
OWN = {"quantity", "value_error", "assertion_error"}
_MOST = 60
_SEVERAL, _SEVERAL_RULES = "several", "several rules"

Place = tuple[int | str, ...]
"""Where something stands in a document: keys and, counted from 0, places in lists."""


def several(rows: Sequence[tuple[Place, str]], *, rules: bool = False) -> PydanticCustomError:
    """Return one error of a validator that tells all of `rows`: where beneath it, and what.

    `rules` are between keys: where one of these keys is wrong by itself, the rule is not told.
    """
    kind = _SEVERAL_RULES if rules else _SEVERAL
    what = "; ".join(text for _, text in rows)
    return PydanticCustomError(kind, "{what}", {"what": what, "rows": tuple(rows)})


def details(error: ValidationError) -> list[ErrorDetails]:
    """Return what a validator found, with each of `several` rows by itself."""
    found: list[ErrorDetails] = []
    for item in error.errors():
        if item["type"] not in {_SEVERAL, _SEVERAL_RULES}:
            found.append(item)
            continue
        kind = "quantity" if item["type"] == _SEVERAL else "value_error"
        for place, text in item["ctx"]["rows"]:
            location = (*item["loc"], *place)
            found.append({"type": kind, "loc": location, "msg": text, "input": None})
    return found


def problems_of(
    label: str, model: type[BaseModel], data: object, errors: Sequence[ErrorDetails]
) -> list[Problem]:
    """Return the problems of a document, one a key: what several shapes refuse is told once."""
    found: dict[str, list[ErrorDetails]] = {}
    for item in errors:
        found.setdefault(key_of(location_of(data, item)), []).append(item)
    problems = []
    for key, items in found.items():
        deeper = any(other.startswith((f"{key}.", f"{key}[")) for other in found)
        told = [item for item in items if not (deeper and item["type"] in _OF_ITEMS)]
        if told:
            problems.append(Problem(label, key, _texts(model, data, told)))
    return problems


def _texts(model: type[BaseModel], data: object, items: Sequence[ErrorDetails]) -> str:
    shapes = list(dict.fromkeys(_SHAPES[i["type"]] for i in items if i["type"] in _SHAPES))
    others = [
        _text(model, data, location_of(data, item), item)
        for item in items
        if item["type"] not in _SHAPES
    ]
    if shapes and not others:
        others = [f"write {' or '.join(shapes)}, not {_shown(items[0]['input'])}"]
    return "; ".join(dict.fromkeys(others))


def key_of(location: Sequence[int | str]) -> str:
    """Return a place as people write it, counted from 1: socket[2].link."""
    key = ""
    for part in location:
        key += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def location_of(data: object, item: ErrorDetails) -> list[int | str]:
    """Return where in what the user wrote: without the names that a union's members have."""
    location: list[int | str] = []
    node: object = data
    parts = item["loc"]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        is_new = last and item["type"] in {"missing", "extra_forbidden"}
        if isinstance(part, str) and not is_new and _is_tag(part, node):
            continue
        if isinstance(part, int) and isinstance(node, Mapping | str):
            continue  # of a list that may be written without brackets where it has one item
        location.append(part)
        node = inside(node, part)
    return location


def inside(node: object, part: int | str) -> object:
    """Return what stands in a table or list at `part`, None where nothing does."""
    if isinstance(node, Mapping):
        if part in node:
            return node[part]
        # "pressure.front" is the table front in the table pressure.
        first, dot, rest = str(part).partition(".")
        return inside(node.get(first), rest) if dot else None
    if isinstance(node, list | tuple) and isinstance(part, int) and part < len(node):
        return node[part]
    return None


_LEFT_OUT = "i2c"
"""The kind that a link may leave out."""


def _is_tag(part: str, node: object) -> bool:
    if isinstance(node, Mapping):
        return part not in node and (part == node.get("kind", _LEFT_OUT) or _like_a_type(part))
    return node is not None or _like_a_type(part)


def _like_a_type(part: str) -> bool:
    plain = {"str", "int", "float", "bool", "list", "dict", "tuple", "none", "date"}
    return part in plain or "[" in part or "(" in part


def _text(
    model: type[BaseModel], data: object, location: list[int | str], item: ErrorDetails
) -> str:
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    if kind in OWN:
        return item["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return unknown_key(str(location[-1]), _allowed_keys(model, data, location[:-1]))
    if kind in {"literal_error", "enum"}:
        return f"{_shown(value)} is not allowed; allowed: {context.get('expected')}"
    if kind == "union_tag_invalid":
        allowed = context.get("expected_tags")
        return f"{context.get('tag')!r} is not allowed; allowed: {allowed}"
    if kind == "union_tag_not_found":
        return "kind is required" if isinstance(value, Mapping) else (
            f"write a table with its kind, not {_shown(value)}"
        )  # fmt: skip
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {_number(context.get(name))}, not {_shown(value)}"
    if kind == "string_too_short":
        least = context.get("min_length")
        return "must not be empty" if least == 1 else f"needs {least} characters or more"
    if kind == "string_too_long":
        return f"has more than {context.get('max_length')} characters"
    if kind == "too_short":
        least = context.get("min_length")
        return "must not be empty" if least == 1 else f"needs {least} entries or more"
    if kind == "too_long":
        return f"has more than {context.get('max_length')} entries"
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} is not written as {context.get('pattern')}"
    return f"{_shown(value)} can't be used here"


def _number(bound: object) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _shown(value: object) -> str:
    """Return a value as TOML has it, shortened."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else _number(value)
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"


def unknown_key(key: str, allowed: Sequence[str]) -> str:
    """Return that a key is unknown, which was meant, and which there are."""
    close = difflib.get_close_matches(key, allowed, 1)
    if close:
        return f"unknown key; did you mean {close[0]}? Allowed: {', '.join(allowed)}"
    return f"unknown key; allowed: {', '.join(allowed)}"


def _allowed_keys(model: type[BaseModel], data: object, location: Sequence[int | str]) -> list[str]:
    """Return the keys of the table at `location`, following the model's types as far as they go."""
    found: Any = model
    for part in location:
        data = inside(data, part)
        if isinstance(part, int):
            continue
        fields = [
            field
            for m in _models(found)
            for name, field in m.model_fields.items()
            if part in {name, field.alias}
        ]
        found = fields[0].annotation if fields else found
    models = _models(found)
    # Of several kinds of table the one that was meant.
    kind = data.get("kind") if isinstance(data, Mapping) else None
    meant = [m for m in models if kind is not None and _tag(m) == kind]
    usual = [m for m in models if kind is None and _may_leave_kind_out(m)]
    models = meant or usual or models
    return sorted({_name(m, key) for m in models for key in m.model_fields})


def _may_leave_kind_out(model: type[BaseModel]) -> bool:
    field = model.model_fields.get("kind")
    return field is not None and not field.is_required()


def _tag(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    values = get_args(field.annotation) if field else ()
    return str(values[0]) if values else None


def _name(model: type[BaseModel], key: str) -> str:
    return model.model_fields[key].alias or key


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]
