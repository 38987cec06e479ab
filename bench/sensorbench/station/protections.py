"""Independent protections: what keeps a setpoint from harm when neither program nor PC is there.

The rules:
- What sets an address of the bench and has a safe state of its own can harm where it is real: it
  drives something that must be stopped. Whoever is asked to do it by hand, and a twin, can't.
- Each such address needs a protection that station.toml declares, and each that it declares for it
  must have been tested, and stay in date to the end of the run.
- Nobody has to declare anything for a run that a person stays with, or that ends within a shift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sensorbench.core.catalog import devices
from sensorbench.core.errors import Problem
from sensorbench.core.units import show_duration
from sensorbench.profiles.needs import needs
from sensorbench.profiles.schedule import Schedule
from sensorbench.station.binding import Binding, Bindings
from sensorbench.station.links import I2cLink
from sensorbench.station.model import ProtectionTable, StationFile

FILE = "station.toml"
A_SHIFT_S = 8 * 3600.0
"""So long a run may go on without declared protections, s."""
Findings = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Guard:
    """A declared protection of an address; `due` is the last day on which it counts."""

    name: str
    what: str
    tested: date | None
    due: date | None

    def as_json(self) -> dict[str, Any]:
        """Return what the evidence keeps."""
        row = {"name": self.name, "what": self.what}
        if self.tested is not None and self.due is not None:
            row |= {"tested": self.tested.isoformat(), "due": self.due.isoformat()}
        return row

    def wrong(self, begins: date, ends: date) -> str:
        """Return why it does not count from one day to another, "" where it does."""
        if self.tested is None or self.due is None:
            return "was never tested: trip it once, and write tested = DATE"
        if self.tested > begins:
            return f"the date of its test, {self.tested}, is in the future"
        if self.due < begins:
            return f"its test was due on {self.due}: trip it again, and write the new date"
        if self.due < ends:
            return (
                f"its test is due on {self.due}, before the run ends on {ends}: trip it before, "
                "and write the new date"
            )
        return ""


def guards_of(file: StationFile, bindings: Bindings) -> Mapping[tuple[str, str], tuple[Guard, ...]]:
    """Return by zone and address, for each that can harm, what is declared to guard it."""
    return {
        key: tuple(
            _guard(name, table)
            for name, table in file.protection.items()
            if any(_names(text, row) for text in table.guards)
        )
        for key, row in bindings.rows.items()
        if _can_harm(file, row)
    }


def unguarded(
    file: StationFile, bindings: Bindings, begins: date, ends: date
) -> dict[tuple[str, str], list[Problem]]:
    """Return by zone and address what lacks of the protections of each that can harm."""
    found = {}
    for (zone, where), guards in guards_of(file, bindings).items():
        rows = [
            Problem(FILE, f"protection.{guard.name}.tested", f"{guard.what}: {why}")
            for guard in guards
            if (why := guard.wrong(begins, ends))
        ]
        if not guards:
            key = f"zone.{zone}.bench.{where}" if zone else f"bench.{where}"
            row = bindings.rows[zone, where]
            name = f"{zone}:{where}" if zone else where
            text = (
                f"nothing is declared that makes {row.acts} harmless without this program: write "
                f'[protection.NAME] with guards = "{name}", what it is, and when it was tested'
            )
            rows = [Problem(FILE, key, text)]
        if rows:
            found[zone, where] = rows
    return found


def check_long(
    file: StationFile, bindings: Bindings, schedule: Schedule, start: datetime
) -> list[Problem]:
    """Return why a run, or what is left of one, can't go on for so long without a person.

    Only what it sets itself counts; `schedule.attended` says that a person stays with it.
    """
    takes_s = schedule.duration_s - min((step.start_s for step in schedule.steps), default=0.0)
    if takes_s <= A_SHIFT_S or schedule.attended:
        return []
    begins, ends = start.date(), (start + timedelta(seconds=takes_s)).date()
    sets = needs(schedule).sets
    found = [
        problem
        for (zone, where), rows in unguarded(file, bindings, begins, ends).items()
        if where in {schedule.whole(one) for one in sets.get(zone, ())}
        for problem in rows
    ]
    if found:
        text = (
            f"takes {show_duration(takes_s)}, and nobody may be there for more than "
            f"{show_duration(A_SHIFT_S)} without these protections: see to them, or stay with the "
            "bench and say --attended (docs/safety.md)"
        )
        found.append(Problem("run", "", text))
    return list(dict.fromkeys(found))


def check_guards(file: StationFile, bindings: Bindings) -> Findings:
    """Return protections that guard nothing of the bench, or do not say of which place."""
    for name, table in file.protection.items():
        for text in table.guards:
            zones = [row.zone for row in bindings.rows.values() if str(row.where) == text]
            key = f"protection.{name}.guards"
            if len(zones) > 1:
                places = ", ".join(f"{zone}:{text}" for zone in zones)
                yield key, f"{text!r} is in several places; write one of {places}, or several"
            elif text not in file.instrument and not any(
                _names(text, row) for row in bindings.rows.values()
            ):
                there = ", ".join([*map(_name, bindings.rows.values()), *file.instrument])
                yield (
                    key,
                    (
                        f"{text!r} is no address of the bench and no instrument; there are: "
                        f"{there or 'none'}"
                    ),
                )


def _guard(name: str, table: ProtectionTable) -> Guard:
    due = table.tested + timedelta(seconds=table.every) if table.tested is not None else None
    return Guard(name, table.what, table.tested, due)


def _name(row: Binding) -> str:
    return f"{row.zone}:{row.where}" if row.zone else str(row.where)


def _names(text: str, row: Binding) -> bool:
    acts = row.acts.instrument if row.acts is not None else None
    return text in {acts, str(row.where), _name(row)}


def _can_harm(file: StationFile, row: Binding) -> bool:
    if not row.is_set or row.acts is None:
        return False
    name = row.acts.instrument
    device = devices().get(file.instrument[name].model)
    return hasattr(device.usable() if device else None, "make_safe") and _is_real(file, name)


def _is_real(file: StationFile, name: str) -> bool:
    """Return whether an instrument, or any of which it is made, acts on the real world."""
    entry = file.instrument.get(name)
    if entry is None:
        return False
    if isinstance(entry.link, I2cLink):
        return entry.link.bus not in file.bus or file.bus[entry.link.bus].kind != "simulated"
    if entry.link is not None:
        return entry.link.kind != "simulated"
    made_of = {text.partition(".")[0] for text in entry.members.values()} - {name}
    return any(_is_real(file, other) for other in made_of)
