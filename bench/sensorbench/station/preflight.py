"""Preflight: everything that is wrong with a run, at once, before anything is touched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from inspect import Parameter, signature
from types import SimpleNamespace
from typing import Any

from sensorbench.core.errors import InputError, Problem
from sensorbench.core.units import show, show_duration
from sensorbench.parts.model import Lot, Part
from sensorbench.profiles.expand import expand
from sensorbench.profiles.schedule import Schedule, SetPressure, SetSupply, SetTemperature
from sensorbench.station.catalog import Device, devices
from sensorbench.station.model import I2cLink, InstrumentEntry, StationFile
from sensorbench.station.roles import ROLES
from sensorbench.station.simulation import ABSENT
from sensorbench.station.workspace import Job

FILE = "station.toml"


def check_station(file: StationFile) -> list[Problem]:
    """Return what is wrong with a station by itself."""
    return [Problem(FILE, key, text) for key, text in _station(file)]


def check_lot(file: StationFile, lot: Lot, part: Part) -> list[Problem]:
    """Return what is wrong with a lot on this station."""
    return [Problem(f"lot {lot.lot.id}", key, text) for key, text in _lot(file, lot, part)]


def check_faults(file: StationFile, lots: Iterable[Lot]) -> list[Problem]:
    """Return simulated faults of units that are in no lot: they would do nothing."""
    serials = {unit.serial for lot in lots for unit in lot.unit}
    faults = file.simulation.fault if file.simulation else ()
    return [
        Problem(FILE, "simulation.fault", f"no lot has a unit {fault.serial}")
        for fault in faults
        if fault.serial not in serials
    ]


def check_due(file: StationFile, today: date) -> list[Problem]:
    """Return the references whose calibration is over today."""
    return [
        Problem(FILE, f"instrument.{name}.calibration_due", f"calibration was due on {due}")
        for name, entry in file.instrument.items()
        if (due := entry.calibration_due) and ROLES[entry.role].is_reference and due < today
    ]


def preflight(job: Job, start: datetime) -> Schedule:
    """Return the schedule of a job that can be run from `start` on. Raises InputError."""
    problems = check_station(job.station) + check_lot(job.station, job.lot, job.part)
    try:
        schedule = expand(job.profile, job.part, job.lot)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    end = start + timedelta(seconds=schedule.duration_s)
    problems += [Problem(FILE, key, text) for key, text in _roles(job.station, schedule)]
    problems += [Problem(FILE, key, text) for key, text in _due(job.station, schedule, start, end)]
    problems += [Problem(job.profile.id, key, text) for key, text in _ranges(job, schedule)]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return schedule


Findings = Iterator[tuple[str, str]]


def _station(file: StationFile) -> Findings:
    known = devices()
    simulated = any(bus.kind == "simulated" for bus in file.bus.values())
    for name, entry in file.instrument.items():
        key = f"instrument.{name}"
        device = known.get(entry.model)
        simulated |= not isinstance(entry.link, I2cLink) and entry.link.kind == "simulated"
        if device is None or device.role is None:
            models = ", ".join(d.name for d in known.values() if d.role)
            yield f"{key}.model", f"{entry.model!r} is not known; there are {models}"
        elif device.role != entry.role:
            yield f"{key}.role", f"{entry.model} plays {device.role}, not {entry.role}"
        else:
            kind = entry.link.kind
            if kind not in {*device.links, "visa" if "tcp" in device.links else "", "simulated"}:
                yield (
                    f"{key}.link.kind",
                    f"{entry.model} is not reached over {kind}; "
                    f"allowed: {', '.join((*device.links, 'simulated'))}",
                )
            yield from _rated(key, entry)
            yield from _options(f"{key}.options", device, entry.options)
    for role, count in Counter(entry.role for entry in file.instrument.values()).items():
        if count > 1:
            yield "instrument", f"{count} instruments play {role}, one may"
    if simulated and file.simulation is None:
        yield "simulation", "is required: a bus or an instrument is simulated. Add [simulation]"
    yield from _places(file)


def _options(key: str, device: Device, options: dict[str, Any]) -> Findings:
    """Check options by making the driver: a constructor sends nothing."""
    driver = device.load_driver()
    keywords = [
        name
        for name, parameter in signature(driver).parameters.items()
        if parameter.kind is Parameter.KEYWORD_ONLY
    ]
    unknown = [name for name in options if name not in keywords]
    if unknown:
        allowed = ", ".join(keywords) or "none"
        yield key, f"{', '.join(unknown)} is no option of {device.name}; allowed: {allowed}"
        return
    link = SimpleNamespace(name=device.name)
    arguments = (link, 0) if device.addresses else (link,)
    try:
        driver(*arguments, None, **options)
    except (TypeError, ValueError) as error:
        yield key, str(error)


def _rated(key: str, entry: InstrumentEntry) -> Findings:
    role = ROLES[entry.role]
    driver = devices()[entry.model].load_driver()
    if role.dimension and role.rated:
        low, high = getattr(driver, role.rated)
        for name, value in (("low", entry.low), ("high", entry.high)):
            if value is not None and not low <= value <= high:
                yield (
                    f"{key}.{name}",
                    f"{show(value, role.dimension)} is beyond the rating of {entry.model}, "
                    f"{show(low, role.dimension)} to {show(high, role.dimension)}",
                )
        if entry.low is not None and entry.high is not None and entry.low >= entry.high:
            yield f"{key}.low", "must be below high"
    if role.rate_dimension and entry.rate is not None:
        fastest = getattr(driver, role.rated_rate)
        if not 0 < entry.rate <= fastest * (1 + 1e-9):
            yield (
                f"{key}.rate",
                (f"{_rate(entry.rate)} is beyond the rating of {entry.model}, {_rate(fastest)}"),
            )


def _rate(k_per_s: float) -> str:
    return f"{k_per_s * 60:g} K/min"


def _places(file: StationFile) -> Findings:
    """Check buses, and that no two parts can answer at once."""
    places: list[tuple[str, I2cLink]] = [
        (f"instrument.{name}.link", entry.link)
        for name, entry in file.instrument.items()
        if isinstance(entry.link, I2cLink)
    ]
    places += [(f"socket {socket.id}", socket) for socket in file.socket]
    for identifier, count in Counter(socket.id for socket in file.socket).items():
        if count > 1:
            yield f"socket {identifier}", f"is there {count} times"
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


def _lot(file: StationFile, lot: Lot, part: Part) -> Findings:
    device = devices().get(part.part.driver)
    if device is None or device.kind != "sensor":
        sensors = ", ".join(d.name for d in devices().values() if d.kind == "sensor")
        yield "part.driver", f"{part.part.driver!r} is not a sensor we know; there are {sensors}"
        return
    yield from _options("part.options", device, part.part.options)
    sockets = {socket.id: socket for socket in file.socket}
    faults = {f.serial: f.kind for f in (file.simulation.fault if file.simulation else ())}
    for unit in lot.unit:
        socket = sockets.get(unit.socket)
        if socket is None:
            yield (
                f"unit {unit.serial}",
                (f"socket {unit.socket!r} is not in station.toml; there are {_some(sockets)}"),
            )
        elif socket.address not in device.addresses:
            yield (
                f"unit {unit.serial}",
                (
                    f"socket {unit.socket} has address {socket.address:#04x}, "
                    f"{device.name} answers at {_hex(device.addresses)}"
                ),
            )
        if not re.fullmatch(device.serial, unit.serial):
            yield (
                f"unit {unit.serial}",
                (f"is no serial number of a {device.name}, which look like {device.serial}"),
            )
        kind = faults.get(unit.serial)
        kinds = {*device.load_faults(), ABSENT}
        if kind is not None and kind not in kinds:
            yield (
                f"unit {unit.serial}",
                (f"simulated fault {kind!r} is not one of {', '.join(sorted(kinds))}"),
            )


def _hex(addresses: Iterable[int]) -> str:
    return ", ".join(f"{address:#04x}" for address in addresses)


def _some(names: Iterable[str], most: int = 8) -> str:
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _roles(file: StationFile, schedule: Schedule) -> Findings:
    there = {entry.role for entry in file.instrument.values()}
    for role in schedule.roles:
        if role not in there:
            models = ", ".join(d.name for d in devices().values() if d.role == role)
            yield (
                "instrument",
                (f"nothing plays {role}, which {schedule.profile_id} needs; models: {models}"),
            )


def _due(file: StationFile, schedule: Schedule, start: datetime, end: datetime) -> Findings:
    for name, entry in file.instrument.items():
        if not ROLES[entry.role].is_reference or entry.role not in schedule.roles:
            continue
        key = f"instrument.{name}.calibration_due"
        due = entry.calibration_due
        if due is None:
            yield key, f"is required: the readings of a {entry.role} are the reference"
        elif due < start.date():
            yield key, f"calibration was due on {due}; recalibrate it, or bind another to the role"
        elif due < end.date():
            yield (
                key,
                (
                    f"calibration is due on {due}, before the run ends on {end.date()} "
                    f"(it takes {show_duration(schedule.duration_s)})"
                ),
            )


def _ranges(job: Job, schedule: Schedule) -> Findings:
    """Check every setpoint against the instrument, and against the bench's own limits."""
    limits = job.station.limits
    temperatures = {a.target_c for a in schedule.actions(SetTemperature)}
    pressures = {a.target_pa for a in schedule.actions(SetPressure)}
    voltages = {a.voltage_v for a in schedule.actions(SetSupply)}
    for name, entry in job.station.instrument.items():
        device = devices().get(entry.model)
        if device is None or device.role != entry.role:
            continue
        if entry.role == "temperature_chamber":
            yield from _outside(name, entry, sorted(temperatures))
            yield from _too_fast(name, entry, job.profile.ramp)
        elif entry.role == "pressure_source":
            yield from _outside(name, entry, sorted(pressures))
        elif entry.role == "supply":
            yield from _supply(name, entry, max(voltages), job.part.part.supply.current_limit)
    for value in sorted(temperatures):
        if limits.temperature_high is not None and value > limits.temperature_high:
            yield "limits", f"{value:g} degC is above the bench's {limits.temperature_high:g} degC"
        if limits.temperature_low is not None and value < limits.temperature_low:
            yield "limits", f"{value:g} degC is below the bench's {limits.temperature_low:g} degC"
    if limits.pressure_high is not None and pressures and max(pressures) > limits.pressure_high:
        yield "limits", f"{max(pressures):g} Pa is above the bench's {limits.pressure_high:g} Pa"
    if limits.voltage_high is not None and max(voltages) > limits.voltage_high:
        yield "limits", f"{max(voltages):g} V is above the bench's {limits.voltage_high:g} V"


