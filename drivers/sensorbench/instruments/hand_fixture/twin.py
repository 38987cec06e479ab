"""A simulated person at a fixture: turns it when asked, never quite straight.

A hand places a fixture with an error of 0.2 degrees (one sigma, about each level axis; an
estimate), another one with each turn.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.operator import Question
from sensorbench.core.quantity import ORIENTATION, Value, components
from sensorbench.world.fields import Constant, Driven, Field
from sensorbench.world.world import World

_HAND_SIGMA_RAD = math.radians(0.2)


class SimHandFixture:
    """Drives the orientation of its zone, once it is asked to. It starts as the room has it.

    Faults: `upside_down` turns to the opposite face and says that it is done, `refuses` does
    nothing and says so.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("upside_down", "refuses")

    def __init__(self, world: World, serial: str, *, name: str = "fixture") -> None:
        self.serial = serial
        self._world, self._name = world, name
        self._turns = 0
        self._orientation = Driven(Constant(world.ambient_of("orientation")))
        self.drives: dict[str, Field] = {"orientation": self._orientation}

    def answer(self, question: Question) -> str | None:
        """Turn and say so; None for a question that is for somebody else."""
        what = question.what
        if what.get("kind") != "turn" or what.get("name") != self._name:
            return None
        fault = self._world.fault_of(self.serial) or self._world.fault_of(self._name)
        if fault == "refuses":
            return "stop"
        up = _direction(what["to"])
        self._turn(-up if fault == "upside_down" else up)
        return "done"

    def _turn(self, up: npt.NDArray[np.float64]) -> None:
        self._turns += 1
        stream = self._world.stream(self.serial, "hand")
        level = np.eye(3)[int(np.argmin(np.abs(up)))]
        for axis in range(2):
            level = np.cross(up, level / np.linalg.norm(level))
            up = up + _HAND_SIGMA_RAD * stream.normal(2 * self._turns + axis) * level
        placed: Value = tuple(float(part) for part in up / np.linalg.norm(up))
        self._world.changing()
        self._orientation.field = Constant(placed)


def _direction(to: str) -> npt.NDArray[np.float64]:
    """Read "+x up", or three numbers."""
    found = ORIENTATION.words.get(to)
    parts = components(found) if found is not None else tuple(map(float, to.split()))
    return np.array(parts) / math.hypot(*parts)
