"""safe: every instrument of a station into its safe state, whatever left it as it is.

The rules:
- Whoever drives the bench is asked to end, not robbed of it: where another program holds any of its
  devices nothing is touched, and the program is named.
- One that can't be reached hides none that can; it is tried again, and named in the end.
- Only a run all of whose devices were made safe is said to be; what it drove beside is named.
- A signal does not interrupt it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.failure import NOT_SAFE
from sensorbench.core.clock import VirtualClock
from sensorbench.core.errors import BenchError
from sensorbench.safety import marks
from sensorbench.safety.reaching import reach_and_make_safe
from sensorbench.safety.signals import unstoppable
from sensorbench.station.locks import Held
from sensorbench.station.model import StationFile
from sensorbench.station.simulation import is_simulated
from sensorbench.station.workspace import Workspace
from sensorbench.station.world_use import standing

_TRIES = 3
_PAUSE_S = 1.0
_GIVES_WAY_S = 30.0
"""How long a watchdog may be at it, s: it opens everything, tries, and closes it again."""
PURPOSE = "sensorbench safe"


def make_bench_safe(root: Path, as_json: bool) -> int:
    """Make the bench of a workspace safe and say so; return 0, or 9 where something is not safe.

    Raises InputError, and Held where another program drives it.
    """
    file = Workspace(root).load_station()
    if is_simulated(file):
        return _simulated_safe(file, root, as_json)
    states, unsafe, unknown = made_safe(file, root)
    _tell(states, unsafe, as_json)
    if unsafe:
        return NOT_SAFE
    if unknown:  # what is there was made safe, and told, all the same
        raise BenchError("\n".join(unknown))
    return 0


def made_safe(file: StationFile, root: Path) -> tuple[dict[str, str], list[str], list[str]]:
    """Make a real bench safe; return the states by instrument, what is not safe, what is not known.

    Both are in words. Raises Held where another program drives it.
    """
    with unstoppable():
        states, lost = _after_the_watchdog(file, root)
        for _ in range(_TRIES - 1):
            if not lost:
                break
            time.sleep(_PAUSE_S)
            again, lost = _after_the_watchdog(file, root)
            states |= again
    unsafe = [text for name, text in lost.items() if name not in states]
    unknown = [] if unsafe else _noted(marks.keys_of(file, root), unsafe)
    return states, unsafe, unknown


def _simulated_safe(file: StationFile, root: Path, as_json: bool) -> int:
    """Make safe what a killed program left of a simulated bench, which stays as it is then."""
    clock = VirtualClock()
    with standing(root, file, clock, PURPOSE) as twins:
        if twins is None:
            if as_json:
                print_json({"ok": True, "simulated": True, "states": {}, "unsafe": []})
            else:
                typer.echo("all of it is simulated, and no program left it on: nothing to do")
            return 0
        states, lost = reach_and_make_safe(file, PURPOSE, clock, twins)
    _tell(states, list(lost.values()), as_json, simulated=True)
    return NOT_SAFE if lost else 0


def _after_the_watchdog(file: StationFile, root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Make safe what can be, once a watchdog that is at the same gives way. Raises Held."""
    end = time.monotonic() + _GIVES_WAY_S
    while True:
        try:
            return reach_and_make_safe(file, PURPOSE)
        except Held:
            there = marks.left_on(marks.keys_of(file, root), marks.readable()[0])
            if time.monotonic() > end or not any(marks.is_locked(m.watch_file) for m in there):
                raise
        time.sleep(_PAUSE_S / 4)


def _noted(keys: Collection[str], unsafe: list[str]) -> list[str]:
    """Add to `unsafe` what was not reached; return in words what can't be read or written."""
    try:
        found, unknown = marks.readable()
        unsafe += _note(marks.left_on(keys, found), keys)
    except BenchError as error:  # a disk that can't be written: it is safe all the same
        return [f"it is safe, and not on record: {error}"]
    return unknown


def _note(there: Iterable[marks.Mark], keys: Collection[str]) -> list[str]:
    """Put it on the marks that runs left, which stay until a person acknowledges them.

    Return in words what a run drove that this bench does not have: that was not made safe.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    unsafe = []
    for mark in there:
        if mark.state not in (marks.ENERGISED, marks.UNSAFE) or mark.acknowledged:
            continue
        beside = marks.devices_beside(mark, keys)
        if beside:
            unsafe.append(
                f"NOT SAFE: {mark.run} drove {', '.join(beside)} too, which this station.toml does "
                f"not have: `{PURPOSE} -w {mark.workspace}`, or make it safe by hand."
            )
            continue
        text = f"`{PURPOSE}` made it safe at {at}"
        marks.write(replace(mark, state=marks.SAFE, text=text, unsafe=()))
    return unsafe


def _tell(
    states: dict[str, str], unsafe: list[str], as_json: bool, simulated: bool = False
) -> None:
    if as_json:
        print_json({"ok": not unsafe, "simulated": simulated, "states": states, "unsafe": unsafe})
    else:
        for name, state in states.items():
            typer.echo(f"{name}: {state}")
    for text in unsafe:  # the last that is read
        typer.echo(text, err=True)
