"""devices: what we know, and what answers on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json, print_table
from sensorbench.core.catalog import devices
from sensorbench.core.errors import BenchError, LinkClosed
from sensorbench.core.plugins import broken
from sensorbench.links.i2c import I2cBus, LinuxI2cBus
from sensorbench.links.tca9548a.driver import Multiplexers, Tca9548a
from sensorbench.station.binding import members_of_device
from sensorbench.station.station import multiplexers_of
from sensorbench.station.twins import simulated_bench
from sensorbench.station.workspace import Workspace


def show_devices(root: Path, scan: bool, as_json: bool) -> None:
    """Print the catalogue, or with `scan` what answers."""
    if scan:
        _show_scan(root, as_json)
        return
    known = devices().values()
    if as_json:
        print_json(
            [
                {
                    "name": d.name, "title": d.title, "kind": d.kind, "links": d.links,
                    "members": list(members_of_device(d)), "from": d.origin,
                    "addresses": list(d.addresses),
                }
                for d in known
            ]
        )  # fmt: skip
        return
    print_table(
        ("name", "title", "sets and reads", "reached over", "I2C addresses"),
        [
            (
                d.name, d.title, ", ".join(members_of_device(d)), ", ".join(d.links),
                " ".join(f"{a:#04x}" for a in d.addresses),
            )
            for d in known
        ],
    )  # fmt: skip
    for problem in broken():
        typer.echo(f"left out: {problem}", err=True)


def _show_scan(root: Path, as_json: bool) -> None:
    rows = [*_ports(), *_buses(root)]
    if as_json:
        print_json(
            [{"where": where, "what": what, "may_be": may_be} for where, what, may_be in rows]
        )
    else:
        print_table(("where", "what", "may be"), rows or [("-", "nothing answers", "")])


def _ports() -> Iterator[tuple[str, str, str]]:
    from serial.tools.list_ports import comports  # noqa: PLC0415 - pyserial

    for port in comports():
        yield port.device, port.description or "serial port", "an instrument on a serial cable"


def _buses(root: Path) -> Iterator[tuple[str, str, str]]:
    """Probe the buses of the workspace's station, or without one every bus of the machine."""
    workspace = Workspace(root)
    if workspace.station_path.is_file():
        file = workspace.load_station()
        bench = simulated_bench(root)
        for name, simulated in bench.buses.items():
            yield from _probe(simulated, multiplexers_of(file, name))
        for name, bus in file.bus.items():
            if bus.kind == "linux" and bus.device:
                yield from _linux(bus.device, multiplexers_of(file, name))
        return
    for device in sorted(Path("/dev").glob("i2c-*")):
        yield from _linux(str(device), set())


def _linux(device: str, multiplexers: set[int]) -> Iterator[tuple[str, str, str]]:
    try:
        with LinuxI2cBus(device) as bus:
            yield from _probe(bus, multiplexers)
    except LinkClosed as error:
        yield device, str(error), ""


def _probe(bus: I2cBus, addresses: set[int]) -> Iterator[tuple[str, str, str]]:
    """Probe what is on the bus itself, then behind each channel of its multiplexers."""
    for address in addresses:
        try:
            Tca9548a(bus, address).select(0)
        except BenchError as error:
            yield bus.name, str(error), ""
            return
    direct = list(_answers(bus, addresses))
    yield from direct
    known = addresses | {int(what.split()[0], 16) for _, what, _ in direct}
    multiplexers = Multiplexers(bus, addresses)
    for address in sorted(addresses):
        for channel in range(8):
            yield from _answers(multiplexers.channel(address, channel), known)


def _answers(bus: I2cBus, skip: set[int]) -> Iterator[tuple[str, str, str]]:
    known = devices().values()
    for address in range(0x08, 0x78):
        if address in skip:
            continue
        try:
            # A read of one byte: what i2cdetect does for most addresses, and harmless here.
            bus.transfer(address, b"", 1)
        except BenchError:
            continue
        may_be = ", ".join(d.name for d in known if address in d.addresses)
        yield bus.name, f"{address:#04x} answers", may_be or "unknown"
