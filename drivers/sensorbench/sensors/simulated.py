"""What sensor twins have in common: power-on reset, final test, faults and ageing in time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sensorbench.core.errors import NotAcknowledged
from sensorbench.world.faults import BROWN_OUT
from sensorbench.world.world import Place

_SCREEN_SIGMA = 3.0
_WARM_S = 1.0
_LOOKS = 1024


def screened(place: Place, property_name: str, sigma: float) -> float:
    """Return this unit's deviation, within 3 `sigma`: what lies beyond never left the factory."""
    return sigma * max(-_SCREEN_SIGMA, min(_SCREEN_SIGMA, place.unit(property_name)))


def factory_number(place: Place, length: int) -> bytes:
    """Return the number that a unit got at the factory: the one it is called by, in hexadecimal.

    A unit with another name has a number of its own, made of that name.
    """
    name = place.serial
    if len(name) == 2 * length and all(c in "0123456789ABCDEFabcdef" for c in name):
        return bytes.fromhex(name)
    return hashlib.blake2b(name.encode(), digest_size=length).digest()


def humidity_errors(
    humidity_rh: npt.NDArray[np.float64], error_rh: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return by how much a humidity sensor reads wrong that is `error_rh` off in the middle, %RH.

    Within 20 %RH of dry and of saturated air it falls to 0 (an estimate): a bake dries air to less
    than any such error, and parts still read it. Shapes (n,).
    """
    from_end = np.minimum(humidity_rh, 100.0 - humidity_rh) / 20.0
    return np.asarray(error_rh * np.clip(from_end, 0.0, 1.0))


def humidity_error(humidity_rh: float, error_rh: float) -> float:
    """Return the same of one reading."""
    return float(humidity_errors(np.array([humidity_rh]), np.array([error_rh]))[0])


def during(place: Place, kind: str, times: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return at which of `times` the part has the fault `kind`, shape (n,)."""
    there = np.zeros(len(times), bool)
    for fault in place.world.faults.get(place.serial, ()):
        if fault.kind == kind:
            there |= (times >= fault.at_s) & (times < fault.until_s)
    return there


def aged(
    place: Place, ageing: float, drift: float, times: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return what the hours of stress until ascending `times` have moved, shape (n,).

    `ageing` is how far 1000 h at 125 degC move this unit, `drift` how far with the fault of that
    name, in the same direction; both grow with the square root of the hours.
    """
    first_h, last_h = (place.stress_h(float(at_s)) for at_s in (times[0], times[-1]))
    # Between two changes of the world the hours grow evenly.
    share = (times - times[0]) / max(float(times[-1] - times[0]), 1e-9)
    stress_h = np.maximum(first_h + (last_h - first_h) * share, 0.0)
    moves = np.where(during(place, "drift", times), math.copysign(drift, ageing), ageing)
    return np.asarray(moves * np.sqrt(stress_h / 1000))


class PowerOnReset:
    """Watches a twin's supply: below `minimum_v` the part is dead, above it starts by `reset`.

    The part starts when its supply comes, whoever talks to it then: `since_s` is that time, and
    `reset` may ask for it. A part that is made with its supply on was plugged in a second ago.
    `catch_up` is called before conditions change while the part lives: what it did until now it did
    under the old ones. A supply that swings by itself (a wave) is looked at a thousand times
    between two looks; shorter dips go unseen, but no brown-out that is a fault of the part. At one
    instant it is looked at once, unless something changes at that instant.
    """

    def __init__(
        self,
        place: Place,
        minimum_v: float,
        reset: Callable[[], None],
        catch_up: Callable[[], None] | None = None,
    ) -> None:
        self._place, self._clock = place, place.clock
        self._minimum_v = minimum_v
        self._reset, self._catch_up = reset, catch_up
        self._on = self._is_fresh = False
        self._looked_s = place.clock.now()
        self._changed_s = self.since_s = self._looked_s - _WARM_S
        place.listen(self._before_change)

    def check(self) -> None:
        """Raise NotAcknowledged without a supply; reset the part if it came back since."""
        if not self.is_on():
            raise NotAcknowledged(f"part {self._place.serial} has no supply")

    def is_on(self) -> bool:
        """Return whether the part has its supply; reset it if that came back since."""
        now = self._clock.now()
        if now == self._looked_s and self._is_fresh:
            return self._on
        dipped_s = self._last_dip_s(now)
        if dipped_s is not None:
            self._on, self._changed_s = False, dipped_s
        self._looked_s = now
        if self._place.supply_v() < self._minimum_v:
            self._on = False
        elif not self._on:
            self._on = True
            self.since_s = self._changed_s
            self._reset()
        self._is_fresh = True
        return self._on

    def _before_change(self) -> None:
        if self.is_on() and self._catch_up:
            self._catch_up()
        self._changed_s = self._clock.now()
        self._is_fresh = False

    def _last_dip_s(self, now: float) -> float | None:
        """Return when the supply was last too low since the last look, None if it never was."""
        dips = [self._browned_out_s(now), self._swung_low_s(now)]
        return max((dip for dip in dips if dip is not None), default=None)

    def _browned_out_s(self, now: float) -> float | None:
        faults = self._place.world.faults.get(self._place.serial, ())
        ends = [
            min(fault.until_s, now)
            for fault in faults
            if fault.kind == BROWN_OUT and fault.at_s <= now and fault.until_s > self._looked_s
        ]
        return max(ends, default=None)

    def _swung_low_s(self, now: float) -> float | None:
        field = self._place.zone.field("supply")
        if not self._place.powered or field.still_from(self._looked_s) < math.inf:
            return None
        times = np.linspace(self._looked_s, now, _LOOKS)
        low = np.flatnonzero(field.sample(times) < self._minimum_v)
        return float(times[low[-1]]) if len(low) else None
