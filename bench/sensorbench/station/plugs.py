"""One device under two names: of two instruments on one link each would undo what the other set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sensorbench.core.catalog import devices
from sensorbench.station.device_keys import bus_key, serial_key, visa_keys
from sensorbench.station.links import SerialLink, TcpLink, VisaLink
from sensorbench.station.model import InstrumentEntry, StationFile


def check_plugs(file: StationFile) -> Iterator[tuple[str, str]]:
    """Yield buses and instruments of which an earlier one has the link.

    Nothing is looked up in a network: two names of one host are found where both are opened.
    """
    buses = [
        (f"bus.{name}.device", bus_key(bus.device)) for name, bus in file.bus.items() if bus.device
    ]
    plugs = [(f"instrument.{name}.link", _plug(entry)) for name, entry in file.instrument.items()]
    yield from _twice(buses)
    yield from _twice(plugs)


def _twice(places: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    first: dict[str, str] = {}
    for key, plug in places:
        if plug and plug in first:
            yield key, f"is the same as that of {first[plug]}: write one device once"
        first.setdefault(plug, key)


def _plug(entry: InstrumentEntry) -> str:
    """Return what a link leads to, "" where that is no plug of its own."""
    match entry.link:
        case SerialLink(remote=(host, port)):
            return f"{host.lower()}:{port}"
        case SerialLink(port=name):
            return serial_key(name)
        case TcpLink(host=host, port=port):
            return f"{host.lower()}:{port or _own_port(entry.model)}"
        case VisaLink(resource=resource) if not resource.upper().startswith("TCPIP"):
            return " ".join(visa_keys(resource))
        case VisaLink(resource=resource):
            return resource.upper()
    return ""


def _own_port(model: str) -> int:
    device = devices().get(model)
    line = getattr(device.usable() if device is not None else None, "LINE", None)
    return 0 if line is None else int(line.tcp_port)
