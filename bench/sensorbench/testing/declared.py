"""What a device's driver declares, and who else than we proved its twin, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sensorbench.core.catalog import Device
from sensorbench.core.channel import Channel, Stream
from sensorbench.core.device import Sensor
from sensorbench.core.units import Dimension, show
from sensorbench.instruments.members import meter, setpoint
from sensorbench.instruments.specification import Specification
from sensorbench.links.line import LineSettings
from sensorbench.station.refs import members_of_device

_MOST_NAMED = 4


def declared(device: Device) -> Iterator[str]:
    """Yield what the driver does: a sensor's channels and settings, an instrument's members."""
    yield from ("## Its driver", "")
    if device.addresses:
        yield f"I2C addresses: {', '.join(f'{a:#04x}' for a in device.addresses)}."
        yield ""
    yield from _line(device)
    if device.kind == "sensor":
        yield from _sensor(device)
    yield from _members(device)


def proofs(device: Device) -> Iterator[str]:
    """Yield who proved the twin; where nobody did, that too."""
    yield from ("## Who proved its twin", "")
    if not device.proved_by:
        yield "Nobody but us: driver and twin were written from the same source. That they agree is"
        yield "one witness, not two."
        yield ""
        return
    yield from ("| by | what that is | what of it |", "| --- | --- | --- |")
    for witness in device.proved_by:
        yield f"| {witness.who} | {witness.what} | {witness.scope} |"
    yield ""


def _sensor(device: Device) -> Iterator[str]:
    driver = device.load_sensor()
    low_v, high_v = driver.SUPPLY_V
    yield f"Supply: {low_v:g} to {high_v:g} V."
    yield ""
    yield from ("| channel | of | typical error |", "| --- | --- | --- |")
    for channel in driver.CHANNELS:
        yield f"| `{channel.name}` | {_of(channel)} | {_accuracy(channel)} |"
    yield ""
    if driver.SETTINGS:
        yield from ("| setting | default | allowed |", "| --- | --- | --- |")
        for name, setting in driver.SETTINGS.items():
            yield f"| `{name}` | {setting.shown(setting.default)} | {setting.allowed()} |"
        yield ""
    yield from _stream(driver)
    limits: Mapping[str, tuple[float, float]] = getattr(driver, "SELF_TEST_LIMITS", {})
    if limits:
        units = {channel.name: channel.unit for channel in driver.CHANNELS}
        shown = ", ".join(
            f"`{name}` {low:.3g} to {high:.3g} {units.get(name, '')}".rstrip()
            for name, (low, high) in limits.items()
        )
        yield f"Self-test, with the limits of a good part: {shown}."
        yield ""


def _of(channel: Channel) -> str:
    if channel.quantity is None:
        return "a plain count"
    relative = f", above {channel.relative_to}" if channel.relative_to else ""
    return f"{channel.address}, {channel.unit or '1'}{relative}"


def _accuracy(channel: Channel) -> str:
    return "-" if channel.accuracy is None else f"{channel.accuracy:.3g} {channel.unit}".rstrip()


def _stream(driver: type[Sensor]) -> Iterator[str]:
    declares = getattr(driver, "stream", None)
    if declares is None:
        return
    rates = driver.SETTINGS["rate"].choices if "rate" in driver.SETTINGS else ()
    numbers = [rate for rate in rates if not isinstance(rate, str)]
    stream: Stream = declares(**({"rate": max(numbers)} if numbers else {}))
    rate = show(stream.rate_hz, Dimension.FREQUENCY)
    yield f"Streams from its FIFO at up to {rate}: {stream.depth} samples of "
    yield f"{', '.join(f'`{name}`' for name in stream.channels)}."
    yield ""


def _line(device: Device) -> Iterator[str]:
    """Yield how it is reached, and how it wants to be treated."""
    line: LineSettings | None = getattr(device.usable(), "LINE", None)
    if line is None:
        return
    if "serial" in device.links or device.mount == "pty":
        parity, bits = line.parity[0].upper(), f"{line.stop_bits:g}"
        flow = f", flow control {line.flow_control}" if line.flow_control != "none" else ""
        yield f"Serial: {line.baud_rate} baud, {line.data_bits}{parity}{bits}{flow}."
        yield ""
    if "tcp" in device.links:
        many = "one connection" if line.sessions == 1 else f"{line.sessions} connections"
        held = f", each held for {line.linger_s:g} s after it was closed" if line.linger_s else ""
        yield f"TCP: port {line.tcp_port}, {many} at a time{held}."
        yield ""
    if line.pause_s:
        yield f"It is given {line.pause_s:g} s between commands."
        yield ""


def _specified(member: meter[Any] | setpoint[Any]) -> str:
    """Return how far it may be off, as far as its driver says."""
    unit = member.quantity.unit
    if isinstance(member.accuracy, Specification):
        return f"; {member.accuracy.told(unit)}"
    return "" if member.accuracy is None else f"; within {member.accuracy:g} {unit} at mid range"


def _alike(told: Sequence[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Yield what is told, and the names in a row of which it is."""
    for does, group in groupby(told, key=lambda one: one[1]):
        yield does, [name for name, _ in group]


def _named(names: Sequence[str]) -> str:
    """Return names as they are, or the first and the last of many."""
    if len(names) > _MOST_NAMED:
        return f"`{names[0]}` to `{names[-1]}`, {len(names)} of them"
    return ", ".join(f"`{name}`" for name in names)


def _members(device: Device) -> Iterator[str]:
    if device.kind == "sensor" and "meters" not in device.links:
        return  # its members are its channels
    told: list[tuple[str, str]] = []
    for name, member in members_of_device(device).items():
        if isinstance(member, setpoint):
            low, high = member.rated
            does = f"sets and reads, {low:g} to {high:g} {member.quantity.unit}"
            if member.nonvolatile:
                does += ", kept in a memory that wears"
            does += _specified(member)
        elif isinstance(member, meter):
            does = f"reads, in {member.quantity.unit or '1'}{_specified(member)}"
        else:
            does = "switches"
        told.append((name, does))
    rows = [f"| {_named(alike)} | {does} |" for does, alike in _alike(told)]
    if rows:
        yield from ("| member | what the driver does with it |", "| --- | --- |", *rows, "")
