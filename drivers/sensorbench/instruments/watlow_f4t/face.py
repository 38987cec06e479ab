"""What the F4T's driver needs of a protocol, whichever it is, and units of temperature on it."""

from __future__ import annotations

from typing import Protocol

from sensorbench.core.errors import ProtocolError
from sensorbench.core.provenance import Identity
from sensorbench.core.units import Dimension
from sensorbench.instruments.telling import Told

TEMPERATURE, HUMIDITY = 1, 2
"""Control loops."""
EVENTS = 8


class Face(Protocol):
    """One protocol of the controller; temperatures in degC, humidities in %RH, rates in K/s."""

    def identify(self) -> Identity: ...
    def foresee(self, loop: int) -> None: ...
    def go_temperature(self, target_c: float, rate: float | None) -> float: ...
    def read_temperature(self) -> float: ...
    def told_temperature(self) -> Told: ...
    def go_humidity(self, target: float) -> float: ...
    def read_humidity(self) -> float: ...
    def told_humidity(self) -> Told: ...
    def release_humidity(self) -> None: ...
    def read_alarms(self) -> tuple[str, ...]: ...
    def make_safe(self) -> None: ...


def checked_unit(name: str, found: str | None, declared: str | None) -> str:
    """Return the unit of temperatures: what was found, or declared where it can't be asked.

    Raises ProtocolError where both are there and differ.
    """
    if None not in (found, declared) and found != declared:
        raise ProtocolError(
            f"{name}: the controller gives temperatures in {found}, station.toml says "
            f"{declared}. Was it changed at the panel?"
        )
    return found or declared or ""


def scale_of(unit: str) -> tuple[float, float]:
    """Return factor and offset that make degC of a unit.

    >>> scale_of("degC")
    (1.0, 0.0)
    """
    scale = Dimension.TEMPERATURE.scale(unit)
    assert scale is not None  # noqa: S101 - both are units of temperature
    return scale.factor, scale.offset
