"""Each line serves one instrument, each adapter is one bus: what station.toml names twice.

A cable that several share, as RS-485, is one line for all who are spoken to by an `address` of
their own there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensorbench.core.catalog import devices
from sensorbench.links.line import LineSettings
from sensorbench.station.device_keys import bus_key, serial_key
from sensorbench.station.links import SerialLink, TcpLink, VisaLink
from sensorbench.station.model import InstrumentEntry, StationFile

_INTERFACE = re.compile(r"([A-Z]+)(\d*)(.*)", re.DOTALL)


def named_twice(file: StationFile) -> Iterator[tuple[str, str]]:
    """Yield the key and the words of every line and adapter that was named before.

    Names are compared as they are written: nothing is looked up in the network.
    """
    lines: dict[str, list[str]] = {}
    for name, entry in file.instrument.items():
        where = line_key(entry)
        if not where:
            continue
        for other in lines.setdefault(where, []):
            why = _apart(entry, file.instrument[other])
            if why:
                written = f"is {_written(entry)}, where instrument.{other} is, too"
                yield f"instrument.{name}.link", f"{written}: {why}"
                break
        lines[where].append(name)
    taken = {where: f"instrument.{names[0]}" for where, names in lines.items()}
    for socket in file.socket:
        if not isinstance(socket.line, SerialLink):
            continue
        where = port_key(socket.line)
        if where in taken:
            text = f"where {taken[where]} is, too: each needs a line of its own"
            yield f"socket {socket.id}.link", f"is {socket.line.port}, {text}"
        taken.setdefault(where, f"socket {socket.id}")
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


def sharing(file: StationFile, name: str) -> tuple[str, ...]:
    """Return the names of all instruments on an instrument's line, its own among them."""
    where = line_key(file.instrument[name])
    if not where:
        return (name,)
    return tuple(other for other, entry in file.instrument.items() if line_key(entry) == where)


def _apart(one: InstrumentEntry, other: InstrumentEntry) -> str:
    """Return why two instruments can't be on one line, "" where they can."""
    addresses = [entry.options.get("address") for entry in (one, other)]
    if None in addresses or isinstance(one.link, VisaLink) or isinstance(other.link, VisaLink):
        return "each needs a line of its own, or on one cable an `address` of its own"
    if addresses[0] == addresses[1]:
        return f"both have the address {addresses[0]}: each on one cable has its own"
    if _line_of(one.model) != _line_of(other.model) or one.link != other.link:
        return "all on one cable are spoken to alike: write the same link for both"
    return ""


def line_key(entry: InstrumentEntry) -> str:
    """Return what an instrument's line is called, one name for one line; "" where it has none."""
    match entry.link:
        case SerialLink() as link:
            return port_key(link)
        case TcpLink(host=host, port=port):
            number = port or _usual_port(entry.model)
            return _host(host, number) if number else ""
        case VisaLink(resource=resource):
            return _resource(resource)
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


def _written(entry: InstrumentEntry) -> str:
    """Return a line as station.toml writes it."""
    match entry.link:
        case SerialLink(port=where) | TcpLink(host=where) | VisaLink(resource=where):
            return where
        case _:
            return ""
