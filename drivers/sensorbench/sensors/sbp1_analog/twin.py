"""A simulated SBP1-A: a voltage on its output pin.

Source: SBP1-A datasheet 1.0 (docs/devices/sbp1_analog.md). The times of section 2, 1 and 2 ms, are
short against everything around and not modelled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from sensorbench.sensors.simulated import screened
from sensorbench.world.twins import Signal
from sensorbench.world.world import Place

_DEAD_BELOW_V = 2.5
_CLIPS = (0.04, 0.96)
_SHARE_PER_PA = 0.8 / 1e5
_CURRENT_A = 1.8e-3


class SimSbp1Analog:
    """One part at a place in the world, with its own offset, gain, coefficients and noise.

    Faults: `open` bridge (output at its lower end), `stuck`, `drift`, `noise`.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "open")

    def __init__(self, place: Place) -> None:
        self._place = place
        self._offset_pa = screened(place, "offset", 500.0)
        self._gain = screened(place, "gain", 0.004)
        self._offset_pa_per_k = screened(place, "offset t", 15.0)
        self._gain_per_k = screened(place, "gain t", 40e-6)
        self._ageing_pa = screened(place, "ageing", 100.0)
        self._current_a = _CURRENT_A * (1.0 + screened(place, "current", 0.05))
        self.signals: Mapping[str, Signal] = {"output": self.output_v}

    def output_v(self) -> float:
        """Return the voltage between OUT and GND now."""
        supply_v = self._place.supply_v()
        if supply_v < _DEAD_BELOW_V:
            return 0.0
        low, high = _CLIPS
        return supply_v * max(low, min(high, self._share()))

    def supply_current_a(self) -> float:
        """Return the current it draws."""
        return self._current_a if self._place.supply_v() >= _DEAD_BELOW_V else 0.0

    def _share(self) -> float:
        fault = self._place.fault()
        if fault == "stuck":
            return 0.5
        if fault == "open":
            return 0.0
        warmer = self._place.temperature_c() - 25.0
        ageing_pa = math.copysign(4000.0, self._ageing_pa) if fault == "drift" else self._ageing_pa
        pressure_pa = self._place.pressure_pa() + self._offset_pa + self._offset_pa_per_k * warmer
        pressure_pa += ageing_pa * math.sqrt(self._place.stress_h() / 1000)
        # The gain turns about the middle of the range, where the factory trims it.
        gain = 1.0 + self._gain + self._gain_per_k * warmer
        pressure_pa = 70e3 + gain * (pressure_pa - 70e3)
        pressure_pa += 8.0 * (50.0 if fault == "noise" else 1.0) * self._place.noise("output noise")
        return 0.1 + _SHARE_PER_PA * (pressure_pa - 20e3)
