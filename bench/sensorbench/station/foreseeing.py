"""What instruments would refuse of a schedule, asked before anything is set.

It is asked twice. `check` asks drivers without a link: they know their class, their options and the
members that they are made of. A run asks them once more when they are open, before it begins: they
know what is fitted, such as the module of a pressure controller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NoReturn

from sensorbench.core.catalog import Device, devices
from sensorbench.core.errors import BenchError, LinkClosed, Problem, SetpointError
from sensorbench.core.quantity import Value, address
from sensorbench.instruments.members import Member, Setpoint, unbound
from sensorbench.links.line import Medium
from sensorbench.parts.values import Wave
from sensorbench.profiles.schedule import Schedule, Set
from sensorbench.station.binding import Bindings
from sensorbench.station.model import InstrumentEntry, StationFile
from sensorbench.station.refs import find

Acting = Callable[[str, str], Setpoint | None]


def foreseen(schedule: Schedule, acting: Acting, label: str = "") -> list[Problem]:
    """Return what a schedule asks that what acts would refuse, each once.

    `acting` gives the setpoint of a zone and an address, None where it can't be asked; `label` is
    how problems name the profile, its id where none is given.
    """
    found: dict[Problem, None] = {}
    zeros = schedule.zeros()
    asked = {
        (step.zone, step.action.address, step.action.target, step.action.limit): step.phase
        for step in reversed(schedule.steps)
        if isinstance(step.action, Set)
    }
    for (zone, where, target, limit), phase in reversed(asked.items()):
        setpoint = acting(zone, where)
        if setpoint is None:
            continue
        shift = zeros.get((zone, where), 0) * address(where).quantity.usual
        for value in _values(target):
            try:
                setpoint.foresee(value + shift if isinstance(value, float) else value, limit)
            except SetpointError as error:
                found[Problem(label or str(schedule.profile["id"]), phase, str(error))] = None
            except BenchError:
                break  # it does not answer, or only when it is open: not known beforehand
    return list(found)


def _values(target: Value | Wave | None) -> Iterator[Value]:
    if isinstance(target, Wave):
        yield from (end for end in (target.low, target.high) if end is not None)
    elif target is not None:
        yield target


# -- instruments that are not open ---------------------------------------------------------------


class NoLink:
    """Stands for the link of an instrument that is not open: whoever sends is told so."""

    medium: ClassVar[Medium] = "serial"

    def __init__(self, name: str) -> None:
        self.name = name

    def query(self, *_: object, **__: object) -> NoReturn:
        raise LinkClosed(f"{self.name} is not open")

    write = transfer = exchange = query


def unopened(file: StationFile, bindings: Bindings) -> Acting:
    """Return what acts on a station that nobody opened."""
    drivers: dict[str, Any] = {}

    def acting(zone: str, where: str) -> Setpoint | None:
        row = bindings.rows.get((zone, where))
        if row is None or row.acts is None:
            return None
        name = row.acts.instrument
        if name not in drivers:
            drivers[name] = unopened_driver(file, name)
        member = getattr(drivers[name], row.acts.member, None)
        return member if isinstance(member, Setpoint) else None

    return acting


def unopened_driver(file: StationFile, name: str) -> object | None:
    """Return the driver of an instrument that nobody opened, None where its entry makes none."""
    entry = file.instrument[name]
    device = devices().get(entry.model)
    try:
        if device is not None:
            return make(device, entry.options, members(file, entry), name)
    except (AttributeError, LookupError, TypeError, ValueError, BenchError):
        pass  # the station's own check says so
    return None


def make(
    device: Device, options: Mapping[str, Any], made_of: Mapping[str, Member], name: str = ""
) -> object:
    """Return a driver that is not open, by its device's name where none is given.

    A constructor sends nothing. Raises what the driver raises for options that it can't have.
    """
    link = NoLink(name or device.name)
    arguments: dict[str, tuple[Any, ...]] = {
        "i2c": (link, 0, None), "meters": ({}, None), "person": (link, None), "none": (None,),
        "members": (made_of, None),
    }  # fmt: skip
    driver: object = device.load_driver()(*arguments.get(device.links[0], (link, None)), **options)
    return driver


def members(file: StationFile, entry: InstrumentEntry) -> dict[str, Member]:
    """Return the members that an instrument is made of, unbound: they can be asked, not used."""
    found: dict[str, Member] = {}
    for role, text in entry.members.items():
        try:
            ref = find(file, text, None)
        except LookupError:
            continue  # the bindings say so
        found[role] = unbound(str(ref), ref.declared)
    return found
