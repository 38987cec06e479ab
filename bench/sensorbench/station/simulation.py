"""The simulated side of a station: the world, and a twin for everything that is simulated."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from sensorbench.core.clock import Clock
from sensorbench.links.i2c import I2cTarget, SimulatedI2cBus
from sensorbench.links.line import LineTwin
from sensorbench.links.tca9548a.twin import SimTca9548a
from sensorbench.parts.model import Lot, Part
from sensorbench.station.catalog import devices
from sensorbench.station.model import I2cLink, InstrumentEntry, Simulation, StationFile
from sensorbench.world.world import Place, World

ABSENT = "absent"


class SimulatedBench:
    """Twins of a station in one world: `buses` for I2C, `lines` for instruments by name.

    `memory` holds what parts keep without supply, and is changed as they do.
    """

    def __init__(
        self,
        file: StationFile,
        clock: Clock,
        memory: MutableMapping[str, str],
        lots: Sequence[tuple[Lot, Part]] = (),
    ) -> None:
        setup = file.simulation or Simulation()
        self.world = World(clock, setup.seed, setup.ambient, setup.ambient_pressure, memory)
        self.buses = {
            name: SimulatedI2cBus(name) for name, bus in file.bus.items() if bus.kind == "simulated"
        }
        self.lines: dict[str, LineTwin] = {}
        self._switches: dict[tuple[str, int], SimTca9548a] = {}
        self._faults = {fault.serial: fault.kind for fault in setup.fault}
        for name, entry in file.instrument.items():
            self._add_instrument(name, entry)
        for socket in file.socket:
            self._switch(socket)
        # A socket that an earlier lot fills stays as it is.
        free = {socket.id: socket for socket in file.socket}
        for lot, part in lots:
            for unit in lot.unit:
                place = free.pop(unit.socket, None)
                if place is not None:
                    self._add_unit(place, unit.serial, lot.lot.id, part)

    def power(self, voltage_v: float = 3.3) -> None:
        """Feed all parts, for programs that have no supply of their own."""
        self.world.rails[1].set_voltage(voltage_v)
        self.world.rails[1].switch(True)

    def _add_instrument(self, name: str, entry: InstrumentEntry) -> None:
        twin_class = devices()[entry.model].load_twin()
        serial = simulated_serial(name, entry)
        if isinstance(entry.link, I2cLink):
            if entry.link.bus in self.buses:
                self._attach(entry.link, twin_class(Place(self.world, serial, on_rail=False)))
        elif entry.link.kind == "simulated":
            self.lines[name] = twin_class(self.world, serial)

    def _add_unit(self, place: I2cLink, serial: str, lot: str, part: Part) -> None:
        fault = self._faults.get(serial)
        if place.bus not in self.buses or fault == ABSENT:
            return
        twin_class = devices()[part.part.driver].load_twin()
        options: dict[str, Any] = {"fault": fault} if fault else {}
        self._attach(place, twin_class(Place(self.world, serial, lot=lot), **options))

    def _attach(self, place: I2cLink, twin: I2cTarget) -> None:
        switch = self._switch(place)
        if switch is not None and place.channel is not None:
            switch.attach(place.channel, place.address, twin)
        else:
            self.buses[place.bus].attach(place.address, twin)

    def _switch(self, place: I2cLink) -> SimTca9548a | None:
        """Return the multiplexer's twin that leads to `place`, made at its first use."""
        if place.multiplexer is None or place.bus not in self.buses:
            return None
        key = (place.bus, place.multiplexer)
        if key not in self._switches:
            self._switches[key] = SimTca9548a()
            self.buses[place.bus].attach_switch(place.multiplexer, self._switches[key])
        return self._switches[key]


def simulated_serial(name: str, entry: InstrumentEntry) -> str:
    """Return the serial number that a twin tells: always marked as simulated."""
    serial = entry.serial or name
    return serial if serial.startswith("SIM-") else f"SIM-{serial}"
