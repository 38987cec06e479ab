"""Values that nothing on a bench has: what a damaged word means where no CRC shows the damage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sensorbench.core.channel import Channel
from sensorbench.core.errors import ProtocolError

# No part here measures so far; those that end elsewhere say so themselves. degC, %RH, Pa absolute.
_POSSIBLE: Mapping[str, tuple[float, float]] = {
    "temperature": (-100.0, 200.0),
    "humidity": (-15.0, 115.0),
    "pressure": (0.0, 1e6),
}


def require_possible(where: str, channels: Sequence[Channel], row: Iterable[float]) -> None:
    """Raise ProtocolError where a value of a reading, in the order of `channels`, can't be.

    NaN, a value that is not known, may be.
    """
    for channel, value in zip(channels, row, strict=True):
        name = channel.quantity.name if channel.quantity else ""
        low, high = _POSSIBLE.get(name, (float("-inf"), float("inf")))
        if value < low or value > high:
            raise ProtocolError(
                f"{where}: {channel.name} reads {value:.1f} {channel.unit}, which can't be: "
                "damaged on the wire (check pull-ups, cable length and bus clock), or the part is "
                "broken"
            )
