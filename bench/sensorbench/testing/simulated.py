"""A workspace's simulated buses, handed to any Python program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sensorbench.core.clock import Clock
from sensorbench.core.errors import InputError
from sensorbench.links.i2c import SimulatedI2cBus
from sensorbench.links.smbus_api import SimulatedSMBus
from sensorbench.station.twins import simulated_bench
from sensorbench.world.world import World


class StationBus(SimulatedSMBus):
    """A bus of a simulated station, and what its twins were asked for and do not model."""

    def __init__(self, bus: SimulatedI2cBus, world: World) -> None:
        super().__init__(bus)
        self._world = world

    @property
    def beyond(self) -> Mapping[str, list[str]]:
        """Return the accesses beyond the twins' models, by serial: let a test fail on them.

        A twin acknowledges what its part does, also where it can do no more.
        """
        return {device: list(record) for device, record in self._world.beyond.items() if record}


def simulated_bus(station: Path | str, bus: str, clock: Clock | None = None) -> StationBus:
    """Return a station's I2C bus with smbus2's API, for programs that know nothing of us.

    Raises InputError for a bus that is not there or not simulated.
    """
    bench = simulated_bench(station, clock)
    if bus not in bench.buses:
        there = ", ".join(bench.buses) or "none"
        raise InputError.one(
            "station.toml", f"bus.{bus}", f"is no simulated bus; there are: {there}"
        )
    return StationBus(bench.buses[bus], bench.world)
