"""Serve a twin as a serial port behind a converter that speaks RFC 2217: for any machine.

pyserial opens it by `rfc2217://HOST:PORT`, Windows has no pty. The negotiation is pyserial's own
`PortManager`; what a client sets of the port (rate, parity, modem lines) is taken and answered, and
changes nothing, as a twin hears any rate.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sensorbench.links.mount import TcpMount
from sensorbench.links.ready import ready

if TYPE_CHECKING:
    from serial.rfc2217 import Serial

_CHUNK = 65536


@dataclass(slots=True)
class _Port:
    """The port that a client sets: what `PortManager` asks of a `serial.Serial`."""

    baudrate: int = 9600
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1
    xonxoff: bool = False
    rtscts: bool = False
    break_condition: bool = False
    dtr: bool = True
    rts: bool = True
    cts: bool = True
    dsr: bool = True
    ri: bool = False
    cd: bool = True

    def reset_input_buffer(self) -> None:
        """Nothing waits here."""

    def reset_output_buffer(self) -> None:
        """Nothing waits here."""


class Rfc2217Mount(TcpMount):
    """A twin on a serial line behind a TCP port of this machine; see `TcpMount`."""

    IS_SERIAL = True

    @property
    def url(self) -> str:
        """Return what pyserial opens."""
        return f"rfc2217://{self.address}"

    def _converse(self, client: socket.socket) -> None:
        from serial.rfc2217 import PortManager  # noqa: PLC0415 - heavy, only where it is served

        # Neither is a Serial, as the stubs have it: it asks what stands here of them.
        manager = PortManager(cast("Serial", _Port()), cast("Serial", _Negotiation(self, client)))

        def receive(_: int) -> bytes:
            while self._closing not in ready([client, self._closing]):
                data = client.recv(_CHUNK)
                heard = b"".join(manager.filter(data))
                if heard or not data:
                    return heard
            return b""

        def send(reply: bytes) -> int:
            self._send_all(client, b"".join(manager.escape(reply)))
            return len(reply)

        self._serve(client, receive, send)

    def _send_all(self, client: socket.socket, data: bytes) -> None:
        while data and self._closing not in ready([self._closing], [client]):
            data = data[client.send(data) :]


class _Negotiation:
    """What `PortManager` answers a client's settings on."""

    def __init__(self, mount: Rfc2217Mount, client: socket.socket) -> None:
        self._mount, self._client = mount, client

    def write(self, data: bytes) -> None:
        """Send all of an answer."""
        self._mount._send_all(self._client, data)
