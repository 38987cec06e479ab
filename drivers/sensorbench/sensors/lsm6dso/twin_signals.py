"""The two triads of a simulated LSM6DSO by its data sheet.

Offsets, their temperature coefficients, noise and the self-test's range are recalled from the
LSM6DSO data sheet, which gives no bias instability: 3 deg/h and 25 ug are typical of consumer parts
(recalled).
"""

from __future__ import annotations

from sensorbench.sensors.simulated_triad import Kind

_STANDARD_GRAVITY = 9.80665

ACCELEROMETER = Kind(
    "acceleration",
    offset_sigma=10e-3 * _STANDARD_GRAVITY,
    offset_per_k_sigma=0.1e-3 * _STANDARD_GRAVITY,
    ageing_sigma=2e-3 * _STANDARD_GRAVITY,
    density=70e-6 * _STANDARD_GRAVITY,
    floor=25e-6 * _STANDARD_GRAVITY,
    self_test=(0.4 * _STANDARD_GRAVITY, 0.05 * _STANDARD_GRAVITY),
    start_up=(0.05 * _STANDARD_GRAVITY, 0.004),
    drift=0.3 * _STANDARD_GRAVITY,
)
GYROSCOPE = Kind(
    "angular rate",
    offset_sigma=0.5,
    offset_per_k_sigma=0.01,
    ageing_sigma=0.1,
    density=3.8e-3,
    floor=3.0 / 3600,
    self_test=(400.0, 40.0),
    start_up=(10.0, 0.008),
    drift=5.0,
)
