"""What a simulated BMP390 measures: counts of pressure and temperature, a block at a time.

Source: the formula is that of boschsensortec/BMP3_SensorAPI bmp3.c, inverted. Accuracy and the
noise at the slowest, most filtered setting (0.02 Pa; BMP388 0.03 Pa) are recalled from the data
sheets; that noise falls with the root of the oversampling, how far factory words of other parts lie
around these, and the noise of the temperature are estimates. That a count without the filter has 16
bits and one more an oversampling step is recalled.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from sensorbench.sensors.simulated import aged, during, screened
from sensorbench.world.world import Place

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_WORDS = (27000, 19000, -7, 800, -1200, 20, 0, 25000, 30000, 3, -6, 2000, 5, -10)
_SPREAD = (200, 150, 1, 60, 40, 2, 0, 200, 150, 1, 0, 20, 0, 0)
_NOISE_PA = {0x60: 1.8, 0x50: 2.7}  # by chip, at one conversion: filter 127 and x32 leave 0.02
_NOISE_C = 0.0005
_STUCK = (7_000_000, 8_300_000)
NOTHING = 0x800000
"""What a channel that is off has, and both after a reset."""


def memory(coefficient: int) -> int:
    """Return after how many samples nothing is left of what the filter had, to the last bit."""
    return 128 * (coefficient + 1)


class Signals:
    """One unit's factory words, errors and noise, and its low-pass filter, which remembers."""

    def __init__(self, place: Place, chip: int) -> None:
        self._place = place
        self._noise_pa = _NOISE_PA[chip]
        self.words = tuple(
            nominal + round(spread * max(-3.0, min(3.0, place.unit(f"word {index}"))))
            for index, (nominal, spread) in enumerate(zip(_WORDS, _SPREAD, strict=True))
        )
        self._offset_pa = screened(place, "offset", 16.0)
        self._offset_pa_per_k = screened(place, "offset t", 0.2)
        self._ageing_pa = screened(place, "ageing", 15.0)
        self._offset_c = screened(place, "temperature offset", 0.15)
        self._filtered: tuple[float, float] | None = None

    def forget(self) -> None:
        """Let the filter begin anew."""
        self._filtered = None

    def counts(
        self, times: Floats, first: int, key: str, codes: tuple[int, int], coefficient: int
    ) -> tuple[Counts, Counts]:
        """Return samples before and after the filter, shape (n, 2): pressure, temperature.

        `first` is the number of the first of them since the sampling that `key` names began,
        `codes` are the oversampling codes of both channels.
        """
        place = self._place
        body_c = place.temperatures_c(times) + self._offset_c
        felt_pa = place.pressures_pa(times) + self._offset_pa
        felt_pa += self._offset_pa_per_k * (body_c - 25.0)
        felt_pa += aged(place, self._ageing_pa, 500.0, times)
        louder = np.where(during(place, "noise", times), 50.0, 1.0)
        noise = self._noise_pa / (1 << codes[0]) ** 0.5
        felt_pa += noise * louder * place.noises(f"pressure noise {key}", first, len(times))
        noise_c = _NOISE_C / (1 << codes[1]) ** 0.5
        noise_c *= place.noises(f"temperature noise {key}", first, len(times))
        raw = np.column_stack(
            (
                pressure_counts(self.words, body_c, felt_pa),
                temperature_counts(self.words, body_c + noise_c),
            )
        )
        steps = np.array([1 << max(0, 8 - code) for code in codes])
        plain = np.rint(raw / steps) * steps
        filtered = self._smooth(raw, coefficient) if coefficient else plain
        stuck = during(place, "stuck", times)[:, np.newaxis]
        return tuple(  # type: ignore[return-value]
            np.where(stuck, _STUCK, np.clip(np.rint(values), 0, 0xFFFFFF)).astype(np.int64)
            for values in (plain, filtered)
        )

    def _smooth(self, values: Floats, coefficient: int) -> Floats:
        found = np.empty_like(values)
        pressure, temperature = self._filtered or map(float, values[0])
        share = 1.0 / (coefficient + 1)
        for index, (new_pressure, new_temperature) in enumerate(values.tolist()):
            pressure += share * (new_pressure - pressure)
            temperature += share * (new_temperature - temperature)
            found[index] = pressure, temperature
        self._filtered = pressure, temperature
        return found


def temperature_counts(words: tuple[int, ...], temperature_c: Floats) -> Floats:
    """Return the counts that the data sheet's formula turns into `temperature_c`, shape (n,)."""
    slope, bend = words[1] / 2.0**30, words[2] / 2.0**48
    # slope d + bend d2 = T, solved for d without losing digits for a small bend.
    warmer = 2.0 * temperature_c / (slope + np.sqrt(slope * slope + 4.0 * bend * temperature_c))
    return np.asarray(words[0] * 256.0 + warmer)


def pressure_counts(words: tuple[int, ...], temperature_c: Floats, pressure_pa: Floats) -> Floats:
    """Return the counts that the formula turns into `pressure_pa` at `temperature_c`, shape (n,).

    By Newton's method: the formula is of third degree in the counts, and nearly straight.
    """
    p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 = words[3:]
    t = temperature_c
    constant = p5 * 8 + p6 * t / 64 + p7 * t**2 / 256 + p8 * t**3 / 32768 - pressure_pa
    linear = (p1 - 16384) / 2.0**20 + (p2 - 16384) * t / 2.0**29
    linear = linear + p3 * t**2 / 2.0**32 + p4 * t**3 / 2.0**37
    square, cube = (p9 + p10 * t) / 2.0**48, p11 / 2.0**65
    found = -constant / linear
    for _ in range(8):
        value = constant + found * (linear + found * (square + found * cube))
        found = found - value / (linear + found * (2.0 * square + 3.0 * found * cube))
    return np.asarray(found)


def memory_of(words: tuple[int, ...]) -> bytes:
    """Return registers 0x30 to 0x45: the words, low byte first, behind their CRC."""
    data = struct.pack("<HHbhhbbHHbbhbb", *words)
    rest = 0xFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = (rest << 1 ^ 0x11D) if rest & 0x80 else rest << 1
    return bytes([rest ^ 0xFF]) + data
