"""Each line serves one instrument, each adapter is one bus: what station.toml names twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensorbench.core.catalog import devices
from sensorbench.station.links import SerialLink, TcpLink, VisaLink
from sensorbench.station.locks import bus_key, serial_key
from sensorbench.station.model import InstrumentEntry, StationFile

_INTERFACE = re.compile(r"([A-Z]+)(\d*)(.*)", re.DOTALL)


def named_twice(file: StationFile) -> Iterator[tuple[str, str]]:
    """Yield the key and the words of every line and adapter that was named before.

    Names are compared as they are written: nothing is looked up in the network.
    """
    lines: dict[str, str] = {}
    for name, entry in file.instrument.items():
        where = _line(entry)
        if not where:
            continue
        if where in lines:
            other = lines[where]
            yield (
                f"instrument.{name}.link",
                f"is {_written(entry)}, where instrument.{other} is, too: each needs a line of "
                "its own",
            )
        lines.setdefault(where, name)
    adapters: dict[str, str] = {}
    for name, bus in file.bus.items():
        if bus.kind != "linux" or not bus.device:
            continue
        adapter = bus_key(bus.device)
        if adapter in adapters:
            yield f"bus.{name}.device", f"is {bus.device}, which bus.{adapters[adapter]} is, too"
        adapters.setdefault(adapter, name)


def _line(entry: InstrumentEntry) -> str:
    """Return what an instrument's line is called, one name for one line; "" where it has none."""
    match entry.link:
        case SerialLink() as link if link.remote is not None:
            return _host(*link.remote)
        case SerialLink(port=port):
            return serial_key(port)
        case TcpLink(host=host, port=port):
            number = port or _usual_port(entry.model)
            return _host(host, number) if number else ""
        case VisaLink(resource=resource):
            return _resource(resource)
        case _:
            return ""


def _usual_port(model: str) -> int:
    device = devices().get(model)
    driver = device.usable() if device is not None else None
    return int(getattr(getattr(driver, "LINE", None), "tcp_port", 0))


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
