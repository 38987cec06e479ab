"""alarm: who is told when the bench needs a person, and whether that works."""

from __future__ import annotations

from pathlib import Path

import typer

from sensorbench.app.commands.common import print_json
from sensorbench.app.failure import DEVICE_FAILED
from sensorbench.core.errors import InputError
from sensorbench.core.units import show_duration
from sensorbench.safety.alarm import Alarm, Alert
from sensorbench.station.alarm_check import check_alarm
from sensorbench.station.model import StationFile
from sensorbench.station.workspace import Workspace

_NONE = "is not there: nobody is told when the bench needs a person; docs/safety.md says how"


def show_alarm(root: Path, as_json: bool) -> None:
    """Print the ways of the alarm; nothing is sent. Raises InputError for what can't work."""
    alarm = _alarm(file := Workspace(root).load_station())
    problems = check_alarm(file)
    if problems:
        raise InputError(problems)
    ways = [way.name for way in alarm.ways]
    sign = alarm.sign.name if alarm.sign else None
    if as_json:
        print_json({"ways": ways, "sign_of_life": sign, "every_s": alarm.every_s})
        return
    for name in ways:
        typer.echo(name)
    if sign is not None and alarm.every_s is not None:
        typer.echo(f"{sign}, every {show_duration(alarm.every_s)}")


def try_alarm(root: Path, as_json: bool) -> int:
    """Send a test by every way and the sign of life, and print what became of each.

    Return 0, or 3 where one failed. Raises InputError where there is no alarm.
    """
    alarm = _alarm(file := Workspace(root).load_station())
    name = file.station.name
    told = alarm.told(
        Alert(
            f"sensorbench test: alarm of {name}",
            "This is a test of the alarm. Nothing is wrong, and nothing has to be done.",
            "test",
            station=name,
        )
    )
    if alarm.sign is not None:
        failed = alarm.sign_of_life(f"{name}: test")
        told.append((alarm.sign.name, (failed or "").removeprefix(f"{alarm.sign.name}: ")))
    if as_json:
        ways = [{"way": way, "ok": not why, "problem": why} for way, why in told]
        print_json({"ok": not any(why for _, why in told), "ways": ways})
    else:
        for way, why in told:
            typer.echo(f"{way}: {why or 'sent'}", err=bool(why))
    return DEVICE_FAILED if any(why for _, why in told) else 0


def _alarm(file: StationFile) -> Alarm:
    if file.alarm is None:
        raise InputError.one("station.toml", "alarm", _NONE)
    return Alarm.of(file)
