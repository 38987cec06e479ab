"""Make the fonts that reports ship: subsets of Noto Sans and Noto Sans CJK SC.

Needs fontTools and Debian's fonts-noto-core and fonts-noto-cjk; run it from the repository's root:

    python tools/make_fonts.py

Latin, Greek and Cyrillic come regular and bold; Chinese comes regular, all of GB 2312 (6763 hanzi
and its punctuation). Hinting and layout features that a report does not use are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

NOTO = Path("/usr/share/fonts")
OUT = Path("reports/sensorbench/reports/fonts")
LATIN = (
    (0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x3FF), (0x400, 0x45F), (0x1E00, 0x1EFF),
    (0x2010, 0x205E), (0x2070, 0x209F), (0x20A0, 0x20BF), (0x2100, 0x214F), (0x2190, 0x22FF),
    (0xFFFD, 0xFFFD),
)  # fmt: skip
CHINESE_SIMPLIFIED = 2
"""Number of "Noto Sans CJK SC" in the collection."""


def gb2312() -> Iterator[int]:
    """Return every code point of GB 2312, in its order.

    >>> sum(0x4E00 <= point <= 0x9FFF for point in gb2312())
    6763
    """
    for row in range(0xA1, 0xFF):
        for cell in range(0xA1, 0xFF):
            try:
                yield ord(bytes((row, cell)).decode("gb2312"))
            except UnicodeDecodeError:
                continue


def save_subset(font: TTFont, points: Iterable[int], features: list[str], name: str) -> None:
    """Write the glyphs of `points` to OUT/name."""
    options = Options()
    options.layout_features = features
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14, 16, 17]
    options.notdef_outline = True
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=set(points))
    subsetter.subset(font)
    font["head"].modified = font["head"].created  # the same input gives the same bytes
    font.recalcTimestamp = False
    font.save(OUT / name)


def main() -> None:
    """Make all fonts."""
    OUT.mkdir(parents=True, exist_ok=True)
    latin = [point for low, high in LATIN for point in range(low, high + 1)]
    for name in ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"):
        font = TTFont(NOTO / "truetype/noto" / name)
        save_subset(font, latin, ["kern", "mark", "mkmk", "ccmp", "locl"], name)
    collection = NOTO / "opentype/noto/NotoSansCJK-Regular.ttc"
    font = TTFont(collection, fontNumber=CHINESE_SIMPLIFIED)
    more = range(0xFF01, 0xFF5F)  # full-width forms
    save_subset(font, [*gb2312(), *more], [], "NotoSansCJKsc-Regular.otf")


if __name__ == "__main__":
    main()
