"""Which part can be read in which socket."""

from __future__ import annotations

from collections.abc import Iterator

from sensorbench.core.catalog import Device
from sensorbench.station.model import Socket


def fits(socket: Socket, device: Device) -> bool:
    """Return whether a part can be read in a socket."""
    return not list(unfit(socket, device))


def unfit(socket: Socket, device: Device) -> Iterator[str]:
    """Yield why a part can't be read in a socket."""
    if "i2c" in device.links:
        if socket.link is None:
            yield f"socket {socket.id} has no link, a {device.name} needs one"
        elif socket.link.address not in device.addresses:
            addresses = ", ".join(f"{address:#04x}" for address in device.addresses)
            yield (
                f"socket {socket.id} has address {socket.link.address:#04x}, "
                f"{device.name} answers at {addresses}"
            )
    for name in getattr(device.load_driver(), "METERS", ()) if "meters" in device.links else ():
        if name not in socket.meters:
            yield f"socket {socket.id} has no meter {name!r}, a {device.name} is read through it"
