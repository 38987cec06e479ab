"""Modbus as a client speaks it: registers by name, requests out, replies in; no port, no clock.

A driver names its registers once and reads and writes them over any line; whether frames are RTU's
or Modbus/TCP's (MBAP) is the line's matter:

    PRESSURE = Register(0x0010, "float32", least=0.0, most=2e6)
    client = ModbusClient(line, unit=3, words="low first")
    client.read(PRESSURE)

On a serial line frames are RTU's or, where the device is set so, ASCII's: `framing` of the client.
Frames and PDUs are pymodbus's, whose clients are not used: deadline, resynchronisation and sharing
are the link's. What a reply must be is checked here, before it is decoded: another unit's, another
transaction's, another function's, of another length or damaged is an error and never a value.
Sources: MODBUS Application Protocol 1.1b3 (functions 1 to 6, 16; exceptions, section 7), MODBUS
over Serial Line 1.02 (RTU and ASCII frames), MODBUS Messaging on TCP/IP 1.0b (MBAP).
"""

from __future__ import annotations

import math
import re
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol

from sensorbench.core.errors import ChecksumError, InstrumentError, ProtocolError, SetpointError

if TYPE_CHECKING:
    from pymodbus.framer import FramerAscii, FramerRTU, FramerSocket
    from pymodbus.pdu import DecodePDU, ModbusPDU

Kind = Literal["int16", "uint16", "int32", "uint32", "float32"]
Space = Literal["holding", "input"]
Bits = Literal["coil", "discrete"]
Words = Literal["high first", "low first"]
Framing = Literal["rtu", "ascii"]
READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_BIT, WRITE_ONE, WRITE_SEVERAL = 5, 6, 16
ECHOED = (WRITE_BIT, WRITE_ONE)
"""Functions whose reply is the request again."""
MOST_READ, MOST_WRITTEN, MOST_BITS = 125, 123, 2000
"""Of one request at most (Application Protocol 1.1b3, sections 6.1, 6.3 and 6.12)."""
EXCEPTION = 0x80
EXCEPTIONS: Mapping[int, str] = {
    1: "it does not know the function", 2: "it has no such register, or it can't be written",
    3: "it does not take the value", 4: "it failed", 5: "it is at work", 6: "it is busy",
    8: "its memory is damaged", 10: "the gateway has no way to it: check the gateway's settings",
    11: "it does not answer the gateway: check its power, address and cable",
}  # fmt: skip
_CODES: Mapping[Kind, str] = {
    "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f",
}  # fmt: skip
_MBAP, _SHOWN = 7, 40
_LONGEST_ASCII = 255  # bytes of unit, PDU and LRC
_HEX = re.compile(rb"[0-9A-F]*")
_LEAST_FLOAT = 2.0**-126
"""What is smaller is no value of any device, but a round number with its words exchanged."""


@dataclass(frozen=True, slots=True)
class Register:
    """A number at `address`, counted from 0: one register, or two for kinds of 32 bits.

    A value is the number times `scale`; below `least` or above `most` it is none. `words` is the
    order of the two halves where it is not that of the device.
    """

    address: int
    kind: Kind = "uint16"
    scale: float = 1.0
    space: Space = "holding"
    least: float = -math.inf
    most: float = math.inf
    words: Words | None = None

    @property
    def count(self) -> int:
        """Return how many registers of 16 bits it takes."""
        return 2 if self.kind.endswith("32") else 1

    def at(self, address: int) -> Register:
        """Return the same sort of register elsewhere."""
        return Register(
            address, self.kind, self.scale, self.space, self.least, self.most, self.words
        )

    def __str__(self) -> str:
        return f"{self.space} register {self.address}"


def decode(register: Register, words: tuple[int, ...], order: Words = "high first") -> float:
    """Return the value of a register's words.

    Raises ProtocolError for what is no number, or beyond what the register can have.

    >>> decode(Register(100, "int16", 0.1), (0xFE70,))
    -40.0
    >>> decode(Register(2782, "float32"), (0x0000, 0x41B8), "low first")
    23.0
    """
    if len(words) != register.count:
        raise ProtocolError(f"{register} is {register.count} words, {len(words)} came")
    high_first = words if (register.words or order) == "high first" else words[::-1]
    raw = struct.pack(f">{len(words)}H", *high_first)
    (number,) = struct.unpack(f">{_CODES[register.kind]}", raw)
    value = _scaled(number, register.scale)
    is_denormal = register.kind == "float32" and 0 < abs(number) < _LEAST_FLOAT
    if not math.isfinite(value) or is_denormal:
        raise ProtocolError(
            f"{register} holds {value:g}, which is no measured value: is a sensor open, is the "
            f"word order {order} that of the device?"
        )
    if not register.least <= value <= register.most:
        raise ProtocolError(
            f"{register} holds {value:g}, beyond {register.least:g} to {register.most:g}: is the "
            f"word order {order} that of the device, is this its register?"
        )
    return value


