"""The line to an instrument, opened as station.toml says; heavy libraries are imported here."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeAlias, cast

from sensorbench.core.errors import LinkClosed
from sensorbench.core.provenance import Provenance
from sensorbench.links.inprocess_line import InProcessLine
from sensorbench.links.line import FrameLength, Line, LineSettings, Medium
from sensorbench.station.apart import line_key, users, wire_of
from sensorbench.station.leaving import line_name
from sensorbench.station.links import SerialLink, SimulatedLink, TcpLink, VisaLink, settings_of
from sensorbench.station.model import Socket, StationFile
from sensorbench.station.twin_bench import TwinBench

if TYPE_CHECKING:
    from sensorbench.links.serial_line import SerialLine
    from sensorbench.links.tcp_line import TcpLine
    from sensorbench.links.visa_line import VisaLine


LinkOfLine: TypeAlias = SerialLink | VisaLink | TcpLink | SimulatedLink


def open_line(
    name: str, link: SerialLink | VisaLink | TcpLink, settings: LineSettings, stack: ExitStack
) -> SerialLine | TcpLine | VisaLine:
    """Open the line to a real instrument; `stack` closes it. Raises LinkClosed."""
    settings = settings_of(link, settings)
    if isinstance(link, VisaLink):
        from sensorbench.links.visa_line import VisaLine  # noqa: PLC0415 - pyvisa

        return stack.enter_context(
            VisaLine(link.resource, settings, name, visa_library=link.library)
        )
    remote = link.remote if isinstance(link, SerialLink) else None
    if isinstance(link, SerialLink) and remote is None:
        from sensorbench.links.serial_line import SerialLine  # noqa: PLC0415 - pyserial

        return stack.enter_context(SerialLine(link.port, settings, name))
    from sensorbench.links.tcp_line import TcpLine  # noqa: PLC0415 - with the others

    if isinstance(link, TcpLink):
        host, port = link.host, link.port or settings.tcp_port
        return stack.enter_context(TcpLine(host, port, settings, name))
    assert remote is not None  # noqa: S101 - a serial port that is none is a socket
    return stack.enter_context(TcpLine(*remote, settings, name, medium="serial"))


@dataclass(slots=True)
class ClosedLine:
    """Stands for a socket's port that can't be opened: the part does not answer, and says why."""

    name: str
    why: str
    provenance: Provenance = Provenance.HARDWARE
    medium: Medium = "serial"

    def query(self, *_: object, **__: object) -> NoReturn:
        """Raise LinkClosed."""
        raise LinkClosed(self.why)

    exchange = write = query

    def close(self) -> None:
        """Do nothing: it was never open."""


class SharedLine:
    """One user's view of a line that several share: its own deadline, one exchange at a time."""

    def __init__(self, line: OpenLine, timeout_s: float) -> None:
        self.name, self.provenance, self.medium = line.name, line.provenance, line.medium
        self._line, self._timeout_s = line, timeout_s

    def write(self, line: str) -> None:
        """Send one line that is not answered; see `Line.write`."""
        self._line.write(line)

    def query(self, line: str, timeout_s: float | None = None) -> str:
        """Send one line and return the reply; see `Line.query`."""
        return self._line.query(line, self._timeout_s if timeout_s is None else timeout_s)

    def exchange(
        self, frame: bytes, length_of: FrameLength, timeout_s: float | None = None
    ) -> bytes:
        """Send a frame and return the one that comes back; see `FrameLine.exchange`."""
        deadline_s = self._timeout_s if timeout_s is None else timeout_s
        return self._line.exchange(frame, length_of, deadline_s)

    def close(self) -> None:
        """Leave the line open: others are on it. The station closes it."""


OpenLine: TypeAlias = "SerialLine | TcpLine | VisaLine | InProcessLine"
SocketLine: TypeAlias = "SerialLine | TcpLine | InProcessLine | ClosedLine | SharedLine"
"""A line in text or in frames, as the part needs it."""


