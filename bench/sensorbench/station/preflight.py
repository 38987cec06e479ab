"""Preflight: everything that is wrong with a run, at once, before anything is touched.

What is accepted here can be done; what would end INVALID for a reason known beforehand is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from inspect import Parameter, signature
from itertools import chain
from typing import Any

from sensorbench.core.catalog import Device, devices
from sensorbench.core.errors import BenchError, InputError, Problem
from sensorbench.core.plugins import broken
from sensorbench.instruments.members import Member
from sensorbench.parts.model import Lot, Part
from sensorbench.parts.values import ValueProblem, read, read_address
from sensorbench.profiles.expand import expand
from sensorbench.profiles.needs import needs
from sensorbench.profiles.schedule import Schedule
from sensorbench.station.adapter_check import check_adapters, check_bursts, stretched
from sensorbench.station.alarm_check import check_alarm
from sensorbench.station.apart import named_twice
from sensorbench.station.binding import Bindings, bind
from sensorbench.station.foreseeing import foreseen, make, members, unopened
from sensorbench.station.imposing import check_fields
from sensorbench.station.keeping import unkept, unkept_in
from sensorbench.station.layout import layout_of
from sensorbench.station.leaving import ABSENT, faults_of_any_part
from sensorbench.station.links import I2cLink
from sensorbench.station.machine import check_machine
from sensorbench.station.model import (
    InstrumentEntry,
    SimulatedFault,
    StationFile,
)
from sensorbench.station.needed import lacking
from sensorbench.station.option_types import of_other_types
from sensorbench.station.protections import check_guards, check_long
from sensorbench.station.pulsing import check_dead_men
from sensorbench.station.refs import members_of_device
from sensorbench.station.simulation import is_simulated
from sensorbench.station.sockets import check_meters, unfit
from sensorbench.station.workspace import Job

FILE = "station.toml"
SILENT = "silent"
Findings = Iterator[tuple[str, str]]


def check_station(file: StationFile, bindings: Bindings | None = None) -> list[Problem]:
    """Return what is wrong with a station by itself."""
    found = bindings or bind(file)
    rows = chain(
        _instruments(file), found.problems, named_twice(file), _places(file),
        check_adapters(file),
        _sockets(file, found), check_guards(file, found), unkept(file, found),
        check_dead_men(file, found), check_fields(file, found),
    )  # fmt: skip
    return [file.placed(Problem(FILE, key, text)) for key, text in rows]


def check_lot(file: StationFile, lot: Lot, part: Part) -> list[Problem]:
    """Return what is wrong with a lot on this station."""
    return [lot.placed(Problem(lot.label, key, text)) for key, text in _lot(file, lot, part)]


def check_faults(file: StationFile, lots: Iterable[tuple[Lot, Part]]) -> list[Problem]:
    """Return simulated faults that would do nothing: of a device that is not there, or unknown."""
    serials = {unit.serial: part for lot, part in lots for unit in lot.unit}
    faults = file.simulation.fault if file.simulation else ()
    return [
        Problem(FILE, "simulation.fault", text) for f in faults for text in _fault(file, f, serials)
    ]


def check_due(file: StationFile, today: date) -> list[Problem]:
    """Return the instruments whose calibration is over today; for whoever only looks."""
    return [
        Problem(FILE, f"instrument.{name}.calibration_due", f"calibration was due on {due}")
        for name, entry in file.instrument.items()
        if (due := entry.calibration_due) and due < today
    ]


def preflight(job: Job, start: datetime) -> Schedule:
    """Return the schedule of a job that can be run from `start` on. Raises InputError.

    Dates are those of `start`'s own zone: the bench's.
    """
    bindings = bind(job.station)
    problems = check_station(job.station, bindings) + check_machine(job.station)
    for lot, part in job.lots:
        problems += check_lot(job.station, lot, part)
    problems += check_faults(job.station, job.known_lots or job.lots)
    problems += [] if is_simulated(job.station) else check_alarm(job.station)
    try:
        layout = layout_of(job.station, bindings)
        schedule = expand(job.profile, job.lots, layout, job.choices, job.at)
    except InputError as error:
        raise InputError(_once([*problems, *error.problems])) from None
    asked = needs(schedule)
    problems += [
        Problem(FILE, key, text)
        for key, text in lacking(job.station, bindings, asked, schedule, start)
    ]
    problems += [
        Problem(FILE, key, text) for key, text in check_bursts(job.station, asked, schedule)
    ]
    schedule = replace(schedule, attended=job.attended)
    problems += check_long(job.station, bindings, schedule, start)
    zones = dict.fromkeys(step.zone for step in schedule.steps)
    problems += [Problem(FILE, key, text) for key, text in unkept_in(job.station, bindings, zones)]
    problems += foreseen(schedule, unopened(job.station, bindings), job.profile.label)
    if not schedule.points:
        text = "nothing is read and nothing attached: no phase says anything of a unit"
        problems.append(Problem(job.profile.label, "phase", text))
    if problems:
        raise InputError(_once(problems))
    return schedule


def _once(problems: Sequence[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


# -- the station by itself ---------------------------------------------------------------------


def _instruments(file: StationFile) -> Findings:
    known = devices()
    simulated = any(bus.kind == "simulated" for bus in file.bus.values())
    for name, entry in file.instrument.items():
        key = f"instrument.{name}"
        device = known.get(entry.model)
        simulated |= _is_simulated_link(entry)
        if device is not None and device.usable() is None:
            yield from ((f"{key}.model", str(p)) for p in broken() if p.key == device.name)
            continue
        if device is None:
            models = ", ".join(d.name for d in known.values() if d.kind == "instrument")
            yield f"{key}.model", f"{entry.model!r} is not known; there are {models}"
            for problem in broken():
                if entry.model in problem.file:
                    yield f"{key}.model", str(problem)
            continue
        yield from _link(key, entry, device)
        yield from _uncertainty(f"{key}.uncertainty", entry, device)
        yield from _options(key, device, entry.options, members(file, entry))
    if simulated and file.simulation is None:
        yield "simulation", "is required: a bus or an instrument is simulated. Add [simulation]"
    for where, raw in (file.simulation.ambient if file.simulation else {}).items():
        try:
            read(raw, read_address(where), None)
        except ValueProblem as error:
            yield f"simulation.ambient.{where}", str(error)


def _uncertainty(key: str, entry: InstrumentEntry, device: Device) -> Findings:
    known = members_of_device(device)
    for member in entry.uncertainty if isinstance(entry.uncertainty, Mapping) else ():
        if member not in known:
            yield f"{key}.{member}", f"{device.name} has no {member!r}; it has {', '.join(known)}"


def _is_simulated_link(entry: InstrumentEntry) -> bool:
    return entry.link is not None and entry.link.kind == "simulated"


def _link(key: str, entry: InstrumentEntry, device: Device) -> Findings:
    wired = {"i2c", "serial", "tcp"} & set(device.links)
    if entry.link is None:
        if wired:
            yield f"{key}.link", f"is required; {device.name} is reached over {_or(device.links)}"
        return
    kind = entry.link.kind
    if kind not in {*device.links, "visa" if "tcp" in device.links else "", "simulated"}:
        allowed = ", ".join((*device.links, "simulated"))
        yield f"{key}.link.kind", f"{device.name} is not reached over {kind}; allowed: {allowed}"
    if isinstance(entry.link, I2cLink) and device.addresses:
        yield from _answers_at(f"{key}.link.address", entry.link.address, device)


def _answers_at(key: str, there: int, device: Device) -> Findings:
    if there not in device.addresses:
        yield key, f"{there:#04x} is no address of a {device.name}, which are {_hex(device)}"


def _options(
    key: str, device: Device, options: dict[str, Any], made_of: Mapping[str, Member]
) -> Findings:
    """Check options by making the driver."""
    driver = device.load_driver()
    keywords = [
        name
        for name, parameter in signature(driver).parameters.items()
        if parameter.kind is Parameter.KEYWORD_ONLY and name != "name"
    ]
    unknown = [name for name in options if name not in keywords]
    for name in unknown:
        allowed = ", ".join(keywords)
        more = f"; its options: {allowed}" if allowed else "; it has no options"
        yield f"{key}.{name}", f"unknown key of a {device.name}{more}"
    wrong = list(of_other_types(driver, options))
    for name, text in wrong:
        yield f"{key}.{name}", text
    if unknown or wrong:
        return
    try:
        make(device, options, made_of)
    except (AttributeError, LookupError) as error:
        # A driver that looks into a value of another type than it takes.
        yield key, f"an option is of the wrong type, a text or a table may be needed: {error}"
    except (TypeError, ValueError, BenchError) as error:
        yield key, str(error)


def _sockets(file: StationFile, bindings: Bindings) -> Findings:
    for identifier, count in Counter(socket.id for socket in file.socket).items():
        if count > 1:
            yield f"socket {identifier}", f"is there {count} times"
    yield from check_meters(file, bindings)


def _places(file: StationFile) -> Findings:
    """Check buses, and that no two parts can answer at once."""
    places: list[tuple[str, I2cLink]] = [
        (f"instrument.{name}.link", entry.link)
        for name, entry in file.instrument.items()
        if isinstance(entry.link, I2cLink)
    ]
    places += [(f"socket {socket.id}", socket.place) for socket in file.socket if socket.place]
    switches = {(p.bus, p.multiplexer) for _, p in places if p.multiplexer is not None}
    taken: dict[tuple[object, ...], str] = {}
    root = {(place.bus, place.address): key for key, place in places if place.multiplexer is None}
    for key, place in places:
        if place.bus not in file.bus:
            there = ", ".join(file.bus) or "none"
            yield key, f"bus {place.bus!r} is not in station.toml; there are: {there}"
            continue
        if (place.bus, place.address) in switches:
            yield key, f"has the address of the multiplexer {place.address:#04x} on {place.bus}"
        where = (place.bus, place.multiplexer, place.channel, place.address)
        if where in taken:
            yield key, f"has the address {_place(place)}, which {taken[where]} has too"
        taken.setdefault(where, key)
        if place.multiplexer is not None and (place.bus, place.address) in root:
            other = root[place.bus, place.address]
            yield key, f"{_place(place)} would answer together with {other} on the bus itself"


def _place(place: I2cLink) -> str:
    behind = f", mux {place.multiplexer:#04x} channel {place.channel}" if place.multiplexer else ""
    return f"{place.address:#04x} on {place.bus}{behind}"


# -- lots ----------------------------------------------------------------------------------------


def _lot(file: StationFile, lot: Lot, part: Part) -> Findings:
    device = devices().get(part.part.driver)
    if device is None or not device.channels:
        return  # expand says so
    lacks = getattr(device.load_sensor(), "lacks", None)
    if lacks is not None and (text := lacks(simulated=is_simulated(file))):
        yield "part", f"a {device.name} can't be used here: {text}"
    sockets = {socket.id: socket for socket in file.socket}
    for unit in lot.unit:
        key = f"unit {unit.serial}"
        if not re.fullmatch(device.serial, unit.serial):
            yield key, f"is no serial number of a {device.name}, which look like {device.serial}"
        socket = sockets.get(unit.socket)
        if unit.socket and socket is None:
            yield key, f"socket {unit.socket!r} is not in station.toml; there are {_some(sockets)}"
        elif socket is not None:
            for text in unfit(socket, device):
                yield key, text
            if socket.place is not None:
                yield from ((key, text) for text in stretched(file, socket.place, device))
    if not any(unit.socket for unit in lot.unit) and not any(
        not list(unfit(socket, device)) for socket in file.socket
    ):
        why = next((text for s in file.socket for text in unfit(s, device)), "there is none")
        yield "unit", f"no socket of station.toml fits a {device.name}: {why}"


def _fault(file: StationFile, fault: SimulatedFault, serials: dict[str, Part]) -> Iterator[str]:
    if fault.device in serials:
        device = devices().get(serials[fault.device].part.driver)
    elif fault.device in file.instrument:
        device = devices().get(file.instrument[fault.device].model)
    else:
        yield f"no lot has a unit {fault.device}, and no instrument is called so"
        return
    kinds = set(device.load_faults() if device else ())
    if device is not None and ({"i2c", "serial"} & set(device.links) or SILENT in kinds):
        kinds.add(ABSENT)
    if device is not None and device.kind == "sensor":
        kinds.update(faults_of_any_part(device))
    if fault.kind not in kinds:
        yield f"{fault.device}: fault {fault.kind!r} is not one of {', '.join(sorted(kinds))}"


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)


def _hex(device: Device) -> str:
    return ", ".join(f"{address:#04x}" for address in device.addresses)


def _some(names: Iterable[str], most: int = 8) -> str:
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return (", ".join(listed[:most]) or "none") + more
