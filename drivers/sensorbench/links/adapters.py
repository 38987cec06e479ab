"""The kinds of I2C adapters that station.toml may name: the one place that knows all of them.

A kind more is a class as `UsbI2cBus` and a row here; locks, `check` and the scan read the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol

from sensorbench.links import ft232h, mcp2221
from sensorbench.links.ft232h import Ft232hI2cBus
from sensorbench.links.i2c import I2cBus, LinuxI2cBus
from sensorbench.links.i2c_limits import Limits
from sensorbench.links.mcp2221 import Mcp2221I2cBus
from sensorbench.links.usb_i2c import Plugged, UsbI2cBus

if TYPE_CHECKING:
    from typing import Self


class OpenAdapter(I2cBus, Protocol):
    """An adapter that is open, and given back by `close`."""

    @property
    def can_send_address_alone(self) -> bool:
        """Return whether it can write no byte at all, which is how a bus is probed."""
        ...

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Adapter:
    """A kind of adapter.

    `key` of its table in station.toml says which one, as `example`; `open` takes that and the
    speed in Hz. `plugged` lists those at USB, whose vendor and product are `usb`. `module` is the
    library of the extra that it needs, "" where it needs none.
    """

    kind: str
    title: str
    key: Literal["device", "serial"]
    example: str
    limits: Limits
    open: Callable[[str, float], OpenAdapter]
    plugged: Callable[[], list[Plugged]]
    usb: tuple[int, int] | None = None
    module: str = ""

    @property
    def needs_key(self) -> bool:
        """Return whether `key` must be written: a serial number may be left out where it is one."""
        return self.key == "device"

    def missing(self) -> str:
        """Return how to install the library that it needs, "" where it is there."""
        if not self.module or find_spec(self.module) is not None:
            return ""
        return (
            f"a {self.title} needs the package {self.module}, which is not installed: "
            f"pip install 'sensorbench[{self.kind}]'"
        )


def _at_usb(made: type[UsbI2cBus], usb: tuple[int, int], module: str) -> Adapter:
    return Adapter(
        made.KIND, made.TITLE, "serial", "0001234567", made.LIMITS, made, made.plugged, usb, module
    )


_LINUX = Adapter(
    "linux", "Linux adapter", "device", "/dev/i2c-1",
    Limits(8192, 8192),  # i2c-dev.c refuses longer messages; the rest is its driver's
    # Its speed is the kernel's: the device tree or the module's own parameter says it.
    lambda device, _: LinuxI2cBus(device), list,
)  # fmt: skip

ADAPTERS = {
    adapter.kind: adapter
    for adapter in (
        _LINUX,
        _at_usb(Mcp2221I2cBus, (mcp2221.VENDOR, mcp2221.PRODUCT), "EasyMCP2221"),
        _at_usb(Ft232hI2cBus, (ft232h.VENDOR, ft232h.PRODUCT), "pyftdi"),
    )
}
