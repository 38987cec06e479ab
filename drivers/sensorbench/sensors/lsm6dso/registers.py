"""LSM6DSO registers, codes and scales. Source: hal_st lsm6dso_reg.h and .c; times recalled."""

from __future__ import annotations

from collections.abc import Mapping

from sensorbench.core.channel import Settings

FUNC_CFG_ACCESS, FIFO_CTRL1, FIFO_CTRL3, FIFO_CTRL4 = 0x01, 0x07, 0x09, 0x0A
WHO_AM_I, CTRL1_XL, CTRL2_G, CTRL3_C, CTRL5_C, CTRL9_XL = 0x0F, 0x10, 0x11, 0x12, 0x14, 0x18
STATUS, OUT_TEMP, OUT_G, OUT_A, END_OF_OUT = 0x1E, 0x20, 0x22, 0x28, 0x2E
FIFO_STATUS1, INTERNAL_FREQ_FINE, FIFO_DATA = 0x3A, 0x63, 0x78
SW_RESET, IF_INC, BDU = 0x01, 0x04, 0x40
CTRL9 = 0xE2  # CTRL9_XL as after reset, with I3C disabled (ASM330LHH: DEVICE_CONF)
CONTINUOUS, BYPASS = 0x06, 0x00
OVERRUN = 0x48  # FIFO_STATUS2: now, or latched since it was last read
READY_A, READY_G, READY_T = 0x01, 0x02, 0x04
RESET_S, TURN_ON_S, SETTLE_S = 0.010, 0.100, 0.100
FIFO_WORDS = 512
TEMPERATURE_HZ = 52.0
SLOWEST = 1.2  # a part's own rate is several percent off: how long to wait, in nominal periods
STALLED_PERIODS = 20

G = 9.80665  # m/s2, CGPM 1901
RATES_HZ = (12.5, 26.0, 52.0, 104.0, 208.0, 417.0, 833.0, 1667.0, 3333.0, 6667.0)
FASTEST_HZ = 6667.0
# Range: code of its field, and counts' worth. The accelerometer's codes are not ascending.
ACCELERATION_RANGES = {
    2 * G: (0x00, 0.061e-3 * G),
    4 * G: (0x08, 0.122e-3 * G),
    8 * G: (0x0C, 0.244e-3 * G),
    16 * G: (0x04, 0.488e-3 * G),
}
Ranges = Mapping[float, tuple[int, float]]
ANGULAR_RATE_RANGES: Ranges = {
    125.0: (0x02, 4.375e-3),
    250.0: (0x00, 8.75e-3),
    500.0: (0x04, 17.5e-3),
    1000.0: (0x08, 35.0e-3),
    2000.0: (0x0C, 70.0e-3),
}
SELF_TEST_SAMPLES = 5
BURST_BITS = 13 * 9  # a drain's other bytes: two status bytes, two of settings, and addressing


def rate_of(settings: Settings) -> float:
    """Return the nominal rate in Hz."""
    return float(settings["rate"])


def control_of(settings: Settings, ranges: Ranges) -> tuple[int, int]:
    """Return CTRL1_XL and CTRL2_G; `ranges` are the gyroscope's."""
    rate = RATES_HZ.index(rate_of(settings)) + 1 << 4
    acceleration = ACCELERATION_RANGES[float(settings["acceleration_range"])][0]
    return rate | acceleration, rate | ranges[float(settings["angular_rate_range"])][0]


def scales_of(settings: Settings, ranges: Ranges) -> tuple[float, ...]:
    """Return what a count is worth, by channel of the stream, in m/s2 and deg/s."""
    acceleration = ACCELERATION_RANGES[float(settings["acceleration_range"])][1]
    angular_rate = ranges[float(settings["angular_rate_range"])][1]
    return (acceleration,) * 3 + (angular_rate,) * 3
