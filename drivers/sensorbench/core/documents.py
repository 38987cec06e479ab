"""TOML that people write, validated: every problem at once, with file, key and what is allowed."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sensorbench.core.document_rest import all_problems
from sensorbench.core.document_words import Place, several
from sensorbench.core.errors import InputError, Problem
from sensorbench.core.units import Dimension, UnitError, parse


class Document(BaseModel):
    """Base of everything read from TOML: immutable, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    _written_in: str = PrivateAttr("")
    _tables: tuple[Table, ...] = PrivateAttr(())

    @model_validator(mode="before")
    @classmethod
    def _numbers_as_such(cls, data: Any) -> Any:
        """Refuse `true` and "0x48" where a number is meant: to a validator they are 1 and 72."""
        if not isinstance(data, Mapping):
            return data
        rows: list[tuple[Place, str]] = []
        for name, field in cls.model_fields.items():
            value = data.get(field.alias or name)
            for place, item in _items(name, value):
                said = _no_number(item, field.annotation)
                if said:
                    rows.append((place, said))
        if rows:
            raise several(rows)
        return data

    @property
    def written_in(self) -> str:
        """Return the file it stands in, as problems name it; "" where it is of no file."""
        return self._written_in

    def placed(self, problem: Problem) -> Problem:
        """Return a problem of this document by the line of the table in which its item stands."""
        return _placed(self._tables, problem)


def _items(name: str, value: object) -> Iterator[tuple[Place, object]]:
    if isinstance(value, list):
        yield from (((name, k), item) for k, item in enumerate(value))
    else:
        yield (name,), value


_HEX = re.compile(r"([0-9A-Fa-f]+)h|\$([0-9A-Fa-f]+)")


def _no_number(item: object, annotation: Any) -> str:
    """Return what is wrong with an item that is no number in a field of this type, or ""."""
    if not isinstance(item, bool | str):
        return ""
    types = set(_types(annotation))
    if types & {type(item), Any, object}:
        return ""
    if isinstance(item, bool):
        kind = "a whole number" if int in types else "a number" if float in types else ""
        return kind and f"write {kind}, not {str(item).lower()}"
    # A text in a field of floats may be a quantity with its unit.
    if int not in types or float in types:
        return ""
    text = item.strip()
    if match := _HEX.fullmatch(text):
        return f"write 0x{match[1] or match[2]}, not {item!r}"
    try:
        int(text, 0)
    except ValueError:
        return ""
    return f"write {text} without quotes"


