"""A bench in this program, and the same one in a process of its own, which is told of every call.

The rules:
- Who waits for another process at every transfer is several times as slow. So a program that begins
  a world uses one of its own, and tells the other one, before it does it, what is done and when. As
  the same calls at the same times give the same, the other stands as this one does, a moment later.
- It is told by memory that both share (station/world_ring.py): who is killed leaves all it told.
- What each call came to is told with the next one, as a checksum: a twin that does not give the
  same each time is found out, and nobody goes on from it.
- A call that a signal cut short is half done here and whole there, as on a real bench: from then on
  nothing is compared.
- What only looks ahead is not told: it changes nothing.
- Where the other process is lost the program goes on; killed then, it can't be gone on from.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sensorbench.core.clock import VirtualClock
from sensorbench.core.operator import Question
from sensorbench.core.provenance import Provenance
from sensorbench.links.i2c import Message, SimulatedI2cBus
from sensorbench.links.line import LineTwin
from sensorbench.station.simulation import SimulatedBench
from sensorbench.station.world_pipe import Pipe
from sensorbench.station.world_ring import Ring
from sensorbench.station.world_wire import (
    CAME,
    DONE,
    LINE,
    LINE_HEAD,
    NOT_ASIDE,
    NOT_KNOWN,
    REPLY,
    TRANSFER,
    TRANSFER_HEAD,
    outcome,
    pack_call,
    pack_error,
    pack_line_reply,
    question_as_json,
)

T = TypeVar("T")
_FOLLOWS_S, _PAUSE_S = 60.0, 0.0005


class Telling:
    """Tells the other world what is done here. `is_lost` says that it is not there any more."""

    def __init__(self, pipe: Pipe, ring: Ring, clock: VirtualClock) -> None:
        self.clock = clock
        self.is_lost = False
        self._pipe, self._ring, self._came = pipe, ring, NOT_KNOWN
        self._compares, self._is_under_way = True, False

    def tell(self, request: bytes) -> None:
        """Tell of a call, before it is done."""
        self._compares = self._compares and not self._is_under_way
        came, self._came = self._came, NOT_KNOWN
        self._is_under_way = True
        if self.is_lost:
            return
        told = CAME.pack(came) + request
        if not self._ring.put(told):
            self._await_room(told)

    def _await_room(self, told: bytes) -> None:
        """Tell once the other world has followed; without it where it does not."""
        until = time.monotonic() + _FOLLOWS_S
        while not self._ring.put(told):
            if time.monotonic() > until or self._pipe.poll(0.0):  # it ended: it says nothing else
                self._ring.give_up()
                self.is_lost = True
                return
            time.sleep(_PAUSE_S)

    def came(self, reply: bytes) -> None:
        """Take what the call came to, as the other world's reply would say it."""
        self._is_under_way = False
        if self._compares:
            self._came = outcome(reply)

    def failed(self, error: Exception) -> None:
        """Take the error that it came to."""
        self.came(pack_error(self.clock.now(), error))

    def when(self) -> tuple[float, float]:
        """Return now, and since when aside, as a request says them."""
        aside = self.clock.aside_since()
        return self.clock.now(), NOT_ASIDE if aside is None else aside

    def call(
        self, work: Callable[[], T], said: Callable[[T], Any], name: str, *arguments: Any
    ) -> T:
        """Do a call of the bench by its name, and return what it gives; `said` makes it JSON."""
        self.tell(pack_call(*self.when(), name, arguments))
        try:
            found = work()
        except Exception as error:
            self.failed(error)
            raise
        self.came(REPLY.pack(DONE, self.clock.now()) + json.dumps(said(found)).encode())
        return found

    def vanish(self) -> None:
        """Let the other world end, wherever it is: all that it would keep was kept here."""
        self._ring.be_over()
        with suppress(OSError, EOFError):  # it has ended
            self._pipe.send(pack_call(*self.when(), "vanish"))
            self._pipe.receive()
        self.close()

    def close(self) -> None:
        """Tell of nothing more."""
        self._pipe.close()
        self._ring.close()


