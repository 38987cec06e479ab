"""read: what parts say now, without a profile: a table, CSV or a plot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.commands.seats import seats_of
from sensorbench.app.failure import DEVICE_FAILED, UNSAFE
from sensorbench.app.plots import Line, save_plot, text_plot
from sensorbench.app.tables import CsvRows, TableRows
from sensorbench.core.catalog import devices
from sensorbench.core.channel import Channel
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.provenance import Provenance
from sensorbench.core.units import Dimension, UnitError, parse
from sensorbench.parts.model import Lot, Part
from sensorbench.run.taking import (
    Seat,
    Taken,
    channels_of,
    powered,
    provenance_of,
    reads_meters,
    take_readings,
)
from sensorbench.safety.guarding import Guard, Unguarded, WatchdogGuard
from sensorbench.station.layout import meters_taken
from sensorbench.station.model import StationFile
from sensorbench.station.narrowing import narrow
from sensorbench.station.preflight import check_station
from sensorbench.station.simulation import is_simulated
from sensorbench.station.station import Station, open_station
from sensorbench.station.workspace import Workspace
from sensorbench.station.world_use import standing

FORMATS = ("table", "csv", "plot")
SUFFIXES = (".csv", ".png")
_PLOTTED = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for. Raises InputError for what can't be."""

    what: str
    part: str = ""
    count: int | None = None
    every: str = "1 s"
    format: str = "table"
    output: Path | None = None
    power: bool = False
    real_time: bool = False
    json: bool = False

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InputError.one("read", "--format", f"allowed: {', '.join(FORMATS)}")
        if self.count is not None and self.count < 1:
            raise InputError.one("read", "--count", f"must be at least 1, not {self.count}")
        if self.output is not None and self.output.suffix.lower() not in SUFFIXES:
            raise InputError.one("read", "--output", "write a name that ends with .csv or .png")
        if self.output is not None and self.output.exists():
            raise InputError.one("read", "--output", f"{self.output} is there already")
        if self.every_s < 0:
            raise InputError.one("read", "--every", f"can't be below 0, not {self.every}")

    @property
    def every_s(self) -> float:
        """Return the seconds from one reading to the next."""
        try:
            return parse(self.every, Dimension.TIME)
        except UnitError as error:
            raise InputError.one("read", "--every", str(error)) from None

    @property
    def times(self) -> int:
        """Return how often is read."""
        if self.count is not None:
            return self.count
        is_png = self.output is not None and self.output.suffix.lower() == ".png"
        return _PLOTTED if is_png or self.format == "plot" else 1


def read_now(root: Path, asked: Asked) -> int:
    """Read and print; return 0 where every reading gave values, else 3. Raises BenchError."""
    workspace = Workspace(root)
    file, lots = workspace.load_station(), workspace.load_lots()
    problems = check_station(file)
    if problems:
        raise InputError(problems)
    seats = seats_of(workspace, file, lots, asked.what, asked.part)
    by_meters = {seat.socket.id: _meters(seat) for seat in seats if reads_meters(seat)}
    needed = narrow(file, [seat.socket.id for seat in seats], by_meters, asked.power)
    clock: Clock = RealClock()
    if is_simulated(needed) and not asked.real_time:
        clock = VirtualClock()
    with ExitStack() as stack:
        guard: Guard = Unguarded(clock)
        if asked.power and not is_simulated(needed):
            guard = stack.enter_context(_guarded(needed, workspace))
        station = stack.enter_context(_opened(workspace, file, needed, guard.clock, lots))
        guard.opened(station.numbers)
        shown = _Shown(station, seats, asked)
        if asked.power:
            stack.enter_context(_told(guard, workspace))
            stack.enter_context(powered(station, seats))
        try:
            for taken in take_readings(station, seats, asked.times, asked.every_s):
                guard.pulse.beat()
                shown.add(taken)
        finally:  # Ctrl-C ends a long reading; what was read is kept
            shown.close()
    if shown.silent and not asked.power:
        typer.echo("nothing was powered; --power feeds the parts while they are read", err=True)
    return DEVICE_FAILED if shown.problems else 0


@contextmanager
def _guarded(needed: StationFile, workspace: Workspace) -> Iterator[Guard]:
    """Let a watchdog stand by: parts that are fed are switched off whatever becomes of us."""
    guard = WatchdogGuard(needed, workspace.root)
    try:
        yield guard
    finally:
        guard.close()


@contextmanager
def _told(guard: Guard, workspace: Workspace) -> Iterator[None]:
    """Begin to be guarded, and tell the guard at the end what is not off."""
    name = f"read-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"
    try:
        guard.begin(name, workspace.root.resolve() / name)
        yield
    except BaseException as error:
        notes = [str(note) for note in getattr(error, "__notes__", ())]
        guard.made_safe({note: note for note in notes if note.startswith(UNSAFE)}, "", "")
        raise
    guard.made_safe({}, "", "")


