"""SPA06 over I2C: map and formula of the DPS310, with two coefficients and eight rates more.

Source: adafruit/Adafruit_CircuitPython_SPA06_003 (rates, coefficients, formula);
betaflight/betaflight src/main/drivers/barometer/barometer_dps310.c: the SPL07-003 has the same
identity and coefficients, and neither fuses to repair nor a choice of temperature sensors: where
the DPS310 has that choice is the highest bit of the rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sensorbench.core.channel import Setting
from sensorbench.core.units import Dimension
from sensorbench.sensors.dps310.codec import MORE_COEFFICIENT_BYTES
from sensorbench.sensors.dps310.driver import RATES_HZ, Dps310

# Code 15, 200 Hz, is left out: two conversions, the shortest, do not fit into its 5 ms.
RATE_CODES: Mapping[float, int] = {
    rate: code for code, rate in enumerate((*RATES_HZ, *(25.0 / 16 * (1 << n) for n in range(7))))
}


class Spa06(Dps310):
    """SPA06-003 absolute pressure sensor, 30 to 110 kPa, -40 to 85 degC. It has no serial number.

    The SPL07-003 has the same identity; the part does not tell which it is.
    """

    MAKER: ClassVar[str] = "Goertek"
    MODEL: ClassVar[str] = "SPA06-003"
    OR_MODELS: ClassVar[tuple[str, ...]] = ("SPL07-003",)
    PRODUCT_ID: ClassVar[int] = 0x11
    COEFFICIENT_BYTES: ClassVar[int] = MORE_COEFFICIENT_BYTES
    RATE_CODES: ClassVar[Mapping[float, int]] = RATE_CODES
    RANGE_PA: ClassVar[tuple[float, float]] = (30_000.0, 110_000.0)
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        **Dps310.SETTINGS,
        "rate": Setting(4.0, tuple(sorted(RATE_CODES)), Dimension.FREQUENCY),
    }

    def _temperature_source(self) -> int:
        return 0
