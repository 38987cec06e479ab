"""I2C as one primitive: `transfer` writes, then reads with a repeated start.

`LinuxI2cBus` does it through smbus2, `SimulatedI2cBus` with twins. Drivers know only `I2cBus`.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from sensorbench.core.deadline import Worker
from sensorbench.core.errors import LinkClosed, LinkTimeout, NotAcknowledged, TransportError
from sensorbench.core.provenance import Provenance

if TYPE_CHECKING:
    from typing import Self


class I2cBus(Protocol):
    """What a driver needs of a bus. `lock` is held by whoever needs transfers in one piece.

    `route` is the multiplexer and its channel that are switched on, None where that is not known;
    whoever switches sets it under the lock.
    """

    name: str
    provenance: Provenance
    lock: threading.RLock
    route: tuple[int, int] | None

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        """Write `write` to the 7-bit `address`, then read `read_length` bytes without a stop.

        Raises NotAcknowledged if nobody answers, LinkTimeout if the bus is held,
        TransportError for anything else that kept the bytes from travelling.
        """
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """A part of a combined transfer: written, then read, with no stop before the next."""

    address: int
    write: bytes
    read_length: int = 0


@runtime_checkable
class CombiningBus(I2cBus, Protocol):
    """A bus that can do several messages between one start and one stop."""

    def combine(self, messages: Sequence[Message]) -> list[bytes]:
        """Do `messages` with one stop after the last, and return what each of them read.

        Raises as `transfer` does; what came before the message that failed was done.
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


@runtime_checkable
class HearsGeneralCall(Protocol):
    """A twin that listens to address 0x00, as all at once may (UM10204, section 3.1.13)."""

    def general_call(self, data: bytes) -> None:
        """Take what everybody was sent; NotAcknowledged for what is not for this part."""
        ...


@runtime_checkable
class PullsAlert(Protocol):
    """A twin with an alert pin (SMBus 3.1, appendix A.2)."""

    def alert(self) -> int | None:
        """Return the bit that follows its address in its answer; None while it pulls nothing."""
        ...

    def alert_answered(self) -> None:
        """Let the pin go: its answer was the one that arrived."""
        ...


@runtime_checkable
class HoldsBus(Protocol):
    """A target that may hold a line of its bus low: then nothing travels there."""

    def holds_bus(self) -> bool:
        """Return whether it does so now."""
        ...


@runtime_checkable
class I2cSwitch(I2cTarget, Protocol):
    """A multiplexer's twin: a target that passes addresses on to what hangs behind it."""

    def reach(self, address: int) -> list[I2cTarget]:
        """Return the targets at `address` behind the channels that are switched on."""
        ...

    def everybody(self) -> Iterator[tuple[int, I2cTarget]]:
        """Return all targets behind the channels that are switched on, with their addresses."""
        ...


GENERAL_CALL, ALERT_RESPONSE = 0x00, 0x0C


