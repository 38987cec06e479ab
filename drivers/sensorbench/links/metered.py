"""A simulated I2C bus that counts the bits on its wire."""

from __future__ import annotations

from collections.abc import Sequence

from sensorbench.links.i2c import Message, SimulatedI2cBus


def wire_bits(written: int, read: int) -> int:
    """Return the clocks of a transfer: start, address and bytes with their acknowledges, stop.

    Nine clocks a byte; a start and a stop count as one each (UM10204, section 3.1).

    >>> wire_bits(written=1, read=6)  # a register's number, then six bytes
    84
    """
    bits = 1
    if written or not read:
        bits += 1 + 9 * (1 + written)
    if read:
        bits += 1 + 9 * (1 + read)
    return bits


class MeteredI2cBus(SimulatedI2cBus):
    """Counts in `bits` what travels, acknowledged or not."""

    bits = 0

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        self.bits += wire_bits(len(write), read_length)
        return super().transfer(address, write, read_length)

    def combine(self, messages: Sequence[Message]) -> list[bytes]:
        self.bits += 1 + sum(wire_bits(len(m.write), m.read_length) - 1 for m in messages)
        return super().combine(messages)
