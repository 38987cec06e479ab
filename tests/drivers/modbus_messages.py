"""Random and mutated Modbus frames: requests to a twin, replies to a client, in each framing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from sensorbench.core.errors import BenchError, LinkTimeout
from sensorbench.core.provenance import Provenance
from sensorbench.protocols.modbus import Framing, Register, Words
from sensorbench.protocols.modbus_client import ModbusClient
from sensorbench.protocols.modbus_device import ModbusDevice, Refused, reads, writes
from sensorbench.protocols.modbus_frames import in_ascii, with_crc

Medium = Literal["serial", "ascii", "tcp"]
"""What frames travel: those of RTU or ASCII on a serial line, or those of Modbus/TCP."""
UNIT = 17
VALUE = Register(100, "float32", least=-1000.0, most=1000.0)
COUNT, MODE = Register(7), Register(30)


class Notes:
    """A record of what was asked for beyond the model."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def note(self, access: str) -> None:
        self.noted.append(access)


class SimThing(ModbusDevice):
    """Two values in pairs, a code that can be set, an input register, a name, and bits."""

    FUNCTIONS = (2, 3, 4, 5, 6, 16)

    def __init__(
        self, unit: int = UNIT, words: str | None = None, medium: Medium = "serial"
    ) -> None:
        self.beyond = Notes()
        super().__init__(unit, self.beyond, words, "ascii" if medium == "ascii" else "rtu")
        self.values, self.mode, self.is_locked = [23.5, -40.25], 10, False
        self.bits = [False, True, True]

    @reads(100, "float32", every=50, times=2)
    def _value(self, index: int) -> float:
        return self.values[index]

    @writes(100, "float32", every=50, times=2, least=-100.0, most=200.0)
    def _set_value(self, index: int, value: float) -> None:
        if self.is_locked:
            raise Refused(4)
        self.values[index] = value

    @reads(30)
    def _mode(self) -> int:
        return self.mode

    @writes(30, allowed=(10, 54, 62))
    def _set_mode(self, mode: float) -> None:
        self.mode = round(mode)

    @reads(7)
    @reads(7, space="input")
    def _count(self) -> int:
        return 4711

    @reads(9, "int16")
    def _below_zero(self) -> int:
        return -3

    @reads(2048, "bit", space="discrete", every=1, times=3)
    def _bit(self, index: int) -> bool:
        return self.bits[index]

    @writes(2049, "bit")
    def _set_bit(self, is_on: float) -> None:
        self.bits[1] = bool(is_on)

    @reads(200, "text", length=8)
    def _name(self) -> str:
        return "THING"


class Wire:
    """A line in process, over either medium, whose replies can be spoiled."""

    provenance = Provenance.SIMULATED

    def __init__(self, twin: ModbusDevice, medium: Medium = "serial") -> None:
        self.name = "thing"
        self.medium: Literal["serial", "tcp"] = "tcp" if medium == "tcp" else "serial"
        self.twin = twin
        self.sent: list[bytes] = []
        self.spoil: Callable[[bytes, bytes], bytes] = lambda _, reply: reply

    def exchange(
        self,
        frame: bytes,
        length_of: Callable[[bytes], int | None],
        timeout_s: float | None = None,
    ) -> bytes:
        self.sent.append(frame)
        heard = self.twin.over_tcp() if self.medium == "tcp" else self.twin
        reply = self.spoil(frame, heard.handle(frame) or b"")
        # Byte by byte, as a slow adapter hands them over.
        for end in range(len(reply) + 1):
            length = length_of(reply[:end])
            if length is not None and length <= end:
                return reply[:length]
        raise LinkTimeout(f"{self.name}: came {reply.hex() or 'nothing'}")


def client_of(medium: Medium, words: Words = "high first") -> tuple[ModbusClient, Wire]:
    """Return a client, and its wire to a thing that is set alike."""
    wire = Wire(SimThing(words=words, medium=medium), medium)
    framing: Framing = "ascii" if medium == "ascii" else "rtu"
    return ModbusClient(wire, UNIT, words=words, framing=framing), wire


PLACES = (100, 7, 30, 9, 150, 200)


def requests(
    chance: random.Random, medium: Medium, own: int = UNIT, places: Sequence[int] = PLACES
) -> Iterator[bytes]:
    """Yield requests without end: right ones, mutated ones, several at once, and noise."""
    while True:
        message = bytearray(
            b"".join(_request(chance, medium, own, places) for _ in range(chance.choice((1, 1, 3))))
        )
        for _ in range(chance.choice((0, 0, 1, 2, 6))):
            at = chance.randrange(len(message) + 1)
            what = chance.random()
            if what < 0.4:
                message[at : at + 1] = chance.randbytes(1)
            elif what < 0.7:
                del message[at : at + chance.randrange(1, 6)]
            else:
                message[at:at] = chance.randbytes(chance.randrange(1, 12))
        yield bytes(message[:1024])


