"""Stimuli that several measures share."""

from __future__ import annotations

from sensorbench.core.channel import Channel
from sensorbench.parts.model import Part
from sensorbench.profiles.measuring import Raw


def ends(channel: Channel, part: Part) -> tuple[Raw, ...]:
    """Return both ends of a scalar channel's range; a vector's are set by the phase."""
    return (*lowest(channel, part), *at(channel, part, "max"))


def lowest(channel: Channel, part: Part) -> tuple[Raw, ...]:
    """Return the lower end of a scalar channel's range."""
    return at(channel, part, "min")


def at(channel: Channel, part: Part, word: str) -> tuple[Raw, ...]:
    """Return a word of the range of what a scalar channel senses, where the part has it."""
    span = part.range_of(channel.address) if channel.quantity else None
    if span is None or channel.axis or word not in span.words:
        return ()
    return ({channel.address: word},)
