"""Is the evidence what was written? Every digest, the chain, and what is there of a dead run."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.cache import Cache, Stamp, Stamps, stamp
from sensorbench.evidence.canonical import canonical, sha256
from sensorbench.evidence.foreign import left_by
from sensorbench.evidence.run import RunReader, files_of
from sensorbench.evidence.segments import Frame, decode

_TEXT = (".json", ".jsonl", ".toml", ".csv", ".txt")
_BLOCK = 1 << 20
LINE_ENDS = "line_ends"
NO_SEAL = "no_seal"
"""Code of what every run has that did not end complete."""
NEVER_BEGUN = "never_begun"


class Level(Enum):
    """DAMAGE: something was changed or lost. INCOMPLETE: the run did not end in order."""

    DAMAGE = "damage"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: in which file, and what.

    `code` with its `values` says the same as the text, for words of other languages; "" where
    nothing but the text does.
    """

    level: Level
    file: str
    text: str
    code: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.level.value}: {self.file}: {self.text}"


def check(root: Path, afresh: bool = True) -> list[Finding]:
    """Return everything that is wrong with the files of a run; an empty list is a whole run.

    Every byte is read; lines and frames are looked at one by one unless files of the same digests
    were whole before. Without `afresh` that is believed of files that nobody wrote since.
    """
    root = root.resolve()
    if never_begun(root):
        text = "is not there: the program was killed before the run began; nothing was done"
        return [Finding(Level.INCOMPLETE, "run.json", text, NEVER_BEGUN)]
    began_ns, stamps = time.time_ns(), _stamps(root)
    believed = not afresh and Cache(root).was_whole(stamps)
    try:
        run = RunReader(root, afresh=not believed)
    except EvidenceError as error:
        return [Finding(Level.DAMAGE, "run.json or journal.jsonl", str(error))]
    index = run.journal.log.index
    frames, files = run.cache.frames_whole(index)
    digests, grown = ({}, True) if believed else _digests(run, stamps, files)
    findings = [Finding(Level.DAMAGE, "journal.jsonl", text) for text in run.journal.damage]
    if not believed and not run.cache.were_whole(digests):
        if run.journal.crlf:
            findings.append(_damage("journal.jsonl", LINE_ENDS, ""))
        findings += [*_inputs(run), *_frames(run, frames if grown else 0)]
        findings += _seal(run, stamps, digests) if run.is_sealed else []
    if not believed and not findings and stamps == _stamps(root):
        run.cache.remember(stamps, digests, index, began_ns)
    if not run.is_sealed:
        findings.append(_no_seal(run, bool(findings)))
    return _line_ends_once(findings)


def _stamps(root: Path) -> Stamps:
    """Return of each file of a run what would change with it."""
    names = [*files_of(root), "seal.json"]
    return {n: stamp((root / n).stat()) for n in names if (root / n).is_file()}


def _digests(
    run: RunReader, names: Iterable[str], known: Mapping[str, tuple[int, str]]
) -> tuple[dict[str, str], bool]:
    """Return the SHA-256 of each file; "" of one that is gone or can't be read.

    And whether all files that are known, of a length and with a digest, only grew since.
    """
    found = {}
    grew = set()
    for name in names:
        path = run.root / name
        length, before = known.get(name, (0, ""))
        own = run.journal.sha256 if name == "journal.jsonl" and not run.journal.torn else ""
        try:
            found[name], then = (own, "") if own else _digest(path, length)
        except OSError:
            found[name], then = "", ""
        if name in known and then == before:
            grew.add(name)
    return found, grew == set(known)


def _digest(path: Path, length: int) -> tuple[str, str]:
    """Return the SHA-256 of a file, and that of its first bytes; "" where there are fewer."""
    digest, then, at = hashlib.sha256(), "", 0
    with path.open("rb") as file:
        while block := file.read(min(_BLOCK, length - at) if at < length else _BLOCK):
            digest.update(block)
            at += len(block)
            then = digest.hexdigest() if at == length else then
    return digest.hexdigest(), then


