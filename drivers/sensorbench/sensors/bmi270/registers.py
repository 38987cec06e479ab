"""BMI270 registers, codes and scales. Source: boschsensortec/BMI270_SensorAPI bmi2_defs.h, bmi2.c.

Reset values, temperature and times are recalled from the data sheet.
"""

from __future__ import annotations

import math

from sensorbench.core.channel import Settings

CHIP_ID, STATUS, ACC_DATA, GYR_DATA, INTERNAL_STATUS, TEMPERATURE = (
    0x00, 0x03, 0x0C, 0x12, 0x21, 0x22,
)  # fmt: skip
FIFO_LENGTH, FIFO_DATA, FEATURE_PAGE, CROSS_AXIS = 0x24, 0x26, 0x2F, 0x3C
ACC_CONF, FIFO_CONFIG, INIT_CTRL, INIT_ADDRESS, INIT_DATA, ACC_SELF_TEST, PWR_CONF, PWR_CTRL = (
    0x40, 0x48, 0x59, 0x5B, 0x5E, 0x6D, 0x7C, 0x7D,
)  # fmt: skip
COMMAND = 0x7E
IDENTITY = 0x24
RESET, FLUSH = 0xB6, 0xB0
READY_A, READY_G = 0x80, 0x40
MESSAGE, LOADED, REFUSED = 0x0F, 0x01, 0x02
ALL_ON = 0x0E  # temperature, accelerometer, gyroscope
HEADERS, FIFO_BOTH = 0x10, 0xC0
PERFORMANCE_A, PERFORMANCE_G = 0x80, 0xC0  # GYR_CONF: filter and noise
UPLOAD_BYTES = 256
RESET_S, AWAKE_S, LOAD_STEP_S, LOAD_TRIES, START_S = 0.003, 0.0005, 0.020, 8, 0.060
END_OF_OUTPUTS = TEMPERATURE + 2
FIFO_FRAMES = 2048 // 13
BURST_BITS = 23 * 9  # a drain's other bytes: settings, status, length, and addressing
SLOWEST = 1.1  # how long to wait for a sample, in nominal periods
STALLED_PERIODS = 20

G = 9.80665  # m/s2, CGPM 1901
RATES_HZ = {25.0: 6, 50.0: 7, 100.0: 8, 200.0: 9, 400.0: 10, 800.0: 11, 1600.0: 12}
"""What both sensors have."""
ACCELERATION_RANGES = (2 * G, 4 * G, 8 * G, 16 * G)
ANGULAR_RATE_RANGES = (2000.0, 1000.0, 500.0, 250.0, 125.0)
FILTERS = {"OSR4": 0, "OSR2": 1, "normal": 2}

STIMULUS_ON, STIMULUS_PLUS, STIMULUS_WIDE = 0x01, 0x04, 0x08
SELF_TEST_HZ, SELF_TEST_SETTLE_S = 1600.0, 0.051
# By how much the outputs are to differ between both signs, in g (bmi2_defs.h).
SELF_TEST_G = {"x": (16.0, math.inf), "y": (-math.inf, -15.0), "z": (10.0, math.inf)}


def rate_of(settings: Settings) -> float:
    """Return the nominal rate in Hz."""
    return float(settings["rate"])


def control_of(settings: Settings) -> bytes:
    """Return ACC_CONF, ACC_RANGE, GYR_CONF and GYR_RANGE."""
    conf = FILTERS[str(settings["filter"])] << 4 | RATES_HZ[rate_of(settings)]
    return bytes(
        (
            PERFORMANCE_A | conf,
            ACCELERATION_RANGES.index(float(settings["acceleration_range"])),
            PERFORMANCE_G | conf,
            ANGULAR_RATE_RANGES.index(float(settings["angular_rate_range"])),
        )
    )


def scales_of(settings: Settings) -> tuple[float, ...]:
    """Return what a count is worth, by channel of the stream, in m/s2 and deg/s."""
    acceleration = float(settings["acceleration_range"]) / 32768
    angular_rate = float(settings["angular_rate_range"]) / 32768
    return (acceleration,) * 3 + (angular_rate,) * 3
