"""Simulated Helmholtz coils: resistors on a supply's rails, and the field of their currents.

Each coil has its own true constant (0.3 % beside the one on its label, one sigma) and stands a
little skew (0.15 degrees towards each other axis, one sigma). The room's field is added.

A member's rail is asked what it drives into the coil (`amperes_into(ohms)`); a rail that has
`loaded_by(ohms)` is told what hangs on it, so that the supply's own readings show it, and its
voltage then says the rest. A relay's member is a field that is 1 while closed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import Value, components
from sensorbench.core.units import Dimension, parse
from sensorbench.world.fields import Computed, Field
from sensorbench.world.world import World

_AXES = "xyz"
_CONSTANT_SIGMA, _SKEW_SIGMA = 3e-3, math.radians(0.15)
_USUAL_OHMS = 2.0


@runtime_checkable
class Drives(Protocol):
    """A rail that says what it would drive into a resistor."""

    def amperes_into(self, ohms: float) -> float: ...


@runtime_checkable
class Loadable(Protocol):
    """A rail that is told what hangs on it."""

    def loaded_by(self, ohms: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _Coil:
    rail: object
    relay: object
    ohms: float
    field_per_a: npt.NDArray[np.float64]  # uT, x y z

    def amperes(self, now: float) -> float:
        if not isinstance(self.rail, Loadable) and isinstance(self.rail, Drives):
            return self.rail.amperes_into(self.ohms)
        volts = components(self.rail.at(now))[0] if isinstance(self.rail, _Readable) else 0.0
        return volts / self.ohms

    def sign(self, now: float) -> float:
        closed = components(self.relay.at(now))[0] if isinstance(self.relay, _Readable) else 0.0
        return -1.0 if closed > 0.5 else 1.0


@runtime_checkable
class _Readable(Protocol):
    def at(self, now: float) -> Value: ...


class SimHelmholtzCoil:
    """Drives the magnetic field of its zone, in uT. The fault `swapped` is leads the other way."""

    FAULTS: ClassVar[tuple[str, ...]] = ("swapped",)

    def __init__(
        self,
        world: World,
        serial: str,
        members: Mapping[str, object],
        *,
        constant: str | Mapping[str, str],
        resistance: str | Mapping[str, str] | None = None,
        compliance: str | Mapping[str, str] | None = None,  # noqa: ARG002 - as its driver
        name: str = "coil",  # noqa: ARG002
    ) -> None:
        self.serial = serial
        self._world = world
        self._coils = [
            self._coil(axis, members, constant, resistance) for axis in _AXES if axis in members
        ]
        rails = [c.rail for c in self._coils] + [c.relay for c in self._coils]
        moving = [cast("Field", rail) for rail in rails if hasattr(rail, "still_from")]
        self.drives: dict[str, Field] = {"magnetic_field": Computed(self._at, moving)}

    def _coil(
        self,
        axis: str,
        members: Mapping[str, object],
        constant: str | Mapping[str, str],
        resistance: str | Mapping[str, str] | None,
    ) -> _Coil:
        label = constant if isinstance(constant, str) else constant[axis]
        ut_per_a = parse(label.removesuffix("/A"), Dimension.MAGNETIC_FIELD)
        text = resistance.get(axis) if isinstance(resistance, Mapping) else resistance
        ohms = _USUAL_OHMS if text is None else parse(text, Dimension.RESISTANCE)
        stream = self._world.stream(self.serial, "coil", axis)
        direction = np.array(
            [1.0 if other == axis else _SKEW_SIGMA * stream.normal(_AXES.index(other))
             for other in _AXES]
        )  # fmt: skip
        true_ut_per_a = ut_per_a * (1.0 + _CONSTANT_SIGMA * stream.normal(3))
        rail = members[axis]
        if isinstance(rail, Loadable):
            rail.loaded_by(ohms)
        field_per_a = true_ut_per_a * direction / np.linalg.norm(direction)
        return _Coil(rail, members.get(f"reverse_{axis}"), ohms, field_per_a)

    def _at(self, now: float) -> Value:
        room = components(self._world.ambient_of("magnetic_field"))
        total = np.zeros(3)
        for coil in self._coils:
            total += coil.sign(now) * coil.amperes(now) * coil.field_per_a
        if self._world.fault_of(self.serial) == "swapped":
            total = -total
        own = tuple(float(part) for part in total)
        return tuple(
            a + b for a, b in zip(own, room if len(room) == 3 else (0.0,) * 3, strict=True)
        )