def encode(register: Register, value: float, order: Words = "high first") -> tuple[int, ...]:
    """Return the words that a value is written as. Raises SetpointError for what does not fit.

    >>> encode(Register(300, "int16", 0.1), -40.0), encode(Register(300, "int16", 0.1), 85.0)
    ((65136,), (850,))
    """
    number = value / register.scale
    if not math.isfinite(number) or not register.least <= value <= register.most:
        raise SetpointError(f"{value} can't be written to {register}. Nothing was sent")
    try:
        code = _CODES[register.kind]
        raw = struct.pack(f">{code}", number if code == "f" else round(number))
    except (struct.error, OverflowError):
        raise SetpointError(
            f"{value} does not fit into {register}, {register.kind} in steps of "
            f"{register.scale:g}. Nothing was sent"
        ) from None
    words = struct.unpack(f">{register.count}H", raw)
    return words if (register.words or order) == "high first" else words[::-1]


def _scaled(number: float, scale: float) -> float:
    """Multiply by a step, or divide by its inverse where that is whole: 234 tenths are 23.4."""
    inverse = round(1 / scale)
    is_whole = inverse > 1 and math.isclose(inverse * scale, 1.0, rel_tol=1e-12)
    return number / inverse if is_whole else number * scale


# -- frames ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pymodbus:
    """What is used of pymodbus; imported at the first exchange, as it takes a while."""

    rtu: FramerRTU
    ascii: FramerAscii
    mbap: FramerSocket
    decoder: DecodePDU


@cache
def _pymodbus() -> _Pymodbus:
    from pymodbus.framer import FramerAscii, FramerRTU, FramerSocket  # noqa: PLC0415 - heavy
    from pymodbus.pdu import DecodePDU  # noqa: PLC0415 - heavy

    decoder = DecodePDU(is_server=False)
    return _Pymodbus(FramerRTU(decoder), FramerAscii(decoder), FramerSocket(decoder), decoder)


def reading(space: Space, first: int, count: int) -> bytes:
    """Return the PDU that asks for `count` registers from `first` on.

    >>> reading("input", 3, 1).hex()
    '0400030001'
    """
    from pymodbus.pdu import register_message as message  # noqa: PLC0415 - heavy

    kind = (
        message.ReadHoldingRegistersRequest
        if space == "holding"
        else message.ReadInputRegistersRequest
    )
    return _sent(kind(address=first, count=count))


def writing(first: int, words: tuple[int, ...], several: bool) -> bytes:
    """Return the PDU that writes `words` from `first` on, by function 16 or, one alone, by 6."""
    from pymodbus.pdu import register_message as message  # noqa: PLC0415 - heavy

    kind = message.WriteMultipleRegistersRequest if several else message.WriteSingleRegisterRequest
    return _sent(kind(address=first, registers=list(words)))


def reading_bits(space: Bits, first: int, count: int) -> bytes:
    """Return the PDU that asks for `count` bits from `first` on.

    >>> reading_bits("discrete", 0x0800, 5).hex()
    '0208000005'
    """
    from pymodbus.pdu import bit_message as message  # noqa: PLC0415 - heavy

    kind = message.ReadCoilsRequest if space == "coil" else message.ReadDiscreteInputsRequest
    return _sent(kind(address=first, count=count))


def writing_bit(address: int, is_on: bool) -> bytes:
    """Return the PDU that sets or clears one bit, by function 5.

    >>> writing_bit(0x0814, True).hex()
    '050814ff00'
    """
    from pymodbus.pdu import bit_message as message  # noqa: PLC0415 - heavy

    return _sent(message.WriteSingleCoilRequest(address=address, bits=[is_on]))


def _sent(pdu: ModbusPDU) -> bytes:
    return bytes([pdu.function_code]) + pdu.encode()


