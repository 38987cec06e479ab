"""What is left of a document without its mistakes, so that checks of a later level tell theirs.

A table is checked as a whole only once its keys are right, a station only once its tables are. So
that all of it is told at once, what is wrong is left out and the rest is checked; what that finds
counts where it has nothing to do with what was left out.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sensorbench.core.document_words import (
    OWN,
    Place,
    details,
    inside,
    key_of,
    location_of,
    problems_of,
)
from sensorbench.core.errors import Problem

M = TypeVar("M", bound=BaseModel)
_ROUNDS = 12
_STANDS_IN = "stands_in_for_what_is_missing"
_OWNER = 2  # keys to what a document names: instrument.psu
_ALLOWED = re.compile(r"[;.]? [Tt]here are|, or a word|; allowed")
"""Where a text goes on with all there is: names that it does not speak of."""
_NUMBER = re.compile(r"\[(\d+)\]")
WITHOUT_RULES = "without rules"
"""In a validator's context: a document's rules as a whole were told already, the rest counts."""


def all_problems(
    label: str,
    model: type[M],
    data: object,
    error: ValidationError | None,
    deeper: Callable[[M], Sequence[Problem]] | None = None,
    unread: Sequence[Place] = (),
) -> list[Problem]:
    """Return what is wrong with a document, and what the rest of it shows.

    `deeper` checks a document beyond its form. What is `unread` was told already.
    """
    rest = _Rest(data, unread)
    context: dict[str, bool] | None = None
    problems: list[Problem] = []
    for _ in range(_ROUNDS):
        if error is not None:
            found = details(error)
            told = [rest.in_original(item) for item in found]
            problems += [
                problem
                for problem in problems_of(label, model, data, list(filter(rest.counts, told)))
                if problem not in problems
            ]
            if any(not item["loc"] and item["type"] in OWN for item in found) and context is None:
                context = {WITHOUT_RULES: True}  # rules of the whole: told, and left aside
            elif not rest.leave_out(found):
                return problems
        try:
            document = model.model_validate(rest.data, context=context)
        except ValidationError as again:
            error = again
            continue
        below = [rest.renumbered(problem) for problem in (deeper(document) if deeper else ())]
        return [*problems, *(problem for problem in below if rest.is_apart(problem))]
    return problems


class _Rest:
    """A document's data while what is wrong is left out, and where each item stood before."""

    def __init__(self, data: object, unread: Sequence[Place]) -> None:
        self.data: Any = copy.deepcopy(data)
        self._left_out: list[Place] = list(unread)
        self._stood_in: set[Place] = set()
        self._numbers: dict[int, list[int]] = {}  # by list: its items' numbers in the original
        for place in sorted(unread, key=_depth_first, reverse=True):
            self._remove(place)

    def original(self, place: Place) -> Place:
        """Return where in the original something of the rest stands."""
        found: list[int | str] = []
        node = self.data
        for part in place:
            numbers = self._numbers.get(id(node))
            known = isinstance(part, int) and numbers is not None and part < len(numbers)
            found.append(numbers[part] if known and numbers is not None else part)  # type: ignore[index]
            node = inside(node, part)
        return tuple(found)

    def in_original(self, item: ErrorDetails) -> ErrorDetails:
        """Return a finding with its place in the original."""
        return {**item, "loc": self.original(tuple(location_of(self.data, item)))}

    def renumbered(self, problem: Problem) -> Problem:
        """Return a problem of the rest with its key in the original."""
        if not _NUMBER.search(problem.key):
            return problem
        place: list[int | str] = []
        for part in _NUMBER.sub(r".[\1]", problem.key).split("."):
            place.append(int(part[1:-1]) - 1 if _NUMBER.fullmatch(part) else part)
        return replace(problem, key=key_of(self.original(tuple(place))))

    def leave_out(self, found: Sequence[ErrorDetails]) -> bool:
        """Leave out what was found; return whether that left anything to look at."""
        places = {tuple(location_of(self.data, item)): item["type"] for item in found}
        changed = False
        # From the last item of a list to its first, so that places hold.
        for place in sorted(places, key=_depth_first, reverse=True):
            kind = places[place]
            if kind == "missing" and self._stand_in(place):
                changed = True
                continue
            whole = place[:-1] if kind == "missing" else place
            original = self.original(whole)
            while whole and not self._remove(whole):
                whole = whole[:-1]  # a rule about what is not there: its table goes
                original = self.original(whole)
            if not whole:
                continue
            changed = True
            if kind != "extra_forbidden":
                self._left_out.append(original)
        return changed

    def _stand_in(self, place: Place) -> bool:
        """Put a text where a key is missing, for the rest of its table to be checked; once."""
        original = self.original(place)
        node = self.data
        for part in place[:-1]:
            node = inside(node, part)
        if original in self._stood_in or not isinstance(node, dict):
            return False
        node[place[-1]] = _STANDS_IN
        self._stood_in.add(original)
        self._left_out.append(original)
        return True

    def _remove(self, place: Place) -> bool:
        """Take a value out; return whether it was there."""
        *path, last = place
        node = self.data
        for part in path:
            node = inside(node, part)
        if isinstance(node, dict) and isinstance(last, str):
            first, dot, more = last.partition(".")
            if last not in node and dot and first in node:
                return self._remove((*path, first, more))
            return node.pop(last, self) is not self
        if isinstance(node, list) and isinstance(last, int) and last < len(node):
            del self._numbers.setdefault(id(node), list(range(len(node))))[last]
            del node[last]
            return True
        return False

    def counts(self, item: ErrorDetails) -> bool:
        """Return whether a finding of form has nothing to do with what was left out.

        A wrong type counts wherever it is; a rule where it names nothing of that.
        """
        place = item["loc"]
        for out in self._left_out:
            if place[: len(out)] == out:
                return False
            if item["type"] == "too_short" and out[: len(place)] == place:
                return False
            said = _ALLOWED.split(item["msg"])[0]
            words = [part for part in out[-1:] if isinstance(part, str) and part not in place]
            if item["type"] in OWN and _names(said, words):
                return False
        return True

    def is_apart(self, problem: Problem) -> bool:
        """Return whether what a deeper check found has nothing to do with what was left out."""
        if _STANDS_IN in problem.key or _STANDS_IN in problem.text:
            return False
        text = _ALLOWED.split(problem.text)[0]
        for out in [*self._left_out, *(place[:_OWNER] for place in self._stood_in)]:
            if _begins(problem.key, out):
                return False
            # A whole thing is named anywhere, a key of it where that thing is spoken of.
            key = problem.key.split(".")
            words = [part for part in out[-1:] if isinstance(part, str) and part not in key]
            if (len(out) <= _OWNER or _begins(problem.key, out[:_OWNER])) and _names(text, words):
                return False
        return True


def _begins(key: str, place: Place) -> bool:
    return re.match(rf"{re.escape(key_of(place))}(?!\w)", key) is not None


def _depth_first(place: Place) -> tuple[int, list[int]]:
    return len(place), [part if isinstance(part, int) else -1 for part in place]


def _names(text: str, words: Sequence[str]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words)
