"""unload: units out of their sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sensorbench.core.operator import Question
from sensorbench.profiles.schedule import Step

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner


def plan(run: Runner, _step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the serials that were taken out."""
    group = run.schedule.group(arguments.get("units", ""))
    serials = [run.schedule.units[n].serial for n in group]
    there = [serial for serial in serials if serial in run.state.sockets]
    for serial in there:
        socket = run.state.sockets[serial]
        run.station.operator.ask(
            Question(
                {
                    "en": f"Take unit {serial} out of socket {socket}, then press enter.",
                    "zh": f"请从插座 {socket} 取出样品 {serial}，然后按回车键。",
                },
                what={"kind": "unload", "serial": serial, "socket": socket},
            )
        )
    return {"units": arguments.get("units", ""), "serials": there}


def after(run: Runner, _step: Step, fact: Mapping[str, Any]) -> None:
    """Take the units as gone."""
    run.duts.unload(fact["serials"])
