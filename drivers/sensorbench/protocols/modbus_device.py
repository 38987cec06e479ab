"""A simulated Modbus device: subclasses declare their registers, this is how they are asked for.

    class SimThing(ModbusDevice):
        WORDS = "low first"

        @reads(2820, "float32", every=160, times=2)
        def _measured(self, loop: int) -> float: ...

        @writes(2782, "float32", every=160, times=2, least=-100.0, most=200.0)
        def _set(self, loop: int, value: float) -> None: ...

A handler gets the index of its block where it is declared for several, then the value; a bit is
`@reads(0x0814, "bit", space="discrete")`, and `@writes(0x0814, "bit")` by function 5. One that
writes raises `Refused` for what its device does not take. What isn't declared is exception 2, what
is beyond `least`, `most` or `allowed` 3, another function 1; what nobody declared is noted too.
Frames are cut by their own lengths and checksums, however the bytes came; what is damaged or for
another unit is not answered, nor is unit 0, a broadcast. On a TCP port it speaks Modbus/TCP.
Sources: MODBUS Application Protocol 1.1b3, MODBUS over Serial Line 1.02, MODBUS Messaging on
TCP/IP 1.0b (units 0 and 255 are the device itself). Recalled: that half of a value of 32 bits can
be read and not written.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from sensorbench.protocols.modbus_frames import (
    FRAMINGS,
    AsciiSplitter,
    RtuSplitter,
    SerialFraming,
    TcpFace,
)

F = TypeVar("F", bound=Callable[..., Any])
Kind = Literal["int16", "uint16", "int32", "uint32", "float32"]
Shape = Kind | Literal["text", "bit"]
Space = Literal["holding", "input", "coil", "discrete"]
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
_FORMATS: dict[Kind, str] = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f",
}  # fmt: skip
_SPACES: dict[int, Space] = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_READS_BITS = (1, 2)
_WRITE_BIT = 5
_WRITES = (_WRITE_BIT, 6, 16)
_BIT_VALUES = {0x0000: 0.0, 0xFF00: 1.0}


class Refused(Exception):
    """The device answers with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Record(Protocol):
    """Where a twin notes what it was asked for and does not model (`World.beyond_of`)."""

    def note(self, access: str) -> None: ...


class Speaker(Protocol):
    """What answers at a port; `sensorbench.links.line.LineTwin` fits it."""

    terminators: tuple[bytes, ...]
    reply_terminator: bytes

    def handle(self, line: bytes) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class _Declared:
    """One declaration: `times` blocks, each `every` registers on; a text has one a character."""

    address: int
    kind: Shape
    space: Space
    is_written: bool
    every: int
    times: int
    length: int
    least: float
    most: float
    allowed: tuple[int, ...]

    @property
    def width(self) -> int:
        """Return how many registers a value has."""
        return self.length if self.kind == "text" else 2 if self.kind.endswith("32") else 1

    def shown(self) -> str:
        """Return it as the device's page has it."""
        more = f" and every {self.every} on, {self.times} in all" if self.times > 1 else ""
        return f"{self.space} {self.address}{more}: {self.kind}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a declaration's block begins, and what carries it out."""

    declared: _Declared
    function: Callable[..., Any]
    index: int

    @property
    def address(self) -> int:
        return self.declared.address + self.index * self.declared.every

    @property
    def bound(self) -> tuple[int, ...]:
        """Return the handler's first argument, the index of the block where there are several."""
        return (self.index,) if self.declared.times > 1 else ()


def reads(
    address: int,
    kind: Shape = "uint16",
    *,
    space: Space = "holding",
    every: int = 0,
    times: int = 1,
    length: int = 0,
) -> Callable[[F], F]:
    """Declare a method to give what a register holds; `length` is that of a text.

    Several may stand above one method.
    """
    told = _Declared(address, kind, space, False, every, times, length, -math.inf, math.inf, ())
    return _mark(told)


def writes(
    address: int,
    kind: Kind | Literal["bit"] = "uint16",
    *,
    every: int = 0,
    times: int = 1,
    least: float = -math.inf,
    most: float = math.inf,
    allowed: tuple[int, ...] = (),
) -> Callable[[F], F]:
    """Declare a method to take what is written to a holding register, or to a bit: 0 or 1."""
    space: Space = "coil" if kind == "bit" else "holding"
    return _mark(_Declared(address, kind, space, True, every, times, 0, least, most, allowed))


def _mark(declared: _Declared) -> Callable[[F], F]:
    def mark(function: F) -> F:
        earlier = getattr(function, "_modbus", ())
        function._modbus = (*earlier, declared)  # type: ignore[attr-defined]
        return function

    return mark


