"""What the bench may never exceed: each end of a limit by itself, at every meter of the place.

The rules:
- A profile may set what a limit allows, up to the limit itself, and what is set overshoots: a run
  stops when any meter of the place is beyond the limit by more than the margin that an overshoot
  needs, for longer than the limit's delay. The margin is the quantity's usual band for hours, or a
  hundredth of the limit where that is more.
- No margin is so wide that the limit can't stop anything: where it would go beyond the last value
  that there is, or that the place's meters can read, that value stops the run when it is reached.
- The instrument's own protection is armed where a run stops, and only ever narrowed.
- A meter that can't be read is lost after two polls in a row, or what the place says of `lost`;
  losing one of several is an alarm, losing the last a trip: what is not known is not safe.
- A value that is not finite is a meter that can't be read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from sensorbench.core.errors import BenchError, InstrumentError
from sensorbench.core.quantity import Value, components
from sensorbench.station.again import Again, only_once
from sensorbench.station.binding import Binding, readable
from sensorbench.station.station import Station

_SHARE = 0.01


class SafetyStop(BenchError):
    """The bench was driven to its safe state because a limit was reached or an alarm came.

    `code` and `values` are what the evidence keeps; the text is for the person at the bench.
    """

    def __init__(self, text: str, code: str, values: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.code, self.values = code, dict(values)


class ControlledEnd(SafetyStop):
    """A limit was reached whose place asks for a controlled end before the safe state."""


def stops_beyond(row: Binding) -> tuple[float | None, float | None]:
    """Return below and above which values a run stops, None for an end that has no limit."""
    least, most = readable(row)
    low = None if row.low is None else row.low - _margin(row, row.low, row.low - least)
    high = None if row.high is None else row.high + _margin(row, row.high, most - row.high)
    return low, high


def _margin(row: Binding, limit: float, room: float) -> float:
    """Return how far beyond a limit a setpoint at the limit may overshoot."""
    usual = max(row.where.quantity.soak.held, _SHARE * abs(limit))
    if usual < room:
        return usual
    # At the end of what there is, to reach it is the most that can happen.
    return room - 2 * math.ulp(max(abs(limit), abs(room)))


def beyond(row: Binding, value: Value) -> tuple[str, float, float] | None:
    """Return which end a value is beyond, the value and the limit; None while it is inside."""
    parts = components(value)
    highest, lowest = max(parts), min(parts)
    if len(parts) > 1:  # of a vector, its size counts
        highest, lowest = max(abs(part) for part in parts), min(parts)
    if (row.high is None or highest < row.high) and (row.low is None or lowest > row.low):
        return None
    low, high = stops_beyond(row)
    if row.high is not None and not (high is not None and highest <= high):
        return "high", highest, row.high
    if row.low is not None and not (low is not None and lowest >= low):
        return "low", lowest, row.low
    return None


def arm(station: Station, zones: frozenset[str], again: Again = only_once) -> dict[str, Any]:
    """Narrow the instruments' own protections to the bench's limits; return what holds now.

    A limit that station.toml does not give leaves that end as it is, as does one that is noted or
    ends a run in its own time: the instrument would stop by it. Raises InstrumentError if one
    is refused.
    """
    held: dict[str, Any] = {}
    for (zone, where), row in station.bindings.rows.items():
        if zone not in zones or not row.is_set or (row.low is None and row.high is None):
            continue
        low, high = stops_beyond(row) if row.action == "stop" else (None, None)
        try:
            narrow = partial(station.setpoint(zone, where).protect, low, high)
            found = again(narrow, str(row.acts))
        except InstrumentError as error:
            raise error.named(row.acts.instrument if row.acts else where) from None
        if found is not None:
            held[f"{zone}:{where}" if zone else where] = {
                "by": str(row.acts), "low": found[0], "high": found[1],
            }  # fmt: skip
    return held