class Reply(Protocol):
    """The reply to one request, as it comes in."""

    frame: bytes

    def length_of(self, received: bytes) -> int | None:
        """Return how many bytes the whole of it has, None while that can't be told.

        Raises ProtocolError as soon as what comes can't be it.
        """
        ...

    def words(self, received: bytes) -> tuple[int, ...]:
        """Return the registers or bits that a whole reply holds, none for one to a write.

        Raises ProtocolError for a reply to something else, ChecksumError for a damaged one,
        InstrumentError for an exception.
        """
        ...


class SerialReply(ABC):
    """The reply on a serial line, behind the echo of the request where an adapter makes one.

    An echo is told by what it is, but for functions whose reply is the request again: there
    `echoes` says whether one comes, as an earlier exchange showed.
    """

    def __init__(self, unit: int, pdu: bytes, echoes: bool = False) -> None:
        self._pdu, self._echoes = pdu, echoes
        self._head = bytes([unit])
        self.frame: bytes = self._framer().encode(pdu, unit, 0)

    @staticmethod
    @abstractmethod
    def _framer() -> FramerRTU | FramerAscii: ...

    @abstractmethod
    def _opened(self, rest: bytes) -> bytes:
        """Return what came of unit and PDU. Raises ProtocolError for what is in no such frame."""

    @abstractmethod
    def _closed(self, count: int) -> int:
        """Return how long the frame around so many bytes of unit and PDU is."""

    def echo_of(self, received: bytes) -> int | None:
        """Return how many bytes of what came are the request's echo, None while it may be one."""
        if self._pdu[0] in ECHOED:
            return len(self.frame) if self._echoes else 0
        whole = received[: len(self.frame)]
        if whole == self.frame:
            return len(self.frame)
        may_be = bool(received) and self.frame.startswith(whole) and not self._is_whole(received)
        return None if may_be else 0

    def length_of(self, received: bytes) -> int | None:
        echo = self.echo_of(received)
        if echo is None or len(received) < echo:
            return None
        length = self._length(received[echo:])
        return None if length is None else echo + length

    def words(self, received: bytes) -> tuple[int, ...]:
        frame = received[self.echo_of(received) or 0 :]
        _, _, _, pdu = self._framer().decode(frame)
        if not pdu:
            raise ChecksumError(
                f"the checksum of {frame.hex()} is wrong: damaged on the wire. Check ground, "
                "termination, cable length and baud rate, and that no other has the same address"
            )
        return _registers(self._pdu, pdu)

    def _length(self, rest: bytes) -> int | None:
        message = self._opened(rest)
        length = _pdu_length(self._pdu, message[1:])
        if message[:1] != self._head[: len(message)] or length == 0:
            raise ProtocolError(
                f"a reply that begins with {rest[:8].hex()} is none to {_named(self._pdu)} of "
                f"unit {self._head[0]}: another device's, another request's, damaged, or the "
                "wrong baud rate. Do two have this address, does another master speak?"
            )
        return None if length is None else self._closed(1 + length)

    def _is_whole(self, received: bytes) -> bool:
        """Return whether a reply with a right checksum came, which an echo has by chance alone."""
        length = _pdu_length(self._pdu, self._opened(received)[1:])
        if not length or len(received) < self._closed(1 + length):
            return False
        return bool(self._framer().decode(received[: self._closed(1 + length)])[3])


class RtuReply(SerialReply):
    """A reply in RTU: unit and PDU as they are, a CRC behind them."""

    @staticmethod
    def _framer() -> FramerRTU:
        return _pymodbus().rtu

    def _opened(self, rest: bytes) -> bytes:
        return rest

    def _closed(self, count: int) -> int:
        return count + 2


