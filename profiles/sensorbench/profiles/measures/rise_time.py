"""Time from 10 % to 90 % of a step, as the part follows it."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.core.units import Dimension
from sensorbench.profiles.measuring import Measure


def unit(_channel: Channel) -> Dimension | str:
    """Return that it is a time."""
    return Dimension.TIME


MEASURE = Measure(unit=unit, compares=False, symmetric=False, of_step=True, samples=5)
