"""Lines for station.toml, of what a scan found and station.toml does not have yet."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sensorbench.links.adapters import ADAPTERS
from sensorbench.station.links import I2cLink
from sensorbench.station.model import StationFile
from sensorbench.station.scan import Found


def lines_for(found: Sequence[Found], file: StationFile | None) -> list[list[str]]:
    """Return the lines to paste for each row of `found`, [] for what needs none.

    Parts on I2C become sockets; one that is to be believed is an instrument with the same link.
    What only a person can say (which model is at a port) stands in comments.
    """
    rows: list[list[str]] = []
    buses = set(file.bus if file else ())
    ids = {socket.id for socket in file.socket} if file else set()
    zones = [zone for zone in (file.zones if file else ()) if zone]
    for row in found:
        lines: list[str] = []
        rows.append(lines)
        if row.place is None or row.known or row.may_be == ("tca9548a",):
            continue
        if isinstance(row.place, I2cLink):
            if row.place.bus not in buses:
                buses.add(row.place.bus)
                lines += [
                    f"[bus.{row.place.bus}]", f"kind = {json.dumps(row.kind)}",
                    *([f"{ADAPTERS[row.kind].key} = {json.dumps(row.device)}"] * bool(row.device)),
                    "",
                ]  # fmt: skip
            lines += _socket(row, row.place, ids, zones)
        else:
            lines += _instrument(row)
    return rows


def _socket(row: Found, place: I2cLink, ids: set[str], zones: Sequence[str]) -> list[str]:
    number = 1
    while f"S{number}" in ids:
        number += 1
    ids.add(f"S{number}")
    keys = {"bus": json.dumps(place.bus)}
    if place.multiplexer is not None:
        keys |= {"multiplexer": f"{place.multiplexer:#04x}", "channel": str(place.channel)}
    keys["address"] = f"{place.address:#04x}"
    link = ", ".join(f"{key} = {value}" for key, value in keys.items())
    zone = [f"zone = {json.dumps(zones[0])}   # or: {', '.join(zones)}"] if zones else []
    may_be = ", ".join(row.may_be) or "unknown to the catalogue"
    return ["[[socket]]", f'id = "S{number}"', *zone, f"link = {{ {link} }}   # {may_be}", ""]


def _instrument(row: Found) -> list[str]:
    """Return an instrument's lines as comments: which model it is, a port does not tell."""
    assert row.place is not None and not isinstance(row.place, I2cLink)  # noqa: S101, PT018
    link = row.place.model_dump(exclude_unset=True)
    keys = ", ".join(f"{key} = {json.dumps(value)}" for key, value in link.items())
    may_be = f"one of {', '.join(row.may_be)}" if row.may_be else "see `sensorbench devices`"
    return ["# [instrument.NAME]", f'# model = ""   # {may_be}', f"# link = {{ {keys} }}", ""]
