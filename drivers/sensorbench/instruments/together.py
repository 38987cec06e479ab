"""Reading several meters: those of one instrument in one exchange, where it can (`read_many`).

Sixty channels of a data acquisition unit are told and scanned once instead of sixty times. One
that has no reading, an open thermocouple, takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensorbench.core.device import ManyMeters
from sensorbench.core.errors import BenchError
from sensorbench.core.quantity import Value
from sensorbench.instruments.members import Meter

Reading = Value | BenchError
"""A value, or why there is none."""


@dataclass(frozen=True, slots=True)
class Together:
    """Meters that are read at once; `places` are theirs in the list they come from."""

    meters: tuple[Meter, ...]
    places: tuple[int, ...]

    def read(self) -> list[Reading]:
        """Return a reading of each meter; nothing that an instrument does raises."""
        if len(self.meters) == 1:
            return [_reading(self.meters[0])]
        device = self.meters[0].device
        assert isinstance(device, ManyMeters)  # noqa: S101 - `together` saw to it
        try:
            found = device.read_many([meter.member for meter in self.meters])
        except BenchError as error:
            return [error for _ in self.meters]
        return [_checked(meter, found.get(meter.member)) for meter in self.meters]


def together(meters: Sequence[Meter]) -> list[Together]:
    """Return the meters in groups that are read at once, in the order of their first ones."""
    groups: dict[int, list[int]] = {}
    for place, meter in enumerate(meters):
        many = isinstance(meter.device, ManyMeters)
        groups.setdefault(id(meter.device) if many else -1 - place, []).append(place)
    return [
        Together(tuple(meters[place] for place in places), tuple(places))
        for places in groups.values()
    ]


def _reading(meter: Meter) -> Reading:
    try:
        return meter.read()
    except BenchError as error:
        return error


def _checked(meter: Meter, found: Reading | None) -> Reading:
    if isinstance(found, BenchError):
        return found
    try:
        return meter.checked(found)
    except BenchError as error:
        return error
