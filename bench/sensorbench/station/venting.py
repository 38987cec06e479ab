"""When making safe may vent: only where station.toml declares it, and below what temperature.

The rules:
- `vent = "below 60 degC"` counts by every meter of the zone's temperature: without one it is
  refused.
- `vent = "always"` is for places where nothing sets the temperature.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sensorbench.core.catalog import devices
from sensorbench.core.device import Venting
from sensorbench.core.quantity import TEMPERATURE, Address, components
from sensorbench.parts.values import ValueProblem, read
from sensorbench.station.model import StationFile
from sensorbench.station.refs import Ref

if TYPE_CHECKING:
    from sensorbench.station.binding import Binding

_BELOW, _ALWAYS = "below ", "always"


@dataclass(frozen=True, slots=True)
class Vent:
    """A vent that is declared: below which temperature, degC, by which meters; None is always."""

    below: float | None = None
    meters: tuple[Ref, ...] = ()


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
    file: StationFile, row: Binding, said: str, rows: Mapping[tuple[str, str], Binding]
) -> Vent:
    if row.acts is None or not _vents(file, row.acts.instrument):
        raise _Refused("nothing vents here: leave it out")
    there = rows.get((row.zone, TEMPERATURE.name))
    if said == _ALWAYS:
        if there is not None and there.is_set:
            raise _Refused('the temperature is set here: say below which, "below 60 degC"')
        return Vent()
    if not said.startswith(_BELOW):
        raise _Refused(f'{said!r}: write "below 60 degC", or "always" where nothing heats')
    try:
        value = read(said.removeprefix(_BELOW).strip(), Address(TEMPERATURE), None)
    except ValueProblem as error:
        raise _Refused(str(error)) from None
    meters = there.meters if there is not None else ()
    if not meters:
        raise _Refused(
            "no meter tells the temperature here: name one in [bench.temperature], as its "
            "reference or in watch"
        )
    return Vent(components(value)[0], meters)


def _vents(file: StationFile, name: str) -> bool:
    device = devices().get(file.instrument[name].model)
    driver = device.usable() if device is not None else None
    return isinstance(driver, type) and hasattr(driver, Venting.shut_in.__name__)
