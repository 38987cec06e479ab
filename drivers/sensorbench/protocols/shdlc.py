"""SHDLC as Sensirion's sensors speak it, from the side that asks: frames out, answers in.

Source: Sensirion/embedded-uart-sps, sensirion_shdlc.c (0x7E at both ends, stuffing, checksum);
states sensirion-shdlc-driver, errors.py, and recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sensorbench.core.errors import ChecksumError, ProtocolError

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
_STUFFED = (0x11, 0x13, ESCAPE, FLAG)
DEVICE_ERROR = 0x80
"""Bit of the state that says: the status register has an error."""
STATES: Mapping[int, str] = {
    0x01: "wrong length of data", 0x02: "unknown command", 0x03: "no access right",
    0x04: "illegal parameter", 0x28: "argument out of range",
    0x43: "not allowed in the current state",
}  # fmt: skip


def checksum(data: bytes) -> int:
    """Return the inverted sum of all bytes between the flags.

    >>> hex(checksum(bytes.fromhex("0000020103")))
    '0xf9'
    """
    return ~sum(data) & 0xFF


def frame(address: int, command: int, data: bytes = b"") -> bytes:
    """Return the frame of a command.

    >>> frame(0, 0x00, b"\\x01\\x03").hex()
    '7e0000020103f97e'
    >>> frame(0, 0x11, b"").hex()
    '7e007d3100ee7e'
    """
    body = bytes([address, command, len(data)]) + data
    body += bytes([checksum(body)])
    stuffed = b"".join(
        bytes([ESCAPE, byte ^ FLIP]) if byte in _STUFFED else bytes([byte]) for byte in body
    )
    return bytes([FLAG]) + stuffed + bytes([FLAG])


def answer_length(received: bytes) -> int | None:
    """Return how long the first answer in `received` is, None while more of it is to come.

    Raises ProtocolError for what does not begin as one.
    """
    if received and received[0] != FLAG:
        raise ProtocolError(
            f"an answer begins with 0x7e, {received[:8].hex()} came: another device, or the wrong "
            "baud rate"
        )
    end = received.find(FLAG, 1)
    return None if end < 0 else end + 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the state, with `DEVICE_ERROR` in it, and data."""

    state: int
    data: bytes


def parse(raw: bytes, address: int, command: int) -> Answer:
    """Return the answer to a command, of a whole frame.

    Raises ChecksumError where it is damaged, ProtocolError where it is another's.

    >>> parse(bytes.fromhex("7e00030000fc7e"), 0, 3)
    Answer(state=0, data=b'')
    """
    body = _unstuffed(raw[1:-1])
    if len(body) < 5 or len(body) != 5 + body[3]:
        raise ProtocolError(f"an answer of another length than it says: {raw.hex()}")
    if checksum(body[:-1]) != body[-1]:
        raise ChecksumError(
            f"the checksum of {body[:-1].hex()} is {checksum(body[:-1]):#04x}, {body[-1]:#04x} "
            "came: damaged on the wire. Check ground, cable length and baud rate"
        )
    if (body[0], body[1]) != (address, command):
        raise ProtocolError(
            f"an answer to command {body[1]:#04x} at address {body[0]}, asked was {command:#04x} "
            f"at {address}"
        )
    return Answer(body[2], body[4:-1])


def _unstuffed(stuffed: bytes) -> bytes:
    found, is_escaped = bytearray(), False
    for byte in stuffed:
        if is_escaped and byte ^ FLIP not in _STUFFED:
            raise ProtocolError(f"0x7d {byte:#04x} stands for nothing")
        if not is_escaped and byte == ESCAPE:
            is_escaped = True
            continue
        found.append(byte ^ FLIP if is_escaped else byte)
        is_escaped = False
    if is_escaped:
        raise ProtocolError("the answer ends in the middle of a stuffed byte")
    return bytes(found)
