"""A station that is open: instruments identified, members bound to addresses, one way to be safe.

The rules:
- Opening and identifying change nothing at an instrument. What an earlier program left in it is
  recorded and cleared by `take`, when a run begins.
- Everything that acts is reached by zone and address; nobody above asks for an instrument by name.
- Making safe goes by rank, in parallel within a rank; one that fails does not delay the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

from sensorbench.core.catalog import Device, devices
from sensorbench.core.clock import Clock, VirtualClock
from sensorbench.core.device import Alarming, Sensor, Taken
from sensorbench.core.errors import BenchError, LinkClosed, ProtocolError
from sensorbench.core.operator import Operator
from sensorbench.core.provenance import Identity, Provenance, weakest
from sensorbench.instruments.given import identity_of, texts_of
from sensorbench.instruments.members import Member, Meter, Setpoint, Switch
from sensorbench.links.i2c import I2cBus
from sensorbench.links.line import Line, LineSettings
from sensorbench.links.tca9548a.driver import Multiplexers
from sensorbench.parts.model import Lot, Part
from sensorbench.station.again import Again, once_more, only_once
from sensorbench.station.binding import Binding, Bindings, bind
from sensorbench.station.device_keys import number_key
from sensorbench.station.leads import selected
from sensorbench.station.lines import StationLines
from sensorbench.station.links import I2cLink, SerialLink, SocketLineLink, TcpLink, VisaLink
from sensorbench.station.locks import held, held_where_possible, station_keys
from sensorbench.station.model import InstrumentEntry, Socket, StationFile
from sensorbench.station.person import Terminal
from sensorbench.station.refs import Ref, find
from sensorbench.station.sensors import SensorMeters
from sensorbench.station.simulation import SimulatedBench, own_name
from sensorbench.station.twin_bench import TwinBench

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OpenInstrument:
    """An instrument that said who it is."""

    name: str
    entry: InstrumentEntry
    driver: object
    identity: Identity
    provenance: Provenance

    def member(self, name: str) -> Member:
        """Return a bound member by name."""
        return cast("Member", getattr(self.driver, name))


class Station:
    """Everything that was opened, bound to addresses."""

    def __init__(
        self,
        file: StationFile,
        clock: Clock,
        bindings: Bindings,
        instruments: Sequence[OpenInstrument],
        buses: Mapping[str, I2cBus],
        operator: Operator,
        bench: TwinBench | None = None,
        multiplexers: Mapping[str, Multiplexers] | None = None,
        lines: StationLines | None = None,
    ) -> None:
        self.file = file
        self.clock = clock
        self.bindings = bindings
        self.instruments = tuple(instruments)
        self.operator = operator
        self.bench = bench
        # Which were opened at the second try, and why.
        self.opened_again: dict[str, str] = {}
        self._by_name = {instrument.name: instrument for instrument in instruments}
        self._buses = buses
        self._lines = lines
        self._multiplexers = multiplexers or multiplexers_on(file, buses)
        self._sockets = {socket.id: socket for socket in file.socket}
        # Asked every few seconds for weeks: what each one can do is looked at once.
        self.alarming = [
            (instrument.name, instrument.driver)
            for instrument in instruments
            if isinstance(instrument.driver, Alarming)
        ]

    @property
    def provenance(self) -> Provenance:
        """Return the weakest provenance of all instruments, buses and sockets' lines."""
        sources = [instrument.provenance for instrument in self.instruments]
        sources += [bus.provenance for bus in self._buses.values()]
        return weakest(sources + [_of_line(s.line) for s in self.file.socket if s.line])

    @property
    def numbers(self) -> tuple[str, ...]:
        """Return the keys of the real instruments that told their serial number."""
        return tuple(
            number_key(one.identity)
            for one in self.instruments
            if one.provenance is Provenance.HARDWARE and one.identity.serial
        )

    # -- members ---------------------------------------------------------------------------

    def member(self, ref: Ref) -> Member:
        """Return the bound member that a reference names."""
        return self._by_name[ref.instrument].member(ref.member)

    def setpoint(self, zone: str, where: str) -> Setpoint:
        """Return what acts on an address. Raises KeyError where nothing does."""
        row = self.bindings.rows[zone, where]
        found = self.member(row.acts) if row.acts else None
        if not isinstance(found, Setpoint):
            raise KeyError(where)
        return found

    def acting(self, zone: str, where: str) -> Setpoint | None:
        """Return what acts on an address, None where nothing does."""
        try:
            return self.setpoint(zone, where)
        except KeyError:
            return None

    def meters(self, row: Binding) -> list[tuple[str, Meter]]:
        """Return every meter in the place of a binding, the reference first."""
        found = [(str(ref), self.member(ref)) for ref in row.meters]
        return [(name, member) for name, member in found if isinstance(member, Meter)]

    def meter_named(self, text: str) -> Meter:
        """Return a meter by its name in station.toml. Raises LookupError."""
        found = self.member(find(self.file, text, None))
        if not isinstance(found, Meter):
            raise LookupError(f"{text} reads nothing")
        return found

    def switch_named(self, text: str) -> Switch:
        """Return a switch by its name in station.toml. Raises LookupError."""
        return self.switch_of(find(self.file, text, None))

    def switch_of(self, ref: Ref) -> Switch:
        """Return the switch that a reference names. Raises LookupError."""
        found = self.member(ref)
        if not isinstance(found, Switch):
            raise LookupError(f"{ref} is no switch")
        return found

    # -- parts -----------------------------------------------------------------------------

    def socket(self, socket_id: str) -> Socket:
        """Return a socket by its id."""
        return self._sockets[socket_id]

    def socket_meter(self, socket: Socket, name: str) -> Meter:
        """Return a socket's own meter; one behind a switch is joined only while it reads.

        Raises LookupError.
        """
        text, select = socket.meters[name]
        meter = self.meter_named(text)
        return selected(meter, self.switch_named(select)) if select else meter

    def bus_at(self, place: I2cLink) -> I2cBus:
        """Return the bus that leads to `place`, through its multiplexer if it has one."""
        if place.multiplexer is None or place.channel is None:
            return self._buses[place.bus]
        return self._multiplexers[place.bus].channel(place.multiplexer, place.channel)

    def provenance_at(self, socket: Socket) -> Provenance:
        """Return the provenance of the link that leads to a socket."""
        if socket.place is not None:
            return self.bus_at(socket.place).provenance
        return _of_line(socket.line)

    def sensor(self, socket_id: str, part: Part | str) -> Sensor:
        """Return a driver for the part in a socket; nothing is sent."""
        socket = self._sockets[socket_id]
        device = devices()[part if isinstance(part, str) else part.part.driver]
        if "meters" in device.links:
            meters = {name: self.socket_meter(socket, name) for name in socket.meters}
            return cast("Sensor", device.load_driver()(meters, self.clock))
        if "serial" in device.links:
            assert self._lines is not None  # noqa: S101 - open_station gives them
            driver = device.load_driver()
            line = self._lines.to_socket(socket, driver.LINE)
            return cast("Sensor", driver(line, self.clock, **socket.addressed))
        assert socket.place is not None  # noqa: S101 - preflight saw to it
        bus = self.bus_at(socket.place)
        return cast("Sensor", device.load_driver()(bus, socket.place.address, self.clock))

    # -- the whole -------------------------------------------------------------------------

    def take(self, again: Again = only_once) -> dict[str, tuple[str, ...]]:
        """Return by instrument what earlier programs left in them, and clear it."""
        found = {}
        for instrument in self.instruments:
            if isinstance(instrument.driver, Taken):
                name, driver = instrument.name, instrument.driver
                left = texts_of(again(driver.take, name), "what was left in it", name, type(driver))
                if left:
                    found[name] = left
        return found

    def still_until(self, zone: str, where: str) -> float:
        """Return until when an address stands still in the simulated world; now if it is real."""
        if self.bench is None or not isinstance(self.clock, VirtualClock):
            return self.clock.now()
        return self.bench.still_until(zone, where)

    def between_until(self, zone: str, where: str, low: float, high: float) -> float:
        """Return until when an address of the simulated world stays between two values."""
        if self.bench is None or not isinstance(self.clock, VirtualClock):
            return self.clock.now()
        return self.bench.between_until(zone, where, low, high)

    def outside_until(self, zone: str, where: str, low: float, high: float) -> float:
        """Return until when an address of the simulated world is not between two values."""
        if self.bench is None or not isinstance(self.clock, VirtualClock):
            return self.clock.now()
        return self.bench.outside_until(zone, where, low, high)


