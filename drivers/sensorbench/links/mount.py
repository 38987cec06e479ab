"""Mounts: serve an instrument's twin on a TCP port or a pty, to our drivers and to any program.

A mount is a background thread that lives until `close()`. It frames lines by the twin's own
terminators and hands them to the twin one at a time. A twin without any may cut its frames itself
(`CutsFrames`); another gets the bytes that came between two silences of `SILENCE_S`. Each twin
answers for itself: mounts whose twins share a world hold its lock (`world`) while a twin acts, and
a twin that takes time gives it away. A line that the twin refuses by an exception is logged and not
answered; one that is longer than an input buffer is lost, which the twin hears, and the next one
counts. Nothing listens beyond loopback: a twin knows no password.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from sensorbench.core.errors import BenchError, TransportError
from sensorbench.links.framing import LONGEST_LINE, LineSplitter, Overrun
from sensorbench.links.line import CountsSessions, CutsFrames, HearsOverrun, LineTwin, SpeaksOverTcp
from sensorbench.links.ready import ready

if TYPE_CHECKING:
    from typing import Self

_LOG = logging.getLogger(__name__)
_CHUNK = 65536
_PATIENCE_S = 0.5
_FREED_S = 0.2
"""So long who has just closed a connection may take to be seen gone."""
STALE_S = 0.1
"""After such a silence the beginning of a frame is none: no adapter holds bytes back so long."""
SILENCE_S = 0.004
"""3.5 characters at 9600 baud: that ends a frame of Modbus RTU (Modbus over serial line 1.02)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one reply.

    It starts `late_s` seconds late, behind `noise`, ends after `cut_after` bytes (0: silence; None:
    complete, with its terminator), comes twice if `doubled`, and then the connection is dropped if
    `drop`.
    """

    late_s: float = 0.0
    cut_after: int | None = None
    drop: bool = False
    noise: bytes = b""
    doubled: bool = False


class _Mount(ABC):
    """What the mounts share: the twin, its world's lock, the next fault, and an orderly end."""

    address: str

    def __init__(self, twin: LineTwin, world: AbstractContextManager[object] | None) -> None:
        self._twin = twin
        self._lock = threading.Lock()
        self._world = nullcontext() if world is None else world
        self._fault: Fault | None = None
        # Readable from close() on: wakes every select at once, on Windows too.
        self._closing, self._close_now = socket.socketpair()

    def fail_next(self, fault: Fault) -> None:
        """Let `fault` happen to the next reply, and to that only."""
        with self._lock:
            self._fault = fault

    def _is_closing(self, within_s: float = 0.0) -> bool:
        return bool(ready([self._closing], timeout_s=within_s))

    def _serve(
        self,
        source: socket.socket | int,
        receive: Callable[[int], bytes],
        send: Callable[[bytes], int],
    ) -> None:
        """Answer what comes from `source` until it ends, a fault drops it, or close()."""
        for line in self._messages(source, receive):
            if isinstance(line, Overrun):
                self._lose(line)
                continue
            fault, reply = self._answer(line)
            if self._is_closing(within_s=fault.late_s):
                return
            while reply:
                if self._closing in ready([self._closing], [source]):
                    return
                reply = reply[send(reply) :]
            if fault.drop:
                return

    def _messages(
        self, source: socket.socket | int, receive: Callable[[int], bytes]
    ) -> Iterator[bytes | Overrun]:
        """Yield what the twin hears, one line or frame at a time, until the end or close()."""
        frames = self._twin.splitter() if isinstance(self._twin, CutsFrames) else None
        lines = LineSplitter(self._twin.terminators) if self._twin.terminators else None
        while True:
            is_waiting = frames is not None and frames.is_waiting
            found = ready([source, self._closing], timeout_s=STALE_S if is_waiting else None)
            if self._closing in found:
                return
            data = receive(_CHUNK) if found else b""
            if frames is not None and not found:
                yield from frames.silence()
            elif not data:
                return
            elif frames is not None:
                yield from frames.feed(data)
            elif lines is not None:
                yield from lines.feed(data)
            else:
                yield _until_silence(data, source, receive)

    def _answer(self, line: bytes) -> tuple[Fault, bytes]:
        with self._lock:
            try:
                with self._world:
                    reply = self._twin.handle(line)
            except Exception:
                _LOG.exception("%s: the twin refused %r; no answer is sent", self.address, line)
                return Fault(), b""
            if reply is None:
                return Fault(), b""
            fault, self._fault = self._fault or Fault(), None
        whole = (reply + self._twin.reply_terminator) * (1 + fault.doubled)
        return fault, fault.noise + whole[: fault.cut_after]

    def _lose(self, line: Overrun) -> None:
        _LOG.warning(
            "%s: a line of more than %d bytes was lost: %r …",
            self.address, LONGEST_LINE, line.begins,
        )  # fmt: skip
        if isinstance(self._twin, HearsOverrun):
            with self._lock, self._world:
                self._twin.input_overrun()

    @abstractmethod
    def _release(self) -> None:
        """End the threads, which see that the mount is closing, and give the ports back."""

    def close(self) -> None:
        """Stop serving, and wait for the threads but for a twin that takes its time over a line.

        Closing twice is fine.
        """
        if self._close_now.fileno() < 0:
            return
        self._close_now.close()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _until_silence(
    data: bytes, source: socket.socket | int, receive: Callable[[int], bytes]
) -> bytes:
    """Return `data` and what follows it without a silence, as much as an input buffer holds."""
    while len(data) < LONGEST_LINE and ready([source], timeout_s=SILENCE_S):
        more = receive(_CHUNK)
        if not more:
            break
        data += more
    return data


