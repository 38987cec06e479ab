"""Messages between a world and a program: multiprocessing's own frames, with half its system calls.

A request waits for its reply, so that what is there to be read is one message and no more: a frame
is read at once, and its end only where it came in pieces. Only bytes travel.
"""

from __future__ import annotations

import os
import struct
from multiprocessing.connection import Connection

from sensorbench.station.world_wire import MOST_BYTES

_LENGTH = struct.Struct("!i")  # as multiprocessing.connection writes it
_AT_ONCE = 1 << 16
_HEAD = _LENGTH.size
_PLAIN = os.name != "nt"  # a Windows pipe has messages, and no descriptor


class Link:
    """One end of a connection that was authenticated. Closing twice is fine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._fd = connection.fileno() if _PLAIN else -1

    def send(self, message: bytes) -> None:
        """Send one message. Raises OSError where nobody reads it any more."""
        if not _PLAIN:
            self._connection.send_bytes(message)
            return
        frame = _LENGTH.pack(len(message)) + message
        sent = os.write(self._fd, frame)
        while sent < len(frame):
            sent += os.write(self._fd, frame[sent:])

    def receive(self) -> bytes:
        """Return the next message. Raises EOFError at the end, OSError for what is no message."""
        if not _PLAIN:
            return self._connection.recv_bytes(MOST_BYTES)
        frame = os.read(self._fd, _AT_ONCE)
        while len(frame) < _HEAD:
            frame += self._more()
        (length,) = _LENGTH.unpack_from(frame)
        if not 0 <= length <= MOST_BYTES:
            raise OSError(f"a message of {length} bytes")
        if len(frame) == length + _HEAD:
            return frame[_HEAD:]
        return self._rest(frame, length + _HEAD)

    def _rest(self, frame: bytes, size: int) -> bytes:
        parts, got = [frame], len(frame)
        while got < size:
            parts.append(self._more())
            got += len(parts[-1])
        if got > size:
            raise OSError("more than one message at once")
        return b"".join(parts)[_HEAD:]

    def _more(self) -> bytes:
        return os.read(self._fd, _AT_ONCE) or self._end()

    def _end(self) -> bytes:
        raise EOFError("the other side has gone")

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
