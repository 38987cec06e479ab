"""Change of a rate's offset with the acceleration along its axis, in deg/s per g."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.core.units import Dimension
from sensorbench.profiles.measuring import Measure


def applies(channel: Channel) -> bool:
    """Return whether the channel is an axis of a rate."""
    return bool(channel.axis) and channel.unit == "deg/s"


def unit(_channel: Channel) -> Dimension | str:
    """Return its unit, which no dimension has."""
    return "deg/s/g"


MEASURE = Measure(unit=unit, applies=applies, values=2, along=True)