class TcpMount(_Mount):
    """A twin on a TCP port of this machine; port 0 picks a free one.

    It is for any number of clients, or for as many at once as the twin's instrument has sessions
    (`CountsSessions`): who comes beyond them has the connection closed at once.
    A twin that speaks otherwise there (`SpeaksOverTcp`) does so.

    Raises ValueError for a host beyond loopback, TransportError if the port is taken.
    """

    IS_SERIAL = False
    """Whether what listens is a converter before a serial line."""

    def __init__(
        self,
        twin: LineTwin,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        world: AbstractContextManager[object] | None = None,
    ) -> None:
        family, self.host = loopback(host)
        try:
            self._listener = socket.create_server((self.host, port), family=family)
        except OSError as error:
            raise TransportError(
                f"{host}:{port} can't be listened on: {error.strerror}. "
                "Does another program, or another simulation, serve this port?"
            ) from error
        if isinstance(twin, SpeaksOverTcp) and not self.IS_SERIAL:
            twin = twin.over_tcp()
        super().__init__(twin, world)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"[{self.host}]:{self.port}" if ":" in host else f"{self.host}:{self.port}"
        self._clients: set[threading.Thread] = set()
        self._accepting = threading.Thread(
            target=self._accept, name=f"mount {self.address}", daemon=True
        )
        self._accepting.start()

    def _accept(self) -> None:
        while self._closing not in ready([self._listener, self._closing]):
            client, (host, port, *_) = self._listener.accept()
            if not self._has_room():
                _LOG.info("%s: has no session for %s:%s", self.address, host, port)
                client.close()
                continue
            name = f"mount {self.address} for {host}:{port}"
            thread = threading.Thread(target=self._talk, args=(client,), name=name, daemon=True)
            self._clients.add(thread)
            thread.start()

    def _has_room(self) -> bool:
        """Return whether a session is free; one that has just ended counts as that."""
        most = self._twin.sessions if isinstance(self._twin, CountsSessions) else math.inf
        until = time.monotonic() + _FREED_S
        while True:
            self._clients = {known for known in self._clients if known.is_alive()}
            if len(self._clients) < most:
                return True
            if time.monotonic() > until or self._is_closing(within_s=_FREED_S / 20):
                return False

    def _talk(self, client: socket.socket) -> None:
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.setblocking(False)
            try:
                self._converse(client)
            except OSError as error:
                _LOG.info("%s: a client went away: %s", self.address, error)
        if isinstance(self._twin, CountsSessions) and self._twin.linger_s:
            self._is_closing(within_s=self._twin.linger_s)  # the session is not free until then

    def _converse(self, client: socket.socket) -> None:
        self._serve(client, client.recv, client.send)

    def _release(self) -> None:
        self._accepting.join()
        self._listener.close()
        for client in self._clients:
            client.join(_PATIENCE_S)


def loopback(host: str) -> tuple[socket.AddressFamily, str]:
    """Return family and number of a loopback host; raise ValueError for any other."""
    try:
        family, _, _, _, found = socket.getaddrinfo(host or "0.0.0.0", 0)[0]  # noqa: S104 - refused below
    except OSError as error:
        raise ValueError(f"host {host!r} can't be resolved: {error}") from error
    number = str(found[0])
    if not ip_address(number).is_loopback:
        raise ValueError(
            f"host {host!r} is not this machine's loopback: a twin has no authentication, so it is "
            "served on 127.0.0.1, ::1 or localhost only"
        )
    return family, number


class PtyMount(_Mount):
    """A twin on a pseudo-terminal, which any program opens as a serial port (POSIX only).

    Clients may come and go; what one of them leaves behind stays, as on a real port.
    Raises BenchError on Windows.
    """

    def __init__(
        self, twin: LineTwin, *, world: AbstractContextManager[object] | None = None
    ) -> None:
        try:
            import tty  # noqa: PLC0415 - Windows has none
        except ImportError:
            raise BenchError(
                "a pty needs Linux or macOS; on Windows serve the twin on a TCP port"
            ) from None
        super().__init__(twin, world)
        # The slave stays open here: without it, the last client to close would hang up the master.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.address = os.ttyname(self._slave)
        self._thread = threading.Thread(
            target=self._listen, name=f"mount {self.address}", daemon=True
        )
        self._thread.start()

    def fail_next(self, fault: Fault) -> None:
        """Let `fault` happen to the next reply; ValueError for `drop`, which a pty can't do."""
        if fault.drop:
            raise ValueError("a pty has no connection to drop; close the mount instead")
        super().fail_next(fault)

    def _listen(self) -> None:
        while not self._is_closing():
            self._serve(
                self._master, partial(os.read, self._master), partial(os.write, self._master)
            )

    def _release(self) -> None:
        self._thread.join(_PATIENCE_S)
        if not self._thread.is_alive():
            os.close(self._master)
            os.close(self._slave)
