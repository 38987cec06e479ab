"""ASM330LHH over I2C: an LSM6DSO without other pages of registers, up to 4000 deg/s.

Sources: registers, codes and scales: hal_st asm330lhh_reg.h and .c. Self-test of the accelerometer:
kriswiner/ASM330LHH; of the gyroscope: STMicroelectronics' Linux driver of the ISM330DHCX, a sibling
(kriswiner/ASM330LHH prints the limits of another range). Supply and accuracy are recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sensorbench.core.channel import Setting
from sensorbench.core.units import Dimension
from sensorbench.sensors.lsm6dso import registers as reg
from sensorbench.sensors.lsm6dso.driver import Lsm6dso

_RANGES: reg.Ranges = {**reg.ANGULAR_RATE_RANGES, 4000.0: (0x01, 140.0e-3)}


class Asm330lhh(Lsm6dso):
    """ASM330LHH, up to 16 g and 4000 deg/s, -40 to 105 degC, AEC-Q100. It has no serial number.

    Others of the family have the same identity; the part does not tell which it is.
    """

    MODEL: ClassVar[str] = "ASM330LHH"
    OR_MODELS: ClassVar[tuple[str, ...]] = (
        "ASM330LHHX", "ASM330LHHXG1", "ASM330LHB", "ASM330LHBG1", "ISM330DHCX", "LSM6DSR",
        "LSM6DSRX", "IIS2ICLX",
    )  # fmt: skip
    WHO_AM_I: ClassVar[int] = 0x6B
    ANGULAR_RATE_RANGES: ClassVar[reg.Ranges] = _RANGES
    SETTINGS: ClassVar[Mapping[str, Setting]] = {
        **Lsm6dso.SETTINGS,
        "angular_rate_range": Setting(500.0, tuple(_RANGES), Dimension.ANGULAR_RATE),
    }
    SUPPLY_V: ClassVar[tuple[float, float]] = (2.0, 3.6)
    SELF_TEST_LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = {
        **{f"acceleration_{a}": (0.090 * reg.G, 1.700 * reg.G) for a in "xyz"},
        **{f"angular_rate_{a}": (150.0, 700.0) for a in "xyz"},
    }

    def _leave_other_pages(self) -> None:
        """There are none."""
