"""The instruments' own protections, set from the bench's limits: they hold if this program dies."""

from __future__ import annotations

from sensorbench.safety.interlocks import OVERSHOOT_K
from sensorbench.station.station import Station


def arm(station: Station) -> dict[str, float]:
    """Set chamber alarms and over-voltage protection; return what was set, for the record.

    Limits that station.toml does not give are left as they are on the instrument. Raises
    InstrumentError if one is refused.
    """
    limits, armed = station.file.limits, {}
    chamber, supply = station.role("temperature_chamber"), station.role("supply")
    low, high = limits.temperature_low, limits.temperature_high
    if chamber is not None and low is not None and high is not None:
        rated_low, rated_high = chamber.RATED_C
        armed["chamber_low_c"] = max(rated_low, low - OVERSHOOT_K)
        armed["chamber_high_c"] = min(rated_high, high + OVERSHOOT_K)
        chamber.set_alarm_limits(armed["chamber_low_c"], armed["chamber_high_c"])
    if supply is not None and limits.voltage_high is not None:
        armed["over_voltage_v"] = limits.voltage_high
        supply.set_over_voltage_protection(limits.voltage_high)
    return armed
