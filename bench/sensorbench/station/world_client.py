"""A bench whose world is a process of its own: what `SimulatedBench` offers, over one connection.

The rules:
- Time is stepped: every call carries the caller's clock, which goes on from where the call ended;
  so what comes is what a world in this program would have given, to the last bit.
- One caller at a time, as in virtual time nothing is done at once: there is no lock on the way.
- A call that a signal cut short has no answer any more: the connection is given up, and the next
  call makes another. No call gets another one's answer.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import LinkClosed
from sensorbench.core.operator import Question
from sensorbench.core.provenance import Provenance
from sensorbench.links.i2c import Message
from sensorbench.station.world_pipe import Pipe
from sensorbench.station.world_wire import (
    FAILED,
    LINE,
    LINE_HEAD,
    NOT_ASIDE,
    OUTLOOK,
    OUTLOOK_HEAD,
    OUTLOOK_REPLY,
    REPLY,
    TRANSFER,
    TRANSFER_HEAD,
    Json,
    WorldEnded,
    pack_call,
    question_as_json,
    unpack_error,
    unpack_line_reply,
)
from sensorbench.world.world import Outlook

Connect = Callable[[], tuple[Pipe, Json]]
"""Makes a connection and returns what the world says of itself. Raises BenchError."""


class Exchanges:
    """Asks the world one thing after another, each at the time of `clock`."""

    def __init__(self, clock: VirtualClock, connect: Connect, is_alive: Callable[[], bool]) -> None:
        self.clock = clock
        self._connect, self._is_alive = connect, is_alive
        self._pipe: Pipe | None = None
        self.count = 0

    def open(self) -> Json:
        """Connect, and return what the world says of itself. Raises BenchError."""
        self._pipe, told = self._connect()
        return told

    def close(self) -> None:
        """Leave the world as it stands."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def transfer(self, bus: int, address: int, write: bytes, read_length: int) -> bytes:
        """Do an I2C transfer. Raises as a bus does."""
        clock = self.clock
        now, aside = clock.now(), clock.aside_since()
        since = NOT_ASIDE if aside is None else aside
        head = TRANSFER_HEAD.pack(TRANSFER, now, since, bus, address, read_length)
        return self.exchange(head + write, now, aside)[REPLY.size :]

    def line(self, number: int, line: bytes) -> tuple[bytes, bytes | None]:
        """Hand a line to an instrument's twin; return its terminator and its answer."""
        clock = self.clock
        now, aside = clock.now(), clock.aside_since()
        since = NOT_ASIDE if aside is None else aside
        reply = self.exchange(LINE_HEAD.pack(LINE, now, since, number) + line, now, aside)
        return unpack_line_reply(reply)

    def outlook(self, place: int) -> Outlook:
        """Return what is to come at a place, by its number."""
        clock = self.clock
        now, aside = clock.now(), clock.aside_since()
        since = NOT_ASIDE if aside is None else aside
        reply = self.exchange(OUTLOOK_HEAD.pack(OUTLOOK, now, since, place), now, aside)
        return Outlook(now, *OUTLOOK_REPLY.unpack(reply)[2:])

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a method of the bench by name; return what it returns."""
        clock = self.clock
        now, aside = clock.now(), clock.aside_since()
        since = NOT_ASIDE if aside is None else aside
        reply = self.exchange(pack_call(now, since, name, arguments), now, aside)
        return json.loads(reply[REPLY.size :])

    def exchange(self, request: bytes, now: float, aside: float | None) -> bytes:
        """Send a request and return its reply, with the clock where the call left it."""
        self.count += 1
        pipe = self._pipe
        if pipe is None:
            self.open()
            pipe = self._pipe
            assert pipe is not None  # noqa: S101 - open raised otherwise
        self._pipe = None  # whoever is cut short from here on leaves no answer for the next call
        try:
            pipe.send(request)
            reply = pipe.receive()
        except (EOFError, OSError) as error:
            pipe.close()
            raise self._cut(error) from None
        except BaseException:
            pipe.close()
            raise
        self._pipe = pipe
        status, after = REPLY.unpack_from(reply)
        if after != now:
            self.clock.step(after, aside)
        if status == FAILED:
            raise unpack_error(reply)
        return reply

    def _cut(self, error: Exception) -> Exception:
        if self._is_alive():
            return LinkClosed(f"the simulated world closed the connection ({error})")
        return ended()


def ended() -> WorldEnded:
    """Return the error for a world that is gone."""
    return WorldEnded(
        "the simulated world of this run ended, as a process that was killed or with the machine: "
        "its units and instruments are gone with it, and a simulated run can't go on honestly. "
        "Begin the run anew"
    )


class WorldBus:
    """An I2C bus of the world: an I2cBus, also for messages that are combined."""

    provenance = Provenance.SIMULATED

    def __init__(self, name: str, number: int, exchanges: Exchanges, lock: threading.RLock) -> None:
        self.name, self.lock = name, lock
        self.route: tuple[int, int] | None = None
        self._number, self._exchanges = number, exchanges

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        return self._exchanges.transfer(self._number, address, write, read_length)

    def combine(self, messages: Sequence[Message]) -> list[bytes]:
        """Do messages with one stop after the last, and return what each of them read."""
        rows = [[one.address, one.write.hex(), one.read_length] for one in messages]
        read = self._exchanges.call("combine", self.name, rows)
        return [bytes.fromhex(text) for text in read]


class WorldLine:
    """An instrument's twin in the world: a LineTwin."""

    def __init__(self, number: int, told: Json, exchanges: Exchanges) -> None:
        self.terminators = tuple(bytes.fromhex(text) for text in told["terminators"])
        self.reply_terminator = bytes.fromhex(told["reply_terminator"])
        self._number, self._exchanges = number, exchanges

    def handle(self, line: bytes) -> bytes | None:
        self.reply_terminator, reply = self._exchanges.line(self._number, line)
        return reply


