"""load: units into sockets. What is fixed is known, all else is confirmed by the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensorbench.core.catalog import devices
from sensorbench.core.errors import BenchError
from sensorbench.core.operator import Question
from sensorbench.profiles.schedule import Step
from sensorbench.station.sockets import fits

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner


def plan(run: Runner, step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return which unit is in which socket, after the person has put them there."""
    units = [run.schedule.units[n] for n in run.schedule.group(arguments.get("units", ""))]
    units = [unit for unit in units if unit.serial not in run.state.dropped]
    taken = {unit.socket for unit in units if unit.socket}
    sockets = {unit.serial: unit.socket for unit in units if unit.socket}
    free = [s for s in run.station.file.sockets_of(step.zone) if s.id not in taken]
    moved = _moved(run)
    asked = {s: socket for s, socket in sockets.items() if s in moved or socket in moved}
    for unit in units:
        if unit.socket:
            continue
        device = devices()[run.schedule.parts[unit.part]["driver"]]
        socket = next((s for s in free if fits(s, device)), None)
        if socket is None:
            raise BenchError(f"no free socket of {step.zone or 'the bench'} fits {unit.serial}")
        free.remove(socket)
        asked[unit.serial] = socket.id
    for serial, socket_id in asked.items():
        run.station.operator.ask(
            Question(
                {
                    "en": f"Put unit {serial} into socket {socket_id}, then press enter.",
                    "zh": f"请将样品 {serial} 装入插座 {socket_id}，然后按回车键。",
                },
                what={"kind": "load", "serial": serial, "socket": socket_id},
            )
        )
    return {"units": arguments.get("units", ""), "zone": step.zone, "sockets": sockets | asked}


def _moved(run: Runner) -> set[str]:
    """Return units that were taken out in this run, and sockets that units have in turn.

    Whoever has a socket of his own sits in it only as long as nobody was asked to take him out.
    """
    fixed = [unit.socket for unit in run.schedule.units if unit.socket]
    found = {socket for socket in fixed if fixed.count(socket) > 1}
    for fact in run.state.facts.values():
        found |= set(fact.get("serials", ()))
    return found


def after(run: Runner, _step: Step, fact: Mapping[str, Any]) -> None:
    """Take the units as loaded."""
    run.duts.load(fact["sockets"])
