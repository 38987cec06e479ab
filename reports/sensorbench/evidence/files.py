"""Files that survive a power cut: written, flushed to the disk, and never rewritten in place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO


def write_new(path: Path, data: bytes) -> None:
    """Create the file `path` with `data`, on the disk when this returns.

    Raises FileExistsError where there is one: evidence is never overwritten.
    """
    with path.open("xb") as file:
        file.write(data)
        sync(file)
    sync_folder(path.parent)


def sync(file: IO[bytes]) -> None:
    """Bring what was written to `file` to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the folder's entries to the disk; Windows does so by itself and has no call for it."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
