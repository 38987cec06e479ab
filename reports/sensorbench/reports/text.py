"""Texts that are not ours, journal entries, serials and times as a report writes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

import numpy as np

from sensorbench.core.verdict import Verdict
from sensorbench.reports.words import Words

_ENTRIES_SHOWN = 3
_LONGEST = 2000
_UNITS = {
    "degC": "°C", "ohm": "Ω", "uT": "µT", "uA": "µA", "us": "µs", "uV": "µV", "ug": "µg",
    "counts": "LSB",
}  # fmt: skip


def clean(text: object) -> str:
    """Return text without what would hide or reorder it: control and format characters show.

    What is too long for any page is cut, and says so.

    >>> clean("lot\\u202e 7 degC")
    'lot[U+202E] 7 °C'
    """
    whole = " ".join(str(text).split()).replace("\u2212", "-")  # a minus sign that was typed
    if len(whole) > _LONGEST:
        whole = f"{whole[:_LONGEST]}… [{len(whole)}]"
    shown = "".join(
        f"[U+{ord(char):04X}]" if unicodedata.category(char)[0] == "C" else char for char in whole
    )
    return re.sub(r"\bdegC\b", "°C", shown)


def shortened(text: str, most: int = 160) -> str:
    """Return a text that fits in a notice: its beginning, where it is long.

    >>> shortened("1 2 3 4 5 6", 7)
    '1 2 3 …'
    """
    return text if len(text) <= most else f"{text[: most - 1].rpartition(' ')[0] or text[:most]} …"


def unit_name(unit: str) -> str:
    """Return how a unit is printed.

    >>> unit_name("degC"), unit_name("m/s2/sqrt(Hz)"), unit_name("1"), unit_name("counts")
    ('°C', 'm/s²/√Hz', '', 'LSB')
    """
    if unit == "1":
        return ""
    whole = unit.replace("sqrt(Hz)", "√Hz").replace("m/s2", "m/s²").replace("deg/", "°/")
    return "/".join(_UNITS.get(part, "°" if part == "deg" else part) for part in whole.split("/"))


def entries(numbers: Iterable[int]) -> str:
    """Return journal entries by number; of many, the first, the last and how many.

    >>> entries([42]), entries([42, 2180]), entries(range(736, 763))
    ('#42', '#42, #2180', '#736…#762 (27)')
    """
    every = np.fromiter(numbers, np.int64)
    every.sort()
    found = every[np.diff(every, prepend=-1) != 0]
    if len(found) > _ENTRIES_SHOWN:
        return f"#{found[0]}…#{found[-1]} ({len(found)})"
    return ", ".join(f"#{item}" for item in found)


def serials(chosen: Iterable[str], lot: Sequence[str], words: Words, most: int = 12) -> str:
    """Return serials in the lot's order, neighbours in the lot as a range; `most` of them.

    >>> serials({"1", "2", "3", "5"}, ["1", "2", "3", "4", "5"], Words("en"))
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
    shown = []
    for run in ranges:
        if len(run) > 2:
            shown.append(words.text("range", low=clean(run[0]), high=clean(run[-1])))
        else:
            shown.append(words.listed([clean(serial) for serial in run]))
    return words.listed(shown, most)


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
