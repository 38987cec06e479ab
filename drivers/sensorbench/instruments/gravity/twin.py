"""Simulated gravity: the specific force that follows from a field of orientation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import Value, components
from sensorbench.core.units import Dimension, parse
from sensorbench.world.fields import Computed, Field, Times
from sensorbench.world.world import World


class SimGravity:
    """Drives the acceleration of its zone. What is believed of it (`value`) is also true."""

    def __init__(
        self,
        world: World,  # noqa: ARG002 - every twin is made alike
        serial: str,
        members: Mapping[str, Field],
        *,
        value: str,
        name: str = "gravity",  # noqa: ARG002 - as its driver
    ) -> None:
        self.serial = serial
        self._strength = parse(value, Dimension.ACCELERATION)
        self._up = members["orientation"]
        self.drives: dict[str, Field] = {
            "acceleration": Computed(self._at, (self._up,), self._sample)
        }

    def _at(self, now: float) -> Value:
        return tuple(self._strength * part for part in components(self._up.at(now)))

    def _sample(self, times: Times) -> npt.NDArray[np.float64]:
        return self._strength * self._up.sample(times)
