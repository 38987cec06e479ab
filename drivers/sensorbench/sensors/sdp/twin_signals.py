"""What a simulated SDP measures: pascals and degC as the part has them, a block at a time.

Source: that it is a few percent off for 12 ms behind its first value: Sensirion driver
sensirion-i2c-sdp sdp/commands.py. Recalled: accuracy (0.1 Pa at zero, 3 % of a reading), its
dependence on temperature, that a reading grows with the pressure of the gas and is right at
966 hPa. Estimates: the noise of a single value, so that means scatter as published readings do
(0.01 Pa), by how much ageing moves it, and which way it is off at first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.simulated import aged, during, screened
from sensorbench.world.world import Place

Floats = npt.NDArray[np.float64]

CALIBRATED_PA = 96_600.0
_NOISE_PA, _NOISE_SHARE, _NOISE_C = 0.05, 0.002, 0.02
_FIRST_OFF, _FIRST_S = 0.03, 0.020
_STUCK_PA, _STUCK_C = 3.0, 25.0


class Signals:
    """One unit's errors and noise."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._zero_pa = screened(place, "zero", 0.03)
        self._gain = 1.0 + screened(place, "gain", 0.01)
        self._gain_per_k = screened(place, "gain t", 1.7e-4)
        self._ageing_pa = screened(place, "ageing", 0.02)
        self._offset_c = screened(place, "temperature offset", 0.4)

    def values(
        self, times: Floats, first: int, key: str, began_s: float, quieter: float
    ) -> tuple[Floats, Floats]:
        """Return Pa and degC of the values at `times`, shape (n,).

        `first` is the number of the first of them since the measurement that `key` names began, at
        `began_s`; `quieter` is by how much its noise is less than a single value's.
        """
        place = self._place
        body_c = place.temperatures_c(times)
        felt_pa = place.scalars("differential_pressure", times)
        felt_pa = felt_pa * place.pressures_pa(times) / CALIBRATED_PA
        felt_pa *= self._gain + self._gain_per_k * (body_c - 25.0)
        early = np.maximum(0.0, 1.0 - (times - began_s) / _FIRST_S)
        felt_pa *= 1.0 + _FIRST_OFF * early
        felt_pa += self._zero_pa + aged(place, self._ageing_pa, 5.0, times)
        louder = np.where(during(place, "noise", times), 50.0, 1.0) / quieter
        noise_pa = louder * (_NOISE_PA + _NOISE_SHARE * np.abs(felt_pa))
        felt_pa += noise_pa * place.noises(f"pressure noise {key}", first, len(times))
        felt_c = body_c + self._offset_c
        felt_c += _NOISE_C * place.noises(f"temperature noise {key}", first, len(times))
        stuck = during(place, "stuck", times)
        return np.where(stuck, _STUCK_PA, felt_pa), np.where(stuck, _STUCK_C, felt_c)


class Mean:
    """The mean till it is read: of the first 25 ms arithmetic, then the older fade out.

    Recalled: 50 values of 0.5 ms, and 0.05 as the share of a new one afterwards.
    """

    ARITHMETIC, SHARE = 50, 0.05
    MEMORY = 2400
    """After so many values nothing is left of those before, to the last bit."""

    def __init__(self) -> None:
        self._count, self._mean = 0, 0.0

    def begin(self) -> None:
        """Begin anew with the next value."""
        self._count = 0

    def feed(self, values: Floats, *, left_out: bool) -> float:
        """Take values, before which others went that were `left_out`; return the mean."""
        if left_out:
            self._count, self._mean = self.ARITHMETIC, float(values[0])
        for value in values.tolist():
            self._count = min(self._count + 1, self.ARITHMETIC + 1)
            share = self.SHARE if self._count > self.ARITHMETIC else 1.0 / self._count
            self._mean += share * (value - self._mean)
        return self._mean