def never_begun(root: Path) -> bool:
    """Return whether a run's folder was made, and program or power gone before run.json was there.

    It is the last file that a run begins with: without it nothing was sent to any device. Of the
    others, all of which are on the disk before it, a power cut may leave any.
    """
    if (root / "run.json").exists():
        return False
    try:
        there = list(root.rglob("*"))
        files = {
            name: path.stat().st_size
            for path in there
            if path.is_file() and not left_by(name := path.relative_to(root).as_posix())
        }
        folders = {path.relative_to(root).as_posix() for path in there if path.is_dir()}
    except OSError:
        return False
    return (
        root.is_dir()
        and folders <= {"samples", "derived", "inputs"}
        and files.get("journal.jsonl", 0) == 0
        and all(name == "journal.jsonl" or name.startswith("inputs/") for name in files)
    )


def notes(root: Path) -> list[str]:
    """Return what is noticed at a run's folder that is nothing wrong with the evidence."""
    root = root.resolve()
    try:
        run = RunReader(root)
    except EvidenceError:
        return []  # `check` says so
    there = set(files_of(root)) - set(_sealed_files(run))
    found = [
        f"{name} was left there by {who}; it is no part of the evidence"
        for name in sorted(there)
        if (who := left_by(name))
    ]
    if run.run_id != root.name:
        found.append(f"its folder is called {root.name}")
    return found


