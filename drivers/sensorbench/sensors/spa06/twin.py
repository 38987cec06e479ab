"""A simulated SPA06 on an I2C bus: a DPS310 with other rates and two coefficients more.

Sources: adafruit/Adafruit_SPA06_003 Adafruit_SPA06_003.h (map, rates), formula of
adafruit/Adafruit_CircuitPython_SPA06_003 inverted. Noise, times and the FIFO are recalled, as those
of its series; how far coefficients of other parts lie around these is an estimate.

It samples at the pace that its conversions allow, whatever rate is asked: 200 Hz with 128-fold
oversampling, which its best-known driver asks for, gives some 2.4 a second.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.sensors.dps310.twin import SimDps310
from sensorbench.world.world import Place


class SimSpa06(SimDps310):
    """One part at a place in the world. Its temperature sensor is the only one it has."""

    COEFFICIENTS: ClassVar[tuple[int, ...]] = (
        206, -260, 80000, -55000, -2800, 1250, -8900, 140, -1200, 15, -30
    )  # fmt: skip
    SPREAD: ClassVar[tuple[int, ...]] = (4, 4, 1500, 900, 150, 60, 200, 10, 60, 8, 15)
    NOISE_PA: ClassVar[tuple[float, ...]] = (5.0, 3.5, 2.5, 1.7, 1.2, 0.9, 0.5, 0.4)
    IDENTITY: ClassVar[int] = 0x11
    STRANGER: ClassVar[int] = 0x10
    RATES_HZ: ClassVar[tuple[float, ...]] = (
        1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0,
        1.5625, 3.125, 6.25, 12.5, 25.0, 50.0, 100.0, 200.0,
    )  # fmt: skip
    HAS_SOURCE: ClassVar[bool] = False
    HAS_CHOICE: ClassVar[bool] = False
    READABLE: ClassVar[frozenset[int]] = frozenset((*range(0x0E), *range(0x10, 0x25)))

    def __init__(self, place: Place) -> None:
        super().__init__(place)
