"""What expand() gives: the whole question, resolved, as plain values.

The rules:
- There are six actions, and the runner knows nothing else. None names a quantity.
- All values are canonical numbers; an address is a text, `quantity[.port][.axis]`.
- A schedule is stored as `inputs/schedule.json` and is all that assessment and reports ever read of
  what was asked: no TOML file, no constant of the program. A reader takes what it knows and leaves
  the rest, so that optional fields may be added.
- Every step says where a run goes on if this step was cut off (`restart`): at itself, at the first
  step of its cycle, or, None, only after a person was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from sensorbench.core.quantity import Value
from sensorbench.parts.values import AMBIENT, VACUUM, Target, Wave

FORMAT = 2
GAP = 3.0
"""Times the log's period: of a longer time without a log row nobody knows what was held."""
COOL = "cool"
"""Where a phase's data has the numbers of the steps by which it cools down, by batch."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Set:
    """Send a value, a vector or a wave to an address, with a rate and a compliance limit."""

    address: str
    target: Value | Wave
    rate: float | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """Where an address must be: near a value by `within`, or between two numbers."""

    address: str
    target: Value | None = None
    within: float = 0.0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Settle:
    """Wait until all bands hold at the same time for `for_s`, at every meter; else time-out."""

    bands: tuple[Band, ...]
    for_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Release:
    """Stop acting on an address, or end the open read of a point."""

    what: str


@dataclass(frozen=True, slots=True)
class Read:
    """Read all units of a point: `samples` times, or until its Release every `every_s` seconds.

    `stream` lets the parts sample by themselves instead. The point says the rest.
    """

    point: str
    samples: int = 1
    interval_s: float = 0.0
    every_s: float = 0.0
    stream: bool = False

    @property
    def is_open(self) -> bool:
        """Return whether it goes on until its Release."""
        return self.stream or self.every_s > 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait until `credit_s` were served with all bands held, or `longest_s` are over.

    `phase` and `done_s` say of what it is a part: how much of that phase was to be served before.
    """

    credit_s: float
    bands: tuple[Band, ...] = ()
    longest_s: float = 0.0
    phase: str = ""
    done_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Do:
    """A verb: load, unload, park, ask, write, null, gate, attach; `arguments` are plain values."""

    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


Action = Set | Settle | Release | Read | Hold | Do


@dataclass(frozen=True, slots=True)
class Step:
    """An action, where it is done, and its planned start and duration in s from the run's start."""

    action: Action
    zone: str
    restart: int | None
    phase: str
    start_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the run: what is read there, and under which conditions.

    `conditions` are the values set, by address. `labels` tell points of a phase apart: direction,
    condition, hours, cycles, plateau. `settings` are those of the parts; `units` names the group.
    """

    id: str
    phase: str
    conditions: Mapping[str, Target] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    units: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """One DUT as the lots name it; `part` is the part's name."""

    serial: str
    lot: str
    part: str
    socket: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything a run will do. What is in mappings is plain JSON, canonical units.

    `attended` says that a person promised to stay with the bench.
    """

    profile: Mapping[str, Any]
    units: tuple[Unit, ...]
    parts: Mapping[str, Mapping[str, Any]]
    zones: Mapping[str, Mapping[str, Any]]
    quantities: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, tuple[int, ...]]
    phases: tuple[Mapping[str, Any], ...]
    choices: Mapping[str, Mapping[str, Any]]
    points: Mapping[str, Point]
    steps: tuple[Step, ...]
    attended: bool = False

    @property
    def duration_s(self) -> float:
        """Return the planned time of the whole run."""
        return max((step.start_s + step.duration_s for step in self.steps), default=0.0)

    def phase(self, name: str) -> Mapping[str, Any]:
        """Return a phase by its name. Raises KeyError."""
        return next(phase for phase in self.phases if phase["name"] == name)

    def group(self, name: str) -> tuple[int, ...]:
        """Return the numbers of a group's units; "" is all."""
        return self.groups.get(name) or tuple(range(len(self.units)))

    def whole(self, where: str) -> str:
        """Return an address without its axis, by what the schedule itself says of quantities."""
        whole, dot, last = where.rpartition(".")
        axes = self.quantities.get(where.partition(".")[0], {}).get("axes", ())
        return whole if dot and last in axes else where

    def zeros(self) -> Mapping[tuple[str, str], int]:
        """Return by zone and address where parts and bench count from other zeros, and how.

        1 where the parts count from ambient and the bench from vacuum, -1 the other way round: what
        the bench counts is what the parts count, and so many times ambient. A schedule of before
        that was known has no `put_right`: it was carried out, and is judged, without.
        """
        ranges = [row for part in self.parts.values() for row in part["ranges"].items()]
        relative = {where for where, row in ranges if row.get("relative_to") == AMBIENT}
        absolute = {where for where, row in ranges if row.get("relative_to") == VACUUM} - relative
        found = {}
        for zone, told in self.zones.items():
            for where, bench in told.get("benches", {}).items():
                if where in relative and bench.get("against") == VACUUM:
                    found[zone, where] = 1
                if where in absolute and bench.get("put_right"):
                    found[zone, where] = -1
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the schedule as JSON values."""
        return {
            "format": FORMAT,
            "profile": dict(self.profile),
            "units": [_slim(_fields(unit)) for unit in self.units],
            "parts": {name: dict(part) for name, part in self.parts.items()},
            "zones": {name: dict(zone) for name, zone in self.zones.items()},
            "quantities": {name: dict(row) for name, row in self.quantities.items()},
            "groups": {name: list(units) for name, units in self.groups.items()},
            "phases": [dict(phase) for phase in self.phases],
            "choices": {name: dict(choice) for name, choice in self.choices.items()},
            "points": [_point_json(point) for point in self.points.values()],
            "steps": [_step_json(number, step) for number, step in enumerate(self.steps)],
            **({"attended": True} if self.attended else {}),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Schedule:
        """Return the schedule that `as_json` wrote, by this version or a later one.

        Raises KeyError, TypeError or ValueError where something needed is missing.
        """
        points = [_point(row) for row in data["points"]]
        return Schedule(
            profile=data["profile"],
            units=tuple(_known(Unit, row) for row in data["units"]),
            parts=data["parts"],
            zones=data["zones"],
            quantities=data["quantities"],
            groups={name: tuple(units) for name, units in data["groups"].items()},
            phases=tuple(data["phases"]),
            choices=data["choices"],
            points={point.id: point for point in points},
            steps=tuple(_step(number, row) for number, row in enumerate(data["steps"])),
            attended=bool(data.get("attended")),
        )

    def reads(self) -> Iterator[tuple[int, Read, Point]]:
        """Return every planned read with its step's number and its point."""
        for number, step in enumerate(self.steps):
            if isinstance(step.action, Read):
                yield number, step.action, self.points[step.action.point]


