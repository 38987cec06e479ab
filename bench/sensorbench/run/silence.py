"""Silence: whether a unit that is still to be read answers, and when none does, the end of the run.

The rules:
- Only a reading within what a part is made for counts: less supply, or a burst, may silence a good
  part. Phases that say so, and those that destroy their units, go on whatever answers.
- Who no later step reads is asked nothing, so a lot that is done never ends the next one.
- Silence is asked again after a minute, and where the next reading is far every ten: a person may
  have put the plug back. Units that never answered end the run then; others after two hours, since
  cold alone may silence a whole lot that answers again at the next temperature.
- Parts that must be calibrated, answer at two points and give no value at either are not: that
  ends the run too, unless a later step writes to them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf, isfinite
from typing import Any

from sensorbench.parts.values import Target
from sensorbench.profiles.planning.gating import acts_on_units
from sensorbench.profiles.schedule import Point, Read, Release, Schedule
from sensorbench.run.duts import HEAD, Sweep

LONG_S = 2 * 3600.0
"""So long may nothing answer, and nobody be asked."""
FIRST_PAUSE_S, PAUSE_S = 60.0, 600.0
_ENDS = 1e-9


class Way(Enum):
    """How a run goes on after a reading."""

    ON = "go on"
    AGAIN = "ask again"
    STOP = "stop"


@dataclass(slots=True)
class _Seen:
    """What is known of a unit: silent since when, the points at which it gave no value."""

    silent_s: float = inf
    blank: frozenset[str] = frozenset()
    has_value: bool = False

    @property
    def is_silent(self) -> bool:
        return self.silent_s < inf


class Silence:
    """Who answers of the units that are still to be read.

    `answered` says that some did before, as in a run that goes on after it was parked.
    """

    def __init__(self, schedule: Schedule, answered: bool) -> None:
        self._schedule, self._answered = schedule, answered
        self._units: dict[int, _Seen] = {}
        self._asked = 0
        self._places: dict[tuple[str, str], list[int]] = {}
        self._reads = [
            (number, step.start_s, schedule.points[step.action.point])
            for number, step in enumerate(schedule.steps)
            if isinstance(step.action, Read)
        ]
        # One that is open reads until it is released.
        ends = {
            step.action.what: number
            for number, step in enumerate(schedule.steps)
            if isinstance(step.action, Release)
        }
        groups = {p.units: max(n, ends.get(p.id, n)) for n, _, p in self._reads}
        self._last: dict[int, int] = {}
        for group, number in groups.items():
            for unit in schedule.group(group):
                self._last[unit] = max(number, self._last.get(unit, 0))
        acts = (n for n, step in enumerate(schedule.steps) if acts_on_units([step.action]))
        self._written = max(acts, default=-1)

    # -- what was seen -----------------------------------------------------------------------

    def note(
        self, point: Point, group: Iterable[int], sweep: Sweep, holds: Mapping[str, Target],
        now: float,
    ) -> None:  # fmt: skip
        """Take what a sweep of `group` brought under what `holds`, at `now`, s of the clock."""
        if self._goes_on(point):
            return
        rows: dict[int, list[tuple[float, ...]]] = {}
        for found in sweep.rows.values():
            for row in found:
                rows.setdefault(int(row[1]), []).append(row)
        for unit in group:
            if unit in rows or self._is_made_for(unit, holds):
                self._take(point, unit, rows.get(unit, ()), now)

    def note_streams(
        self, point: Point, there: Iterable[int], gone: Iterable[int], now: float
    ) -> None:
        """Take which units' own streams are open, or brought something."""
        if self._goes_on(point):
            return
        for unit in there:
            self._units[unit] = _Seen(has_value=True)
            self._answered = True
        for unit in gone:
            seen = self._units.setdefault(unit, _Seen())
            seen.silent_s = min(seen.silent_s, now)

    def _take(self, point: Point, unit: int, rows: Sequence[tuple[float, ...]], now: float) -> None:
        seen = self._units.setdefault(unit, _Seen())
        if not rows:
            seen.silent_s = min(seen.silent_s, now)
            return
        self._answered = True
        seen.silent_s = inf
        part = self._schedule.units[unit].part
        places = self._places.get((point.id, part))
        if places is None:
            places = self._places[point.id, part] = self._calibrated_channels(point, part)
        if not places or any(isfinite(row[k]) for row in rows for k in places):
            seen.has_value = True
        else:
            seen.blank |= {point.id}

    def _goes_on(self, point: Point) -> bool:
        return bool(self._schedule.phase(point.phase)["data"].get("goes_on"))

    def _is_made_for(self, unit: int, holds: Mapping[str, Target]) -> bool:
        ranges = self._schedule.parts[self._schedule.units[unit].part]["ranges"]
        for where, target in holds.items():
            words = ranges.get(where, {}).get("words", {})
            slack = _ENDS * max((abs(v) for v in words.values()), default=0.0)
            low, high = words.get("min", -inf) - slack, words.get("max", inf) + slack
            if isinstance(target, int | float) and not low <= target <= high:
                return False
        return True

    def _calibrated_channels(self, point: Point, name: str) -> list[int]:
        """Return the places in a row of what is asked at a point and needs a calibration."""
        part: Mapping[str, Any] = self._schedule.parts[name]
        if not part["must_be_calibrated"]:
            return []
        tested = point.labels.get("parameters", ())
        asks = [ask for ask in part["parameters"] if ask["parameter"] in tested]
        asks += [
            ask for ask in self._schedule.phase(point.phase).get("asks", ()) if ask["part"] == name
        ]
        asked = {ask["channel"] for ask in asks}
        computed = {form["quantity"] for form in part["formats"]}
        return [
            len(HEAD) + k
            for k, row in enumerate(part["channels"])
            if row["name"] in asked and row["address"] in computed
        ]

    # -- what follows ------------------------------------------------------------------------

    def left(self, step: int, dropped: Collection[str]) -> list[int]:
        """Return the units that this step or a later one reads."""
        units = self._schedule.units
        return [
            n for n, last in self._last.items() if last >= step and units[n].serial not in dropped
        ]

    def way(self, step: int, dropped: Collection[str], now: float) -> Way:
        """Return how the run goes on after what was noted last, in a step."""
        left = self.left(step, dropped)
        seen = [self._units.get(unit, _Seen()) for unit in left]
        if not left or not all(one.is_silent or self._is_blank(one, step) for one in seen):
            self._asked = 0
            return Way.ON
        if any(not one.is_silent for one in seen):
            return Way.STOP
        self._asked += 1
        if self._asked < 2:
            return Way.AGAIN
        if not self._answered or now - max(one.silent_s for one in seen) >= LONG_S:
            return Way.STOP
        return Way.AGAIN if self._next_s(step, left) > LONG_S else Way.ON

    def _is_blank(self, seen: _Seen, step: int) -> bool:
        return len(seen.blank) > 1 and not seen.has_value and self._written < step

    def _next_s(self, step: int, left: Sequence[int]) -> float:
        """Return the planned time from a step to the next that reads one of these units."""
        start_s = self._schedule.steps[step].start_s
        for number, at_s, point in self._reads:
            if number > step and set(self._schedule.group(point.units)) & set(left):
                return at_s - start_s
        return 0.0

    def fact(self, step: int, dropped: Collection[str], now: float) -> dict[str, Any]:
        """Return why the run is stopped: how many units do not answer, or give no value."""
        left = self.left(step, dropped)
        seen = [self._units.get(unit, _Seen()) for unit in left]
        if any(not one.is_silent for one in seen):
            return {"code": "nothing_calibrated", "units": len(left)}
        silent_s = now - max(one.silent_s for one in seen)
        return {"code": "nothing_answered", "units": len(left), "silent_s": silent_s}
