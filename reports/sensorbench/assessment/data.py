"""Evidence as arrays: what a run was asked, by its own words, and what came.

The rules:
- What was asked is `inputs/schedule.json` and nothing else: no TOML file, no constant of today.
- Columns come from the stream's announcement in the journal.
- Of two readings of one point the last complete one counts; the others stay in `all_readouts`.
- A unit that was not read whole is NaN, with its reason: a mean of fewer would hide what happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sensorbench.assessment.results import Reason
from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.journal import Event
from sensorbench.evidence.run import RunReader
from sensorbench.parts.values import Target, Wave
from sensorbench.profiles.needs import needs
from sensorbench.profiles.schedule import Point, Schedule, Unit
from sensorbench.profiles.schedule import target as as_target

Floats = npt.NDArray[np.float64]
SCHEDULE = "schedule.json"


@dataclass(frozen=True, slots=True)
class MeterRow:
    """One meter of the bench: what it is called, and the address it reads."""

    name: str
    zone: str
    address: str
    unit: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A meter's log: an envelope a row, times in s from the start of the run."""

    zone: str
    address: str
    unit: str
    time_s: Floats
    low: Floats
    high: Floats
    mean: Floats
    polls: Floats
    implied: Floats


@dataclass(frozen=True, slots=True)
class Readout:
    """One reading of a point. Arrays have one value a unit of the run, shape (D,).

    `values` maps a channel to means over the sweeps, `spread` to standard deviations of a sample;
    `references` a meter's name to the mean of its components. `problems` says by serial why a unit
    was not read, `unsettled` which soak before it failed.
    """

    seq: int
    t: float
    point: Point
    values: Mapping[str, Floats]
    spread: Mapping[str, Floats]
    sweeps: int
    references: Mapping[str, tuple[float, ...]]
    problems: Mapping[str, Reason]
    unsettled: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class StreamData:
    """A unit's stream at a point. Samples are decoded a channel at a time, when asked for."""

    channels: tuple[str, ...]
    count: int
    rate_hz: float
    overflow: bool
    saturated: bool
    seconds: float
    start_s: float
    sources: tuple[int, ...]
    _events: tuple[Event, ...]
    _run: RunReader
    _name: str

    def channel(self, name: str) -> Floats:
        """Return a channel's samples in order, in its unit, shape (n,)."""
        number = self.channels.index(name)
        column = self._run.columns(self._name)[number]
        blocks = [self._run.samples(event, self._name)[:, number] for event in self._events]
        whole = np.concatenate(blocks).astype(np.float64)
        return np.asarray(whole * column.scale + column.offset)


