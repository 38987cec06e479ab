"""Quantities: one word for what is set, held, measured and sensed.

A quantity is a row in an open table: a name, its dimensions and, where it is a vector, its axes.
Nothing above the devices names one of them; everything is looked up by the words of an address,
`quantity[.port][.axis]`. A package adds rows with `add_quantity`, from an entry point of the group
`sensorbench.core.quantities`.

A value is a float, or for a vector a tuple with one float an axis, in the canonical unit. A plain
float for a vector is along the instrument's own axis.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sensorbench.core.plugins import load_all
from sensorbench.core.units import Dimension

GROUP = "sensorbench.core.quantities"
Value = float | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Soak:
    """When a value counts as reached: `within` for `for_s`, or else after `timeout_s` not.

    `held` is how far it may stray while hours are credited; `poll_s` how often it is looked at.
    """

    within: float
    for_s: float
    timeout_s: float
    poll_s: float
    held: float


@dataclass(frozen=True, slots=True)
class Quantity:
    """What can be set, held, measured or sensed.

    `difference` is the dimension of an error or a band, `rate` that of a change in time, `limit`
    that of the compliance limit beside it (the current of a supply). `words` are values with a
    name, such as a face that points up. `period_s` is how often safety looks at it where
    station.toml does not say otherwise. `shown` is the unit that people like best. A plain number
    for a vector is along the direction that the quantity `along` tells in the part's axes. `feeds`
    says that parts forget their settings without it. `usual` is about what it has where nothing
    acts. `least` and `most` are what nature allows. `touch` is within what people may touch units,
    where station.toml has no `handle`.
    """

    name: str
    dimension: Dimension
    soak: Soak
    difference: Dimension
    rate: Dimension | None = None
    axes: tuple[str, ...] = ()
    limit: Dimension | None = None
    words: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    period_s: float = 10.0
    meaning: str = ""
    shown: str = ""
    along: str = ""
    feeds: bool = False
    usual: float = 0.0
    least: float = -math.inf
    most: float = math.inf
    touch: tuple[float, float] | None = None

    @property
    def unit(self) -> str:
        """Return the canonical unit of its values."""
        return self.dimension.canonical


_QUANTITIES: dict[str, Quantity] = {}


def add_quantity(
    name: str,
    dimension: Dimension,
    *,
    within: float,
    settle_s: float,
    timeout_s: float,
    poll_s: float = 1.0,
    held: float | None = None,
    difference: Dimension | None = None,
    rate: Dimension | None = None,
    axes: tuple[str, ...] = (),
    limit: Dimension | None = None,
    words: Mapping[str, Value] | None = None,
    period_s: float = 10.0,
    meaning: str = "",
    shown: str = "",
    along: str = "",
    feeds: bool = False,
    usual: float = 0.0,
    least: float = -math.inf,
    most: float = math.inf,
    touch: tuple[float, float] | None = None,
) -> Quantity:
    """Add a row to the table of quantities and return it.

    `within`, `settle_s`, `timeout_s`, `poll_s` and `held` are its usual soak. Adding the same row
    again is fine; ValueError for another one of that name.
    """
    soak = Soak(within, settle_s, timeout_s, poll_s, within if held is None else held)
    row = Quantity(
        name, dimension, soak, difference or dimension, rate, axes, limit,
        MappingProxyType(dict(words or {})), period_s, meaning, shown, along, feeds, usual,
        least, most, touch,
    )  # fmt: skip
    if _QUANTITIES.setdefault(name, row) != row:
        raise ValueError(f"quantity {name!r} is there already, with other properties")
    return _QUANTITIES[name]


def quantities() -> Mapping[str, Quantity]:
    """Return every quantity known, by name, those of other packages too."""
    load_all(GROUP)
    return MappingProxyType(_QUANTITIES)


@dataclass(frozen=True, slots=True)
class Address:
    """Which quantity, at which port of the part, along which axis: `supply.vddio`."""

    quantity: Quantity
    port: str = ""
    axis: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.quantity.name, self.port, self.axis) if part)

    @property
    def whole(self) -> str:
        """Return the address without its axis: what a bench table is called."""
        return ".".join(part for part in (self.quantity.name, self.port) if part)


class AddressError(ValueError):
    """An address names no quantity, or a port or axis that can't be."""