def _request(chance: random.Random, medium: Medium, own: int, places: Sequence[int]) -> bytes:
    function = chance.choice((2, 3, 3, 4, 5, 6, 16, 23, 43, 1, chance.randrange(256)))
    first = chance.choice((*places, 2048, 2049, chance.randrange(0x10000)))
    word = chance.choice((1, 2, 8, 10, 54, 125, 126, 0xFF00, 0, chance.randrange(0x10000)))
    pdu = bytes([function]) + first.to_bytes(2, "big") + word.to_bytes(2, "big")
    if function == 16:
        words = chance.randrange(4)
        pdu = pdu[:3] + bytes([0, words, 2 * words]) + chance.randbytes(2 * words)
    unit = chance.choice((own, own, 0, 255, chance.randrange(256)))
    if medium != "tcp":
        return (with_crc if medium == "serial" else in_ascii)(bytes([unit]) + pdu)
    return chance.randbytes(2) + b"\0\0" + (1 + len(pdu)).to_bytes(2, "big") + bytes([unit]) + pdu


def told_device(medium: Medium, count: int, seed: int) -> Iterator[str]:
    """Send `count` messages to a device; yield what went wrong."""
    chance, thing = random.Random(seed), SimThing(medium=medium)
    heard = thing.over_tcp() if medium == "tcp" else thing
    for _, message in zip(range(count), requests(chance, medium), strict=False):
        try:
            reply = heard.handle(message)
        except Exception as error:
            yield f"{medium}: {message.hex()} raised {type(error).__name__}: {error}"
            continue
        if reply is not None and len(reply) < 5:
            yield f"{medium}: {message.hex()} was answered by {reply.hex()}"
        if thing.mode not in (10, 54, 62) or not all(-100 <= v <= 200 for v in thing.values):
            yield f"{medium}: {message.hex()} set {thing.mode}, {thing.values}"
            thing = SimThing(medium=medium)
            heard = thing.over_tcp() if medium == "tcp" else thing


def told_client(medium: Medium, count: int, seed: int) -> Iterator[str]:
    """Spoil `count` replies to a client; yield where one became a value all the same."""
    chance = random.Random(seed)
    client, wire = client_of(medium)
    whole = spoilt = b""

    def spoil(sent: bytes, reply: bytes) -> bytes:
        nonlocal whole, spoilt
        earlier, whole = whole, reply
        spoilt = mutated(sent, reply, earlier, chance)
        return spoilt

    wire.spoil = spoil
    for _ in range(count):
        try:
            what = chance.choice((VALUE, COUNT, MODE, None))
            value = client.read(what) if what else client.read_bits("discrete", 2048, 3)
        except BenchError:
            continue
        except Exception as error:
            yield f"{medium}: {spoilt.hex()} raised {type(error).__name__}: {error}"
            continue
        echoed = spoilt if medium == "tcp" else spoilt.removeprefix(wire.sent[-1])
        if not may_be(whole, echoed, medium):
            yield f"{medium}: {spoilt.hex()} for {whole.hex()} gave {value}"


def may_be(whole: bytes, came: bytes, medium: Medium) -> bool:
    """Return whether what came is the reply as far as its protocol can tell.

    On a serial line an earlier reply of the same form is the link's to drop. On TCP, which has its
    own checksum, the data are as they came.
    """
    if medium == "ascii" and not came.startswith(whole):
        came = came[: len(whole)]
        digits = came[1:-2] if len(came) % 2 else b""
        is_hex = bool(digits) and not digits.strip(b"0123456789ABCDEF")
        message = bytes.fromhex(digits.decode()) if is_hex else b""
        return came[:7] == whole[:7] and in_ascii(message[:-1]) == came
    head = 9 if medium == "tcp" else 3
    if medium == "serial" and not came.startswith(whole):
        return came[:head] == whole[:head] and with_crc(came[: len(whole) - 2]) == came
    return came[:head] == whole[:head] and len(came) >= len(whole)


def mutated(sent: bytes, reply: bytes, earlier: bytes, chance: random.Random) -> bytes:
    """Return a reply cut, doubled, damaged, late, of another, echoed, or noise."""
    at = chance.randrange(len(reply) + 1)
    return chance.choice(
        (
            reply[:at],
            reply + reply,
            reply[:at] + chance.randbytes(chance.randrange(1, 4)) + reply[at:],
            reply[:at] + chance.randbytes(1) + reply[at + 1 :],
            earlier,
            sent,
            sent + reply,
            sent + reply[:at],
            chance.randbytes(chance.randrange(40)),
            b"",
        )
    )
