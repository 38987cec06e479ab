"""A simulated SBP1-L: the current that it lets through its loop.

Source: SBP1-L datasheet 1.0 (docs/devices/sbp1_loop.md). Its start-up, 50 ms, is short against
everything around and not modelled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from sensorbench.sensors.simulated import screened
from sensorbench.world.twins import Signal
from sensorbench.world.world import Place

_DEAD_BELOW_V = 9.0
_ENDS_MA = (3.7, 20.8)
_MA_PER_KPA = 0.16


class SimSbp1Loop:
    """One part at a place in the world, with its own offset, gain, coefficients and noise.

    Faults: `open` loop, `short` of its wires, `failed` (it drives its alarm current), `stuck`,
    `drift`, `noise`.
    """

    FAULTS: ClassVar[tuple[str, ...]] = ("drift", "stuck", "noise", "open", "short", "failed")

    def __init__(self, place: Place) -> None:
        self._place = place
        self._offset_kpa = screened(place, "offset", 0.15)
        self._gain = 1.0 + screened(place, "gain", 0.0015)
        self._offset_kpa_per_k = screened(place, "offset t", 0.005)
        self._ageing_kpa = screened(place, "ageing", 0.05)
        self.signals: Mapping[str, Signal] = {"loop": self.supply_current_a}

    def supply_current_a(self) -> float:
        """Return the current of the loop now: it lives on what it draws."""
        fault = self._place.fault()
        if self._place.supply_v() < _DEAD_BELOW_V or fault == "open":
            return 0.0
        if fault == "short":
            return 0.040  # what limits the loop's supply, or a fuse
        return self._driven_ma(fault) / 1000.0

    def _driven_ma(self, fault: str) -> float:
        if fault == "failed":
            return 3.5
        if fault == "stuck":
            return 12.0
        place = self._place
        ageing_kpa = math.copysign(4.0, self._ageing_kpa) if fault == "drift" else self._ageing_kpa
        kpa = place.pressure_pa() / 1000.0 * self._gain + self._offset_kpa
        kpa += self._offset_kpa_per_k * (place.temperature_c() - 25.0)
        kpa += ageing_kpa * math.sqrt(place.stress_h() / 1000)
        kpa += 0.004 * (50.0 if fault == "noise" else 1.0) * place.noise("loop noise")
        low, high = _ENDS_MA
        return max(low, min(high, 4.0 + _MA_PER_KPA * (kpa - 20.0)))
