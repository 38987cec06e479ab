"""The reading itself, compared with nothing."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.core.units import Dimension
from sensorbench.profiles.measuring import Measure, any_channel


def unit(channel: Channel) -> Dimension | str:
    """Return the dimension of the channel's values."""
    return channel.quantity.dimension if channel.quantity else "counts"


MEASURE = Measure(unit=unit, applies=any_channel, compares=False, symmetric=False)
