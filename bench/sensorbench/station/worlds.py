"""Where the simulated world of each workspace is: found, started, met, ended.

The rules:
- A world is a process of its own (station/world_process.py). It holds an operating-system lock for
  as long as it lives: that alone says whether it is alive, and dies with it.
- Its record, with where it listens and the key that opens it, is in the state folder and readable
  by its owner alone.
- One program at a time uses it: whoever does holds the lock of the workspace's runs (`run_key`).
- A world is of the station and the lots that it was made of. Where those changed, a new run begins
  in a fresh one; what its units went through is kept. Whoever goes on must find the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, InputError
from sensorbench.parts.model import Lot, Part
from sensorbench.station.detaching import detached
from sensorbench.station.locks import is_locked, state_folder, world_key
from sensorbench.station.model import StationFile
from sensorbench.station.world_client import Exchanges, WorldBench, ended
from sensorbench.station.world_link import Link
from sensorbench.station.world_wire import (
    FAILED,
    REPLY,
    VERSION,
    Json,
    WorldInUse,
    unpack_error,
)

WORLD = "SENSORBENCH_WORLD"
HERE = "here"
"""What SENSORBENCH_WORLD says for a world in the program itself."""
IDLE_S = 7 * 24 * 3600.0
"""How long a world waits for somebody, s of real time."""
_STARTS_S, _ENDS_S, _GIVES_WAY_S = 60.0, 20.0, 5.0
_PAUSE_S = 0.01

Lots = Sequence[tuple[Lot, Part]]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Record:
    """Where a world listens, and the key that opens it."""

    address: str
    key: bytes
    pid: int
    version: int

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return the record of a world. Raises FileNotFoundError, BenchError in plain words."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                str(told["address"]), bytes.fromhex(told["key"]), int(told["pid"]),
                int(told["version"]),
            )  # fmt: skip
        except PermissionError:
            raise BenchError(
                f"{path} belongs to another account, which started this workspace's simulated "
                "world: let that account end it, or copy the workspace"
            ) from None
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BenchError(
                f"the simulated world of this workspace can't be found: {path}: {error}. Leave the "
                "state folder alone while a simulated run is under way"
            ) from None

    def write(self, path: Path) -> None:
        """Keep it, readable by its owner alone. Raises OSError."""
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        told = {
            "address": self.address, "key": self.key.hex(), "pid": self.pid,
            "version": self.version,
        }  # fmt: skip
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(told, file)
        os.replace(draft, path)


def is_here() -> bool:
    """Return whether the world is to be in the program itself: for tests, and to profile."""
    return os.environ.get(WORLD, "") == HERE


def record_path(workspace: Path) -> Path:
    """Return where the record of a workspace's world is; its folder is made. Raises BenchError."""
    folder = state_folder().with_name("worlds")
    try:
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(0o777)
    except OSError as error:
        raise BenchError(
            f"a simulated world can't be started: {folder} can't be made: "
            f"{error.strerror or error}. Let the machine's owner make it, name a folder in "
            f"SENSORBENCH_STATE, or say {WORLD}={HERE} to do without"
        ) from None
    digest = hashlib.blake2b(str(workspace.resolve()).encode(), digest_size=8).hexdigest()
    return folder / f"{digest}.json"


def world_alive(workspace: Path) -> bool:
    """Return whether the simulated world of a workspace is there, used or waiting."""
    return is_locked(world_key(workspace))


# -- what a world is made of -----------------------------------------------------------------------


def station_digest(file: StationFile) -> str:
    """Return a digest of what a station.toml says."""
    return _digest([file.model_dump_json()])


def lot_digests(lots: Lots) -> dict[str, str]:
    """Return a digest of each lot and its part, by the lot's id."""
    return {
        lot.lot.id: _digest([lot.model_dump_json(), part.model_dump_json()]) for lot, part in lots
    }