def _of_line(line: SocketLineLink | None) -> Provenance:
    is_real = isinstance(line, SerialLink | TcpLink)
    return Provenance.HARDWARE if is_real else Provenance.SIMULATED


def multiplexers_on(file: StationFile, buses: Mapping[str, I2cBus]) -> dict[str, Multiplexers]:
    """Return the multiplexers of each bus. Once a station: they remember which channel is on."""
    return {name: Multiplexers(bus, multiplexers_of(file, name)) for name, bus in buses.items()}


def multiplexers_of(file: StationFile, bus: str) -> set[int]:
    """Return the addresses of the multiplexers on a bus."""
    places = [entry.link for entry in file.instrument.values() if isinstance(entry.link, I2cLink)]
    places += [socket.place for socket in file.socket if socket.place is not None]
    return {p.multiplexer for p in places if p.bus == bus and p.multiplexer is not None}


@contextmanager
def open_station(
    file: StationFile,
    clock: Clock,
    lots: Sequence[tuple[Lot, Part]] = (),
    memory: dict[str, str] | None = None,
    wire: bool = False,
    operator: Operator | None = None,
    purpose: str = "sensorbench",
    lost: dict[str, str] | None = None,
    twins: TwinBench | None = None,
) -> Iterator[Station]:
    """Open links, identify every instrument, and close all at the end.

    Whatever is real is held for this program alone; `purpose` is what the next one is told. Raises
    Held before anything is opened.

    Simulated instruments are called in this program, or with `wire` served on a pty or a TCP port
    and reached as hardware would be; `twins` are those of a world that is there
    already. Raises the BenchError of the first device that fails, with its name, after a second
    try; with `lost` that is kept there by name, and the station is open without the device.
    """
    bindings = bind(file)
    with ExitStack() as stack:
        hold = held if lost is None else held_where_possible
        stack.enter_context(hold(station_keys(file, tcp_port), purpose))
        bench: TwinBench = twins or SimulatedBench(
            file, clock, memory if memory is not None else {}, lots, bindings
        )
        stack.callback(bench.leave_all)
        buses: dict[str, I2cBus] = dict(bench.buses)
        for name, bus in file.bus.items():
            if bus.adapter is not None:
                try:
                    buses[name] = stack.enter_context(bus.adapter.open(bus.where, bus.speed))
                except LinkClosed as error:
                    raise LinkClosed(f"{name}: {error}") from None
        simulated = bool(bench.instruments or bench.buses or bench.lines)
        person = operator or (bench.operator if simulated else Terminal())
        multiplexers = multiplexers_on(file, buses)
        lines = StationLines(file, bench, wire, stack)
        opener = _Opener(
            file, clock, bindings, bench, buses, person, lines, stack, multiplexers, purpose, lost
        )
        there = bench if simulated else None
        station = Station(
            file, clock, bindings, opener.open_all(), buses, person, there, multiplexers, lines
        )
        station.opened_again.update(opener.opened_again)
        yield station


