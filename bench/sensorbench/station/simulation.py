"""The simulated side of a station: the world, and a twin for everything that is simulated.

What station.toml binds for the bench is wired here for the world: what an instrument's twin drives
becomes the field of an address, and each meter senses the address that it is bound to.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, MutableMapping, Sequence, Set
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from sensorbench.core.catalog import Device, devices
from sensorbench.core.clock import Clock
from sensorbench.core.operator import Operator, Question
from sensorbench.core.quantity import Value, components
from sensorbench.links.i2c import I2cTarget, SimulatedI2cBus
from sensorbench.links.line import LineTwin
from sensorbench.links.tca9548a.twin import SimTca9548a
from sensorbench.parts.model import Lot, Part
from sensorbench.parts.values import ValueProblem, read, read_address
from sensorbench.station.binding import Binding, Bindings, bind
from sensorbench.station.cable import cable_of
from sensorbench.station.imposing import impose, more_at
from sensorbench.station.leads import IsClosed, Leads, measures_current
from sensorbench.station.leaving import ABSENT, Leaving, SeatedTwin, cable_name, line_name
from sensorbench.station.links import I2cLink, Link, SimulatedLink, SocketLineLink
from sensorbench.station.lives import take_in
from sensorbench.station.model import InstrumentEntry, Simulation, Socket, StationFile
from sensorbench.station.refs import Ref, find
from sensorbench.world.fields import Constant, Field
from sensorbench.world.twins import Answers, Drives, Loads, Senses, Signal, Signals
from sensorbench.world.world import Fault, Place, World

SILENT = "silent"
_USUAL_V = 3.3


def is_simulated(file: StationFile) -> bool:
    """Return whether nothing of the station is real, so that time need not be either."""
    links = [entry.link for entry in file.instrument.values() if entry.link is not None]
    wired = [link for link in links if not isinstance(link, I2cLink)]
    wired += [socket.line for socket in file.socket if socket.line is not None]
    return (
        all(bus.kind == "simulated" for bus in file.bus.values())
        and all(link.kind == "simulated" for link in wired)
        and bool(file.bus or wired)
    )


@dataclass(slots=True)
class Plugged:
    """A simulated part in its socket."""

    socket: Socket
    place: Place
    twin: Any


@dataclass(slots=True)
class SimulatedOperator:
    """The person at a simulated bench: does what is asked, by the twins of what is done by hand."""

    bench: SimulatedBench
    answers: dict[str, list[str]] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> str:
        self.asked.append(question)
        waiting = self.answers.get(question.what.get("kind", ""), [])
        if waiting:
            return waiting.pop(0)
        for twin in self.bench.twins.values():
            if isinstance(twin, Answers):
                answer = twin.answer(question)
                if answer is not None:
                    return answer
        if question.what.get("kind") == "load":
            self.bench.plug(question.what["serial"], question.what["socket"])
        if question.what.get("kind") == "unload":
            self.bench.unplug(question.what["serial"])
        return question.answers[0] if question.answers else ""


class SimulatedBench:
    """Twins of a station in one world: `buses` for I2C, `lines` for instruments by name.

    `memory` holds what parts keep without supply, and is changed as they do. Parts whose socket is
    fixed are plugged in from the start, others when somebody loads them. With `fed` every quantity
    is at the parts' nominal from the start, for programs that are not runs.
    """

    def __init__(
        self,
        file: StationFile,
        clock: Clock,
        memory: MutableMapping[str, str],
        lots: Sequence[tuple[Lot, Part]] = (),
        bindings: Bindings | None = None,
        fed: bool = False,
    ) -> None:
        setup = file.simulation or Simulation()
        self.file = file
        self.world = World(clock, setup.seed, _ambient(setup), memory)
        self.bindings = bindings or bind(file)
        self.buses = {
            name: SimulatedI2cBus(name, self.world.lock)
            for name, bus in file.bus.items()
            if bus.kind == "simulated"
        }
        self.lines: dict[str, LineTwin] = {}
        self._cables: dict[str, list[LineTwin]] = {}
        self.twins: dict[str, Any] = {}
        self._seats: dict[str, SeatedTwin] = {}
        self.parts: dict[str, Plugged] = {}
        self._leads: dict[str, Leads] = {}
        self.operator: Operator = SimulatedOperator(self)
        self._switches: dict[tuple[str, int], SimTca9548a] = {}
        self._known = {u.serial: (lot.lot.id, part) for lot, part in lots for u in lot.unit}
        self._add_faults(setup)
        self._simulated = is_simulated(file)
        for simple in (True, False):  # what others are made of comes first
            for name, entry in file.instrument.items():
                if bool(entry.members) is not simple:
                    self._add_instrument(name, entry)
        for row in self.bindings.rows.values():
            self._wire(row)
        for socket in file.socket:
            if socket.place is not None:
                self._switch(socket.place)
            if socket.line is not None and socket.line.kind == "simulated":
                self._seats[socket.id] = seat = SeatedTwin()
                self._connect(line_name(socket.id), socket.line, seat)
        for cable, twins in self._cables.items():
            self.lines[cable_name(cable)] = cable_of(twins)
        if fed:
            self._feed([part for _, part in lots])
        impose(file, self.world)
        self._lots = tuple(lots)
        self.plug_fixed()

    @property
    def known(self) -> frozenset[str]:
        """Return the serials of the units that any of the bench's lots has."""
        return frozenset(self._known)

    @property
    def instruments(self) -> frozenset[str]:
        """Return the names of the instruments that have a twin of their own."""
        return frozenset(self.twins)

    @property
    def lock(self) -> threading.RLock:
        """Return what is held while a twin acts."""
        return self.world.lock

    # -- what is to come -------------------------------------------------------------------

    def still_until(self, zone: str, where: str) -> float:
        """Return until when an address stands still and nothing breaks; now, if it moves."""
        return self.world.still_until(zone, where)

    def between_until(self, zone: str, where: str, low: float, high: float) -> float:
        """Return until when an address stays between two values; now, where it may leave them."""
        return self.world.between_until(zone, where, low, high)

    def outside_until(self, zone: str, where: str, low: float, high: float) -> float:
        """Return until when an address is not between two values, or now."""
        return self.world.outside_until(zone, where, low, high)

    # -- faults ----------------------------------------------------------------------------

    def _add_faults(self, setup: Simulation) -> None:
        now = self.world.clock.now()
        for row in setup.fault:
            until = float("inf") if row.until is None else now + row.until
            at = float("-inf") if row.at is None else now + row.at
            names, kind = {row.device}, row.kind
            entry = self.file.instrument.get(row.device)
            if entry is not None:
                names.add(simulated_serial(row.device, entry))
                if kind == ABSENT and not isinstance(entry.link, I2cLink):
                    kind = SILENT  # at a port or a socket, what is not there does not answer
            for name in names:
                self.world.add_fault(name, Fault(kind, at, until))

    # -- instruments -----------------------------------------------------------------------

    def _add_instrument(self, name: str, entry: InstrumentEntry) -> None:
        device = devices().get(entry.model)
        if device is None:
            return
        serial = simulated_serial(name, entry)
        zone = self._zone_of(name)
        if isinstance(entry.link, I2cLink):
            if entry.link.bus in self.buses:
                place = self._own_place(device, serial, zone)
                self._attach(entry.link, device.load_twin()(place), place)
            return
        if entry.link is None and not self._simulated:
            return
        if entry.link is not None and entry.link.kind != "simulated":
            return
        if device.kind == "sensor":  # a part as a reference, on a line of its own
            place = self._own_place(device, serial, zone)
            where = {k: v for k, v in entry.options.items() if k == "address"}
            self._connect(name, entry.link, device.load_twin()(place, **where))
            return
        twin = self._make(device, serial, name, entry)
        self.twins[name] = twin
        if hasattr(twin, "handle"):
            self._connect(name, entry.link, twin)

    def _connect(self, name: str, link: Link | SocketLineLink | None, twin: LineTwin) -> None:
        """Put a twin on a line of its own, or on the cable that it shares."""
        if isinstance(link, SimulatedLink) and link.cable is not None:
            self._cables.setdefault(link.cable, []).append(twin)
        else:
            self.lines[name] = twin

    def _own_place(self, device: Device, serial: str, zone: str) -> Place:
        """Return the place of a reference, which has a supply of its own that suits it."""
        low_v, high_v = device.load_sensor().SUPPLY_V
        supply_v = _USUAL_V if low_v <= _USUAL_V <= high_v else (low_v + high_v) / 2
        return Place(self.world, serial, zone=zone, powered=False, own_supply_v=supply_v)

    def _make(self, device: Device, serial: str, name: str, entry: InstrumentEntry) -> Any:
        twin_class = device.load_twin()
        # What only the driver has, such as how long a meter integrates, comes over the wire.
        known = signature(twin_class).parameters
        options = {key: value for key, value in entry.options.items() if key in known}
        options |= own_name(twin_class, name)
        if not entry.members:
            return twin_class(self.world, serial, **options)
        members = {role: self._member(text) for role, text in entry.members.items()}
        return twin_class(self.world, serial, members, **options)

    def _member(self, text: str) -> Any:
        """Return what a member drives, or, of a switch or a meter, the twin that has it."""
        ref = find(self.file, text, None)
        twin = self.twins[ref.instrument]
        drives = twin.drives if isinstance(twin, Drives) else {}
        if ref.member in drives:
            return drives[ref.member]
        contacts: Mapping[str, Any] = getattr(twin, "contacts", {})
        return contacts.get(ref.member, twin)

    def _zone_of(self, name: str) -> str:
        for (zone, _), row in self.bindings.rows.items():
            if any(ref.instrument == name for ref in row.meters):
                return zone
        return next(iter(self.file.zones))

    def _wire(self, row: Binding) -> None:
        zone, where = self.world.zone(row.zone), str(row.where)
        if row.fixed is not None:
            zone.bind(where, Constant(row.fixed))
        if row.acts is not None:
            field_of = self._drives(row.acts)
            if field_of is not None:
                zone.bind(where, field_of)
        for ref in row.meters:
            twin = self.twins.get(ref.instrument)
            if isinstance(twin, Senses) and not self._is_own(row, ref):
                twin.sense(ref.member, self._signal(row.zone, where))

    def _drives(self, ref: Ref) -> Field | None:
        twin = self.twins.get(ref.instrument)
        return twin.drives.get(ref.member) if isinstance(twin, Drives) else None

    def _is_own(self, row: Binding, ref: Ref) -> bool:
        return row.acts is not None and str(ref) == str(row.acts)

    def _signal(self, zone: str, where: str) -> Signal:
        return lambda: self.world.zone(zone).value(where)

    # -- parts -----------------------------------------------------------------------------

    def plug_fixed(self) -> None:
        """Have every unit with a socket of its own there, as a person does before a run."""
        # A socket that an earlier lot fills stays as it is.
        free = {socket.id for socket in self.file.socket}
        for lot, _ in self._lots:
            for unit in lot.unit:
                if unit.socket in free:
                    free.discard(unit.socket)
                    self.plug(unit.serial, unit.socket)

    def plug(self, serial: str, socket_id: str) -> None:
        """Put a unit of a known lot into a socket; what is there is taken out."""
        with self.world.lock:
            self._plug(serial, socket_id)

    def _plug(self, serial: str, socket_id: str) -> None:
        before = self.parts.get(serial)
        if before is not None and before.socket.id == socket_id:
            return
        for other, plugged in list(self.parts.items()):
            if plugged.socket.id == socket_id or other == serial:
                self.unplug(other)
        socket = next(s for s in self.file.socket if s.id == socket_id)
        lot, part = self._known[serial]
        device = devices()[part.part.driver]
        more = more_at(self.file, socket.zone, socket.id)
        place = Place(self.world, serial, lot=lot, zone=socket.zone, more=more)
        where = socket.addressed if "serial" in device.links else {}
        twin = device.load_twin()(place, **where)
        self.parts[serial] = Plugged(socket, place, twin)
        if "i2c" in device.links and socket.place and socket.place.bus in self.buses:
            self._attach(socket.place, twin, place)
        if "serial" in device.links and socket.id in self._seats:
            self._seats[socket.id].seat(twin, place)
        if isinstance(twin, Loads):
            place.zone.loads[serial] = twin.supply_current_a
        self._connect_meters(socket, twin)

    def plug_all(self, sockets: Mapping[str, str]) -> None:
        """Have units where an earlier program left them; socket by serial."""
        for serial, socket_id in sockets.items():
            if serial in self._known:
                self.plug(serial, socket_id)

    def unplug(self, serial: str) -> None:
        """Take a unit out of its socket; what it went through is kept for its next place."""
        with self.world.lock:
            self._unplug(serial)

    def _unplug(self, serial: str) -> None:
        plugged = self.parts.pop(serial, None)
        if plugged is None:
            return
        plugged.place.leave()
        plugged.place.zone.loads.pop(serial, None)
        for leads in self._leads.values():
            leads.cut(plugged.socket.id)
        if plugged.socket.id in self._seats:
            self._seats[plugged.socket.id].leave()
        link = plugged.socket.place
        if link is not None and link.bus in self.buses:
            switch = self._switch(link)
            if switch is not None and link.channel is not None:
                switch.channels[link.channel].detach(link.address)
            else:
                self.buses[link.bus].detach(link.address)

    def _connect_meters(self, socket: Socket, twin: Any) -> None:
        """Let the socket's own meters sense what the part puts out, or draws."""
        for name, (text, select) in socket.meters.items():
            ref = find(self.file, text, None)
            instrument = self.twins.get(ref.instrument)
            if not isinstance(instrument, Senses):
                continue
            signals = twin.signals if isinstance(twin, Signals) else {}
            signal = signals.get(name)
            if signal is None and isinstance(twin, Loads) and measures_current(ref):
                signal = twin.supply_current_a
            if signal is None:
                continue
            if str(ref) not in self._leads:
                self._leads[str(ref)] = Leads(adds_up=measures_current(ref))
                instrument.sense(ref.member, self._leads[str(ref)].felt)
            self._leads[str(ref)].wire(socket.id, signal, self._is_closed(select))

    def _is_closed(self, select: str) -> IsClosed:
        """Return what tells whether a switch is closed; a wire without one always is."""
        if not select:
            return lambda: True
        ref = find(self.file, select, None)
        contacts: Mapping[str, Field] = getattr(self.twins.get(ref.instrument), "contacts", {})
        contact = contacts.get(ref.member)
        if contact is None:
            return lambda: True
        now = self.world.clock.now
        return lambda: components(contact.at(now()))[0] > 0.0

    def take_in(self, life: str) -> None:
        """Know a run's life: what its units go through is in this world."""
        take_in(self.world.memory, life)

    def leave_all(self) -> None:
        """Keep what every unit went through, at the end of a program."""
        for plugged in self.parts.values():
            plugged.place.leave()

    # -- buses -----------------------------------------------------------------------------

    def feed_unfed(self) -> None:
        """Have every quantity that nothing of the station gives at the parts' nominal."""
        with self.world.lock:
            self.world.changing()
            self._feed([part for _, part in self._lots], but=set(self.bindings.rows))

    def _feed(self, parts: Sequence[Part], but: Set[tuple[str, str]] = frozenset()) -> None:
        for part in parts:
            for where, span in part.ranges.items():
                for zone in self.file.zones if "nominal" in span.words else ():
                    if (zone, where) not in but:
                        self.world.zone(zone).bind(where, Constant(span.words["nominal"]))

    def _attach(self, link: I2cLink, twin: I2cTarget, place: Place) -> None:
        target = Leaving(twin, place)
        switch = self._switch(link)
        if switch is not None and link.channel is not None:
            switch.attach(link.channel, link.address, target)
        else:
            self.buses[link.bus].attach(link.address, target)

    def _switch(self, link: I2cLink) -> SimTca9548a | None:
        """Return the multiplexer's twin that leads to a place, made at its first use."""
        if link.multiplexer is None or link.bus not in self.buses:
            return None
        key = (link.bus, link.multiplexer)
        if key not in self._switches:
            self._switches[key] = SimTca9548a()
            self.buses[link.bus].attach(link.multiplexer, self._switches[key])
        return self._switches[key]


def own_name(made: type[Any], name: str) -> dict[str, str]:
    """Return the option that tells a driver or a twin its name in the station, if it takes one."""
    return {"name": name} if "name" in signature(made).parameters else {}


def _ambient(setup: Simulation) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for where, raw in setup.ambient.items():
        try:
            found[where] = read(raw, read_address(where), None)
        except ValueProblem as error:
            raise ValueError(f"simulation.ambient.{where}: {error}") from None
    return found


def simulated_serial(name: str, entry: InstrumentEntry) -> str:
    """Return the serial number that a twin tells: always marked as simulated."""
    serial = entry.serial or name
    return serial if serial.startswith("SIM-") else f"SIM-{serial}"
