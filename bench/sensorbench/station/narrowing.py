"""A station of only what some sockets need, so that nothing else is opened, locked or asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sensorbench.core.quantity import address
from sensorbench.station.links import I2cLink
from sensorbench.station.model import BenchTable, Socket, StationFile


def narrow(
    file: StationFile,
    sockets: Iterable[str],
    by_meters: Mapping[str, Iterable[str]] | None = None,
    power: bool = False,
) -> StationFile:
    """Return `file` with the buses and instruments that reading `sockets` takes.

    Sockets in `by_meters` are read through the meters whose keys it gives, the others over their
    link; with `power` what feeds their zones is kept too. Where any of it is simulated the
    simulated bench stays whole: it is one world, and opening it touches nothing.
    """
    through = {} if by_meters is None else by_meters
    asked = set(sockets)
    wanted = [socket for socket in file.socket if socket.id in asked]
    reached = [socket for socket in wanted if socket.id not in through]
    buses = {socket.place.bus for socket in reached if socket.place is not None}
    lines = {socket.id for socket in reached if socket.line is not None}
    names: set[str] = set()
    for socket in wanted:
        taken = [socket.meters[name] for name in through.get(socket.id, ())]
        names |= _with_members(file, (text for pair in taken for text in pair))
    if power:
        for _, table in feeding(file, {socket.zone for socket in wanted}):
            names |= _with_members(file, (table.set, table.select))
    buses |= _buses_of(file, names)
    twins = {s.id for s in file.socket if s.line is not None and s.line.kind == "simulated"}
    if lines & twins or _touches_simulated(file, buses, names):
        names, buses = _and_all_simulated(file, buses, names)
        lines |= twins
    zones = {
        name: zone.model_copy(update={"bench": _tables(zone.bench, names)})
        for name, zone in file.zone.items()
    }
    stripped = [_socket(socket, names, buses, lines) for socket in file.socket]
    # Its parts were validated as they stand; what is left out can't make them wrong.
    return StationFile.model_construct(
        station=file.station,
        simulation=file.simulation,
        bus={name: bus for name, bus in file.bus.items() if name in buses},
        instrument={name: entry for name, entry in file.instrument.items() if name in names},
        bench=_tables(file.bench, names),
        zone=zones,
        elsewhere=file.elsewhere,
        socket=tuple(s for s in stripped if s.link is not None or s.model_extra),
    )


def feeding(file: StationFile, zones: Iterable[str]) -> list[tuple[str, BenchTable]]:
    """Return zone and bench table of everything that feeds the parts of `zones`."""
    wanted = set(zones)
    return [
        (name, table)
        for name, zone in file.zones.items()
        for where, table in zone.bench.items()
        if name in wanted and address(where).quantity.feeds
    ]


def _with_members(file: StationFile, texts: Iterable[str | None]) -> set[str]:
    """Return the instruments that texts such as "psu.out1" name, and what those are made of."""
    found: set[str] = set()
    todo = [text.partition(".")[0] for text in texts if text]
    while todo:
        name = todo.pop()
        entry = file.instrument.get(name)
        if entry is not None and name not in found:
            found.add(name)
            todo += [text.partition(".")[0] for text in entry.members.values()]
    return found


def _buses_of(file: StationFile, names: Iterable[str]) -> set[str]:
    links = [file.instrument[name].link for name in names]
    return {link.bus for link in links if isinstance(link, I2cLink)}


def _is_simulated(file: StationFile, name: str) -> bool:
    link = file.instrument[name].link
    if isinstance(link, I2cLink):
        return link.bus in file.bus and file.bus[link.bus].kind == "simulated"
    return link is not None and link.kind == "simulated"


def _touches_simulated(file: StationFile, buses: set[str], names: set[str]) -> bool:
    on_buses = any(file.bus[bus].kind == "simulated" for bus in buses if bus in file.bus)
    return on_buses or any(_is_simulated(file, name) for name in names)


def _and_all_simulated(
    file: StationFile, buses: set[str], names: set[str]
) -> tuple[set[str], set[str]]:
    names = names | {name for name in file.instrument if _is_simulated(file, name)}
    for name, entry in file.instrument.items():
        made_of = _with_members(file, entry.members.values())
        if entry.link is None and made_of <= names | {name}:
            names.add(name)
    return names, buses | {name for name, bus in file.bus.items() if bus.kind == "simulated"}


def _tables(tables: dict[str, BenchTable], names: set[str]) -> dict[str, BenchTable]:
    """Return what holds without the instruments that are left out."""

    def there(text: str | None) -> bool:
        return bool(text) and str(text).partition(".")[0] in names

    found = {}
    for where, table in tables.items():
        if table.set and not (there(table.set) and (not table.select or there(table.select))):
            continue
        believed = table.reference == "set" or there(table.reference)
        changes = {
            "reference": table.reference if believed else None,
            "watch": tuple(text for text in table.watch if there(text)),
        }
        if table.set or table.fixed is not None or any(changes.values()):
            found[where] = table.model_copy(update=changes)
    return found


def _socket(socket: Socket, names: set[str], buses: set[str], lines: set[str]) -> Socket:
    """Return a socket with the link and the meters that are there."""
    is_there = socket.place.bus in buses if socket.place is not None else socket.id in lines
    link = socket.link if is_there else None
    kept = {
        name: raw
        for name, raw in (socket.model_extra or {}).items()
        if all(not text or text.partition(".")[0] in names for text in socket.meters[name])
    }
    return Socket.model_construct(id=socket.id, zone=socket.zone, link=link, **kept)
