"""pause and abort: what a person asks of a run, from another terminal than the run's own.

Where nobody drives the run any more, who aborts it makes the bench safe that it left on: before
anything is written, and told last where that fails.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import typer

from sensorbench.app.commands.common import find_run, print_json
from sensorbench.app.commands.safe import made_safe
from sensorbench.app.commands.seal import seal_open
from sensorbench.app.failure import NOT_SAFE
from sensorbench.assessment.data import RunData
from sensorbench.core.clock import Clock, RealClock, VirtualClock
from sensorbench.core.errors import InputError
from sensorbench.core.provenance import Provenance
from sensorbench.core.units import Dimension, parse, show_duration
from sensorbench.evidence.run import RunWriter
from sensorbench.run.pausing import Aborted
from sensorbench.run.resuming import Found, find
from sensorbench.safety import marks
from sensorbench.station.locks import held, run_key
from sensorbench.station.wishes import Kind, Wish, ask, running
from sensorbench.station.workspace import Workspace
from sensorbench.station.worlds import end_world


def pause_run(root: Path, run: str, by: str, because: str, hold: str, as_json: bool) -> None:
    """Ask the run that goes on to pause. Raises InputError where none does."""
    workspace = Workspace(root)
    name = find_run(workspace, run).name if run else running(workspace.root)
    if not name:
        raise InputError.one("pause", "", "no run goes on in this workspace just now")
    longest_s = _duration(hold) if hold else 0.0
    kind: Kind = "hold" if hold else "pause"
    ask(workspace.root, Wish(name, kind, _who(by), because, longest_s))
    if as_json:
        print_json({"run": name, "asked": kind, "longest_s": longest_s})
        return
    then = (
        f"holds the bench as it stands then, {show_duration(longest_s)} at most; "
        f"`sensorbench resume {name}` goes on"
        if hold
        else f"makes the bench safe then and ends; `sensorbench resume {name}` goes on"
    )
    typer.echo(f"{name} was asked: it finishes its point or cycle, and {then}")


def go_on(workspace: Workspace, run: str) -> None:
    """Ask a run that holds the bench to go on. Raises InputError where it does not go on."""
    ask(workspace.root, Wish(run, "go on", _who("")))
    typer.echo(f"{run} was asked to go on")


def abort_run(root: Path, run: str, by: str, because: str, as_json: bool) -> int:
    """End a run for good, whether it goes on just now or waits; return 0, or 9 if NOT SAFE.

    Raises InputError, and Held where another program drives the bench that the run left on.
    """
    workspace = Workspace(root)
    path = find_run(workspace, run)
    wish = Wish(path.name, "abort", _who(by), because)
    verdict, states, unsafe = "", dict[str, str](), list[str]()
    if running(workspace.root) == path.name:
        ask(workspace.root, wish)
    else:
        with held([run_key(workspace.root)], f"abort {path.name}"):
            found = find(RunData.read(path))
            if _left_on(path):
                states, unsafe, unknown = made_safe(workspace.load_station(), workspace.root)
                unsafe += unknown
            verdict = _end(path, found, wish, states, unsafe)
            end_world(workspace.root)  # if a killed run left one: its units keep what they know
    if as_json:
        told = {"run": path.name, "asked": "abort", "verdict": verdict}
        print_json({**told, "states": states, "unsafe": unsafe})
    elif verdict:
        for name, state in states.items():
            typer.echo(f"{name}: {state}")
        typer.echo(f"{path.name} is ended for good and sealed: {verdict}")
    else:
        typer.echo(f"{path.name} was asked: it makes the bench safe, ends and is sealed")
    if states and not unsafe:
        typer.echo(
            "it had left the bench on; that is safe now. `sensorbench acknowledge --by NAME` says "
            "that you know, then runs are possible again",
            err=True,
        )
    for text in unsafe:  # the last that is read
        typer.echo(text, err=True)
    return NOT_SAFE if unsafe else 0


def _left_on(path: Path) -> bool:
    """Return whether a run that nobody drives left its bench as nobody may, as far as is known."""
    root, hot = str(path.resolve()), (marks.ENERGISED, marks.UNSAFE)
    found, _ = marks.readable()
    return any(m.root == root and m.state in hot and not m.acknowledged for m in found)


def _end(
    path: Path, found: Found, wish: Wish, states: Mapping[str, str], unsafe: Sequence[str]
) -> str:
    """Put the end of a run on record that nobody drives any more, and seal it."""
    ended = Aborted(wish)
    with RunWriter.reopen(path, _clock(found.data)) as evidence:
        if found.part is not None:
            evidence.append("hold", found.part)
        if states or unsafe:
            evidence.append("safe_state", {"problems": list(unsafe), "retries": {}, "notes": {}})
        reason = {**ended.fact, "text": str(ended)}
        evidence.append("run_ended", {"state": Aborted.state, "reason": reason})
        evidence.commit()
        return seal_open(path, evidence)


def _clock(data: RunData) -> Clock:
    if data.run.provenance is not Provenance.SIMULATED or data.run.last_event is None:
        return RealClock()
    return VirtualClock(datetime.fromisoformat(data.run.last_event.time))


def _duration(text: str) -> float:
    try:
        seconds = parse(text, Dimension.TIME)
    except ValueError as error:
        raise InputError.one("pause", "--hold", str(error)) from None
    if not 0 < seconds < float("inf"):
        raise InputError.one("pause", "--hold", "say for how long at most, such as 2 h")
    return seconds


def _who(by: str) -> str:
    """Return who asks: the name that was given, else the account."""
    if by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "a person"