class MirroredBus:
    """An I2C bus of both worlds: an I2cBus, also for messages that are combined."""

    provenance = Provenance.SIMULATED

    def __init__(self, bus: SimulatedI2cBus, number: int, telling: Telling) -> None:
        self.name, self.lock = bus.name, bus.lock
        self.route: tuple[int, int] | None = None
        self._bus, self._number, self._telling = bus, number, telling

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        telling, number = self._telling, self._number
        head = TRANSFER_HEAD.pack(TRANSFER, *telling.when(), number, address, read_length)
        telling.tell(head + write)
        try:
            read = self._bus.transfer(address, write, read_length)
        except Exception as error:
            telling.failed(error)
            raise
        telling.came(REPLY.pack(DONE, telling.clock.now()) + read)
        return read

    def combine(self, messages: Sequence[Message]) -> list[bytes]:
        """Do messages with one stop after the last, and return what each of them read."""
        rows = [[one.address, one.write.hex(), one.read_length] for one in messages]
        return self._telling.call(
            lambda: self._bus.combine(messages),
            lambda read: [each.hex() for each in read],
            "combine", self.name, rows,
        )  # fmt: skip


class MirroredLine:
    """An instrument's twin in both worlds: a LineTwin."""

    def __init__(self, twin: LineTwin, number: int, telling: Telling) -> None:
        self.terminators, self.reply_terminator = twin.terminators, twin.reply_terminator
        self._twin, self._number, self._telling = twin, number, telling

    def handle(self, line: bytes) -> bytes | None:
        telling, twin = self._telling, self._twin
        telling.tell(LINE_HEAD.pack(LINE, *telling.when(), self._number) + line)
        try:
            reply = twin.handle(line)
        except Exception as error:
            telling.failed(error)
            raise
        self.reply_terminator = twin.reply_terminator
        telling.came(pack_line_reply(telling.clock.now(), self.reply_terminator, reply))
        return reply


class MirroredOperator:
    """The person at both benches."""

    def __init__(self, bench: SimulatedBench, telling: Telling) -> None:
        self._bench, self._telling = bench, telling

    def ask(self, question: Question) -> str:
        return self._telling.call(
            lambda: self._bench.operator.ask(question), str, "ask", question_as_json(question)
        )


class MirroredBench:
    """The twins of a station here and in a process of their own; a LastingBench.

    `keep` stores what the units went through, once they have left. Raises BenchError.
    """

    def __init__(self, bench: SimulatedBench, telling: Telling, keep: Callable[[], None]) -> None:
        self._bench, self._telling, self._keep = bench, telling, keep
        self.lock: threading.RLock = bench.lock
        self.buses: Mapping[str, MirroredBus] = {
            name: MirroredBus(bus, number, telling)
            for number, (name, bus) in enumerate(bench.buses.items())
        }
        self.lines: Mapping[str, MirroredLine] = {
            name: MirroredLine(twin, number, telling)
            for number, (name, twin) in enumerate(bench.lines.items())
        }
        self.instruments, self.known = bench.instruments, bench.known
        self.operator = MirroredOperator(bench, telling)
        self.still_until = bench.still_until
        self.between_until = bench.between_until
        self.outside_until = bench.outside_until

    def plug(self, serial: str, socket_id: str) -> None:
        """Put a unit of a known lot into a socket; what is there is taken out."""
        self._do(lambda: self._bench.plug(serial, socket_id), "plug", serial, socket_id)

    def plug_all(self, sockets: Mapping[str, str]) -> None:
        """Have units where an earlier program left them; socket by serial."""
        self._do(lambda: self._bench.plug_all(sockets), "plug_all", dict(sockets))

    def plug_fixed(self) -> None:
        """Have every unit with a socket of its own there, as a person does before a run."""
        self._do(self._bench.plug_fixed, "plug_fixed")

    def unplug(self, serial: str) -> None:
        """Take a unit out of its socket; what it went through is kept for its next place."""
        self._do(lambda: self._bench.unplug(serial), "unplug", serial)

    def take_in(self, life: str) -> None:
        """Know a run's life: what its units go through is in this world."""
        self._do(lambda: self._bench.take_in(life), "take_in", life)

    def leave_all(self) -> None:
        """Do nothing: units stay in a world that outlives the program, until it ends."""

    def _do(self, work: Callable[[], None], name: str, *arguments: Any) -> None:
        self._telling.call(work, lambda nothing: nothing, name, *arguments)

    def end(self) -> None:
        """Keep what the units went through, and let the other world end. Raises BenchError."""
        self._bench.leave_all()
        self._keep()
        self._telling.vanish()

    def close(self) -> None:
        """Leave the other world as it stands, for the next program."""
        self._telling.close()
