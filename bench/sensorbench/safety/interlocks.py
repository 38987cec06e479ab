"""Interlocks: what the bench may never exceed, checked on every log entry of a run."""

from __future__ import annotations

from sensorbench.core.errors import BenchError
from sensorbench.station.model import Limits

OVERSHOOT_K = 3.0
"""A chamber may overshoot a setpoint at the limit by this much before the run is stopped."""


class SafetyStop(BenchError):
    """The bench was driven to its safe state because a limit was reached or an alarm came."""


def tripped(
    limits: Limits,
    chamber_c: float,
    pressure_pa: float,
    supply_v: float,
    alarms: tuple[int, ...],
) -> str:
    """Return what is wrong, or "". A value that is NaN was not measured and trips nothing."""
    if alarms:
        return f"the chamber reports alarm {', '.join(map(str, alarms))}; see its manual"
    high, low = limits.temperature_high, limits.temperature_low
    if high is not None and chamber_c > high + OVERSHOOT_K:
        return f"chamber air is {chamber_c:.1f} degC, the bench's limit is {high:g} degC"
    if low is not None and chamber_c < low - OVERSHOOT_K:
        return f"chamber air is {chamber_c:.1f} degC, the bench's limit is {low:g} degC"
    if limits.pressure_high is not None and pressure_pa > limits.pressure_high * 1.02:
        return f"pressure is {pressure_pa:.0f} Pa, the bench's limit is {limits.pressure_high:g} Pa"
    if limits.voltage_high is not None and supply_v > limits.voltage_high * 1.02:
        return f"supply is {supply_v:.3f} V, the bench's limit is {limits.voltage_high:g} V"
    return ""
