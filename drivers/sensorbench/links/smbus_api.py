"""smbus2's SMBus class over any of our buses: other people's drivers run on twins unchanged.

Source: smbus2 0.6 (methods, ranges, ValueErrors), Linux Documentation/i2c/smbus-protocol.rst
(what each call puts on the wire) and fault-codes.rst (the errno of the OSErrors).
"""

# ruff: noqa: ARG002 - smbus2's methods take a `force` that a simulated bus has no use for

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sensorbench.core.errors import BenchError, LinkTimeout, NotAcknowledged
from sensorbench.links.i2c import (
    EINVAL,
    EIO,
    EOPNOTSUPP,
    EREMOTEIO,
    ETIMEDOUT,
    CombiningBus,
    I2cBus,
    Message,
)

if TYPE_CHECKING:
    from typing import Self

ENOENT, EBADF, EPROTO = 2, 9, 71
BLOCK_MAX = 32
MESSAGES_MAX, MESSAGE_BYTES_MAX = 42, 8192  # linux/i2c-dev.h and i2c-dev.c
# I2C_FUNC_I2C, I2C_FUNC_SMBUS_EMUL without packet error checking, both kinds of block reads.
FUNCS = 0x0000_0001 | 0x0EFF_0000 | 0x0100_0000 | 0x0000_8000
_READ = 0x0001  # I2C_M_RD
_TEXT = {
    ENOENT: "No such file or directory",
    EIO: "Input/output error",
    EBADF: "Bad file descriptor",
    EINVAL: "Invalid argument",
    EPROTO: "Protocol error",
    EOPNOTSUPP: "Operation not supported",
    ETIMEDOUT: "Connection timed out",
    EREMOTEIO: "Remote I/O error",
}


class SimulatedSMBus:
    """What smbus2.SMBus is, on `bus`. Every call raises OSError with the errno that Linux gives.

    Packet error checking is not modelled and refused. SMBus block reads ask the part for 33
    bytes, as the length is only known once they have arrived.
    """

    def __init__(self, bus: I2cBus | None = None, force: bool = False) -> None:
        self.fd: int | None = None
        self.funcs = 0
        self.force = force
        self._bus: I2cBus | None = None
        if bus is not None:
            self.open(bus)

    def open(self, bus: I2cBus) -> None:
        """Use this bus from now on."""
        self._bus = bus
        self.fd = 1
        self.funcs = FUNCS

    def close(self) -> None:
        """Leave the bus. Closing twice is fine."""
        self._bus = self.fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pec(self) -> int:
        """Return 0: packet error checking is off."""
        return 0

    @pec.setter
    def pec(self, enable: bool) -> None:
        self.enable_pec(enable)

    def enable_pec(self, enable: bool = True) -> None:
        """Refuse packet error checking, as smbus2 does on adapters that can't do it."""
        if enable:
            raise OSError("SMBUS_PEC is not a feature")

    # Names, argument order and the unused `force` of the calls below are smbus2's.

    def write_quick(self, i2c_addr: int, force: bool | None = None) -> None:
        self._transfer(i2c_addr, b"")

    def read_byte(self, i2c_addr: int, force: bool | None = None) -> int:
        return self._transfer(i2c_addr, b"", 1)[0]

    def write_byte(self, i2c_addr: int, value: int, force: bool | None = None) -> None:
        self._transfer(i2c_addr, _bytes(value))

    def read_byte_data(self, i2c_addr: int, register: int, force: bool | None = None) -> int:
        return self._transfer(i2c_addr, _bytes(register), 1)[0]

    def write_byte_data(
        self, i2c_addr: int, register: int, value: int, force: bool | None = None
    ) -> None:
        self._transfer(i2c_addr, _bytes(register, value))

    def read_word_data(self, i2c_addr: int, register: int, force: bool | None = None) -> int:
        return int.from_bytes(self._transfer(i2c_addr, _bytes(register), 2), "little")

    def write_word_data(
        self, i2c_addr: int, register: int, value: int, force: bool | None = None
    ) -> None:
        self._transfer(i2c_addr, _bytes(register, value, value >> 8))

    def process_call(
        self, i2c_addr: int, register: int, value: int, force: bool | None = None
    ) -> int:
        reply = self._transfer(i2c_addr, _bytes(register, value, value >> 8), 2)
        return int.from_bytes(reply, "little")

    def read_block_data(self, i2c_addr: int, register: int, force: bool | None = None) -> list[int]:
        return _block(self._transfer(i2c_addr, _bytes(register), 1 + BLOCK_MAX))

    def write_block_data(
        self, i2c_addr: int, register: int, data: Sequence[int], force: bool | None = None
    ) -> None:
        _check_length(data)
        self._transfer(i2c_addr, _bytes(register, len(data), *data))

    def block_process_call(
        self, i2c_addr: int, register: int, data: Sequence[int], force: bool | None = None
    ) -> list[int]:
        _check_length(data)
        write = _bytes(register, len(data), *data)
        return _block(self._transfer(i2c_addr, write, 1 + BLOCK_MAX))

    def read_i2c_block_data(
        self, i2c_addr: int, register: int, length: int, force: bool | None = None
    ) -> list[int]:
        if length > BLOCK_MAX:
            raise ValueError(f"Desired block length over {BLOCK_MAX} bytes")
        return list(self._transfer(i2c_addr, _bytes(register), length))

    def write_i2c_block_data(
        self, i2c_addr: int, register: int, data: Sequence[int], force: bool | None = None
    ) -> None:
        _check_length(data)
        self._transfer(i2c_addr, _bytes(register, *data))

    def i2c_rdwr(self, *i2c_msgs: Any) -> None:
        """Do smbus2.i2c_msg messages between one start and one stop.

        A bus that can't combine more does a write and a read of one address without a stop between.
        """
        if not 0 < len(i2c_msgs) <= MESSAGES_MAX:
            raise _error(EINVAL)
        for message in i2c_msgs:
            if message.len > MESSAGE_BYTES_MAX:
                raise _error(EINVAL)
            if message.flags & ~_READ:
                raise _error(EOPNOTSUPP)
        pairs = list(_pairs(i2c_msgs))
        messages = [
            Message(address, write, 0 if read is None else read.len)
            for address, write, read in pairs
        ]
        for (_, _, read), reply in zip(pairs, self._combine(messages), strict=True):
            if read is not None:
                ctypes.memmove(read.buf, reply, len(reply))

    def _combine(self, messages: Sequence[Message]) -> list[bytes]:
        bus = self._open_bus
        if any(not 0 <= message.address <= 0x7F for message in messages):
            raise _error(EINVAL)
        with _as_oserror():
            if isinstance(bus, CombiningBus):
                return bus.combine(messages)
            with bus.lock:
                return [bus.transfer(m.address, m.write, m.read_length) for m in messages]

    @property
    def _open_bus(self) -> I2cBus:
        if self._bus is None:
            raise _error(EBADF)
        return self._bus

    def _transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        if not 0 <= address <= 0x7F:
            raise _error(EINVAL)
        bus = self._open_bus
        with _as_oserror():
            return bus.transfer(address, write, read_length)