class AsciiReply(SerialReply):
    """A reply in ASCII: a colon, unit, PDU and LRC in hexadecimal, CR LF."""

    @staticmethod
    def _framer() -> FramerAscii:
        return _pymodbus().ascii

    def _opened(self, rest: bytes) -> bytes:
        digits = rest[1 : 1 + 2 * _LONGEST_ASCII].partition(b"\r")[0]
        if rest[:1] not in {b"", b":"} or not _HEX.fullmatch(digits):
            raise ProtocolError(
                f"{rest[:_SHOWN]!r} is no Modbus ASCII: damaged, is the device set to RTU, or to "
                "another baud rate, parity or number of data bits than this port?"
            )
        return bytes.fromhex(digits[: len(digits) // 2 * 2].decode())

    def _closed(self, count: int) -> int:
        return 1 + 2 * (count + 1) + 2


SERIAL: Mapping[Framing, type[RtuReply | AsciiReply]] = {"rtu": RtuReply, "ascii": AsciiReply}


class TcpReply:
    """The reply on a TCP connection, by its transaction's number."""

    def __init__(self, unit: int, pdu: bytes, transaction: int) -> None:
        self._pdu, self._unit, self._transaction = pdu, unit, transaction
        self.frame: bytes = _pymodbus().mbap.encode(pdu, unit, transaction)

    def length_of(self, received: bytes) -> int | None:
        if len(received) < _MBAP:
            return None
        transaction, protocol, length, unit = struct.unpack(">HHHB", received[:_MBAP])
        shown = received[:_SHOWN].hex()
        if protocol != 0:
            raise ProtocolError(
                f"{shown} is no Modbus/TCP, its protocol is {protocol}. Is this the Modbus port "
                'of the device? A converter that passes RTU on is kind = "serial", '
                "port = socket://HOST:PORT"
            )
        if transaction != self._transaction or unit != self._unit:
            raise ProtocolError(
                f"the reply {shown} is to transaction {transaction} of unit {unit}, not to "
                f"{self._transaction} of unit {self._unit}: late, or another device's. Does the "
                "gateway have a longer time-out than this link?"
            )
        if len(received) == _MBAP:
            return None
        told = _pdu_length(self._pdu, received[_MBAP:])
        if told == 0 or (told is not None and length != 1 + told):
            raise ProtocolError(
                f"the reply {shown} is none to {_named(self._pdu)}: of another function, count "
                "or length"
            )
        return None if told is None else _MBAP + told

    def words(self, received: bytes) -> tuple[int, ...]:
        _, _, _, pdu = _pymodbus().mbap.decode(received)
        return _registers(self._pdu, pdu)


def _pdu_length(request: bytes, reply: bytes) -> int | None:
    """Return how long a reply's PDU is, None while that can't be told, 0 where it is none."""
    if not reply:
        return None
    if reply[0] == request[0] | EXCEPTION:
        return 2
    if reply[0] != request[0]:
        return 0
    if request[0] in (WRITE_BIT, WRITE_ONE, WRITE_SEVERAL):
        return 5
    if len(reply) == 1:
        return None
    count = int.from_bytes(request[3:5], "big")
    count = 2 * count if request[0] in (READ_HOLDING, READ_INPUT) else -(-count // 8)
    return 2 + count if reply[1] == count else 0


def _registers(request: bytes, pdu: bytes) -> tuple[int, ...]:
    """Return the registers or bits of a reply's PDU that has the length it must have."""
    found = _pymodbus().decoder.decode(pdu)
    if found is None:
        raise ProtocolError(f"{pdu.hex()} is no reply to {_named(request)}")
    if found.isError():
        text = EXCEPTIONS.get(found.exception_code, "it gives no known reason")
        raise InstrumentError(f"Modbus {_named(request)}", found.exception_code, text)
    if request[0] in (READ_HOLDING, READ_INPUT):
        return tuple(found.registers)
    if request[0] in (READ_COILS, READ_DISCRETE):
        return tuple(map(int, found.bits[: int.from_bytes(request[3:5], "big")]))
    if pdu != request[:5]:
        raise ProtocolError(
            f"{_named(request)} was acknowledged by {pdu.hex()}, expected {request[:5].hex()}: "
            "another request's reply, or it took something else. Read back what it holds"
        )
    return ()


def _named(request: bytes) -> str:
    """Return a request in words.

    >>> _named(bytes.fromhex("0300640002"))
    'function 3 (read 2 from 100)'
    """
    first, word = struct.unpack(">HH", request[1:5])
    what = {
        READ_COILS: f"read {word} bits from", READ_DISCRETE: f"read {word} bits from",
        READ_HOLDING: f"read {word} from", READ_INPUT: f"read {word} from",
        WRITE_BIT: f"bit {'set' if word else 'cleared'} at", WRITE_ONE: f"write {word} at",
    }.get(request[0], f"write {word} registers at")  # fmt: skip
    return f"function {request[0]} ({what} {first})"
