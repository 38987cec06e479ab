"""A reading of a 1529 with its stamp: whether it is new, which channel's, in which unit, from when.

Source: Fluke 1529 user's guide, 8.4.1.4 (FETCh? with FORMat:STAMp ON).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sensorbench.core.errors import BenchError, InstrumentError, ProtocolError
from sensorbench.protocols.scpi import parse_number

_PRINTED = re.compile(r"\d\s+\S+\s+\S+\s+\d+:\d+:\d+\s+\d+-\d+-\d+")
_TO_CELSIUS = {"C": (1.0, 0.0), "F": (5 / 9, -160 / 9), "K": (1.0, -273.15)}
_WHOLE = re.compile(r"\d{1,4}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One measurement: degC, or why it is none; `is_new` unless it was read before.

    `ended_s` is when it ended by the instrument's own clock, in s since 1970 as if that were UTC.
    """

    is_new: bool
    celsius: float | BenchError
    ended_s: float


def parse_reading(reply: str, channel: int, command: str) -> Reading:
    """Return the reading of a channel. Raises ProtocolError for what is no stamped reading of it.

    >>> parse_reading("1,2,25.0127,C,14,5,35,2000,9,5", 2, "FETC? 2")
    Reading(is_new=True, celsius=25.0127, ended_s=968162735.0)
    """
    if _PRINTED.fullmatch(reply.strip()):
        raise ProtocolError(
            f"{command!r} was answered by {reply!r}, which it prints by itself: switch the "
            "automatic printing of readings to the serial port off at the instrument"
        )
    fields = [field.strip() for field in reply.split(",")]
    ended_s = _ended_s(fields[4:])
    if ended_s is None or fields[0] not in {"0", "1"} or fields[1] != str(channel):
        raise ProtocolError(
            f"{command!r} answered {reply!r}, expected 0 or 1, channel {channel}, value, unit, "
            "time and date. Does another program use the instrument?"
        )
    return Reading(fields[0] == "1", _celsius(fields[2], fields[3], channel, command), ended_s)


def _ended_s(fields: Sequence[str]) -> float | None:
    """Return the time of hour, minute, second, year, month and day; None for what is none."""
    if len(fields) != 6 or not all(map(_WHOLE.fullmatch, fields)):
        return None
    hour, minute, second, year, month, day = map(int, fields)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _celsius(value: str, unit: str, channel: int, command: str) -> float | BenchError:
    """Return degC, or why that is not known: what holds for this channel alone."""
    if unit not in _TO_CELSIUS:
        return InstrumentError(
            command, unit, f"channel {channel} shows its input and no temperature: choose the "
            "probe's type and a unit of temperature at the instrument",
        )  # fmt: skip
    factor, zero = _TO_CELSIUS[unit]
    try:
        return parse_number(value, command) * factor + zero
    except BenchError:
        return InstrumentError(
            command, value, f"channel {channel} has no reading: is its probe open, or not there?"
        )
