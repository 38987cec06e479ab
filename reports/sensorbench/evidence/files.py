"""Files that survive a power cut: written, flushed to the disk, and never rewritten in place."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import IO

PART = ".part"
"""How a file is called that was not written whole; what is there of it counts for nothing."""
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES, errno.EINVAL}


def write_new(path: Path, data: bytes) -> None:
    """Create the file `path` with `data`, on the disk when this returns.

    Whenever the program or the power goes, the file is there whole or not at all. Raises
    FileExistsError where there is one: evidence is never overwritten.
    """
    name = hashlib.sha256(path.name.encode()).hexdigest()[:16]
    part = path.with_name(f".{name}{PART}")
    with part.open("wb") as file:
        file.write(data)
        sync(file)
    try:
        _name(part, path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def _name(part: Path, path: Path) -> None:
    """Give a file its name, unless there is one of that name."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # FAT and some file servers have no links.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        part.replace(path)


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
