"""A simulated BME280 on an I2C bus: a BMP280 with humidity. Source: Bosch BST-BME280-DS002."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import ClassVar

from sensorbench.sensors.bmp280.twin import SimBmp280
from sensorbench.sensors.simulated import screened
from sensorbench.world.world import Place

_SAMPLES = (0, 1, 2, 4, 8, 16, 16, 16)
_NOISE_RH = (0.0, 0.07, 0.05, 0.04, 0.03, 0.02, 0.02, 0.02)  # recalled
# H1 to H6 as typical parts have them, and how far those of other parts lie around them.
_WORDS = (75, 355, 0, 339, 50, 30)
_SPREAD = (0, 8, 0, 12, 0, 0)


def humidity_counts(words: tuple[int, ...], temperature_c: float, humidity_rh: float) -> float:
    """Return the counts that the datasheet's float formula turns into `humidity_rh`."""
    h1, h2, h3, h4, h5, h6 = words
    v = temperature_c * 5120.0 - 76800.0
    offset = h4 * 64.0 + h5 / 16384.0 * v
    gain = h2 / 65536.0 * (1.0 + h6 / 2.0**26 * v * (1.0 + h3 / 2.0**26 * v))
    # rh = x (1 - H1 x / 2^19), solved for x.
    x = 2.0 * humidity_rh / (1.0 + math.sqrt(1.0 - humidity_rh * h1 / 2.0**17))
    return x / gain + offset


class SimBme280(SimBmp280):
    """One part at a place in the world, with a BMP280's pressure and temperature, and humidity."""

    IDENTITY: ClassVar[int] = 0x60
    STANDBY_MS: ClassVar[tuple[float, ...]] = (0.5, 62.5, 125, 250, 500, 1000, 10, 20)
    WRITABLE: ClassVar[frozenset[int]] = frozenset((0xE0, 0xF2, 0xF4, 0xF5))
    READABLE: ClassVar[frozenset[int]] = frozenset(
        (*range(0x88, 0xA2), 0xD0, *range(0xE0, 0xF1), *range(0xF2, 0xFF))
    )

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._humidity_code = 0
        self._humidity_words = tuple(
            nominal + round(spread * place.unit(f"humidity word {index}"))
            for index, (nominal, spread) in enumerate(zip(_WORDS, _SPREAD, strict=True))
        )
        self._offset_rh = screened(place, "humidity offset", 0.9)

    def _reset(self, at_s: float) -> None:
        super()._reset(at_s)
        self._registers[0xFD:0xFF] = b"\x80\x00"
        self._humidity_code = 0

    def _load_memory(self) -> None:
        super()._load_memory()
        if self._place.fault() == "memory":
            return
        h1, h2, h3, h4, h5, h6 = self._humidity_words
        self._registers[0xA1] = h1
        self._registers[0xE1:0xE4] = struct.pack("<hB", h2, h3)
        self._registers[0xE4:0xE8] = bytes(
            (h4 >> 4 & 0xFF, (h5 & 0xF) << 4 | h4 & 0xF, h5 >> 4 & 0xFF, h6 & 0xFF)
        )
        self._registers[0xE8] = _crc8(self._registers[0x88:0xA2] + self._registers[0xE1:0xE8])

    def _start(self, value: int, now_s: float) -> None:
        # ctrl_hum takes effect with a write to ctrl_meas, and not before.
        self._humidity_code = self._registers[0xF2] & 7
        super()._start(value, now_s)

    def _conversion_ms(self, temperature: int, pressure: int) -> tuple[float, float]:
        typical, longest = super()._conversion_ms(temperature, pressure)
        humidity = _SAMPLES[self._humidity_code]
        if not humidity:
            return typical, longest
        return typical + 2.0 * humidity + 0.5, longest + 2.3 * humidity + 0.575

    def _latch(self, ends_s: Sequence[float], *, missed: bool) -> None:
        super()._latch(ends_s, missed=missed)
        # The filter is for pressure and temperature only (section 3.4.4).
        ended_s, word = ends_s[-1], 0x8000
        if self._humidity_code:
            noise = _NOISE_RH[self._humidity_code]
            noise *= self._place.stream("humidity noise").normal(round(ended_s * 1e6))
            air_rh = self._place.humidity_rh(ended_s)
            humidity = max(0.0, min(100.0, air_rh + self._offset_rh + noise))
            counts = round(humidity_counts(self._humidity_words, self._body_c(ended_s), humidity))
            word = max(0, min(0xFFFF, counts))
        if self._place.fault(ended_s) == "stuck":
            word = 0x5555
        self._registers[0xFD:0xFF] = word.to_bytes(2, "big")


def _crc8(data: bytes | bytearray) -> int:
    rest = 0xFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1) ^ 0x11D if rest & 0x80 else rest << 1
    return rest ^ 0xFF