def _digest(texts: Sequence[str]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for text in texts:
        found.update(f"{len(text)} ".encode() + text.encode())
    return found.hexdigest()


# -- meeting one -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Met:
    """A world that a program uses. `stood` says that it was there before, as another left it."""

    bench: WorldBench
    stood: bool
    workspace: Path

    def end(self) -> None:
        """Let it keep what its units went through, and end. Raises BenchError."""
        self.bench.end()
        _await_end(self.workspace)


def meet_anew(
    workspace: Path, file: StationFile, lots: Lots, clock: VirtualClock, say: Say,
    idle_s: float = IDLE_S,
) -> Met:  # fmt: skip
    """Return the world for a new run: the one that is alive, else a fresh one.

    `clock` goes on from there. `say` is told, in words, what was found.
    Raises BenchError where it can't be had.
    """
    if world_alive(workspace):
        bench, told = _connect(workspace, clock)
        begun, latest_s = datetime.fromisoformat(told["start_utc"]), float(told["latest_s"])
        if told["station"] == station_digest(file) and told["lots"] == lot_digests(lots):
            clock.take_up(begun, latest_s)
            say(
                "the simulated bench stands as a program left it that was killed, at "
                f"{clock.utc():%Y-%m-%d %H:%M:%S} UTC of its own time: this goes on from there"
            )
            bench.plug_fixed()
            return Met(bench, True, workspace)
        say(
            "station.toml or the lots are not those that the simulated bench was made of, which a "
            "killed program left: a fresh one begins; what its units went through is kept"
        )
        own = clock.utc()
        clock.take_up(begun, latest_s)
        Met(bench, True, workspace).end()
        clock.take_up(max(own, clock.utc()), 0.0)  # time goes on, in whatever world
    return _begin(workspace, file, lots, clock, idle_s)


def meet_again(
    workspace: Path, file: StationFile, lots: Lots | None, clock: VirtualClock,
    idle_s: float = IDLE_S,
) -> Met:  # fmt: skip
    """Return the world for whoever goes on, or looks: the one that is alive, else a fresh one.

    `clock` goes on from the world's time, or from its own calendar where that is later: time went
    by in a hold in which the world was asked nothing. Raises InputError where the world was made
    of other files; with `lots` None of units there may be any.
    """
    if not world_alive(workspace):
        return _begin(workspace, file, lots or (), clock, idle_s)
    bench, told = _connect(workspace, clock)
    wrong = _changed(told, file, lots)
    if wrong:
        bench.close()
        raise InputError.one(
            wrong, "",
            "is not what the simulated bench was made of, which a killed run left as it stood: "
            "put it back to go on, or begin anew",
        )  # fmt: skip
    begun = datetime.fromisoformat(told["start_utc"])
    own_s = (clock.utc() - begun).total_seconds() if lots is not None else 0.0
    clock.take_up(begun, max(float(told["latest_s"]), own_s))
    return Met(bench, True, workspace)


def end_world(workspace: Path) -> None:
    """End the world of a workspace, if there is one; what its units went through is kept.

    Raises BenchError.
    """
    if not world_alive(workspace):
        return
    clock = VirtualClock()
    bench, told = _connect(workspace, clock)
    clock.take_up(datetime.fromisoformat(told["start_utc"]), float(told["latest_s"]))
    Met(bench, True, workspace).end()


def _changed(told: Mapping[str, Any], file: StationFile, lots: Lots | None) -> str:
    """Return which file is not what a world was made of, "" where all are."""
    if told["station"] != station_digest(file):
        return "station.toml"
    if lots is None:
        return ""
    now = lot_digests(lots)
    gone = (name for name, digest in told["lots"].items() if now.get(name) != digest)
    return next((f"the lot {name}" for name in gone), "")


def _begin(
    workspace: Path, file: StationFile, lots: Lots, clock: VirtualClock, idle_s: float
) -> Met:
    """Start a world whose time begins now, by `clock`. Raises BenchError."""
    clock.take_up(clock.utc(), 0.0)
    start_world(workspace, [lot.written_in for lot, _ in lots], clock.utc(), idle_s)
    bench, told = _connect(workspace, clock)
    wrong = _changed(told, file, lots)
    if wrong:
        bench.end()
        raise InputError.one(wrong, "", "was changed while it was read: try again")
    return Met(bench, False, workspace)


def start_world(
    workspace: Path, lots: Sequence[str], start_utc: datetime, idle_s: float = IDLE_S
) -> None:
    """Start the process of a workspace's world, of its station and these lots' files.

    It listens when this returns. Raises BenchError, and InputError for files that can't be used.
    """
    record = record_path(workspace)
    order = {
        "workspace": str(workspace.resolve()), "lots": list(lots), "idle_s": idle_s,
        "start_utc": start_utc.isoformat(), "record": str(record),
    }  # fmt: skip
    words = [sys.executable, "-P", "-m", "sensorbench.station.world_process"]
    process = _started(words, workspace)
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    late = threading.Timer(_STARTS_S, process.kill)
    late.daemon = True
    late.start()
    with process.stdin as into, process.stdout as out:
        with suppress(OSError):  # it ended at once: what it said is read below
            into.write(json.dumps(order).encode())
            into.close()
        said = out.readline()
    late.cancel()
    if said == READY:
        return
    process.wait(_ENDS_S)
    if not said:
        raise BenchError(
            f"the simulated world could not be started (exit code {process.returncode}); "
            f"{record.with_suffix('.log')} says more"
        )
    raise unpack_error(said.rstrip(b"\n"))


READY = b"ready\n"
"""What a world says once it listens; anything else is a packed error."""


def _started(words: Sequence[str], workspace: Path) -> subprocess.Popen[bytes]:
    for leaves_job in (True, False):
        try:
            return subprocess.Popen(  # noqa: S603 - our own program, words of our own
                words,
                cwd=workspace,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                **detached(leaves_job=leaves_job),
            )
        except PermissionError:
            continue  # a job that nobody may leave
        except OSError as error:
            text = f"the simulated world can't be started: {error.strerror or error}"
            raise BenchError(text) from None
    raise BenchError("the simulated world can't be started: permission denied")


def _connect(workspace: Path, clock: VirtualClock) -> tuple[WorldBench, Json]:
    """Connect to the world that is alive. Raises BenchError."""
    exchanges = Exchanges(clock, lambda: _link(workspace), lambda: _stays(workspace))
    told = exchanges.open()
    return WorldBench(exchanges, told), told


def _link(workspace: Path) -> tuple[Link, Json]:
    """Return a connection that has the world for itself, and what that says of itself."""
    path = record_path(workspace)
    until = time.monotonic() + _GIVES_WAY_S
    while True:
        try:
            record = Record.read(path)
            _check_version(record)
            link = Link(Client(record.address, authkey=record.key))
            return link, _greeted(link)
        except AuthenticationError:
            raise BenchError(
                f"the simulated world refuses the key in {path}: leave the state folder alone"
            ) from None
        except (WorldInUse, EOFError, OSError) as error:
            # Whoever used it may have gone a moment ago.
            if not world_alive(workspace):
                raise ended() from None
            if time.monotonic() > until:
                if isinstance(error, WorldInUse):
                    raise
                raise BenchError(f"the simulated world does not answer: {error}") from None
        time.sleep(_PAUSE_S)


def _check_version(record: Record) -> None:
    if record.version != VERSION:
        raise BenchError(
            "the simulated bench was started by another version of sensorbench: go on with that "
            f"one, or end process {record.pid}; what its units went through is kept then"
        )


def _greeted(link: Link) -> Json:
    try:
        reply = link.receive()
        if reply[0] == FAILED:
            raise unpack_error(reply)
    except BaseException:
        link.close()
        raise
    told: Json = json.loads(reply[REPLY.size :])
    return told


def _stays(workspace: Path) -> bool:
    """Return whether the world is alive, and not about to be gone."""
    until = time.monotonic() + 1.0
    while world_alive(workspace):
        if time.monotonic() > until:
            return True
        time.sleep(_PAUSE_S)
    return False


def _await_end(workspace: Path) -> None:
    until = time.monotonic() + _ENDS_S
    while world_alive(workspace) and time.monotonic() < until:
        time.sleep(_PAUSE_S)
