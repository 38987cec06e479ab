"""A run at a glance: what was stored, where nothing speaks against it; `check` reads everything.

Sizes of all files, the seal, run.json and the results are compared with their digests, so that an
edited verdict is not shown. Samples and journal are not read: a thousand runs take a second.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensorbench.evidence.canonical import canonical, sha256
from sensorbench.evidence.readonly import ReadOnly
from sensorbench.evidence.tail import whole

INVALID, PARKED, DAMAGED = "INVALID", "parked", "damaged"
_VERDICT = re.compile(rb'"verdict":"([A-Z]+)"\}\Z')
_BLOCK = 1 << 12


@dataclass(frozen=True, slots=True)
class Glance:
    """A run's manifest, how it ended, its verdict, and what it waits for.

    `state` is "" where it did not end, "damaged" where the seal says so. The verdict is that of
    the stored results; INVALID where the files are not those of the seal, or there is none.
    `attached` are the points that evidence came for since it ended.
    """

    manifest: Mapping[str, Any] = field(default_factory=dict)
    state: str = ""
    verdict: str = INVALID
    waits: Mapping[str, Any] | None = None
    attached: frozenset[str] = frozenset()


def glance(root: Path, results: str) -> Glance:
    """Look at a run; `results` names the file of its results. Damage never raises."""
    try:
        stored = (root / "run.json").read_bytes()
        manifest = json.loads(stored)
        if not isinstance(manifest, dict):
            return Glance()
    except (OSError, ValueError, RecursionError):
        return Glance()
    is_sealed = (root / "seal.json").is_file()
    verdict = _sealed(root, stored, results) if is_sealed else INVALID
    if not verdict:
        return Glance(manifest, DAMAGED)
    end, points = _end(root / "journal.jsonl", is_sealed)
    state = str(end.get("state", ""))
    if is_sealed:
        return Glance(manifest, state, verdict)
    reason = end.get("reason")
    if state == PARKED and isinstance(reason, Mapping):
        return Glance(manifest, state, PARKED, reason, points)
    return Glance(manifest, state)


def _sealed(root: Path, manifest: bytes, results: str) -> str:
    """Return the verdict that was sealed, "" where the files are others."""
    try:
        stored = (root / "seal.json").read_bytes()
        seal = json.loads(stored)
        body = {key: value for key, value in seal.items() if key != "seal"}
        if canonical(seal) != stored or sha256(canonical(body)) != seal["seal"]:
            return ""
        files = seal["files"]
        found = (root / results).read_bytes()
        whole = files["run.json"]["sha256"] == sha256(manifest)
        whole &= files[results]["sha256"] == sha256(found)
        if not whole or any(
            os.stat(root / name).st_size != row["size"] for name, row in files.items()
        ):
            return ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    match = _VERDICT.search(found)
    return match[1].decode() if match else INVALID


def _end(journal: Path, is_sealed: bool) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return how a run ended that nothing followed but what was attached, and for which points.

    How it ended is {} where it goes on.
    """
    points = set[str]()
    try:
        size = journal.stat().st_size
        for line in _lines_backwards(journal, size if is_sealed else _whole(journal)):
            event = json.loads(line)
            if event["kind"] == "run_ended":
                data = event["data"]
                return data if isinstance(data, Mapping) else {}, frozenset(points)
            if event["kind"] != "attached":
                return {}, frozenset()
            points.add(str(event["data"].get("point", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return {}, frozenset()


def _whole(journal: Path) -> int:
    """Return how many bytes of a journal count: what was being written was never acknowledged."""
    file = ReadOnly(journal)
    return whole(file.read, file.stat().st_size)


def _lines_backwards(path: Path, size: int) -> Iterator[bytes]:
    """Yield the lines of the first `size` bytes of a file, the last one first."""
    with path.open("rb") as file:
        at, rest = size, b""
        while at:
            step = min(_BLOCK, at)
            at = file.seek(at - step)
            first, *lines = (file.read(step) + rest).split(b"\n")
            yield from (line for line in reversed(lines) if line)
            rest = first
        if rest:
            yield rest
