"""The reading itself, compared with nothing."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.core.units import Dimension
from sensorbench.profiles.measuring import Measure


def unit(channel: Channel) -> Dimension | str:
    """Return the dimension of the channel's values."""
    return channel.quantity.dimension if channel.quantity else "counts"


MEASURE = Measure(unit=unit, compares=False, symmetric=False)
