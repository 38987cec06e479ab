"""What the bridges of a simulated magnetometer give at a time: the field, and their errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.simulated import screened
from sensorbench.world.world import Place

Floats = npt.NDArray[np.float64]
_STUCK_UT = (12.5, -12.5, 12.5)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of part by its data sheet: one sigma of each error of a unit, uT, shares, and per K.

    `ageing_ut` is how far 1000 h at 125 degC move the offset, `drift_ut` how far with that fault.
    """

    offset_ut: float
    offset_ut_per_k: float
    gain: float
    gain_per_k: float
    noise_ut: float
    ageing_ut: float
    drift_ut: float


class Magnetometer:
    """Three axes of one unit."""

    def __init__(self, place: Place, kind: Kind) -> None:
        self.kind = kind
        self._place = place

        def spread(what: str, sigma: float) -> Floats:
            return np.array([screened(place, f"{what} {axis}", sigma) for axis in "xyz"])

        self.offset_ut = spread("offset", kind.offset_ut)
        self.offset_ut_per_k = spread("offset t", kind.offset_ut_per_k)
        self.gain = 1.0 + spread("gain", kind.gain)
        self.gain_per_k = spread("gain t", kind.gain_per_k)
        self.ageing_ut = spread("ageing", kind.ageing_ut)

    def felt_ut(self, at_s: float, noisier: float = 1.0) -> Floats:
        """Return what the axes give at `at_s`, shape (3,), with so many times the noise."""
        place, fault = self._place, self._place.fault(at_s)
        if fault == "stuck":
            return np.array(_STUCK_UT)
        times = np.array([at_s])
        warmer = float(place.temperatures_c(times)[0]) - 25.0
        found = place.magnetic_field(times)[0] * self.gain * (1.0 + self.gain_per_k * warmer)
        drifts = fault == "drift"
        ageing = np.copysign(self.kind.drift_ut, self.ageing_ut) if drifts else self.ageing_ut
        found = found + ageing * math.sqrt(place.stress_h(at_s) / 1000)
        counter = round(at_s * 1e6)
        noise = np.array([place.stream(f"noise {axis}").normal(counter) for axis in "xyz"])
        sigma_ut = self.kind.noise_ut * noisier * (50.0 if fault == "noise" else 1.0)
        return np.asarray(found + self.offset_ut + self.offset_ut_per_k * warmer + sigma_ut * noise)