def _too_fast(name: str, entry: InstrumentEntry, ramp: float | None) -> Findings:
    rated = getattr(devices()[entry.model].load_driver(), ROLES[entry.role].rated_rate)
    fastest = rated if entry.rate is None else entry.rate
    if ramp is not None and ramp > fastest * (1 + 1e-9):
        yield f"instrument.{name}", f"a ramp of {_rate(ramp)} is beyond its {_rate(fastest)}"


def _outside(name: str, entry: InstrumentEntry, values: list[float]) -> Findings:
    role = ROLES[entry.role]
    assert role.dimension is not None  # noqa: S101 - it has a range
    rated_low, rated_high = getattr(devices()[entry.model].load_driver(), role.rated)
    low = rated_low if entry.low is None else entry.low
    high = rated_high if entry.high is None else entry.high
    outside = [value for value in values if not low <= value <= high]
    if outside:
        shown = ", ".join(show(value, role.dimension) for value in outside)
        yield (
            f"instrument.{name}",
            (
                f"setpoint {shown} is outside {show(low, role.dimension)} to "
                f"{show(high, role.dimension)}; it would be refused, never clipped"
            ),
        )


def _supply(name: str, entry: InstrumentEntry, voltage_v: float, current_a: float) -> Findings:
    driver = devices()[entry.model].load_driver()
    channel = entry.options.get("channel", 1)
    if not isinstance(channel, int) or channel not in driver.RATED_V:
        return  # the options' own check names it
    highest_v, highest_a = driver.RATED_V[channel][1], driver.RATED_A[channel]
    if voltage_v > highest_v or current_a > highest_a:
        yield (
            f"instrument.{name}",
            (f"{voltage_v:g} V, {current_a:g} A is more than its {highest_v:g} V, {highest_a:g} A"),
        )
