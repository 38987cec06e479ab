"""Members of instruments by name: what `chamber.temperature` in station.toml means.

A name is an instrument's member; the instrument alone where it has only one of that dimension. A
vector is meant by the member that reads all its axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sensorbench.core.catalog import Device, devices
from sensorbench.core.device import Sensor
from sensorbench.core.quantity import Quantity
from sensorbench.instruments.members import Declared, members_of, meter, setpoint
from sensorbench.station.model import InstrumentEntry, StationFile
from sensorbench.station.sensors import vectors


@dataclass(frozen=True, slots=True)
class Ref:
    """A member of an instrument of the station."""

    instrument: str
    member: str
    declared: Declared

    def __str__(self) -> str:
        return f"{self.instrument}.{self.member}"


@cache
def members_of_device(device: Device) -> Mapping[str, Declared]:
    """Return what a device can set and read by member name; a sensor reads its channels."""
    driver = device.usable()
    if driver is None:
        return {}
    found = dict(members_of(driver))
    if device.kind == "sensor":
        found |= channel_meters(driver)
    return found


def channel_meters(driver: type[Sensor]) -> dict[str, Declared]:
    """Return a sensor's channels as meters: any part may be a reference."""
    found: dict[str, Declared] = {
        name: meter[Any](axes[0].quantity)
        for name, axes in vectors(driver.CHANNELS).items()
        if axes[0].quantity is not None
    }
    for channel in driver.CHANNELS:
        if channel.quantity is not None:
            found[channel.name] = meter[Any](
                channel.quantity, accuracy=channel.accuracy, axis=channel.axis
            )
    for name, row in found.items():
        row.name = name
    return found


def members_of_entry(entry: InstrumentEntry) -> Mapping[str, Declared]:
    """Return the members of an instrument of the station, none if its model is not known."""
    device = devices().get(entry.model)
    return members_of_device(device) if device else {}


def find(file: StationFile, text: str, quantity: Quantity | None) -> Ref:
    """Return the member that `text` names, of the quantity's dimension if one is given.

    Raises LookupError in words.
    """
    name, _, member = text.partition(".")
    entry = file.instrument.get(name)
    if entry is None:
        there = ", ".join(file.instrument) or "none"
        raise LookupError(f"{name!r} is no instrument of this station; there are: {there}")
    members = members_of_entry(entry)
    if entry.model not in devices():
        raise LookupError(f"{name} is a {entry.model!r}, which is no model that is known")
    if member:
        if member not in members:
            there = ", ".join(members) or "none"
            raise LookupError(f"{name} has no member {member!r}; there are: {there}")
        declared = members[member]
        if quantity is not None and not _fits(declared, quantity):
            raise LookupError(f"{text} is no {quantity.name}")
        return Ref(name, member, declared)
    fits = [m for m, d in members.items() if quantity is None or _fits(d, quantity)]
    fits = [m for m in fits if not axis_of(members[m])] or fits
    exact = [m for m in fits if quantity_of(members[m]) is quantity]
    fits = exact if len(exact) == 1 else fits
    if len(fits) != 1:
        what = f"has {len(fits)} members of {quantity.name}" if quantity else "has several members"
        there = ", ".join(f"{name}.{m}" for m in fits) or ", ".join(members) or "none"
        raise LookupError(f"{name} {what if fits else f'reads no {quantity and quantity.name}'}; "
                          f"name one of {there}")  # fmt: skip
    return Ref(name, fits[0], members[fits[0]])


def quantity_of(declared: Declared) -> Quantity | None:
    """Return the quantity that a member reads or sets, None of a switch."""
    return declared.quantity if isinstance(declared, meter | setpoint) else None


def axis_of(declared: Declared) -> str:
    """Return the one axis of a vector that a member reads, "" where it reads all."""
    return declared.axis if isinstance(declared, meter) else ""


def _fits(declared: Declared, quantity: Quantity) -> bool:
    own = quantity_of(declared)
    return own is not None and own.dimension == quantity.dimension


def one_axis(file: StationFile, found: Ref, word: str) -> str:
    """Return why a member that reads one axis tells no vector, and what to write instead."""
    quantity, entry = quantity_of(found.declared), file.instrument[found.instrument]
    rows = members_of_entry(entry).items()
    whole = next((m for m, d in rows if quantity_of(d) is quantity and not axis_of(d)), None)
    name, axes = (quantity.name, ", ".join(quantity.axes)) if quantity else ("", "")
    text = f"{found} reads one axis of a {name}, which does not tell the others: "
    if whole is None:
        return text + f"name a meter that reads {axes}"
    shown = f'"{found.instrument}.{whole}"'
    return text + f"write {word} = {f'[{shown}]' if word == 'watch' else shown}"


def stated(file: StationFile, reference: Ref) -> list[str]:
    """Return what is stated of a reference, or of each of its axes; nothing where one lacks."""
    entry = file.instrument[reference.instrument]
    raw = entry.uncertainty
    if not isinstance(raw, Mapping):
        return [] if raw is None else [raw]
    if reference.member in raw:
        return [raw[reference.member]]
    quantity = quantity_of(reference.declared)
    axes = [
        name
        for name, declared in members_of_entry(entry).items()
        if axis_of(declared) and quantity_of(declared) is quantity
    ]
    return [raw[name] for name in axes] if all(name in raw for name in axes) else []
