"""Change of the reading over the change of the quantity: 1 for a part that is right."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.core.units import Dimension
from sensorbench.profiles.measures._stimuli import ends
from sensorbench.profiles.measuring import Measure


def unit(_channel: Channel) -> Dimension | str:
    """Return that it is a ratio of equal quantities."""
    return Dimension.RATIO


MEASURE = Measure(unit=unit, stimuli=ends, symmetric=False, values=2)
