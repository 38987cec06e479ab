"""What a kind of phase may use to say what it does: values, soaks, points, places, tests.

The rules:
- A kind's `actions(phase, context)` is a generator of actions; it never counts steps or looks at
  time. The context knows where the plan stands: what is set, which units are loaded where, and
  where a step that was cut off is taken up again (`together`).
- `go` reaches a table of values together, or tables one after the other; what is `off` or no longer
  wanted is released first. Equal values are not sent again.
- A quantity with a `nominal` in part.toml is at it while units are read, unless the phase sets it.
- What can't be done on this bench becomes a problem with its place in the profile; the plan goes on,
  so that all problems are found at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sensorbench.core.catalog import devices
from sensorbench.core.channel import Channel, Settings
from sensorbench.core.device import Sensor
from sensorbench.core.errors import Problem, SetpointError
from sensorbench.core.plugins import plugins
from sensorbench.core.quantity import Soak, Value, address, components, distance
from sensorbench.core.units import UnitError, convert, parse
from sensorbench.parts.model import Lot, Part
from sensorbench.parts.values import (
    Range,
    Target,
    ValueProblem,
    Wave,
    read_address,
    read_difference,
    resolve,
)
from sensorbench.profiles.layout import BenchRow, Layout, Purpose
from sensorbench.profiles.measuring import Ask, ask_of
from sensorbench.profiles.model import KINDS, Cool, Phase, Profile, SetTable, SoakTable, Test
from sensorbench.profiles.schedule import (
    Action,
    Band,
    Do,
    Point,
    Read,
    Release,
    Set,
    Settle,
    Unit,
)

Targets = dict[str, Target]
AMBIENT = "ambient"
_QUICKEST_TOGGLE_S = 2.0


@dataclass(slots=True)
class Context:
    """Where the plan of a run stands. `problems` collects what can't be done."""

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
    number: int = 0
    restart: int | None = None
    asks_restart: bool = False
    monitor: str = ""
    stress_ended: dict[str, int] = field(default_factory=dict)
    streams: dict[str, Any] = field(default_factory=dict)
    to_come: tuple[str, ...] = ()

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
        """Return the channels of a part, with those that the sockets' own meters add."""
        sensor = self.sensor(part)
        zone = self.layout.zones.get(self.zone)
        extras = zone.extras if zone else ()
        return (*sensor.CHANNELS, *extras) if sensor else ()

    # -- problems --------------------------------------------------------------------------

    def problem(self, text: str, key: str = "") -> None:
        """Note what can't be done; once for each place and text."""
        where = ".".join(part for part in (self.label, key) if part)
        found = Problem(self.profile.id, where, text)
        if found not in self.problems:
            self.problems.append(found)

    # -- values ----------------------------------------------------------------------------

    def range_of(self, where: str) -> Range | None:
        """Return the range of the parts at an address; the first's, as values must agree."""
        found = [part.range_of(where) for part in self.parts]
        return next((one for one in found if one), None)

    def value(self, where: str, raw: object, key: str = "set") -> Target:
        """Return what `raw` means at an address; all parts of the run must agree."""
        try:
            spot = read_address(where)
            found = [resolve(raw, spot, part.range_of(where)) for part in self.parts]
        except ValueProblem as error:
            self.problem(str(error), key)
            return None
        if any(one != found[0] for one in found):
            names = ", ".join(part.part.name for part in self.parts)
            self.problem(f"{where} = {raw!r} means different values for {names}", key)
        return found[0]

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

    def check_feeds(self) -> None:
        """What feeds a part must be what its data sheet allows."""
        for part in self.parts:
            sensor = self.sensor(part)
            for where, span in part.ranges.items():
                nominal = span.words.get("nominal")
                if sensor is None or not address(where).quantity.feeds:
                    continue
                low, high = sensor.SUPPLY_V
                if isinstance(nominal, float) and not low <= nominal <= high:
                    unit = address(where).quantity.unit
                    self.problems.append(
                        Problem(
                            f"part {part.part.name}",
                            f"range.{where}.nominal",
                            f"{nominal:g} {unit} is outside the {low:g}..{high:g} {unit} of a "
                            f"{part.part.driver}",
                        )
                    )

    def nominal(self) -> Targets:
        """Return what the parts are fed with while they are read: every quantity's nominal."""
        found: Targets = {}
        for part in self.parts:
            for where, span in part.ranges.items():
                if "nominal" in span.words:
                    found[where] = self.value(where, "nominal")
        return found

    def condition(self, name: str) -> Targets:
        """Return the values of a named condition of the parts."""
        tables = [part.condition.get(name) for part in self.parts]
        if any(table is None for table in tables):
            lacking = ", ".join(p.part.name for p in self.parts if name not in p.condition)
            self.problem(f"{lacking} has no [condition] {name}", "test")
        table = next((table for table in tables if table is not None), {})
        return self.targets(table, f"condition.{name}")

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
        held = self._difference(
            row.held, where, "soak", within if row.within is not None else usual.held
        )
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

    # -- going there -----------------------------------------------------------------------

    def row(self, where: str) -> BenchRow | None:
        """Return what the present zone has at an address, None if nothing."""
        zone = self.layout.zones.get(self.zone)
        return zone.rows.get(where) if zone else None

    def go(
        self, tables: Iterable[Targets], *, only: bool = True, for_s: float | None = None
    ) -> Iterator[Action]:
        """Reach each table's values together, one table after the other.

        With `only` what no table has is released before, in the reverse order in which it was set.
        `for_s` replaces the soaks' time, as a dwell does.
        """
        steps = [dict(table) for table in tables]
        wanted = {where for table in steps for where in table}
        if only:
            yield from self.release([w for w in self.current if w not in wanted])
        reached: Targets = {}
        for table in steps:
            sent: set[str] = set()
            for where, target in table.items():
                if target is None:
                    yield from self.release([where])
                    continue
                action = self._set(where, target)
                if action:
                    sent.add(where)
                    yield action
                if not isinstance(target, Wave):
                    reached[where] = target
            if sent or for_s is not None:
                bands = [where for where in reached if self._is_set(where)]
                yield from self._settle({w: reached[w] for w in bands}, for_s, sent)

    def _is_set(self, where: str) -> bool:
        row = self.row(where)
        return row is not None and row.how == "set"

    def _set(self, where: str, target: Target) -> Set | None:
        """Return the action that sends a value, None where it is there already."""
        row = self.row(where)
        if row is None or row.how == "watched":
            table = f"[bench.{where}]"
            self.problem(
                f"nothing sets {where}: station.toml needs {table} with `set`, or `fixed`"
                if row is None
                else f"{table} is only watched, nothing sets {where}"
            )
            return None
        if isinstance(target, Wave):
            self._check_wave(where, target, row)
            if self.current.get(where) == target:
                return None
            self.current[where] = target
            return Set(where, target, None, self._limit(where))
        assert target is not None  # noqa: S101 - off is a release
        if row.how == "fixed":
            self._check_fixed(where, target, row)
            return None
        self._check_ends(where, target, row)
        if self.current.get(where) == target:
            return None
        rate = self._rate(where)
        if rate is not None and (row.fastest is None or rate > row.fastest * (1 + 1e-9)):
            unit = address(where).quantity.unit
            can = f"at most {row.fastest:g} {unit}/s" if row.fastest else "no rate at all"
            self.problem(f"{where}: this bench can do {can}, asked for {rate:g} {unit}/s", "rate")
        self._check_time(where, target, row, rate)
        limit = self._limit(where)
        if limit is not None and row.limit is None:
            limit = None
        elif limit is not None and row.limit and not row.limit[0] <= limit <= row.limit[1]:
            self.problem(
                f"{where}: limit {limit:g} is outside what the bench can do, "
                f"{row.limit[0]:g}..{row.limit[1]:g}", "limit",
            )  # fmt: skip
        self.current[where] = target
        return Set(where, target, rate, limit)

    def _check_fixed(self, where: str, target: Value, row: BenchRow) -> None:
        assert row.fixed is not None  # noqa: S101 - fixed rows have it
        apart = distance(target, row.fixed)
        if not apart <= self.soak(where).within:
            unit = address(where).quantity.unit
            self.problem(
                f"{where} is fixed at {_show(row.fixed)} {unit} on this bench; "
                f"{_show(target)} {unit} can't be set"
            )

    def _check_ends(self, where: str, target: Value, row: BenchRow) -> None:
        unit = address(where).quantity.unit
        if isinstance(target, float):
            target += self._ambient(where, row)
        if isinstance(target, tuple) and not row.vector:
            self.problem(f"{where}: this bench sets one number along its own axis, no vector")
        if not all(row.low <= part <= row.high for part in components(target)):
            self.problem(
                f"{where} = {_show(target)} {unit} is outside what this bench may do, "
                f"{row.low:g}..{row.high:g} {unit}"
            )

    def _ambient(self, where: str, row: BenchRow) -> float:
        """Return what lies between the part's zero and the instrument's, 0 where they are one.

        A port that is relative to ambient, on an instrument that counts from vacuum, needs to know
        the ambient: `[bench.QUANTITY.ambient]`.
        """
        span = self.range_of(where)
        if span is None or span.relative_to != AMBIENT or row.against != "vacuum":
            return 0.0
        name = f"{address(where).quantity.name}.{AMBIENT}"
        found = self.row(name)
        if found is None:
            self.problem(
                f"{where} of the part is relative to ambient, the bench counts from vacuum: "
                f"station.toml needs [bench.{name}] with a meter or `fixed`"
            )
        if found is not None and isinstance(found.fixed, float):
            return found.fixed
        return address(where).quantity.usual

    def _check_wave(self, where: str, wave: Wave, row: BenchRow) -> None:
        if row.how != "set":
            self.problem(f"{where}: nothing on this bench makes waves there")
            return
        quickest = row.wave_s
        if quickest is None:  # the program itself goes to and fro
            apart = abs(wave.high - (wave.low or 0.0))
            quickest = 2 * ((apart / row.planned if row.planned else 0.0) + row.settling_s)
            quickest = max(quickest, _QUICKEST_TOGGLE_S)
        if wave.period_s < quickest * (1 - 1e-9):
            self.problem(
                f"{where}: a wave of {wave.period_s:g} s is faster than this bench can do, "
                f"{quickest:g} s"
            )
        for end in (wave.low, wave.high):
            if end is not None:
                self._check_ends(where, end, row)

    def _check_time(self, where: str, target: Value, row: BenchRow, rate: float | None) -> None:
        """A soak's time-out must leave the time that the way there takes."""
        speed = min((s for s in (rate, row.planned) if s), default=None)
        if speed is None:
            return
        before = self.current.get(where)
        known = before is not None and not isinstance(before, Wave)
        apart = distance(target, before) if known else 0.0  # type: ignore[arg-type]
        soak = self.soak(where)
        needed = apart / speed + soak.for_s
        if needed > soak.timeout_s:
            self.problem(
                f"{where}: the way to {_show(target)} and its soak take {needed / 60:.0f} min, "
                f"the soak's timeout is {soak.timeout_s / 60:.0f} min", "soak",
            )  # fmt: skip

    def _settle(
        self, targets: Targets, for_s: float | None = None, sent: Collection[str] = ()
    ) -> Iterator[Action]:
        """Wait for all targets together, for the soak of those that were `sent` just now.

        What stayed where it was must hold too, but has had its soak.
        """
        if not targets:
            return
        soaks = {where: self.soak(where) for where in targets}
        bands = tuple(
            Band(where, target, soaks[where].within)
            for where, target in targets.items()
            if target is not None and not isinstance(target, Wave)
        )
        new = [soaks[where] for where in targets if where in sent] or list(soaks.values())
        longest = max(soak.for_s for soak in new) if for_s is None else for_s
        timeout = max(soak.timeout_s for soak in new)
        yield Settle(bands, longest, timeout + (for_s or 0.0))

    def held(self, targets: Targets) -> tuple[Band, ...]:
        """Return the bands in which hours are credited while `targets` are set."""
        return tuple(
            Band(where, target, self.soak(where).held)
            for where, target in targets.items()
            if target is not None and not isinstance(target, Wave) and self._is_set(where)
        )

    def release(self, addresses: Iterable[str] | None = None) -> Iterator[Action]:
        """Stop acting on addresses, or on all, the last one set first."""
        wanted = set(self.current if addresses is None else addresses)
        for where in reversed([w for w in self.current if w in wanted]):
            del self.current[where]
            yield Release(where)

    def until(self, table: SetTable) -> Iterator[Action]:
        """Wait until quantities are down, or up, to values: one-sided bands."""
        bands = []
        for where, raw in table.items():
            value = self.plain(where, raw, "until")
            before = self.current.get(where)
            if isinstance(value, tuple) or value is None:
                continue
            falling = not isinstance(before, float) or before > value
            bands.append(Band(where, high=value) if falling else Band(where, low=value))
        if bands:
            longest = max(self.soak(band.address).timeout_s for band in bands)
            yield Settle(tuple(bands), 0.0, longest)

    # -- places and units ------------------------------------------------------------------

    def place(self, purpose: Purpose) -> str | None:
        """Return the place of the present phase for a purpose, None where there is none."""
        asked = (self.phase.at if self.phase else "") or self.at
        try:
            return self.layout.place_for(purpose, asked)
        except LookupError as error:
            self.problem(str(error), "at")
            return None

    def is_here(self, place: str | None) -> bool:
        """Return whether a place is a zone of this station."""
        return place is not None and place in self.layout.zones

    def be_at(self, place: str) -> Iterator[Action]:
        """Have the present group's units loaded in a zone, whatever was before."""
        if self.loaded == (place, self.group):
            return
        walked = self.loaded is not None and self.loaded[0] != place
        yield from self.unload()
        if walked:
            yield Do("park", {"until": "units", "at": place})
        self.zone = place
        yield from self._inside_handle()
        yield Do("load", {"units": self.group})
        self.loaded = (place, self.group)

    def unload(self) -> Iterator[Action]:
        """Release everything and take the units out, where people may touch."""
        if self.loaded is None:
            return
        yield from self.release()
        yield from self._inside_handle()
        yield Do("unload", {"units": self.loaded[1]})
        self.loaded = None

    def _inside_handle(self) -> Iterator[Action]:
        zone = self.layout.zones.get(self.zone)
        rows = zone.rows.items() if zone else ()
        bands = [Band(w, low=r.handle[0], high=r.handle[1]) for w, r in rows if r.handle]
        if bands and self.number:
            longest = max(self.soak(band.address).timeout_s for band in bands)
            yield Settle(tuple(bands), 0.0, longest)

    def batches(self, phase: Phase, place: str | None) -> list[str]:
        """Return the groups that a phase is done with, one after the other.

        One where all fit into the sockets of the place; else as many as are needed.
        """
        chosen = [n for n, u in enumerate(self.units) if not phase.units or u.group == phase.units]
        if not chosen:
            there = ", ".join(sorted({u.group for u in self.units if u.group})) or "none"
            self.problem(f"no unit is in the group {phase.units!r}; there are: {there}", "units")
            return []
        zone = self.layout.zones.get(place) if place is not None else None
        sockets = len(zone.sockets) if zone else len(chosen)
        if zone is not None and not sockets:
            self.problem("this place has no socket", "at")
            return []
        fixed = [self.units[n].socket for n in chosen if self.units[n].socket]
        if zone is not None and len(chosen) <= sockets and len(set(fixed)) == len(fixed):
            self.groups[phase.units] = tuple(chosen)
            return [phase.units]
        if zone is None:
            self.groups[phase.units] = tuple(chosen)
            return [phase.units]
        names = []
        for number, start in enumerate(range(0, len(chosen), sockets), 1):
            name = f"{phase.units}#{number}"
            self.groups[name] = tuple(chosen[start : start + sockets])
            names.append(name)
        return names

    # -- restarts --------------------------------------------------------------------------

    @contextmanager
    def together(self) -> Iterator[None]:
        """Steps inside are taken up again at the first of them: a cycle cut short is repeated."""
        before, self.restart = self.restart, self.number
        try:
            yield
        finally:
            self.restart = before

    @contextmanager
    def never_repeated(self) -> Iterator[None]:
        """Steps inside are not repeated by themselves: a person decides."""
        before, self.asks_restart = self.asks_restart, True
        try:
            yield
        finally:
            self.asks_restart = before

    # -- points ----------------------------------------------------------------------------

    def settings(self, name: str) -> dict[str, Settings]:
        """Return the settings of that name by part, checked against what the driver declares."""
        found: dict[str, Settings] = {}
        for part in self.parts:
            if name and name not in part.settings:
                there = ", ".join(part.settings) or "none"
                self.problem(
                    f"{part.part.name} has no [settings] {name}; there are: {there}", "settings"
                )
                continue
            found[part.part.name] = self._settings(part, part.settings.get(name, {}))
        return found

    def _settings(self, part: Part, raw: Mapping[str, Any]) -> Settings:
        sensor = self.sensor(part)
        found: Settings = {}
        for name, value in raw.items():
            declared = sensor.SETTINGS.get(name) if sensor else None
            if declared is None:
                allowed = ", ".join(sensor.SETTINGS) if sensor else ""
                self.problem(
                    f"{name!r} is no setting of {part.part.driver}; allowed: {allowed or 'none'}",
                    "settings",
                )
                continue
            known: float | str | None = value
            if declared.dimension is not None:
                known = self._parsed_setting(value, declared.dimension, name)
            if known is None:
                continue
            try:
                found[name] = declared.accept(name, known)
            except SetpointError as error:
                self.problem(str(error), "settings")
        return found

    def _parsed_setting(self, value: object, dimension: Any, name: str) -> float | None:
        try:
            return parse(str(value), dimension)
        except UnitError as error:
            self.problem(f"{name}: {error}", "settings")
            return None

    def point(
        self,
        name: str,
        labels: Mapping[str, Any] | None = None,
        conditions: Targets | None = None,
    ) -> Point:
        """Note a point of the present phase and return it; its id is the phase's and `name`."""
        assert self.phase is not None  # noqa: S101 - kinds run within a phase
        suffix = f"@{self.group}" if "#" in self.group else ""
        base = f"{self.phase.name}/{name}{suffix}" if name else f"{self.phase.name}{suffix}"
        identifier, number = base, 1
        while identifier in self.points:
            number += 1
            identifier = f"{base} ({number})"
        there = {**self._fixed(), **self.current, **(conditions or {})}
        point = Point(
            identifier, self.phase.name, there, dict(labels or {}),
            self.settings(self.phase.settings), self.group,
        )  # fmt: skip
        self.points[identifier] = point
        return point

    def _fixed(self) -> Targets:
        zone = self.layout.zones.get(self.zone)
        rows = zone.rows.items() if zone else ()
        return {where: row.fixed for where, row in rows if row.how == "fixed"}

    def read(self, point: Point) -> Read:
        """Return the action that reads a point as often as the profile says."""
        return Read(point.id, self.profile.samples, self.profile.sample_interval)

    # -- measures and parameters -----------------------------------------------------------

    def asks(self, measures: Sequence[str], taken: Iterable[str] = ()) -> list[Ask]:
        """Return what measures of a phase mean for each part's channels, with their limits.

        A channel is judged where its quantity is set by the phase, or believed as it is, and a
        reference for it is there.
        """
        found: list[Ask] = []
        for name in measures:
            own: list[Ask] = []
            for part in self.parts:
                asked = ask_of(
                    name,
                    part,
                    self.channels(part),
                    self.problem,
                    None,
                    lambda c, name=name, part=part: self._judged(  # type: ignore[misc]
                        c, taken, name in part.accuracy.get(c.name, {})
                    ),
                    frozenset(taken),
                )
                own += [one for one in asked if one not in own and self._streams(one)]
            if not own:
                self.problem(f"no channel can be measured for {name}", "measures")
            found += own
        return found

    def _streams(self, ask: Ask) -> bool:
        """Return whether a measure of a stream is of a channel that the stream has."""
        stream = self.streams.get(ask.part)
        return not ask.stream or stream is None or ask.channel in stream["channels"]

    def _judged(self, channel: Channel, taken: Iterable[str], limited: bool) -> bool:
        """Return whether a channel is compared: moved by the phase, or believed as it is.

        What is moved by the phase and has a limit is compared even where nothing is believed, so
        that preflight says what is missing.
        """
        if channel.quantity is None:
            return False
        whole, moved = address(channel.address).whole, set(taken)
        row = self.row(whole)
        believed = row is not None and row.reference
        if whole in moved:
            return believed or limited
        return row is not None and believed and (limited or row.how != "set")

    def stimuli(self, asks: Sequence[Ask], taken: Iterable[str]) -> list[Targets]:
        """Return what must be applied for measures beside `taken`, which the phase sets itself."""
        own = set(taken)
        found: list[Targets] = [{}]
        for ask in asks:
            for table in ask.stimuli:
                targets = {w: self.value(w, raw, "measures") for w, raw in table.items()}
                if not own & set(targets) and targets not in found:
                    found.append(targets)
        return found[1:] or found

    def tests(
        self, conditions: Sequence[str], name: str, labels: Mapping[str, Any]
    ) -> Iterator[Action]:
        """Test the parts' parameters at each condition, in the order given."""
        parameters = [p for part in self.parts for p in part.parameter]
        if conditions and not parameters:
            names = ", ".join(part.part.name for part in self.parts)
            self.problem(f"{names} has no [[parameter]] to test", "test")
        for condition in conditions:
            values = {**self.nominal(), **self.condition(condition)}
            yield from self.go([values])
            for stimulus, asked in self._stimuli_of_parameters(condition):
                yield from self.go([{**values, **stimulus}])
                point = self.point(
                    "/".join(part for part in (name, condition, asked[0]) if part),
                    {**labels, "condition": condition, "parameters": asked},
                )
                yield self.read(point)

    def _stimuli_of_parameters(self, condition: str) -> list[tuple[Targets, list[str]]]:
        """Return each stimulus once, with the parameters that are read there."""
        found: list[tuple[Targets, list[str]]] = []
        for part in self.parts:
            for parameter in part.parameter:
                if parameter.limits and condition not in parameter.limits:
                    continue
                asks = ask_of(parameter.measure, part, self.channels(part), self.problem, parameter)
                own = self.targets(parameter.set, f"parameter.{parameter.name}")
                extra = [own | t for t in self.stimuli(asks, own)]
                for stimulus in extra:
                    same = next((names for t, names in found if t == stimulus), None)
                    if same is None:
                        found.append((stimulus, [parameter.name]))
                    elif parameter.name not in same:
                        same.append(parameter.name)
        return found

    def test_plan(self, test: Test) -> dict[str, Any]:
        """Return what the evidence must know of a phase's tests: window and conditions."""
        interim = test.after if test.interim is None else test.interim
        return {
            "before": list(test.before),
            "interim": list(interim),
            "after": list(test.after),
            "within_s": test.within,
            "from": test.from_,
            "back_s": test.back,
        }

    # -- what the evidence is told -----------------------------------------------------------

    def tell(self, phase: Phase, asks: Sequence[Ask], **data: Any) -> None:
        """Put on record what a phase is: its kind, what is measured, and the kind's own values."""
        kind = plugins(KINDS)[phase.kind]
        streams, self.streams = self.streams, {}
        self.told[phase.name] = {
            "kind": phase.kind,
            "name": phase.name,
            "title": phase.title or phase.name,
            "origin": kind.origin,
            "asks": [ask.as_json() for ask in asks],
            **({"streams": streams} if streams else {}),
            "data": {key: _plain(value) for key, value in data.items()},
        }

    def mark(self, phase: Phase, name: str) -> None:
        """Put the next step on record under a name, for whoever assesses the kind; by batch."""
        data = self.told[phase.name]["data"]
        data.setdefault(name, {}).setdefault(self.group, []).append(self.number)

    def name_of(self, targets: Targets) -> str:
        """Return a point's name: its values with units."""
        return "/".join(show_value(where, target) for where, target in targets.items())

    def need_stream(self, settings: str) -> None:
        """Say that the parts must sample by themselves, and what that is like."""
        for part in self.parts:
            sensor = self.sensor(part)
            stream = getattr(sensor, "stream", None)
            if stream is None:
                self.problem(
                    f"{part.part.name} has no stream of its own: say `every` how often it is read",
                    "every",
                )
                continue
            found = stream(**self._settings(part, part.settings.get(settings, {})))
            self.streams[part.part.name] = {
                "rate_hz": found.rate_hz,
                "depth": found.depth,
                "bits": found.bits,
                "channels": list(found.channels),
            }

    def need_references_of_fit(self, fit: str) -> None:
        """Say that what is fitted must have been compared with a reference."""
        for part in self.parts:
            for form in getattr(self.sensor(part), "CALIBRATION", ()):
                row = self.row(form.quantity)
                if row is None or not row.reference:
                    self.problem(
                        f"{fit}: {form.quantity} is fitted, but [bench.{form.quantity}] has no "
                        "reference to fit it to",
                        "fit",
                    )

    def need_points_of_fit(self, fit: str) -> None:
        """Say that a polynomial needs more values along each input than its highest power."""
        values: dict[str, set[Any]] = {}
        for point in self.points.values():
            if point.phase == fit:
                for where, value in point.conditions.items():
                    values.setdefault(where, set()).add(value)
        for part in self.parts:
            for form in getattr(self.sensor(part), "CALIBRATION", ()):
                first, second = (max(powers) for powers in zip(*form.terms, strict=True))
                own = len(values.get(form.quantity, ()))
                others = [len(found) for w, found in values.items() if w != form.quantity]
                beside = max([*others, own] if not first else others, default=0)
                if own <= first or beside <= second:
                    self.problem(
                        f"{form.quantity} of {part.part.name} is fitted with powers up to {first} "
                        f"and {second}: {fit} needs {first + 1} values of it and {second + 1} of "
                        f"another axis, it has {own} and {beside}",
                        "fit",
                    )

    def later(self, name: str, key: str) -> str:
        """Return the name of a phase that is still to come; a problem where it is not."""
        if name not in self.to_come:
            there = ", ".join(self.to_come) or "none"
            self.problem(f"{name!r} is no later phase; there are: {there}", key)
        return name

    # -- pieces that kinds share -------------------------------------------------------------

    def null(self, where: str) -> Iterator[Action]:
        """Bring a quantity to zero at its reference; the offset that it takes is a fact."""
        row = self.row(where)
        if row is None or row.how != "set" or not row.reference:
            self.problem(f"{where} can't be nulled: it needs `set` and a reference", "null")
            return
        yield Do("null", {"address": where})

    def monitored(self, phase: Phase) -> list[Ask]:
        """Return what is measured while a phase goes on, with its own limits."""
        monitor = phase.monitor
        if monitor is None:
            return []
        found = []
        for name in monitor.measures:
            for part in self.parts:
                asks = ask_of(
                    name, part, self.channels(part), self.problem, None, self._has_reference
                )
                found += [self._limited(ask, part, monitor.limits.get(name)) for ask in asks]
        return found

    def _has_reference(self, channel: Channel) -> bool:
        row = self.row(address(channel.address).whole) if channel.quantity else None
        return row is not None and row.reference

    def _limited(self, ask: Ask, part: Part, raw: object) -> Ask:
        if raw is None:
            return ask
        pair = raw if isinstance(raw, list | tuple) else (f"-{raw}", raw)
        channel = next(c for c in self.channels(part) if c.name == ask.channel)
        if len(pair) != 2 or channel.quantity is None:
            self.problem("write limits as [low, high]", "monitor.limits")
            return ask
        try:
            low, high = (
                read_difference(end, channel.quantity.difference, ask.full_scale) for end in pair
            )
        except ValueProblem as error:
            self.problem(str(error), "monitor.limits")
            return ask
        return replace(ask, limits={"": (low, high)})

    def open_monitor(
        self, phase: Phase, name: str, labels: Mapping[str, Any], moving: Iterable[str] = ()
    ) -> Iterator[Action]:
        """Read the units every so often until `close_monitor`; what is `moving` is no condition."""
        if phase.monitor is None:
            return
        point = self.point(name, {**labels, "monitor": True})
        still = {w: t for w, t in point.conditions.items() if w not in set(moving)}
        self.points[point.id] = point = replace(point, conditions=still)
        self.monitor = point.id
        yield Read(point.id, every_s=phase.monitor.every)

    def close_monitor(self) -> Iterator[Action]:
        """End what `open_monitor` began, and note where the stress ended."""
        if self.monitor:
            yield Release(self.monitor)
            self.monitor = ""
        self.stress_ended = {"release": self.number}

    def cooled(self, cool: Cool | None) -> Iterator[Action]:
        """End a stress: let go of what is not to stay, and wait until the values are reached."""
        if cool is not None:
            stays = self.targets(cool.set, "cool.set")
            yield from self.release([w for w in self.current if w not in stays])
            yield from self.go([stays], only=False)
            yield from self.until(cool.until)
        self.stress_ended["cool"] = self.number

    def readout(
        self,
        conditions: Sequence[str],
        name: str,
        labels: Mapping[str, Any],
        test: Test | None = None,
    ) -> Iterator[Action]:
        """Test at conditions, here or where tests are done; with `test` within its window."""
        if not conditions:
            return
        place = self.place("test")
        if place is None:
            return
        window: dict[str, Any] = {}
        if test is not None and test.within is not None and self.stress_ended:
            begins = self.stress_ended.get(test.from_, self.stress_ended.get("release", 0))
            window = {"window_s": test.within, "window_from": begins}
        if self.is_here(place):
            yield from self.be_at(place)
            yield from self.tests(conditions, name, {**labels, **window})
            return
        yield from self.unload()
        assert self.phase is not None  # noqa: S101 - kinds run within a phase
        yield from self.attached(
            f"{self.phase.name}/{name}" if name else self.phase.name,
            ("report", "result of each unit"),
            {**labels, **window, "conditions": list(conditions)},
            place,
        )

    def attached(
        self,
        name: str,
        words: Sequence[str],
        labels: Mapping[str, Any] | None = None,
        place: str = "",
    ) -> Iterator[Action]:
        """Park until evidence from elsewhere is attached to the point `name`."""
        assert self.phase is not None  # noqa: S101 - kinds run within a phase
        suffix = f"@{self.group}" if "#" in self.group else ""
        point = Point(
            f"{name}{suffix}", self.phase.name, {}, {**(labels or {}), "attach": list(words)},
            {}, self.group,
        )  # fmt: skip
        self.points[point.id] = point
        yield Do(
            "park",
            {"until": "attach", "point": point.id, "attach": list(words), "at": place},
        )

    def start_gate(self, readout: str, require: str) -> Iterator[Action]:
        """Do not start a stress on units that say nothing, or that are not calibrated."""
        assert self.phase is not None  # noqa: S101 - kinds run within a phase
        if require == "always":
            return
        must = [part.part.name for part in self.parts if part.calibration is not None]
        yield Do(
            "gate",
            {
                "phase": self.phase.name, "of": self.phase.name, "readout": readout,
                "require": require, "share": 0.0, "calibrated": must,
                "then": "go on", "otherwise": "stop",
            },
        )  # fmt: skip


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


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _show(value: Value) -> str:
    return ", ".join(f"{part:g}" for part in components(value))
