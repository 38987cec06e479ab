"""Memory that two processes share: one tells, the other follows, and neither waits.

A message is there once its end is counted, whatever becomes of who told it: no system call is made,
and who is killed leaves all that was told. The rules:
- Two counts, of the bytes that were ever told and ever taken, and the bytes in a ring.
- Each message has its checksum: on processors that reorder what they write, one may be counted a
  moment before it can be read; it is then taken at the next look.
"""

from __future__ import annotations

import mmap
import os
import secrets
import struct
from contextlib import suppress
from pathlib import Path
from zlib import crc32

SIZE = 1 << 20
"""Bytes of the ring: some 20 000 calls."""
_TOLD, _TAKEN, _GIVEN_UP, _OVER = 0, 1, 2, 3
_COUNTS = struct.Struct("4Q")
_FRAME = struct.Struct("II")  # length and checksum of what follows
_MEMORY = Path("/dev/shm")  # noqa: S108 - memory, and a file of random name, its owner's alone


def make_ring(folder: Path) -> Path:
    """Return a new file for a ring: in memory where there is such a place, else in `folder`."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else folder
    path = place / f"sensorbench-{secrets.token_hex(8)}.ring"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.truncate(file, _COUNTS.size + SIZE)
    finally:
        os.close(file)
    return path


class Ring:
    """One side of the memory in a file, which may be deleted once both sides have it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _COUNTS.size + SIZE)
        whole = memoryview(self._map)
        self._counts = whole[: _COUNTS.size].cast("Q")
        self._bytes = whole[_COUNTS.size :]
        self._told, self._taken = self._counts[_TOLD], self._counts[_TAKEN]

    def put(self, message: bytes) -> bool:
        """Tell a message; return whether there was room for it."""
        frame = _FRAME.pack(len(message), crc32(message)) + message
        size, told = len(frame), self._told
        if told + size - self._counts[_TAKEN] > SIZE:
            return False
        at = told % SIZE
        if at + size <= SIZE:
            self._bytes[at : at + size] = frame
        else:
            until_end = SIZE - at
            self._bytes[at:] = frame[:until_end]
            self._bytes[: size - until_end] = frame[until_end:]
        self._told = told + size
        self._counts[_TOLD] = self._told  # now it is there
        return True

    def take(self) -> bytes | None:
        """Return the next message, None while there is none."""
        taken = self._taken
        if self._counts[_TOLD] == taken:
            return None
        length, checksum = _FRAME.unpack(self._read(taken, _FRAME.size))
        if length > SIZE:
            return None
        message = self._read(taken + _FRAME.size, length)
        if crc32(message) != checksum:
            return None
        self._taken = taken + _FRAME.size + length
        self._counts[_TAKEN] = self._taken
        return message

    def _read(self, begin: int, size: int) -> bytes:
        at = begin % SIZE
        if at + size <= SIZE:
            return bytes(self._bytes[at : at + size])
        return bytes(self._bytes[at:]) + bytes(self._bytes[: size - (SIZE - at)])

    def give_up(self) -> None:
        """Say that no more is told, though more was done."""
        self._counts[_GIVEN_UP] = 1

    @property
    def is_given_up(self) -> bool:
        """Return whether more was done than was told."""
        return bool(self._counts[_GIVEN_UP])

    def be_over(self) -> None:
        """Say that nobody needs to follow any more."""
        self._counts[_OVER] = 1

    @property
    def is_over(self) -> bool:
        """Return whether nobody needs to follow any more."""
        return bool(self._counts[_OVER])

    @property
    def is_whole(self) -> bool:
        """Return whether all that was told was taken."""
        return bool(self._counts[_TOLD] == self._taken)

    def close(self) -> None:
        """Let the memory go."""
        self._counts.release()
        self._bytes.release()
        with suppress(BufferError):
            self._map.close()
