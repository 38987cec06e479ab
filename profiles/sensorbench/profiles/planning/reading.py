"""Reading: values, soaks, rates and limits as profile and parts write them, with all problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sensorbench.core.catalog import devices
from sensorbench.core.channel import Channel
from sensorbench.core.device import Sensor
from sensorbench.core.errors import Problem
from sensorbench.core.quantity import Soak, Value, address, components
from sensorbench.core.units import UnitError, convert, parse
from sensorbench.parts.model import Lot, Part
from sensorbench.parts.values import (
    Range,
    RangeProblem,
    Target,
    Targets,
    ValueProblem,
    Wave,
    read_address,
    read_difference,
    resolve,
)
from sensorbench.profiles.layout import Layout
from sensorbench.profiles.measuring import OF_PART, Ask, Say
from sensorbench.profiles.model import Phase, Profile, SoakTable
from sensorbench.profiles.schedule import (
    Point,
    Unit,
)


@dataclass(slots=True)
class Reading:
    """What is written in profile, parts and station, and where the plan of a run stands."""

    profile: Profile
    lots: Sequence[tuple[Lot, Part]]
    layout: Layout
    at: str = ""
    problems: list[Problem] = field(default_factory=list)
    points: dict[str, Point] = field(default_factory=dict)
    groups: dict[str, tuple[int, ...]] = field(default_factory=dict)
    units: tuple[Unit, ...] = ()
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Where the plan stands.
    phase: Phase | None = None
    label: str = ""
    group: str = ""
    zone: str = ""
    loaded: tuple[str, str] | None = None
    current: Targets = field(default_factory=dict)
    # What was sent without waiting for it: whoever waits next waits for it, too.
    moving: set[str] = field(default_factory=set)
    number: int = 0
    restart: int | None = None
    asks_restart: bool = False
    monitor: str = ""
    stress_ended: dict[str, int] = field(default_factory=dict)
    streams: dict[str, Any] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)
    acted: set[str] = field(default_factory=set)
    used_measures: bool = False
    used_monitor: bool = False
    to_come: tuple[str, ...] = ()
    # By phase, who jumps to it: the jumping phase's place in the profile, and what is loaded there.
    jumps: dict[str, list[tuple[str, tuple[str, str] | None]]] = field(default_factory=dict)

    # -- parts -----------------------------------------------------------------------------

    @property
    def parts(self) -> list[Part]:
        """Return the parts of the run, one each."""
        found: dict[str, Part] = {}
        for _, part in self.lots:
            found.setdefault(part.part.name, part)
        return list(found.values())

    def sensor(self, part: Part) -> type[Sensor] | None:
        """Return the driver class of a part, None where it is not known."""
        device = devices().get(part.part.driver)
        return device.load_sensor() if device else None

    def channels(self, part: Part) -> tuple[Channel, ...]:
        """Return the channels of a part, with those that its sockets' own meters add here."""
        sensor = self.sensor(part)
        zone = self.layout.zones.get(self.zone)
        extras = zone.extras_for(part.part.driver) if zone else ()
        return (*sensor.CHANNELS, *extras) if sensor else ()

    def all_channels(self, part: Part) -> tuple[Channel, ...]:
        """Return the channels that a part has in any zone: what a row of its readings has."""
        sensor = self.sensor(part)
        extras = {c.name: c for zone in self.layout.zones.values() for c in zone.extras}
        return (*sensor.CHANNELS, *extras.values()) if sensor else ()

    # -- problems --------------------------------------------------------------------------

    def problem(self, text: str, key: str = "") -> None:
        """Note what can't be done; once for each place and text."""
        where = ".".join(part for part in (self.label, key) if part)
        self._note(Problem(self.profile.label, where, text))

    def part_problem(self, part: Part, text: str, key: str) -> None:
        """Note what is wrong with a part's own file, whichever phase it shows in."""
        self._note(Problem(part.label, key, text))

    def say_of(self, part: Part) -> Say:
        """Return who is told what a part's measures lack: its file, or the present phase."""

        def say(text: str, key: str) -> None:
            if key.startswith(OF_PART):
                self.part_problem(part, text, key)
            else:
                self.problem(text, key)

        return say

    def _note(self, found: Problem) -> None:
        if found not in self.problems:
            self.problems.append(found)

    # -- values ----------------------------------------------------------------------------

    def range_of(self, where: str) -> Range | None:
        """Return the range of the parts at an address; the first's, as values must agree."""
        found = [part.range_of(where) for part in self.parts]
        return next((one for one in found if one), None)

    def value(self, where: str, raw: object, key: str = "set") -> Target:
        """Return what `raw` means at an address: all parts that it says something to must agree.

        A part without a range of it says nothing to a share or a word, where others have one.
        """
        found: dict[str, Target] = {}
        lacking: dict[str, list[str]] = {}
        try:
            spot = read_address(where)
            for part in self.parts:
                span = part.range_of(where)
                try:
                    found[part.part.name] = resolve(raw, spot, span)
                except RangeProblem as error:
                    if span is not None or self.range_of(where) is None:
                        lacking.setdefault(str(error), []).append(part.part.name)
        except ValueProblem as error:
            self.problem(str(error), key)
            return None
        for text, names in lacking.items():
            self.problem(f"{', '.join(names)}: {text}", key)
        if not found:
            return None
        return self._agreed(where, f"{where} = {raw!r} means", found, key)

    def _agreed(self, where: str, text: str, found: Mapping[str, Target], key: str) -> Target:
        """Return the value that all parts mean; a problem that begins with `text` where not."""
        first, *others = found.values()
        if any(one != first for one in others):
            shown = ", ".join(f"{show_value(where, one)} for {name}" for name, one in found.items())
            self.problem(f"{text} {shown}: run these parts apart", key)
        return first

    def own_value(self, part: Part, where: str, raw: object, key: str) -> Target:
        """Return what a part's own file means at an address."""
        try:
            return resolve(raw, read_address(where), part.range_of(where))
        except ValueProblem as error:
            self.part_problem(part, str(error), f"{key}.{where}")
            return None

    def plain(self, where: str, raw: object, key: str = "set") -> Value | None:
        """Return a value that is neither a wave nor off, None where it is not."""
        found = self.value(where, raw, key)
        if isinstance(found, Wave) or found is None:
            if raw == "off" or isinstance(found, Wave):
                self.problem(f"{where} = {raw!r}: a plain value is needed here", key)
            return None
        return found

    def targets(self, table: Mapping[str, Any], key: str = "set") -> Targets:
        """Return a table of values by address."""
        return {where: self.value(where, raw, key) for where, raw in table.items()}

    def nominal(self) -> Targets:
        """Return what the parts are fed with while they are read: every quantity's nominal."""
        found: Targets = {}
        for part in self.parts:
            for where, span in part.ranges.items():
                if "nominal" in span.words:
                    found[where] = self.value(where, "nominal")
        return found

    def fed(self, phase: Phase, tables: Sequence[Targets]) -> list[Targets]:
        """Return what parts that are read meanwhile are fed with, beside what a phase sets."""
        own = {where for table in tables for where in table}
        rest = {where: t for where, t in self.nominal().items() if where not in own}
        return [rest] if phase.monitor is not None and rest else []

    def condition(self, name: str) -> Targets:
        """Return the values of a named condition of the parts."""
        tables = [part.condition.get(name) for part in self.parts]
        if any(table is None for table in tables):
            lacking = ", ".join(p.part.name for p in self.parts if name not in p.condition)
            has = "have" if ", " in lacking else "has"
            self.problem(f"{lacking} {has} no [condition] {name}", "test")
        said: dict[str, dict[str, Target]] = {}
        for part in self.parts:
            for where, raw in part.condition.get(name, {}).items():
                value = self.own_value(part, where, raw, f"condition.{name}")
                said.setdefault(where, {})[part.part.name] = value
        return {
            where: self._agreed(where, f"[condition] {name}: {where} is", found, "test")
            for where, found in said.items()
        }

    # -- soaks and rates -------------------------------------------------------------------

    def soak(self, where: str) -> Soak:
        """Return when a value at `where` counts as reached: phase, profile, then usual."""
        quantity = address(where).quantity
        found = quantity.soak
        for table in (self.profile.soak, self.phase.soak if self.phase else {}):
            row = table.get(where) or table.get(quantity.name)
            if row is not None:
                found = self._soak(row, found, where)
        return found

    def _soak(self, row: SoakTable, usual: Soak, where: str) -> Soak:
        quantity = address(where).quantity
        within = self._difference(row.within, where, "soak", usual.within)
        held = self._difference(row.held, where, "soak", usual.held)
        found = replace(usual, within=within, held=max(held, within))
        if row.for_s is not None:
            found = replace(found, for_s=row.for_s)
        if row.timeout is not None:
            found = replace(found, timeout_s=row.timeout)
        if found.timeout_s < found.for_s:
            self.problem(f"{quantity.name}: timeout is shorter than for", "soak")
        return found

    def _difference(self, raw: object, where: str, key: str, usual: float) -> float:
        if raw is None:
            return usual
        span = self.range_of(where)
        ends = span.span if span else None
        try:
            found = read_difference(
                raw, address(where).quantity.difference, ends[1] - ends[0] if ends else None
            )
        except ValueProblem as error:
            self.problem(f"{where}: {error}", key)
            return usual
        if not found > 0:
            self.problem(f"{where}: {raw!r} must be above 0", key)
        return found

    def _rate(self, where: str) -> float | None:
        table = self.phase.rate if self.phase else {}
        raw = table.get(where) or table.get(address(where).quantity.name)
        dimension = address(where).quantity.rate
        if raw is None:
            return None
        if dimension is None:
            self.problem(f"a {address(where).quantity.name} has no rate", "rate")
            return None
        return self._parsed(raw, dimension, where, "rate")

    def _limit(self, where: str) -> float | None:
        table = self.phase.limit if self.phase else {}
        raw = table.get(where) or table.get(address(where).quantity.name)
        dimension = address(where).quantity.limit
        if raw is None:
            span = self.range_of(where)
            return span.limit if span else None
        if dimension is None:
            self.problem(f"a {address(where).quantity.name} has no limit beside it", "limit")
            return None
        return self._parsed(raw, dimension, where, "limit")

    def _parsed(self, raw: str, dimension: Any, where: str, key: str) -> float | None:
        try:
            found = parse(raw, dimension)
        except UnitError as error:
            self.problem(f"{where}: {error}", key)
            return None
        if found <= 0:
            self.problem(f"{where}: {raw} must be above 0", key)
        return found


def show_value(where: str, target: Target) -> str:
    """Return a value at an address as people write it."""
    quantity = address(where).quantity
    if target is None:
        return "off"
    if isinstance(target, Wave):
        low = "off" if target.low is None else show_value(where, target.low)
        return f"{low} to {show_value(where, target.high)}"
    word = next((word for word, value in quantity.words.items() if value == target), None)
    if word is not None:
        return word
    unit = quantity.shown or quantity.unit
    parts = [f"{convert(part, quantity.dimension, unit):.6g}" for part in components(target)]
    return f"{' '.join(parts)} {unit}"


def show_plain(value: Value) -> str:
    """Return a value without its unit."""
    return ", ".join(f"{part:g}" for part in components(value))
