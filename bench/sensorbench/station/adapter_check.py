"""Can the I2C adapters that station.toml names do what is asked of them, before one is opened."""

from __future__ import annotations

from collections.abc import Iterator

from sensorbench.core.catalog import Device, devices
from sensorbench.links.adapters import Adapter
from sensorbench.profiles.needs import Needs
from sensorbench.profiles.schedule import Schedule
from sensorbench.station.links import I2cLink
from sensorbench.station.model import StationFile

Findings = Iterator[tuple[str, str]]


def check_adapters(file: StationFile) -> Findings:
    """Yield key and words of what an adapter can't do, or lacks to be opened at all."""
    for name, bus in file.bus.items():
        adapter = bus.adapter
        if adapter is None:
            continue
        if missing := adapter.missing():
            yield f"bus.{name}.kind", missing
        if refused := adapter.limits.speed_refused(bus.speed):
            yield f"bus.{name}.speed", f"a {adapter.title} {refused}"
    for name, entry in file.instrument.items():
        device = devices().get(entry.model)
        if isinstance(entry.link, I2cLink) and device is not None:
            key = f"instrument.{name}.link"
            yield from ((key, text) for text in stretched(file, entry.link, device))


def stretched(file: StationFile, link: I2cLink, device: Device) -> Iterator[str]:
    """Yield why an adapter can't wait for a part that holds the clock."""
    adapter = _adapter(file, link)
    if adapter is not None and device.stretch_s > adapter.limits.stretch_s:
        yield (
            f"a {device.name} holds the clock for up to {device.stretch_s * 1e3:g} ms, a "
            f"{adapter.title} waits for {adapter.limits.stretch_s * 1e3:g} ms: use another adapter"
        )


def check_bursts(file: StationFile, asked: Needs, schedule: Schedule) -> Findings:
    """Yield streams whose bursts are longer than an adapter's longest read."""
    for zone, group, streams in asked.streams:
        sockets = file.sockets_of(zone)
        for position, number in enumerate(schedule.group(group)):
            unit = schedule.units[number]
            named = next((s for s in sockets if s.id == unit.socket), None)
            socket = named or (sockets[position] if position < len(sockets) else None)
            burst = streams.get(unit.part, {}).get("burst_bytes", 0)
            link = socket.place if socket is not None else None
            if link is None:
                continue
            adapter = _adapter(file, link)
            if adapter is not None and burst > adapter.limits.longest_read:
                yield (
                    f"bus.{link.bus}.kind",
                    f"the stream of {unit.part} is read {burst} bytes at a time, a "
                    f"{adapter.title} reads {adapter.limits.longest_read} without a stop: use "
                    "another adapter, or settings of the part with a shorter burst",
                )


def _adapter(file: StationFile, link: I2cLink) -> Adapter | None:
    return file.bus[link.bus].adapter if link.bus in file.bus else None
