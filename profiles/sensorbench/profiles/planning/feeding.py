"""What the readings of a phase bring: how many samples of what, read off its actions. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sensorbench.core.quantity import Address
from sensorbench.parts.values import Target, Targets, Wave
from sensorbench.profiles.layout import BenchRow
from sensorbench.profiles.schedule import Action, Hold, Point, Read, Release, Set, Settle

Rows = Mapping[str, BenchRow]
Vector = tuple[float, ...]
_SLOWER = 0.9
"""A part's own clock may be slower than its data sheet says: so much of the samples is sure."""


@dataclass(slots=True)
class Fed:
    """What one point brings: where it is read, how often, and what is sent while it is open.

    `samples` are those of a reading, or the readings in a row; of a stream `seconds` count. `sent`
    are seconds since it was opened, with address and value. `rows` is the bench that it is at.
    """

    point: Point
    rows: Rows
    samples: int
    every_s: float = 0.0
    stream: bool = False
    seconds: float = 0.0
    sent: list[tuple[float, str, Target]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Return whether it is read until it is told to end."""
        return self.stream or self.every_s > 0

    def count(self, begins_s: float, ends_s: float, rate_hz: float) -> int:
        """Return how many samples surely lie between two times since it was opened."""
        if self.stream:
            return int(_SLOWER * rate_hz * (ends_s - begins_s))
        first, last = (math.ceil(t / self.every_s - 1e-9) for t in (begins_s, ends_s))
        return last - first

    def seen(self, where: str) -> list[Target]:
        """Return what was sent to an address and stood long enough to be read."""
        own = [(t, target) for t, address, target in self.sent if address == where]
        ends = [*(t for t, _ in own[1:]), self.seconds]
        return [
            target
            for (t, target), end in zip(own, ends, strict=False)
            if self.stream or self.count(t, end, 0.0)
        ]


def fed_by(actions: Iterable[tuple[Action, Rows]], points: Mapping[str, Point]) -> list[Fed]:
    """Return what actions read, each with the bench that it is done at.

    Times are those that are sure: what a way to a value takes comes on top.
    """
    found: list[Fed] = []
    reading: dict[str, Fed] = {}
    for action, rows in actions:
        match action:
            case Read():
                own = Fed(points[action.point], rows, action.samples, action.every_s, action.stream)
                found.append(own)
                if own.is_open:
                    reading[action.point] = own
            case Release(what=what):
                reading.pop(what, None)
            case Set(address=where, target=target):
                for one in reading.values():
                    one.sent.append((one.seconds, where, target))
            case Hold(credit_s=seconds) | Settle(for_s=seconds):
                for one in reading.values():
                    one.seconds += seconds
            case _:
                pass
    for one in found:
        if one.every_s:
            one.samples = max(one.count(0.0, one.seconds, 0.0), 1)
    return found


def stands_along(fed: Fed, where: Address) -> Vector | None:
    """Return the direction that a vector's `along` tells, None where nothing is said of it."""
    along = where.quantity.along
    row = fed.rows.get(along)
    stated = fed.point.conditions.get(along, row.fixed if row else None)
    return stated if isinstance(stated, tuple) else None


def components_at(fed: Fed, where: Address) -> list[Vector]:
    """Return the values of a quantity at a point, one component an axis, as far as they are set.

    A wave, or what is sent while the point is open, gives several.
    """
    axes = where.quantity.axes
    set_here = fed.point.conditions.get(where.whole)
    values: list[Target] = [set_here]
    if set_here is None:  # what moves while it is read is no condition
        values = fed.seen(where.whole) or [None]
    found: list[Vector] = []
    for value in values:
        if isinstance(value, Wave):
            low = value.low or 0.0
            found += [(low,), ((low + value.high) / 2,), (value.high,)]
        elif isinstance(value, tuple):
            found.append(value)
        else:
            found.append(_plain(fed, where, value) if axes else (value or 0.0,))
    return found


def _plain(fed: Fed, where: Address, value: float | None) -> Vector:
    """Return a plain number along the direction in which the part lies."""
    row = fed.rows.get(where.whole)
    stated = stands_along(fed, where)
    usual = tuple(1.0 if axis == where.quantity.axes[-1] else 0.0 for axis in where.quantity.axes)
    if value is None:  # nobody sets it: it may follow from how the part lies, or stand still
        value = 1.0 if row is not None and row.how == "watched" else 0.0
    return tuple(value * part for part in stated or usual)


def values_by_group(fed: Sequence[Fed], where: Address) -> list[set[float]]:
    """Return the different values of an address, by what else is set: shape as it is assessed.

    Groups in which it stands still are left out where it moves in others.
    """
    moved = len({repr(one.point.conditions.get(where.whole)) for one in fed}) > 1
    beside = {where.whole} if moved else {where.whole, where.quantity.along}
    k = where.quantity.axes.index(where.axis) if where.axis else 0
    groups: dict[str, set[float]] = {}
    for one in fed:
        rest: Targets = {w: t for w, t in one.point.conditions.items() if w not in beside}
        own = groups.setdefault(repr(sorted(rest.items(), key=lambda row: row[0])), set())
        # A plain wave along a vector's own axis has one component.
        own |= {value[k] if k < len(value) else value[0] for value in components_at(one, where)}
    varied = [values for values in groups.values() if len(values) > 1]
    return varied or list(groups.values())


def rank(rows: Sequence[Vector]) -> int:
    """Return how many rows are independent, by Gaussian elimination.

    >>> rank([(1.0, 0.0), (2.0, 0.0)]), rank([(1.0, 0.0), (1.0, 1.0)])
    (1, 2)
    """
    left = [list(row) for row in rows]
    found = 0
    for k in range(min((len(row) for row in left), default=0)):
        pivot = max(left[found:], key=lambda row: abs(row[k]), default=None)
        if pivot is None or abs(pivot[k]) <= 1e-9 * max(map(abs, (1e-300, *pivot))):
            continue
        left.remove(pivot)
        left.insert(found, pivot)
        for row in left[found + 1 :]:
            share = row[k] / pivot[k]
            row[:] = [a - share * b for a, b in zip(row, pivot, strict=True)]
        found += 1
    return found


def both_ways(fed: Sequence[Fed]) -> bool:
    """Return whether any value is come to from below and from above."""
    ways: dict[str, set[str]] = {}
    for one in fed:
        key = repr(sorted(one.point.conditions.items(), key=lambda row: row[0]))
        ways.setdefault(key, set()).add(str(one.point.labels.get("direction", "")))
    return any({"up", "down"} <= found for found in ways.values())
