"""One request, one reply: what a driver needs of a link, and of a twin, in lines or in frames.

Lines are text with terminators (SCPI). Frames are bytes that say themselves where they end (Modbus
RTU, SHDLC); whoever speaks in them declares a LINE without terminators (`FRAMES`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from sensorbench.core.provenance import Provenance


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How an instrument's lines end and how it is reached; a driver declares its own.

    Without both terminators nothing but frames travels.

    `timeout_s` is the deadline of one whole exchange, `pause_s` the least time between the end of
    one and the beginning of the next. `baud_rate`, `data_bits`, `parity`, `stop_bits` (1, 1.5, 2)
    and `flow_control` are for serial ports; `tcp_port` is the instrument's own raw socket. It takes
    `sessions` connections at once, 1 where that is not known, and holds one for `linger_s` after it
    was closed.
    """

    write_terminator: str = "\n"
    read_terminator: str = "\n"
    timeout_s: float = 2.0
    baud_rate: int = 9600
    tcp_port: int = 5025
    encoding: str = "ascii"
    data_bits: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    stop_bits: float = 1
    flow_control: Literal["none", "xon/xoff", "rts/cts", "dsr/dtr"] = "none"
    pause_s: float = 0.0
    sessions: int = 1
    linger_s: float = 0.0


Medium = Literal["serial", "tcp"]
"""What a link leads over: some protocols have other frames on TCP than on a serial line. A serial
port behind a converter that passes bytes on is a serial line."""

FrameLength = Callable[[bytes], int | None]
"""Returns how many of the bytes that came are the first frame, None while more of it is to come."""


class FrameLine(Protocol):
    """A link to one part that speaks in frames, with the policy of a `Line`."""

    name: str
    provenance: Provenance
    medium: Medium

    def exchange(
        self, frame: bytes, length_of: FrameLength, timeout_s: float | None = None
    ) -> bytes:
        """Send a frame and return the first frame that comes back; what follows it is dropped.

        Raises LinkTimeout, LinkClosed or another TransportError, and what `length_of` raises.
        """
        ...

    def close(self) -> None:
        """Give the port back. Closing twice is fine."""
        ...


class Line(Protocol):
    """A link to one instrument. It owns terminators, the deadline and resynchronisation.

    Both calls raise LinkTimeout, LinkClosed or another TransportError; after a time-out the next
    exchange starts on a link where no late reply can arrive.
    """

    name: str
    provenance: Provenance

    def write(self, line: str) -> None:
        """Send one line that the instrument does not answer."""
        ...

    def query(self, line: str, timeout_s: float | None = None) -> str:
        """Send one line and return the reply without its terminator."""
        ...

    def close(self) -> None:
        """Give the port back. Closing twice is fine."""
        ...


class LineTwin(Protocol):
    """A twin on a line as its mounts see it, in-process, on a pty or on a TCP port alike.

    A twin frames its own lines: `terminators` are what ends a line it takes, `reply_terminator`
    what ends a line it gives. One that speaks in frames has neither: it takes the bytes that came
    between two silences, whole frames or not, as a UART gives them.
    """

    terminators: tuple[bytes, ...]
    reply_terminator: bytes

    def handle(self, line: bytes) -> bytes | None:
        """Take one line without its terminator; return the reply without its, or None."""
        ...


class FrameSplitter(Protocol):
    """Cuts bytes into frames as a twin's protocol does; one for each connection."""

    @property
    def is_waiting(self) -> bool:
        """Return whether a part of a frame came that a long silence makes worthless."""
        ...

    def feed(self, data: bytes) -> Sequence[bytes]:
        """Take the next bytes and return the whole frames that they complete."""
        ...

    def silence(self) -> Sequence[bytes]:
        """Take that nothing came for long; return the frames behind what was none."""
        ...


@runtime_checkable
class CutsFrames(Protocol):
    """A twin in frames whose protocol knows from the bytes where one ends, not from silences."""

    def splitter(self) -> FrameSplitter:
        """Return what cuts the bytes of one connection."""
        ...


@runtime_checkable
class SpeaksOverTcp(Protocol):
    """A twin whose device speaks otherwise on a TCP port than on a serial line."""

    def over_tcp(self) -> LineTwin:
        """Return the twin as a TCP port has it."""
        ...


@runtime_checkable
class HasMorePorts(Protocol):
    """A twin whose device listens at more TCP ports than one, each with a protocol of its own."""

    def more_ports(self) -> Mapping[str, LineTwin]:
        """Return what speaks at each of the others, by the protocol's name."""
        ...


@runtime_checkable
class CountsSessions(Protocol):
    """A twin whose instrument takes `sessions` connections at once, one where that is not known.

    It holds one for `linger_s` after it was closed.
    """

    sessions: int
    linger_s: float


@runtime_checkable
class HearsOverrun(Protocol):
    """A twin whose instrument says so when more came than its input buffer holds."""

    def input_overrun(self) -> None:
        """Take that a line was lost, as it was too long."""
        ...