class SimulatedI2cBus:
    """A bus of twins. Two parts on one address both answer, and pull the lines low together.

    General calls reach whoever hears them, and the lowest address of those that pull the alert
    answers at 0x0C. `stuck` is a fault: a line is held low, so that every transfer times out; a
    target that HoldsBus does the same.
    Buses of one world share its `lock`, as their twins share the world.
    """

    provenance = Provenance.SIMULATED

    def __init__(self, name: str = "simulated", lock: threading.RLock | None = None) -> None:
        self.name = name
        self.lock = threading.RLock() if lock is None else lock
        self.route: tuple[int, int] | None = None
        self.stuck = False
        self._targets: dict[int, I2cTarget] = {}
        self._switches: list[I2cSwitch] = []
        self._holders: list[HoldsBus] = []
        self._until_nack = 0

    @property
    def targets(self) -> Mapping[int, I2cTarget]:
        """Return what is directly on the bus, by address."""
        return self._targets

    def attach(self, address: int, target: I2cTarget) -> None:
        """Put a twin on the bus, a multiplexer's with all that hangs behind it.

        Raises ValueError where the address is taken or reserved.
        """
        if not 0x08 <= address <= 0x77:
            raise ValueError(f"{address:#04x} is reserved by the I2C specification (0x08 to 0x77)")
        if address in self._targets:
            raise ValueError(f"{address:#04x} on {self.name} is taken")
        self._targets[address] = target
        if isinstance(target, HoldsBus):
            self._holders.append(target)
        if isinstance(target, I2cSwitch):
            self._switches.append(target)

    def detach(self, address: int) -> None:
        """Take a twin off the bus, with what hangs behind it; one that is not there is fine."""
        gone: object = self._targets.pop(address, None)
        self._switches = [switch for switch in self._switches if switch is not gone]
        self._holders = [holder for holder in self._holders if holder is not gone]

    def attach_switch(self, address: int, switch: I2cSwitch) -> None:
        """Put a multiplexer's twin on the bus, as `attach` does."""
        self.attach(address, switch)

    def nack_transfer(self, number: int = 1) -> None:
        """Fault: the `number`-th transfer from now, the next one being 1, is not acknowledged."""
        self._until_nack = number

    def reach(self, address: int) -> list[I2cTarget]:
        """Return every target that would see `address` now. Raises LinkTimeout if stuck."""
        if self.stuck or any(holder.holds_bus() for holder in self._holders):
            raise LinkTimeout(f"{self.name} is stuck")
        own = self._targets.get(address)
        found = [own] if own is not None else []
        for switch in self._switches:
            found += switch.reach(address)
        return found

    def everybody(self) -> Iterator[tuple[int, I2cTarget]]:
        """Return every target that sees what is sent now, with its address."""
        yield from self._targets.items()
        for switch in self._switches:
            yield from switch.everybody()

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        with self.lock:
            try:
                found = self.reach(address)
                if len(found) == 1 and not self._until_nack:
                    return _exchange(found[0], write, read_length)
                return self._exchange(address, found, write, read_length)
            except NotAcknowledged as error:
                raise not_acknowledged(f"{self.name}, address {address:#04x}", error) from error
            except LinkTimeout as error:
                raise bus_held(f"{self.name}, address {address:#04x}") from error

    def combine(self, messages: Sequence[Message]) -> list[bytes]:
        """Do messages with one stop after the last: a multiplexer switches there, and not before.

        Source: TI SCPS207F, section 8.5.4. Raises as `transfer` does.
        """
        with self.lock:
            address = messages[0].address if messages else 0
            try:
                reached = [self.reach(message.address) for message in messages]
                read = []
                for found, message in zip(reached, messages, strict=True):
                    address = message.address
                    read.append(self._exchange(address, found, message.write, message.read_length))
            except NotAcknowledged as error:
                raise not_acknowledged(f"{self.name}, address {address:#04x}", error) from error
            except LinkTimeout as error:
                raise bus_held(f"{self.name}, address {address:#04x}") from error
            return read

    def _exchange(
        self, address: int, found: list[I2cTarget], write: bytes, read_length: int
    ) -> bytes:
        if self._until_nack:
            self._count_to_nack()
        if len(found) == 1:
            return _exchange(found[0], write, read_length)
        if found:
            return _exchange_together(found, write, read_length)
        return self._call_everybody(address, write, read_length)

    def _call_everybody(self, address: int, write: bytes, read_length: int) -> bytes:
        if address == GENERAL_CALL and not read_length:
            return self._general_call(write)
        if address == ALERT_RESPONSE and read_length and not write:
            return self._alert_response(read_length)
        raise NotAcknowledged("nothing answers there")

    def _general_call(self, write: bytes) -> bytes:
        heard = False
        for _, target in self.everybody():
            if isinstance(target, HearsGeneralCall):
                with contextlib.suppress(NotAcknowledged):
                    target.general_call(write)
                    heard = True
        if not heard:
            raise NotAcknowledged("nobody hears this general call")
        return b""

    def _alert_response(self, length: int) -> bytes:
        answers: list[tuple[int, PullsAlert]] = []
        for address, target in self.everybody():
            if isinstance(target, PullsAlert):
                with contextlib.suppress(NotAcknowledged):
                    bit = target.alert()
                    if bit is not None:
                        answers.append((address << 1 | bit, target))
        if not answers:
            raise NotAcknowledged("nobody pulls the alert")
        # A 0 bit wins over a 1: who sees another's lower address on the line gives up, and waits.
        answer, winner = min(answers, key=operator.itemgetter(0))
        winner.alert_answered()
        return bytes([answer]).ljust(length, b"\xff")

    def _count_to_nack(self) -> None:
        self._until_nack -= 1
        if not self._until_nack:
            raise NotAcknowledged("a simulated fault")


def _exchange(target: I2cTarget, write: bytes, read_length: int) -> bytes:
    if write or not read_length:
        target.receive(write)
    return target.send(read_length) if read_length else b""


def _exchange_together(targets: list[I2cTarget], write: bytes, read_length: int) -> bytes:
    """Let every part answer: one acknowledge is enough, and a 0 bit wins over a 1."""
    replies = []
    for target in targets:
        with contextlib.suppress(NotAcknowledged):
            replies.append(_exchange(target, write, read_length))
    if not replies:
        raise NotAcknowledged("none of them answers")
    return bytes(functools.reduce(operator.and_, column) for column in zip(*replies, strict=True))


# Linux errno numbers (include/uapi/asm-generic/errno*.h), as Windows has other ones or none.
ENXIO, EIO, ENODEV, EINVAL, EOPNOTSUPP, ETIMEDOUT, EREMOTEIO = 6, 5, 19, 22, 95, 110, 121
DEADLINE_S = 5.0
"""Of one transfer, s of real time: adapters' own are 1 s (Linux, i2c_adapter.timeout), if any."""
_I2C_FUNC_I2C, _I2C_FUNC_SMBUS_QUICK = 0x00000001, 0x00010000  # include/uapi/linux/i2c.h


