"""Frames of Modbus as a device meets them: cut out of bytes, however those came, and made.

Not by pymodbus: drivers read theirs with it, and a shared mistake would pass every test.
Sources: MODBUS over Serial Line 1.02, section 2.5 (RTU, CRC; ASCII, LRC); MODBUS Messaging on
TCP/IP 1.0b, section 3.1.3 (MBAP); request lengths, MODBUS Application Protocol 1.1b3, section 6.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

LONGEST_RTU, SHORTEST_RTU = 256, 4
LONGEST_ASCII = 513
_ASCII = re.compile(rb":((?:[0-9A-F]{2}){3,})\r\n")
_LONGEST_TCP, _HEADER = 260, 7
_PDU_LENGTHS = {
    1: 5, 2: 5, 3: 5, 4: 5, 5: 5, 6: 5, 7: 1, 8: 5, 11: 1, 12: 1, 17: 1, 22: 7, 24: 3, 43: 4,
}  # fmt: skip
_COUNTED = {15: 5, 16: 5, 20: 1, 21: 1, 23: 9}
"""Functions whose request says how many bytes follow, and where in the PDU."""


def crc(data: bytes) -> bytes:
    """Return the CRC of a frame as it travels, low byte first.

    >>> crc(b"123456789").hex()
    '374b'
    """
    rest = 0xFFFF
    for byte in data:
        rest = rest >> 8 ^ _row((rest ^ byte) & 0xFF)
    return rest.to_bytes(2, "little")


@cache
def _row(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


def with_crc(frame: bytes) -> bytes:
    """Return a frame with its CRC behind it."""
    return frame + crc(frame)


class RtuSplitter:
    """Cuts the bytes of a serial line into requests, by their length and CRC.

    What begins no request is passed over byte by byte, so that one behind garbage is heard. A
    request of a function that no standard has ends with a silence.

    >>> splitter, asked = RtuSplitter(), with_crc(bytes.fromhex("010300640001"))
    >>> [len(splitter.feed(part)) for part in (asked[:3], asked[3:] + asked)]
    [0, 2]
    """

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def is_waiting(self) -> bool:
        """Return whether part of a request came."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the whole requests among them, with their CRC."""
        frames: list[bytes] = []
        rest = self._buffer + data
        while len(rest) >= SHORTEST_RTU:
            length = _request_length(rest)
            if length is None:
                break
            if length and crc(rest[: length - 2]) == rest[length - 2 : length]:
                frames.append(rest[:length])
                rest = rest[length:]
            else:
                rest = rest[1:]
        self._buffer = rest[-LONGEST_RTU:]
        return frames

    def silence(self) -> list[bytes]:
        """Take that nothing came for long: what is left is a request as a whole, or begins none.

        Garbage may have looked like the beginning of a long one: what is behind it is returned.
        """
        frames: list[bytes] = []
        while rest := self._buffer:
            if len(rest) >= SHORTEST_RTU and crc(rest[:-2]) == rest[-2:]:
                frames.append(rest)
                self._buffer = b""
                break
            self._buffer = b""
            frames += self.feed(rest[1:])
        return frames


def _request_length(rest: bytes) -> int | None:
    """Return how long the request that begins here is, 0 for none, None while it can't be told."""
    function = rest[1]
    if function in _PDU_LENGTHS:
        length = 1 + _PDU_LENGTHS[function] + 2
    elif function in _COUNTED:
        place = 1 + _COUNTED[function]
        if len(rest) <= place:
            return None
        length = place + 1 + rest[place] + 2
    else:
        return None if len(rest) < LONGEST_RTU else 0
    if length > LONGEST_RTU:
        return 0
    return length if len(rest) >= length else None


def lrc(data: bytes) -> bytes:
    """Return the longitudinal redundancy check of a frame.

    >>> lrc(bytes.fromhex("010310000002")).hex()
    'ea'
    """
    return bytes([-sum(data) & 0xFF])


def in_ascii(message: bytes) -> bytes:
    """Return unit and PDU as they travel in ASCII.

    >>> in_ascii(bytes.fromhex("010310000002"))
    b':010310000002EA\\r\\n'
    """
    return b":" + (message + lrc(message)).hex().upper().encode() + b"\r\n"


