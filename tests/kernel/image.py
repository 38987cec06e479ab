"""A Linux that fits into memory: Debian's kernel, busybox, and the modules that a test needs."""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# The port is a shell for the tests; the kernel's own messages go to the serial console.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
while [ ! -e /dev/vport0p1 ]; do sleep 0.1; done
exec sh <>/dev/vport0p1 >&0 2>&1 -c 'echo guest is up; exec sh'
"""


class NotThereError(Exception):
    """The machine lacks what a guest is made of; the text says what, and how to get it."""


@dataclass(frozen=True, slots=True)
class Debian:
    """A folder of unpacked Debian packages: a kernel's image and busybox-static."""

    root: Path

    @property
    def kernel(self) -> Path:
        """Return the newest kernel's image. Raises NotThereError where there is none."""
        found = sorted((self.root / "boot").glob("vmlinuz-*"), key=_version)
        if not found:
            raise NotThereError(f"{self.root}/boot has no vmlinuz-*: unpack a linux-image package")
        return found[-1]

    @property
    def release(self) -> str:
        """Return what `uname -r` says of it."""
        return self.kernel.name.partition("-")[2]

    @property
    def busybox(self) -> Path:
        """Return busybox. Raises NotThereError where there is none."""
        for folder in ("bin", "usr/bin"):
            if (self.root / folder / "busybox").is_file():
                return self.root / folder / "busybox"
        raise NotThereError(f"{self.root} has no busybox: unpack the package busybox-static")

    def modules(self) -> dict[str, Path]:
        """Return the kernel's modules by name, with `_` for `-` as in the kernel's own lists."""
        for folder in ("lib/modules", "usr/lib/modules"):
            found = self.root / folder / self.release
            if found.is_dir():
                return {_name(path): path for path in found.rglob("*.ko*")}
        raise NotThereError(f"{self.root} has no modules of {self.release}")


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path.name))


def _name(path: Path) -> str:
    return path.name.partition(".")[0].replace("-", "_")


def _code(module: Path) -> bytes:
    return lzma.decompress(module.read_bytes()) if module.suffix == ".xz" else module.read_bytes()


def _needed(code: bytes) -> list[str]:
    """Return which modules a module says it needs: an entry of its section .modinfo."""
    found = re.search(rb"\0depends=([^\0]*)\0", code)
    names = found[1].decode("ascii") if found else ""
    return [name.replace("-", "_") for name in names.split(",") if name]


def in_order(modules: Mapping[str, Path], wanted: Iterable[str]) -> dict[str, bytes]:
    """Return the code of the wanted modules and of what they need, that first.

    What is built into the kernel is no module of it and is left out.
    """
    found: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in found or name not in modules:
            return
        code = _code(modules[name])
        for needed in _needed(code):
            add(needed)
        found[name] = code

    for name in wanted:
        add(name.replace("-", "_"))
    return found


def _archive(files: Mapping[str, tuple[int, bytes]]) -> Iterator[bytes]:
    """Make a cpio archive, by path the mode and content: format newc, in cpio(5)."""
    for number, (path, (mode, data)) in enumerate([*files.items(), ("TRAILER!!!", (0, b""))], 1):
        name = path.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (number, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        yield head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def make(debian: Debian, wanted: Iterable[str], where: Path) -> Path:
    """Write the initial file system into `where` and return it; its modules are loaded at boot."""
    modules = in_order(debian.modules(), wanted)
    program, text, folder = stat.S_IFREG | 0o755, stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
    files = dict.fromkeys(("bin", "dev", "proc", "sys", "modules"), (folder, b""))
    files["init"] = (program, INIT.encode())
    files["bin/busybox"] = (program, debian.busybox.read_bytes())
    files["modules/order"] = (text, "\n".join(f"{name}.ko" for name in modules).encode())
    files |= {f"modules/{name}.ko": (text, code) for name, code in modules.items()}
    image = where / "initramfs.gz"
    image.write_bytes(gzip.compress(b"".join(_archive(files)), compresslevel=1))
    return image


def qemu() -> str:
    """Return QEMU's program. Raises NotThereError where it is not installed."""
    found = shutil.which("qemu-system-x86_64")
    if found is None:
        raise NotThereError("qemu-system-x86_64 is not installed: apt-get install qemu-system-x86")
    return found
