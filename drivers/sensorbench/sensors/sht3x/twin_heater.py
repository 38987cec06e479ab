"""The heater of a simulated SHT3x: 3 K within some ten seconds, both estimates.

Source: SHT3x-DIS data sheet version 5, section 4.10: a few kelvin, for plausibility only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_WARMER_K, _TAU_S = 3.0, 8.0


class Heater:
    """Whether it heats, and by how much it warms the chip: closed-form in time."""

    def __init__(self) -> None:
        self.is_on = False
        self._from_k = self._since_s = 0.0

    def switch(self, on: bool, now_s: float) -> None:
        """Put it on or off at `now_s`: the chip goes on from how warm it is then."""
        self._from_k = float(self.rise_k(np.array([now_s]))[0])
        self.is_on, self._since_s = on, now_s

    def rise_k(self, times: Floats) -> Floats:
        """Return by how much the chip is warmer at `times` since it was switched, shape (n,)."""
        target_k = _WARMER_K if self.is_on else 0.0
        left = np.exp(np.minimum(self._since_s - times, 0.0) / _TAU_S)
        return np.asarray(target_k + (self._from_k - target_k) * left)
