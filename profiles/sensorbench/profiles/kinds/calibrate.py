"""calibrate: fit each unit to the readings of an earlier grid, write, read back; lock if asked."""

from __future__ import annotations

from collections.abc import Iterator

from sensorbench.core.device import Calibratable
from sensorbench.profiles import model
from sensorbench.profiles.context import Context
from sensorbench.profiles.layout import Purpose
from sensorbench.profiles.schedule import Action, Do

PURPOSE: Purpose = "test"


class Phase(model.Phase):
    """`fit` names the grid; `lock` is for ever."""

    fit: str
    lock: bool = False


def actions(phase: Phase, c: Context) -> Iterator[Action]:
    """Write what the readings of `fit` give; nothing is written twice."""
    if phase.fit not in c.told or c.told[phase.fit]["kind"] != "grid":
        grids = ", ".join(n for n, told in c.told.items() if told["kind"] == "grid") or "none"
        c.problem(f"no earlier grid is named {phase.fit!r}; there are: {grids}", "fit")
        return
    for part in c.parts:
        sensor = c.sensor(part)
        if sensor is not None and not (
            hasattr(sensor, "CALIBRATION") and hasattr(sensor, "write_coefficients")
        ):
            c.problem(f"{part.part.name} has no memory for coefficients; use a check profile")
    place = c.place(PURPOSE)
    if place is None or not c.is_here(place):
        c.problem("coefficients are written here, not elsewhere", "at")
        return
    yield from c.be_at(place)
    c.tell(phase, [], fit=phase.fit, lock=phase.lock)
    c.need_references_of_fit(phase.fit)
    c.need_points_of_fit(phase.fit)
    yield from c.go([c.nominal()], only=False)
    yield Do("write", {"phase": phase.name, "fit": phase.fit, "lock": phase.lock})


__all__ = ["Calibratable", "Phase", "actions"]