def _out_of_ascii(frame: bytes) -> bytes:
    return bytes.fromhex(frame[1:-2].decode())[:-1]


class AsciiSplitter:
    """Cuts the bytes of a serial line into requests in ASCII: from a colon to CR LF.

    A colon begins anew whatever was before it. What is damaged is dropped.

    >>> AsciiSplitter().feed(b":01:010310000002EA\\r\\n:010310000002EB\\r\\n")
    [b':010310000002EA\\r\\n']
    """

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def is_waiting(self) -> bool:
        """Return whether part of a request came: the next colon tells, however late it is."""
        return False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the whole requests among them, as they travelled."""
        *lines, rest = (self._buffer + data).split(b"\n")
        found = [line[line.rfind(b":") :] + b"\n" for line in lines if b":" in line]
        self._buffer = rest[max(0, rest.rfind(b":")) :][-LONGEST_ASCII:]
        return [frame for frame in found if _is_right(frame)]

    def silence(self) -> list[bytes]:
        """Take that nothing came for long, which means nothing in ASCII."""
        return []


def _is_right(frame: bytes) -> bool:
    match = _ASCII.fullmatch(frame)
    return match is not None and len(frame) <= LONGEST_ASCII and not _sum_of(match[1])


def _sum_of(digits: bytes) -> int:
    return sum(bytes.fromhex(digits.decode())) & 0xFF


@dataclass(frozen=True, slots=True)
class SerialFraming:
    """How a device's messages travel on a serial line.

    `opened` returns unit and PDU of a frame, `closed` the frame around them.
    """

    splitter: Callable[[], RtuSplitter | AsciiSplitter]
    opened: Callable[[bytes], bytes]
    closed: Callable[[bytes], bytes]


FRAMINGS: Mapping[Literal["rtu", "ascii"], SerialFraming] = {
    "rtu": SerialFraming(RtuSplitter, lambda frame: frame[:-2], with_crc),
    "ascii": SerialFraming(AsciiSplitter, _out_of_ascii, in_ascii),
}


class TcpSplitter:
    """Cuts a TCP stream into Modbus/TCP requests by their header; what has none is dropped."""

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def is_waiting(self) -> bool:
        """Return whether part of a request came: however late the rest is, it belongs to it."""
        return False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the whole requests among them, with their header."""
        frames: list[bytes] = []
        self._buffer += data
        while len(self._buffer) >= 6:
            _, protocol, length = struct.unpack(">HHH", self._buffer[:6])
            if protocol != 0 or not 2 <= length <= _LONGEST_TCP - 6:
                self._buffer = b""
                break
            if len(self._buffer) < 6 + length:
                break
            frames.append(self._buffer[: 6 + length])
            self._buffer = self._buffer[6 + length :]
        return frames

    def silence(self) -> list[bytes]:
        """Take that nothing came for long, which means nothing on TCP."""
        return []


class TcpFace:
    """What answers on a TCP port: a `LineTwin` of Modbus/TCP before whatever carries out requests.

    `answer` gets a unit and a request, and returns the reply, None where it gives none.
    """

    terminators: tuple[bytes, ...] = ()
    reply_terminator = b""

    def __init__(
        self, answer: Callable[[int, bytes], bytes | None], sessions: int = 1, linger_s: float = 0.0
    ) -> None:
        self._answer = answer
        self.sessions, self.linger_s = sessions, linger_s

    def splitter(self) -> TcpSplitter:
        """Return what cuts a stream into requests."""
        return TcpSplitter()

    def handle(self, line: bytes) -> bytes | None:
        """Take the bytes of whole requests; return the replies, None where there are none."""
        replies = b""
        for frame in TcpSplitter().feed(line):
            pdu = self._answer(frame[6], frame[_HEADER:])
            if pdu is not None:
                head = frame[:4] + (1 + len(pdu)).to_bytes(2, "big") + frame[6:_HEADER]
                replies += head + pdu
        return replies or None
