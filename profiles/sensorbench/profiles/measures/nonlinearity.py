"""Largest distance of the readings from their best straight line (IEC 61298-2, least squares)."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.parts.model import Part
from sensorbench.profiles.measures._stimuli import at, ends
from sensorbench.profiles.measuring import Measure, Raw


def stimuli(channel: Channel, part: Part) -> tuple[Raw, ...]:
    """Return both ends and the middle of the range."""
    both = ends(channel, part)
    return (both[0], {channel.address: "50 %"}, both[1]) if len(both) == 2 else both


MEASURE = Measure(stimuli=stimuli, values=3)
__all__ = ["MEASURE", "at"]
