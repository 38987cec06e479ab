"""The fonts that come with reports, and what to print where they have no glyph."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "fonts"
FAMILIES = ("Noto Sans", "Noto Sans CJK SC")


def files() -> tuple[Path, ...]:
    """Return the font files."""
    return tuple(sorted(path for path in FOLDER.iterdir() if path.suffix in (".ttf", ".otf")))


@cache
def covered() -> frozenset[int]:
    """Return the code points that have a glyph, in regular weight at least."""
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415 - heavy

    regular = (path for path in files() if "Regular" in path.name)
    return frozenset(point for path in regular for point in FT2Font(str(path)).get_charmap())


def printable(text: str) -> str:
    """Return text with a visible substitute for every character without a glyph.

    >>> printable("批次 7 \\U00020bb7")
    '批次 7 [U+20BB7]'
    """
    if text.isascii():
        return text
    known = covered()
    if known.issuperset(map(ord, text.replace("\n", ""))):
        return text
    return "".join(c if ord(c) in known or c == "\n" else f"[U+{ord(c):04X}]" for c in text)


def printable_tree(value: Any) -> Any:
    """Return JSON values with every text in them `printable`."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [printable_tree(item) for item in value]
    if isinstance(value, dict):
        return {key: printable_tree(item) for key, item in value.items()}
    return value
