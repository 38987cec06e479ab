"""Recordings that the simulated world plays: a file of times and values beside station.toml."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sensorbench.core.documents import Completed
from sensorbench.core.errors import Problem

FORMS = (".csv", ".npy")


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file says: times in s, shape (n,), rising; values, shape (n, columns), in its unit."""

    times: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    data: bytes


def read_recording(path: Path) -> Recording:
    """Return the recording in a .csv or .npy file. Raises ValueError in words.

    The first column is the time in s, one or three columns of values follow; a CSV file may have
    a heading.
    """
    if path.suffix.lower() not in FORMS:
        raise ValueError(f"{path.name} is no recording; allowed: {', '.join(FORMS)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path.name} can't be read beside station.toml: {error.strerror or error}"
        ) from None
    table = _csv(data) if path.suffix.lower() == ".csv" else _npy(data)
    if table.ndim != 2 or table.shape[1] not in (2, 4):
        raise ValueError(
            f"{path.name} has the shape {table.shape}; needed: a column of times in s, and one or "
            "three of values"
        )
    if len(table) < 2:
        raise ValueError(f"{path.name} has {len(table)} rows; a recording has two or more")
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if len(bad):
        raise ValueError(f"{path.name}: row {bad[0] + 1} of the numbers has one that is not finite")
    unsorted = np.flatnonzero(np.diff(table[:, 0]) <= 0)
    if len(unsorted):
        raise ValueError(
            f"{path.name}: times must rise, and row {unsorted[0] + 2} of the numbers is not later "
            "than the one before it"
        )
    return Recording(table[:, 0], table[:, 1:], data)


def _csv(data: bytes) -> npt.NDArray[np.float64]:
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) if any(row)]
        if rows and not _is_number(rows[0][0]):
            del rows[0]
        return np.array([[float(cell) for cell in row] for row in rows], dtype=np.float64)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"is no table of numbers separated by commas: {error}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _npy(data: bytes) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False), dtype=np.float64)
    except (ValueError, TypeError, EOFError, OSError) as error:
        raise ValueError(f"is no array of numbers as numpy.save writes it: {error}") from None


def with_recordings(completed: Completed, path: Path) -> Completed:
    """Return a station's data with the recordings that it names, relative to its file `path`."""
    simulation = completed.data.get("simulation")
    rows = simulation.get("field") if isinstance(simulation, Mapping) else None
    if not isinstance(simulation, Mapping) or not isinstance(rows, list):
        return completed
    found: list[Any] = []
    problems: list[Problem] = []
    for k, row in enumerate(rows):
        name = row.get("file") if isinstance(row, Mapping) else None
        found.append(row)
        if not isinstance(name, str) or row.get("kind") != "recording":
            continue
        try:
            recording = read_recording(path.parent / name)
        except ValueError as error:
            problems.append(Problem(path.name, f"simulation.field[{k + 1}].file", str(error)))
            continue
        digest = hashlib.sha256(recording.data).hexdigest()
        if row.get("sha256", digest) != digest:
            text = f"{name} is not the file that was meant: its digest is {digest}"
            problems.append(Problem(path.name, f"simulation.field[{k + 1}].sha256", text))
        found[k] = {**row, "sha256": digest, "recording": recording}
    data = {**completed.data, "simulation": {**simulation, "field": found}}
    return Completed(
        data, (*completed.problems, *problems), completed.unread, completed.tables
    )  # fmt: skip
