"""When making safe may vent: only where station.toml declares it, and below which values.

The rules:
- `vent = { temperature = "60 degC" }` names addresses of the same zone and the values that they
  must be below, by every meter that each of them has: without a meter it is refused.
- `vent = "always"` is for places where nothing else is set but what feeds the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sensorbench.core.catalog import devices
from sensorbench.core.device import Venting
from sensorbench.core.quantity import AddressError, address, components
from sensorbench.parts.values import ValueProblem, read
from sensorbench.station.model import StationFile
from sensorbench.station.refs import Ref

if TYPE_CHECKING:
    from sensorbench.station.binding import Binding

_ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Below:
    """What an address must be below, in its canonical unit, by each of its meters."""

    where: str
    value: float
    unit: str
    meters: tuple[Ref, ...]


@dataclass(frozen=True, slots=True)
class Vent:
    """A vent that is declared, and what it waits for: nothing where it is always allowed."""

    waits: tuple[Below, ...] = ()


class _Refused(ValueError):
    """What is wrong with a declared vent."""


def bind_vents(
    file: StationFile, rows: dict[tuple[str, str], Binding]
) -> Iterator[tuple[str, str]]:
    """Bind the vents that station.toml declares; yield key and text of what is wrong."""
    for (zone, where), row in rows.items():
        said = file.zones[zone].bench[where].vent
        if said is None:
            continue
        try:
            rows[zone, where] = replace(row, vent=_vent(file, row, said, rows))
        except _Refused as error:
            prefix = f"zone.{zone}.bench" if zone else "bench"
            yield f"{prefix}.{where}.vent", str(error)


def _vent(
    file: StationFile, row: Binding, said: object, rows: Mapping[tuple[str, str], Binding]
) -> Vent:
    if row.acts is None or not _vents(file, row.acts.instrument):
        raise _Refused("nothing vents here: leave it out")
    if said == _ALWAYS:
        others = [
            str(other.where)
            for (zone, _), other in rows.items()
            if zone == row.zone and other.is_set and not other.where.quantity.feeds
            and other.where.quantity is not row.where.quantity
        ]  # fmt: skip
        if others:
            named = ", ".join(others)
            raise _Refused(f"{named} is set here, too: say below which value it vents")
        return Vent()
    if not isinstance(said, Mapping) or not said:
        raise _Refused('write { ADDRESS = "VALUE" }: below what it vents; or "always"')
    return Vent(tuple(_below(row.zone, where, raw, rows) for where, raw in said.items()))


def _below(zone: str, where: str, raw: object, rows: Mapping[tuple[str, str], Binding]) -> Below:
    try:
        found = address(where)
        value = read(raw, found, None)
    except (AddressError, ValueProblem) as error:
        raise _Refused(str(error)) from None
    there = rows.get((zone, where))
    meters = there.meters if there is not None else ()
    if not meters:
        raise _Refused(
            f"no meter tells {where} here: name one in its own table, as its reference or in watch"
        )
    return Below(where, components(value)[0], found.quantity.unit, meters)


def _vents(file: StationFile, name: str) -> bool:
    device = devices().get(file.instrument[name].model)
    driver = device.usable() if device is not None else None
    return isinstance(driver, type) and hasattr(driver, Venting.shut_in.__name__)
