"""The DUTs of a run: read by connected groups of what they share, values as rows.

The rules:
- Units that share a bus or a meter are read one after the other, groups at the same time. Within a
  group all conversions are started before the first is read: slow parts convert together.
- A unit is identified at its first reading and prepared whenever its settings or its supply
  changed.
- A unit that can't be read has its reason in that reading, and is asked again at every later one;
  where only some of its channels are saturated, they have, and the others their values.
- A transfer that did not arrive is tried once more, a little later; every retry is counted and
  recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np

from sensorbench.core.catalog import devices
from sensorbench.core.channel import Block, Stream
from sensorbench.core.clock import Clock
from sensorbench.core.device import Compared, Sensor, StreamingSensor
from sensorbench.core.errors import BenchError, ProtocolError, Saturated, kind_of
from sensorbench.core.provenance import Identity
from sensorbench.core.quantity import Value, components
from sensorbench.evidence.run import Column
from sensorbench.evidence.segments import Rows
from sensorbench.instruments.members import Meter
from sensorbench.profiles.schedule import Schedule, Unit
from sensorbench.run.retry import once_more, read_once_more
from sensorbench.station.layout import meters_taken
from sensorbench.station.model import Socket
from sensorbench.station.station import Station

T = TypeVar("T")
HEAD = (Column("time", "s"), Column("unit", "1"), Column("sweep", "1"))
Problem = dict[str, str]


@dataclass(slots=True)
class Dut:
    """One unit in its socket.

    `extras` are the socket's own meters, by the part's channels beyond the sensor's; None where
    only other sockets have one.
    `is_named` says that lots call its kind by the number that the part tells of itself; `compared`
    is the sensor where it wants to know what others read.
    """

    index: int
    unit: Unit
    socket: Socket
    sensor: Sensor
    extras: tuple[Meter | None, ...]
    resources: frozenset[str]
    is_named: bool
    compared: Compared | None = None
    identity: Identity | None = None
    settings: Mapping[str, Any] | None = None
    retries: int = 0
    ready_s: float = 0.0

    def count(self, _: BenchError) -> None:
        """Count a retry; the next reading or stream tells how many there were."""
        self.retries += 1


@dataclass(slots=True)
class Sweep:
    """Rows of all units that answered, by part, and why the others did not, by serial.

    `partly` says by serial and channel why a row has NaN there.
    """

    rows: dict[str, list[tuple[float, ...]]] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    partly: dict[str, dict[str, Problem]] = field(default_factory=dict)

    def merge(self, other: Sweep) -> None:
        """Add what another sweep brought."""
        for part, rows in other.rows.items():
            self.rows.setdefault(part, []).extend(rows)
        self.problems |= other.problems
        for serial, channels in other.partly.items():
            self.partly[serial] = self.partly.get(serial, {}) | channels


def _nothing() -> None:
    """Tell nobody."""


class Duts:
    """The units that are loaded, by their number in the schedule.

    `meanwhile` is called before each unit, and may raise.
    """

    def __init__(
        self, station: Station, schedule: Schedule, meanwhile: Callable[[], None] = _nothing
    ) -> None:
        self._meanwhile = meanwhile
        self._station, self._schedule = station, schedule
        self._clock: Clock = station.clock
        self._parts = list(schedule.parts)
        self.loaded: dict[int, Dut] = {}
        self._new: dict[str, Identity] = {}

    # -- what is there -----------------------------------------------------------------------

    def load(self, sockets: Mapping[str, str]) -> None:
        """Take units as loaded: socket by serial. Nothing is sent."""
        numbers = {unit.serial: n for n, unit in enumerate(self._schedule.units)}
        for serial, socket_id in sockets.items():
            number = numbers[serial]
            self.loaded[number] = self._dut(number, socket_id)

    def unload(self, serials: Sequence[str]) -> None:
        """Take units as gone."""
        gone = set(serials)
        self.loaded = {n: d for n, d in self.loaded.items() if d.unit.serial not in gone}

    def _dut(self, number: int, socket_id: str) -> Dut:
        unit = self._schedule.units[number]
        driver = self._schedule.parts[unit.part]["driver"]
        socket = self._station.socket(socket_id)
        sensor = self._station.sensor(socket_id, driver)
        own = meters_taken(type(sensor))
        meters = {}
        resources = {f"bus {socket.place.bus}"} if socket.place else set()
        for name, through in socket.meters.items():
            # The switches of one module are turned one after the other, too.
            resources |= {f"instrument {text.partition('.')[0]}" for text in through if text}
            if name not in own:
                meters[name] = self._station.socket_meter(socket, name)
        channels = self._schedule.parts[unit.part]["channels"][len(sensor.CHANNELS) :]
        extras = tuple(meters.get(row["name"]) for row in channels)
        is_named = devices()[driver].serial != ".*"
        compared = sensor if isinstance(sensor, Compared) else None
        return Dut(number, unit, socket, sensor, extras, frozenset(resources), is_named, compared)

    def columns(self, part: str) -> tuple[Column, ...]:
        """Return the columns of a part's rows."""
        channels = self._schedule.parts[part]["channels"]
        return (*HEAD, *(Column(row["name"], row["unit"]) for row in channels))

    def forget(self) -> None:
        """Say that the parts may have lost their settings: their supply changed."""
        for dut in self.loaded.values():
            dut.settings = None

    def branches(self, group: Sequence[int]) -> list[list[Dut]]:
        """Return the loaded units of a group by connected groups of what they share."""
        branches: list[tuple[set[str], list[Dut]]] = []
        for number in group:
            dut = self.loaded.get(number)
            if dut is None:
                continue
            touching = [branch for branch in branches if branch[0] & dut.resources]
            names, members = set(dut.resources), [dut]
            for branch in touching:
                names |= branch[0]
                members = branch[1] + members
                branches.remove(branch)
            branches.append((names, members))
        return [sorted(members, key=lambda dut: dut.index) for _, members in branches]

    # -- single readings ---------------------------------------------------------------------

    def sweep(
        self,
        group: Sequence[int],
        number: int,
        settings: Mapping[str, Any],
        others: Mapping[str, Value] | None = None,
    ) -> Sweep:
        """Read every unit of a group once; rows are time, unit, sweep, channels.

        `others` is what the bench's meters just read where the units are, by address.
        """
        branches = self.branches(group)
        work = [partial(self._sweep, branch, number, settings, others) for branch in branches]
        whole = Sweep()
        for found in self._clock.gather(work):
            whole.merge(found)
        for index in group:
            if index not in self.loaded:
                serial = self._schedule.units[index].serial
                whole.problems[serial] = {"error": "not_loaded", "detail": "", "socket": ""}
        return whole

    def _sweep(
        self,
        duts: Sequence[Dut],
        number: int,
        settings: Mapping[str, Any],
        others: Mapping[str, Value] | None,
    ) -> Sweep:
        sweep = Sweep()
        started = []
        for dut in duts:
            self._meanwhile()
            try:
                self._ready(dut, settings)
                if others and dut.compared:
                    dut.compared.compare(others)
                # Counted from when it was started: on a real bus that took a while by itself.
                converts_s = self._once_more(dut, dut.sensor.start)
                dut.ready_s = self._clock.now() + converts_s
                started.append(dut)
            except BenchError as error:
                sweep.problems[dut.unit.serial] = problem_of(dut, error)
        for dut in started:
            self._meanwhile()
            try:
                self._clock.sleep(dut.ready_s - self._clock.now())
                values, missing = self._values(dut)
                row = (self._clock.now(), dut.index, number, *values, *self._extras(dut))
                sweep.rows.setdefault(dut.unit.part, []).append(row)
                if missing:
                    sweep.partly[dut.unit.serial] = missing
            except BenchError as error:
                sweep.problems[dut.unit.serial] = problem_of(dut, error)
        return sweep

    def _values(self, dut: Dut) -> tuple[tuple[float, ...], dict[str, Problem]]:
        """Return what a unit's own channels read, and why by channel where that is NaN."""
        try:
            block = read_once_more(dut.sensor, self._clock, dut.count)
        except Saturated as error:
            if not error.rest:
                raise
            names = [channel.name for channel in dut.sensor.CHANNELS]
            problem = problem_of(dut, error)
            missing = {
                name: problem
                for name, value in zip(names, error.rest, strict=True)
                if math.isnan(value)
            }
            return error.rest, missing
        return tuple(map(float, block.values[0])), {}

    def _extras(self, dut: Dut) -> list[float]:
        """Return what the socket's own meters say, NaN for those that other sockets have."""
        return [math.nan if meter is None else components(meter.read())[0] for meter in dut.extras]

    def _ready(self, dut: Dut, settings: Mapping[str, Any]) -> None:
        """Identify a unit once, and prepare it where its settings changed."""
        own = settings.get(dut.unit.part, {})
        if dut.identity is None or dut.settings != own:
            self._once_more(dut, lambda: self._prepare(dut, own))

    def _prepare(self, dut: Dut, own: Mapping[str, Any]) -> None:
        if dut.identity is None:
            self._identify(dut)
        if dut.settings != own:
            dut.sensor.prepare(**own)
            dut.settings = dict(own)
        if dut.is_named and dut.identity is not None and not dut.identity.serial:
            self._identify(dut)  # it may not tell its number until what it was doing is stopped

    def _identify(self, dut: Dut) -> None:
        found = dut.sensor.identify()
        if found.serial and found.serial != dut.unit.serial and dut.is_named:
            dut.identity = dut.settings = None
            raise ProtocolError(
                f"holds {found.serial}, the lot says {dut.unit.serial}: put the units where "
                "they were loaded, or correct the lot"
            )
        dut.identity = self._new[dut.unit.serial] = found

    def who(self, group: Sequence[int]) -> dict[str, Identity]:
        """Ask the loaded units of a group who they are; those that do not answer are left out."""
        found: dict[str, Identity] = {}

        def ask(dut: Dut) -> None:
            try:
                found[dut.unit.serial] = self._once_more(dut, dut.sensor.identify)
            except BenchError:
                dut.settings = None

        self.each(group, ask)
        return found

    def as_rows(self, sweep: Sweep, part: str) -> Rows:
        """Return the rows of a part as an array, shape (n, 3 + channels), in the lot's order."""
        rows = sorted(sweep.rows.get(part, ()), key=lambda row: (row[2], row[1]))
        return np.array(rows, dtype=float).reshape(-1, len(self.columns(part)))

    def identified(self) -> dict[str, Identity]:
        """Return what units said of themselves since the last time, by serial."""
        found, self._new = self._new, {}
        return found

    def _once_more(self, dut: Dut, work: Callable[[], T]) -> T:
        return once_more(work, self._clock, dut.count)

    def retries(self) -> dict[str, int]:
        """Return how often transfers were tried again since the last time, by serial."""
        counts = {d.unit.serial: d.retries for d in self.loaded.values() if d.retries}
        for dut in self.loaded.values():
            dut.retries = 0
        return counts

    # -- streams -----------------------------------------------------------------------------

    def open_streams(
        self, group: Sequence[int], settings: Mapping[str, Any]
    ) -> tuple[dict[int, Stream], dict[str, Problem]]:
        """Let every unit of a group sample by itself; return what each stream is like.

        All are prepared before the first is opened: a FIFO fills while another part is prepared.
        """
        ready: list[int] = []
        streams: dict[int, Stream] = {}
        problems: dict[str, Problem] = {}

        def prepare(dut: Dut) -> None:
            try:
                self._ready(dut, settings)
                ready.append(dut.index)
            except BenchError as error:
                problems[dut.unit.serial] = problem_of(dut, error)

        def begin(dut: Dut) -> None:
            try:
                sensor = cast("StreamingSensor", dut.sensor)
                stream = type(sensor).stream(**dict(settings.get(dut.unit.part, {})))
                sensor.open_stream()
                streams[dut.index] = stream
            except BenchError as error:
                problems[dut.unit.serial] = problem_of(dut, error)

        self.each(group, prepare)
        self.each(sorted(ready), begin)
        return streams, problems

    def drain(self, numbers: Sequence[int]) -> tuple[dict[int, Block], dict[str, Problem]]:
        """Fetch what the streams of units hold."""
        blocks: dict[int, Block] = {}
        problems: dict[str, Problem] = {}

        def branch(duts: Sequence[Dut]) -> None:
            for dut in duts:
                self._meanwhile()
                try:
                    blocks[dut.index] = cast("StreamingSensor", dut.sensor).drain()
                except BenchError as error:
                    problems[dut.unit.serial] = problem_of(dut, error)

        self._clock.gather([partial(branch, duts) for duts in self.branches(numbers)])
        return blocks, problems

    def close_streams(self, numbers: Sequence[int]) -> None:
        """End the streams of units; one that no longer answers is left."""
        for number in numbers:
            dut = self.loaded.get(number)
            if dut is not None:
                try:
                    cast("StreamingSensor", dut.sensor).close_stream()
                except BenchError:
                    dut.settings = None

    # -- one by one ----------------------------------------------------------------------------

    def each(self, group: Sequence[int], work: Callable[[Dut], None]) -> None:
        """Do `work` for every loaded unit of a group, groups at the same time."""

        def branch(duts: Sequence[Dut]) -> None:
            for dut in duts:
                self._meanwhile()
                work(dut)

        self._clock.gather([partial(branch, duts) for duts in self.branches(group)])


def problem_of(dut: Dut, error: BenchError) -> Problem:
    """Return why a unit could not be read, as the evidence keeps it."""
    return {"error": kind_of(error), "detail": str(error), "socket": dut.socket.id}
