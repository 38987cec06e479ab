"""TCA9548A multiplexers, and each of their channels as a bus of its own.

Source: TI SCPS207F, section 8.5: one control register, a bit a channel, 0 after power-on.
"""

from __future__ import annotations

from collections.abc import Iterable

from sensorbench.core.errors import NotAcknowledged, ProtocolError, TransportError
from sensorbench.links.i2c import I2cBus

ADDRESSES = range(0x70, 0x78)
CHANNELS = range(8)


class Tca9548a:
    """One multiplexer on `bus`. Raises ValueError for an address that it can't be strapped to."""

    def __init__(self, bus: I2cBus, address: int) -> None:
        if address not in ADDRESSES:
            raise ValueError(f"a TCA9548A has an address of 0x70 to 0x77, not {address:#04x}")
        self._bus = bus
        self._address = address

    def select(self, mask: int) -> None:
        """Switch on exactly the channels whose bit in `mask` (0 to 255) is set.

        Reads the register back: a part must never be read through another one's channel. Raises
        ProtocolError if it does not hold `mask`.
        """
        with self._bus.lock:
            self._transfer(bytes([mask]), 0)
            found = self.read_selected()
        if found != mask:
            raise ProtocolError(
                f"{self._where}: the control register is {found:#04x} after {mask:#04x} was "
                "written. Check the multiplexer's supply and RESET pin."
            )

    def read_selected(self) -> int:
        """Return the mask of the channels that are on."""
        return self._transfer(b"", 1)[0]

    @property
    def _where(self) -> str:
        return f"{self._bus.name}, mux {self._address:#04x}"

    def _transfer(self, write: bytes, read_length: int) -> bytes:
        try:
            return self._bus.transfer(self._address, write, read_length)
        except NotAcknowledged as error:
            raise NotAcknowledged(
                f"{self._where}: the multiplexer does not acknowledge. "
                "Check its supply, RESET pin and address straps."
            ) from error


class Multiplexers:
    """All multiplexers of one root bus, of which one channel at most is on.

    The bus remembers the channel, so that one transfer after another through it costs nothing more,
    and whoever else switches it is known. Raises ValueError for an address that no TCA9548A has.
    """

    def __init__(self, root: I2cBus, addresses: Iterable[int]) -> None:
        self.root = root
        self.addresses = frozenset(addresses)
        self._multiplexers = {address: Tca9548a(root, address) for address in self.addresses}

    def channel(self, address: int, channel: int) -> MultiplexedBus:
        """Return the bus behind `channel`. Raises ValueError if there is no such channel."""
        if address not in self.addresses:
            known = ", ".join(f"{known:#04x}" for known in sorted(self.addresses)) or "none"
            raise ValueError(f"{self.root.name} has no mux {address:#04x}; it has: {known}")
        if channel not in CHANNELS:
            raise ValueError(f"a TCA9548A has channels 0 to 7, not {channel}")
        return MultiplexedBus(self, address, channel)

    def select(self, address: int, channel: int) -> None:
        """Switch on this channel alone, of all multiplexers. The caller holds the root's lock."""
        if self.root.route == (address, channel):
            return
        on, self.root.route = self.root.route, None
        # Off before on: two parts of one address must not meet.
        for other in self.addresses if on is None else (on[0],):
            if other != address:
                Tca9548a(self.root, other).select(0)
        self._multiplexers[address].select(1 << channel)
        self.root.route = (address, channel)

    def forget(self) -> None:
        """Tell every multiplexer again before the next transfer: one may have lost its supply."""
        self.root.route = None


class MultiplexedBus:
    """One channel of one multiplexer as a plain bus: an I2cBus. Made by Multiplexers.channel."""

    def __init__(self, multiplexers: Multiplexers, address: int, channel: int) -> None:
        self._multiplexers = multiplexers
        self._root = multiplexers.root
        self._channel = (address, channel)
        self.name = f"{self._root.name}, mux {address:#04x} channel {channel}"
        self.provenance = self._root.provenance
        self.lock = self._root.lock
        self.route: tuple[int, int] | None = None

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        if address in self._multiplexers.addresses:
            raise TransportError(
                f"{self.name}: {address:#04x} is the address of a multiplexer on "
                f"{self._root.name}. Strap one of the two to another address."
            )
        with self.lock:
            self._multiplexers.select(*self._channel)
            try:
                return self._root.transfer(address, write, read_length)
            except TransportError as error:
                self._multiplexers.forget()
                text = str(error).removeprefix(self._root.name)
                raise type(error)(f"{self.name}{text}") from error