@dataclass(slots=True)
class RunData:
    """What was asked of a run and what came. Decoded once; nothing is read twice."""

    run: RunReader
    schedule: Schedule
    _cache: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> RunData:
        """Return the data of the run in a folder. Raises EvidenceError."""
        return cls.of(RunReader(root))

    @classmethod
    def of(cls, run: RunReader) -> RunData:
        """Return the data of an open run. Raises EvidenceError where the question can't be read."""
        try:
            return cls(run, Schedule.from_json(json.loads(run.input_text(SCHEDULE))))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise EvidenceError(f"{run.run_id}: inputs/{SCHEDULE} can't be read: {error}") from None

    # -- units -------------------------------------------------------------------------------

    @property
    def units(self) -> tuple[Unit, ...]:
        """Return the units of the run."""
        return self.schedule.units

    @property
    def serials(self) -> tuple[str, ...]:
        """Return the units' serial numbers, in the order of all arrays."""
        return tuple(unit.serial for unit in self.schedule.units)

    def sockets(self) -> dict[str, str]:
        """Return where each unit was last loaded."""
        found = {unit.serial: unit.socket for unit in self.units}
        for event in self.events("fact"):
            if event.data["verb"] == "load":
                found |= event.data["fact"].get("sockets", {})
        return found

    def dropped(self) -> dict[str, str]:
        """Return the units that a gate left out, with its name."""
        found: dict[str, str] = {}
        for event in self.events("fact"):
            if event.data["verb"] == "gate":
                fact = event.data["fact"]
                found |= dict.fromkeys(fact.get("dropped", ()), fact.get("gate", ""))
        return found

    def skipped(self) -> dict[str, str]:
        """Return the phases that a gate jumped over, with its name."""
        if "skipped" not in self._cache:
            self._cache["skipped"] = self._skipped()
        found: dict[str, str] = self._cache["skipped"]
        return found

    def _skipped(self) -> dict[str, str]:
        gates = {
            event.data["step"]: str(event.data["fact"].get("gate", ""))
            for event in self.events("fact")
            if event.data["verb"] == "gate"
        }
        jumped: dict[int, str] = {}
        for event in self.events("done"):
            step, following = event.data["step"], event.data["next"]
            jumped |= dict.fromkeys(range(step + 1, following), gates.get(step, ""))
        steps: dict[str, list[int]] = {}
        for number, step in enumerate(self.schedule.steps):
            steps.setdefault(step.phase, []).append(number)
        return {
            phase: jumped[numbers[0]]
            for phase, numbers in steps.items()
            if all(n in jumped and self.done_at(n) is None for n in numbers)
        }

    @property
    def absent(self) -> dict[str, Reason]:
        """Return by serial why units never answered in any reading; those that did are left out."""
        if "absent" not in self._cache:
            answered: set[str] = set()
            why: dict[str, Reason] = {}
            for readout in self.all_readouts:
                for number in self.schedule.group(readout.point.units):
                    serial = self.serials[number]
                    if serial in readout.problems:
                        why.setdefault(serial, readout.problems[serial])
                    else:
                        answered.add(serial)
            self._cache["absent"] = {s: reason for s, reason in why.items() if s not in answered}
        found: dict[str, Reason] = self._cache["absent"]
        return found

    # -- events ------------------------------------------------------------------------------

    def events(self, *kinds: str) -> Iterable[Event]:
        """Return the journal's events of those kinds, or all, in order."""
        return self.run.events(*kinds)

    def done_at(self, step: int) -> float | None:
        """Return when a step was last done, in s from the start; None if it was not."""
        if "done" not in self._cache:
            self._cache["done"] = {e.data["step"]: e.t for e in self.events("done")}
        found: float | None = self._cache["done"].get(step)
        return found

    @property
    def sets(self) -> list[tuple[float, str, str, Target]]:
        """Return what was set when: time, zone, address, value (None: released)."""
        found: list[tuple[float, str, str, Target]] = []
        for event in self.events("sent", "released"):
            data = event.data
            asked = as_target(data.get("asked")) if event.kind == "sent" else None
            found.append((event.t, data["zone"], data["address"], asked))
        return found

    @property
    def holds(self) -> list[Mapping[str, Any]]:
        """Return the holds that were done, in order."""
        return [event.data for event in self.events("hold")]

    def local_day(self, seq: int) -> date:
        """Return the bench's own date of an event."""
        event = self.run.journal.events[seq]
        offset = timedelta(seconds=float(self.run.manifest.get("utc_offset_s", 0.0)))
        return (datetime.fromisoformat(event.time) + offset).date()

    # -- meters ------------------------------------------------------------------------------

    @property
    def meters(self) -> tuple[MeterRow, ...]:
        """Return the meters of the bench, in the order of their numbers."""
        for event in self.events("meters"):
            return tuple(
                MeterRow(row["name"], row["zone"], row["address"], row["unit"])
                for row in event.data["meters"]
            )
        return ()

    def _renumbered(self, rows: Floats, column: int, seq: int) -> Floats:
        """Return rows with the meters' first numbers: after a park they may stand in another order.

        Each program that went on with the run told its own.
        """
        if "numbers" not in self._cache:
            told = [
                (e.seq, [MeterRow(r["name"], r["zone"], r["address"], r["unit"])
                         for r in e.data["meters"]])
                for e in self.events("meters")
            ]  # fmt: skip
            self._cache["numbers"] = told
        told = self._cache["numbers"]
        own = next((meters for at, meters in reversed(told) if at < seq), None)
        if own is None or own == told[0][1]:
            return rows
        first = {meter: float(number) for number, meter in enumerate(told[0][1])}
        numbers = np.array([first.get(meter, np.nan) for meter in own])
        found = np.array(rows)
        found[:, column] = numbers[rows[:, column].astype(int)]
        return found

    @property
    def log(self) -> dict[str, Trace]:
        """Return the log by meter; of a vector each component by itself, `NAME.x`."""
        if "log" not in self._cache:
            self._cache["log"] = self._read_log()
        found: dict[str, Trace] = self._cache["log"]
        return found

    def _read_log(self) -> dict[str, Trace]:
        blocks = [
            self._renumbered(self.run.values(event, "log"), 1, event.seq)
            for event in self.events("log")
        ]
        if not blocks:
            return {}
        rows = np.concatenate(blocks)
        found: dict[str, Trace] = {}
        for number, meter in enumerate(self.meters):
            own = rows[rows[:, 1] == number]
            quantity = self.schedule.quantities.get(meter.address.partition(".")[0], {})
            axes = quantity.get("axes") or [""]
            for component in np.unique(own[:, 2]).astype(int):
                part = own[own[:, 2] == component]
                vector = len(np.unique(own[:, 2])) > 1
                name = f"{meter.name}.{axes[component]}" if vector else meter.name
                key = name if name not in found else f"{meter.zone}:{meter.address}:{name}"
                found[key] = Trace(
                    meter.zone, meter.address, meter.unit, part[:, 0],
                    part[:, 3], part[:, 4], part[:, 5], part[:, 6], part[:, 7],
                )  # fmt: skip
        return found

    # -- readouts ----------------------------------------------------------------------------

    @property
    def all_readouts(self) -> tuple[Readout, ...]:
        """Return every reading of every point, in order; repeated ones too."""
        if "readouts" not in self._cache:
            found = [self._readout(event) for event in self.events("readout")]
            self._cache["readouts"] = tuple(r for r in found if r is not None)
        readouts: tuple[Readout, ...] = self._cache["readouts"]
        return readouts

    @property
    def readouts(self) -> dict[str, Readout]:
        """Return by point the reading that counts: the last one."""
        return {readout.point.id: readout for readout in self.all_readouts}

    def of_phase(self, name: str) -> list[Readout]:
        """Return the readings of a phase that count, in the order of the plan."""
        found = self.readouts
        planned = [point.id for _, _, point in self.schedule.reads() if point.phase == name]
        return [found[point] for point in dict.fromkeys(planned) if point in found]

    def monitored(self, name: str) -> list[Readout]:
        """Return what monitors of a phase read, in order."""
        key = f"monitor {name}"
        if key not in self._cache:
            points = {p.id for p in self.schedule.points.values() if p.phase == name}
            events = [e for e in self.events("monitor") if e.data["point"] in points]
            found = [self._readout(event) for event in events]
            self._cache[key] = [r for r in found if r is not None]
        readings: list[Readout] = self._cache[key]
        return readings

    def missing(self, name: str) -> tuple[int, int, str]:
        """Return how many planned readings of a phase are not there, of how many, and the first."""
        planned = [
            point.id
            for _, read, point in self.schedule.reads()
            if point.phase == name and not read.is_open
        ]
        planned += [
            p.id for p in self.schedule.points.values() if p.phase == name and "attach" in p.labels
        ]
        there = {*self.readouts, *self.attached}
        absent = [point for point in dict.fromkeys(planned) if point not in there]
        return len(absent), len(set(planned)), absent[0] if absent else ""

    @property
    def attached(self) -> dict[str, Event]:
        """Return by point the last evidence that was attached from elsewhere."""
        return {event.data["point"]: event for event in self.events("attached")}

    def _readout(self, event: Event) -> Readout | None:
        point = self.schedule.points.get(event.data["point"])
        if point is None:
            return None
        units, sweeps = len(self.units), int(event.data.get("sweeps", 1))
        values: dict[str, Floats] = {}
        spread: dict[str, Floats] = {}
        for stream in self.run.streams_of(event):
            if not stream.startswith("units-"):
                continue
            names = [column.name for column in self.run.columns(stream)]
            rows = self.run.values(event, stream)
            cube = np.full((units, sweeps, len(names)), np.nan)
            cube[rows[:, 1].astype(int), rows[:, 2].astype(int)] = rows
            means = cube.mean(axis=1)
            around = _spread(cube)
            for k, name in enumerate(names):
                if k < 3:  # time, unit, sweep
                    continue
                known = ~np.isnan(means[:, k])
                values.setdefault(name, np.full(units, np.nan))[known] = means[known, k]
                spread.setdefault(name, np.full(units, np.nan))[known] = around[known, k]
        return Readout(
            seq=event.seq,
            t=event.t,
            point=point,
            values=values,
            spread=spread,
            sweeps=sweeps,
            references=self._references(event),
            problems={s: _reason(row) for s, row in event.data.get("problems", {}).items()},
            unsettled=tuple(
                Reason("not_settled", dict(row)) for row in event.data.get("unsettled", ())
            ),
        )

    def _references(self, event: Event) -> dict[str, tuple[float, ...]]:
        if "references" not in self.run.streams_of(event):
            return {}
        rows = self._renumbered(self.run.values(event, "references"), 2, event.seq)
        found: dict[str, tuple[float, ...]] = {}
        for number, meter in enumerate(self.meters):
            own = rows[rows[:, 2] == number]
            if len(own):
                parts = [own[own[:, 3] == k][:, 4].mean() for k in np.unique(own[:, 3])]
                found[f"{meter.zone}:{meter.address}"] = tuple(map(float, parts))
        return found

    def due(self, meter: str, seq: int) -> str | None:
        """Return until when a meter's instrument was calibrated, as it was before an event."""
        if "due" not in self._cache:
            rows = [(e.seq, e.data["name"], e.data["calibration_due"])
                    for e in self.events("instrument")]  # fmt: skip
            self._cache["due"] = rows
        name = meter.partition(".")[0]
        found = [due for at, own, due in self._cache["due"] if own == name and at < seq]
        return found[-1] if found else None

    @property
    def believed(self) -> frozenset[tuple[str, str]]:
        """Return zone and address of every reference that results or credited hours rest on."""
        if "believed" not in self._cache:
            asked = needs(self.schedule)
            self._cache["believed"] = frozenset(
                (zone, where)
                for table in (asked.compares, asked.settles)
                for zone, addresses in table.items()
                for where in addresses
            )
        found: frozenset[tuple[str, str]] = self._cache["believed"]
        return found

    def zone_of(self, point: str) -> str:
        """Return the zone in which a point was to be read."""
        if "zones" not in self._cache:
            self._cache["zones"] = {
                read.point: self.schedule.steps[number].zone
                for number, read, _ in self.schedule.reads()
            }
        found: str = self._cache["zones"].get(point, "")
        return found

    def reference(self, readout: Readout, address: str) -> float:
        """Return what the reference of an address read at a point, NaN where nothing did.

        An axis of a plain number is along the direction that the quantity's `along` tells.
        """
        whole, _, axis = self._split(address)
        zone = self.zone_of(readout.point.id)
        found = readout.references.get(f"{zone}:{whole}")
        if found is None:
            condition = readout.point.conditions.get(whole)
            fixed = self.bench(zone, whole).get("fixed") is not None
            if not fixed or condition is None or isinstance(condition, Wave):
                return float("nan")
            found = condition if isinstance(condition, tuple) else (condition,)
        found = tuple(part - self.ambient(zone, whole, readout) for part in found)
        quantity = self.schedule.quantities[whole.partition(".")[0]]
        axes = list(quantity.get("axes", ()))
        if not axis:
            return found[0] if len(found) == 1 else float(np.linalg.norm(found))
        if len(found) == len(axes):
            return found[axes.index(axis)]
        along = quantity.get("along", "")
        direction = readout.references.get(f"{zone}:{along}")
        if direction is None or len(direction) != len(axes):
            row = self.schedule.quantities.get(along, {})
            usual = row.get("words", {}).get("+z up")
            stated = readout.point.conditions.get(along)
            direction = stated if isinstance(stated, tuple) else tuple(usual or (0.0, 0.0, 1.0))
        return found[0] * direction[axes.index(axis)]

    def ambient(self, zone: str, whole: str, readout: Readout | None = None) -> float:
        """Return what lies between the part's zero and the bench's, 0 where they are one."""
        relative = any(
            part["ranges"].get(whole, {}).get("relative_to") == "ambient"
            for part in self.schedule.parts.values()
        )
        if not relative or self.bench(zone, whole).get("against") != "vacuum":
            return 0.0
        name = f"{whole.partition('.')[0]}.ambient"
        read = readout.references.get(f"{zone}:{name}") if readout is not None else None
        if read is not None:
            return read[0]
        bench = self.schedule.zones.get(zone, {}).get("benches", {}).get(name, {})
        if bench.get("fixed") is not None:
            return float(bench["fixed"])
        traces = [t for t in self.log.values() if t.zone == zone and t.address == name]
        return float(np.nanmean(traces[0].mean)) if traces else float("nan")

    def _split(self, address: str) -> tuple[str, str, str]:
        parts = address.split(".")
        axes = self.schedule.quantities.get(parts[0], {}).get("axes", ())
        axis = parts.pop() if len(parts) > 1 and parts[-1] in axes else ""
        return ".".join(parts), parts[0], axis

    def bench(self, zone: str, address: str) -> Mapping[str, Any]:
        """Return what was bound at an address: who acts, who is believed, how well."""
        whole, _, _ = self._split(address)
        benches = self.schedule.zones.get(zone, {}).get("benches", {})
        found: Mapping[str, Any] = benches.get(whole, {})
        return found

    # -- streams -----------------------------------------------------------------------------

    def streams(self, point: str) -> dict[str, StreamData]:
        """Return by serial what the units' own streams brought at a point."""
        events: dict[int, list[Event]] = {}
        for event in self.events("stream_data"):
            if event.data["point"] == point:
                events.setdefault(event.data["unit"], []).append(event)
        found = {}
        for number, own in events.items():
            name = self.run.streams_of(own[0])[0]
            # The period is assessed, not assumed: host time over samples, first block aside.
            starts = [t for event in own for t in event.data["start_s"]]
            ends = [t for event in own for t in event.data["end_s"]]
            counts = [c for event in own for c in event.data["count"]]
            spent = ends[-1] - ends[0]
            found[self.serials[number]] = StreamData(
                channels=tuple(column.name for column in self.run.columns(name)),
                count=sum(counts),
                rate_hz=sum(counts[1:]) / spent if spent > 0 else float("nan"),
                overflow=any(event.data["overflow"] for event in own),
                saturated=any(event.data.get("saturated", False) for event in own),
                seconds=ends[-1] - starts[0],
                start_s=starts[0],
                sources=tuple(event.seq for event in own),
                _events=tuple(own),
                _run=self.run,
                _name=name,
            )
        return found

    def stream_problems(self, point: str) -> dict[str, Reason]:
        """Return by serial why a unit's stream could not be read."""
        found: dict[str, Reason] = {}
        for event in self.events("stream_opened", "stream_closed"):
            if event.data["point"] == point:
                found |= {s: _reason(row) for s, row in event.data["problems"].items()}
        return found


def _spread(cube: Floats) -> Floats:
    if cube.shape[1] < 2:
        return np.full((cube.shape[0], cube.shape[2]), np.nan)
    return np.asarray(cube.std(axis=1, ddof=1))


def _reason(row: Mapping[str, Any]) -> Reason:
    return Reason("device", dict(row))
