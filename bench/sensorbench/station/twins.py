"""A workspace's station as twins alone, for programs that are not runs."""

from __future__ import annotations

from pathlib import Path

from sensorbench.core.clock import Clock, RealClock
from sensorbench.core.errors import InputError
from sensorbench.station.preflight import check_lot, check_station
from sensorbench.station.simulation import SimulatedBench
from sensorbench.station.workspace import Workspace


def simulated_bench(
    station: Path | str, clock: Clock | None = None, *, fed: bool = True
) -> SimulatedBench:
    """Return the twins of a station in their world; the parts of all its lots are in, and fed.

    `station` is a workspace or its station.toml. Time is real unless a clock is given. With `fed`
    false the parts have what the instruments give them, nothing at first, as in `read`. Raises
    InputError for files that can't be used.
    """
    path = Path(station)
    workspace = Workspace(path.parent if path.suffix == ".toml" else path)
    file = workspace.load_station()
    lots = workspace.load_lots()
    problems = check_station(file)
    problems += [problem for lot, part in lots for problem in check_lot(file, lot, part)]
    if problems:
        raise InputError(problems)
    memory = workspace.load_memory()
    return SimulatedBench(file, clock or RealClock(), memory, lots, fed=fed)
