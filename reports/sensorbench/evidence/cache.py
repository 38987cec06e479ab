"""What was found of a journal and of a run's files, kept for the next time; it is no evidence.

It lies in the user's cache, a folder a run, and may be deleted at any time. `verify` believes none
of it before it has read every byte of the evidence again. Where nothing can be written it is kept
in memory.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from sensorbench.evidence.canonical import sha256
from sensorbench.evidence.index import VERSION, Index

CACHE = "SENSORBENCH_CACHE"
"""Names the folder in the environment; "" keeps nothing."""
_MOST_BYTES = 4 << 30
_COLUMNS = {".offsets", ".codes", ".times", ".frames"}
_STATE, _WHOLE = "index.json", "whole.json"
_SETTLED_NS = 2_000_000_000
"""A file that changed this shortly before may change again within one tick of its clock."""

_LEAST_EVENTS, _LEAST_BYTES = 1 << 14, 1 << 24
"""What is read again at once is not kept."""

Stamp = list[int]
Stamps = dict[str, Stamp]


def stamp(found: os.stat_result) -> Stamp:
    """Return what changes with a file: which it is, how long, and when it was written last."""
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


class Cache:
    """What is kept of one run. Nothing here raises: what can't be kept is found anew."""

    def __init__(self, root: Path) -> None:
        base = _base()
        name = sha256(os.fsencode(root))[:32]
        self.folder = base / "runs" / name if base else None
        self._saved = ""  # the name of the index that is kept
        self._of: Stamp = []

    def load(self) -> tuple[Index, Stamp] | None:
        """Return the index that is kept, with the stamp of the journal that it was made of."""
        row = self._read(_STATE)
        if self.folder is None or not row or row.get("version") != VERSION:
            return None
        try:
            index = Index.from_json(row)
            for name, column in index.columns.items():
                count = index.at.frames if name == "frames" else index.at.events
                column.load(self.folder / f"{index.name}.{name}", count, row["digests"][name])
            self._saved, self._of = index.name, list(row["stamp"])
            return index, self._of
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, index: Index, of: Stamp) -> None:
        """Keep an index; what of it was kept already is not written again.

        Two programs that read on in one journal write the same.
        """
        is_new = self._saved != index.name
        moved = not is_new and self._of != of and not index.offsets.unsaved
        if self.folder is None or not (moved or index.offsets.unsaved >= _LEAST_EVENTS):
            return
        with suppress(OSError, ValueError):
            self.folder.mkdir(parents=True, exist_ok=True)
            digests = {
                name: column.save(self.folder / f"{index.name}.{name}")
                for name, column in index.columns.items()
            }
            self._write(_STATE, {**index.as_json(), "stamp": of, "digests": digests})
            self._saved, self._of = index.name, of
            if is_new:
                self._forget_older()

    def remember(
        self, stamps: Stamps, digests: dict[str, str], index: Index, began_ns: int
    ) -> None:
        """Keep that a run's files were whole when they were read, from `began_ns` on.

        What was written just before may change again with the same stamp: it is not believed.
        """
        if sum(row[2] for row in stamps.values()) < _LEAST_BYTES:
            return
        latest = max((max(row[3], row[4]) for row in stamps.values()), default=0)
        row = {
            "version": VERSION, "settled": began_ns - latest > _SETTLED_NS,
            "stamps": stamps, "digests": digests, "index": index.name, "frames": index.at.frames,
        }  # fmt: skip
        with suppress(OSError):
            if self.folder is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._write(_WHOLE, row)

    def was_whole(self, stamps: Stamps) -> bool:
        """Return whether the files were whole, and none was written since."""
        row = self._read(_WHOLE)
        return bool(row.get("settled")) and row.get("version") == VERSION and (
            row.get("stamps") == stamps
        )  # fmt: skip

    def were_whole(self, digests: dict[str, str]) -> bool:
        """Return whether files of those digests, and no others, were whole."""
        row = self._read(_WHOLE)
        return row.get("version") == VERSION and row.get("digests") == digests

    def frames_whole(self, index: Index) -> tuple[int, dict[str, tuple[int, str]]]:
        """Return how many frames of a journal were whole, and the files that they lay in.

        Of each file how long it was, and its digest then: it may have grown since.
        """
        row = self._read(_WHOLE)
        if row.get("version") != VERSION or row.get("index") != index.name:
            return 0, {}
        names = {file for _, file in index.streams if file in row["stamps"]}
        files = {name: (int(row["stamps"][name][2]), row["digests"][name]) for name in names}
        return min(int(row["frames"]), index.confirmed), files

    def _read(self, name: str) -> dict[str, Any]:
        if self.folder is None:
            return {}
        try:
            digest, _, text = (self.folder / name).read_bytes().partition(b"\n")
            row = json.loads(text)
        except (OSError, ValueError, RecursionError):
            return {}
        is_whole = digest == sha256(text).encode() and isinstance(row, dict)
        return row if is_whole else {}

    def _write(self, name: str, row: dict[str, Any]) -> None:
        assert self.folder is not None  # noqa: S101 - the callers looked
        beside = self.folder / f".{name}.{os.getpid()}"
        text = json.dumps(row).encode()
        beside.write_bytes(sha256(text).encode() + b"\n" + text)
        beside.replace(self.folder / name)

    def _forget_older(self) -> None:
        """Remove what an earlier index of this run left, and of other runs what is too much."""
        assert self.folder is not None  # noqa: S101 - the caller looked
        for path in self.folder.iterdir():
            if path.suffix in _COLUMNS and path.stem != self._saved:
                path.unlink(missing_ok=True)
        there = []
        for folder in self.folder.parent.iterdir():
            size = sum(path.stat().st_size for path in folder.iterdir())
            there.append((folder.stat().st_mtime_ns, size, folder))
        total = sum(size for _, size, _ in there)
        for _, size, folder in sorted(there):
            if total <= _MOST_BYTES:
                break
            if folder != self.folder:
                shutil.rmtree(folder, ignore_errors=True)
                total -= size


def scratch() -> Path | None:
    """Return a folder on a disk for what is too much for memory; None where the system's must do.

    A temporary folder is memory on many machines.
    """
    base = _base()
    with suppress(OSError):
        if base is not None:
            base.mkdir(parents=True, exist_ok=True)
            return base if os.access(base, os.W_OK) else None
    return None


def _base() -> Path | None:
    """Return the folder of all that is kept, None where nothing is to be."""
    said = os.environ.get(CACHE)
    if said is not None:
        return Path(said) if said else None
    return user_cache_path("sensorbench", appauthor=False)
