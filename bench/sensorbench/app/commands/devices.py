"""devices: what we know, and what answers on this machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json, print_table
from sensorbench.core.catalog import devices
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.plugins import broken
from sensorbench.links.i2c import I2cBus
from sensorbench.links.tca9548a.driver import ADDRESSES
from sensorbench.station.model import StationFile
from sensorbench.station.pasting import lines_for
from sensorbench.station.preflight import check_station
from sensorbench.station.refs import members_of_device
from sensorbench.station.scan import (
    PURPOSE,
    Found,
    adapters,
    scan_adapter,
    scan_bus,
    scan_hosts,
    scan_ports,
    scan_usb,
)
from sensorbench.station.station import multiplexers_of
from sensorbench.station.twins import simulated_bench
from sensorbench.station.workspace import Workspace
from sensorbench.station.world_use import standing


def show_devices(as_json: bool) -> None:
    """Print the catalogue."""
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


def show_scan(root: Path, multiplexers: Sequence[str], as_json: bool) -> None:
    """Print what answers on this machine, and the lines of station.toml for it.

    `multiplexers` are more of them than station.toml names, as BUS:ADDRESS. Raises InputError.
    """
    more = _named(multiplexers)
    workspace = Workspace(root)
    # Whoever names a folder means the station in it; without one the machine alone is looked at.
    named = root != Path()
    file = workspace.load_station() if named or workspace.station_path.is_file() else None
    problems = check_station(file) if file else []
    if problems:
        raise InputError(problems)
    found = [*scan_ports(file), *scan_usb(file)]
    if file is not None:
        found += scan_hosts(file)
        found += _scan_twins(root, file, more)
    for name, device, refused, kind in adapters(file):
        behind = multiplexers_of(file, name) if file else set()
        behind |= more.get(name, set()) | (more.get(device, set()) if device else set())
        if refused:
            found.append(Found(device, refused))
        else:
            found += scan_adapter(device, behind, file, name, kind)
    pasted = lines_for(found, file)
    if as_json:
        print_json([_as_json(*pair) for pair in zip(found, pasted, strict=True)])
        return
    print_table(
        ("where", "what", "in station.toml", "may be"),
        [(row.where, row.what, row.known, "; ".join(_may_be(row))) for row in found]
        or [("-", "nothing answers", "", "")],
    )
    lines = [line for own in pasted for line in own]
    if lines:
        typer.echo("\nFor station.toml:\n")
        typer.echo("\n".join(lines))


def _scan_twins(root: Path, file: StationFile, more: Mapping[str, set[int]]) -> list[Found]:
    """Return what answers on simulated buses: as a killed program left them, else as made."""
    if not any(bus.kind == "simulated" for bus in file.bus.values()):
        return []
    with standing(root, file, VirtualClock(), PURPOSE) as there:
        # A scan feeds nothing, and neither does `read`: what has no supply does not answer.
        twins = there or simulated_bench(root, fed=False)
        return [
            row
            for name, bus in twins.buses.items()
            for row in _probe(bus, multiplexers_of(file, name) | more.get(name, set()), file)
        ]


def _probe(
    bus: I2cBus, multiplexers: Collection[int], file: StationFile | None = None
) -> list[Found]:
    """Probe an open bus that station.toml calls by its own name."""
    return scan_bus(bus, multiplexers, file, bus.name)


def _may_be(row: Found) -> list[str]:
    return [*([", ".join(row.may_be)] if row.may_be else []), *row.notes]


def _as_json(row: Found, lines: Sequence[str]) -> dict[str, object]:
    return {
        "where": row.where, "what": row.what, "may_be": list(row.may_be),
        "in_station_toml": row.known, "notes": list(row.notes), "station_toml": list(lines),
    }  # fmt: skip


def _named(multiplexers: Sequence[str]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for text in multiplexers:
        bus, _, address = text.rpartition(":")
        try:
            number = int(address, 0)
        except ValueError:
            number = 0
        if not bus or number not in ADDRESSES:
            raise InputError.one(
                "devices", "--multiplexer",
                f"write BUS:ADDRESS with an address of 0x70 to 0x77, such as /dev/i2c-1:0x70, "
                f"not {text!r}",
            )  # fmt: skip
        found.setdefault(bus, set()).add(number)
    return found
