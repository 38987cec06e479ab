"""A line over a raw TCP socket, as most LAN instruments offer it (SCPI raw on 5025 and others)."""

from __future__ import annotations

import math
import socket
import time

from sensorbench.core.deadline import within
from sensorbench.core.errors import LinkClosed
from sensorbench.core.provenance import Provenance
from sensorbench.links.exchange import ExchangeLine
from sensorbench.links.line import LineSettings, Medium


class TcpLine(ExchangeLine):
    """A `Line` to `host`:`port`. The constructor connects, and raises LinkClosed if it can't.

    The deadline of `settings` holds for connecting, too, with the look-up of the host's name.
    `medium` is "serial" where a converter passes the bytes of a serial line on.
    """

    _socket: socket.socket

    def __init__(
        self,
        host: str,
        port: int,
        settings: LineSettings,
        name: str,
        provenance: Provenance = Provenance.HARDWARE,
        medium: Medium = "tcp",
    ) -> None:
        super().__init__(settings, name, provenance, f"{host}:{port}", medium)
        self._peer = host, port
        self._left = -math.inf
        self._connect()

    def _open(self) -> None:
        timeout_s = self._settings.timeout_s
        held_s = self._left + self._settings.linger_s - time.monotonic()
        if held_s > 0:  # the instrument still has the session that was closed
            time.sleep(held_s)
        try:
            # A resolver keeps to no time-out, and a name may have many addresses.
            self._socket = within(
                timeout_s,
                lambda: socket.create_connection(self._peer, timeout_s),
                f"to connect to {self._where}",
                socket.socket.close,
            )
        except OSError as error:
            raise not_listening(self.name, self._where, error) from error
        # Without it, the second of two quick writes waits for the delayed ACK of the first: 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _shut(self) -> None:
        self._socket.close()
        self._left = time.monotonic()

    def _send(self, data: bytes, timeout_s: float) -> None:
        send_all(self._socket, data, timeout_s)

    def _receive(self, timeout_s: float) -> bytes:
        return receive_some(self._socket, timeout_s)


def send_all(connection: socket.socket, data: bytes, timeout_s: float) -> None:
    """Send all of `data` within `timeout_s`. Raises TimeoutError, or another OSError."""
    connection.settimeout(timeout_s)
    connection.sendall(data)


def receive_some(connection: socket.socket, timeout_s: float) -> bytes:
    """Return the bytes that are there, waiting up to `timeout_s`; b"" for none.

    Raises ConnectionError at the end of the stream.
    """
    connection.settimeout(timeout_s)
    try:
        data = connection.recv(65536)
    except (TimeoutError, BlockingIOError):  # the latter where it may not wait at all
        return b""
    if not data:
        raise ConnectionError("it closed the connection")
    return data


def not_listening(name: str, where: str, error: object) -> LinkClosed:
    """Return the error for a peer that could not be connected to."""
    return LinkClosed(
        f"{name}: nothing listens at {where} ({error}). Is it switched on, is the cable in, "
        "is the address right, does another program hold its only connection?"
    )