class LinuxI2cBus:
    """An I2C adapter of the Linux kernel, /dev/i2c-N, through smbus2.

    Raises LinkClosed if it can't be opened or can only do SMBus commands. One on a USB cable that
    was bumped is opened again by the next transfer. A transfer has `DEADLINE_S`, whatever the
    adapter's driver does.
    """

    provenance = Provenance.HARDWARE

    def __init__(self, device: str) -> None:
        try:
            from smbus2 import SMBus, i2c_msg  # noqa: PLC0415 - only Linux has it
        except ImportError as error:
            raise LinkClosed(f"{device}: I2C adapters need Linux and smbus2 ({error})") from error

        self.name = device
        self.lock = threading.RLock()
        self.route: tuple[int, int] | None = None
        self._message, self._smbus = i2c_msg, SMBus
        self._worker = Worker(f"the adapter {device}")
        self._is_closed = self._is_gone = False
        self._bus: Any = None
        self._open()

    def _open(self) -> None:
        try:
            self._bus = self._worker.do(
                DEADLINE_S, lambda: self._smbus(self.name), lambda bus: bus.close()
            )
        except OSError as error:
            raise LinkClosed(
                f"{self.name} can't be opened: {error.strerror or error}. Is the adapter plugged "
                "in, is the module i2c-dev loaded, may this user access it (group i2c)?"
            ) from error
        self._is_gone = False
        if not self._bus.funcs & _I2C_FUNC_I2C:
            self.close()
            raise LinkClosed(
                f"{self.name} can only do SMBus commands; use an adapter with plain I2C"
            )

    def _reopen(self) -> None:
        """Open an adapter anew that went away: what was remembered of its channels is over."""
        self.route = None
        with contextlib.suppress(OSError):
            self._worker.do(DEADLINE_S, self._bus.close)
        self._open()

    @property
    def can_send_address_alone(self) -> bool:
        """Return whether the adapter can write no byte at all, which is how a bus is probed."""
        return bool(self._bus.funcs & _I2C_FUNC_SMBUS_QUICK)

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        return self.combine((Message(address, write, read_length),))[0]

    def combine(self, messages: Sequence[Message]) -> list[bytes]:
        """Do messages with one stop after the last, and return what each of them read."""
        sent, read = [], []
        for message in messages:
            if message.write or not message.read_length:
                sent.append(self._message.write(message.address, message.write))
            if message.read_length:
                sent.append(self._message.read(message.address, message.read_length))
            read.append(sent[-1] if message.read_length else b"")
        where = ", ".join(sorted({f"{message.address:#04x}" for message in messages}))
        with self.lock:
            if self._is_closed:
                raise LinkClosed(f"{self.name} is closed")
            if self._is_gone:
                self._reopen()
            try:
                self._worker.do(DEADLINE_S, lambda: self._bus.i2c_rdwr(*sent))
            except OSError as error:
                if error.errno is None:  # nobody but our own deadline
                    raise LinkTimeout(
                        f"{self.name}, address {where}: the adapter did nothing for "
                        f"{DEADLINE_S:g} s. Plug it in again; if it is on the board, restart it."
                    ) from error
                self._is_gone = error.errno == ENODEV
                raise _named(error, f"{self.name}, address {where}") from error
        return [bytes(found) for found in read]

    def close(self) -> None:
        """Give the adapter back. Closing twice is fine."""
        with self.lock:
            self._is_closed = True
            with contextlib.suppress(TimeoutError):
                self._worker.do(DEADLINE_S, self._bus.close)
            self._worker.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def not_acknowledged(where: str, cause: object = "") -> NotAcknowledged:
    """Return the error for a part that does not answer at `where`."""
    detail = f" ({cause})" if cause else ""
    return NotAcknowledged(
        f"{where}: not acknowledged{detail}. Is the part in its socket and powered?"
    )


def bus_held(where: str) -> LinkTimeout:
    """Return the error for a bus whose lines some part holds low."""
    return LinkTimeout(f"{where}: the bus is held (time-out). Power-cycle the parts on it.")


def _named(error: OSError, where: str) -> TransportError:
    """Return the error of ours that the kernel's errno means.

    Source: Linux Documentation/i2c/fault-codes.rst; adapters use EREMOTEIO like ENXIO.
    """
    if error.errno in (ENXIO, EREMOTEIO):
        return not_acknowledged(where)
    if error.errno == ETIMEDOUT:
        return bus_held(where)
    if error.errno == ENODEV:
        return LinkClosed(f"{where}: the adapter is gone. Plug it in.")
    return TransportError(f"{where}: {error.strerror or error}")
