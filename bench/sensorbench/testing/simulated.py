"""A workspace's simulated buses, handed to any Python program."""

from __future__ import annotations

from pathlib import Path

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InputError
from sensorbench.links.smbus_api import SimulatedSMBus
from sensorbench.station.twins import simulated_bench


def simulated_bus(station: Path | str, bus: str, clock: Clock | None = None) -> SimulatedSMBus:
    """Return a station's I2C bus with smbus2's API, for programs that know nothing of us.

    Raises InputError for a bus that is not there or not simulated.
    """
    buses = simulated_bench(station, clock).buses
    if bus not in buses:
        there = ", ".join(buses) or "none"
        raise InputError.one(
            "station.toml", f"bus.{bus}", f"is no simulated bus; there are: {there}"
        )
    return SimulatedSMBus(buses[bus])
