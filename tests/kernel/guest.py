"""A Linux in QEMU with a USB-I2C adapter, and what is asked of it: its sysfs, by a shell."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sensorbench.links.ready import ready

from .image import Debian, make, qemu

if TYPE_CHECKING:
    from typing import Self

_DEADLINE_S = 60.0
_END = "-- done "
# Without them there is no adapter; `i2c_tiny_usb` is the driver of the one that is plugged in.
ADAPTER = ("virtio_pci", "virtio_console", "uhci_hcd", "i2c_dev", "i2c_tiny_usb", "iio_trig_sysfs")


class Guest:
    """A guest that is up. `port` is where an adapter waits to be plugged in."""

    def __init__(self, debian: Debian, modules: Sequence[str], port: int, where: Path) -> None:
        self.modules = set(debian.modules())
        self._console = where / "console.log"
        image = make(debian, (*ADAPTER, *modules), where)
        # Without KVM: on a machine that is virtual itself it may be slower, or absent.
        self._qemu = subprocess.Popen(
            [
                qemu(), "-accel", "tcg", "-cpu", "max", "-m", "256",
                "-nodefaults", "-no-reboot", "-display", "none",
                "-kernel", str(debian.kernel), "-initrd", str(image),
                "-append", "console=ttyS0 panic=-1 quiet loglevel=5",
                "-serial", f"file:{self._console}", "-chardev", "stdio,id=shell",
                "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=shell",
                "-usb", "-chardev", f"socket,id=i2c,host=127.0.0.1,port={port}",
                "-device", "usb-redir,chardev=i2c",
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._heard = ""
        try:
            self._until("guest is up")
            self.adapter = self._find_adapter()
        except BaseException:
            self.close()
            raise

    def _find_adapter(self) -> str:
        deadline_s = time.monotonic() + _DEADLINE_S
        while time.monotonic() < deadline_s:
            for name in self.run("ls /sys/bus/i2c/devices").split():
                folder = f"/sys/bus/i2c/devices/{name}"
                if "tiny-usb" in self.run(f"cat {folder}/name"):
                    return folder
            time.sleep(0.1)
        raise AssertionError(f"no adapter came up;\n{self.log()}")

    def _until(self, end: str) -> str:
        assert self._qemu.stdout is not None
        deadline_s = time.monotonic() + _DEADLINE_S
        while end not in self._heard:
            left_s = deadline_s - time.monotonic()
            more = b""
            if left_s > 0 and ready([self._qemu.stdout.fileno()], timeout_s=left_s):
                more = os.read(self._qemu.stdout.fileno(), 65536)
            if not more:
                raise AssertionError(f"no {end!r} of the guest but {self._heard!r};\n{self.log()}")
            self._heard += more.decode()
        before, _, self._heard = self._heard.partition(end)
        return before

    def log(self) -> str:
        """Return what the kernel wrote on its console."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def run(self, command: str) -> str:
        """Return what a command of the shell prints. Raises OSError where it fails."""
        assert self._qemu.stdin is not None
        self._qemu.stdin.write(f"{command}\necho '{_END}'$?.\n".encode())
        self._qemu.stdin.flush()
        said = self._until(_END)
        code = self._until(".").strip()
        if code != "0":
            raise OSError(f"{command}: {said.strip()} (code {code})\n{self.log()[-2000:]}")
        return said

    @contextmanager
    def device(self, driver: str, address: int, adapter: str = "") -> Iterator[Device]:
        """Say to the kernel that a part is on an adapter, as a board's description would."""
        folder = adapter or self.adapter
        self.run(f"echo {driver} {address:#04x} > {folder}/new_device")
        number = folder.rpartition("-")[2]
        try:
            yield Device(self, f"/sys/bus/i2c/devices/{number}-{address:04x}")
        finally:
            self.run(f"echo {address:#04x} > {folder}/delete_device")

    def scan(self, adapter: str = "") -> set[int]:
        """Return the addresses that acknowledge on an adapter."""
        number = (adapter or self.adapter).rpartition("-")[2]
        table = self.run(f"i2cdetect -y {number}").splitlines()[1:]
        cells = [cell for row in table for cell in row.partition(":")[2].split()]
        return {int(cell, 16) for cell in cells if cell not in ("--", "UU")}

    def close(self) -> None:
        """Pull the plug."""
        self._qemu.kill()
        self._qemu.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Device:
    """A part that a driver of the kernel has, as its attributes in sysfs."""

    def __init__(self, guest: Guest, path: str) -> None:
        self._guest = guest
        self.path = path

    def nodes(self, kind: str = "iio") -> list[str]:
        """Return the folders of what the driver made: `iio:device0`, `hwmon0`. OSError if none."""
        folders = {"iio": f"{self.path}/iio:device*", "hwmon": f"{self.path}/hwmon/hwmon*"}
        return self._guest.run(f"ls -d {folders[kind]}").split()

    def node(self, kind: str = "iio", name: str = "") -> Node:
        """Return the one whose name ends so, or the only one."""
        nodes = [Node(self._guest, path) for path in self.nodes(kind)]
        (found,) = (node for node in nodes if not name or node.text("name").endswith(name))
        return found


class Node:
    """An IIO or hwmon device: attributes by their names in sysfs."""

    def __init__(self, guest: Guest, path: str) -> None:
        self._guest = guest
        self.path = path

    def text(self, name: str) -> str:
        """Return an attribute as it is written. Raises OSError where the driver fails."""
        return self._guest.run(f"cat {self.path}/{name}").strip()

    def number(self, name: str) -> float:
        """Return an attribute that is one number."""
        return float(self.text(name))

    def numbers(self, name: str) -> list[float]:
        """Return an attribute that is several numbers: what can be had of another one."""
        return [float(number) for number in self.text(name).strip("[]").split()]

    def set(self, name: str, value: object) -> None:
        """Write an attribute. Raises OSError where the driver refuses."""
        self._guest.run(f"echo {shlex.quote(str(value))} > {self.path}/{name}")

    def value(self, channel: str) -> float:
        """Return a channel in its unit of sysfs: what is an input, or (raw + offset) x scale."""
        if f"{channel}_input" in self.names():
            return self.number(f"{channel}_input")
        return self.scaled(channel, self.number(f"{channel}_raw"))

    def scaled(self, channel: str, raw: float) -> float:
        """Return what raw counts of a channel are (Linux, ABI/testing/sysfs-bus-iio)."""
        names, shared = self.names(), channel.rpartition("_")[0]
        found = {"offset": 0.0, "scale": 1.0}
        for kind in found:
            for name in (f"{channel}_{kind}", f"{shared}_{kind}"):
                if name in names:
                    found[kind] = self.number(name)
                    break
        return (raw + found["offset"]) * found["scale"]

    def names(self) -> list[str]:
        """Return the names of its attributes."""
        return self._guest.run(f"ls {self.path}").split()
