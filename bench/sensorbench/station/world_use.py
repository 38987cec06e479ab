"""A station whose world is a process of its own, from its opening to its end in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError, InputError
from sensorbench.core.operator import Operator
from sensorbench.station.locks import held, run_key
from sensorbench.station.model import StationFile
from sensorbench.station.station import Station, open_station
from sensorbench.station.twin_bench import TwinBench
from sensorbench.station.world_record import Lots, is_here, world_alive
from sensorbench.station.world_wire import WorldEnded
from sensorbench.station.worlds import Met, meet_again


@contextmanager
def in_world(
    met: Met,
    file: StationFile,
    clock: VirtualClock,
    lots: Lots,
    operator: Operator | None,
    purpose: str,
) -> Iterator[Station]:
    """Open the station in a world, which ends when the block does, however that is.

    Only whoever is killed leaves the world as it stands; and who was refused before anything was
    touched leaves one that stood before.
    """
    is_open = False
    try:
        with open_station(
            file, clock, lots, operator=operator, purpose=purpose, twins=met.bench
        ) as station:
            is_open = True
            yield station
    except BaseException as error:
        untouched = not is_open or isinstance(error, InputError)
        if met.stood and untouched:
            met.bench.close()
        elif not isinstance(error, WorldEnded):
            _end_after(met, error)
        raise
    met.end()


def _end_after(met: Met, error: BaseException) -> None:
    """End the world after `error`, which is what a person is told first."""
    try:
        met.end()
    except BenchError as late:
        error.add_note(str(late))


@contextmanager
def standing(
    workspace: Path, file: StationFile, clock: VirtualClock, purpose: str
) -> Iterator[TwinBench | None]:
    """Use the bench that a killed program left, which stays as it stands; None without one.

    `file` is the whole station. Raises Held while another program uses it.
    """
    if is_here() or not world_alive(workspace):
        yield None
        return
    with held([run_key(workspace)], purpose):
        met = meet_again(workspace, file, None, clock)
        try:
            yield met.bench
        finally:
            met.bench.close()
