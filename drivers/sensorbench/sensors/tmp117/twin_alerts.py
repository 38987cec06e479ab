"""Which limits a simulated TMP117 passed in conversions that nobody looked at in between.

An alert latches at each conversion (SNOSD82D, section 7.4.4, recalled). Between two looks there may
be millions of them, so only those are computed that could have passed a limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensorbench.world.conversions import Conversions
from sensorbench.world.world import Place

_LSB_C = 0.0078125
_WIDEST = 8.3  # no number of a world's stream lies farther out, in sigma
_MOST, _BLOCK, _DRAWN = 1 << 20, 1 << 16, 1 << 14


@dataclass(frozen=True, slots=True)
class Passed:
    """The results of `conversions` since the last look, under one fault.

    `offset_c` and `noise_c` in K, `aged_c` in K after 1000 h of stress, `added` is the user's
    offset in counts. Of more than a million conversions a million are looked at, evenly spread; of
    more than 16384 that noise alone could take beyond the limit, the nearest.
    """

    place: Place
    conversions: Conversions
    offset_c: float
    aged_c: float
    noise_c: float
    added: int

    def above(self, limit: int, first: int, last: int) -> bool:
        """Return whether a result of conversions `first` to `last` was above `limit`, in counts."""
        return self._passes(limit, first, last, 1)

    def below(self, limit: int, first: int, last: int) -> bool:
        """Return whether a result of conversions `first` to `last` was below `limit`, in counts."""
        return self._passes(limit, first, last, -1)

    def _passes(self, limit: int, first: int, last: int, sign: int) -> bool:
        if limit == (0x7FFF if sign > 0 else -0x8000):
            return False  # no result lies farther out
        if self._is_out_of_reach(limit, first, last, sign):
            return False
        step = -(-(last - first + 1) // _MOST)
        for start in range(first, last + 1, _BLOCK * step):
            numbers = np.arange(start, min(start + _BLOCK * step, last + 1), step)
            if self._block_passes(limit, self.conversions.ends_s(numbers), sign):
                return True
        return False

    def _is_out_of_reach(self, limit: int, first: int, last: int, sign: int) -> bool:
        low_c, high_c = self.place.temperature_range_c(self.conversions.end_s(first))
        extreme_c = high_c if sign > 0 else low_c
        aged_c = max(sign * self._drifted_c(n) for n in (first, last))
        extreme = sign * (extreme_c + self.offset_c) / _LSB_C + aged_c / _LSB_C
        return extreme + self._reach <= sign * (limit - self.added)

    @property
    def _reach(self) -> float:
        """How far noise and rounding take a result at most, in counts."""
        return _WIDEST * self.noise_c / _LSB_C + 1.0

    def _drifted_c(self, number: int) -> float:
        hours = self.place.stress_h(self.conversions.end_s(number))
        return float(self.aged_c * np.sqrt(max(hours, 0.0) / 1000))

    def _block_passes(self, limit: int, ends_s: npt.NDArray[np.float64], sign: int) -> bool:
        ends_h = self.place.stress_h(float(ends_s[0])), self.place.stress_h(float(ends_s[-1]))
        # Until something changes the hours of stress go on evenly.
        hours = np.interp(ends_s, (ends_s[0], ends_s[-1]), ends_h)
        quiet_c = self.place.temperatures_c(ends_s) + self.offset_c
        quiet_c = quiet_c + self.aged_c * np.sqrt(np.maximum(hours, 0.0) / 1000)
        over = sign * (quiet_c / _LSB_C + self.added - limit)
        if np.any(over > self._reach):
            return True
        near = np.flatnonzero(over > -self._reach)
        near = near[np.argsort(-over[near], kind="stable")][:_DRAWN]
        noise = self.place.stream("temperature noise")
        for index in near:
            drawn_c = self.noise_c * noise.normal(round(float(ends_s[index]) * 1e6))
            result = round((float(quiet_c[index]) + drawn_c) / _LSB_C) + self.added
            if sign * result > sign * limit:
                return True
        return False
