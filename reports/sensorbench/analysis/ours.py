"""What must be of a type of ours, and the numbers that make one: refused by name, in words."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TypeVar

from sensorbench.analysis import inputs
from sensorbench.analysis.errors import AnalysisError

T = TypeVar("T")


def own(name: str, value: object, kind: type[T], made_by: str) -> T:
    """Return value. Raises AnalysisError unless it is of our own type, saying what makes one."""
    if isinstance(value, kind):
        return value
    word = repr(value) if value is None else f"of type {type(value).__name__}"
    raise AnalysisError(f"{name} must be {kind.__name__} ({made_by}); this is {word}")


def owns(name: str, values: object, kind: type[T], made_by: str) -> tuple[T, ...]:
    """Return values as a tuple. Raises AnalysisError unless they are a list of our own type."""
    if isinstance(values, (kind, str)) or not isinstance(values, Iterable):
        raise AnalysisError(
            f"{name} must be a list of {kind.__name__} ({made_by}); this is of type "
            f"{type(values).__name__}"
        )
    return tuple(own(f"{name}[{k}]", each, kind, made_by) for k, each in enumerate(values))


def set_number(
    owner: object,
    field: str,
    least: float = -inf,
    most: float = inf,
    *,
    open_ends: bool = False,
) -> None:
    """Make a field of a frozen dataclass the one number it must be. Raises as `inputs.number`."""
    found = inputs.number(
        label(owner, field), getattr(owner, field), least, most, open_ends=open_ends
    )
    object.__setattr__(owner, field, found)


def set_endless(owner: object, field: str) -> None:
    """Make a field the degrees of freedom it must be. Raises as `inputs.endless`."""
    object.__setattr__(owner, field, inputs.endless(label(owner, field), getattr(owner, field)))


def label(owner: object, field: str) -> str:
    """Return how errors name a field: after the owner's own `name`, or its class."""
    return f"{getattr(owner, 'name', '') or type(owner).__name__}: {field}"
