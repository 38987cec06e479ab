"""Is the evidence what was written? Every digest, the chain, and what is there of a dead run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.canonical import canonical, sha256
from sensorbench.evidence.run import RunReader, digest, files_of
from sensorbench.evidence.segments import Frame, decode


class Level(Enum):
    """DAMAGE: something was changed or lost. INCOMPLETE: the run did not end in order."""

    DAMAGE = "damage"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: in which file, and what."""

    level: Level
    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.level.value}: {self.file}: {self.text}"


def check(root: Path) -> list[Finding]:
    """Return everything that is wrong with the files of a run; an empty list is a whole run."""
    root = root.resolve()
    try:
        run = RunReader(root)
    except EvidenceError as error:
        return [Finding(Level.DAMAGE, "run.json or journal.jsonl", str(error))]
    findings = [Finding(Level.DAMAGE, "journal.jsonl", text) for text in run.journal.damage]
    findings += [Finding(Level.DAMAGE, file, text) for file, text in _inputs(run)]
    findings += [Finding(Level.DAMAGE, file, text) for file, text in _frames(run)]
    if run.is_sealed:
        findings += [Finding(Level.DAMAGE, file, text) for file, text in _seal(run)]
    else:
        findings.append(Finding(Level.INCOMPLETE, "seal.json", _no_seal(run, bool(findings))))
    return findings


def _no_seal(run: RunReader, damaged: bool) -> str:
    """Say what is there of a run that was not sealed."""
    events = run.journal.events
    ends = [event for event in events if event.kind == "run_ended"]
    how = f"the run was {ends[-1].data.get('state')}" if ends else "the run did not end"
    if damaged:
        return f"is not there: {how}"
    torn = "; a last line was being written and never acknowledged" if run.journal.torn else ""
    last = f"; the last is {events[-1].kind} at {events[-1].time}" if events else ""
    return f"is not there: {how}. {len(events)} events are there and whole{last}{torn}"


def _inputs(run: RunReader) -> Iterator[tuple[str, str]]:
    for name, stored in run.manifest.get("inputs", {}).items():
        path = run.root / "inputs" / name
        if not path.is_file():
            yield f"inputs/{name}", "is missing"
        elif sha256(path.read_bytes()) != stored:
            yield f"inputs/{name}", "was changed: its digest is not the one in run.json"


def _frames(run: RunReader) -> Iterator[tuple[str, str]]:
    for event in run.events():
        for data in event.data.get("frames", ()):
            try:
                frame = Frame.of(data)
            except (KeyError, TypeError):
                yield "journal.jsonl", f"event {event.seq} names a frame that is none"
                continue
            where = f"frame at byte {frame.offset} (journal event {event.seq})"
            try:
                found = run.frame_bytes(frame)
                if sha256(found) != frame.sha256:
                    yield frame.file, f"{where} was changed or cut: its digest does not match"
                else:
                    decode(found, where)
            except EvidenceError as error:
                yield frame.file, str(error)


def _seal(run: RunReader) -> Iterator[tuple[str, str]]:
    try:
        stored = (run.root / "seal.json").read_bytes()
        seal: dict[str, Any] = json.loads(stored)
        body = {key: value for key, value in seal.items() if key != "seal"}
        whole = canonical(seal) == stored and sha256(canonical(body)) == seal["seal"]
        files, lines, last = seal["files"], seal["journal_lines"], seal["journal_last"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        whole, files, lines, last = False, {}, 0, ""
    if not whole:
        yield "seal.json", "was changed: its own digest does not match"
        return
    if seal["run_id"] != run.root.name:
        yield "seal.json", f"belongs to run {seal['run_id']}"
    there = set(files_of(run.root))
    for name in sorted(there - set(files)):
        yield name, "was added after the run was sealed"
    for name, expected in files.items():
        if name not in there:
            yield name, "is missing"
        elif digest(run.root / name) != expected:
            yield name, "was changed: its digest is not the one in the seal"
    events = run.journal.events
    if len(events) != lines or (events and events[-1].hash != last):
        yield "journal.jsonl", f"the seal knows {lines} lines, {len(events)} whole ones are there"