class WorldOperator:
    """The person at a bench in the world."""

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges

    def ask(self, question: Question) -> str:
        return str(self._exchanges.call("ask", question_as_json(question)))


class WorldBench:
    """The twins of a station in a process of their own; a TwinBench. Made by worlds.meet."""

    def __init__(self, exchanges: Exchanges, told: Json) -> None:
        self._exchanges = exchanges
        self.lock = threading.RLock()
        self.buses: Mapping[str, WorldBus] = {
            name: WorldBus(name, number, exchanges, self.lock)
            for number, name in enumerate(told["buses"])
        }
        self.lines: Mapping[str, WorldLine] = {
            row["name"]: WorldLine(number, row, exchanges)
            for number, row in enumerate(told["lines"])
        }
        self.instruments = frozenset(map(str, told["instruments"]))
        self.known = frozenset(map(str, told["known"]))
        self.operator = WorldOperator(exchanges)
        self._places = {(z, where): number for number, (z, where) in enumerate(told["places"])}
        self._outlook: tuple[tuple[str, str], int, Outlook] | None = None

    def plug(self, serial: str, socket_id: str) -> None:
        """Put a unit of a known lot into a socket; what is there is taken out."""
        self._exchanges.call("plug", serial, socket_id)

    def plug_all(self, sockets: Mapping[str, str]) -> None:
        """Have units where an earlier program left them; socket by serial."""
        self._exchanges.call("plug_all", dict(sockets))

    def plug_fixed(self) -> None:
        """Have every unit with a socket of its own there, as a person does before a run."""
        self._exchanges.call("plug_fixed")

    def unplug(self, serial: str) -> None:
        """Take a unit out of its socket; what it went through is kept for its next place."""
        self._exchanges.call("unplug", serial)

    def take_in(self, life: str) -> None:
        """Know a run's life: what its units go through is in this world."""
        self._exchanges.call("take_in", life)

    def leave_all(self) -> None:
        """Do nothing: units stay in a world that outlives the program, until it ends."""

    def still_until(self, zone: str, where: str) -> float:
        """Return until when an address stands still and nothing breaks; now, if it moves."""
        return self._seen(zone, where).still_until_s

    def between_until(self, zone: str, where: str, low: float, high: float) -> float:
        """Return until when an address stays between two values; now, where it may leave them."""
        return self._seen(zone, where).between_until(low, high)

    def outside_until(self, zone: str, where: str, low: float, high: float) -> float:
        """Return until when an address is not between two values, or now."""
        return float(self._exchanges.call("outside_until", zone, where, low, high))

    def _seen(self, zone: str, where: str) -> Outlook:
        """Return what is to come at a place: as it was told, if nothing was done since."""
        exchanges, key, last = self._exchanges, (zone, where), self._outlook
        if (
            last is not None
            and last[0] == key
            and last[1] == exchanges.count
            and last[2].now_s == exchanges.clock.now()
        ):
            return last[2]
        found = exchanges.outlook(self._places[key])
        self._outlook = (key, exchanges.count, found)
        return found

    def end(self) -> None:
        """Let the world keep what its units went through, and end. Raises BenchError."""
        self._exchanges.call("end")
        self._exchanges.close()

    def close(self) -> None:
        """Leave the world as it stands, for the next program."""
        self._exchanges.close()