def tcp_port(model: str) -> int:
    """Return the port that an instrument listens on by itself."""
    settings: LineSettings = devices()[model].load_driver().LINE
    return settings.tcp_port


@dataclass(slots=True)
class _Opener:
    """Opens the instruments of a station, those that are made of others last."""

    file: StationFile
    clock: Clock
    bindings: Bindings
    bench: TwinBench
    buses: Mapping[str, I2cBus]
    person: Operator
    lines: StationLines
    stack: ExitStack
    multiplexers: Mapping[str, Multiplexers]
    purpose: str
    lost: dict[str, str] | None = None
    opened_again: dict[str, str] = field(default_factory=dict)

    def open_all(self) -> list[OpenInstrument]:
        """Return the instruments in the order of the file."""
        # Drivers of I2C instruments need buses that know their multiplexers.
        bare = Station(
            self.file, self.clock, self.bindings, (), self.buses, self.person, None,
            self.multiplexers,
        )  # fmt: skip
        found: dict[str, OpenInstrument] = {}
        for simple in (True, False):
            entries = [
                (name, entry)
                for name, entry in self.file.instrument.items()
                if bool(entry.members) is not simple
            ]
            if self.lost is None:
                self._try_each(entries, bare, found)
                continue
            # Who wants what there is wants it soon: one that is mute holds up no other line.
            own = [e for e in entries if isinstance(e[1].link, SerialLink | TcpLink | VisaLink)]
            shared = [e for e in entries if e not in own]
            self.clock.gather(
                [partial(self._try_each, part, bare, found) for part in ([e] for e in own)]
                + [partial(self._try_each, shared, bare, found)]
            )
        return [found[name] for name in self.file.instrument if name in found]

    def _try_each(
        self,
        entries: Sequence[tuple[str, InstrumentEntry]],
        bare: Station,
        found: dict[str, OpenInstrument],
    ) -> None:
        for name, entry in entries:
            self._try(name, entry, bare, found)

    def _try(
        self, name: str, entry: InstrumentEntry, bare: Station, found: dict[str, OpenInstrument]
    ) -> None:
        """Open an instrument; without it where that fails and the caller wants to know."""
        if self.lost is None:
            found[name] = self._open(name, entry, bare, found)
            return
        needed = {text.partition(".")[0] for text in entry.members.values()}
        gone = sorted(needed & set(self.lost))
        try:
            if gone:
                raise BenchError(f"it is made of {', '.join(gone)}, which can't be reached")
            found[name] = self._open(name, entry, bare, found)
        except BenchError as error:
            self.lost[name] = str(error)

    def _open(
        self, name: str, entry: InstrumentEntry, bare: Station, others: dict[str, OpenInstrument]
    ) -> OpenInstrument:
        device = devices()[entry.model]
        driver_class = device.load_driver()
        try:
            driver: Any
            if isinstance(entry.link, I2cLink):
                bus = bare.bus_at(entry.link)
                sensor = driver_class(bus, entry.link.address, self.clock)
                driver = SensorMeters(name, cast("Sensor", sensor), self.clock, entry.options)
                provenance = bus.provenance
            elif entry.link is not None:
                line = self._again(name, partial(self._line, name, entry, device))
                driver = (
                    self._reference(name, entry, driver_class, line)
                    if device.kind == "sensor"
                    else driver_class(line, self.clock, **entry.options)
                )
                provenance = line.provenance
            else:
                driver, provenance = self._linkless(name, entry, device, others)
            identity = identity_of(self._again(name, driver.identify), name, driver_class)
        except BenchError as error:
            error.add_note(f"this was {name}, a {entry.model}, while it was opened")
            raise
        return self._checked(name, entry, driver, identity, provenance)

    def _again(self, name: str, work: Callable[[], T]) -> T:
        """Do it, once more where the bytes did not travel; who wants what there is tries anyway."""
        if self.lost is not None:
            return work()
        return once_more(
            work, self.clock, lambda error: self.opened_again.update({name: str(error)})
        )

    def _reference(
        self, name: str, entry: InstrumentEntry, driver_class: type[Any], line: Line
    ) -> SensorMeters:
        """Return a part on a line as an instrument; where it is spoken to is no setting of it."""
        settings = dict(entry.options)
        where = {key: settings.pop(key) for key in ("address",) if key in settings}
        return SensorMeters(name, driver_class(line, self.clock, **where), self.clock, settings)

    def _linkless(
        self,
        name: str,
        entry: InstrumentEntry,
        device: Device,
        others: dict[str, OpenInstrument],
    ) -> tuple[object, Provenance]:
        driver_class = device.load_driver()
        options = {**entry.options, **own_name(driver_class, name)}
        simulated = name in self.bench.instruments
        provenance = Provenance.SIMULATED if simulated else Provenance.HARDWARE
        if "members" in device.links:
            refs = {role: find(self.file, text, None) for role, text in entry.members.items()}
            members = {
                role: others[ref.instrument].member(ref.member) for role, ref in refs.items()
            }
            sources = [others[ref.instrument].provenance for ref in refs.values()]
            return driver_class(members, self.clock, **options), weakest([provenance, *sources])
        if "person" in device.links:
            return driver_class(self.person, self.clock, **options), provenance
        return driver_class(self.clock, **options), provenance

    def _checked(
        self,
        name: str,
        entry: InstrumentEntry,
        driver: object,
        identity: Identity,
        provenance: Provenance,
    ) -> OpenInstrument:
        if identity.serial.startswith("SIM-"):
            provenance = Provenance.SIMULATED
        if (
            provenance is Provenance.HARDWARE
            and identity.serial
            and entry.serial
            and identity.serial != entry.serial
        ):
            raise ProtocolError(
                f"{name}: the instrument is number {identity.serial}, station.toml has "
                f"{entry.serial}. Is another one connected? Its calibration would be another's."
            )
        if provenance is Provenance.HARDWARE and identity.serial:
            # It may have two plugs: who came by the other one is met here.
            key = number_key(identity)
            hold = held if self.lost is None else held_where_possible
            self.stack.enter_context(hold([key], self.purpose))
        return OpenInstrument(name, entry, driver, identity, provenance)

    def _line(self, name: str, entry: InstrumentEntry, device: Device) -> Line:
        settings: LineSettings = device.load_driver().LINE
        link = entry.link
        assert link is not None and not isinstance(link, I2cLink)  # noqa: S101, PT018
        mount = device.mount or "tcp"
        return self.lines.to_instrument(name, link, entry.model, mount, settings)
