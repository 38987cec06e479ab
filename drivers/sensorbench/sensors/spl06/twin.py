"""A simulated SPL06 on an I2C bus: a DPS310 with other coefficients and more noise.

Sources: ArduPilot/ardupilot AP_Baro_SPL06.cpp (map); rv701/SPL06-007 issue 3 (coefficients of a
real part); noise PX4/PX4-Autopilot pull 27326 and iNavFlight/inav issue 4455, those between them
interpolated. How far coefficients of other parts lie around these is an estimate.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.sensors.dps310.twin import SimDps310
from sensorbench.world.world import Place


class SimSpl06(SimDps310):
    """One part at a place in the world. It has no register that names its temperature sensor."""

    COEFFICIENTS: ClassVar[tuple[int, ...]] = (
        197, -251, 80432, -52040, -2992, 1478, -10470, 272, -1624
    )  # fmt: skip
    NOISE_PA: ClassVar[tuple[float, ...]] = (5.0, 3.5, 2.5, 1.7, 1.2, 0.9, 0.5, 0.4)
    HAS_SOURCE: ClassVar[bool] = False
    READABLE: ClassVar[frozenset[int]] = frozenset((*range(0x0E), *range(0x10, 0x22)))

    def __init__(self, place: Place) -> None:
        super().__init__(place)
