"""Messages between a world and a program: multiprocessing's frames, with half its system calls.

What is there is read at once: mostly one message, and of a program that does not wait for replies
as many as have come. Only bytes travel.
"""

from __future__ import annotations

import os
import socket
import struct
from multiprocessing.connection import Connection

from sensorbench.station.world_wire import MOST_BYTES

_LENGTH = struct.Struct("!i")  # as multiprocessing.connection writes it
_WAIT = struct.Struct("@ll")  # struct timeval
_AT_ONCE = 1 << 16
_HEAD = _LENGTH.size
_PLAIN = os.name != "nt"  # a Windows pipe has messages, and no descriptor


class Pipe:
    """One end of a connection that was authenticated. Closing twice is fine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._fd = connection.fileno() if _PLAIN else -1
        self._read, self._at = b"", 0  # what was read, and how far it was given out

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
        while True:
            begin = self._at + _HEAD
            if len(self._read) >= begin:
                (length,) = _LENGTH.unpack_from(self._read, self._at)
                if not 0 <= length <= MOST_BYTES:
                    raise OSError(f"a message of {length} bytes")
                if len(self._read) >= begin + length:
                    self._at = begin + length
                    return self._read[begin : self._at]
            more = os.read(self._fd, _AT_ONCE)
            if not more:
                raise EOFError("the other side has gone")
            self._read, self._at = self._read[self._at :] + more, 0

    def answers_within(self, seconds: float) -> None:
        """Let `receive` raise OSError where nothing comes for so long; a Windows pipe waits on."""
        if _PLAIN:
            with socket.socket(fileno=os.dup(self._fd)) as same:
                whole = int(seconds)
                wait = _WAIT.pack(whole, int((seconds - whole) * 1e6))
                same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)

    def poll(self, seconds: float) -> bool:
        """Return whether there is something to receive, also the end, within `seconds`."""
        return self._at < len(self._read) or self._connection.poll(seconds)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
