"""What a simulated LPS22HH measures: counts of pressure and temperature, a block at a time.

Sources: accuracy, noise and temperature coefficient: LPS22HH data sheet DocID030890 rev 2, first
page (0.5 hPa, 0.65 Pa, 0.65 Pa/K); of the noise without its filter, and that the filter is of
first order, nothing is said: those are estimates that give the data sheet's noise with it on.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.simulated import aged, during, screened
from sensorbench.world.world import Place

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_LOW_NOISE_PA, _LOW_CURRENT_PA, _NOISE_C = 1.65, 4.3, 0.02
# By LPFP_CFG: share of a new sample in the filter's output, of corner rate / 9 and rate / 20.
_NEW_SHARE = (1.0, 1.0, 1.0 - math.exp(-2 * math.pi / 9), 1.0 - math.exp(-2 * math.pi / 20))
MEMORY = 512
"""After so many samples nothing is left of what the filter had before, to the last digit."""


class Signals:
    """One unit's errors and noise, and its low-pass filter, which remembers."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._offset_pa = screened(place, "offset", 17.0)
        self._offset_pa_per_k = screened(place, "offset t", 0.2)
        self._ageing_pa = screened(place, "ageing", 15.0)
        self._offset_c = screened(place, "temperature offset", 0.4)
        self._filtered: float | None = None

    def forget(self) -> None:
        """Let the filter begin anew."""
        self._filtered = None

    def counts(
        self, times: Floats, first: int, key: str, *, low_noise: bool, filter_code: int
    ) -> tuple[Counts, Counts]:
        """Return pressure and temperature of the samples at `times`, in counts, shape (n,).

        `first` is the number of the first of them since the sampling that `key` names began.
        """
        place = self._place
        temperature_c = place.temperatures_c(times) + self._offset_c
        felt_pa = place.pressures_pa(times) + self._offset_pa
        felt_pa += self._offset_pa_per_k * (temperature_c - 25.0)
        felt_pa += aged(place, self._ageing_pa, 500.0, times)
        noise_pa = (_LOW_NOISE_PA if low_noise else _LOW_CURRENT_PA) * np.where(
            during(place, "noise", times), 50.0, 1.0
        )
        felt_pa += noise_pa * place.noises(f"pressure noise {key}", first, len(times))
        felt_pa = self._smooth(felt_pa, _NEW_SHARE[filter_code])
        temperature_c += _NOISE_C * place.noises(f"temperature noise {key}", first, len(times))
        stuck = during(place, "stuck", times)
        pressure = np.clip(np.rint(felt_pa * 40.96), -(1 << 23), (1 << 23) - 1)
        temperature = np.clip(np.rint(temperature_c * 100.0), -32768, 32767)
        return (
            np.where(stuck, 3_500_000, pressure).astype(np.int64),
            np.where(stuck, 2500, temperature).astype(np.int64),
        )

    def _smooth(self, values: Floats, share: float) -> Floats:
        if share == 1.0:
            self._filtered = float(values[-1])
            return values
        found = np.empty_like(values)
        last = float(values[0]) if self._filtered is None else self._filtered
        for index, value in enumerate(values.tolist()):
            last += share * (value - last)
            found[index] = last
        self._filtered = last
        return found


def packed(pressure: Counts, temperature: Counts) -> npt.NDArray[np.uint8]:
    """Return samples as the part has them, shape (n, 5): 24 and 16 bits, low byte first."""
    found = np.empty((len(pressure), 5), np.uint8)
    for byte in range(3):
        found[:, byte] = pressure >> 8 * byte & 0xFF
    for byte in range(2):
        found[:, 3 + byte] = temperature >> 8 * byte & 0xFF
    return found
