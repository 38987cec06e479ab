"""Numbers, times and journal entries as a report writes them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from sensorbench.core.units import Dimension, convert
from sensorbench.core.verdict import Verdict

_DECIMALS = {"Pa": 1, "K": 3, "degC": 2, "%RH": 2, "V": 3, "A": 4, "h": 1}
_ENTRIES_SHOWN = 3


def clean(text: object) -> str:
    """Return text without what would hide or reorder it: control and format characters show.

    >>> clean("lot\\u202e 7 degC")
    'lot[U+202E] 7 °C'
    """
    shown = "".join(
        f"[U+{ord(char):04X}]" if unicodedata.category(char)[0] == "C" else char
        for char in " ".join(str(text).split())
    )
    return re.sub(r"\bdegC\b", "°C", shown)


def unit_name(unit: str) -> str:
    """Return how a unit is printed.

    >>> unit_name("degC")
    '°C'
    """
    return {"degC": "°C", "ohm": "Ω", "uT": "µT", "m/s2": "m/s²", "1": ""}.get(unit, unit)


def number(value: float | None, unit: str) -> str:
    """Return a value of canonical `unit` with sensible decimals and without the unit.

    >>> number(-737.4963, "Pa"), number(-0.04, "Pa"), number(float("nan"), "Pa")
    ('-737.5', '0.0', 'not known')
    """
    if value is None:
        return "none"
    if not math.isfinite(value):
        return "not known"
    decimals = _DECIMALS.get(unit)
    if decimals is None:
        return f"{value:.4g}"
    return f"{value:z.{decimals}f}"


def quantity(value: float | None, unit: str) -> str:
    """Return a value of canonical `unit` with its unit.

    >>> quantity(100.0, "Pa")
    '100.0 Pa'
    """
    text = number(value, unit)
    known = value is not None and math.isfinite(value)
    return f"{text} {unit_name(unit)}".rstrip() if known else text


def kilopascals(value_pa: float) -> str:
    """Return a pressure in kPa.

    >>> kilopascals(48250.0)
    '48.25 kPa'
    """
    return f"{convert(value_pa, Dimension.PRESSURE, 'kPa'):.6g} kPa"


def limits(low: float | None, high: float | None, unit: str) -> str:
    """Return limits in words; symmetric ones with a sign.

    >>> limits(-200.0, 200.0, "Pa"), limits(None, 100.0, "Pa"), limits(1.0, 2.0, "Pa")
    ('±200 Pa', 'at most 100 Pa', '1 to 2 Pa')
    """
    low = None if low is None or not math.isfinite(low) else low
    high = None if high is None or not math.isfinite(high) else high
    if low is None:
        return "none" if high is None else f"at most {as_set(high, unit)}"
    if high is None:
        return f"at least {as_set(low, unit)}"
    if low == -high:
        return f"±{as_set(high, unit)}"
    return f"{low:.6g} to {as_set(high, unit)}"


def as_set(value: float, unit: str) -> str:
    """Return what somebody wrote down, a limit or a setpoint, as short as it is.

    >>> as_set(100.0, "Pa"), as_set(-31.75, "degC")
    ('100 Pa', '-31.75 °C')
    """
    return f"{value:.6g} {unit_name(unit)}".rstrip()


def entries(numbers: Iterable[int]) -> str:
    """Return journal entries by number; of many, the first, the last and how many.

    >>> entries([42]), entries([42, 2180]), entries(range(736, 763))
    ('#42', '#42, #2180', '#736 to #762 (27)')
    """
    found = sorted(set(numbers))
    if len(found) > _ENTRIES_SHOWN:
        return f"#{found[0]} to #{found[-1]} ({len(found)})"
    return ", ".join(f"#{item}" for item in found)


def plural(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> plural(1, "unit"), plural(24, "unit"), plural(2, "entry")
    ('1 unit', '24 units', '2 entries')
    """
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count} {noun if count == 1 else many}"


def listed(items: Sequence[str], most: int = 12) -> str:
    """Return items with commas; of many, the first ones and how many more there are.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    shown = ", ".join(items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown


def serials(chosen: Iterable[str], lot: Sequence[str]) -> str:
    """Return serials in the lot's order, neighbours in the lot as a range.

    >>> serials({"1", "2", "3", "5"}, ["1", "2", "3", "4", "5"])
    '1 to 3, 5'
    """
    wanted = set(chosen)
    ranges: list[list[str]] = []
    follows = False
    for serial in lot:
        if serial in wanted:
            if follows:
                ranges[-1].append(serial)
            else:
                ranges.append([serial])
        follows = serial in wanted
    return ", ".join(
        f"{clean(run[0])} to {clean(run[-1])}" if len(run) > 2 else ", ".join(map(clean, run))
        for run in ranges
    )


def moment(when: datetime, zone: tzinfo | None) -> str:
    """Return a time in UTC, and in `zone` (None: this machine's) where that is another.

    >>> from datetime import timedelta, timezone
    >>> moment(datetime(2026, 10, 6, 18, 21, tzinfo=UTC), timezone(timedelta(hours=8)))
    '2026-10-07 02:21 UTC+08:00 (2026-10-06 18:21 UTC)'
    """
    utc = when.astimezone(UTC)
    local = when.astimezone(zone)
    text = f"{utc:%Y-%m-%d %H:%M} UTC"
    if not local.utcoffset():
        return text
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} UTC{offset[:3]}:{offset[3:5]} ({text})"


def count_verdicts(verdicts: Iterable[Verdict]) -> dict[Verdict, int]:
    """Return how often each verdict is there, zeros included."""
    found = list(verdicts)
    return {verdict: found.count(verdict) for verdict in Verdict}
