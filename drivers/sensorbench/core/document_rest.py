"""What is left of a document without its mistakes, so that checks of a later level tell theirs.

A table is checked as a whole only once its keys are right, a station only once its tables are. So
that all of it is told at once, what is wrong is left out and the rest is checked; what that finds
counts where it has nothing to do with what was left out.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sensorbench.core.document_words import OWN, location_of, problems_of
from sensorbench.core.errors import Problem

M = TypeVar("M", bound=BaseModel)
_ROUNDS = 8
_STANDS_IN = "x"
WITHOUT_RULES = "without rules"
"""In a validator's context: a document's rules as a whole were told already, the rest counts."""

Place = tuple[int | str, ...]


def all_problems(
    label: str,
    model: type[M],
    data: object,
    error: ValidationError,
    deeper: Callable[[M], Sequence[Problem]] | None = None,
) -> list[Problem]:
    """Return what is wrong with a document, and what the rest of it shows.

    `deeper` checks a document beyond its form.
    """
    problems: list[Problem] = problems_of(label, model, data, error.errors())
    left_out: list[Place] = []
    stood_in: list[Place] = []
    rules: dict[str, bool] | None = None
    rest = copy.deepcopy(data)
    for _ in range(_ROUNDS):
        places = [tuple(location_of(rest, item)) for item in error.errors()]
        kinds = [item["type"] for item in error.errors()]
        for place, kind in sorted(zip(places, kinds, strict=True), key=lambda p: -len(p[0])):
            is_new = place not in stood_in
            if kind == "missing" and is_new and isinstance(rest, dict) and len(place) == 1:
                # Without it nothing else could be checked; what is wrong with it is told.
                rest[place[0]] = _STANDS_IN
                stood_in.append(place)
                left_out.append(place)
                continue
            whole = place[:-1] if kind == "missing" else place
            if not whole and kind in OWN:
                rules = {WITHOUT_RULES: True}  # a rule of the whole: told, and left aside
                continue
            if not whole:
                return problems
            _remove(rest, whole)
            if kind != "extra_forbidden":
                left_out.append(whole)
        try:
            document = model.model_validate(rest, context=rules)
        except ValidationError as again:
            error = again
            found = _apart(problems_of(label, model, rest, error.errors()), left_out)
            problems += [problem for problem in found if problem not in problems]
            continue
        found = list(deeper(document)) if deeper is not None else []
        return [*problems, *_apart(found, left_out)]
    return problems


def _remove(data: Any, place: Place) -> None:
    """Take a value out; a list keeps the others' places until it is read again."""
    *path, last = place
    for part in path:
        data = _inside(data, part)
    if isinstance(data, dict):
        data.pop(last, None)
    elif isinstance(data, list) and isinstance(last, int) and last < len(data):
        del data[last]


def _inside(node: Any, part: int | str) -> Any:
    if isinstance(node, dict):
        return node.get(part)
    if isinstance(node, list) and isinstance(part, int) and part < len(node):
        return node[part]
    return None


def _apart(problems: Sequence[Problem], left_out: Sequence[Place]) -> list[Problem]:
    """Return the problems that have nothing to do with what was left out."""
    heads = {_head(place) for place in left_out}
    names = {str(part) for place in left_out for part in place[:2] if isinstance(part, str)}
    words = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names) or "$^")
    return [
        problem
        for problem in problems
        if not any(re.match(rf"{re.escape(head)}\b", problem.key) for head in heads)
        and not words.search(problem.text)
    ]


def _head(place: Place) -> str:
    """Return the part of the document that a place is in: instrument.psu, or socket."""
    named = len(place) > 1 and isinstance(place[1], str)
    return f"{place[0]}.{place[1]}" if named else str(place[0])
