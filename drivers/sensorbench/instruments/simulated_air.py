"""What a simulated chamber does to the air in it: temperature that is driven, and its humidity.

The chamber heats at 5 K/min and cools at 3 K/min, its air settles with 75 s, a body in it lags by
200 s, and left alone it takes an hour (1/e) to the room. Humidity control settles with 300 s.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensorbench.core.quantity import Value, components
from sensorbench.world.fields import Moving, Times
from sensorbench.world.world import World

PASSIVE_TAU_S = 3600.0


def air_of(world: World) -> Moving:
    """Return the air temperature of a chamber that stood at ambient until now."""
    return Moving(
        number(world.ambient_of("temperature")),
        fastest_up=5.0 / 60,
        fastest_down=3.0 / 60,
        tau_s=75.0,
        moves_before=world.changing,
        now=world.clock.now(),
        body_lag_s=200.0,
    )


class Humidity:
    """Relative humidity in the chamber: controlled, or what the room's air has at its temperature.

    Either way it approaches exponentially from where it was.
    """

    CONTROL_TAU_S: ClassVar[float] = 300.0
    DRIFT_TAU_S: ClassVar[float] = 900.0

    def __init__(self, world: World, air: Moving) -> None:
        self._world, self._air = world, air
        # Target (None: uncontrolled), how far from it at the start, since when: one piece, as
        # threads read it.
        self._state: tuple[float | None, float, float] = (None, 0.0, world.clock.now())

    def control(self, target_rh: float, now: float) -> None:
        """Bring the air to `target_rh`."""
        self._change(target_rh, now)

    def let_go(self, now: float) -> None:
        """Stop humidifying and drying."""
        if self._state[0] is not None:
            self._change(None, now)

    def _change(self, target_rh: float | None, now: float) -> None:
        self._world.changing()
        here = number(self.at(now))
        aim = self._room_rh(now) if target_rh is None else target_rh
        self._state = (target_rh, here - aim, now)

    def _room_rh(self, now: float) -> float:
        """Return what the room's air has once it is as warm as the chamber's."""
        ambient_c = number(self._world.ambient_of("temperature"))
        ambient_rh = number(self._world.ambient_of("humidity"))
        ratio = _saturation(ambient_c) / _saturation(number(self._air.at(now)))
        return min(100.0, ambient_rh * ratio)

    def at(self, now: float) -> Value:
        target_rh, left, since = self._state
        tau_s = self.DRIFT_TAU_S if target_rh is None else self.CONTROL_TAU_S
        aim = self._room_rh(now) if target_rh is None else target_rh
        return min(100.0, max(0.0, aim + left * math.exp(-max(0.0, now - since) / tau_s)))

    def felt(self, now: float) -> Value:
        return self.at(now)

    def sample(self, times: Times) -> npt.NDArray[np.float64]:
        if len(times) and self.still_from(float(times[0])) <= times[0]:
            return np.full(len(times), self.at(float(times[0])))
        return np.array([self.at(float(t)) for t in times])

    def rising(self, now: float) -> bool:  # noqa: ARG002 - the last move's
        return self._state[1] < 0

    def still_from(self, now: float) -> float:
        target_rh, left, since = self._state
        tau_s = self.DRIFT_TAU_S if target_rh is None else self.CONTROL_TAU_S
        settled = since + tau_s * math.log(max(1.0, abs(left) / 1e-3))
        return max(now, settled, self._air.still_from(now) if target_rh is None else now)


def _saturation(temperature_c: float) -> float:
    """Return the vapour pressure of water, up to a factor (Magnus formula, WMO-No. 8)."""
    return math.exp(17.62 * temperature_c / (243.12 + temperature_c))


def number(value: Value) -> float:
    """Return a value that is one number, as all of the chamber's are."""
    return components(value)[0]


def heater_percent(world: World, air: Moving, measured_c: float) -> float:
    """Return a plausible heater output: full far below the target, less to hold."""
    holding = 0.4 * (measured_c - number(world.ambient_of("temperature")))
    return min(100.0, max(0.0, holding + 20.0 * (air.target - measured_c)))
