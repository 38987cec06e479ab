"""Where a value comes from. The weakest source wins for a measurement, a run, a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Provenance(Enum):
    """`HARDWARE` was read from a physical device; `SIMULATED` from a twin."""

    HARDWARE = "hardware"
    SIMULATED = "simulated"


def weakest(sources: Iterable[Provenance]) -> Provenance:
    """Return SIMULATED if any source is, or if there is none: doubt is never hardware.

    >>> weakest([Provenance.HARDWARE, Provenance.SIMULATED])
    <Provenance.SIMULATED: 'simulated'>
    >>> weakest([])
    <Provenance.SIMULATED: 'simulated'>
    """
    found = set(sources)
    return Provenance.HARDWARE if found == {Provenance.HARDWARE} else Provenance.SIMULATED


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device says it is, read from the device. `serial` is "" where it can't be read.

    `or_models` are others that answer all the same: the device itself can't tell.

    >>> str(Identity("TE Connectivity", "MS5611", or_models=("MS5607",)))
    'TE Connectivity MS5611 (or MS5607: it does not tell)'
    """

    manufacturer: str
    model: str
    serial: str = ""
    firmware: str = ""
    or_models: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = " ".join(part for part in (self.manufacturer, self.model, self.serial) if part)
        others = " or ".join(self.or_models)
        return f"{told} (or {others}: it does not tell)" if others else told
