"""SPL06 over I2C: map and formula of the DPS310, whose start-up it does without.

Source: ArduPilot/ardupilot libraries/AP_Baro/AP_Baro_SPL06.cpp and QST-Corporation/STM32CubeF4
SPL06_01.c: TMP_EXT is always written as 1, nothing says which sensor the coefficients are for, and
there are no fuses to repair.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.sensors.dps310.driver import TMP_EXT, Dps310


class Spl06(Dps310):
    """SPL06-001 and -007 absolute pressure sensor, 30 to 120 kPa, -40 to 85 degC.

    Infineon's DPS310 has the same identity; the part does not tell which it is.
    """

    MAKER: ClassVar[str] = "Goertek"
    MODEL: ClassVar[str] = "SPL06-001"
    OR_MODELS: ClassVar[tuple[str, ...]] = ("SPL06-007", "DPS310")

    def _temperature_source(self) -> int:
        return TMP_EXT
