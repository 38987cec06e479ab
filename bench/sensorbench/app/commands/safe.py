"""safe: every instrument of a station into its safe state, whatever left it as it is.

The rules:
- Whoever drives the bench is asked to end, not robbed of it: where another program holds any of its
  devices nothing is touched, and the program is named.
- One that can't be reached hides none that can; it is tried again, and named in the end.
- A signal does not interrupt it.
"""

from __future__ import annotations

import time
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.failure import NOT_SAFE
from sensorbench.core.catalog import devices
from sensorbench.core.clock import RealClock
from sensorbench.core.device import Source
from sensorbench.safety.making import make_safe, not_safe
from sensorbench.safety.signals import unstoppable
from sensorbench.station.model import StationFile
from sensorbench.station.simulation import is_simulated
from sensorbench.station.station import open_station
from sensorbench.station.workspace import Workspace

_TRIES = 3
_PAUSE_S = 1.0
SAFE, PASSIVE = "safe", "nothing to make safe"


def make_bench_safe(root: Path, as_json: bool) -> int:
    """Make the bench of a workspace safe and say so; return 0, or 9 where something is not safe.

    Raises InputError, and Held where another program drives it.
    """
    file = Workspace(root).load_station()
    if is_simulated(file):
        if as_json:
            print_json({"ok": True, "simulated": True, "states": {}, "unsafe": []})
        else:
            typer.echo("all of it is simulated, and on only while a program runs: nothing to do")
        return 0
    with unstoppable():
        states, lost = _attempt(file)
        for _ in range(_TRIES - 1):
            if not lost:
                break
            time.sleep(_PAUSE_S)
            again, lost = _attempt(file)
            states |= again
    unsafe = [text for name, text in lost.items() if name not in states]
    _tell(states, unsafe, as_json)
    return NOT_SAFE if unsafe else 0


def _attempt(file: StationFile) -> tuple[dict[str, str], dict[str, str]]:
    """Open what can be opened and make it safe; return the states, and what is not, by name."""
    unreached: dict[str, str] = {}
    with open_station(file, RealClock(), purpose="sensorbench safe", lost=unreached) as station:
        lost = make_safe(station)
        states = {
            one.name: SAFE if isinstance(one.driver, Source) else PASSIVE
            for one in station.instruments
            if one.name not in lost
        }
    for name, why in unreached.items():
        if hasattr(devices()[file.instrument[name].model].load_driver(), "make_safe"):
            lost[name] = not_safe(name, why)
        else:
            states[name] = f"{PASSIVE}, and not reached"
    return states, lost


def _tell(states: dict[str, str], unsafe: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"ok": not unsafe, "simulated": False, "states": states, "unsafe": unsafe})
    else:
        for name, state in states.items():
            typer.echo(f"{name}: {state}")
    for text in unsafe:  # the last that is read
        typer.echo(text, err=True)
