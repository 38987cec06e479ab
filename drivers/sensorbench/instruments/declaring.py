"""What a driver's class declares of its members must make sense before anybody rests on it.

A rate of NaN is in no plan and beyond no limit, and a range that is upside down refuses everything:
whoever writes such a class is told when it is imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real

AGAINST = ("", "vacuum", "ambient")


def check_sizes(sizes: Mapping[str, object]) -> None:
    """Raise ValueError for what is declared and is no finite number, or below 0; None is none."""
    for word, size in sizes.items():
        if size is not None and not (_is_number(size) and 0.0 <= float(size) < math.inf):  # type: ignore[arg-type]
            raise ValueError(f"{word} = {size!r}: it must be a finite number, and not below 0")


def check_range(word: str, ends: object) -> None:
    """Raise ValueError for what is no lower and upper end, in this order."""
    is_pair = isinstance(ends, tuple) and len(ends) == 2 and all(map(_is_number, ends))
    if not is_pair or not ends[0] < ends[1]:  # type: ignore[index]
        raise ValueError(f"{word} = {ends!r}: write its lower and its upper end, as (0.0, 150.0)")


def check_against(against: str) -> None:
    """Raise ValueError for a word that says of nothing what a pressure is measured from."""
    if against not in AGAINST:
        raise ValueError(f'against = {against!r}: a pressure is measured from "vacuum", "ambient"')


def _is_number(thing: object) -> bool:
    return not isinstance(thing, bool) and isinstance(thing, Real) and not math.isnan(thing)