def _sealed_files(run: RunReader) -> Mapping[str, Any]:
    try:
        files = json.loads((run.root / "seal.json").read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return files if isinstance(files, dict) else {}


def _line_ends_once(findings: list[Finding]) -> list[Finding]:
    """Return findings with all changed line ends as one: they have one cause and one cure."""
    names = list(dict.fromkeys(f.file for f in findings if f.code == LINE_ENDS))
    rest = [finding for finding in findings if finding.code != LINE_ENDS]
    if not names:
        return rest
    text = (
        "line ends were changed, nothing else in them: git does so with core.autocrlf. Write "
        "`evidence/** -text` into .gitattributes, commit it, and clone again"
    )
    return [Finding(Level.DAMAGE, ", ".join(names), text, LINE_ENDS), *rest]


def _only_line_ends(path: Path, expected: str) -> bool:
    """Return whether a file has the digest that is expected once its line ends are put back."""
    unix, windows = hashlib.sha256(), hashlib.sha256()
    rest = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            text = rest + block
            rest = b"\r" if text.endswith(b"\r") else b""  # its newline may be yet to come
            plain = text.removesuffix(rest).replace(b"\r\n", b"\n")
            unix.update(plain)
            windows.update(plain.replace(b"\n", b"\r\n"))
    unix.update(rest)
    windows.update(rest)
    return expected in (unix.hexdigest(), windows.hexdigest())


def _damage(file: str, code: str, text: str, **values: Any) -> Finding:
    return Finding(Level.DAMAGE, file, text, code, values)


def _no_seal(run: RunReader, damaged: bool) -> Finding:
    """Say what is there of a run that was not sealed."""
    events, ends = run.journal.events, run.events("run_ended")
    how = f"the run was {ends[-1].data.get('state')}" if ends else "the run did not end"
    complete = bool(ends) and ends[-1].data.get("state") == "complete"
    more = ", and only lacks its seal: `sensorbench seal RUN`" if complete else ""
    more = more if ends else "; `sensorbench resume RUN` goes on with it"
    text = f"is not there: {how}{more}"
    values: dict[str, Any] = {"state": ends[-1].data.get("state") if ends else ""}
    if not damaged:
        torn = "; a last line was being written and never acknowledged" if run.journal.torn else ""
        last = f"; the last is {events[-1].kind} at {events[-1].time}" if events else ""
        text += f". {len(events)} events are there and whole{last}{torn}"
        values |= {"events": len(events), "torn": run.journal.torn}
        values["time"] = events[-1].time if events else ""
    return Finding(Level.INCOMPLETE, "seal.json", text, NO_SEAL, values)


def changed_question(run: RunReader) -> str:
    """Return what of a run's journal or inputs is not as it was written, "" where nothing is.

    Samples are left to `check`: a run that goes on does not wait until months of them were read.
    """
    if run.journal.damage or run.journal.crlf:
        return [*run.journal.damage, "the line ends of journal.jsonl were changed"][0]
    found = next(_inputs(run), None)
    return "" if found is None else f"{found.file} {found.text or 'has other line ends'}"


def _inputs(run: RunReader) -> Iterator[Finding]:
    for name, stored in run.manifest.get("inputs", {}).items():
        path = run.root / "inputs" / name
        if not path.is_file():
            yield _damage(f"inputs/{name}", "missing", "is missing")
        elif sha256(path.read_bytes()) == stored:
            continue
        elif _only_line_ends(path, stored):
            yield _damage(f"inputs/{name}", LINE_ENDS, "")
        else:
            text = "was changed: its digest is not the one in run.json"
            yield _damage(f"inputs/{name}", "changed", text, there="run.json")


def _frames(run: RunReader, start: int) -> Iterator[Finding]:
    for event in run.journal.log.framed(start):
        for data in event.data.get("frames", ()):
            try:
                frame = Frame.of(data)
            except (KeyError, TypeError):
                text = f"event {event.seq} names a frame that is none"
                yield _damage("journal.jsonl", "no_frame", text, seq=event.seq)
                continue
            where = f"frame at byte {frame.offset} (journal event {event.seq})"
            try:
                found = run.frame_bytes(frame)
                if sha256(found) != frame.sha256:
                    text = f"{where} was changed or cut: its digest does not match"
                    values = {"offset": frame.offset, "seq": event.seq}
                    yield _damage(frame.file, "frame_changed", text, **values)
                else:
                    decode(found, where)
            except EvidenceError as error:
                yield _damage(frame.file, "", str(error))


def _seal(
    run: RunReader, stamps: Mapping[str, Stamp], digests: Mapping[str, str]
) -> Iterator[Finding]:
    try:
        stored = (run.root / "seal.json").read_bytes()
        seal: dict[str, Any] = json.loads(stored)
        body = {key: value for key, value in seal.items() if key != "seal"}
        whole = canonical(seal) == stored and sha256(canonical(body)) == seal["seal"]
        files, lines, last = seal["files"], seal["journal_lines"], seal["journal_last"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        whole, files, lines, last = False, {}, 0, ""
    if not whole:
        text = "was changed: its own digest does not match"
        yield _damage("seal.json", "seal_changed", text)
        return
    if seal["run_id"] != run.run_id:
        text = f"belongs to run {seal['run_id']}"
        yield _damage("seal.json", "seal_of_other", text, run=seal["run_id"])
    there = set(digests) - {"seal.json"}
    for name in sorted(there - set(files)):
        if not left_by(name):
            yield _damage(name, "added", "was added after the run was sealed")
    for name, expected in files.items():
        path = run.root / name
        if name not in there:
            yield _damage(name, "missing", "is missing")
        elif {"size": stamps[name][2], "sha256": digests[name]} == expected:
            continue
        elif name.endswith(_TEXT) and _only_line_ends(path, expected["sha256"]):
            yield _damage(name, LINE_ENDS, "")
        else:
            text = "was changed: its digest is not the one in the seal"
            yield _damage(name, "changed", text, there="seal.json")
    events = run.journal.events
    if len(events) != lines or (events and events[-1].hash != last):
        text = f"the seal knows {lines} lines, {len(events)} whole ones are there"
        yield _damage("journal.jsonl", "other_length", text, lines=lines, there=len(events))
