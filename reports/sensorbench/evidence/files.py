"""Files that survive a power cut: written, flushed to the disk, and never rewritten in place."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
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
    # A power cut may have left it as a second name of the file itself: never written through it.
    part.unlink(missing_ok=True)
    with part.open("xb") as file:
        file.write(data)
        sync(file)
    try:
        _name(part, path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_over(path: Path, data: bytes, mode: int | None = None) -> None:
    """Put `data` in place of what the file `path` held, on the disk when this returns.

    Whenever the program or the power goes, the file is there as it was before or as it is now.
    `mode` are its permissions, where they are not the usual ones.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as file:
            file.write(data)
            if mode is not None:
                draft.chmod(mode)
            sync(file)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def make_folder(folder: Path, exist_ok: bool = True) -> None:
    """Make a folder, and those above it that are missing, all on the disk when this returns.

    Raises FileExistsError where it is there already and must not be.
    """
    above = folder.absolute().parents
    missing = [one for one in above if not one.exists()]
    folder.mkdir(parents=True, exist_ok=exist_ok)
    for made in (*reversed(missing), folder.absolute()):
        sync_folder(made.parent)
    with suppress(OSError):  # of a program that was killed; whose it is, one may not read it
        sync_folder(above[min(len(missing), len(above) - 1)].parent)


def sync_tree(root: Path) -> None:
    """Bring a folder and all in it to the disk: a program that was killed may not have done so."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                with path.open("rb" if os.name == "posix" else "r+b") as file:
                    os.fsync(file.fileno())
        sync_folder(Path(folder))
    sync_folder(root.absolute().parent)


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
