"""Whether options of station.toml are of the types that a driver's constructor says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import getattr_static
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_WORDS: Mapping[object, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a text",
}  # fmt: skip


def of_other_types(driver: type, options: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield each option that is of another type than the driver takes, and what it takes.

    A type that is none of a TOML file's plain ones is left to the driver.
    """
    try:
        hints = get_type_hints(getattr_static(driver, "__init__"))
    except (NameError, TypeError):
        return  # of a class that says none, or names them in its own way
    for name, value in options.items():
        kinds = list(_kinds(hints[name])) if name in hints else []
        if kinds and all(kind in _WORDS for kind in kinds) and not any(
            _is(value, kind) for kind in kinds
        ):  # fmt: skip
            yield name, f"{_shown(value)} is not {' or '.join(_WORDS[kind] for kind in kinds)}"


def _kinds(hint: Any) -> Iterator[object]:
    """Yield the plain types that a hint allows; anything else as it is."""
    if get_origin(hint) in {Union, UnionType}:
        for one in get_args(hint):
            yield from _kinds(one)
    elif get_origin(hint) is Literal:
        yield from dict.fromkeys(type(one) for one in get_args(hint))
    elif hint is not NoneType:
        yield hint


def _is(value: object, kind: object) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else type(value) is kind


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
