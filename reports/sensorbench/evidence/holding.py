"""Files that are written for hours: nobody else writes them, and they stay in their place."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO

from sensorbench.core.errors import BenchError

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


def hold(file: IO[bytes], path: Path) -> None:
    """Keep an open file for this program, until it is closed. Raises BenchError, and closes it.

    Windows and some file servers have no such lock; there a second writer is noticed by the size.
    """
    try:
        import fcntl  # noqa: PLC0415 - POSIX only
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BenchError(
            f"{path}: another program writes this run. Nothing was changed; wait for it or stop it"
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            file.close()
            raise


def lost(path: Path, why: str) -> OSError:
    """Return the error of evidence that can't be kept any more: the machine's, no device's."""
    return OSError(errno.EIO, why, str(path))


def why_lost(file: IO[bytes], path: Path) -> str:
    """Return in words why an open file can't be found by its path any more, "" where it can.

    Windows lets nobody take away a file that is open.
    """
    if os.name != "posix":
        return ""
    here = os.fstat(file.fileno())
    if not here.st_nlink:
        return "was deleted"
    try:
        there = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "was moved or deleted, or a folder above it, or its disk is gone"
    except OSError as error:
        return f"can't be reached any more: {error.strerror or error}"
    # Some file servers give a file new numbers: it is another one where its length differs, too.
    if not os.path.samestat(here, there) and here.st_size != there.st_size:
        return "was replaced by another file"
    return ""