_ACTIONS: dict[str, type[Action]] = {
    "set": Set, "settle": Settle, "release": Release, "read": Read, "hold": Hold, "do": Do,
}  # fmt: skip
_NAMES = {action: name for name, action in _ACTIONS.items()}


def name_of(action: Action) -> str:
    """Return what an action is called in the evidence: set, settle, release, read, hold, do."""
    return _NAMES[type(action)]


def action_json(action: Action) -> dict[str, Any]:
    """Return an action as JSON values, without what is left at its default."""
    return {"do": name_of(action), **_slim(_fields(action))}


def _fields(item: Any) -> dict[str, Any]:
    return {one.name: _plain(getattr(item, one.name)) for one in fields(item)}


def _plain(value: Any) -> Any:
    if isinstance(value, Wave):
        return _fields(value)
    if isinstance(value, Band):
        return _slim(_fields(value))
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _slim(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value not in (None, "", [], {})}


def _step_json(number: int, step: Step) -> dict[str, Any]:
    row = action_json(step.action)
    row |= _slim({"zone": step.zone, "in": step.phase})
    if step.restart != number:
        row["restart"] = step.restart
    return {**row, "at_s": round(step.start_s, 3), "takes_s": round(step.duration_s, 3)}


def _point_json(point: Point) -> dict[str, Any]:
    row = _fields(point)
    return {key: value for key, value in row.items() if value not in ({}, "")}


def _point(row: Mapping[str, Any]) -> Point:
    conditions = {k: target(v) for k, v in row.get("conditions", {}).items()}
    return _known(Point, {**row, "conditions": conditions})


def target(value: Any) -> Target:
    """Return a target of JSON values: null is off, a list a vector, a table a wave."""
    if isinstance(value, Mapping):
        return _known(Wave, value)
    if isinstance(value, list):
        return tuple(map(float, value))
    return None if value is None else float(value)


def _band(row: Mapping[str, Any]) -> Band:
    return _known(Band, {**row, "target": target(row["target"]) if "target" in row else None})


def _step(number: int, row: Mapping[str, Any]) -> Step:
    known = {**row, "bands": tuple(_band(band) for band in row.get("bands", ()))}
    if "target" in row:
        known["target"] = target(row["target"])
    action: Action = _known(_ACTIONS[row["do"]], known)
    restart = row.get("restart", number)
    return Step(
        action, row.get("zone", ""), restart, row.get("in", ""), row["at_s"], row["takes_s"]
    )


def _known(kind: type[T], row: Mapping[str, Any]) -> T:
    """Make a record of the fields that it knows: a later version may have written more."""
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in row.items() if name in known})
