"""The process of a simulated world: `python -m sensorbench.station.world_process`.

It is told on its standard input what to simulate (worlds.start_world), says on its output that it
listens, and is alone from then on. It ends when a program tells it to, when nobody used it for
`idle_s`, or when its workspace is gone; and when the machine does. What its units went through is
kept first, but by the last. Unproven on Windows until the windows-latest pipeline has run.
"""

from __future__ import annotations

import gc
import json
import os
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError
from sensorbench.station.locks import Held, held, world_key
from sensorbench.station.simulation import SimulatedBench
from sensorbench.station.workspace import Workspace
from sensorbench.station.world_pipe import Pipe
from sensorbench.station.world_record import GO, READY, Record, lot_digests, station_digest
from sensorbench.station.world_serving import Serving
from sensorbench.station.world_wire import VERSION, pack_error

_LOOKS_S = 60.0
"""How often it looks whether anybody still needs it, s."""
_LONGEST_ADDRESS = 100  # bytes; sockaddr_un has 104 on macOS and 108 on Linux
_TRIES, _PAUSE_S = 50, 0.02
_FOLLOWS_S = 30.0
"""How long it may take at its end to do what it was told of, s."""


def main() -> int:
    """Be a world, from the order on standard input until the end; return the exit code."""
    order = json.loads(sys.stdin.buffer.readline())
    # As for a run: what is made is many and short-lived, and holds no cycles.
    gc.set_threshold(50_000, 10, 10)
    record = Path(order["record"])
    workspace = Workspace(Path(order["workspace"]))
    try:
        with _logged(record.with_suffix(".log")):
            serving = _made(workspace, order)
            _stopped_by_signals(serving)
            _say(READY)
            if sys.stdin.buffer.readline() != GO:
                return 0
            with _alone(workspace), _listening(record, serving):
                _say(READY)
                _say_no_more()
                _wait(serving, float(order["idle_s"]))
    except (BenchError, OSError) as error:
        told = error if isinstance(error, BenchError) else BenchError(_in_words(error))
        _say(pack_error(0.0, told) + b"\n")
        return 1
    return 0


def _in_words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"the simulated world can't be started: {where}{error.strerror or error}"


def _say(line: bytes) -> None:
    """Say one line to whoever started this."""
    with suppress(OSError):
        os.write(1, line)


def _say_no_more() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Keep what this process complains of in a file, removed where it is nothing."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(file, 2)
    os.close(file)
    yield
    sys.stderr.flush()
    with suppress(OSError):
        if not path.stat().st_size:
            path.unlink()


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Be the one world of a workspace. Raises Held."""
    key, purpose = world_key(workspace.root), "the simulated world"
    for left in reversed(range(_TRIES)):
        lock = held([key], purpose)
        try:
            lock.__enter__()
        except Held:
            if not left:
                raise
            time.sleep(_PAUSE_S)  # somebody looked whether it is alive
            continue
        try:
            yield
        finally:
            lock.__exit__(None, None, None)
        return


def _made(workspace: Workspace, order: Mapping[str, Any]) -> Serving:
    """Return the bench, ready to be used. Raises InputError."""
    file = workspace.load_station()
    found = [workspace.load_lot(str(path)) for path in order["lots"]]
    lots = [(lot, workspace.load_part(lot.lot.part)) for lot in found]
    memory = workspace.load_memory()
    clock = VirtualClock(datetime.fromisoformat(order["start_utc"]))
    bench = SimulatedBench(file, clock, memory, lots)
    about = {
        "start_utc": order["start_utc"], "station": station_digest(file), "lots": lot_digests(lots)
    }  # fmt: skip

    def is_there() -> bool:
        # This process is in its folder: no other one, made in its place, is the same.
        try:
            return os.path.samefile(os.curdir, workspace.root)
        except OSError:
            return False

    def save() -> None:
        if is_there():
            workspace.keep_memory(memory, clock.utc())

    return Serving(bench, clock, about, save, is_there, Path(order["record"]).parent)


@contextmanager
def _listening(record: Path, serving: Serving) -> Iterator[None]:
    """Listen to whoever has the key, while the record says where and which."""
    key = secrets.token_bytes(32)
    before = os.umask(0o077)  # nobody but the owner may even knock
    try:
        listener = Listener(_address(record), backlog=8)
    finally:
        os.umask(before)
    Record(str(listener.address), key, os.getpid(), VERSION).write(record)
    args = (listener, key, serving)
    threading.Thread(target=_accept, args=args, name="accept", daemon=True).start()
    try:
        yield
    finally:
        record.unlink(missing_ok=True)
        listener.close()


def _stopped_by_signals(serving: Serving) -> None:
    """Let SIGTERM, as at a shutdown, be the end, and nothing that a terminal sends."""
    for name in ("SIGHUP", "SIGINT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: serving.ended.set())


def _address(record: Path) -> str:
    if os.name == "nt":
        return rf"\\.\pipe\sensorbench-{record.stem}-{secrets.token_hex(8)}"
    path = record.with_suffix(".sock")
    if len(os.fsencode(path)) > _LONGEST_ADDRESS:
        path = Path(tempfile.mkdtemp(prefix="sensorbench-")) / "world"  # its owner's alone
    path.unlink(missing_ok=True)  # of a world that was killed
    return str(path)


def _accept(listener: Listener, key: bytes, serving: Serving) -> None:
    """Take every connection; each proves its key in a thread of its own, and holds up no other."""
    while not serving.ended.is_set():
        try:
            wire = listener.accept()
        except OSError:
            if serving.ended.wait(_PAUSE_S):
                return
            continue
        args = (wire, key, serving)
        threading.Thread(target=_admit, args=args, name="user", daemon=True).start()


def _admit(wire: Connection, key: bytes, serving: Serving) -> None:
    try:
        deliver_challenge(wire, key)
        answer_challenge(wire, key)
    except (AuthenticationError, EOFError, OSError, AssertionError, ValueError):
        wire.close()
        return
    serving.serve(Pipe(wire))


def _wait(serving: Serving, idle_s: float) -> None:
    """Wait for the end, whoever brings it."""
    used_at = time.monotonic()
    while not serving.ended.wait(min(_LOOKS_S, idle_s / 4)):
        if serving.is_used:
            used_at = time.monotonic()
        elif time.monotonic() - used_at >= idle_s or not serving.is_there():
            break
    serving.ended.set()
    until = time.monotonic() + _FOLLOWS_S
    while serving.is_following and time.monotonic() < until:
        time.sleep(_PAUSE_S)
    if not serving.is_over:
        serving.clock.step(serving.latest_s)
        with suppress(BenchError):
            serving.end()


if __name__ == "__main__":
    raise SystemExit(main())
