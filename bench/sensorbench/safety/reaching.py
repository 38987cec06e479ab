"""Making a bench safe from outside: by a program that did not drive it until now."""

from __future__ import annotations

from sensorbench.core.catalog import devices
from sensorbench.core.clock import Clock, RealClock
from sensorbench.core.device import Source
from sensorbench.safety.making import make_safe, not_safe
from sensorbench.station.model import StationFile
from sensorbench.station.station import open_station
from sensorbench.station.twin_bench import TwinBench

SAFE, PASSIVE = "safe", "nothing to make safe"


def reach_and_make_safe(
    file: StationFile,
    purpose: str,
    clock: Clock | None = None,
    twins: TwinBench | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Open what can be opened and make it safe; return the states, and what is not, by name.

    `twins` are those of a simulated world that is there, at the time of `clock`. One that can't be
    reached hides none that can. Raises Held where another program drives it.
    """
    unreached: dict[str, str] = {}
    with open_station(
        file, clock or RealClock(), purpose=purpose, lost=unreached, twins=twins
    ) as station:
        made = make_safe(station)
        lost = dict(made.problems)
        states = {
            one.name: made.notes.get(one.name, SAFE).removeprefix(f"{one.name}: ")
            if isinstance(one.driver, Source)
            else PASSIVE
            for one in station.instruments
            if one.name not in lost
        }
    for name, why in unreached.items():
        if hasattr(devices()[file.instrument[name].model].load_driver(), "make_safe"):
            lost[name] = not_safe(name, why)
        else:
            states[name] = f"{PASSIVE}, and not reached"
    return states, lost
