"""The two triads of a simulated ICM-42688-P by its data sheet.

Offsets, their temperature coefficients and noise: DS-000347 rev 1.5, tables 1 and 2. How far the
self-test moves them, ageing and the wander of the offsets are estimates.
"""

from __future__ import annotations

from sensorbench.sensors.simulated_triad import Kind

_G = 9.80665

ACCELEROMETER = Kind(
    "acceleration",
    offset_sigma=10e-3 * _G,
    offset_per_k_sigma=0.08e-3 * _G,
    ageing_sigma=2e-3 * _G,
    density=(65e-6 * _G, 65e-6 * _G, 70e-6 * _G),
    floor=20e-6 * _G,
    self_test=(0.45 * _G, 0.05 * _G),
    start_up=(0.05 * _G, 0.003),
    drift=0.3 * _G,
)
GYROSCOPE = Kind(
    "angular rate",
    offset_sigma=0.25,
    offset_per_k_sigma=0.0025,
    ageing_sigma=0.1,
    density=2.8e-3,
    floor=2.0 / 3600,
    self_test=(110.0, 12.0),
    start_up=(10.0, 0.006),
    drift=5.0,
)
