"""Each line serves one device, each adapter is one bus: what station.toml names twice.

A cable that several share, as RS-485 or one behind a gateway, is one line for all who are spoken to
by an `address` of their own there, instruments and parts in sockets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sensorbench.core.catalog import devices
from sensorbench.links.line import LineSettings
from sensorbench.station.device_keys import bus_key, serial_key
from sensorbench.station.leaving import cable_name
from sensorbench.station.links import (
    Link,
    SerialLink,
    SimulatedLink,
    SocketLineLink,
    TcpLink,
    VisaLink,
    settings_of,
)
from sensorbench.station.model import StationFile

_INTERFACE = re.compile(r"([A-Z]+)(\d*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class User:
    """Who is reached over a line: its key in station.toml, and how it is spoken to.

    `settings` are its driver's, None of a part: which one is in a socket, lots say.
    """

    key: str
    link: Link | SocketLineLink
    address: object
    settings: LineSettings | None

    @property
    def name(self) -> str:
        """Return what it is called in messages of its line."""
        return self.key.removeprefix("instrument.")


def users(file: StationFile) -> dict[str, list[User]]:
    """Return who is at each line, in the order of the file."""
    found: dict[str, list[User]] = {}
    for name, entry in file.instrument.items():
        if entry.link is not None:
            settings = _line_of(entry.model)
            user = User(f"instrument.{name}", entry.link, entry.options.get("address"), settings)
            found.setdefault(line_key(entry.link, entry.model), []).append(user)
    for socket in file.socket:
        if socket.line is not None:
            user = User(f"socket {socket.id}", socket.line, socket.line.address, None)
            found.setdefault(line_key(socket.line, ""), []).append(user)
    found.pop("", None)
    return found


def named_twice(file: StationFile) -> Iterator[tuple[str, str]]:
    """Yield the key and the words of every line and adapter that was named before.

    Names are compared as they are written: nothing is looked up in the network.
    """
    for there in users(file).values():
        for number, user in enumerate(there):
            for other in there[:number]:
                why = _apart(user, other)
                if why:
                    written = f"is {_written(user.link)}, where {other.key} is, too"
                    yield f"{user.key}.link", f"{written}: {why}"
                    break
    yield from _adapters_named_twice(file)


def _adapters_named_twice(file: StationFile) -> Iterator[tuple[str, str]]:
    seen: dict[str, dict[str, str]] = {}  # by kind, name by key
    for name, bus in file.bus.items():
        adapter = bus.adapter
        if adapter is None:
            continue
        this = bus_key(bus.where) if adapter.usb is None else bus.where
        others = seen.setdefault(bus.kind, {})
        key = f"bus.{name}.{adapter.key}"
        if bus.where and this in others:
            yield key, f"is {bus.where}, which bus.{others[this]} is, too"
        elif others and (not bus.where or "" in others):
            other = next(iter(others.values()))
            text = f"bus.{other} is a {adapter.title}, too: each of several needs its serial; "
            yield key, text + "`sensorbench devices --scan` shows those that are plugged in"
        others.setdefault(this, name)


def _apart(one: User, other: User) -> str:
    """Return why two can't be on one line, "" where they can."""
    if None in (one.address, other.address) or VisaLink in (type(one.link), type(other.link)):
        return "each needs a line of its own, or on one cable an `address` of its own"
    if one.address == other.address:
        return f"both have the address {one.address}: each on one cable has its own"
    settings = [(user.link, user.settings) for user in (one, other) if user.settings is not None]
    if len({_bytes(user) for user in (one, other)}) > 1 or len({wire_of(*s) for s in settings}) > 1:
        return "all on one cable are spoken to alike: write the same link for both"
    return ""


def wire_of(link: Link | SocketLineLink, settings: LineSettings) -> LineSettings:
    """Return how the bytes of a device travel, as its driver and its link say.

    Each keeps its own deadline and pause, which don't part them. A simulated cable has no baud
    rate.
    """
    told = settings_of(link, settings)
    if isinstance(link, SimulatedLink):
        return LineSettings(told.write_terminator, told.read_terminator, encoding=told.encoding)
    return replace(told, timeout_s=0.0, pause_s=0.0, tcp_port=0)


def _bytes(user: User) -> str:
    """Return what a link itself says of how bytes travel."""
    return str(user.link.model_dump(exclude={"address", "timeout", "pause", "port"}))


def line_key(link: Link | SocketLineLink | None, model: str) -> str:
    """Return what the line of a link is called, one name for one line; "" where it has none."""
    match link:
        case SerialLink():
            return port_key(link)
        case TcpLink(host=host, port=port):
            number = port or _usual_port(model)
            return _host(host, number) if number else ""
        case VisaLink(resource=resource):
            return _resource(resource)
        case SimulatedLink(cable=str(cable)):
            return cable_name(cable)
        case _:
            return ""


def port_key(link: SerialLink) -> str:
    """Return what a serial port is called, one name for one port."""
    return serial_key(link.port) if link.remote is None else _host(*link.remote)


def _line_of(model: str) -> LineSettings | None:
    device = devices().get(model)
    driver = device.usable() if device is not None else None
    return getattr(driver, "LINE", None)


def _usual_port(model: str) -> int:
    settings = _line_of(model)
    return settings.tcp_port if settings is not None else 0


def _host(host: str, port: int) -> str:
    return f"host {host.strip('[]').rstrip('.').lower()}:{port}"


def _resource(resource: str) -> str:
    """Return a VISA resource with what may be left out: board 0, device inst0, INSTR."""
    first, *parts = resource.upper().split("::")
    match = _INTERFACE.fullmatch(first)
    interface, board, rest = match.groups() if match else (first, "", "")
    if interface == "TCPIP" and parts[-1:] == ["SOCKET"] and len(parts) == 3:
        return _host(parts[0], int(parts[1]))
    parts = parts[:-1] if parts[-1:] == ["INSTR"] else parts
    parts = parts[:1] if interface == "TCPIP" and parts[1:] == ["INST0"] else parts
    return "VISA " + "::".join((f"{interface}{board or 0}{rest}", *parts))


def _written(link: Link | SocketLineLink) -> str:
    """Return a line as station.toml writes it."""
    match link:
        case SerialLink(port=where) | TcpLink(host=where) | VisaLink(resource=where):
            return where
        case SimulatedLink(cable=str(cable)):
            return f"on the cable {cable}"
        case _:
            return ""
