"""safe: every instrument of a station into its safe state, whatever left it as it is.

The rules:
- Whoever drives the bench is asked to end, not robbed of it: where another program holds any of its
  devices nothing is touched, and the program is named.
- One that can't be reached hides none that can; it is tried again, and named in the end.
- A signal does not interrupt it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.failure import NOT_SAFE
from sensorbench.safety import marks
from sensorbench.safety.reaching import reach_and_make_safe
from sensorbench.safety.signals import unstoppable
from sensorbench.station.locks import Held, station_keys
from sensorbench.station.model import StationFile
from sensorbench.station.simulation import is_simulated
from sensorbench.station.station import tcp_port
from sensorbench.station.workspace import Workspace

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
        if as_json:
            print_json({"ok": True, "simulated": True, "states": {}, "unsafe": []})
        else:
            typer.echo("all of it is simulated, and on only while a program runs: nothing to do")
        return 0
    with unstoppable():
        states, lost = _after_the_watchdog(file)
        for _ in range(_TRIES - 1):
            if not lost:
                break
            time.sleep(_PAUSE_S)
            again, lost = _after_the_watchdog(file)
            states |= again
    unsafe = [text for name, text in lost.items() if name not in states]
    if not unsafe:
        _note(file)
    _tell(states, unsafe, as_json)
    return NOT_SAFE if unsafe else 0


def _after_the_watchdog(file: StationFile) -> tuple[dict[str, str], dict[str, str]]:
    """Make safe what can be, once a watchdog that is at the same gives way. Raises Held."""
    end = time.monotonic() + _GIVES_WAY_S
    while True:
        try:
            return reach_and_make_safe(file, PURPOSE)
        except Held:
            there = marks.on(station_keys(file, tcp_port))
            if time.monotonic() > end or not any(marks.is_locked(m.watch_file) for m in there):
                raise
        time.sleep(_PAUSE_S / 4)


def _note(file: StationFile) -> None:
    """Put it on the marks that runs left, which stay until a person acknowledges them."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    for mark in marks.on(station_keys(file, tcp_port)):
        if mark.state in (marks.ENERGISED, marks.UNSAFE):
            text = f"`{PURPOSE}` made it safe at {at}"
            marks.write(replace(mark, state=marks.SAFE, text=text, unsafe=()))


def _tell(states: dict[str, str], unsafe: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"ok": not unsafe, "simulated": False, "states": states, "unsafe": unsafe})
    else:
        for name, state in states.items():
            typer.echo(f"{name}: {state}")
    for text in unsafe:  # the last that is read
        typer.echo(text, err=True)
