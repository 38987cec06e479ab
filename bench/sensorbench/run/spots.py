"""What is watched: a bound place, its meters, and the envelope of each since the last log row."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sensorbench.core.quantity import Value, components, distance
from sensorbench.evidence.run import Column
from sensorbench.instruments.members import Meter
from sensorbench.instruments.together import Together, together
from sensorbench.profiles.schedule import Band
from sensorbench.station.binding import Binding

LOG = "log"
LOG_COLUMNS = (
    Column("time", "s"), Column("meter", "1"), Column("component", "1"), Column("low", ""),
    Column("high", ""), Column("mean", ""), Column("polls", "1"), Column("implied", "1"),
)  # fmt: skip
EPS = 1e-9
"""What times are rounded by, in periods."""


@dataclass(slots=True)
class Watched:
    """One meter, its last reading, and its envelope since the last log row."""

    number: int
    name: str
    meter: Meter
    value: Value | None = None
    missing: int = 0
    missing_since: float = math.nan
    lost: bool = False
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    total: tuple[float, ...] = ()
    polls: int = 0
    implied: int = 0
    missed: int = 0

    def take(self, value: Value) -> None:
        """Note a reading."""
        self.value, self.missing = value, 0
        self._widen(components(value), 1.0)
        self.polls += 1

    def imply(self, count: int, before: Value | None) -> None:
        """Note readings that were not made, between `before` and the last one."""
        first = before if before is not None else self.value
        if first is None or count <= 0:
            return
        if self.value is None or self.value == first:
            self._widen(components(first), count)
        else:
            self._widen(components(first), count / 2)
            self._widen(components(self.value), count / 2)
        self.implied += count

    def _widen(self, found: tuple[float, ...], count: float) -> None:
        if not self.total:
            self.low = self.high = found
            self.total = tuple(0.0 for _ in found)
        if len(found) == 1:  # nearly all are
            (value,) = found
            if value < self.low[0]:
                self.low = found
            if value > self.high[0]:
                self.high = found
            self.total = (self.total[0] + count * value,)
            return
        self.low = tuple(map(min, self.low, found))
        self.high = tuple(map(max, self.high, found))
        self.total = tuple(a + count * b for a, b in zip(self.total, found, strict=True))

    def row(self, now: float) -> list[tuple[float, ...]]:
        """Return the log rows since the last one, one a component, and begin anew."""
        count = self.polls + self.implied
        if not count:
            rows: list[tuple[float, ...]] = [
                (now, self.number, 0.0, math.nan, math.nan, math.nan, 0.0, 0.0)
            ]
        else:
            rows = [
                (now, self.number, k, low, high, total / count, self.polls, self.implied)
                for k, (low, high, total) in enumerate(
                    zip(self.low, self.high, self.total, strict=True)
                )
            ]
        self.polls = self.implied = self.missed = 0
        self.total = ()
        return rows


@dataclass(slots=True)
class Spot:
    """One bound address with its meters. `bad` says that a poll since the last row was outside.

    `is_noted` says that it is beyond a limit that only is noted, `exceeded` that it was since the
    last row; `is_old` that something acts anew since its last poll. `groups` are the meters that
    are read at once.
    """

    row: Binding
    meters: list[Watched]
    polled_at: float = -math.inf
    grid_s: float = 0.0
    beyond_since: float = math.inf
    is_noted: bool = False
    exceeded: bool = False
    band: Band | None = None
    bad: bool = False
    disagree: bool = False
    is_old: bool = False
    skips_until: float = -math.inf
    quiet_until: float = -math.inf
    clear_until: float = -math.inf
    groups: list[tuple[Together, list[Watched]]] = field(init=False)
    key: tuple[str, str] = field(init=False)
    acting: str = field(init=False)

    def __post_init__(self) -> None:
        self.groups = [
            (group, [self.meters[place] for place in group.places])
            for group in together([watched.meter for watched in self.meters])
        ]
        # Zone and address, and the meter of what acts: asked for at every poll.
        self.key = self.row.zone, str(self.row.where)
        self.acting = "" if self.row.acts is None else str(self.row.acts)

    @property
    def value(self) -> Value | None:
        """Return the last reading of the first meter that has one, the reference before others."""
        return next((w.value for w in self.meters if w.value is not None), None)

    def alarms(self) -> list[str]:
        """Return what stands here and does not stop the run, in words."""
        found = [
            f"{watched.name} can't be read any more" for watched in self.meters if watched.lost
        ]
        if self.is_noted:
            found.append(f"{self.row.where} is beyond its limit")
        if self.disagree:
            found.append(f"meters of {self.row.where} disagree")
        return found

    def index(self, now: float) -> int:
        """Return the number of the last time of the grid that is not after `now`."""
        return math.floor((now - self.grid_s) / self.row.period_s + EPS)

    def after(self, now: float) -> float:
        """Return the first time of the grid that is after `now`."""
        return self.grid_s + (self.index(now) + 1) * self.row.period_s

    def disagreement(self, share: float = 1.0) -> dict[str, object] | None:
        """Return how far its meters are apart, None where they agree or nothing is asked.

        `share` is how much of what they may differ counts as agreement.
        """
        values = [watched.value for watched in self.meters if watched.value is not None]
        if self.row.agree is None or len(values) < 2:
            return None
        apart = max(distance(a, b) for a in values for b in values)
        if apart <= share * self.row.agree:
            return None
        return {"address": str(self.row.where), "apart": apart, "agree": self.row.agree}

    def felt(self, watched: Watched, value: Value, offset: tuple[float, ...] | None) -> Value:
        """Return what a reading says of the place, `offset` being what nulling found there.

        What acts tells what it makes itself, without what else is there; a reference tells all.
        """
        if offset is None or watched.name != self.acting or str(self.row.reference) == self.acting:
            return value
        found = tuple(a - b for a, b in zip(components(value), offset, strict=True))
        return found if isinstance(value, tuple) else found[0]


def holds(band: Band, value: Value, slack: float = 0.0) -> bool:
    """Return whether a value is inside a band; NaN never is."""
    if band.target is not None:
        return distance(value, band.target) <= band.within + slack + 1e-9
    parts = components(value)
    low_ok = band.low is None or all(part >= band.low - slack for part in parts)
    high_ok = band.high is None or all(part <= band.high + slack for part in parts)
    return low_ok and high_ok
