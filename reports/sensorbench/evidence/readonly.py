"""Files read in pieces. What is mapped into memory counts as memory; what is read does not stay."""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path


class ReadOnly:
    """A file that is read at any place, by any thread, and closed when nobody has it any more.

    Raises OSError where it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(path, flags)
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`; fewer at the end of the file."""
        if length <= 0:
            return b""
        found = self._read(offset, length)
        while found and len(found) < length:  # one call may bring less than there is
            more = self._read(offset + len(found), length - len(found))
            if not more:
                break
            found += more
        return found

    def _read(self, offset: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, length, offset)
        with self._lock:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, length)

    def stat(self) -> os.stat_result:
        """Return what the system knows of the file."""
        return os.fstat(self._descriptor)