class StationLines:
    """The lines of a station, each opened once, whoever shares it; `stack` closes them."""

    def __init__(self, file: StationFile, bench: TwinBench, wire: bool, stack: ExitStack) -> None:
        self._bench, self._wire, self._stack = bench, wire, stack
        self._users = users(file)
        self._open: dict[str, tuple[LineSettings, OpenLine]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def to_instrument(
        self, name: str, link: LinkOfLine, model: str, mount: str, settings: LineSettings
    ) -> Line:
        """Return the line to an instrument; one that it shares with nobody is opened anew.

        Raises LinkClosed where it can't be opened.
        """
        where = line_key(link, model)
        if len(self._users.get(where, ())) > 1:
            shared = self._shared(where, name, link, mount, settings)
            return SharedLine(shared, settings_of(link, settings).timeout_s)
        return self._opened(name, name, link, mount, settings)

    def to_socket(self, socket: Socket, settings: LineSettings) -> SocketLine:
        """Return the line to a socket, for a part whose driver has `settings`.

        One that can't be opened is there, too, and gives the reason to whoever talks to the part.
        """
        link, name = socket.line, f"socket {socket.id}"
        assert link is not None  # noqa: S101 - preflight saw to it
        where = line_key(link, "") or line_name(socket.id)
        try:
            line = self._shared(where, name, link, "pty", settings)
            if len(self._users.get(where, ())) > 1:
                return SharedLine(line, settings_of(link, settings).timeout_s)
            return cast("SocketLine", line)
        except LinkClosed as error:
            return ClosedLine(name, str(error))

    def _shared(
        self, where: str, name: str, link: LinkOfLine, mount: str, settings: LineSettings
    ) -> OpenLine:
        with self._lock:
            lock = self._locks.setdefault(where, threading.Lock())
        with lock:
            there = self._users.get(where, ())
            known = self._open.get(where)
            alike = known is not None and wire_of(link, known[0]) == wire_of(link, settings)
            if known is not None and (known[0] == settings or (alike and len(there) > 1)):
                known[1].pause_at_least(settings_of(link, settings).pause_s)
                return known[1]
            if known is not None and len(there) > 1:
                raise LinkClosed(
                    f"{name}: {known[1].name} are on the same line and are spoken to otherwise, "
                    "by other line ends, baud rate or parity: only parts alike share a line"
                )
            if known is not None:  # another sort of part is in the socket
                known[1].close()
            names = " and ".join(user.name for user in there) or name
            line = self._opened(names, where, link, mount, settings)
            self._open[where] = settings, line
            return line

    def _opened(
        self, name: str, key: str, link: LinkOfLine, mount: str, settings: LineSettings
    ) -> OpenLine:
        if not isinstance(link, SimulatedLink):
            return open_line(name, link, settings, self._stack)
        kind = "pty" if link.cable is not None else mount
        return simulated_line(key, name, self._bench, kind, settings, self._wire, self._stack)


def simulated_line(
    key: str, name: str, bench: TwinBench, mount: str, settings: LineSettings, wire: bool,
    stack: ExitStack,
) -> OpenLine:  # fmt: skip
    """Open the line to a twin: in this program, or with `wire` on a pty or a TCP port.

    `key` is what it is called among the bench's lines.
    """
    twin, world = bench.lines[key], bench.lock
    if not wire:
        from sensorbench.links.inprocess_line import InProcessLine  # noqa: PLC0415 - as below

        return stack.enter_context(InProcessLine(twin, settings, name, world))
    from sensorbench.links.mount import PtyMount, TcpMount  # noqa: PLC0415 - only for `wire`

    simulated = Provenance.SIMULATED
    if mount == "pty":
        from sensorbench.links.serial_line import SerialLine  # noqa: PLC0415 - pyserial

        port = stack.enter_context(PtyMount(twin, world=world)).address
        return stack.enter_context(SerialLine(port, settings, name, provenance=simulated))
    if not settings.write_terminator:
        from sensorbench.links.tcp_line import TcpLine  # noqa: PLC0415 - with the others

        tcp = stack.enter_context(TcpMount(twin, world=world))
        return stack.enter_context(TcpLine(tcp.host, tcp.port, settings, name, simulated))
    from sensorbench.links.visa_line import VisaLine  # noqa: PLC0415 - pyvisa

    host, _, number = stack.enter_context(TcpMount(twin, world=world)).address.rpartition(":")
    resource = f"TCPIP::{host}::{number}::SOCKET"
    return stack.enter_context(VisaLine(resource, settings, name, provenance=simulated))