def _meters(seat: Seat) -> list[str]:
    """Return the keys of the socket's meters that the part's driver reads itself."""
    taken = meters_taken(devices()[seat.driver].load_driver())
    return [name for name in seat.socket.meters if name in taken]


@contextmanager
def _opened(
    workspace: Workspace,
    file: StationFile,
    needed: StationFile,
    clock: Clock,
    lots: Sequence[tuple[Lot, Part]],
) -> Iterator[Station]:
    """Open what is needed. What simulated parts remember is read and not changed.

    What a killed program left of a simulated bench is read as it stands.
    """
    there = {socket.id for socket in needed.socket}
    kept = [(lot, part) for lot, part in lots if {u.socket for u in lot.unit} & there]
    purpose = f"sensorbench read in {workspace.root.resolve().name}"
    with ExitStack() as stack:
        twins = None
        if isinstance(clock, VirtualClock):
            twins = stack.enter_context(standing(workspace.root, file, clock, purpose))
        memory = workspace.load_memory()
        yield stack.enter_context(
            open_station(needed, clock, kept, memory, purpose=purpose, twins=twins)
        )


@dataclass(slots=True)
class _Shown:
    """Shows readings as they come, and keeps what the end needs."""

    station: Station
    seats: Sequence[Seat]
    asked: Asked
    problems: int = 0
    silent: bool = False
    rows: list[Taken] = field(default_factory=list)
    table: TableRows | None = None
    csv: CsvRows | None = None
    channels: dict[str, tuple[Channel, ...]] = field(default_factory=dict)
    provenance: Provenance = Provenance.SIMULATED

    def __post_init__(self) -> None:
        self.channels = {s.driver: channels_of(self.station, s) for s in self.seats}
        self.provenance = provenance_of(self.station, self.seats)
        if self.provenance is not Provenance.HARDWARE and not self.asked.json:
            typer.echo("SIMULATED - NOT A MEASUREMENT", err=self.asked.format == "csv")
        if self.asked.json:
            return
        if self.asked.format == "table":
            self.table = TableRows(self.seats, self.channels)
        elif self.asked.format == "csv":
            self.csv = CsvRows(self.channels, self.provenance)

    def add(self, taken: Taken) -> None:
        """Show a reading."""
        self.rows.append(taken)
        self.problems += bool(taken.problem)
        if self.table is not None:
            self.table.add(taken)
        if self.csv is not None:
            typer.echo(self.csv.line(taken))

    def close(self) -> None:
        """Show what only the end can: JSON, plots, files."""
        self.silent = bool(self.rows) and all(row.problem for row in self.rows)
        if self.asked.json:
            print_json([self._as_json(row) for row in self.rows])
        elif self.asked.format == "plot":
            for line in text_plot(self._lines()):
                typer.echo(line)
        if self.asked.format != "table" or self.asked.json:
            for row in self.rows:
                if row.problem:
                    typer.echo(f"{row.seat.socket.id}: {row.problem}", err=True)
        self._save()

    def _save(self) -> None:
        path = self.asked.output
        if path is None or not self.rows:
            return
        if path.suffix.lower() == ".csv":
            csv = CsvRows(self.channels, self.provenance)
            text = "\n".join([csv.head, *(csv.row(taken) for taken in self.rows), ""])
            path.write_text(text, encoding="utf-8")
        else:
            save_plot(path, self._lines(), self.provenance is not Provenance.HARDWARE)
        typer.echo(f"written: {path}", err=True)

    def _lines(self) -> list[Line]:
        found: dict[tuple[str, str, str], Line] = {}
        for row in self.rows:
            values = zip(self.channels[row.seat.driver], row.values, strict=False)
            for channel, value in values:
                name = f"{row.seat.socket.id} {row.serial}".strip()
                key = (channel.name, channel.unit, row.seat.socket.id)
                line = found.setdefault(key, Line(channel.name, channel.unit, name))
                line.times_s.append(row.time_s)
                line.values.append(value)
        return list(found.values())

    def _as_json(self, row: Taken) -> dict[str, object]:
        channels = self.channels[row.seat.driver]
        return {
            "time_s": row.time_s, "socket": row.seat.socket.id, "serial": row.serial,
            "model": row.seat.driver, "provenance": self.provenance.value,
            "values": [
                {"channel": c.name, "value": v if isfinite(v) else None, "unit": c.unit}
                for c, v in zip(channels, row.values, strict=False)
            ],
            "problem": row.problem,
        }  # fmt: skip
