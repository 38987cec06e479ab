"""Modbus RTU as a client speaks it: requests out, replies in; no port, no clock.

Sources: MODBUS over Serial Line 1.02, section 2.5 (frames, CRC); MODBUS Application Protocol 1.1b3,
sections 6.3, 6.4 and 7 (functions, exceptions).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from sensorbench.core.errors import ChecksumError, InstrumentError, ProtocolError

READ_HOLDING, READ_INPUT = 0x03, 0x04
EXCEPTION = 0x80
EXCEPTIONS: Mapping[int, str] = {
    1: "it does not know the function", 2: "it has no such register",
    3: "it does not take the value", 4: "it failed", 5: "it is at work", 6: "it is busy",
}  # fmt: skip


@cache
def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        rest = byte
        for _ in range(8):
            rest = rest >> 1 ^ (0xA001 if rest & 1 else 0)
        found.append(rest)
    return tuple(found)


def crc(data: bytes) -> bytes:
    """Return the CRC of a frame as it travels, low byte first.

    >>> crc(bytes.fromhex("fe0400030001")).hex()
    'd5c5'
    """
    table, rest = _table(), 0xFFFF
    for byte in data:
        rest = rest >> 8 ^ table[(rest ^ byte) & 0xFF]
    return rest.to_bytes(2, "little")


def read_request(address: int, function: int, first: int, count: int) -> bytes:
    """Return the frame that asks for `count` registers from `first` on, counted from 0.

    >>> read_request(0xFE, READ_INPUT, 3, 1).hex()
    'fe0400030001d5c5'
    """
    frame = bytes([address, function]) + first.to_bytes(2, "big") + count.to_bytes(2, "big")
    return frame + crc(frame)


def reply_length(address: int, function: int, count: int) -> Callable[[bytes], int | None]:
    """Return what tells how long the reply to a request for `count` registers is.

    It raises ProtocolError as soon as what comes can't be that reply.
    """

    def length_of(received: bytes) -> int | None:
        head = bytes([address, function, 2 * count])
        if received[:2] == bytes([address, function | EXCEPTION]):
            return 5
        if received[: len(head)] != head[: len(received)]:
            raise ProtocolError(
                f"a reply that begins with {received[:8].hex()} is none to function {function} at "
                f"address {address:#04x} for {count} registers: another device, another request's "
                "reply, or the wrong baud rate"
            )
        return 5 + 2 * count if len(received) >= len(head) else None

    return length_of


def registers(reply: bytes) -> tuple[int, ...]:
    """Return the registers of a whole reply that `reply_length` told, 16 bits each.

    Raises ChecksumError for a wrong CRC, InstrumentError for an exception.

    >>> registers(bytes.fromhex("fe04020190acd8"))
    (400,)
    """
    body, sent = reply[:-2], reply[-2:]
    if crc(body) != sent:
        raise ChecksumError(
            f"the CRC of {body.hex()} is {crc(body).hex()}, {sent.hex()} came: damaged on the "
            "wire. Check ground, cable length and baud rate"
        )
    if body[1] & EXCEPTION:
        text = EXCEPTIONS.get(body[2], "it gives no known reason")
        raise InstrumentError(f"Modbus function {body[1] & ~EXCEPTION}", body[2], text)
    data = body[3:]
    return tuple(int.from_bytes(data[k : k + 2], "big") for k in range(0, len(data), 2))
