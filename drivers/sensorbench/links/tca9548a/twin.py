"""A simulated TCA9548A with eight buses behind it. Source: TI SCPS207F, section 8.5."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from sensorbench.core.errors import NotAcknowledged
from sensorbench.links.i2c import I2cTarget, SimulatedI2cBus


class Fault(Enum):
    """What can be wrong with a simulated multiplexer."""

    NONE = "none"
    SILENT = "silent"
    STUCK = "stuck"  # acknowledges, but its register does not change


class SimTca9548a:
    """One multiplexer, always powered. Parts hang on `channels`; a stuck channel holds the root.

    It switches at the stop that ends its write: a bus reaches the targets of a combined transfer
    before its first message.
    """

    def __init__(self, fault: Fault | str = Fault.NONE) -> None:
        self.fault = Fault(fault)
        self.channels = tuple(SimulatedI2cBus(f"channel {number}") for number in range(8))
        self._register = 0
        self._open: tuple[SimulatedI2cBus, ...] = ()

    def attach(self, channel: int, address: int, target: I2cTarget) -> None:
        """Put a twin behind a channel. Raises ValueError where it can't be."""
        if not 0 <= channel < 8:
            raise ValueError(f"a TCA9548A has channels 0 to 7, not {channel}")
        self.channels[channel].attach(address, target)

    def reset(self) -> None:
        """Pull the RESET pin low, or cycle the power: every channel is off."""
        self._switch(0)

    def receive(self, data: bytes) -> None:
        self._answer()
        if data and self.fault is not Fault.STUCK:
            self._switch(data[-1])

    def send(self, length: int) -> bytes:
        self._answer()
        return bytes([self._register]) * length

    def reach(self, address: int) -> list[I2cTarget]:
        found: list[I2cTarget] = []
        for bus in self._open:
            found += bus.reach(address)
        return found

    def everybody(self) -> Iterator[tuple[int, I2cTarget]]:
        for bus in self._open:
            yield from bus.everybody()

    def _answer(self) -> None:
        if self.fault is Fault.SILENT:
            raise NotAcknowledged("the TCA9548A has no supply")

    def _switch(self, register: int) -> None:
        self._register = register
        self._open = tuple(bus for bit, bus in enumerate(self.channels) if register >> bit & 1)
