"""Words of the reports: one TOML table a language, found by key; another package may add to it.

The rules:
- Nothing else of the reports holds a sentence or a name that a person reads.
- A table of a language is a file `<language>.toml` beside this module. A package adds words by an
  entry point of the group `sensorbench.reports.words`; its module has `TABLES`, by language a table
  of the same form. It adds keys, and never replaces one.
- A text is a template of `str.format` with named values that are texts already; one that counts is
  a table with `one` and `other`, chosen by the value `n`.
- What has no words is shown as it is: a missing word is never an error in a report.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

from sensorbench.core.plugins import load_all, note_broken, plugins

GROUP = "sensorbench.reports.words"
_FALLBACK = "en"
_HAN = r"[\u3001-\u303f\u4e00-\u9fff\uff00-\uffef]"
_MOST_LISTED = 12


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that reports can be written in."""
    there = (path.name for path in files(GROUP).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in there if name.endswith(".toml")))


@cache
def table(language: str) -> Mapping[str, str | Mapping[str, str]]:
    """Return the words of a language by dotted key, those of other packages too."""
    text = (files(GROUP) / f"{language}.toml").read_text(encoding="utf-8")
    found = dict(flat(tomllib.loads(text)))
    for name, module in load_all(GROUP).items():
        added = getattr(module, "TABLES", {})
        try:
            for key, value in flat(added.get(language, {})).items():
                found.setdefault(key, value)
        except (AttributeError, TypeError) as error:
            note_broken(plugins(GROUP)[name].origin, f"{GROUP}.{name}", f"TABLES: {error}")
    return found


def flat(tree: Mapping[str, Any], before: str = "") -> dict[str, str | Mapping[str, str]]:
    """Return the texts of nested tables by dotted key; a text that counts stays a table.

    Raises TypeError for what is no text.
    """
    found: dict[str, str | Mapping[str, str]] = {}
    for name, value in tree.items():
        key = f"{before}{name}"
        if isinstance(value, str):
            found[key] = value
        elif not isinstance(value, Mapping):
            raise TypeError(f"{key} is no text")
        elif set(value) <= {"one", "other"}:
            found[key] = value
        else:
            found |= flat(value, f"{key}.")
    return found


class Words:
    """The words of one language; what it lacks is said in English."""

    def __init__(self, language: str = _FALLBACK) -> None:
        self.language = language
        self._table = table(language)
        self._fallback = table(_FALLBACK)

    def has(self, key: str) -> bool:
        """Return whether there are words for a key."""
        return key in self._table or key in self._fallback

    def text(self, key: str, **values: object) -> str:
        """Return the text of a key with its values in it; the key itself where there is none.

        >>> Words("en").text("count.unit", n=24), Words("zh").text("count.unit", n=24)
        ('24 units', '24 只')
        """
        found = self._table.get(key) or self._fallback.get(key)
        if found is None:
            told = ", ".join(f"{name} {value}" for name, value in values.items())
            return f"{key.rpartition('.')[2]}: {told}" if told else key
        if not isinstance(found, str):
            found = found["one"] if values.get("n") == 1 and "one" in found else found["other"]
        return _joined(_FILL.vformat(found, (), values))

    def name(self, group: str, name: str) -> str:
        """Return the word for a name of a group, or the name itself with blanks.

        >>> Words("zh").name("measure", "offset"), Words("zh").name("measure", "wobble_time")
        ('零点', 'wobble time')
        """
        key = f"{group}.{name}"
        return self.text(key) if self.has(key) else name.replace("_", " ")

    def said(self, text: object) -> str:
        """Return what a person wrote in one language or in several, in this one if it is there."""
        if not isinstance(text, Mapping):
            return str(text)
        known = text.get(self.language) or text.get(_FALLBACK) or next(iter(text.values()), "")
        return str(known)

    def listed(self, items: Sequence[str], most: int = _MOST_LISTED) -> str:
        """Return items one after the other; of many, the first ones and how many more there are.

        >>> Words("en").listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
        """
        shown = self.text("list.comma").join(items[:most])
        more = len(items) - most
        return self.text("list.more", shown=shown, n=more) if more > 0 else shown

    def sentence(self, items: Sequence[str]) -> str:
        """Return sentences or clauses one after the other."""
        return self.text("list.semicolon").join(items)


def _joined(text: str) -> str:
    """Return a text without blanks between Chinese characters, which a value may have brought.

    >>> _joined("需要 至少一只，23 只 合格")
    '需要至少一只，23 只合格'
    """
    return re.sub(f"(?<={_HAN}) (?={_HAN})", "", text)


class _Fill(Formatter):
    """Leaves a value that was not given as its name: a report is never lost for it."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        del args  # templates have named values only
        return kwargs.get(str(key), f"{{{key}}}")


_FILL = _Fill()
