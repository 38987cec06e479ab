"""The DUTs of a run: one worker a bus, values as rows, problems by serial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from sensorbench.core.clock import Clock
from sensorbench.core.errors import BenchError, TransportError
from sensorbench.core.provenance import Identity
from sensorbench.evidence.segments import Rows
from sensorbench.parts.model import Lot, Part, Unit
from sensorbench.station.roles import Sensor
from sensorbench.station.station import Station

T = TypeVar("T")
RETRIES = 1
"""How often a transfer that did not arrive is tried again; every retry is counted and recorded."""


@dataclass(slots=True)
class Dut:
    """One unit in its socket. `problem` says why it can't be measured, "" while it can."""

    index: int
    unit: Unit
    sensor: Sensor
    identity: Identity | None = None
    problem: str = ""
    retries: int = 0


@dataclass(slots=True)
class Sweep:
    """Rows of all units that answered, and why the others did not."""

    rows: list[tuple[float, ...]] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


class Duts:
    """All units of a lot on a station, in the lot's order."""

    def __init__(self, station: Station, lot: Lot, part: Part) -> None:
        self._clock: Clock = station.clock
        self.all = [
            Dut(index, unit, station.sensor(unit.socket, part))
            for index, unit in enumerate(lot.unit)
        ]
        self.channels = self.all[0].sensor.CHANNELS
        buses: dict[str, list[Dut]] = {}
        for dut in self.all:
            buses.setdefault(station.socket(dut.unit.socket).bus, []).append(dut)
        self._branches = list(buses.values())

    def connect(self) -> None:
        """Identify and prepare every unit; one that fails keeps its problem for the whole run."""
        self.each(_connect)

    def each(self, work: Callable[[Dut], None]) -> None:
        """Do `work` for every unit without a problem, all buses at once.

        A BenchError becomes the unit's problem; other units go on.
        """

        def branch(duts: list[Dut]) -> None:
            for dut in duts:
                if not dut.problem:
                    try:
                        work(dut)
                    except BenchError as error:
                        dut.problem = _where(dut, error)

        self._clock.gather([partial(branch, duts) for duts in self._branches])

    def sweep(self, number: int) -> Sweep:
        """Sample every unit once, all buses at once; rows are time, unit, sweep, channels."""
        sweeps = self._clock.gather([partial(self._sweep, duts, number) for duts in self._branches])
        whole = Sweep()
        for part in sweeps:
            whole.rows += part.rows
            whole.problems |= part.problems
        return whole

    def _sweep(self, duts: list[Dut], number: int) -> Sweep:
        sweep = Sweep()
        for dut in duts:
            if dut.problem:
                sweep.problems[dut.unit.serial] = dut.problem
                continue
            try:
                values = _with_retry(dut, dut.sensor.sample)
            except BenchError as error:
                sweep.problems[dut.unit.serial] = _where(dut, error)
                continue
            sweep.rows.append((self._clock.now(), dut.index, number, *values))
        return sweep

    def as_rows(self, sweep: Sweep) -> Rows:
        """Return the rows of a sweep as an array, shape (n, 3 + channels), in the lot's order."""
        rows = np.array(sorted(sweep.rows, key=lambda row: (row[2], row[1])), dtype=float)
        return rows.reshape(-1, 3 + len(self.channels))


def _connect(dut: Dut) -> None:
    dut.identity = _with_retry(dut, dut.sensor.identify)
    found = dut.identity.serial
    if found and dut.unit.serial and found != dut.unit.serial:
        dut.problem = (
            f"socket {dut.unit.socket} holds {found}, the lot says {dut.unit.serial}: "
            "put the units where lot.toml has them, or correct it"
        )
        return
    _with_retry(dut, dut.sensor.prepare)


def _with_retry(dut: Dut, work: Callable[[], T]) -> T:
    for _ in range(RETRIES):
        try:
            return work()
        except TransportError:
            dut.retries += 1
    return work()


def _where(dut: Dut, error: BenchError) -> str:
    return f"socket {dut.unit.socket}: {error}"
