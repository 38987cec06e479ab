"""Meeting the simulated world of a workspace: the one that a killed program left, or a fresh one.

The rules:
- One program at a time uses it: whoever does holds the lock of the workspace's runs (`run_key`).
- A world is of the station and the lots that it was made of. Where those changed, a new run begins
  in a fresh one; what its units went through is kept. Whoever goes on must find the same.
- A fresh one is mirrored (station/world_mirror.py), one that stood is asked (world_client.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, InputError, Problem
from sensorbench.station.lives import gone, lives_in
from sensorbench.station.model import StationFile
from sensorbench.station.simulation import SimulatedBench
from sensorbench.station.twin_bench import LastingBench
from sensorbench.station.workspace import Workspace
from sensorbench.station.world_client import Exchanges, WorldBench, ended
from sensorbench.station.world_mirror import MirroredBench, Telling
from sensorbench.station.world_pipe import Pipe
from sensorbench.station.world_record import (
    Lots,
    Record,
    lot_digests,
    record_path,
    station_digest,
    world_alive,
)
from sensorbench.station.world_ring import Ring
from sensorbench.station.world_starting import IDLE_S, start_world
from sensorbench.station.world_wire import (
    FAILED,
    NOT_ASIDE,
    REPLY,
    VERSION,
    Json,
    WorldInUse,
    pack_call,
    unpack_error,
)

__all__ = ["Met", "end_world", "meet_again", "meet_anew", "world_alive"]

_ENDS_S, _ANSWERS_S = 20.0, 120.0
_GIVES_WAY_S = 60.0
"""How long it may take a world to do all that one who was killed had told it, s."""
_PAUSE_S = 0.01

Say = Callable[[str], None]


@dataclass(slots=True)
class Met:
    """A world that a program uses. `stood` says that it was there before, as another left it."""

    bench: LastingBench
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
        wrong = _changed(told, file, lots, the_same_lots=True)
        if wrong is None:
            clock.take_up(begun, latest_s)
            say(
                "the simulated bench stands as a program left it that was killed, at "
                f"{clock.utc():%Y-%m-%d %H:%M:%S} UTC of its own time: this goes on from there"
            )
            bench.plug_fixed()
            return Met(bench, True, workspace)
        say(
            f"{wrong.file} {wrong.text}, which a killed program left: a fresh one begins; what "
            "its units went through is kept"
        )
        own = clock.utc()
        clock.take_up(begun, latest_s)
        Met(bench, True, workspace).end()
        clock.take_up(max(own, clock.utc()), 0.0)  # time goes on, in whatever world
    return _begin(workspace, file, lots, clock, idle_s)


def meet_again(
    workspace: Path, file: StationFile, lots: Lots | None, clock: VirtualClock,
    idle_s: float = IDLE_S, life: str = "",
) -> Met:  # fmt: skip
    """Return the world for whoever goes on, or looks: the one that is alive, else a fresh one.

    With `life` it is that of a run that was killed (station/lives.py), or none.

    `clock` goes on from the world's time, or from its own calendar where that is later: time went
    by in a hold in which the world was asked nothing. Raises InputError where the world was made
    of other files; with `lots` None of units there may be any.
    """
    if not world_alive(workspace):
        if life and life not in lives_in(Workspace(workspace).load_memory()):
            raise gone(life)
        return _begin(workspace, file, lots or (), clock, idle_s)
    bench, told = _connect(workspace, clock)
    wrong = _changed(told, file, lots)
    if life and life not in told["lives"]:
        bench.close()
        raise gone(life)
    if wrong is not None:
        bench.close()
        text = f"{wrong.text}, which a killed program left: put it back to go on, or begin anew"
        raise InputError.one(wrong.file, "", text)
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


def _changed(
    told: Mapping[str, Any], file: StationFile, lots: Lots | None, the_same_lots: bool = False
) -> Problem | None:
    """Return why a world is not the one for these files, None where it is.

    It may know more lots than it was asked for only where they need not be the same.
    """
    if not told["is_there"]:
        return Problem("the workspace", "", "is another one than the simulated bench was made for")
    if told["differs"]:
        why = (
            f"did not do as the program saw it, first at {told['differs']}: a twin is not the same"
        )
        return Problem("the simulated bench", "", f"{why} each time. It is not gone on from")
    if told["station"] != station_digest(file):
        return Problem("station.toml", "", "is not what the simulated bench was made of")
    if lots is None:
        return None
    now, then = lot_digests(lots), told["lots"]
    for name in [*then, *(now if the_same_lots else ())]:
        if now.get(name) != then.get(name):
            return Problem(f"lot {name}", "", "is not as the simulated bench was made")
    return None


def _begin(
    workspace: Path, file: StationFile, lots: Lots, clock: VirtualClock, idle_s: float
) -> Met:
    """Start a world whose time begins now, by `clock`, and mirror it. Raises BenchError."""
    clock.take_up(clock.utc(), 0.0)
    paths = [lot.written_in for lot, _ in lots]
    await_start = start_world(workspace, paths, clock.utc(), idle_s)
    home = Workspace(workspace)
    try:
        memory = home.load_memory()
        bench = SimulatedBench(file, clock, memory, lots)
    except BaseException:
        with suppress(BenchError):  # the same was wrong there
            await_start()
            end_world(workspace)
        raise
    await_start()
    pipe, told = _pipe(workspace)
    telling = Telling(pipe, _ring(pipe), clock)
    mirrored = MirroredBench(bench, telling, lambda: home.keep_memory(memory, clock.utc()))
    if _changed(told, file, lots, the_same_lots=True) is not None:
        mirrored.end()
        raise InputError.one(
            "station.toml", "", "or a lot was changed while it was read: try again"
        )
    return Met(mirrored, False, workspace)


def _connect(workspace: Path, clock: VirtualClock) -> tuple[WorldBench, Json]:
    """Connect to the world that is alive. Raises BenchError."""
    exchanges = Exchanges(clock, lambda: _pipe(workspace), lambda: _stays(workspace))
    told = exchanges.open()
    return WorldBench(exchanges, told), told


def _pipe(workspace: Path) -> tuple[Pipe, Json]:
    """Return a connection that has the world for itself, and what that says of itself."""
    path = record_path(workspace)
    until, process = time.monotonic() + _GIVES_WAY_S, "its process"
    while True:
        try:
            record = Record.read(path)
            process = f"its process {record.pid}"
            _check_version(record)
            pipe = _proven(record)
            return pipe, _greeted(pipe)
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
                raise BenchError(
                    f"the simulated world does not answer ({error}): end {process}; "
                    "a run that was under way in it can't go on then"
                ) from None
        time.sleep(_PAUSE_S)


def _proven(record: Record) -> Pipe:
    """Connect, and prove the key both ways. Raises AuthenticationError, EOFError, OSError."""
    connection = Client(record.address)
    pipe = Pipe(connection)
    try:
        pipe.answers_within(_ANSWERS_S)
        answer_challenge(connection, record.key)
        deliver_challenge(connection, record.key)
    except BaseException:
        pipe.close()
        raise
    return pipe


def _check_version(record: Record) -> None:
    if record.version != VERSION:
        raise BenchError(
            "the simulated bench was started by another version of sensorbench: go on with that "
            f"one, or end process {record.pid}; what its units went through is kept then"
        )


def _ring(pipe: Pipe) -> Ring:
    """Return the memory in which a world is told what is done. Raises BenchError."""
    pipe.send(pack_call(0.0, NOT_ASIDE, "mirror"))
    reply = pipe.receive()
    if reply[0] == FAILED:
        raise unpack_error(reply)
    path = Path(json.loads(reply[REPLY.size :]))
    ring = Ring(path)
    with suppress(OSError):  # both have it; Windows keeps the name as long as they do
        path.unlink()
    return ring


def _greeted(pipe: Pipe) -> Json:
    try:
        reply = pipe.receive()
        if reply[0] == FAILED:
            raise unpack_error(reply)
    except BaseException:
        pipe.close()
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
