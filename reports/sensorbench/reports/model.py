"""The report as data: sections of blocks, in words and figures. Renderers only lay it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Literal

from sensorbench.core.verdict import Verdict

BANNER = "SIMULATED — NOT A MEASUREMENT"
BANNER_ZH = "仿真数据，非实测"
"""What stands on every page and in every plot of a report that rests on simulated values."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in a table, with a small second line. A `verdict` is a word first, then a colour.

    With `is_word` the text is the verdict's own word.
    """

    text: str
    note: str = ""
    verdict: Verdict | None = None
    is_word: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column: numbers stand right; a `grow` column takes the width that the others leave."""

    title: str
    unit: str = ""
    align: Literal["left", "right"] = "left"
    grow: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its header is repeated on every page. `note` stands below it."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    kind: Literal["table"] = "table"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are, one a line. `mono` is for digests and names of files."""

    rows: tuple[tuple[str, Cell], ...]
    mono: bool = False
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot as SVG, and what it shows in words for whoever can't see it."""

    caption: str
    alt: str
    svg: str
    kind: Literal["figure"] = "figure"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class Notice:
    """What nobody may overlook."""

    text: str
    kind: Literal["notice"] = "notice"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a section."""

    text: str
    kind: Literal["heading"] = "heading"


Block = Table | Facts | Figure | Text | Notice | Heading


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter. `anchor` is unique in the report."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The whole report in one language. `labels` are the words that renderers put around it."""

    language: str
    title: str
    subject: str
    labels: Mapping[str, str]
    head: tuple[Block, ...]
    sections: tuple[Section, ...]

    @property
    def blocks(self) -> Iterator[Block]:
        """Return every block, in order."""
        yield from self.head
        for section in self.sections:
            yield from section.blocks


@dataclass(frozen=True, slots=True)
class Report:
    """One document over one or more runs, a part a language: a pure function of their evidence."""

    number: str
    stem: str
    is_simulated: bool
    verdict: Verdict
    ended: datetime
    parts: tuple[Part, ...]
    banner: str = BANNER
    banner_zh: str = BANNER_ZH


def plain(value: Any) -> Any:
    """Return a part of a report as JSON values: verdicts are their words, dates ISO 8601."""
    if isinstance(value, Verdict):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value
