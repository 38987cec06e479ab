"""I2C adapters on a USB cable: what all of them have in common, whatever library moves the bytes.

The rules:
- An adapter is found by its USB serial number; without one it must be the only one of its kind.
- What an adapter can't do is refused before anything is sent.
- Nothing is sent twice, and each transfer has a deadline of its own.
- One that was unplugged is opened again by the next transfer, the same by its serial number.
"""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sensorbench.core.deadline import Worker
from sensorbench.core.errors import BenchError, LinkClosed, LinkTimeout, TransportError
from sensorbench.core.provenance import Provenance
from sensorbench.links.i2c import DEADLINE_S
from sensorbench.links.i2c_limits import Limits

if TYPE_CHECKING:
    from typing import Self

_S_PER_BYTE = 2e-3  # USB asks and answers once in 1 ms at worst, and the FT232H at every byte


@dataclass(frozen=True, slots=True)
class Plugged:
    """An adapter that is plugged in: its serial number, "" where it tells none, and its path."""

    serial: str
    path: str


def choose(title: str, serial: str, there: Sequence[Plugged]) -> Plugged:
    """Return the adapter that is meant. Raises LinkClosed where none or several may be."""
    named = [one for one in there if not serial or one.serial == serial]
    if len(named) == 1:
        return named[0]
    told = ", ".join(sorted(one.serial or "one without a serial number" for one in there))
    if not there:
        which = f" with the serial number {serial}" if serial else ""
        raise LinkClosed(f"no {title}{which} is plugged in. Plug it in.")
    if not named:
        raise LinkClosed(
            f"no {title} with the serial number {serial} is plugged in; there are: {told}. Plug it "
            "in, or correct `serial`."
        )
    if serial:
        raise LinkClosed(
            f"{len(named)} {title}s have the serial number {serial}. Give each its own with the "
            "maker's tool, or plug in only one."
        )
    raise LinkClosed(
        f"{len(named)} {title}s are plugged in: {told}. Write `serial` to say which; one without a "
        "number gets one with the maker's tool."
    )


class UsbI2cBus(ABC):
    """An I2C adapter at USB; `serial` is "" where only one of its kind is plugged in.

    A subclass gives what its library does. All of it is called in one thread, whose work has
    deadlines, and raises the errors of `I2cBus`, `LinkClosed` where the adapter is gone.
    """

    KIND: ClassVar[str]
    TITLE: ClassVar[str]
    EXTRA: ClassVar[str]
    LIMITS: ClassVar[Limits]
    provenance = Provenance.HARDWARE

    def __init__(self, serial: str = "", speed_hz: float = 100e3) -> None:
        too_fast_or_slow = self.LIMITS.speed_refused(speed_hz)
        if too_fast_or_slow:
            raise LinkClosed(f"{self.KIND}: the {self.TITLE} {too_fast_or_slow}")
        self.lock = threading.RLock()
        self.route: tuple[int, int] | None = None
        self.serial = serial
        self.name = f"{self.KIND} {serial}".strip()
        self._speed_hz = speed_hz
        self._is_closed = self._is_gone = False
        self._worker = Worker(f"the adapter {self.name}")
        try:
            self._open()
        except BaseException:
            self._worker.end()
            raise

    @property
    def can_send_address_alone(self) -> bool:
        """Return whether the adapter can write no byte at all, which is how a bus is probed."""
        return self.LIMITS.address_alone

    @classmethod
    @abstractmethod
    def plugged(cls) -> list[Plugged]:
        """Return those that are plugged in; none is opened. Raises LinkClosed without library."""

    @abstractmethod
    def _connect(self, there: Plugged, speed_hz: float) -> None:
        """Open one; raise LinkClosed with what to do where that fails."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Give it back, whatever state it is in."""

    @abstractmethod
    def _exchange(self, address: int, write: bytes, read_length: int) -> bytes:
        """Do one transfer that is within the limits."""

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        where = f"{self.name}, address {address:#04x}"
        refused = self.LIMITS.refused(len(write), read_length)
        if refused:
            raise TransportError(f"{where}: the {self.TITLE} {refused}; nothing was sent")
        with self.lock:
            if self._is_closed:
                raise LinkClosed(f"{self.name} is closed")
            if self._is_gone:
                self._reopen()
            try:
                return self._within(
                    len(write) + read_length, lambda: self._exchange(address, write, read_length)
                )
            except LinkClosed:
                self._is_gone = True
                raise
            except TimeoutError as error:
                # What it does is not known: it is opened anew before anything else is sent.
                self._is_gone = True
                raise LinkTimeout(
                    f"{where}: the adapter did nothing for too long. Plug it in again."
                ) from error

    def _within(self, length: int, work: Callable[[], bytes]) -> bytes:
        return self._worker.do(DEADLINE_S + length * _S_PER_BYTE, work)

    def _open(self) -> None:
        def connect() -> str:
            there = choose(self.TITLE, self.serial, self.plugged())
            self._connect(there, self._speed_hz)
            return there.serial

        try:
            found = self._worker.do(DEADLINE_S, connect, lambda _: self._disconnect())
        except LinkClosed as error:
            raise LinkClosed(f"{self.name} can't be opened: {error}") from error
        except TimeoutError as error:
            raise LinkClosed(
                f"{self.name} can't be opened: it did nothing for {DEADLINE_S:g} s. "
                "Plug it in again."
            ) from error
        self.serial = found or self.serial
        self.name = f"{self.KIND} {self.serial}".strip()
        self._is_gone = False

    def _reopen(self) -> None:
        """Open an adapter anew that went away: what was remembered of its channels is over."""
        self.route = None
        with contextlib.suppress(TimeoutError, BenchError):
            self._worker.do(DEADLINE_S, self._disconnect)
        self._open()

    def close(self) -> None:
        """Give the adapter back. Closing twice is fine."""
        with self.lock:
            if not self._is_closed:
                self._is_closed = True
                with contextlib.suppress(TimeoutError, BenchError):
                    self._worker.do(DEADLINE_S, self._disconnect)
                self._worker.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def extra_missing(title: str, extra: str, error: object) -> LinkClosed:
    """Return the error for an adapter whose library is not installed."""
    return LinkClosed(
        f"a {title} needs an optional package ({error}). Install it: "
        f"pip install 'sensorbench[{extra}]'"
    )
