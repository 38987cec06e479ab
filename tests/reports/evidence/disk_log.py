"""A disk that keeps a log of what reached it: every write, and every flush, in order.

It is a file that this program serves by FUSE, and that a loop device makes a disk of: what a file
system does there is the file system's own. From the log come the disks that a power cut may leave:
all until the last flush, and of what was written since any part, in any order, sector by sector.

Source: include/uapi/linux/fuse.h, protocol 7.31. Needs root, /dev/fuse and a loop device.
"""

from __future__ import annotations

import errno
import gc
import os
import pickle
import random
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

SECTOR = 512
_HEAD, _REPLY = struct.Struct("<IIQQIIIHH"), struct.Struct("<IiQ")
_DISK = 2


class _Asks(IntEnum):
    LOOKUP, FORGET, GETATTR = 1, 2, 3
    OPEN, READ, WRITE, STATFS, RELEASE = 14, 15, 16, 17, 18
    FSYNC, FLUSH, INIT, BATCH_FORGET = 20, 25, 26, 42


Entry = tuple[int, bytes] | str
"""A write, `flush`, or a mark by its name."""


class _Server:
    """Serves one file, `disk`; looking up any other name is a mark in the log."""

    def __init__(self, file: int, size: int) -> None:
        self.file, self.disk = file, bytearray(size)
        self.log: list[Entry] = []

    def serve(self) -> None:
        """Answer until it is unmounted."""
        while True:
            try:
                request = os.read(self.file, 1 << 20)
            except OSError:
                return
            _, opcode, unique, node, *_ = _HEAD.unpack_from(request)
            if opcode in {_Asks.FORGET, _Asks.BATCH_FORGET}:
                continue
            error, reply = self._answer(opcode, node, request[_HEAD.size :])
            os.write(self.file, _REPLY.pack(_REPLY.size + len(reply), -error, unique) + reply)

    def _answer(self, opcode: int, node: int, body: bytes) -> tuple[int, bytes]:
        match opcode:
            case _Asks.INIT:
                return 0, struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 12, 9, 1 << 17, 1, 32, 0, 0)
            case _Asks.LOOKUP:
                name = body.rstrip(b"\0").decode()
                if name != "disk":
                    self.log.append(name)
                    return errno.ENOENT, b""
                return 0, struct.pack("<QQQQII", _DISK, 0, 0, 0, 0, 0) + self._attributes(_DISK)
            case _Asks.GETATTR:
                return 0, struct.pack("<QII", 0, 0, 0) + self._attributes(node)
            case _Asks.OPEN:
                return 0, struct.pack("<QII", 1, 1, 0)  # direct: nothing of it is cached
            case _Asks.READ:
                _, offset, size = struct.unpack_from("<QQI", body)
                return 0, bytes(self.disk[offset : offset + size])
            case _Asks.WRITE:
                _, offset, size = struct.unpack_from("<QQI", body)
                data = body[40 : 40 + size]
                self.disk[offset : offset + size] = data
                self.log.append((offset, data))
                return 0, struct.pack("<II", size, 0)
            case _Asks.STATFS:
                return 0, bytes(80)
            case _Asks.FSYNC:
                self.log.append("flush")
                return 0, b""
            case _Asks.RELEASE | _Asks.FLUSH:
                return 0, b""
        return errno.ENOSYS, b""

    def _attributes(self, node: int) -> bytes:
        mode = (stat.S_IFREG if node == _DISK else stat.S_IFDIR) | 0o600
        size = len(self.disk)
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // SECTOR, *[0] * 6, mode,
                           1, 0, 0, 0, 4096, 0)  # fmt: skip


def _serve(where: str, log: str, size: int) -> None:
    file = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={file},rootmode=40000,user_id=0,group_id=0"
    subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "disklog", where], check=True,
                   pass_fds=[file])  # fmt: skip
    server = _Server(file, size)
    server.serve()
    Path(log).write_bytes(pickle.dumps(server.log))


def _run(*words: object) -> str:
    done = subprocess.run([*map(str, words)], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@contextmanager
def mounted(image: Path, where: Path, options: str = "") -> Iterator[Path]:
    """Mount a disk, as a machine does that starts again; its journal is replayed."""
    where.mkdir(exist_ok=True)
    loop = _run("losetup", "--show", "-f", image)
    try:
        _run("mount", *(["-o", options] if options else []), loop, where)
        try:
            yield where
        finally:
            gc.collect()  # what failed may keep files open
            if subprocess.run(["umount", where], check=False, capture_output=True).returncode:
                _run("umount", "-l", where)
    finally:
        _run("losetup", "-d", loop)


@dataclass
class Disk:
    """A disk under way: where it is mounted, and its log once it no longer is."""

    here: Path
    marks: Path
    log: list[Entry]

    def mark(self, number: int) -> None:
        """Put a mark in the log."""
        assert not (self.marks / f"mark-{number}").exists()


@contextmanager
def logged(top: Path, size: int, make: list[str], options: str = "") -> Iterator[Disk]:
    """Make a file system on a disk that keeps a log, and mount it. The log begins then."""
    served, log, where = top / "served", top / "log", top / "mounted"
    served.mkdir(parents=True)
    server = subprocess.Popen([sys.executable, __file__, str(served), str(log), str(size)])
    while not served.is_mount():
        assert server.poll() is None
        time.sleep(0.01)
    disk = Disk(where, served, [])
    try:
        _run(*make, served / "disk")
        with mounted(served / "disk", where, options):
            _run("sync")
            disk.mark(0)
            yield disk
    finally:
        _run("umount", served)
        server.wait(60)
    disk.log = pickle.loads(log.read_bytes())  # noqa: S301 - of our own


def after_power_cut(
    log: list[Entry], at: int, chance: random.Random, more: int
) -> Iterator[list[tuple[int, bytes]]]:
    """Give what a disk may have of the first `at` entries: all, the flushed, `more` by chance."""
    done = log[:at]
    flushed = max((n for n, entry in enumerate(done) if entry == "flush"), default=-1)
    sure = [entry for entry in done[: flushed + 1] if not isinstance(entry, str)]
    pending = [entry for entry in done[flushed + 1 :] if not isinstance(entry, str)]
    yield sure + pending
    if not pending:
        return
    yield sure
    sectors = [
        (offset + n, data[n : n + SECTOR])
        for offset, data in pending
        for n in range(0, len(data), SECTOR)
    ]
    for _ in range(more):
        if chance.random() < 0.5:
            yield sure + [entry for entry in pending if chance.random() < 0.5]
        else:
            yield sure + [entry for entry in sectors if chance.random() < 0.5]


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
