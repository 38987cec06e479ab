"""Whether a parked run can go on: the bench must still be the one that it was planned on.

A run that waited for months comes back to a station.toml that people edited. What it was planned
with stands in its schedule; what differs is said before anything is opened, moved or written, so
that it can be put back and the run goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime, time
from typing import Any

from sensorbench.core.catalog import devices
from sensorbench.core.errors import InputError, Problem
from sensorbench.profiles.needs import needs
from sensorbench.profiles.schedule import Do, Schedule
from sensorbench.station.binding import bind
from sensorbench.station.layout import layout_of
from sensorbench.station.model import StationFile
from sensorbench.station.protections import check_long
from sensorbench.station.sockets import fits
from sensorbench.station.station import Station

FILE = "station.toml"
_WHO = ("manufacturer", "model", "serial")
_RECALIBRATED = {"due", "certificate", "stated", "uncertainty"}  # a new certificate is no new bench


def check_going_on(
    file: StationFile,
    schedule: Schedule,
    comes_next: int,
    sockets: Mapping[str, str],
    today: date,
    known: Collection[str] | None = None,
) -> None:
    """Compare a station with what a parked run was planned on. Raises InputError.

    `comes_next` is the step it goes on with, `sockets` where its units are loaded, `known` the
    serials that simulated lots have.
    """
    rest = replace(schedule, steps=schedule.steps[comes_next:])
    problems = [Problem(FILE, key, text) for key, text in _bench(file, schedule)]
    problems += [Problem(FILE, key, text) for key, text in _due(file, rest, today)]
    problems += [Problem(FILE, "socket", text) for text in _sockets(file, rest, sockets)]
    problems += check_long(file, bind(file), rest, datetime.combine(today, time.max))
    if known is not None:
        gone = [unit.serial for unit in schedule.units if unit.serial not in known]
        if gone:
            text = f"no lot has {', '.join(gone[:8])} any more: put the lot's file back"
            problems.append(Problem("lots", "unit", text))
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


def check_instruments(
    before: Mapping[str, Mapping[str, Any]], station: Station, replaced: Collection[str]
) -> dict[str, str]:
    """Return which instruments are others than the run had, and who they are now.

    Raises InputError for those that nobody said to have been replaced.
    """
    found: dict[str, str] = {}
    for one in station.instruments:
        was = before.get(one.name)
        if was is not None and not same_device(was, asdict(one.identity)):
            found[one.name] = str(one.identity)
    problems = [
        Problem(
            FILE,
            f"instrument.{name}",
            f"is {now}, the run had {who(before[name])} there: put that one back, or, where it was "
            f"replaced, say so with --replaced {name}",
        )
        for name, now in found.items()
        if name not in replaced
    ]
    problems += [
        Problem("resume", "--replaced", f"{name} is the instrument that the run had")
        for name in sorted(set(replaced) - set(found))
    ]
    if problems:
        raise InputError(problems)
    return found


def same_device(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether a device is the one it was, by model and serial number where it told them.

    New firmware makes no other device of it. One that can't tell now, as it measures, is one that
    it may be: it is asked again once it was prepared.
    """
    if now.get("or_models") and not now.get("serial"):
        may_be = (now["model"], *now["or_models"])
        return before.get("manufacturer") == now["manufacturer"] and before.get("model") in may_be
    return all(not before.get(key) or before[key] == now.get(key) for key in _WHO)


def who(identity: Mapping[str, Any]) -> str:
    """Return who a device said to be, in words."""
    return " ".join(str(identity[key]) for key in _WHO if identity.get(key))


def _bench(file: StationFile, schedule: Schedule) -> Iterator[tuple[str, str]]:
    """Yield what is bound differently now."""
    now = layout_of(file).zones
    for zone, told in schedule.zones.items():
        planned: Mapping[str, Any] = told.get("benches", {})
        there: Mapping[str, Any] = now[zone].told["benches"] if zone in now else {}
        head = f"zone.{zone}.bench" if zone else "bench"
        for where in dict.fromkeys([*planned, *there]):
            one, two = planned.get(where), there.get(where)
            if one is None or two is None:
                was = "was not there when the run was planned: take it out"
                yield f"{head}.{where}", was if one is None else "is gone: put it back"
                continue
            for key in dict.fromkeys([*one, *two]):
                if key not in _RECALIBRATED and one.get(key) != two.get(key):
                    yield (
                        f"{head}.{where}.{key}",
                        f"was {_shown(one.get(key))} when the run was planned, now it is "
                        f"{_shown(two.get(key))}: put it back, or begin a new run",
                    )


def _shown(value: object) -> str:
    return "not there" if value is None else repr(value)


def _due(file: StationFile, rest: Schedule, today: date) -> Iterator[tuple[str, str]]:
    asked = needs(rest)
    for table in (asked.compares, asked.settles):
        for zone, addresses in table.items():
            for where in sorted(addresses):
                bench = rest.zones.get(zone, {}).get("benches", {}).get(where, {})
                name = str(bench.get("reference", "")).partition(".")[0]
                entry = file.instrument.get(name)
                due = entry.calibration_due if entry else None
                if due is not None and due < today and not bench.get("believes_set"):
                    yield (
                        f"instrument.{name}.calibration_due",
                        f"calibration was due on {due}; recalibrate it and write the new date",
                    )


def _sockets(file: StationFile, rest: Schedule, sockets: Mapping[str, str]) -> Iterator[str]:
    there = {socket.id: socket for socket in file.socket}
    for serial, socket_id in sockets.items():
        if socket_id not in there:
            yield f"{socket_id} is gone, {serial} is loaded there"
    for step in rest.steps:
        if isinstance(step.action, Do) and step.action.verb == "load":
            units = [rest.units[n] for n in rest.group(str(step.action.arguments.get("units", "")))]
            for driver in {rest.parts[unit.part]["driver"] for unit in units}:
                own = [u for u in units if rest.parts[u.part]["driver"] == driver]
                device = devices().get(driver)
                free = [s for s in file.sockets_of(step.zone) if device and fits(s, device)]
                if len(free) < len(own):
                    yield f"{len(own)} units of {own[0].part} come next, {len(free)} sockets fit"
