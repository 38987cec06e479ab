"""What an instrument tells of itself as set: its setpoint and its output, read back.

Not what it measures: a chamber that was told 125 degC and is on its way tells 125 degC. Whoever
compares it with what was sent notices a setpoint that somebody changed at the front panel, an
output that went off, a program that was started there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sensorbench.core.quantity import Value, components, distance

Shape = Literal["square", "sine"]
_REL = 1e-6  # of a number on its way through text and back
_LIMIT_REL = 1e-3  # of what a limit can be: the steps of its converter


@dataclass(frozen=True, slots=True)
class Held:
    """A steady setpoint that is acted on, where a ramp ends; with its compliance limit if it tells.

    In canonical units; the limit in that of the limit.
    """

    value: Value
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Swing:
    """A wave that the instrument makes by itself, between two values with a period in s."""

    low: float
    high: float
    period_s: float
    shape: Shape


@dataclass(frozen=True, slots=True)
class OfItsOwn:
    """Something that no driver asked for, in words: a program that was started at the panel."""

    what: str


@dataclass(frozen=True, slots=True)
class Untold:
    """The instrument can't be asked what it is set to."""


Told = Held | Swing | OfItsOwn | Untold | None
"""None: it acts on nothing, its output is off, it is stopped or vented."""


def changed(sent: Told, found: Told, rounds: float, most: float = 0.0) -> str:
    """Return in a word what differs between what was sent and what is told now, "" for nothing.

    `rounds` is what the instrument rounds a value by, `most` the largest limit that it takes. The
    words: `off`, `on` (what was let go acts again), `value`, `limit`, `otherwise`.

    >>> changed(Held(125.0), Held(125.04), 0.05), changed(Held(125.0), Held(100.0), 0.05)
    ('', 'value')
    >>> changed(Held(5.0, 0.1), Held(5.0, 0.5), 0.01, 1.0), changed(Held(5.0), None, 0.01)
    ('limit', 'off')
    """
    if isinstance(found, Untold) or isinstance(sent, Untold) or sent == found:
        return ""
    if found is None or sent is None:
        return "off" if found is None else "on"
    if isinstance(sent, Held) and isinstance(found, Held):
        if not _near(sent.value, found.value, rounds):
            return "value"
        if sent.limit is None or found.limit is None:
            return ""
        return "" if _near(sent.limit, found.limit, _LIMIT_REL * most) else "limit"
    if isinstance(sent, Swing) and isinstance(found, Swing) and _same_wave(sent, found, rounds):
        return ""
    return "otherwise"


def _near(a: Value, b: Value, within: float) -> bool:
    size = max(abs(part) for part in (*components(a), *components(b)))
    return len(components(a)) == len(components(b)) and distance(a, b) <= within + _REL * size


def _same_wave(sent: Swing, found: Swing, rounds: float) -> bool:
    return (
        sent.shape == found.shape
        and _near(sent.low, found.low, rounds)
        and _near(sent.high, found.high, rounds)
        and _near(sent.period_s, found.period_s, 0.0)
    )
