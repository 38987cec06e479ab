"""The packets of USB redirection, by which QEMU lets a guest use a USB device of another program.

Only what a device without endpoints but its control endpoint needs. Source: usbredir,
docs/usb-redirection-protocol.md and usbredirparser/usbredirproto.h, version 0.7.1; no capability
is offered, so numbers of packets have 32 bits and no optional field is sent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sensorbench.core.errors import ProtocolError

HELLO, DEVICE_CONNECT, INTERFACE_INFO, EP_INFO = 0, 1, 4, 5
SET_CONFIGURATION, GET_CONFIGURATION, CONFIGURATION_STATUS = 6, 7, 8
SET_ALT_SETTING, GET_ALT_SETTING, ALT_SETTING_STATUS = 9, 10, 11
CONTROL_PACKET = 100
SUCCESS, STALL = 0, 4
"""Of a control transfer: done, or refused by the device."""
FULL_SPEED = 1
DIRECTION_IN = 0x80

_HEADER = struct.Struct("<III")
_CONTROL = struct.Struct("<BBBBHHH")
_ENDPOINTS = 32
_NO_ENDPOINT = 255
_LONGEST = 1 << 16  # of a control transfer's 65535 bytes and its header: more is no USB host


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its type, its number, by which its answer is known, and what it holds."""

    kind: int
    number: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return its bytes."""
        return _HEADER.pack(self.kind, len(self.payload), self.number) + self.payload


class Splitter:
    """Makes packets of the bytes that arrive, however they are cut."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Yield the packets that are complete. Raises ProtocolError for one that is too long."""
        self._held += data
        while len(self._held) >= _HEADER.size:
            kind, length, number = _HEADER.unpack_from(self._held)
            if length > _LONGEST + _CONTROL.size:
                raise ProtocolError(f"a packet of {length} bytes: this is no USB redirection")
            end = _HEADER.size + length
            if len(self._held) < end:
                return
            payload = bytes(self._held[_HEADER.size : end])
            del self._held[:end]
            yield Packet(kind, number, payload)


@dataclass(frozen=True, slots=True)
class Setup:
    """A control transfer: the eight bytes of its set-up (USB 2.0, table 9-2), and what is sent."""

    request_type: int
    request: int
    value: int
    index: int
    length: int
    sent: bytes = b""

    @property
    def is_read(self) -> bool:
        """Return whether the device is to send."""
        return bool(self.request_type & DIRECTION_IN)


def parse_control(payload: bytes) -> Setup:
    """Return the control transfer that a packet asks for. Raises ProtocolError for a cut one.

    >>> parse_control(bytes.fromhex("80 06 80 00 0001 0000 1200")).length
    18
    """
    if len(payload) < _CONTROL.size:
        raise ProtocolError(f"a control transfer has 10 bytes or more, got {payload.hex()}")
    _, request, request_type, _, value, index, length = _CONTROL.unpack_from(payload)
    return Setup(request_type, request, value, index, length, payload[_CONTROL.size :])


def control_answer(number: int, setup: Setup, received: bytes | None) -> Packet:
    """Return the answer to a control transfer: what the device sends, None where it stalls."""
    data = b"" if received is None or not setup.is_read else received[: setup.length]
    length = len(data) if setup.is_read else len(setup.sent)
    fixed = _CONTROL.pack(
        setup.request_type & DIRECTION_IN, setup.request, setup.request_type,
        STALL if received is None else SUCCESS, setup.value, setup.index, length,
    )  # fmt: skip
    return Packet(CONTROL_PACKET, number, fixed + data)


def hello(version: str) -> Packet:
    """Return what each side begins with; `version` is of the program, of 63 characters at most."""
    return Packet(HELLO, 0, struct.pack("<64s", version.encode("ascii")))


def plug_in(vendor: int, product: int, interface_class: int) -> list[Packet]:
    """Return what tells of a full-speed device of one interface and no further endpoint."""
    kinds = bytearray([_NO_ENDPOINT] * _ENDPOINTS)
    kinds[0] = kinds[_ENDPOINTS // 2] = 0  # the control endpoint, out and in
    interfaces = struct.pack("<I32s32s32s32s", 1, b"", bytes([interface_class]), b"", b"")
    device = struct.pack("<BBBBHH", FULL_SPEED, interface_class, 0, 0, vendor, product)
    return [
        Packet(INTERFACE_INFO, 0, interfaces),
        Packet(EP_INFO, 0, bytes(kinds) + bytes(2 * _ENDPOINTS)),
        Packet(DEVICE_CONNECT, 0, device),
    ]
