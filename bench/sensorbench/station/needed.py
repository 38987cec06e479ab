"""What a run takes of a station: references in date, buses that carry it, twins that feel it.

It is read off the schedule, and compared with what station.toml binds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

from sensorbench.core.units import show_duration
from sensorbench.profiles.needs import Needs
from sensorbench.profiles.schedule import Schedule
from sensorbench.station.binding import Bindings
from sensorbench.station.links import I2cLink
from sensorbench.station.model import StationFile

_BUS_SHARE = 0.9  # of the bits a second; the rest is for what else goes over it
Findings = Iterator[tuple[str, str]]


def lacking(
    file: StationFile, bindings: Bindings, asked: Needs, schedule: Schedule, start: datetime
) -> Findings:
    """Return key in station.toml and what lacks there for a schedule that begins at `start`."""
    end = start + timedelta(seconds=schedule.duration_s)
    return chain(
        _references(bindings, asked),
        _due(file, bindings, asked, schedule, start, end),
        _traffic(file, asked, schedule),
        _provenance(file, bindings, asked),
    )


def _references(bindings: Bindings, asked: Needs) -> Findings:
    """What is compared needs something to believe, and that needs its uncertainty."""
    for zone, addresses in asked.compares.items():
        for where in sorted(addresses):
            row = bindings.rows.get((zone, where))
            key = f"zone.{zone}.bench.{where}" if zone else f"bench.{where}"
            if row is None or row.reference is None:
                yield (
                    key,
                    f"{where} of the units is compared with a reference, and there is none: name a "
                    'meter as `reference`, or believe the setpoint with reference = "set"',
                )


def _due(
    file: StationFile,
    bindings: Bindings,
    asked: Needs,
    schedule: Schedule,
    start: datetime,
    end: datetime,
) -> Findings:
    """The calibration of every reference that is used must be valid to the end of the run."""
    for zone, where in _believed(asked):
        row = bindings.rows.get((zone, where))
        if row is None or row.reference is None:
            continue
        name = row.reference.instrument
        due, key = file.instrument[name].calibration_due, f"instrument.{name}.calibration_due"
        if due is None:
            if not row.believes_set:
                yield key, f"is required: {row.reference} is the reference of {where}"
        elif due < start.date():
            yield key, f"calibration was due on {due}; recalibrate it, or name another reference"
        elif due < end.date():
            yield (
                key,
                f"calibration is due on {due}, before the run ends on {end.date()} "
                f"(it takes {show_duration(schedule.duration_s)})",
            )


def _believed(asked: Needs) -> list[tuple[str, str]]:
    """Return zone and address of every reference that results or credited hours rest on."""
    pairs = {
        (zone, where)
        for table in (asked.compares, asked.settles)
        for zone, addresses in table.items()
        for where in addresses
    }
    return sorted(pairs)


def _traffic(file: StationFile, asked: Needs, schedule: Schedule) -> Findings:
    """Refuse a stream that a bus can't carry."""
    for zone, group, streams in asked.streams:
        sockets = file.sockets_of(zone)
        load: dict[str, float] = {}
        count: Counter[str] = Counter()
        for position, number in enumerate(schedule.group(group)):
            unit = schedule.units[number]
            stream = streams.get(unit.part)
            named = next((s for s in sockets if s.id == unit.socket), None)
            socket = named or (sockets[position] if position < len(sockets) else None)
            if stream is None or socket is None or socket.place is None:
                continue
            bus = socket.place.bus
            load[bus] = load.get(bus, 0.0) + stream["rate_hz"] * stream["bits"]
            count[bus] += 1
        for bus, bits in load.items():
            speed = file.bus[bus].speed * _BUS_SHARE
            if bits > speed:
                yield (
                    f"bus.{bus}",
                    f"{count[bus]} streams need {bits / 1e3:.0f} kbit/s, the bus carries "
                    f"{speed / 1e3:.0f} kbit/s: lower the rate, or use more or faster buses",
                )


def _provenance(file: StationFile, bindings: Bindings, asked: Needs) -> Findings:
    """Twins live in the simulated world: what is real can't feed them."""
    for zone in asked.units:
        sockets = file.sockets_of(zone)
        buses = {s.place.bus for s in sockets if s.place and s.place.bus in file.bus}
        lines = [s.line.kind for s in sockets if s.line]
        if "simulated" not in [*lines, *(file.bus[bus].kind for bus in buses)]:
            continue
        for row in bindings.of(zone):
            if row.acts is None:
                continue
            entry = file.instrument[row.acts.instrument]
            link = entry.link
            real = link is not None and not (
                link.kind == "simulated"
                or (isinstance(link, I2cLink) and file.bus[link.bus].kind == "simulated")
            )
            if real:
                yield (
                    f"instrument.{row.acts.instrument}.link",
                    f"is real, but the parts of this bench are simulated and would not feel its "
                    f"{row.where}",
                )
