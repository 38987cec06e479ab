"""guard: sees to it that every run of this machine has its watchdog, and every bench is made safe.

The rules:
- It is meant to be started by the machine, and again whenever it ends: a systemd unit, a task of
  Windows' scheduler. It does nothing to a bench itself.
- A run whose watchdog is gone, or was stopped, gets another; so does a bench that was left
  energised, also by a machine that lost its power.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from pathlib import Path

import typer
from filelock import FileLock, Timeout

from sensorbench.core.errors import BenchError
from sensorbench.safety import marks
from sensorbench.safety.guarding import start_watchdog
from sensorbench.safety.watching import end_what_is_not_heard, is_watched
from sensorbench.station.locks import Held

LOOK_S = 1.0
AGAIN_S = 3600.0
MISSED_S = 2.5
"""How long a run may be without its watchdog, s: one that was just started is not there yet."""


def lock_file() -> Path:
    """Return the file that the guard locks as long as it lives."""
    return marks.folder() / "guard.lock"


def is_guarded() -> bool:
    """Return whether somebody starts watchdogs again that are gone."""
    return marks.is_locked(lock_file())


def stand_guard(once: bool, as_json: bool = False) -> None:
    """Look at every mark for ever, or `once`. Raises Held where there is a guard already.

    What it did is said on standard error; for programs it is a JSON object a line.
    """
    lock = FileLock(lock_file(), timeout=0, mode=0o666)
    try:
        lock.acquire()
    except Timeout:
        raise Held("there is a guard already on this machine: one is enough") from None
    missing: dict[str, float] = {}
    told: dict[str, float] = {}
    try:
        while True:
            for line in news(look(missing, 0.0 if once else MISSED_S), told):
                _say(line, as_json)
            if once:
                return
            time.sleep(LOOK_S)
    finally:
        lock.release()


def _say(line: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"text": line}, ensure_ascii=False))
    else:
        typer.echo(line, err=True)


def news(lines: Iterable[str], told: dict[str, float]) -> list[str]:
    """Return what was not said for an hour: what stands would fill the machine's log.

    `told` is kept between looks: when, by line.
    """
    now = time.monotonic()
    found = [line for line in lines if now - told.get(line, -math.inf) >= AGAIN_S]
    told.update(dict.fromkeys(found, now))
    return found


def look(missing: dict[str, float], missed_s: float) -> list[str]:
    """Start watchdogs that are missing for so long; return what was done.

    `missing` is kept between looks: since when, by mark.
    """
    found, said = marks.readable()
    for mark in found:
        hot = mark.state in (marks.ENERGISED, marks.UNSAFE) and not mark.acknowledged
        which, now = mark.file.name, time.monotonic()
        if not hot or is_watched(mark):
            missing.pop(which, None)
            continue
        if now - missing.setdefault(which, now) < missed_s:
            continue
        missing[which] = now
        stuck = end_what_is_not_heard(mark)
        if stuck:
            said.append(f"{mark.run}: {stuck}")
            continue
        try:
            start_watchdog(mark)
            said.append(f"{mark.run} had no watchdog: one was started")
        except BenchError as error:
            said.append(f"{mark.run} has no watchdog: {error}")
    return said
