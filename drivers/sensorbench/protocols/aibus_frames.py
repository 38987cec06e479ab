"""Frames of AIBUS as a device meets them: requests cut out of bytes, and replies made.

Source: AIBUS communication protocol V7.0, section 2, written a second time: drivers have theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_REQUEST = 8
_FIRST, _LAST = 0x80, 0xD0
_COMMANDS: dict[int, Literal["read", "write"]] = {0x52: "read", 0x43: "write"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: of which unit, and which parameter is read or set to `value`."""

    unit: int
    kind: Literal["read", "write"]
    parameter: int
    value: int


def asked_in(frame: bytes) -> Asked | None:
    """Return the request that a frame of 8 bytes is, None for none or a damaged one.

    >>> asked_in(bytes.fromhex("8181430052039603"))
    Asked(unit=1, kind='write', parameter=0, value=850)
    """
    if len(frame) != _REQUEST or frame[0] != frame[1] or not _FIRST <= frame[0] <= _LAST:
        return None
    kind = _COMMANDS.get(frame[2])
    word = int.from_bytes(frame[4:6], "little")
    total = (frame[3] << 8) + frame[2] + word + frame[0] - _FIRST
    if kind is None or int.from_bytes(frame[6:], "little") != total % 0x10000:
        return None
    return Asked(frame[0] - _FIRST, kind, frame[3], word - 0x10000 if word > 0x7FFF else word)


def told_by(
    unit: int, measured: int, set_point: int, output: int, alarms: int, value: int
) -> bytes:
    """Return a reply, with the sum that has the unit in it.

    >>> told_by(1, 250, 850, 50, 0, 850).hex(" ")
    'fa 00 52 03 32 00 52 03 d1 07'
    """
    words = [measured, set_point, (alarms << 8) + output % 0x100, value]
    packed = b"".join((word % 0x10000).to_bytes(2, "little") for word in words)
    return packed + ((sum(words) + unit) % 0x10000).to_bytes(2, "little")


class AibusSplitter:
    """Cuts the bytes of a serial line into requests, by their length and sum.

    What begins none is passed over byte by byte, so that one behind garbage is heard.
    """

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def is_waiting(self) -> bool:
        """Return whether part of a request came."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the whole requests among them."""
        frames: list[bytes] = []
        rest = self._buffer + data
        while len(rest) >= _REQUEST:
            if asked_in(rest[:_REQUEST]) is not None:
                frames.append(rest[:_REQUEST])
                rest = rest[_REQUEST:]
            else:
                rest = rest[1:]
        self._buffer = rest
        return frames

    def silence(self) -> list[bytes]:
        """Take that nothing came for long: what is left begins no request."""
        self._buffer = b""
        return []
