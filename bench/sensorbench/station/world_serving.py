"""Answering those who use a simulated world: one at a time, each call at its caller's time.

The rules:
- The world's clock is where the caller's is, also aside and in branches that are done one after the
  other; it runs by itself never.
- It follows who has the same world and tells what is done there (station/world_mirror.py), and
  answers who has none. Of the first it must come to the same.
- Who comes while another one uses the world is told so; whoever is cut off or sends what is no
  request loses the connection, and the world stands as it stood.
"""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from struct import error as BadStruct  # noqa: N812 - a class
from typing import Any, cast

from sensorbench.core.clock import VirtualClock
from sensorbench.links.i2c import Message
from sensorbench.links.line import LineTwin
from sensorbench.station.lives import forget, lives_in
from sensorbench.station.simulation import SimulatedBench
from sensorbench.station.world_pipe import Pipe
from sensorbench.station.world_ring import Ring, make_ring
from sensorbench.station.world_wire import (
    CALL,
    CAME,
    DONE,
    HEAD,
    LINE,
    LINE_HEAD,
    NOT_KNOWN,
    OUTLOOK,
    OUTLOOK_HEAD,
    OUTLOOK_REPLY,
    REPLY,
    TRANSFER,
    TRANSFER_HEAD,
    VERSION,
    BadRequest,
    Json,
    WorldFailed,
    WorldInUse,
    as_question,
    in_words,
    outcome,
    pack_error,
    pack_line_reply,
    unpack_call,
)

Transfer = Callable[[int, bytes, int], bytes]
_POLL_S = 0.002
"""How late it follows at most what a program tells of, s."""
_LATEST_S = 1e12
"""No caller's time is beyond: some 30 000 years."""
_BY_NAME = frozenset({"plug", "plug_all", "plug_fixed", "unplug", "take_in", "outside_until"})
"""The methods of the bench that are called as they are."""


