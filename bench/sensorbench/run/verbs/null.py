"""null: a quantity is brought to zero at its reference; the offset that it takes is a fact."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sensorbench.core.errors import BenchError, SetpointError
from sensorbench.core.quantity import Value, along, components
from sensorbench.instruments.members import Setpoint
from sensorbench.profiles.schedule import Step

if TYPE_CHECKING:
    from sensorbench.run.runner import Runner
    from sensorbench.run.spots import Spot

_READINGS = 8
_TRIES = 3


def plan(run: Runner, step: Step, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the offset with which the reference reads zero."""
    where = str(arguments["address"])
    spot = run.watch.spots[step.zone, where]
    setpoint = run.station.setpoint(step.zone, where)
    soak = spot.row.where.quantity.soak
    within = float(arguments.get("within", soak.within))
    acts = spot.row.acts
    vector = acts is not None and getattr(acts.declared, "vector", False)
    axes = len(spot.row.where.quantity.axes) if vector else 1
    offset = tuple(0.0 for _ in range(axes))
    found = offset
    run.watch.changed()
    run.watch.asking.sending(step.zone, where)
    for _ in range(_TRIES):
        target: Value = offset if vector else offset[0]
        run.failing.insist(partial(setpoint.go, target), str(acts or where))
        run.services.wait(run.clock.now() + max(soak.for_s, soak.poll_s))
        found = _mean(run, spot, axes)
        if all(abs(part) <= within / 10 for part in found):
            break
        better = tuple(a - b for a, b in zip(offset, found, strict=True))
        near = all(abs(part) <= within for part in found)
        if near and not _can_be_set(run, str(acts or where), setpoint, better):
            break  # finer than the instrument goes
        offset = better
    if not all(abs(part) <= within for part in found):
        unit = spot.row.where.quantity.unit
        shown = ", ".join(f"{part:g}" for part in found)
        raise BenchError(
            f"{where} can't be nulled: {spot.meters[0].name} still reads {shown} {unit}. "
            "Is something else acting there?"
        )
    return {"zone": step.zone, "address": where, "offset": list(offset), "left": list(found)}


def _mean(run: Runner, spot: Spot, axes: int) -> tuple[float, ...]:
    """Return the mean of some readings, one after the other: at one instant they would be one."""
    reference, between_s = spot.meters[0], spot.row.where.quantity.soak.poll_s / _READINGS
    rows = []
    for number in range(_READINGS):
        if number:
            run.services.wait(run.clock.now() + between_s)
        value = run.failing.insist(reference.meter.read, reference.name)
        rows.append(components(value) if axes > 1 else (along(value),))
        if len(rows[-1]) != axes:
            raise BenchError(
                f"{reference.name} reads {len(rows[-1])} number where {spot.row.where} has "
                f"{axes} axes: the reference of what is nulled must read them all"
            )
    return tuple(sum(column) / _READINGS for column in zip(*rows, strict=True))


def _can_be_set(run: Runner, what: str, setpoint: Setpoint, offset: tuple[float, ...]) -> bool:
    """Return whether an instrument takes an offset; where it does, it is sent."""
    target: Value = offset if len(offset) > 1 else offset[0]
    try:
        run.failing.insist(partial(setpoint.go, target), what)
    except SetpointError:
        return False
    return True
