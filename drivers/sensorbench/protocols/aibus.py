"""AIBUS, Yudian's protocol of its AI controllers, as a client speaks it; no port, no clock.

A request is 8 bytes, the reply 10, whatever was asked: process value, set point, output, alarms and
the parameter, little-endian. A reply has its unit's address inside its sum and nowhere else, so the
sum is taken with the address that was asked: another unit's late reply is damaged for this one.
Which parameter it answers it does not say; a late one of the same unit is the link's to drop.
Sources: AIBUS communication protocol, V7.0 and V8.0 (frames, sums, 0 to 80 addresses); a C client
of AI-7xx and AI-8xx controllers. That 7Fxxh is a parameter that is not there: kevinalliswell/
yudian-ai-tool, docs/04-MODBUS_PROTOCOL.md, for the same parameters over Modbus.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sensorbench.core.errors import ChecksumError, InstrumentError, ProtocolError, SetpointError

READ, WRITE = 0x52, 0x43
MOST_UNITS = 80
LEAST, MOST = -0x8000, 32000
"""What a parameter can be set to."""
_ADDRESSED = 0x80
_LENGTH = 10
_NOTHING = 0x7F00


@dataclass(frozen=True, slots=True)
class Answer:
    """What every reply tells: numbers without their decimal point, alarms by bit, output in %."""

    measured: int
    set_point: int
    output: int
    alarms: int
    value: int


def request(unit: int, command: int, parameter: int, value: int = 0) -> bytes:
    """Return a request, with its sum.

    >>> request(1, READ, 0).hex(), request(1, WRITE, 0, -400).hex()
    ('8181520000005300', '8181430070feb4fe')
    """
    head = bytes([_ADDRESSED + unit] * 2 + [command, parameter])
    total = 256 * parameter + command + value + unit
    return head + struct.pack("<hH", value, total & 0xFFFF)


class AibusReply:
    """The reply to one request, behind the echo of the request where an adapter makes one."""

    def __init__(self, unit: int, command: int, parameter: int, value: int = 0) -> None:
        self._unit, self._parameter = unit, parameter
        self.frame = request(unit, command, parameter, value)

    def length_of(self, received: bytes) -> int | None:
        """Return how many bytes the whole of it has, None while that can't be told."""
        echoed = received[: len(self.frame)]
        if echoed == self.frame:
            return len(self.frame) + _LENGTH
        # No reply begins with an address twice: that would be a value beyond any.
        return None if self.frame.startswith(echoed) and len(echoed) < len(self.frame) else _LENGTH

    def answer(self, received: bytes) -> Answer:
        """Return what a whole reply tells. Raises ChecksumError for one that is damaged."""
        frame = received[-_LENGTH:]
        measured, set_point, output, alarms, value, found = struct.unpack("<hhbBhH", frame)
        if (sum(struct.unpack("<4H", frame[:8])) + self._unit) & 0xFFFF != found:
            raise ChecksumError(
                f"the sum of {frame.hex()} is wrong for unit {self._unit}: damaged, or the reply "
                "of another unit that came late. Check ground, termination and baud rate, and that "
                "no other has the same address"
            )
        return Answer(measured, set_point, output, alarms, value)


class AibusLine(Protocol):
    """What a client needs of a link; `sensorbench.links.line.FrameLine` fits it."""

    name: str

    def exchange(
        self,
        frame: bytes,
        length_of: Callable[[bytes], int | None],
        timeout_s: float | None = None,
    ) -> bytes:
        """Send a frame and return the first frame that comes back."""
        ...


class AibusClient:
    """Speaks to `unit` (0 to 80) on a line, one request at a time; it keeps nothing of it."""

    def __init__(self, line: AibusLine, unit: int) -> None:
        if not 0 <= unit <= MOST_UNITS:
            raise ValueError(f"{line.name}: address {unit!r}: an AIBUS unit has 0 to {MOST_UNITS}")
        self.name, self.unit = line.name, unit
        self._line = line

    def read(self, parameter: int) -> Answer:
        """Return what a parameter holds, and with it what every reply tells.

        Raises ProtocolError for a reply that is none, InstrumentError where it has no such one.
        """
        answer = self._exchange(READ, parameter, 0)
        if answer.value & 0xFF00 == _NOTHING:
            raise InstrumentError(
                f"AIBUS read parameter {parameter:02X}h", f"{answer.value:04X}h",
                "it has no such parameter", self.name,
            )  # fmt: skip
        return answer

    def write(self, parameter: int, value: int) -> Answer:
        """Set a parameter, and see that the reply has it so.

        Raises SetpointError before anything is sent, InstrumentError where it holds another value.
        """
        if not LEAST <= value <= MOST:
            raise SetpointError(
                f"{self.name}: {value} can't be written to parameter {parameter:02X}h, which takes "
                f"{LEAST} to {MOST}. Nothing was sent"
            )
        answer = self._exchange(WRITE, parameter, value)
        if answer.value != value:
            raise InstrumentError(
                f"AIBUS write {value} to parameter {parameter:02X}h", answer.value,
                "it holds that instead: is it locked at the panel (Loc), or beyond its limits?",
                self.name,
            )  # fmt: skip
        return answer

    def _exchange(self, command: int, parameter: int, value: int) -> Answer:
        awaited = AibusReply(self.unit, command, parameter, value)
        try:
            return awaited.answer(self._line.exchange(awaited.frame, awaited.length_of))
        except ProtocolError as error:
            raise type(error)(f"{self.name}: {error}") from error
