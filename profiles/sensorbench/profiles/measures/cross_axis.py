"""What an axis reads of a stimulus along another, as a share of it."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.core.units import Dimension
from sensorbench.profiles.measuring import Measure


def applies(channel: Channel) -> bool:
    """Return whether the channel is one axis of a vector."""
    return bool(channel.axis)


def unit(_channel: Channel) -> Dimension | str:
    """Return that it is a share."""
    return Dimension.RATIO


MEASURE = Measure(unit=unit, applies=applies, every_axis=True)
