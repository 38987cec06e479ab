"""What a simulated MPL3115A2 measures: its output words, a block of samples at a time.

Source: MPL3115A2 data sheet section 7.1.3 (formats). Recalled: noise (19 Pa at one conversion, 1.5
Pa at best), accuracy, the formula of the altitude. That noise falls with the root of the
oversampling, and the noise of the temperature, are estimates.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.simulated import aged, during, screened
from sensorbench.world.world import Place

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.int64]

_NOISE_PA, _LEAST_NOISE_PA, _NOISE_C = 19.0, 1.5, 0.03
_STUCK_PA, _STUCK_C = 95_000.0, 25.0


class Signals:
    """One unit's errors and noise."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._offset_pa = screened(place, "offset", 130.0)
        self._offset_pa_per_k = screened(place, "offset t", 1.0)
        self._ageing_pa = screened(place, "ageing", 40.0)
        self._offset_c = screened(place, "temperature offset", 0.3)

    def values(self, times: Floats, first: int, key: str, code: int) -> tuple[Floats, Floats]:
        """Return Pa and degC of the samples at `times`, shape (n,).

        `first` is the number of the first of them since the sampling that `key` names began,
        `code` that of the oversampling.
        """
        place = self._place
        body_c = place.temperatures_c(times) + self._offset_c
        felt_pa = place.pressures_pa(times) + self._offset_pa
        felt_pa += self._offset_pa_per_k * (body_c - 25.0)
        felt_pa += aged(place, self._ageing_pa, 1000.0, times)
        noise_pa = max(_LEAST_NOISE_PA, _NOISE_PA / (1 << code) ** 0.5)
        louder = np.where(during(place, "noise", times), 50.0, 1.0)
        felt_pa += noise_pa * louder * place.noises(f"pressure noise {key}", first, len(times))
        noise_c = _NOISE_C / (1 << code) ** 0.5
        body_c += noise_c * place.noises(f"temperature noise {key}", first, len(times))
        stuck = during(place, "stuck", times)
        return np.where(stuck, _STUCK_PA, felt_pa), np.where(stuck, _STUCK_C, body_c)


def altitude_m(pressure_pa: Floats, sea_level_pa: float) -> Floats:
    """Return the altitude that the part makes of a pressure, shape (n,)."""
    share = np.maximum(pressure_pa, 1.0) / max(sea_level_pa, 1.0)
    return np.asarray(44330.77 * (1.0 - share**0.1902632))


def pressure_words(pressure_pa: Floats) -> Words:
    """Return 20 bits of quarter pascals, unsigned, shape (n,)."""
    return np.clip(np.rint(4.0 * pressure_pa), 0, 0xFFFFF).astype(np.int64)


def altitude_words(height_m: Floats) -> Words:
    """Return 20 bits of sixteenths of a metre, shape (n,)."""
    return np.clip(np.rint(16.0 * height_m), -0x80000, 0x7FFFF).astype(np.int64)


def temperature_words(temperature_c: Floats) -> Words:
    """Return 12 bits of sixteenths of a kelvin, shape (n,)."""
    return np.clip(np.rint(16.0 * temperature_c), -0x800, 0x7FF).astype(np.int64)


def packed(upper: Words, temperature: Words) -> npt.NDArray[np.uint8]:
    """Return samples as the registers have them, shape (n, 5): left-justified, high byte first."""
    found = np.empty((len(upper), 5), np.uint8)
    for byte in range(3):
        found[:, byte] = upper << 4 >> 8 * (2 - byte) & 0xFF
    for byte in range(2):
        found[:, 3 + byte] = temperature << 4 >> 8 * (1 - byte) & 0xFF
    return found
