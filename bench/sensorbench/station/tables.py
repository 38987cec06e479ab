"""Long tables of a document, sockets or units, as a CSV file beside it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sensorbench.core.document_words import unknown_key
from sensorbench.core.documents import Completed, Document, Table, read_text
from sensorbench.core.errors import InputError, Problem

_NUMBERS = {"address", "multiplexer", "channel"}
_NAMES = ("serial", "id")
_SHOWN = 60
_TOLD = re.compile(r"sep=([,;\t])[\r\n]", re.IGNORECASE)  # Excel's own first line


def with_table(
    data: dict[str, Any], key: str, path: Path, item: type[Document], label: str = ""
) -> Completed:
    """Return a document whose long table `key` may be the name of a CSV file beside its `path`.

    A row is an `item`. A dot in a column's name is a table in a table; numbers may be
    written 0x28. What can't be read is a problem, and the rest of the document counts. Problems
    name the CSV file beneath the folder of `label`, the document's name, and the line.
    """
    name = data.get(key)
    if not isinstance(name, str):
        return Completed(data)
    file = label.rpartition("/")[0] + "/" + name if "/" in label else name
    try:
        heading, rows = _read(read_text(path.parent / name, file))
    except csv.Error as error:
        return _unread(data, key, [Problem(file, "", f"is no CSV table: {error}")])
    except InputError as error:
        return _unread(data, key, error.problems)
    wrong = _wrong_heading(heading, item)
    if wrong:
        where = "line 1" if heading else ""
        return _unread(data, key, [Problem(file, where, text) for text in wrong])
    if not rows:
        return _unread(data, key, [Problem(file, "", "has no row below its heading")])
    bad = [k for k, (_, cells) in enumerate(rows) if len(cells) != len(heading)]
    told = [
        Problem(
            file,
            f"line {rows[k][0]}",
            f"has {_fields(len(rows[k][1]))}, and the heading has {len(heading)}",
        )
        for k in bad
    ]
    items = [_row(dict(zip(heading, cells, strict=False))) for _, cells in rows]
    names = tuple(next((str(i[n]) for n in _NAMES if n in i), "") for i in items)
    return Completed(
        {**data, key: items},
        tuple(told),
        tuple((key, k) for k in bad),
        (Table(key, file, tuple(line for line, _ in rows), names),),
    )


def _read(text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the names of the columns, and the rows with the lines on which they begin.

    Spreadsheets leave rows and columns of nothing behind; these are passed over.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    heading = [column.strip() for column in next(reader, [])]
    if _TOLD.match(text):
        heading = [column.strip() for column in next(reader, [])]
    while len(heading) > 1 and not heading[-1]:
        heading.pop()
    rows, line = [], reader.line_num + 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            while len(cells) > len(heading) and not cells[-1].strip():
                cells.pop()
            rows.append((line, cells))
        line = reader.line_num + 1
    return heading, rows


def _separator(text: str) -> str:
    """Return what stands between the cells: a comma unless the first line has none.

    Where numbers have a decimal comma, Excel's CSV has semicolons; copied cells have tabs.
    """
    if told := _TOLD.match(text):
        return told[1]
    first = text.partition("\n")[0]
    return next((mark for mark in ",;\t" if mark in first), ",")


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


def _unread(data: dict[str, Any], key: str, problems: Sequence[Problem]) -> Completed:
    return Completed(data, tuple(problems), ((key,),))


def _wrong_heading(columns: list[str], item: type[Document]) -> list[str]:
    """Return what is wrong with the names of columns."""
    allowed = sorted(item.model_fields)
    known = ", ".join(allowed)
    is_open = item.model_config.get("extra") == "allow"
    if not any(columns):
        return [f"is empty: the first line is the names of the columns, from {known}"]
    if len(columns) == 1 and "|" in columns[0]:
        return ["its columns are not separated by commas: save it as comma-separated values"]
    tables = [name.partition(".")[0] for name in columns]
    as_written = {key.casefold() for key in allowed}
    if not {table.casefold() for table in tables} & as_written:
        found = ", ".join(columns)
        found = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"
        return [
            f"names no column that is known: it has {found}. The first line is the names of the "
            f"columns, from {known}"
        ]
    twice = [
        f"column {name!r} is there twice" for name in dict.fromkeys(columns)
        if columns.count(name) > 1
    ]  # fmt: skip
    unknown = [
        f"column {name!r}: {unknown_key(table, allowed)}"
        for name, table in dict.fromkeys(zip(columns, tables, strict=True))
        # A socket has keys of its own, for its meters: of these only the case can be wrong.
        if table not in allowed and not (is_open and table.casefold() not in as_written)
    ]
    return (
        twice
        + unknown
        + [
            f"column {name!r} can't have a value, as it is a table of other columns"
            for name in dict.fromkeys(columns)
            if any(other.startswith(f"{name}.") for other in columns)
        ]
    )


def _row(row: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column, text in row.items():
        if not text.strip():
            continue
        *tables, last = column.split(".")
        inside = found
        for table in tables:
            inside = inside.setdefault(table, {})
        inside[last] = _cell(last, text.strip())
    return found


def _cell(column: str, text: str) -> Any:
    if column in _NUMBERS:
        try:
            return int(text, 0)
        except ValueError:
            return text  # the model says what is wrong with it
    return text