def _types(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from map(type, get_args(annotation))
    elif get_args(annotation):
        for argument in get_args(annotation):
            yield from _types(argument)
    else:
        yield annotation


_WORD = re.compile(r"[a-z][a-z0-9_]*")


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        what = f"{text!r}: write small letters, digits and _, beginning with a letter"
        raise PydanticCustomError("value_error", "{what}", {"what": what})
    return text


Word = Annotated[str, AfterValidator(_word)]
"""A name that programs use, too: small letters, digits and _."""

M = TypeVar("M", bound=Document)


@dataclass(frozen=True, slots=True)
class Table:
    """A list `key` of a document that stands in another file: its items' lines and names."""

    key: str
    file: str
    lines: tuple[int, ...]
    names: tuple[str, ...]

    def placed(self, problem: Problem) -> Problem:
        """Return a problem as it is named in the file: socket[2].link is line 3: link."""
        if problem.key == self.key:
            return replace(problem, file=self.file, key="")
        match = re.fullmatch(rf"{re.escape(self.key)}\[(\d+)\]\.?(.*)", problem.key)
        if match:
            line = f"line {self.lines[int(match[1]) - 1]}"
            return replace(problem, file=self.file, key=f"{line}: {match[2]}" if match[2] else line)
        # Checks of a later level call an item by its name: socket A1.reference.
        said = problem.key.removeprefix(f"{self.key} ")
        named = [n for n in self.names if n and (said == n or said.startswith(f"{n}."))]
        if said == problem.key or not named:
            return problem
        line = f"line {self.lines[self.names.index(max(named, key=len))]}"
        return replace(problem, file=self.file, key=f"{line}: {problem.key}")


def _placed(tables: Sequence[Table], problem: Problem) -> Problem:
    for table in tables:
        problem = table.placed(problem)
    return problem


@dataclass(frozen=True, slots=True)
class Completed:
    """A document's data with what stands in another file, and what is wrong there.

    `unread` are the places in `data` that could not be read for it, `tables` those that could.
    """

    data: dict[str, Any]
    problems: tuple[Problem, ...] = ()
    unread: tuple[Place, ...] = ()
    tables: tuple[Table, ...] = ()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def quantity_parser(dimension: Dimension) -> Callable[[object], float]:
    """Return a validator that reads "85 degC" to a canonical float."""

    def read(value: object) -> float:
        if not isinstance(value, str):
            example = f'"{value} {dimension.canonical}"' if _is_number(value) else ""
            hint = f", for example {example}" if example else ""
            raise PydanticCustomError(
                "quantity", "{what}", {"what": f"write {dimension.one} with its unit{hint}"}
            )
        try:
            return parse(value, dimension)
        except UnitError as error:
            raise PydanticCustomError("quantity", "{what}", {"what": str(error)}) from None

    return read


Temperature = Annotated[
    float, BeforeValidator(quantity_parser(Dimension.TEMPERATURE)), Field(ge=-273.15)
]
TemperatureDifference = Annotated[
    float, BeforeValidator(quantity_parser(Dimension.TEMPERATURE_DIFFERENCE))
]
TemperatureRate = Annotated[float, BeforeValidator(quantity_parser(Dimension.TEMPERATURE_RATE))]
Pressure = Annotated[float, BeforeValidator(quantity_parser(Dimension.PRESSURE))]
PressureRate = Annotated[float, BeforeValidator(quantity_parser(Dimension.PRESSURE_RATE))]
Duration = Annotated[float, BeforeValidator(quantity_parser(Dimension.TIME))]
Voltage = Annotated[float, BeforeValidator(quantity_parser(Dimension.VOLTAGE))]
Current = Annotated[float, BeforeValidator(quantity_parser(Dimension.CURRENT))]
Frequency = Annotated[float, BeforeValidator(quantity_parser(Dimension.FREQUENCY))]
Ratio = Annotated[float, BeforeValidator(quantity_parser(Dimension.RATIO))]


def read_text(path: Path, label: str) -> str:
    """Return the text of a file that people edit. Raises InputError, which says how to save it."""
    try:
        # A pipe would be waited for, and a device never ends.
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError.one(label, "", "can't be read: it is a device or a pipe, not a file")
        data = path.read_bytes()
    except OSError as error:
        raise InputError.one(label, "", f"can't be read: {error.strerror}") from None
    except ValueError as error:  # a name with a NUL
        raise InputError.one(label, "", f"can't be read: {error}") from None
    return text_of(data, label)


_FORMATS = (
    (b"PK\x03\x04", "a zipped file, as .xlsx, .ods and .docx are"),
    (b"\xd0\xcf\x11\xe0", "an .xls or .doc file"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a formatted document (RTF)"),
    (b"\x1f\x8b", "a compressed file"),
    (b"<", "a page of HTML or XML"),
)
_UTF16 = "UTF-16 text, as old Notepads, PowerShell's > and Excel's \"Unicode text\" write it"


def _format_of(data: bytes) -> str:
    """Return what kind of file this is, "" where it may be the text that it should be."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32 text"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _UTF16
    head = data[:4]
    if head.count(0) == 3 and (head[0] or head[3]):
        return "UTF-32 text"
    if b"\0" in head:
        return _UTF16
    start = data.removeprefix(codecs.BOM_UTF8).lstrip()
    return next((name for magic, name in _FORMATS if start.startswith(magic)), "")


def text_of(data: bytes, label: str) -> str:
    """Return what the bytes of a text file say, UTF-8 with or without a BOM. Raises InputError."""
    kind = _format_of(data)
    if kind:
        save = "UTF-8" if kind.startswith("UTF") else 'plain text; in Excel that is "CSV UTF-8"'
        raise InputError.one(label, "", f"is {kind}: save it as {save}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        text = f"is not UTF-8 text (byte {data[error.start]:#04x}): save it as UTF-8"
        text += '; in Excel that is "CSV UTF-8"' if label.lower().endswith(".csv") else ""
        raise InputError.one(label, f"line {line}", text) from None


def load(
    path: Path,
    model: type[M],
    label: str | None = None,
    read_more: Callable[[dict[str, Any]], Completed] | None = None,
    deeper: Callable[[M], Sequence[Problem]] | None = None,
) -> M:
    """Return the document in the file `path`. Raises InputError with every problem in it.

    `read_more` may complete what was read, with a table from another file. `deeper` checks it
    beyond its form; it is asked where the form is wrong, so that all is told at once.
    """
    label = label or path.name
    text = read_text(path, label)
    return loads(text, model, label, read_more, deeper)


def loads(
    text: str,
    model: type[M],
    label: str,
    read_more: Callable[[dict[str, Any]], Completed] | None = None,
    deeper: Callable[[M], Sequence[Problem]] | None = None,
) -> M:
    """Return the document in `text`, as `load` does; `label` names it. Raises InputError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError.one(label, "", f"is not valid TOML: {error}{_typed(text)}") from None
    except (ValueError, RecursionError):
        text = "is not valid TOML: a number is too long, or tables are too deep in one another"
        raise InputError.one(label, "", text) from None
    if _depth(data) > _DEEPEST:
        raise InputError.one(label, "", f"has tables deeper in one another than {_DEEPEST}")
    completed = read_more(data) if read_more else None
    found = validate(data, model, label, deeper, completed)
    found._written_in = label
    found._tables = completed.tables if completed else ()
    return found


_DEEPEST = 50


def _depth(data: object) -> int:
    """Return how deep tables and lists are in one another, without going deeper than matters."""
    level: list[object] = [data]
    for depth in range(_DEEPEST + 1):
        inner: list[object] = []
        for item in level:
            if isinstance(item, Mapping):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        if not inner:
            return depth
        level = inner
    return _DEEPEST + 1


_TYPOGRAPHIC = re.compile(r"[=\[,]\s*[\u2018-\u201f\u300c\uff02]|\uff1d|^\s*\uff3b", re.MULTILINE)
_HARD_BLANK = re.compile(r"^[^#\"'\n]*[\u00a0\u2000-\u200b\u202f\u3000\ufeff]", re.MULTILINE)


def _typed(text: str) -> str:
    """Return a hint where a word processor or an input method made other characters of ours."""
    if found := _TYPOGRAPHIC.search(text):
        line = text.count("\n", 0, found.end() - 1) + 1
        return (
            f'. Line {line} has typographic or full-width characters: write ", = and [ as they are'
        )
    if found := _HARD_BLANK.search(text):
        line = text.count("\n", 0, found.end() - 1) + 1
        return f". Line {line} has a hard or full-width blank between its words: write a plain one"
    return ""


def validate(
    data: object,
    model: type[M],
    label: str,
    deeper: Callable[[M], Sequence[Problem]] | None = None,
    completed: Completed | None = None,
) -> M:
    """Return the document that `data` holds, as `load` does. Raises InputError."""
    problems: tuple[Problem, ...] = ()
    unread: tuple[Place, ...] = ()
    if completed is not None:
        data, problems, unread = completed.data, completed.problems, completed.unread
    error = None
    try:
        document = model.model_validate(data)
    except ValidationError as found:
        error = found
    else:
        if not problems:
            return document
    rest = all_problems(label, model, data, error, deeper, unread)
    tables = completed.tables if completed is not None else ()
    raise InputError([*problems, *(_placed(tables, problem) for problem in rest)])


def merge_problems(attempts: Sequence[Callable[[], object]]) -> list[Problem]:
    """Call each of `attempts` and return the problems of all InputErrors they raise."""
    problems: list[Problem] = []
    for attempt in attempts:
        try:
            attempt()
        except InputError as error:
            problems += error.problems
    return problems
