"""The registers of a simulated MLX90393, and the memory that they start from."""

from __future__ import annotations

import json

from sensorbench.world.world import Place

CONF1, CONF2, CONF3, REFERENCE = 0x00, 0x01, 0x02, 0x24
WRITABLE = range(10)  # three of configuration, drift, three offsets, three thresholds
_FACTORY = {CONF1: 0x000C}


class Memory:
    """Words by register number; the factory's `reference` of the thermometer is among them."""

    def __init__(self, place: Place, reference: int) -> None:
        self._place = place
        kept = json.loads(place.recall("mlx90393 memory") or "{}")
        self.stores: int = kept.get("stores", 0)
        words = {int(number): word for number, word in kept.get("words", {}).items()}
        self._stored: dict[int, int] = {**_FACTORY, **words, REFERENCE: reference}
        self.recall()

    def recall(self) -> None:
        """Take the registers from the memory."""
        self.words = dict(self._stored)

    def store(self) -> None:
        """Write the registers into the memory, which wears it."""
        self._stored = dict(self.words)
        self.stores += 1
        kept = {number: word for number, word in self._stored.items() if number != REFERENCE}
        self._place.remember("mlx90393 memory", json.dumps({"stores": self.stores, "words": kept}))

    def bits(self, register: int, lowest: int, count: int) -> int:
        """Return some bits of a register."""
        return self.words.get(register, 0) >> lowest & (1 << count) - 1