class ModbusDevice:
    """The line of a device that speaks Modbus: a `LineTwin` that cuts its own frames."""

    FUNCTIONS: ClassVar[tuple[int, ...]] = (3, 4, 6, 16)
    MOST_READ: ClassVar[int] = 125
    MOST_BITS: ClassVar[int] = 2000
    MOST_WRITTEN: ClassVar[int] = 123
    WORDS: ClassVar[Literal["high first", "low first"]] = "high first"
    ANY_UNIT: ClassVar[tuple[int, ...]] = ()
    """Units beside its own at which it answers."""

    terminators: tuple[bytes, ...] = ()
    reply_terminator = b""
    sessions: int = 1
    linger_s: float = 0.0

    _read: ClassVar[dict[tuple[Space, int], tuple[_Place, int]]]
    _written: ClassVar[dict[tuple[Space, int], _Place]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._read, cls._written = {}, {}
        for declared, function in cls._declarations():
            for index in range(declared.times):
                place = _Place(declared, function, index)
                if declared.is_written:
                    cls._written[declared.space, place.address] = place
                    continue
                for word in range(declared.width):
                    cls._read[declared.space, place.address + word] = place, word

    @classmethod
    def _declarations(cls) -> Iterator[tuple[_Declared, Callable[..., Any]]]:
        for name in dir(cls):
            function = getattr(cls, name)
            for declared in getattr(function, "_modbus", ()):
                yield declared, function

    def __init__(
        self,
        unit: int,
        beyond: Record,
        words: str | None = None,
        framing: Literal["rtu", "ascii"] = "rtu",
    ) -> None:
        self.unit = unit
        self.framing: SerialFraming = FRAMINGS[framing]
        self.words = words or self.WORDS
        self.medium: Literal["serial", "tcp"] = "serial"  # that the present request came over
        self._record = beyond

    @classmethod
    def understood(cls) -> tuple[str, ...]:
        """Return every register that is read or written, in words."""
        does: dict[tuple[str, int, str], list[str]] = {}
        for declared, _ in cls._declarations():
            key = declared.space, declared.address, declared.shown()
            does.setdefault(key, []).append("written" if declared.is_written else "read")
        rows = [
            f"{shown}, {' and '.join(sorted(how))}" for (*_, shown), how in sorted(does.items())
        ]
        return (f"functions {', '.join(map(str, cls.FUNCTIONS))}", *rows)

    # -- what a subclass may say otherwise -------------------------------------------------

    def wakes(self) -> bool:
        """Bring the device up to now; return whether it hears anything at all."""
        return True

    def sent(self, frame: bytes) -> bytes:
        """Return what becomes of a frame on its way out: the place of faults."""
        return frame

    def undeclared(self, space: Space, address: int) -> int:
        """Return what a register holds that nobody declared; note it and refuse, usually."""
        self._record.note(f"{space} register {address}")
        raise Refused(ILLEGAL_ADDRESS)

    def may_read(self, space: Space, first: int, count: int) -> None:
        """Raise Refused where this device does not give these registers at all."""

    # -- the line --------------------------------------------------------------------------

    def splitter(self) -> RtuSplitter | AsciiSplitter:
        """Return what cuts the bytes of a serial line into frames."""
        return self.framing.splitter()

    def over_tcp(self) -> Speaker:
        """Return this device on a TCP port: a `LineTwin` that speaks Modbus/TCP, usually."""
        return TcpFace(self._answered_on_tcp, self.sessions, self.linger_s)

    def handle(self, line: bytes) -> bytes | None:
        """Take the bytes of one or several frames; return the answers, None where it gives none."""
        if not self.wakes():
            return None
        splitter = self.splitter()
        frames = [*splitter.feed(line), *splitter.silence()]
        replies = [self._answered(frame) for frame in frames]
        return b"".join(reply for reply in replies if reply) or None

    def _answered(self, frame: bytes) -> bytes | None:
        self.medium = "serial"
        message = self.framing.opened(frame)
        unit, pdu = message[0], message[1:]
        if unit == 0:
            if pdu[0] in _WRITES:
                self.carry_out(pdu)
            return None
        if unit != self.unit and unit not in self.ANY_UNIT:
            return None
        return self.sent(self.framing.closed(bytes([unit]) + self.carry_out(pdu)))

    def _answered_on_tcp(self, unit: int, pdu: bytes) -> bytes | None:
        if unit not in (self.unit, 0, 255, *self.ANY_UNIT) or not self.wakes():
            return None
        self.medium = "tcp"
        return self.carry_out(pdu)

    def carry_out(self, pdu: bytes) -> bytes:
        """Carry out a request; return the reply, or the exception."""
        function = pdu[0]
        try:
            if function not in self.FUNCTIONS:
                self._record.note(f"function {function}")
                raise Refused(ILLEGAL_FUNCTION)
            if function in _SPACES:
                return self._told(function, pdu)
            return self._taken(function, pdu)
        except Refused as refused:
            return bytes([function & 0x7F | 0x80, refused.code])

    def _told(self, function: int, pdu: bytes) -> bytes:
        if len(pdu) != 5:
            raise Refused(ILLEGAL_VALUE)
        first, count = struct.unpack(">HH", pdu[1:])
        is_bits, space = function in _READS_BITS, _SPACES[function]
        if not 1 <= count <= (self.MOST_BITS if is_bits else self.MOST_READ):
            raise Refused(ILLEGAL_VALUE)
        self.may_read(space, first, count)
        if is_bits:
            bits = sum(self._told_bit(space, first + k) << k for k in range(count))
            packed = bits.to_bytes(-(-count // 8), "little")
            return bytes([function, len(packed)]) + packed
        values: dict[int, bytes] = {}  # by the address where a value begins: each is taken once
        words = b"".join(self._word(space, first + k, values) for k in range(count))
        return bytes([function, len(words)]) + words

    def _word(self, space: Space, address: int, values: dict[int, bytes]) -> bytes:
        found = self._read.get((space, address))
        if found is None:
            return self.undeclared(space, address).to_bytes(2, "big")
        place, word = found
        if place.address not in values:
            values[place.address] = self._packed(place)
        return values[place.address][2 * word : 2 * word + 2]

    def _told_bit(self, space: Space, address: int) -> int:
        found = self._read.get((space, address))
        if found is None:
            return self.undeclared(space, address) & 1
        place, _ = found
        return int(bool(place.function(self, *place.bound)))

    def _packed(self, place: _Place) -> bytes:
        kind, value = place.declared.kind, place.function(self, *place.bound)
        if kind == "text":
            codes = [ord(c) for c in value][: place.declared.length]
            return b"".join(c.to_bytes(2, "big") for c in codes).ljust(2 * place.declared.length,
                                                                       b"\0")  # fmt: skip
        assert kind != "bit"  # noqa: S101 - bits are told by their own functions
        raw = struct.pack(_FORMATS[kind], value if kind == "float32" else round(value))
        return self._in_order(raw)

    def _in_order(self, raw: bytes) -> bytes:
        return raw[2:] + raw[:2] if len(raw) == 4 and self.words == "low first" else raw

    def _taken(self, function: int, pdu: bytes) -> bytes:
        data = pdu[3:] if function == 6 else pdu[6:]
        if len(pdu) < 5 or (function != 16 and len(pdu) != 5):
            raise Refused(ILLEGAL_VALUE)
        first, count = struct.unpack(">HH", pdu[1:5])
        if function == _WRITE_BIT:
            self._taken_bit(first, count)
            return pdu
        if function == 16 and not (
            1 <= count <= self.MOST_WRITTEN and len(data) == 2 * count == pdu[5]
        ):
            raise Refused(ILLEGAL_VALUE)
        for place, value in list(self._values(first, data)):
            place.function(self, *place.bound, value)
        return pdu[:5]

    def _taken_bit(self, address: int, code: int) -> None:
        place = self._written.get(("coil", address))
        if place is None:
            self._record.note(f"bit {address}, written")
            raise Refused(ILLEGAL_ADDRESS)
        if code not in _BIT_VALUES:
            raise Refused(ILLEGAL_VALUE)
        place.function(self, *place.bound, _BIT_VALUES[code])

    def _values(self, first: int, data: bytes) -> Iterator[tuple[_Place, float]]:
        """Yield what is written where. Raises Refused before anything is carried out."""
        while data:
            place = self._written.get(("holding", first))
            width = 1 if place is None else place.declared.width
            if place is None or len(data) < 2 * width:
                if ("holding", first) not in self._read:
                    self._record.note(f"holding register {first}, written")
                raise Refused(ILLEGAL_ADDRESS)
            yield place, self._accepted(place.declared, data[: 2 * width])
            first, data = first + width, data[2 * width :]

    def _accepted(self, declared: _Declared, raw: bytes) -> float:
        kind = declared.kind
        assert kind != "text"  # noqa: S101 - `writes` takes no text,
        assert kind != "bit"  # noqa: S101 - and bits come by a function of their own
        (value,) = struct.unpack(_FORMATS[kind], self._in_order(raw))
        if not declared.least <= value <= declared.most:  # nor is a NaN
            raise Refused(ILLEGAL_VALUE)
        if declared.allowed and value not in declared.allowed:
            raise Refused(ILLEGAL_VALUE)
        return float(value)
