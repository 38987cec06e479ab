"""The policy of every link over a real port: a link never returns another query's answer.

- One owner: a lock is held from the first byte of a line to the last byte of its reply.
- One deadline for the whole exchange. It starts when the link is ready to send, and a reply that
  trickles in byte by byte does not stretch it.
- What lies in the input before a line is sent was not asked for, and is discarded.
- An exchange that ends without its complete reply (time-out, lost peer, Ctrl-C) leaves a reply that
  may still come. Its connection is dropped at once, and the next exchange opens a new one, once;
  `SerialLine` has no connection to drop and says how it does it.
- Nothing is sent twice: whether a command may be repeated is for the caller to know.
"""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sensorbench.core.errors import LinkClosed, LinkTimeout, ProtocolError
from sensorbench.core.provenance import Provenance
from sensorbench.links.line import FrameLength, LineSettings, Medium

if TYPE_CHECKING:
    from typing import Self

LONGEST_REPLY = 16 * 1024 * 1024
"""No instrument answers more at once: what sends on and on at a port must not fill the memory."""
_SHOWN = 60
_Receive = Callable[[str, float, float], bytes] | None
"""Receives the reply to what is shown so, within so many seconds, until so; None: there is none."""


class ExchangeLine(ABC):
    """A `Line` over a real port; a subclass gives the raw primitives and ends with `_connect()`.

    `resynchronised` counts how often the port was opened again or drained, for the evidence.
    """

    def __init__(
        self,
        settings: LineSettings,
        name: str,
        provenance: Provenance,
        where: str,
        medium: Medium = "serial",
    ) -> None:
        if settings.write_terminator and not settings.read_terminator:
            raise ValueError(f"{name}: without a read terminator a reply has no end")
        self.name = name
        self.provenance = provenance
        self.medium = medium
        self.resynchronised = 0
        self._settings = settings
        self._where = where
        self._read_end = settings.read_terminator.encode(settings.encoding)
        self._lock = threading.Lock()
        self._connected = False
        self._closed = False
        self._ended = -math.inf

    @abstractmethod
    def _open(self) -> None:
        """Open the port, empty; raise LinkClosed if nobody is there."""

    @abstractmethod
    def _shut(self) -> None:
        """Close the port."""

    @abstractmethod
    def _send(self, data: bytes, timeout_s: float) -> None:
        """Send all of `data`. Raises TimeoutError, or another OSError for a lost peer."""

    @abstractmethod
    def _receive(self, timeout_s: float) -> bytes:
        """Return the bytes that are there, waiting up to `timeout_s` for one; b"" for none.

        Raises OSError for a lost peer.
        """

    def write(self, line: str) -> None:
        """Send one line that the instrument does not answer.

        Raises LinkTimeout, LinkClosed, and ValueError for a text that is not one line.
        """
        self._exchange(*self._line(line), self._settings.timeout_s, None)

    def query(self, line: str, timeout_s: float | None = None) -> str:
        """Send one line and return the reply without its terminator.

        `timeout_s` replaces the settings' deadline. Raises LinkTimeout, LinkClosed, ProtocolError
        for a reply that is no text, and ValueError for a text that is not one line.
        """
        deadline_s = self._settings.timeout_s if timeout_s is None else timeout_s
        if not self._read_end:
            raise ValueError(f"{self.name}: {line!r} is a line, and frames alone travel here")
        reply = self._exchange(*self._line(line), deadline_s, self._receive_line)
        try:
            return reply.decode(self._settings.encoding)
        except UnicodeDecodeError:
            raise ProtocolError(
                f"{self.name}: the answer to {line!r} is not {self._settings.encoding} text: "
                f"{reply[:_SHOWN]!r}. Wrong baud rate, or another instrument?"
            ) from None

    def exchange(
        self, frame: bytes, length_of: FrameLength, timeout_s: float | None = None
    ) -> bytes:
        """Send a frame and return the first frame that comes back, as `length_of` tells it.

        `timeout_s` replaces the settings' deadline. Raises LinkTimeout, LinkClosed, and what
        `length_of` raises of what came.
        """

        def receive(shown: str, deadline_s: float, deadline: float) -> bytes:
            return self._receive_frame(shown, deadline_s, deadline, length_of)

        deadline_s = self._settings.timeout_s if timeout_s is None else timeout_s
        return self._exchange(frame, frame.hex(), deadline_s, receive)

    def pause_at_least(self, seconds: float) -> None:
        """Keep this least time between exchanges from now on, as one who shares the line needs."""
        self._settings = replace(self._settings, pause_s=max(self._settings.pause_s, seconds))

    def close(self) -> None:
        """Give the port back; an exchange that is under way gives it back at its end.

        Closing twice is fine.
        """
        self._closed = True
        if self._lock.acquire(timeout=self._settings.timeout_s):
            try:
                self._disconnect()
            finally:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _line(self, line: str) -> tuple[bytes, str]:
        """Return a line as it travels, and as it is shown."""
        end = self._settings.write_terminator
        if end and end in line:
            raise ValueError(f"{self.name}: {line!r} is more than one line")
        return (line + end).encode(self._settings.encoding), repr(line)

    def _exchange(self, data: bytes, shown: str, timeout_s: float, receive: _Receive) -> bytes:
        with self._lock:
            try:
                self._make_ready()
            except OSError as error:
                self._disconnect()
                raise self._lost(shown, error) from error
            try:
                wait_s = self._ended + self._settings.pause_s - time.monotonic()
                if wait_s > 0:  # a sleep of no time costs more than the whole exchange
                    time.sleep(wait_s)
                deadline = time.monotonic() + timeout_s
                self._send(data, timeout_s)
                return b"" if receive is None else receive(shown, timeout_s, deadline)
            except TimeoutError as error:
                self._abandon(timeout_s)
                raise LinkTimeout(
                    f"{self.name}: {self._where} did not take {shown} within {timeout_s:g} s"
                ) from error
            except OSError as error:
                self._abandon(timeout_s)
                self._disconnect()
                raise self._lost(shown, error) from error
            except BaseException:
                self._abandon(timeout_s)
                raise
            finally:
                self._ended = time.monotonic()
                if self._closed:
                    self._disconnect()

    def _receive_line(self, shown: str, timeout_s: float, deadline: float) -> bytes:
        received = bytearray()
        searched = 0
        while (end := received.find(self._read_end, searched)) < 0:
            searched = max(0, len(received) - len(self._read_end) + 1)
            data = self._receive_until(deadline)
            if not data:
                came = f"{bytes(received[-_SHOWN:])!r}" if received else "nothing"
                raise LinkTimeout(
                    f"{self.name}: no complete answer to {shown} within {timeout_s:g} s from "
                    f"{self._where}: expected a line that ends in {self._read_end!r}, came {came}"
                )
            received += data
            self._require_no_stream(shown, received)
        return bytes(received[:end])

    def _receive_frame(
        self, shown: str, timeout_s: float, deadline: float, length_of: FrameLength
    ) -> bytes:
        received = bytearray()
        while (length := length_of(bytes(received))) is None or length > len(received):
            data = self._receive_until(deadline)
            if not data:
                came = bytes(received[-_SHOWN:]).hex() or "nothing"
                raise LinkTimeout(
                    f"{self.name}: no complete answer to {shown} within {timeout_s:g} s from "
                    f"{self._where}: came {came}. Is it powered, is it wired RX to TX?"
                )
            received += data
            self._require_no_stream(shown, received)
        return bytes(received[:length])

    def _require_no_stream(self, shown: str, received: bytearray) -> None:
        if len(received) > LONGEST_REPLY:
            raise ProtocolError(
                f"{self.name}: what {self._where} answers to {shown} does not end: it begins with "
                f"{bytes(received[:_SHOWN])!r}. Is it in a streaming mode, or another program's?"
            )

    def _receive_until(self, deadline: float) -> bytes:
        left_s = deadline - time.monotonic()
        return self._receive(left_s) if left_s > 0 else b""

    def _make_ready(self) -> None:
        """Return with an open, empty port; OSError if even a new connection is lost at once."""
        if self._closed:
            raise LinkClosed(f"{self.name}: the link to {self._where} was closed by this program")
        if self._connected:
            try:
                self._clear_input()
            except OSError:
                # Instruments close idle connections. Nothing of this exchange was sent yet.
                self._disconnect()
        if not self._connected:
            self._connect()
            self.resynchronised += 1
            self._clear_input()

    def _clear_input(self) -> None:
        deadline = time.monotonic() + self._settings.timeout_s
        while self._receive(0.0):
            if time.monotonic() > deadline:
                raise LinkTimeout(
                    f"{self.name}: {self._where} never falls silent, so no answer could be told "
                    "from the rest; nothing was sent. Is it in a talk-only or streaming mode?"
                )

    def _abandon(self, timeout_s: float) -> None:  # noqa: ARG002 - a serial port needs it
        """See to it that the reply of a failed exchange can't answer a later one."""
        self._disconnect()

    def _connect(self) -> None:
        self._open()
        self._connected = True

    def _disconnect(self) -> None:
        if self._connected:
            self._connected = False
            self._shut()

    def _lost(self, shown: str, error: OSError) -> LinkClosed:
        return LinkClosed(
            f"{self.name}: {self._where} went away during {shown} ({error}). "
            "Was it switched off, was the cable pulled?"
        )
