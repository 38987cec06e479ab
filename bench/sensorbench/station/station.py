"""A station that is open: instruments identified, in roles; sockets; one way to make it safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, LinkClosed, ProtocolError
from sensorbench.core.provenance import Identity, Provenance, weakest
from sensorbench.links.i2c import I2cBus, LinuxI2cBus
from sensorbench.links.line import Line, LineSettings
from sensorbench.links.tca9548a.driver import Multiplexers
from sensorbench.parts.model import Lot, Part
from sensorbench.station.catalog import devices
from sensorbench.station.model import I2cLink, InstrumentEntry, Socket, StationFile
from sensorbench.station.roles import ROLES, Sensor, Source
from sensorbench.station.simulation import SimulatedBench


@dataclass(frozen=True, slots=True)
class OpenInstrument:
    """An instrument in its role, after it said who it is."""

    name: str
    entry: InstrumentEntry
    driver: Any
    identity: Identity
    provenance: Provenance


class Station:
    """Everything that was opened. Roles are looked up with `role`, DUTs made with `sensor`."""

    def __init__(
        self,
        file: StationFile,
        clock: Clock,
        instruments: Sequence[OpenInstrument],
        buses: dict[str, I2cBus],
    ) -> None:
        self.file = file
        self.clock = clock
        self.instruments = tuple(instruments)
        self._buses = buses
        self._roles = {instrument.entry.role: instrument for instrument in instruments}
        self._multiplexers = {
            name: Multiplexers(bus, multiplexers_of(file, name)) for name, bus in buses.items()
        }
        self._sockets = {socket.id: socket for socket in file.socket}

    @property
    def provenance(self) -> Provenance:
        """Return the weakest provenance of all instruments and buses."""
        sources = [instrument.provenance for instrument in self.instruments]
        return weakest(sources + [bus.provenance for bus in self._buses.values()])

    def role(self, name: str) -> Any:
        """Return the driver that plays the role, or None."""
        found = self._roles.get(name)  # type: ignore[call-overload]
        return found.driver if found else None

    def socket(self, socket_id: str) -> Socket:
        """Return a socket by its id."""
        return self._sockets[socket_id]

    def bus_at(self, place: I2cLink) -> I2cBus:
        """Return the bus that leads to `place`, through its multiplexer if it has one."""
        if place.multiplexer is None or place.channel is None:
            return self._buses[place.bus]
        return self._multiplexers[place.bus].channel(place.multiplexer, place.channel)

    def sensor(self, socket_id: str, part: Part) -> Sensor:
        """Return a driver for the part in a socket; nothing is sent."""
        place = self._sockets[socket_id]
        driver = devices()[part.part.driver].load_driver()
        sensor: Sensor = driver(self.bus_at(place), place.address, self.clock, **part.part.options)
        return sensor

    def make_safe(self) -> list[str]:
        """Drive every source to its safe state; return what could not be, in words."""
        problems = []
        for instrument in self.instruments:
            if isinstance(instrument.driver, Source):
                try:
                    instrument.driver.make_safe()
                except Exception as error:  # the others must be made safe whatever it was
                    text = str(error).removeprefix(f"{instrument.name}: ")
                    problems.append(
                        f"NOT SAFE: {instrument.name}: {text or type(error).__name__}. "
                        "Make it safe by hand."
                    )
        return problems


def multiplexers_of(file: StationFile, bus: str) -> set[int]:
    """Return the addresses of the multiplexers on a bus."""
    links = [entry.link for entry in file.instrument.values() if isinstance(entry.link, I2cLink)]
    places: list[I2cLink] = [*links, *file.socket]
    return {p.multiplexer for p in places if p.bus == bus and p.multiplexer is not None}


@contextmanager
def open_station(
    file: StationFile,
    clock: Clock,
    lots: Sequence[tuple[Lot, Part]] = (),
    memory: dict[str, str] | None = None,
    wire: bool = False,
) -> Iterator[Station]:
    """Open links, identify every instrument, and close all at the end.

    Simulated instruments are called in this program, or with `wire` served on a pty or a TCP port
    and reached as hardware would be. Raises the BenchError of the first device that fails, with
    its name.
    """
    with ExitStack() as stack:
        bench = SimulatedBench(file, clock, memory if memory is not None else {}, lots)
        buses: dict[str, I2cBus] = dict(bench.buses)
        for name, bus in file.bus.items():
            if bus.kind == "linux" and bus.device:
                try:
                    buses[name] = stack.enter_context(LinuxI2cBus(bus.device))
                except LinkClosed as error:
                    raise LinkClosed(f"{name}: {error}") from None
        # The drivers of I2C instruments need buses that know their multiplexers.
        bare = Station(file, clock, (), buses)
        opened = []
        for name, entry in file.instrument.items():
            link = _line(name, entry, bench, wire, stack)
            opened.append(_open(name, entry, link, bare))
        yield Station(file, clock, opened, buses)


def _open(name: str, entry: InstrumentEntry, line: Line | None, station: Station) -> OpenInstrument:
    driver_class = devices()[entry.model].load_driver()
    options = {**entry.options, **_limits(entry)}
    try:
        if isinstance(entry.link, I2cLink):
            bus = station.bus_at(entry.link)
            driver = driver_class(bus, entry.link.address, station.clock, **options)
            provenance = bus.provenance
            driver.prepare()
        else:
            assert line is not None  # noqa: S101 - every other link is a line
            driver = driver_class(line, station.clock, **options)
            provenance = line.provenance
        identity = driver.identify()
    except BenchError as error:
        error.add_note(f"this was {name}, a {entry.model}, while it was opened")
        raise
    if identity.serial.startswith("SIM-"):
        provenance = Provenance.SIMULATED
    if (
        provenance is Provenance.HARDWARE
        and identity.serial
        and entry.serial
        and identity.serial != entry.serial
    ):
        raise ProtocolError(
            f"{name}: the instrument is number {identity.serial}, station.toml has {entry.serial}. "
            "Is another one connected? Its calibration would be another's."
        )
    return OpenInstrument(name, entry, driver, identity, provenance)


def _limits(entry: InstrumentEntry) -> dict[str, Any]:
    """Return the keywords that narrow the driver's rated range to station.toml's."""
    role = ROLES[entry.role]
    driver = devices()[entry.model].load_driver()
    options: dict[str, Any] = {}
    if role.limits and (entry.low is not None or entry.high is not None):
        low, high = getattr(driver, role.rated)
        options[role.limits] = (
            low if entry.low is None else entry.low,
            high if entry.high is None else entry.high,
        )
    if role.rate_limit and entry.rate is not None:
        options[role.rate_limit] = entry.rate
    return options


def _line(
    name: str, entry: InstrumentEntry, bench: SimulatedBench, wire: bool, stack: ExitStack
) -> Line | None:
    """Return the link to an instrument that is not on I2C. Heavy libraries are imported here."""
    link = entry.link
    if isinstance(link, I2cLink):
        return None
    device = devices()[entry.model]
    settings: LineSettings = device.load_driver().LINE
    if link.kind == "simulated":
        return _simulated_line(name, bench, device.mount or "tcp", settings, wire, stack)
    if link.kind == "serial":
        if link.baud_rate is not None:
            settings = replace(settings, baud_rate=link.baud_rate)
        from sensorbench.links.serial_line import SerialLine  # noqa: PLC0415 - pyserial

        return stack.enter_context(SerialLine(link.port, settings, name))
    if link.kind == "visa":
        from sensorbench.links.visa_line import VisaLine  # noqa: PLC0415 - pyvisa

        return stack.enter_context(VisaLine(link.resource, settings, name))
    from sensorbench.links.tcp_line import TcpLine  # noqa: PLC0415 - with the others

    return stack.enter_context(TcpLine(link.host, link.port or settings.tcp_port, settings, name))


def _simulated_line(
    name: str,
    bench: SimulatedBench,
    mount: str,
    settings: LineSettings,
    wire: bool,
    stack: ExitStack,
) -> Line:
    twin = bench.lines[name]
    if not wire:
        from sensorbench.links.inprocess_line import InProcessLine  # noqa: PLC0415 - as below

        return stack.enter_context(InProcessLine(twin, settings, name))
    from sensorbench.links.mount import PtyMount, TcpMount  # noqa: PLC0415 - only for `wire`

    if mount == "pty":
        from sensorbench.links.serial_line import SerialLine  # noqa: PLC0415 - pyserial

        port = stack.enter_context(PtyMount(twin)).address
        return stack.enter_context(
            SerialLine(port, settings, name, provenance=Provenance.SIMULATED)
        )
    from sensorbench.links.visa_line import VisaLine  # noqa: PLC0415 - pyvisa

    host, _, number = stack.enter_context(TcpMount(twin)).address.rpartition(":")
    resource = f"TCPIP::{host}::{number}::SOCKET"
    return stack.enter_context(VisaLine(resource, settings, name, provenance=Provenance.SIMULATED))
