"""The EEPROM of a simulated TMP117: what its registers are after each reset, and its wear."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sensorbench.world.world import Place

# Configuration, both limits and the offset; the other three hold the factory's number.
PROGRAMMABLE = (0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08)
WRITE_S = 0.007  # recalled


class Eeprom:
    """Words by register, as the factory left them or as they were programmed since.

    `writes` counts the words programmed, over power cycles: the part stands 1000 of each.
    """

    def __init__(self, place: Place, factory: Mapping[int, int]) -> None:
        self._place = place
        kept = json.loads(place.recall("tmp117 eeprom") or "{}")
        self.writes: int = kept.get("writes", 0)
        self._programmed = {int(number): word for number, word in kept.get("words", {}).items()}
        self.words = {number: factory[number] for number in PROGRAMMABLE} | self._programmed

    def program(self, register: int, word: int) -> None:
        """Keep a register's word for every reset to come."""
        self.writes += 1
        self.words[register] = self._programmed[register] = word
        kept = {"writes": self.writes, "words": self._programmed}
        self._place.remember("tmp117 eeprom", json.dumps(kept))