def simulated_smbus_class(buses: Mapping[int | str, I2cBus]) -> type[SimulatedSMBus]:
    """Return a class to put in the place of smbus2.SMBus, for programs that do SMBus(1).

    A number N in `buses` is the bus that programs open as N or as "/dev/i2c-N".
    """
    by_path = {_path(key): bus for key, bus in buses.items()}

    class SMBus(SimulatedSMBus):
        def open(self, bus: I2cBus | int | str) -> None:
            if not isinstance(bus, int | str):
                raise TypeError(f"Unexpected type(bus)={type(bus)}")
            path = _path(bus)
            if path not in by_path:
                raise OSError(ENOENT, _TEXT[ENOENT], path)
            super().open(by_path[path])

    return SMBus


def _path(bus: int | str) -> str:
    return f"/dev/i2c-{bus}" if isinstance(bus, int) else bus


def _bytes(*values: int) -> bytes:
    """Cut the values to a byte each, as the kernel's structures do."""
    return bytes(value & 0xFF for value in values)


def _check_length(data: Sequence[int]) -> None:
    if len(data) > BLOCK_MAX:
        raise ValueError(f"Data length cannot exceed {BLOCK_MAX} bytes")


def _block(reply: bytes) -> list[int]:
    """Return the bytes behind their count. Raises OSError for a count that SMBus forbids."""
    if not 0 < reply[0] <= BLOCK_MAX:
        raise _error(EPROTO)
    return list(reply[1 : 1 + reply[0]])


def _pairs(messages: Iterable[Any]) -> Iterator[tuple[int, bytes, Any | None]]:
    """Join each write with a read of the same address that follows it."""
    waiting: Any | None = None
    for message in messages:
        if waiting is not None and (not message.flags & _READ or message.addr != waiting.addr):
            yield waiting.addr, bytes(waiting), None
            waiting = None
        if message.flags & _READ:
            yield message.addr, b"" if waiting is None else bytes(waiting), message
            waiting = None
        else:
            waiting = message
    if waiting is not None:
        yield waiting.addr, bytes(waiting), None


@contextlib.contextmanager
def _as_oserror() -> Iterator[None]:
    try:
        yield
    except NotAcknowledged as error:
        raise _error(EREMOTEIO) from error
    except LinkTimeout as error:
        raise _error(ETIMEDOUT) from error
    except (BenchError, NotImplementedError) as error:
        # A twin of somebody else's may refuse what it does not model: a kernel has no such word.
        raise _error(EIO) from error


def _error(number: int) -> OSError:
    return OSError(number, _TEXT[number])
