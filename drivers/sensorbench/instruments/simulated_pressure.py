"""A simulated pressure controller's sensor and valves, and the line from it to the parts.

What each maker says to them (units, modes, errors) is its twin's. Pressures are absolute, in Pa.
"""

from __future__ import annotations

import math
from typing import ClassVar

from sensorbench.core.quantity import components
from sensorbench.world.faults import Suffering
from sensorbench.world.fields import Moving
from sensorbench.world.motion import Approach
from sensorbench.world.world import World

MEASURE, CONTROL, VENT = "MEASURE", "CONTROL", "VENT"


class SimulatedPressure:
    """One sensor and the valves that drive it.

    The valves bring the sensor to the setpoint, so its error (gain and offset, the unit's own) is
    in the line. MEASURE closes them, and what is there stays; VENT opens the line to the room.
    """

    TAU_S: ClassVar[float] = 0.8
    OFFSET_SIGMA: ClassVar[float] = 1e-5
    """Of full scale, as the noise."""
    GAIN_SIGMA: ClassVar[float] = 2e-5
    NOISE: ClassVar[float] = 2.5e-6
    MOST_NOISE_PA: ClassVar[float] = 2.5

    def __init__(
        self,
        world: World,
        serial: str,
        suffering: Suffering,
        *,
        full_scale_pa: float,
        fastest_pa_per_s: float,
    ) -> None:
        self.full_scale_pa, self.fastest_pa_per_s = full_scale_pa, fastest_pa_per_s
        self.ambient_pa = components(world.ambient_of("pressure"))[0]
        self.mode, self.setpoint_pa = MEASURE, self.ambient_pa
        self._clock, self._suffering = world.clock, suffering
        self.outlet = Moving(
            self.ambient_pa,
            fastest_up=fastest_pa_per_s,
            tau_s=self.TAU_S,
            moves_before=world.changing,
            now=world.clock.now(),
            resolution=1.0,
        )
        self._offset_pa = (
            self.OFFSET_SIGMA * full_scale_pa * world.stream(serial, "offset").normal()
        )
        self._gain = 1.0 + self.GAIN_SIGMA * world.stream(serial, "gain").normal()
        self._noise = world.stream(serial, "noise")
        self._move, self._moved_at_s = Approach(0.0, 0.0, fastest_pa_per_s, 1.0), -math.inf

    def line_pa(self) -> float:
        """Return the true pressure in the line."""
        return components(self.outlet.at(self._suffering.now_s))[0]

    def reading_pa(self) -> float:
        """Return what its sensor measures."""
        sigma_pa = min(self.NOISE * self.full_scale_pa, self.MOST_NOISE_PA)
        noise_pa = sigma_pa * self._noise.normal(round(self._clock.now() * 1e6))
        return self.line_pa() * self._gain + self._offset_pa + noise_pa

    def set(self, setpoint_pa: float) -> None:
        """Take a setpoint; while it controls, go there."""
        self.setpoint_pa = setpoint_pa
        if self.mode == CONTROL:
            self._go(self._true_pa())

    def turn(self, mode: str) -> None:
        """Take a mode: what is in it already goes on as it was."""
        if mode == self.mode:
            return
        self.mode = mode
        aim_pa = {CONTROL: self._true_pa(), VENT: self.ambient_pa}.get(mode, self.line_pa())
        self._go(aim_pa)

    def by_hand(self, fault: str) -> None:
        """Do what a person does at the panel: a pressure a tenth lower, measure, control."""
        if fault == "setpoint_changed":
            self.set(0.9 * self.setpoint_pa)
        if fault == "output_off" and self.mode == CONTROL:
            self.turn(MEASURE)
        if fault == "output_on":
            self.turn(CONTROL)

    def is_stable(self, band_pa: float, for_s: float) -> bool:
        """Return whether it controls, and was within a band of the setpoint for a time."""
        began_s = self._clock.now() - self._moved_at_s - for_s
        if self.mode != CONTROL or began_s < 0:
            return False
        return abs(self._move.target - self._move.at(began_s)) <= band_pa

    def _true_pa(self) -> float:
        """Return the pressure at which the sensor reads the setpoint; none is below vacuum."""
        return max(0.0, (self.setpoint_pa - self._offset_pa) / self._gain)

    def _go(self, aim_pa: float) -> None:
        now_s = self._suffering.now_s
        self._move = Approach(self.line_pa(), aim_pa, self.fastest_pa_per_s, self.TAU_S)
        self._moved_at_s = now_s
        self.outlet.go(aim_pa, now_s)