@dataclass(slots=True)
class Serving:
    """A bench, its clock, and who uses it. `save` keeps what the units went through, for ever.

    `latest_s` is the latest time that the world was ever at. `about` is what else a program is told
    that connects, `is_there` whether its workspace is still the one that it was made for; `folder`
    is for what it shares with it. `is_over` says that what the units went through was kept,
    `differs` what came to something else here than in the world of who told it.
    """

    bench: SimulatedBench
    clock: VirtualClock
    about: Mapping[str, Any]
    save: Callable[[], None]
    is_there: Callable[[], bool]
    folder: Path
    latest_s: float = 0.0
    is_over: bool = False
    differs: str = ""
    ended: threading.Event = field(default_factory=threading.Event)
    _ring: Ring | None = None
    _last: bytes = b""
    _came: int = NOT_KNOWN
    _user: Pipe | None = None
    _claiming: threading.Lock = field(default_factory=threading.Lock)
    _transfers: Sequence[Transfer] = ()
    _twins: Sequence[LineTwin] = ()
    _places: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        self._transfers = [bus.transfer for bus in self.bench.buses.values()]
        self._twins = list(self.bench.lines.values())
        self._places = list(self.bench.bindings.rows)

    @property
    def is_used(self) -> bool:
        """Return whether a program uses the world now."""
        return self._user is not None

    @property
    def is_following(self) -> bool:
        """Return whether it does what a program tells of, and may not have done all of it."""
        return self._ring is not None

    def serve(self, pipe: Pipe) -> None:
        """Answer one connection until it is closed, the world ends or what came is no request."""
        try:
            self._claim(pipe)
            self._converse(pipe)
        except BadRequest:  # it was told; who has a world of its own goes on alone
            if self._ring is not None:
                self.differs = self.differs or "what it told last, which is no request"
        except (EOFError, OSError, WorldInUse):
            pass  # it is gone, or was told
        finally:
            pipe.close()
            if self._user is pipe and self._ring is not None:
                with suppress(OSError):  # whoever was killed before had no time to
                    self._ring.path.unlink(missing_ok=True)
            with self._claiming:
                if self._user is pipe:
                    self._user = self._ring = None

    def _claim(self, pipe: Pipe) -> None:
        with self._claiming:
            if self._user is not None:
                refused = WorldInUse("another program uses the simulated bench: wait for it")
                pipe.send(pack_error(self.latest_s, refused))
                raise refused
            self._user = pipe
        said = json.dumps(self._told())
        pipe.send(REPLY.pack(DONE, self.latest_s) + said.encode())

    def _told(self) -> Json:
        bench = self.bench
        lines = [
            {
                "name": name,
                "terminators": [each.hex() for each in twin.terminators],
                "reply_terminator": twin.reply_terminator.hex(),
            }
            for name, twin in bench.lines.items()
        ]
        return {
            "version": VERSION, **self.about, "latest_s": self.latest_s, "differs": self.differs,
            "is_there": self.is_there(), "lives": lives_in(bench.world.memory),
            "buses": list(bench.buses), "lines": lines,
            "instruments": sorted(bench.instruments), "known": sorted(bench.known),
            "places": self._places,
        }  # fmt: skip

    def _converse(self, pipe: Pipe) -> None:
        while True:
            if self._ring is not None:
                self._follow(self._ring, pipe)
            if self.ended.is_set():
                return
            request = pipe.receive()
            try:
                reply = self._done(request)
            except BadRequest as error:
                pipe.send(pack_error(self.clock.now(), error))
                raise
            pipe.send(reply)
            if self.is_over:
                self.ended.set()  # not before the reply is out: the process goes with it

    def _done(self, request: bytes) -> bytes:
        """Do what is asked and return the reply, an error's too. Raises BadRequest."""
        try:
            reply = self._answer(request)
        except BadRequest:
            raise
        except Exception as error:
            reply = _told_as(self.clock.now(), error)
        after = self.clock.now()
        if after > self.latest_s:  # noqa: PLR1730 - a million times a run
            self.latest_s = after
        return reply

    def _follow(self, ring: Ring, pipe: Pipe) -> None:
        """Do what a program tells of, until it says something or is gone."""
        said = False
        while True:
            # What was told before it said something, or before a shutdown, comes first.
            is_last = said or self.ended.is_set()
            while not ring.is_over and (told := ring.take()) is not None:
                self._follow_one(told)
            if is_last:
                break
            said = pipe.poll(_POLL_S)
        if ring.is_given_up or not (ring.is_whole or self.ended.is_set()):
            self.differs = self.differs or "what it told last, which did not arrive"

    def _follow_one(self, told: bytes) -> None:
        """Do one thing; what the one before came to must be the same here."""
        try:
            (theirs,) = CAME.unpack_from(told)
        except BadStruct as error:
            raise BadRequest(f"no request of a simulated world: {error}") from None
        if NOT_KNOWN not in {theirs, self._came} and theirs != self._came and not self.differs:
            self.differs = in_words(self._last)
        self._last = told[CAME.size :]
        self._came = outcome(self._done(self._last))

    def _answer(self, request: bytes) -> bytes:
        """Do what is asked and return the reply. Raises BadRequest, with nothing done."""
        kind = request[0] if request else 0
        clock = self.clock
        try:
            if kind == TRANSFER:
                _, now, aside, number, address, length = TRANSFER_HEAD.unpack_from(request)
                transfer = self._transfers[number]
            elif kind == LINE:
                _, now, aside, number = LINE_HEAD.unpack_from(request)
                twin = self._twins[number]
            elif kind == OUTLOOK:
                _, now, aside, number = OUTLOOK_HEAD.unpack_from(request)
                zone, where = self._places[number]
            elif kind == CALL:
                _, now, aside = HEAD.unpack_from(request)
                call = unpack_call(request)
            else:
                raise BadRequest(f"no request of a simulated world begins with {kind}")
        except (BadStruct, IndexError) as error:
            raise BadRequest(f"no request of a simulated world: {error}") from None
        if not 0.0 <= now < _LATEST_S:
            raise BadRequest(f"{now} is no time")
        clock.step(now, None if aside < 0.0 else aside)
        if kind == TRANSFER:
            read: bytes = transfer(address, request[TRANSFER_HEAD.size :], length)
            return REPLY.pack(DONE, clock.now()) + read
        if kind == LINE:
            with self.bench.lock:
                answer = twin.handle(request[LINE_HEAD.size :])
            return pack_line_reply(clock.now(), twin.reply_terminator, answer)
        if kind == OUTLOOK:
            seen = self.bench.world.outlook(zone, where)
            return OUTLOOK_REPLY.pack(
                DONE, clock.now(), seen.still_until_s, seen.least, seen.greatest, seen.sure_until_s
            )
        found = self._call(call.name, call.arguments)
        return REPLY.pack(DONE, clock.now()) + json.dumps(found).encode()

    def _call(self, name: str, arguments: tuple[Any, ...]) -> object:
        if name in _BY_NAME:
            try:
                return cast("object", getattr(self.bench, name)(*arguments))
            except TypeError as error:
                raise BadRequest(f"{name} is not called so: {error}") from None
        if name == "combine":
            return self._combine(*arguments)
        if name == "ask":
            return self.bench.operator.ask(as_question(*arguments))
        if name == "end":
            self.end()
            return None
        if name == "mirror":
            path = make_ring(self.folder)
            self._ring, self._came = Ring(path), NOT_KNOWN
            return str(path)
        if name == "vanish":  # who tells of it kept what the units went through
            self.is_over = True
            return None
        raise BadRequest(f"nothing of a simulated world is called {name!r}")

    def _combine(self, bus: str, rows: list[list[Any]]) -> list[str]:
        messages = [Message(int(a), bytes.fromhex(write), int(n)) for a, write, n in rows]
        return [read.hex() for read in self.bench.buses[bus].combine(messages)]

    def end(self) -> None:
        """Keep what the units went through, and be over. Raises BenchError where that fails."""
        with self.bench.lock:
            if self.differs:
                forget(self.bench.world.memory)
            self.save()  # before they leave: where it fails, the world stands as it stood
            self.bench.leave_all()
            self.save()
        self.is_over = True


def _told_as(after: float, error: Exception) -> bytes:
    """Return an error as it crosses; of a fault of a twin this process keeps where it was."""
    reply = pack_error(after, error)
    if WorldFailed.__name__.encode() in reply[: REPLY.size + 40]:
        traceback.print_exception(error)
    return reply
