"""I2C as one primitive: `transfer` writes, then reads with a repeated start.

`LinuxI2cBus` does it through smbus2, `SimulatedI2cBus` with twins. Drivers know only `I2cBus`.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sensorbench.core.errors import LinkClosed, LinkTimeout, NotAcknowledged, TransportError
from sensorbench.core.provenance import Provenance

if TYPE_CHECKING:
    from typing import Self


class I2cBus(Protocol):
    """What a driver needs of a bus. `lock` is held by whoever needs transfers in one piece."""

    name: str
    provenance: Provenance
    lock: threading.RLock

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        """Write `write` to the 7-bit `address`, then read `read_length` bytes without a stop.

        Raises NotAcknowledged if nobody answers, LinkTimeout if the bus is held,
        TransportError for anything else that kept the bytes from travelling.
        """
        ...


class I2cTarget(Protocol):
    """A twin as the bus sees it. Either call raises NotAcknowledged where the part would NACK."""

    def receive(self, data: bytes) -> None:
        """Take the bytes of one write."""
        ...

    def send(self, length: int) -> bytes:
        """Give the bytes of one read; exactly `length` of them."""
        ...


class I2cSwitch(I2cTarget, Protocol):
    """A multiplexer's twin: a target that passes addresses on to what hangs behind it."""

    def reach(self, address: int) -> list[I2cTarget]:
        """Return the targets at `address` behind the channels that are switched on."""
        ...


class SimulatedI2cBus:
    """A bus of twins. Two parts on one address both answer, and pull the lines low together."""

    provenance = Provenance.SIMULATED

    def __init__(self, name: str = "simulated") -> None:
        self.name = name
        self.lock = threading.RLock()
        self._targets: dict[int, I2cTarget] = {}
        self._switches: list[I2cSwitch] = []

    @property
    def targets(self) -> Mapping[int, I2cTarget]:
        """Return what is directly on the bus, by address."""
        return self._targets

    def attach(self, address: int, target: I2cTarget) -> None:
        """Put a twin on the bus. Raises ValueError where the address is taken or reserved."""
        if not 0x08 <= address <= 0x77:
            raise ValueError(f"{address:#04x} is reserved by the I2C specification (0x08 to 0x77)")
        if address in self._targets:
            raise ValueError(f"{address:#04x} on {self.name} is taken")
        self._targets[address] = target

    def attach_switch(self, address: int, switch: I2cSwitch) -> None:
        """Put a multiplexer's twin on the bus."""
        self.attach(address, switch)
        self._switches.append(switch)

    def reach(self, address: int) -> list[I2cTarget]:
        """Return every target that would acknowledge `address` now."""
        own = self._targets.get(address)
        found = [own] if own is not None else []
        for switch in self._switches:
            found += switch.reach(address)
        return found

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        with self.lock:
            found = self.reach(address)
            if not found:
                raise NotAcknowledged(f"{self.name}: nothing acknowledged address {address:#04x}")
            if write or not read_length:
                for target in found:
                    target.receive(write)
            if not read_length:
                return b""
            reply = found[0].send(read_length)
            for target in found[1:]:
                reply = bytes(a & b for a, b in zip(reply, target.send(read_length), strict=True))
            return reply


_ERRNO_NACK = {errno.EREMOTEIO, errno.ENXIO} if hasattr(errno, "EREMOTEIO") else {errno.ENXIO}


class LinuxI2cBus:
    """An I2C adapter of the Linux kernel, /dev/i2c-N, through smbus2."""

    provenance = Provenance.HARDWARE

    def __init__(self, device: str) -> None:
        from smbus2 import SMBus, i2c_msg  # noqa: PLC0415 - only Linux has it

        self.name = device
        self.lock = threading.RLock()
        self._message = i2c_msg
        try:
            self._bus: Any = SMBus(device)
        except OSError as error:
            raise LinkClosed(
                f"{device} can't be opened: {error.strerror}. Is the adapter plugged in, "
                "is the module i2c-dev loaded, may this user access it (group i2c)?"
            ) from error

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        messages = []
        if write or not read_length:
            messages.append(self._message.write(address, write))
        if read_length:
            messages.append(self._message.read(address, read_length))
        try:
            with self.lock:
                self._bus.i2c_rdwr(*messages)
        except OSError as error:
            raise _named(error, self.name, address) from error
        return bytes(messages[-1]) if read_length else b""

    def close(self) -> None:
        """Give the adapter back."""
        self._bus.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _named(error: OSError, bus: str, address: int) -> TransportError:
    """Return the error of ours that the kernel's errno means (Documentation/i2c/fault-codes)."""
    where = f"{bus}, address {address:#04x}"
    if error.errno in _ERRNO_NACK:
        return NotAcknowledged(f"{where}: not acknowledged. Is the part in its socket and powered?")
    if error.errno == errno.ETIMEDOUT:
        return LinkTimeout(f"{where}: the bus is held (time-out). Power-cycle the part on it.")
    return TransportError(f"{where}: {error.strerror or error}")
