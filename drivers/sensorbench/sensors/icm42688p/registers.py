"""ICM-42688-P registers, codes and scales. Source: DS-000347 rev 1.5, sections 3, 13 and 14.

The data sheet rounds what a digit of the gyroscope is worth (16.4 a deg/s at 2000 deg/s); its own
finer ranges and the Linux driver have the full scale over 32768, as here.
"""

from __future__ import annotations

from sensorbench.core.channel import Settings

DEVICE_CONFIG, FIFO_CONFIG, TEMP_DATA, INT_STATUS, FIFO_COUNT, FIFO_DATA = (
    0x11, 0x16, 0x1D, 0x2D, 0x2E, 0x30,
)  # fmt: skip
SIGNAL_PATH_RESET, PWR_MGMT0, GYRO_CONFIG0, ACCEL_CONFIG0, FILTERS, FIFO_CONFIG1 = (
    0x4B, 0x4E, 0x4F, 0x50, 0x52, 0x5F,
)  # fmt: skip
FIFO_LOST, SELF_TEST_CONFIG, WHO_AM_I, BANK = 0x6C, 0x70, 0x75, 0x76
GYRO_CODES, ACCEL_CODES = (1, 0x5F), (2, 0x3B)  # of the factory's self-test: bank, first register
IDENTITY = 0x47
RESET, RESET_DONE, DATA_READY = 0x01, 0x10, 0x08
BOTH_ON = 0x0F  # low noise
FLUSH, BYPASS, STREAM = 0x02, 0x00, 0x40
# A read may stop before the end and go on there; temperature, gyroscope and accelerometer.
PACKETS = 0x40 | 0x07
OUTPUT_BYTES = 14
RESET_S, SWITCHED_ON_S, START_S = 0.002, 0.0002, 0.060
# 2048 bytes less one packet, which the part keeps for itself (section 6.3).
FIFO_PACKETS = 127
BURST_BITS = 21 * 9  # a drain's other bytes: settings, count, lost packets, and addressing
SLOWEST = 1.1  # a part's own rate is up to 5 % off: how long to wait, in nominal periods
STALLED_PERIODS = 20

G = 9.80665  # m/s2, CGPM 1901
RATES_HZ = {
    12.5: 11, 25.0: 10, 50.0: 9, 100.0: 8, 200.0: 7, 500.0: 15, 1000.0: 6, 2000.0: 5, 4000.0: 4,
    8000.0: 3,
}  # fmt: skip
ACCELERATION_RANGES = {16 * G: 0, 8 * G: 1, 4 * G: 2, 2 * G: 3}
ANGULAR_RATE_RANGES = {
    2000.0: 0, 1000.0: 1, 500.0: 2, 250.0: 3, 125.0: 4, 62.5: 5, 31.25: 6, 15.625: 7,
}  # fmt: skip
FILTERS_OF = {"1/2": 0, "1/4": 1, "1/5": 2, "1/8": 3, "1/10": 4, "1/16": 5, "1/20": 6, "1/40": 7}
"""Bandwidth as a share of the rate, of 400 Hz where the rate is lower and the share below 1/2."""

ACCEL_STIMULUS, GYRO_STIMULUS = 0x78, 0x07  # its regulator and three axes; three axes
SELF_TEST_ACCEL, SELF_TEST_GYRO = 2 * G, 250.0
SELF_TEST_HZ, SELF_TEST_SAMPLES = 1000.0, 200
SELF_TEST_SETTLE_S = 0.2
SELF_TEST_BASE, SELF_TEST_STEP, SELF_TEST_RATIO = 2620, 1.01, (0.5, 1.5)
SELF_TEST_ABSOLUTE_G, SELF_TEST_ABSOLUTE_DPS = (0.05, 1.2), (60.0, 250.0)


def rate_of(settings: Settings) -> float:
    """Return the nominal rate in Hz."""
    return float(settings["rate"])


def control_of(settings: Settings) -> tuple[int, int, int, int]:
    """Return PWR_MGMT0, GYRO_CONFIG0, ACCEL_CONFIG0 and GYRO_ACCEL_CONFIG0 (FILTERS)."""
    rate = RATES_HZ[rate_of(settings)]
    gyro = ANGULAR_RATE_RANGES[float(settings["angular_rate_range"])] << 5
    accel = ACCELERATION_RANGES[float(settings["acceleration_range"])] << 5
    filter_ = FILTERS_OF[str(settings["filter"])]
    return BOTH_ON, gyro | rate, accel | rate, filter_ << 4 | filter_


def scales_of(settings: Settings) -> tuple[float, ...]:
    """Return what a count is worth, by channel of the stream, in m/s2 and deg/s."""
    acceleration = float(settings["acceleration_range"]) / 32768
    angular_rate = float(settings["angular_rate_range"]) / 32768
    return (acceleration,) * 3 + (angular_rate,) * 3


def response_of(code: int) -> float:
    """Return the self-test response, in counts at 2 g or 250 deg/s, that a factory's code means.

    Source: InvenSenseInc/public.mcu.iim42652 Ixm42xxxSelfTest.c.

    >>> response_of(1), round(response_of(116))
    (2620.0, 8227)
    """
    return float(SELF_TEST_BASE * SELF_TEST_STEP ** (code - 1))
