"""A workspace's simulated station, handed to any Python program."""

from __future__ import annotations

from pathlib import Path

from sensorbench.core.clock import Clock, RealClock
from sensorbench.core.errors import InputError
from sensorbench.links.smbus_api import SimulatedSMBus
from sensorbench.station.preflight import check_station
from sensorbench.station.simulation import SimulatedBench
from sensorbench.station.workspace import Workspace


def simulated_bench(station: Path | str, clock: Clock | None = None) -> SimulatedBench:
    """Return the twins of a station in their world, powered; the parts of all its lots are in.

    `station` is a workspace or its station.toml. Time is real unless a clock is given. Raises
    InputError for files that can't be used.
    """
    path = Path(station)
    workspace = Workspace(path.parent if path.suffix == ".toml" else path)
    file = workspace.load_station()
    problems = check_station(file)
    if problems:
        raise InputError(problems)
    bench = SimulatedBench(
        file, clock or RealClock(), workspace.load_memory(), workspace.load_lots()
    )
    bench.power()
    return bench


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
