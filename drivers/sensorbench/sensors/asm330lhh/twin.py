"""A simulated ASM330LHH on an I2C bus: an LSM6DSO with another identity and fewer registers.

Sources: registers and codes hal_st asm330lhh_reg.h and .c; noise, offsets and their temperature
coefficients are recalled from the ASM330LHH data sheet.

- One page of registers: 0x01 can be written and stays 0, as do those of taps and of the auxiliary
  interface.
- FS_4000 of CTRL2_G is 4000 deg/s, whatever the other bits of the range say; there is no 1.6 Hz.
- The rest, and what is listed in `beyond`, is as in the LSM6DSO's twin.
"""

from __future__ import annotations

from typing import ClassVar

from sensorbench.sensors.lsm6dso.twin import SimLsm6dso
from sensorbench.sensors.simulated_triad import Kind

_G = 9.80665
_ACCELEROMETER = Kind(
    "acceleration",
    offset_sigma=7e-3 * _G,
    offset_per_k_sigma=0.05e-3 * _G,
    ageing_sigma=1.5e-3 * _G,
    density=60e-6 * _G,
    floor=20e-6 * _G,
    self_test=(0.5 * _G, 0.06 * _G),
    start_up=(0.05 * _G, 0.004),
    drift=0.3 * _G,
)
_GYROSCOPE = Kind(
    "angular rate",
    offset_sigma=0.4,
    offset_per_k_sigma=0.003,
    ageing_sigma=0.08,
    density=5e-3,
    floor=3.0 / 3600,
    self_test=(400.0, 40.0),
    start_up=(10.0, 0.008),
    drift=5.0,
)


class SimAsm330lhh(SimLsm6dso):
    """One part at a place in the world, with its own errors, noise and oscillator."""

    WHO_AM_I: ClassVar[int] = 0x6B
    STRANGER: ClassVar[int] = 0x6C
    EFFECTIVE: ClassVar[frozenset[int]] = SimLsm6dso.EFFECTIVE - {0x01}
    STORED: ClassVar[frozenset[int]] = frozenset(
        (0x02, *range(0x0B, 0x0F), *range(0x15, 0x18), 0x56, 0x58, 0x59, *range(0x5B, 0x60),
         *range(0x73, 0x76))
    )  # fmt: skip
    READABLE: ClassVar[frozenset[int]] = EFFECTIVE | STORED | {
        0x0F, 0x1A, 0x1B, 0x1D, 0x1E, *range(0x20, 0x2E), 0x3A, 0x3B, *range(0x40, 0x44), 0x63,
        *range(0x78, 0x7F),
    }  # fmt: skip
    KINDS: ClassVar[tuple[Kind, Kind]] = (_ACCELEROMETER, _GYROSCOPE)
    WIDE_BIT: ClassVar[int] = 1
    HAS_SLOW: ClassVar[bool] = False
