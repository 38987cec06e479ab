"""What the masses of a simulated three-axis sensor see, and the counts that come of it, vectorised.

- Samples have numbers: a sample's noise belongs to its number, so that any pattern of draining
  gives the same samples.
- Noise is white (the data sheet's density over half the rate) plus a slow wander of the offset: one
  sine an octave, from 4 s to 18 h, with the unit's own phases. Equal amplitudes give a spectrum
  falling as 1/f, and an Allan deviation with a floor as high as one amplitude (sigma2 = 2 ln2 h-1
  of flicker noise, IEEE 952-1997 annex C).
- Sensitivities lie within 1 % (three sigma), as consumer parts' do (recalled).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.simulated import during, screened
from sensorbench.world.world import Place

Floats = npt.NDArray[np.float64]
Ticks = npt.NDArray[np.int64]
PerAxis = float | tuple[float, float, float]

_NODES_HZ = 4.0  # the wander is computed this often and joined by straight lines
_LONGEST_S, _OCTAVES = 65536.0, 15


@dataclass(frozen=True, slots=True)
class Kind:
    """One triad by its data sheet, in canonical units; a tuple is by axis."""

    name: str
    offset_sigma: PerAxis
    offset_per_k_sigma: PerAxis
    ageing_sigma: float  # of the offset, after 1000 h at 125 degC
    density: PerAxis  # white noise, per square root of a Hz
    floor: float  # of the Allan deviation
    self_test: tuple[PerAxis, float]  # how far it moves: typical, sigma
    start_up: tuple[float, float]  # how far off it starts, and the time constant
    drift: float  # ageing with the fault of that name


_GAIN_SIGMA, _CROSS_SIGMA, _GAIN_PER_K_SIGMA = 0.0033, 0.002, 0.0001


class Triad:
    """Three axes of one unit: what they add to the truth, and how they are rounded."""

    def __init__(self, place: Place, kind: Kind) -> None:
        self.kind = kind
        self._place = place

        def spread(what: str, sigma: PerAxis) -> Floats:
            units = [screened(place, f"{kind.name} {what} {a}", 1.0) for a in "xyz"]
            return np.asarray(np.array(units) * sigma)

        self._offset = spread("offset", kind.offset_sigma)
        self._offset_per_k = spread("offset t", kind.offset_per_k_sigma)
        self._ageing = spread("ageing", kind.ageing_sigma)
        self._gain_per_k = spread("gain t", _GAIN_PER_K_SIGMA)
        self._matrix = np.diag(1.0 + spread("gain", _GAIN_SIGMA))
        for axis in "xyz":
            others = [other != axis for other in "xyz"]
            self._matrix["xyz".index(axis)] += spread(f"cross {axis}", _CROSS_SIGMA) * others
        typical, sigma = kind.self_test
        self._self_test = np.asarray(typical) + spread("self-test", sigma)
        self._wander = _Wander(place, kind)

    @property
    def self_test_response(self) -> Floats:
        """Return how far this unit's self-test moves each axis, shape (3,)."""
        return self._self_test

    def sample(
        self,
        true: Floats,
        times: Floats,
        numbers: Ticks,
        *,
        rate_hz: float,
        since_s: float,
        self_test: float | Floats,
    ) -> Floats:
        """Return what the three axes give at `times`, shape (n, 3), before rounding.

        `numbers` are those of the samples at `rate_hz`, ascending; `since_s` is when the sensor was
        switched on, `self_test` the sign of its stimulus, or its share by axis; 0 without.
        """
        warmer = (self._place.temperatures_c(times) - 25.0)[:, np.newaxis]
        found = true @ self._matrix.T * (1.0 + self._gain_per_k * warmer)
        found += self._offset + self._offset_per_k * warmer + self._aged(times)
        found += self._wander.at(times)
        amplitude, tau_s = self.kind.start_up
        found += amplitude * np.exp((since_s - times) / tau_s)[:, np.newaxis]
        noise = self._noise(numbers, rate_hz)
        noise *= np.asarray(self.kind.density) * math.sqrt(rate_hz / 2)
        noise[during(self._place, "noise", times)] *= 50.0
        found += noise
        if np.any(self_test):
            found[~during(self._place, "self_test", times)] += self_test * self._self_test
        found[during(self._place, "stuck", times)] = self._self_test / 10.0
        return found

    def _aged(self, times: Floats) -> Floats:
        """Return what the hours of stress until `times` have moved, shape (n, 3)."""
        first_s, last_s = float(times[0]), float(times[-1])
        first_h, last_h = self._place.stress_h(first_s), self._place.stress_h(last_s)
        # Between two changes of the world the hours grow evenly.
        share = (times - first_s) / max(last_s - first_s, 1e-9)
        stress_h = np.maximum(first_h + (last_h - first_h) * share, 0.0)
        moved = np.sqrt(stress_h / 1000)[:, np.newaxis] * self._ageing
        drifts = during(self._place, "drift", times)
        if drifts.any():
            drift = np.copysign(self.kind.drift, self._ageing)
            moved[drifts] = np.sqrt(stress_h[drifts] / 1000)[:, np.newaxis] * drift
        return np.asarray(moved)

    def _noise(self, numbers: Ticks, rate_hz: float) -> Floats:
        first, last = int(numbers[0]), int(numbers[-1])
        channel = f"{self.kind.name} noise {rate_hz:.1f}"
        found = self._place.noises(channel, 3 * first, 3 * (last - first + 1)).reshape(-1, 3)
        return found if len(found) == len(numbers) else found[numbers - first]


class _Wander:
    """The slow part of an offset, closed-form in time."""

    def __init__(self, place: Place, kind: Kind) -> None:
        def chance(what: str) -> Floats:
            streams = [place.stream(f"{kind.name} {what} {axis}") for axis in "xyz"]
            return np.array([[s.uniform(k) for s in streams] for k in range(_OCTAVES)])

        # Anywhere within its octave, so that the sines of a unit never come into step.
        periods_s = _LONGEST_S / 2.0 ** (np.arange(_OCTAVES)[:, np.newaxis] + chance("wander f"))
        self._omega = 2 * np.pi / periods_s
        self._phase = 2 * np.pi * chance("wander phase")
        # A sine of amplitude A an octave has the spectrum A2 / (2 ln2 f): the floor is A.
        self._amplitude = kind.floor

    def at(self, times: Floats) -> Floats:
        """Return the wander at ascending `times`, shape (n, 3)."""
        places = times * _NODES_HZ
        below = np.floor(places)
        first = int(below[0])
        nodes_s = np.arange(first, int(below[-1]) + 2)[:, np.newaxis, np.newaxis] / _NODES_HZ
        nodes = self._amplitude * np.sin(nodes_s * self._omega + self._phase).sum(axis=1)
        index = below.astype(np.int64) - first
        share = (places - below)[:, np.newaxis]
        return np.asarray(nodes[index] * (1.0 - share) + nodes[index + 1] * share)


def rounded(values: Floats, digit: float) -> npt.NDArray[np.int16]:
    """Return counts of `digit` each; beyond 16 bits the part stays at the end of its range."""
    return np.clip(np.rint(values / digit), -32768, 32767).astype(np.int16)
