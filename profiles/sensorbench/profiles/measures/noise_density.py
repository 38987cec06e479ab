"""Noise over the root of the bandwidth, from a stream at rest (Welch, white part)."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.core.units import Dimension
from sensorbench.profiles.measuring import Measure


def unit(channel: Channel) -> Dimension | str:
    """Return the channel's unit over the root of a hertz."""
    return f"{channel.quantity.difference.canonical if channel.quantity else 'counts'}/sqrt(Hz)"


MEASURE = Measure(unit=unit, compares=False, stream=True, symmetric=False, samples=1024)
