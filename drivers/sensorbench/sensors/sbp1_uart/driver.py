"""SBP1-U: the registers of SBP1 in frames over a UART. Source: SBP1-U datasheet 1.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sensorbench.core.clock import Clock
from sensorbench.core.errors import ChecksumError, ProtocolError
from sensorbench.links.line import FrameLine, LineSettings
from sensorbench.protocols.checksums import crc8
from sensorbench.sensors.sbp1.driver import Sbp1

REQUEST, ANSWER, READ, WRITE = 0xA5, 0x5A, 0x52, 0x57
STATES: Mapping[int, str] = {
    0x01: "a register or a value that it does not take, or its memory is being programmed",
    0x02: "a count that is not 1 to 64",
    0x03: "no such request",
}


def frame(request: int, register: int, count: int, data: bytes = b"") -> bytes:
    """Return a request as it travels.

    >>> frame(READ, 0x00, 1).hex(), frame(WRITE, 0x60, 1, bytes([0xB6])).hex()
    ('a552000128', 'a5576001b638')
    """
    body = bytes([REQUEST, request, register, count]) + data
    return body + bytes([crc8(body)])


def answer_length(received: bytes) -> int | None:
    """Return how long the answer is, None while more of it is to come.

    Raises ProtocolError for what does not begin as one.
    """
    if received and received[0] != ANSWER:
        raise ProtocolError(
            f"an answer begins with {ANSWER:#04x}, {received[:8].hex()} came: another device, or "
            "the wrong baud rate"
        )
    return 4 + received[2] if len(received) >= 3 else None


def parse(answer: bytes, count: int) -> bytes:
    """Return the data of a whole answer, `count` bytes.

    Raises ChecksumError where it is damaged, ProtocolError for a refusal or another count.

    >>> parse(bytes.fromhex("5a00015b74"), 1).hex()
    '5b'
    """
    if crc8(answer[:-1]) != answer[-1]:
        raise ChecksumError(
            f"the CRC of {answer[:-1].hex()} is {crc8(answer[:-1]):#04x}, {answer[-1]:#04x} came: "
            "damaged on the wire. Check ground, cable length and baud rate"
        )
    state, data = answer[1], answer[3:-1]
    if state:
        raise ProtocolError(f"it refused: {STATES.get(state, f'state {state:#04x}')}")
    if len(data) != count:
        raise ProtocolError(f"an answer of {len(data)} bytes, asked were {count}: {answer.hex()}")
    return data


class Registers:
    """The part's registers over its line, with the `transfer` of an I2C bus."""

    def __init__(self, line: FrameLine) -> None:
        self.name = line.name
        self._line = line

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:  # noqa: ARG002
        """Write registers from the first byte's on, or read so many from it on.

        Raises TransportError where nothing whole came back, ProtocolError for what is no answer.
        """
        register, data = write[0], write[1:]
        if read_length:
            request = frame(READ, register, read_length)
        else:
            request = frame(WRITE, register, len(data), data)
        try:
            return parse(self._line.exchange(request, answer_length), read_length)
        except ProtocolError as error:
            raise error.at(self.name) from error


class Sbp1Uart(Sbp1):
    """SBP1-U absolute pressure sensor, 20 to 120 kPa, -40 to 125 degC."""

    LINE: ClassVar[LineSettings] = LineSettings(
        write_terminator="", read_terminator="", timeout_s=0.5, baud_rate=115_200
    )

    def __init__(self, line: FrameLine, clock: Clock) -> None:
        super().__init__(Registers(line), 0, clock)

    @property
    def _where(self) -> str:
        return self._bus.name
