"""The two triads of a simulated BMI270 by its data sheet.

Offsets, their temperature coefficients and noise are recalled from the BMI270 data sheet; that the
self-test moves the outputs by more than bmi2_defs.h of BMI270_SensorAPI asks for is by how much a
good part has to spare, an estimate, as are ageing and the wander of the offsets.
"""

from __future__ import annotations

from sensorbench.sensors.simulated_triad import Kind

_G = 9.80665

ACCELEROMETER = Kind(
    "acceleration",
    offset_sigma=10e-3 * _G,
    offset_per_k_sigma=0.15e-3 * _G,
    ageing_sigma=2e-3 * _G,
    density=160e-6 * _G,
    floor=30e-6 * _G,
    self_test=((9.5 * _G, -9.0 * _G, 6.5 * _G), 0.2 * _G),
    start_up=(0.05 * _G, 0.002),
    drift=0.3 * _G,
)
GYROSCOPE = Kind(
    "angular rate",
    offset_sigma=0.3,
    offset_per_k_sigma=0.006,
    ageing_sigma=0.1,
    density=7e-3,
    floor=4.0 / 3600,
    self_test=(300.0, 30.0),
    start_up=(8.0, 0.008),
    drift=5.0,
)
