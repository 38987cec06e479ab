"""Evidence as arrays: what a run was asked, by its own words, and what came.

The rules:
- Nothing is decoded twice: an open run does not change.
- What was asked is `inputs/schedule.json` and nothing else: no TOML file, no constant of today.
- Columns come from the stream's announcement in the journal.
- Of two readings of one point the last complete one counts; the others stay in `all_readouts`.
- Of an open read that was cut off and begun anew only what came since counts.
- A unit that was not read whole is NaN, with its reason: a mean of fewer would hide what happened.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sensorbench.assessment.decoding import Channels, Decoder
from sensorbench.assessment.logs import LogStore, MeterLog
from sensorbench.assessment.records import Floats, MeterRow, Readout
from sensorbench.assessment.results import Reason
from sensorbench.assessment.steadiness import most_scatter, scatter
from sensorbench.assessment.streams import StreamData, Streams
from sensorbench.core.errors import EvidenceError
from sensorbench.evidence.events import Selection
from sensorbench.evidence.journal import Event
from sensorbench.evidence.run import RunReader
from sensorbench.parts.values import Target, Wave
from sensorbench.profiles.needs import compared, needs
from sensorbench.profiles.schedule import Point, Schedule, Unit
from sensorbench.profiles.schedule import target as as_target

SCHEDULE = "schedule.json"


@dataclass
class RunData:
    """What was asked of a run and what came."""

    run: RunReader
    schedule: Schedule

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

    @cached_property
    def credits(self) -> dict[tuple[str, str], list[tuple[float, float]]]:
        """Return what was found of hours served, by phase and batch: once for all who ask."""
        return {}

    # -- units -------------------------------------------------------------------------------

    @property
    def units(self) -> tuple[Unit, ...]:
        """Return the units of the run."""
        return self.schedule.units

    @cached_property
    def serials(self) -> tuple[str, ...]:
        """Return the units' serial numbers, in the order of all arrays."""
        return tuple(unit.serial for unit in self.schedule.units)

    @cached_property
    def number_of(self) -> dict[str, int]:
        """Return each unit's place in all arrays, by serial number."""
        return {serial: number for number, serial in enumerate(self.serials)}

    def reads(self, point: Point, number: int) -> bool:
        """Return whether a point reads a unit, given by its place in all arrays."""
        return number in self._members[point.units]

    @cached_property
    def _members(self) -> dict[str, frozenset[int]]:
        groups = {point.units for point in self.schedule.points.values()}
        return {group: frozenset(self.schedule.group(group)) for group in groups}

    @cached_property
    def sockets(self) -> dict[str, str]:
        """Return where each unit was last loaded."""
        found = {unit.serial: unit.socket for unit in self.units}
        for event in self.events("fact"):
            if event.data["verb"] == "load":
                found |= event.data["fact"].get("sockets", {})
        return found

    @cached_property
    def dropped(self) -> dict[str, str]:
        """Return the units that were left out, with the gate that did it.

        The name is "" for one that did not answer while others on its bus did.
        """
        found = {str(event.data["serial"]): "" for event in self.events("unit_dropped")}
        for event in self.events("fact"):
            if event.data["verb"] == "gate":
                fact = event.data["fact"]
                found |= dict.fromkeys(fact.get("dropped", ()), fact.get("gate", ""))
        return found

    @cached_property
    def skipped(self) -> dict[str, str]:
        """Return the phases that a gate jumped over, with its name."""
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

    @cached_property
    def absent(self) -> dict[str, Reason]:
        """Return by serial why units never answered in any reading; those that did are left out."""
        answered: set[str] = set()
        why: dict[str, Reason] = {}
        for readout in self.all_readouts:
            for number in self.schedule.group(readout.point.units):
                serial = self.serials[number]
                if serial in readout.problems:
                    why.setdefault(serial, readout.problems[serial])
                else:
                    answered.add(serial)
        return {s: reason for s, reason in why.items() if s not in answered}

    # -- events ------------------------------------------------------------------------------

    def events(self, *kinds: str) -> Selection:
        """Return the journal's events of those kinds, or all, in order; each is read when used."""
        return self.run.events(*kinds)

    def done_at(self, step: int) -> float | None:
        """Return when a step was last done, in s from the start; None if it was not."""
        return self._done.get(step)

    @cached_property
    def _done(self) -> dict[int, float]:
        return {event.data["step"]: event.t for event in self.events("done")}

    @cached_property
    def sets(self) -> list[tuple[float, str, str, Target]]:
        """Return what was set when: time, zone, address, value (None: released)."""
        found: list[tuple[float, str, str, Target]] = []
        for event in self.events("sent", "released"):
            data = event.data
            asked = as_target(data.get("asked")) if event.kind == "sent" else None
            found.append((event.t, data["zone"], data["address"], asked))
        return found

    @cached_property
    def holds(self) -> list[Mapping[str, Any]]:
        """Return the holds that were done, in order."""
        return [event.data for event in self.events("hold")]

    def local_day(self, seq: int) -> date:
        """Return the bench's own date of an event."""
        event = self.run.journal.log.numbered(seq)
        if event is None:
            raise EvidenceError(f"{self.run.run_id}: there is no entry {seq} in the journal")
        offset = timedelta(seconds=float(self.run.manifest.get("utc_offset_s", 0.0)))
        return (datetime.fromisoformat(event.time) + offset).date()

    # -- meters ------------------------------------------------------------------------------

    @property
    def meters(self) -> tuple[MeterRow, ...]:
        """Return the meters of the bench, in the order of their numbers."""
        return self._meters_told[0][1] if self._meters_told else ()

    @cached_property
    def _meters_told(self) -> list[tuple[int, tuple[MeterRow, ...]]]:
        """Return the meters that each program of the run told, with the event's number."""
        return [
            (event.seq, tuple(
                MeterRow(row["name"], row["zone"], row["address"], row["unit"])
                for row in event.data["meters"]
            ))
            for event in self.events("meters")
        ]  # fmt: skip

    def _renumbered(self, rows: Floats, column: int, seq: int) -> Floats:
        """Return rows with the meters' first numbers: after a park they may stand in another order.

        Each program that went on with the run told its own.
        """
        told = self._meters_told
        own = next((meters for at, meters in reversed(told) if at < seq), None)
        if own is None or own == told[0][1]:
            return rows
        first = {meter: float(number) for number, meter in enumerate(told[0][1])}
        numbers = np.array([first.get(meter, np.nan) for meter in own])
        found = np.array(rows)
        found[:, column] = numbers[rows[:, column].astype(int)]
        return found

    @cached_property
    def log(self) -> dict[str, MeterLog]:
        """Return the log by meter; of a vector each component by itself, `NAME.x`."""
        if "log" not in self.run.streams:
            return {}
        store = LogStore()
        for seq, rows in self.run.rows("log", [at for at, _ in self._meters_told]):
            store.add(self._renumbered(rows, 1, seq))
        found: dict[str, MeterLog] = {}
        for number, meter in enumerate(self.meters):
            quantity = self.schedule.quantities.get(meter.address.partition(".")[0], {})
            axes = quantity.get("axes") or [""]
            components = store.components(number)
            for component in components:
                vector = len(components) > 1
                name = f"{meter.name}.{axes[component]}" if vector else meter.name
                key = name if name not in found else f"{meter.zone}:{meter.address}:{name}"
                found[key] = store.log(meter, number, component)
        return found

    # -- readouts ----------------------------------------------------------------------------

    @cached_property
    def all_readouts(self) -> tuple[Readout, ...]:
        """Return every reading of every point, in order; repeated ones too."""
        found = (self._readout(event) for event in self.events("readout"))
        return tuple(readout for readout in found if readout is not None)

    @cached_property
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
        return self._monitored.get(name, [])

    @cached_property
    def _opened(self) -> dict[str, int]:
        """Return by point the event with which its open read last began; before, it was cut off."""
        opens = {n: read.point for n, read, _ in self.schedule.reads() if read.is_open}
        return {
            opens[event.data["step"]]: event.seq
            for event in self.events("step")
            if event.data["step"] in opens
        }

    @cached_property
    def _monitored(self) -> dict[str, list[Readout]]:
        found: dict[str, list[Readout]] = {}
        for event in self.events("monitor"):
            if event.seq < self._opened.get(event.data["point"], -1):
                continue
            readout = self._readout(event)
            if readout is not None:
                found.setdefault(readout.point.phase, []).append(readout)
        return found

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

    @cached_property
    def attached(self) -> dict[str, Event]:
        """Return by point the last evidence that was attached from elsewhere."""
        return {event.data["point"]: event for event in self.events("attached")}

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(self.run, len(self.units))

    def _readout(self, event: Event) -> Readout | None:
        point = self.schedule.points.get(event.data["point"])
        if point is None:
            return None
        sweeps = int(event.data.get("sweeps", 1))
        return Readout(
            seq=event.seq,
            t=event.t,
            point=point,
            values=Channels(self._decoder, event.seq, 0),
            spread=Channels(self._decoder, event.seq, 1),
            sweeps=sweeps,
            references=self._references(event, sweeps),
            problems={s: _reason(row) for s, row in event.data.get("problems", {}).items()},
            partly={
                serial: {channel: _reason(row) for channel, row in rows.items()}
                for serial, rows in event.data.get("partly", {}).items()
            },
            unsettled=tuple(
                Reason(
                    str(row.get("code", "not_settled")),
                    {key: value for key, value in row.items() if key != "code"},
                )
                for row in event.data.get("unsettled", ())
            )
            + self._unsteady(event, point),
        )

    def _references(self, event: Event, sweeps: int) -> dict[str, tuple[float, ...]]:
        """Return the mean of each reference, NaN where it did not speak at every sweep.

        The units' means are over all of them: what the others had, it alone would know.
        """
        found: dict[str, tuple[float, ...]] = {}
        for meter, own in self._reference_rows(event):
            parts = [own[own[:, 3] == k][:, 4].mean() for k in np.unique(own[:, 3])]
            if len(np.unique(own[:, 1])) < sweeps:
                parts = [math.nan] * len(parts)
            found[f"{meter.zone}:{meter.address}"] = tuple(map(float, parts))
        return found

    def _reference_rows(self, event: Event) -> Iterator[tuple[MeterRow, Floats]]:
        if "references" not in self.run.streams_of(event):
            return
        rows = self._renumbered(self.run.values(event, "references"), 2, event.seq)
        for number, meter in enumerate(self.meters):
            own = rows[rows[:, 2] == number]
            if len(own):
                yield meter, own

    def _unsteady(self, event: Event, point: Point) -> tuple[Reason, ...]:
        """Return which references scattered by more than they are said to know, at a point.

        Only of what the point compares with or stands at: a wave, and what an earlier step let go,
        is on its way. Scatter below U is in the mean.
        """
        found = []
        asked = {*compared(self.schedule, point.id), *point.conditions}
        for meter, own in self._reference_rows(event):
            stated = self.bench(meter.zone, meter.address).get("uncertainty")
            around = scatter(own)
            waved = isinstance(point.conditions.get(meter.address), Wave)
            believed = meter.address in asked and (meter.zone, meter.address) in self.believed
            most = math.inf if stated is None else most_scatter(float(stated), own)
            if believed and not waved and around > most:
                values = {"address": meter.address, "apart": around, "within": most}
                found.append(Reason("reference_unsteady", values))
        return tuple(found)

    def due(self, meter: str, seq: int) -> str | None:
        """Return until when a meter's instrument was calibrated, as it was before an event."""
        found = [due for at, due in self._due.get(meter.partition(".")[0], ()) if at < seq]
        return found[-1] if found else None

    @cached_property
    def _due(self) -> dict[str, list[tuple[int, str | None]]]:
        """Return by instrument when each program of the run told its due date, and which."""
        found: dict[str, list[tuple[int, str | None]]] = {}
        for event in self.events("instrument"):
            row = (event.seq, event.data["calibration_due"])
            found.setdefault(event.data["name"], []).append(row)
        return found

    def expired(self, readout: Readout) -> tuple[Reason, ...]:
        """Return the references whose calibration had ended when a reading was made.

        Only of addresses that the run compares with or waits for: of others nothing was believed.
        """
        if readout.seq not in self._expired:
            self._expired[readout.seq] = tuple(self._ended(readout))
        return self._expired[readout.seq]

    @cached_property
    def _expired(self) -> dict[int, tuple[Reason, ...]]:
        return {}  # filled as it is asked: once for all units of a reading

    def _ended(self, readout: Readout) -> Iterator[Reason]:
        zone = self.zone_of(readout.point.id)
        day = self.local_day(readout.seq).isoformat()
        for where, bench in self.schedule.zones.get(zone, {}).get("benches", {}).items():
            believed = (zone, where) in self.believed and not bench.get("believes_set")
            due = self.due(str(bench.get("reference", "")), readout.seq) or bench.get("due")
            if believed and due is not None and day > due:
                yield Reason("reference_expired", {"instrument": bench["reference"], "due": due})

    @cached_property
    def believed(self) -> frozenset[tuple[str, str]]:
        """Return zone and address of every reference that results or credited hours rest on."""
        asked = needs(self.schedule)
        return frozenset(
            (zone, where)
            for table in (asked.compares, asked.settles)
            for zone, addresses in table.items()
            for where in addresses
        )

    def zone_of(self, point: str) -> str:
        """Return the zone in which a point was to be read."""
        return self._zones.get(point, "")

    @cached_property
    def _zones(self) -> dict[str, str]:
        steps = self.schedule.steps
        return {read.point: steps[number].zone for number, read, _ in self.schedule.reads()}

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
        """Return what the bench counts more than the part, 0 where their zeros are one."""
        sign = self._zeros.get((zone, whole), 0)
        return sign * self._ambient(zone, whole, readout) if sign else 0.0

    @cached_property
    def _zeros(self) -> Mapping[tuple[str, str], int]:
        return self.schedule.zeros()

    def _ambient(self, zone: str, whole: str, readout: Readout | None) -> float:
        name = f"{whole.partition('.')[0]}.ambient"
        read = readout.references.get(f"{zone}:{name}") if readout is not None else None
        if read is not None:
            return read[0]
        bench = self.schedule.zones.get(zone, {}).get("benches", {}).get(name, {})
        if bench.get("fixed") is not None:
            return float(bench["fixed"])
        logs = [log for log in self.log.values() if log.zone == zone and log.address == name]
        return logs[0].extent.mean if logs else float("nan")

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
        found = self._streams.at(point)
        return {self.serials[number]: stream for number, stream in found.items()}

    @cached_property
    def _streams(self) -> Streams:
        return Streams(self.run, self._opened)

    def stream_problems(self, point: str) -> dict[str, Reason]:
        """Return by serial why a unit's stream could not be read."""
        found: dict[str, Reason] = {}
        for event in self.events("stream_opened", "stream_closed"):
            if event.data["point"] == point:
                own = {s: _reason(row) for s, row in event.data["problems"].items()}
                # What is opened once more, since nothing had answered, begins anew.
                found = own if event.kind == "stream_opened" else found | own
        return found


def _reason(row: Mapping[str, Any]) -> Reason:
    return Reason("device", dict(row))