def address(text: str) -> Address:
    """Return the address that `text` writes. Raises AddressError.

    >>> str(address("supply.vddio")), address("magnetic_field.x").axis
    ('supply.vddio', 'x')
    """
    name, *rest = text.split(".")
    quantity = _QUANTITIES.get(name) or quantities().get(name)
    if quantity is None:
        close = difflib.get_close_matches(name, _QUANTITIES, 1)
        guess = f"; did you mean {close[0]}?" if close else "."
        raise AddressError(f"{name!r} is no quantity{guess} There are {', '.join(_QUANTITIES)}")
    axis = rest.pop() if rest and rest[-1] in quantity.axes else ""
    port = rest.pop() if rest else ""
    if rest or (port and not port.isidentifier()):
        raise AddressError(f"{text!r} is not quantity[.port][.axis]")
    return Address(quantity, port, axis)


def components(value: Value) -> tuple[float, ...]:
    """Return a value's components; a plain number is one."""
    return value if isinstance(value, tuple) else (value,)


def distance(value: Value, other: Value) -> float:
    """Return how far two values are apart: the largest difference of a component.

    A plain number beside a vector is compared with the vector's length, with the sign of its sum.
    NaN where anything is NaN: what is not known is never near.

    >>> distance(3.0, 4.5), distance((1.0, 0.0), (0.0, 0.0))
    (1.5, 1.0)
    """
    if not isinstance(value, tuple) and not isinstance(other, tuple):
        return abs(value - other)  # nearly all are, and this is asked at every poll
    one, two = components(value), components(other)
    if len(one) != len(two):
        one, two = (along(one),), (along(two),)
    worst = 0.0
    for a, b in zip(one, two, strict=True):
        apart = abs(a - b)
        if not apart <= math.inf:
            return math.nan
        worst = max(worst, apart)
    return worst


def along(value: Value) -> float:
    """Return a vector's length with the sign of its sum; a plain number is itself."""
    parts = components(value)
    return parts[0] if len(parts) == 1 else math.copysign(math.hypot(*parts), sum(parts))


def is_finite(value: Value) -> bool:
    """Return whether every component is a number."""
    return all(math.isfinite(part) for part in components(value))


_XYZ = ("x", "y", "z")
_UP: dict[str, Value] = {
    f"{sign}{axis} up": tuple(
        (1.0 if sign == "+" else -1.0) if other == axis else 0.0 for other in _XYZ
    )
    for axis in _XYZ
    for sign in "+-"
}
_MIN, _HOUR = 60.0, 3600.0

