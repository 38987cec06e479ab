"""What sensor twins have in common: their power-on reset, and units that passed final test."""

from __future__ import annotations

from collections.abc import Callable

from sensorbench.core.errors import NotAcknowledged
from sensorbench.world.world import Place

_SCREEN_SIGMA = 3.0


def screened(place: Place, property_name: str, sigma: float) -> float:
    """Return this unit's deviation, within 3 `sigma`: what lies beyond never left the factory."""
    return sigma * max(-_SCREEN_SIGMA, min(_SCREEN_SIGMA, place.unit(property_name)))


class PowerOnReset:
    """Watches a twin's supply: below `minimum_v` the part is dead, above it starts by `reset`.

    It looks when the part is talked to, so a dip between two transfers goes unseen.
    """

    def __init__(self, place: Place, minimum_v: float, reset: Callable[[], None]) -> None:
        self._place = place
        self._minimum_v = minimum_v
        self._reset = reset
        self._on = False

    def check(self) -> None:
        """Raise NotAcknowledged without a supply; reset the part if it has just come back."""
        if self._place.supply_v() < self._minimum_v:
            self._on = False
            raise NotAcknowledged(f"part {self._place.serial} has no supply")
        if not self._on:
            self._on = True
            self._reset()
