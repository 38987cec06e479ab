"""Marks: what a run leaves on a bench, kept where it survives the program and a reboot.

The rules:
- A run on real devices makes its mark before it sends anything, and takes it away when the bench is
  safe and nothing is to be told. A mark that stays says why: the run was killed, safety stopped it,
  something is not safe.
- A mark that stays bars every run that would open one of its devices, whatever the workspace is
  called, until a person acknowledges it by name. Nothing resumes by itself.
- It bars its own workspace, too, where a device has another plug by now; and only who made all of
  its devices safe says that of the mark.
- A mark whose run still lives bars nothing: the locks of its devices do.
- Marks lie beside the locks, in files that every account of the bench may replace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sensorbench.core.errors import BenchError
from sensorbench.evidence.files import sync_folder, write_over
from sensorbench.station.device_keys import INSTRUMENT
from sensorbench.station.locks import MARKS, RUNS, is_held, run_key, state_folder, station_keys
from sensorbench.station.model import StationFile
from sensorbench.station.station import tcp_port

ENERGISED, SAFE, UNSAFE, TRIPPED = "energised", "made safe", "not safe", "stopped by safety"
ENDED = "ended early"
"""Safe, and nothing to acknowledge: left for the watchdog, which tells people and takes it away."""
_EVERYBODY = 0o666


class Barred(BenchError):
    """A bench was left as no run may find it; a person acknowledges that first."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a run says of the bench. Times are UTC; `unsafe` are the words for what is not safe.

    `station` is its station.toml, `boot` tells whether the machine was started anew since, `beat`
    is where the run's heart can be read, `allowance_s` what it may be silent for. `station_text` is
    station.toml as it was when the run began: by now it may be edited, or gone with its workspace.
    """

    run: str
    root: str
    workspace: str
    station: str
    keys: tuple[str, ...]
    pid: int
    boot: str
    since: str
    beat: str
    allowance_s: float
    state: str = ENERGISED
    text: str = ""
    unsafe: tuple[str, ...] = ()
    acknowledged: Mapping[str, str] = field(default_factory=dict)
    station_text: str = ""

    @property
    def file(self) -> Path:
        """Return the mark's file."""
        which = hashlib.blake2b(self.root.encode(), digest_size=4).hexdigest()
        return folder() / f"{self.run}-{which}.json"

    @property
    def alive_file(self) -> Path:
        """Return the file that the run locks as long as it lives."""
        return self.file.with_suffix(".alive")

    @property
    def watch_file(self) -> Path:
        """Return the file that its watchdog locks as long as it lives."""
        return self.file.with_suffix(".watched")

    @property
    def heard_file(self) -> Path:
        """Return the file that says where its watchdog is heard."""
        return self.file.with_suffix(".heard")

    @property
    def said(self) -> str:
        """Return in words what was left, and what was done about it."""
        match self.state:
            case "made safe":
                return f"{self.run} ended without making the bench safe; {self.text}"
            case "not safe":
                return f"{self.run} left the bench not safe: {'; '.join(self.unsafe) or self.text}"
            case "stopped by safety":
                return f"safety stopped {self.run}: {self.text}"
            case "ended early":
                return f"{self.run} ended early, with the bench safe: {self.text}"
        return f"{self.run} ended without making the bench safe: it may be left energised"


def folder() -> Path:
    """Return the folder of the marks, which every account writes to. Raises BenchError."""
    return state_folder().with_name(MARKS)


def write(mark: Mark) -> None:
    """Put a mark on the disk, in place of the one it had. Raises BenchError."""
    data = json.dumps(asdict(mark), ensure_ascii=False, indent=1)
    try:
        write_over(mark.file, data.encode(), _EVERYBODY)
    except OSError as error:
        raise BenchError(f"{mark.file}: {error.strerror or error}") from None


def remove(mark: Mark) -> None:
    """Take a mark away: the bench is safe, and nobody needs to be told."""
    for path in (mark.file, mark.alive_file, mark.watch_file, mark.heard_file):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # else a power cut may bring it back, and it bars the bench once more
        sync_folder(mark.file.parent)


def marks() -> list[Mark]:
    """Return all marks, the oldest first. Raises BenchError for one that can't be read."""
    return [read(path) for path in sorted(folder().glob("*.json"))]


def readable() -> tuple[list[Mark], list[str]]:
    """Return the marks that can be read, and in words which can't: one hides no other."""
    found, problems = list[Mark](), list[str]()
    for path in sorted(folder().glob("*.json")):
        try:
            found.append(read(path))
        except BenchError as error:
            problems.append(str(error))
    return found, problems


def read(path: Path) -> Mark:
    """Return the mark in a file. Raises BenchError."""
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Mark(
            **{
                **raw,
                "keys": tuple(raw["keys"]),
                "unsafe": tuple(raw["unsafe"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(
            f"{path} can't be read ({error}): it says that a bench was left energised or not safe. "
            "Look at the bench, make it safe, and take the file away"
        ) from None


def is_locked(path: Path) -> bool:
    """Return whether a process that lives holds the lock on a file."""
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0, mode=_EVERYBODY)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        return is_held(path)
    lock.release()
    return False


def keys_of(file: StationFile, workspace: Path) -> tuple[str, ...]:
    """Return what a bench is known by: its devices, and its workspace."""
    return (*station_keys(file, tcp_port), run_key(workspace))


def devices_beside(mark: Mark, keys: Iterable[str]) -> list[str]:
    """Return the devices of a mark that are not among those of a bench."""
    return sorted({key for key in mark.keys if not key.startswith((RUNS, INSTRUMENT))} - set(keys))


def on(keys: Iterable[str]) -> list[Mark]:
    """Return the marks of runs that are gone, on any of these devices. Raises BenchError."""
    return left_on(keys, marks())


def left_on(keys: Iterable[str], among: Iterable[Mark]) -> list[Mark]:
    """Return which of some marks are of runs that are gone, on any of these devices."""
    wanted = set(keys)
    return [
        mark
        for mark in among
        if mark.state != ENDED and wanted & set(mark.keys) and not is_locked(mark.alive_file)
    ]


def refuse(keys: Iterable[str]) -> list[Mark]:
    """Return the marks that were acknowledged. Raises Barred where one was not."""
    found = on(keys)
    open_marks = [mark for mark in found if not mark.acknowledged]
    if open_marks:
        raise Barred(
            "\n".join(f"{mark.said} (workspace {mark.workspace})" for mark in open_marks)
            + "\nNothing was touched. Look at the bench; `sensorbench safe` makes it safe, and "
            "`sensorbench acknowledge --by NAME` says that you know. Then runs are possible again"
        )
    return found


def acknowledge(mark: Mark, by: str, at: str, because: str) -> Mark:
    """Put on the disk that a person knows, and return the mark as it is then."""
    known = replace(mark, acknowledged={"by": by, "at": at, "because": because})
    write(known)
    return known