TEMPERATURE = add_quantity(
    "temperature", Dimension.TEMPERATURE,
    difference=Dimension.TEMPERATURE_DIFFERENCE, rate=Dimension.TEMPERATURE_RATE,
    within=0.5, settle_s=15 * _MIN, timeout_s=4 * _HOUR, poll_s=10.0, held=3.0,
    usual=23.0, least=-273.15, touch=(5.0, 50.0),
)  # fmt: skip
HUMIDITY = add_quantity(
    "humidity", Dimension.HUMIDITY,
    within=3.0, settle_s=15 * _MIN, timeout_s=3 * _HOUR, poll_s=10.0, held=5.0,
    usual=45.0, least=0.0, most=100.0,
)  # fmt: skip
DEW_POINT = add_quantity(
    "dew_point", Dimension.TEMPERATURE,
    difference=Dimension.TEMPERATURE_DIFFERENCE, rate=Dimension.TEMPERATURE_RATE,
    within=0.5, settle_s=15 * _MIN, timeout_s=3 * _HOUR, poll_s=10.0, held=1.0,
    usual=10.5, least=-273.15,
    meaning="of the air, below 0 degC its frost point: where a mirror in it dews over, or freezes",
)  # fmt: skip
PRESSURE = add_quantity(
    "pressure", Dimension.PRESSURE, rate=Dimension.PRESSURE_RATE,
    within=20.0, settle_s=5.0, timeout_s=5 * _MIN, period_s=1.0, shown="kPa", usual=101_325.0,
    meaning="absolute, but where a port is relative to another",
)  # fmt: skip
DIFFERENTIAL_PRESSURE = add_quantity(
    "differential_pressure", Dimension.PRESSURE, rate=Dimension.PRESSURE_RATE,
    within=1.0, settle_s=5.0, timeout_s=5 * _MIN, period_s=1.0,
)  # fmt: skip
SUPPLY = add_quantity(
    "supply", Dimension.VOLTAGE, rate=Dimension.VOLTAGE_RATE, limit=Dimension.CURRENT,
    within=0.02, settle_s=0.1, timeout_s=10.0, poll_s=0.1, held=0.05, period_s=1.0, feeds=True,
    meaning="voltage at the part's supply pin",
)  # fmt: skip
SUPPLY_CURRENT = add_quantity(
    "supply_current", Dimension.CURRENT,
    within=1e-3, settle_s=0.1, timeout_s=10.0, poll_s=0.1, period_s=1.0,
)  # fmt: skip
VOLTAGE = add_quantity(
    "voltage", Dimension.VOLTAGE, within=1e-3, settle_s=0.1, timeout_s=10.0, poll_s=0.1,
)  # fmt: skip
LOAD = add_quantity(
    "load", Dimension.CURRENT, within=1e-5, settle_s=0.1, timeout_s=10.0, poll_s=0.1,
    meaning="current drawn from the part's output",
)  # fmt: skip
ACCELERATION = add_quantity(
    "acceleration", Dimension.ACCELERATION, axes=_XYZ,
    along="orientation", within=0.02, settle_s=2.0, timeout_s=5 * _MIN,
    meaning="specific force in the part's axes: at rest 1 g upwards",
)  # fmt: skip
ANGULAR_RATE = add_quantity(
    "angular_rate", Dimension.ANGULAR_RATE, rate=Dimension.ANGULAR_ACCELERATION, axes=_XYZ,
    along="orientation", within=0.5, settle_s=2.0, timeout_s=5 * _MIN, period_s=1.0,
    touch=(-1.0, 1.0),
)  # fmt: skip
MAGNETIC_FIELD = add_quantity(
    "magnetic_field", Dimension.MAGNETIC_FIELD, axes=_XYZ,
    along="orientation", within=0.5, settle_s=1.0, timeout_s=1 * _MIN,
)  # fmt: skip
ORIENTATION = add_quantity(
    "orientation", Dimension.RATIO, axes=_XYZ, words=_UP,
    within=0.02, settle_s=1.0, timeout_s=_HOUR,
    meaning="the upward direction in the part's axes, of length 1",
)  # fmt: skip
CO2 = add_quantity(
    "co2", Dimension.CONCENTRATION, within=20.0, settle_s=5 * _MIN, timeout_s=2 * _HOUR, poll_s=5.0,
    usual=420.0,
)  # fmt: skip
FLOW = add_quantity(
    "flow", Dimension.FLOW, within=1.0, settle_s=10.0, timeout_s=5 * _MIN,
)  # fmt: skip
ILLUMINANCE = add_quantity(
    "illuminance", Dimension.ILLUMINANCE, within=10.0, settle_s=1.0, timeout_s=1 * _MIN,
)  # fmt: skip
MASS_CONCENTRATION = add_quantity(
    "mass_concentration", Dimension.MASS_CONCENTRATION,
    within=2.0, settle_s=1 * _MIN, timeout_s=_HOUR, poll_s=5.0, usual=10.0, least=0.0,
    meaning="of particles in air, to 2.5 um",
)  # fmt: skip
NUMBER_CONCENTRATION = add_quantity(
    "number_concentration", Dimension.NUMBER_CONCENTRATION,
    within=20.0, settle_s=1 * _MIN, timeout_s=_HOUR, poll_s=5.0, usual=60.0, least=0.0,
    meaning="of particles in air, to 2.5 um",
)  # fmt: skip
PARTICLE_SIZE = add_quantity(
    "particle_size", Dimension.LENGTH,
    within=0.1, settle_s=1 * _MIN, timeout_s=_HOUR, poll_s=5.0, usual=0.6, least=0.0,
)  # fmt: skip
